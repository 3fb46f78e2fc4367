"""Builds of llama.cpp that crash or compute wrong, and what is remembered of them.

The faults are put around the real llama_cpp by a module of that name which the process of
llama.cpp finds first: it decodes real files, and fails as builds that were met do.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from gguf_files import CHATML, RandomModel

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import Request
from pytest_supercharger.models.builds import Builds, Known
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling

needs_llama = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

FAULTY = """
import ctypes, os, signal, sys

sys.path[:] = [each for each in sys.path if each != os.path.dirname(__file__)]
del sys.modules["llama_cpp"]
import llama_cpp as real

sys.modules["llama_cpp"] = real
state = {"extra": False, "sequences": 1}
load, decode, logits = (
    real.llama_model_load_from_file, real.llama_decode, real.llama_get_logits_ith
)


def note(what):
    with open(os.path.join(os.path.dirname(__file__), "log"), "a") as log:
        log.write(what + "\\n")


def load_model(path, params):
    if not params.vocab_only:
        state["extra"] = bool(params.use_extra_bufts)
        note("load" + " with extra buffers" * state["extra"])
        if SPOILED:
            CRASH
    return load(path, params)


def decode_batch(context, batch):
    n = batch.n_tokens
    state["sequences"] = len({batch.seq_id[i][0] for i in range(n)})
    if FAULT:
        note("fault")
        CRASH
    return decode(context, batch)


def noisy_logits(context, row):
    found = logits(context, row)
    if WRONG and row > 0:
        size = 64
        for i in range(size):
            found[i] = found[i] + (i % 7 - 3) * 50
    return found


real.llama_model_load_from_file = load_model
real.llama_decode = decode_batch
real.llama_get_logits_ith = noisy_logits
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return RandomModel(template=CHATML).write(tmp_path / "model.gguf")


class Build:
    """A build with a fault, and what it was asked to do."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def fails(
        self,
        *,
        crashes_if: str = "False",
        wrong_if: str = "False",
        dies_loading_if: str = "False",
        signal: str = "",
    ) -> None:
        crash = f"os.kill(os.getpid(), signal.{signal or 'SIGSEGV'})"
        text = FAULTY.replace("FAULT", crashes_if).replace("CRASH", crash)
        text = text.replace("SPOILED", dies_loading_if)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "llama_cpp.py").write_text(text.replace("WRONG", wrong_if))
        self._monkeypatch.setenv("PYTHONPATH", str(self.folder))

    @property
    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    return Build(tmp_path / "build", monkeypatch)


def open_twice(path: Path, cache: Path) -> list[LlamaModel]:
    return [LlamaModel(path, cache=cache) for _ in range(2)]


def complete(model: LlamaModel, n: int = 4) -> list[int]:
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=(),
        continuation="pass ",
        stop=(),
        sampling=Sampling(max_tokens=5),
    )
    request = Request(stub="s", kind=RequestKind.CODE, prompt=prompt, n=n, seed=0)
    return [completion.tokens for completion in model.generate([request])]


class TestFaults:
    pytestmark = needs_llama

    def test_a_build_that_computes_right_keeps_everything(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails()
        model = LlamaModel(path, cache=tmp_path / "cache")
        assert (model.info.slots, model.info.remarks) == (16, ())
        assert build.log == ["load with extra buffers"]
        model.close()

    def test_a_build_that_dies_of_extra_buffers_goes_on_without_them_and_says_so(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails(crashes_if='state["extra"]')
        first, second = open_twice(path, tmp_path / "cache")
        (remark,) = first.info.remarks
        assert remark.startswith("extra buffer types off: this build of llama.cpp dies with them")
        assert "SIGSEGV" in remark
        assert second.info == first.info
        assert build.log == ["load with extra buffers", "fault", "load", "load"]  # learned once
        assert complete(second) == [5] * 4
        first.close()
        second.close()

    def test_a_build_that_gives_other_scores_together_than_alone_goes_on_without_extra_buffers(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails(wrong_if='state["extra"] and state["sequences"] > 1')
        model = LlamaModel(path, cache=tmp_path / "cache")
        (remark,) = model.info.remarks
        assert remark.startswith("extra buffer types off: several sequences together give other")
        assert model.info.slots == 16
        model.close()

    def test_a_build_that_is_wrong_together_in_any_case_decodes_one_at_a_time(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails(wrong_if='state["sequences"] > 1')
        first, second = open_twice(path, tmp_path / "cache")
        assert [remark.split(":")[0] for remark in first.info.remarks] == [
            "extra buffer types off",
            "one completion at a time",
        ]
        assert first.info.slots == second.info.slots == 1
        assert complete(second) == [5] * 4
        first.close()
        second.close()

    @pytest.mark.parametrize("name", ["SIGSEGV", "SIGILL", "SIGABRT"])
    def test_a_build_that_always_dies_is_an_error_that_names_the_signal(
        self, path: Path, tmp_path: Path, build: Build, name: str
    ) -> None:
        build.fails(crashes_if="True", signal=name)
        with pytest.raises(ModelUnavailable, match=rf"model\.gguf was ended by {name}: "):
            LlamaModel(path, cache=tmp_path / "cache")
        assert build.log.count("fault") == 3

    def test_a_process_that_is_killed_while_it_loads_is_not_tried_in_other_ways(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails(crashes_if="True", signal="SIGKILL")
        with pytest.raises(ModelUnavailable, match="want of memory"):
            LlamaModel(path, cache=tmp_path / "cache")
        assert build.log.count("fault") == 1

    def test_an_abort_is_not_remembered_it_may_have_been_want_of_memory(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        build.fails(crashes_if='state["extra"]', signal="SIGABRT")
        for model in open_twice(path, tmp_path / "cache"):
            assert "SIGABRT" in model.info.remarks[0]
            model.close()
        assert build.log.count("fault") == 2

    def test_what_did_work_is_tried_again_before_anything_is_switched_off(
        self, path: Path, tmp_path: Path, build: Build
    ) -> None:
        LlamaModel(path, cache=tmp_path / "cache").close()
        first = """sum(1 for _ in open(os.path.dirname(__file__) + "/log")) == 1"""
        build.fails(dies_loading_if=first)
        for model in open_twice(path, tmp_path / "cache"):
            assert model.info.remarks == ()
            model.close()
        assert build.log == ["load with extra buffers"] * 3

    def test_another_file_is_checked_anew(self, path: Path, tmp_path: Path, build: Build) -> None:
        build.fails(crashes_if='state["extra"]')
        other = RandomModel(seed=1).write(tmp_path / "other.gguf")
        for each in (path, other):
            LlamaModel(each, cache=tmp_path / "cache").close()
        assert build.log.count("fault") == 2


def test_what_is_known_is_found_again_under_its_whole_key(tmp_path: Path) -> None:
    builds = Builds(folder=tmp_path / "cache")
    known = Known(extra_buffers=False, checked=0, remarks=("why",))
    builds.remember(known, "build", "cpu", "file")
    assert builds.recall("build", "cpu", "file") == known
    assert builds.recall("build", "another cpu", "file") is None


def test_what_was_switched_off_is_tried_again_after_a_month(tmp_path: Path) -> None:
    builds = Builds(folder=tmp_path / "cache")
    builds.remember(Known(checked=0), "good")
    builds.remember(Known(extra_buffers=False, checked=0, remarks=("why",)), "bad")
    for path in (tmp_path / "cache").iterdir():
        os.utime(path, (0, 0))
    assert builds.recall("good") == Known(checked=0)
    assert builds.recall("bad") is None


def test_a_digest_is_of_all_parts(tmp_path: Path) -> None:
    builds = Builds(folder=tmp_path / "cache")
    names = [f"m-0000{i}-of-00002.gguf" for i in (1, 2)]
    for name, data in zip(names, (b"ab", b"c"), strict=True):
        (tmp_path / name).write_bytes(data)
    assert builds.digest(tmp_path / names[0]).startswith("ba7816bf")
    (tmp_path / names[1]).write_bytes(b"cd")
    assert builds.digest(tmp_path / names[0]).startswith("88d4266f")


def test_a_damaged_or_missing_store_only_means_that_nothing_is_known(tmp_path: Path) -> None:
    builds = Builds(folder=tmp_path / "cache")
    assert builds.recall("build") is None
    builds.remember(Known(), "build")
    (stored,) = (tmp_path / "cache").iterdir()
    for text in ("", "[]", '{"remarks": 3}', "{", "\x00"):
        stored.write_text(text)
        assert builds.recall("build") is None


def test_a_store_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    builds = Builds(folder=tmp_path / "file" / "cache")
    builds.remember(Known(), "build")
    model = tmp_path / "model"
    model.write_bytes(b"abc")
    assert builds.digest(model) == builds.digest(model)
    assert builds.recall("build") is None


def test_a_digest_is_computed_anew_when_the_file_changes(tmp_path: Path) -> None:
    builds = Builds(folder=tmp_path / "cache")
    model = tmp_path / "model"
    model.write_bytes(b"abc")
    first = builds.digest(model)
    assert first.startswith("ba7816bf")
    assert builds.digest(model) == first
    model.write_bytes(b"abcd")
    assert builds.digest(model).startswith("88d4266f")
