"""Which models a run opens, when, and when it closes them."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import CHATML, RandomModel

from pytest_supercharger.bundled import tiny_model
from pytest_supercharger.config import Gpu, Settings
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.ahead import Foreseeing
from pytest_supercharger.models.base import Model, Request
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling
from pytest_supercharger.roles import foresee, open_roles

needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None,
    reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
)


class Brought(ScriptedModel):
    """A model that a conftest brings, and that notices when it is closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    for name in ("small", "big", "judge"):
        line = {"stub": "a.py::f", "request": "code", "completion": f"    return {name!r}\n"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    return tmp_path


def settings(model: str, **changes: object) -> Settings:
    return replace(Settings(model=model), **changes)  # type: ignore[arg-type]


def answers(model: Model) -> list[str]:
    prompt = Prompt(
        kind=RequestKind.CODE, messages=(), continuation="", stop=(), sampling=Sampling()
    )
    request = Request(stub="a.py::f", kind=RequestKind.CODE, prompt=prompt, n=1, seed=0)
    return [completion.text.split("'")[1] for completion in model.generate([request])]


def test_one_model_plays_every_part(recordings: Path) -> None:
    with open_roles(settings("replay:small.jsonl"), recordings, None) as roles:
        assert answers(roles.writer) == ["small"]
        assert (roles.judge, roles.bigger, roles.notes) == (None, None, ())


def test_each_part_may_have_its_own(recordings: Path) -> None:
    wanted = settings("replay:small.jsonl,then:replay:big.jsonl", judge="replay:judge.jsonl")
    with open_roles(wanted, recordings, None) as roles:
        assert roles.bigger is not None
        assert roles.bigger.info.name == "big.jsonl"
        assert roles.judge is not None
        assert roles.judge.info.name == "judge.jsonl"
        assert answers(roles.writer) == ["small"]
        assert answers(roles.bigger.open()) == ["big"]


@pytest.mark.parametrize(
    "wanted",
    [
        settings("replay:small.jsonl,then:replay:nowhere.jsonl"),
        settings("replay:nowhere.jsonl,then:replay:big.jsonl"),
        settings("replay:small.jsonl", judge="replay:nowhere.jsonl"),
        settings("replay:small.jsonl,then:nowhere.gguf"),
    ],
)
def test_a_model_that_is_not_there_fails_at_the_start(recordings: Path, wanted: Settings) -> None:
    with (
        pytest.raises(ModelUnavailable, match="nowhere"),
        open_roles(wanted, recordings, None),
    ):
        pytest.fail("opened")
    with pytest.raises(ModelUnavailable, match="nowhere"):
        foresee(wanted, recordings)


@pytest.mark.parametrize("judge", ["replay:small.jsonl", "replay:link.jsonl"])
def test_a_judge_that_is_the_writer_is_not_opened_again(recordings: Path, judge: str) -> None:
    (recordings / "link.jsonl").symlink_to("small.jsonl")
    with open_roles(settings("replay:small.jsonl", judge=judge), recordings, None) as roles:
        assert roles.judge is None
        assert roles.judge_info == roles.writer.info
    with open_roles(
        settings("replay:small.jsonl,then:replay:big.jsonl", judge=judge), recordings, None
    ) as roles:
        assert roles.judge is not None  # both writers have the same judge


def test_an_error_names_the_option_at_fault(recordings: Path) -> None:
    with pytest.raises(ModelUnavailable, match="--supercharge-judge takes auto"):
        foresee(settings("replay:small.jsonl", judge="quen"), recordings)
    with pytest.raises(ModelUnavailable, match="--supercharge-model takes auto"):
        foresee(settings("quen", judge="replay:judge.jsonl"), recordings)


@pytest.mark.parametrize("judge", ["tiny", "tiny.gguf", "link.gguf"])
def test_the_bundled_model_is_no_judge(recordings: Path, judge: str) -> None:
    (recordings / "link.gguf").symlink_to(tiny_model())
    judge = str(tiny_model()) if judge == "tiny.gguf" else judge
    wanted = settings("replay:small.jsonl", judge=judge)
    with pytest.raises(ModelUnavailable, match="cannot judge: --supercharge-judge wants another"):
        foresee(wanted, recordings)
    with (
        pytest.raises(ModelUnavailable, match="cannot judge"),
        open_roles(wanted, recordings, None),
    ):
        pytest.fail("opened")


@pytest.mark.llama
@needs_llama
def test_the_bundled_model_goes_first_and_another_after_it(recordings: Path) -> None:
    with open_roles(settings("tiny,then:replay:big.jsonl"), recordings, None) as roles:
        assert (roles.writer.info.name, roles.writer.info.gpu_layers) == ("tiny", 0)
        assert roles.bigger is not None
        assert roles.bigger.info.name == "big.jsonl"
        assert answers(roles.bigger.open()) == ["big"]
    foreseen = foresee(settings("tiny,then:replay:big.jsonl"), recordings)
    assert foreseen.writer is not None
    assert foreseen.writer.source == str(tiny_model())


def test_a_model_that_was_brought_writes_whatever_was_named(recordings: Path) -> None:
    brought = Brought({("a.py::f", RequestKind.CODE): ["    return 'brought'\n"]})
    named = settings("nowhere.gguf,then:nowhere.gguf", judge="replay:judge.jsonl")
    with open_roles(named, recordings, brought) as roles:
        assert answers(roles.writer) == ["brought"]
        assert roles.bigger is None
        assert roles.judge is not None
        assert brought.closed == 0
    assert brought.closed == 1


def test_what_is_open_is_closed_when_the_next_cannot_be_opened(recordings: Path) -> None:
    brought = Brought({})
    with (
        pytest.raises(ModelUnavailable),
        open_roles(settings("auto", judge="replay:nowhere.jsonl"), recordings, brought),
    ):
        pytest.fail("opened")
    assert brought.closed == 1


def test_answers_of_every_model_are_recorded(recordings: Path) -> None:
    wanted = settings(
        "replay:small.jsonl,then:replay:big.jsonl",
        judge="replay:judge.jsonl",
        record=recordings / "all.jsonl",
    )
    with open_roles(wanted, recordings, None) as roles:
        assert roles.bigger is not None
        assert roles.judge is not None
        for model in (roles.writer, roles.judge, roles.bigger.open()):
            answers(model)
    lines = (recordings / "all.jsonl").read_text().splitlines()
    assert ["small" in lines[0], "judge" in lines[1], "big" in lines[2]] == [True] * 3


def test_what_would_run_is_foreseen(recordings: Path) -> None:
    wanted = settings("replay:small.jsonl,then:replay:big.jsonl", gpu=Gpu.OFF)
    foreseen = foresee(wanted, recordings)
    assert foreseen.writer is not None
    assert foreseen.bigger is not None
    assert (foreseen.writer.name, foreseen.bigger.name) == ("small.jsonl", "big.jsonl")
    assert foreseen.judge is None


def test_a_list_with_auto_and_no_model_says_so(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(recordings))
    (recordings / "pytest-supercharger").mkdir()
    (recordings / "pytest-supercharger" / "presets.toml").write_text("broken")
    foreseen = foresee(settings("auto"), recordings)
    assert foreseen.writer is None
    assert foreseen.notes[-1].startswith("no model: ")
    assert [note.split(" ")[0] for note in foreseen.notes[:-1]][:1] == ["llama.cpp:"]
    with pytest.raises(ModelUnavailable):
        foresee(settings("auto", judge="replay:nowhere.jsonl"), recordings)


@pytest.mark.llama
@needs_llama
def test_the_bundled_model_does_not_follow_itself(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no preset is on disk, ``auto`` is the bundled model, too."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(recordings))
    with open_roles(settings("tiny,then:auto"), recordings, None) as roles:
        assert roles.writer.info.name == "tiny"
        assert roles.bigger is None
    assert foresee(settings("tiny,then:auto"), recordings).bigger is None
    for again in (f"tiny,then:{tiny_model()}", f"{tiny_model()},then:tiny"):
        assert foresee(settings(again), recordings).bigger is None


def engines() -> int:
    """Processes that this one has started and that still run."""
    return sum(len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children"))


@pytest.mark.llama
@needs_llama
def test_the_bigger_model_gets_the_memory_of_the_first(tmp_path: Path) -> None:
    for name in ("small", "big"):
        RandomModel(template=CHATML).write(tmp_path / f"{name}.gguf")
    before = engines()
    with open_roles(settings("small.gguf,then:big.gguf"), tmp_path, None) as roles:
        assert isinstance(roles.writer, Foreseeing)
        assert roles.bigger is not None
        assert roles.bigger.info.name == "big"
        assert engines() == before + 1  # the bigger one is known, and not loaded
        bigger = roles.bigger.open()
        assert engines() == before + 1
        assert bigger.info.name == "big"
        assert isinstance(bigger, Foreseeing)
    assert engines() == before
