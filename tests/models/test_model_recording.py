"""Recordings: what is written is read back, and what is broken is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import Completion, Request
from pytest_supercharger.models.recording import Recorder, read_recording
from pytest_supercharger.models.replay import ReplayModel
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling

STUB = "src/shop/text.py::initials"
GOOD = {"stub": STUB, "request": "code", "completion": "    return 1\n"}


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode() + b"\n"


def ask(n: int = 1, kind: RequestKind = RequestKind.CODE, start: int = 0) -> Request:
    prompt = Prompt(kind=kind, messages=(), continuation="", stop=(), sampling=Sampling())
    return Request(stub=STUB, kind=kind, prompt=prompt, n=n, seed=3, start=start)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


def test_three_keys_are_enough(path: Path) -> None:
    path.write_bytes(line())
    (recorded,) = read_recording(path)
    assert (recorded.stub, recorded.kind, recorded.text) == (
        STUB,
        RequestKind.CODE,
        "    return 1\n",
    )
    assert (recorded.seed, recorded.tokens, recorded.finish) == (None, 0, "stop")


def test_optional_keys_are_read_and_unknown_ones_kept(path: Path) -> None:
    path.write_bytes(line(seed=17, tokens=41, logprob=-1, model="some-7b", seconds=[1, 2]))
    (recorded,) = read_recording(path)
    assert (recorded.seed, recorded.tokens, recorded.logprob) == (17, 41, -1)
    assert recorded.extra == {"model": "some-7b", "seconds": [1, 2]}


def test_blank_lines_a_bom_and_crlf_are_no_trouble(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + line().replace(b"\n", b"\r\n") + b"\n\r\n" + line()[:-1])
    assert len(list(read_recording(path))) == 2


@pytest.mark.parametrize("kind", RequestKind)
def test_every_request_of_the_contract_is_known(path: Path, kind: RequestKind) -> None:
    path.write_bytes(line(request=kind.value))
    assert [recorded.kind for recorded in read_recording(path)] == [kind]


def test_half_a_surrogate_pair_becomes_a_question_mark(path: Path) -> None:
    path.write_bytes(line(completion="return '\ud83d'"))
    assert [recorded.text for recorded in read_recording(path)] == ["return '?'"]


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (b'{"stub": "a", \n', "not valid JSON"),
        (b"\xff\xfe\n", "not valid JSON"),
        (b"[" * 100_000 + b"\n", "not valid JSON"),
        (b"[1, 2]\n", "not a JSON object"),
        (line(stub=None), '"stub" is missing or not a string'),
        (line(completion=["x"]), '"completion" is missing or not a string'),
        (b'{"stub": "a", "completion": "b"}\n', '"request" is missing'),
        (line(request="poem"), 'unknown request "poem": one of code, tests,'),
        (line(tokens="many"), "\"tokens\" is 'many', which is not int"),
        (line(seed=True), '"seed" is True, which is not int'),
        (line(family=7), '"family" is 7, which is not str'),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_broken_line_is_named(tmp_path: Path, suffix: str, broken: bytes, complaint: str) -> None:
    path = tmp_path / f"broken{suffix}"
    data = line() + line() + broken + line()
    path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    with pytest.raises(ModelUnavailable) as caught:
        list(read_recording(path))
    assert f"{path}, line 3: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "mend or delete this line" in str(caught.value)


def test_a_cut_gzip_is_named_with_the_line_it_ends_in(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = b"".join(line(seed=i, completion=f"{i * i}" * 50) for i in range(500))
    path.write_bytes(gzip.compress(whole)[:-2000])
    with pytest.raises(ModelUnavailable, match=r"cut\.jsonl\.gz, line \d+: the gzip data is cut"):
        list(read_recording(path))


def test_plain_text_named_gz_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl.gz"
    path.write_bytes(line())
    with pytest.raises(ModelUnavailable, match="line 1: the gzip data is cut off or damaged"):
        list(read_recording(path))


def test_a_recording_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"recording\.jsonl: No such file.*replay:PATH"):
        list(read_recording(path))


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="Is a directory"):
        list(read_recording(tmp_path))


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_what_is_recorded_replays_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    texts = ["    return 'ä'\n", "", "```python\nx\n```"]
    recorder = Recorder(ScriptedModel({(STUB, "code"): texts, (STUB, "tests"): ["1"]}), path)
    requests = [ask(3), ask(1, RequestKind.TESTS)]
    given = list(recorder.generate(requests))
    recorder.close()
    assert [completion.text for completion in given] == [*texts, "1"]
    assert len({completion.seed for completion in given}) == 4
    assert list(ReplayModel(path).generate(requests)) == given


def test_the_family_of_the_model_is_recorded_where_it_has_one(path: Path) -> None:
    for family in ("", "supercharger-tiny"):
        model = ScriptedModel({("*", "code"): ["a"]})
        model.info = replace(model.info, family=family)
        recorder = Recorder(model, path)
        list(recorder.generate([ask()]))
        recorder.close()
    assert "family" not in json.loads(path.read_bytes().splitlines()[0])
    assert [recorded.family for recorded in read_recording(path)] == ["", "supercharger-tiny"]
    assert ReplayModel(path).info.family == "supercharger-tiny"


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_line_is_on_disk_before_the_completion_is_given(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    recorder = Recorder(ScriptedModel({("*", "code"): ["a", "b"]}), path)
    for i, _ in enumerate(recorder.generate([ask(2)]), start=1):
        assert len(list(read_recording(path))) == i
    recorder.close()


def test_a_recording_is_appended_to(path: Path) -> None:
    path.write_bytes(line())
    recorder = Recorder(ScriptedModel({("*", "code"): ["a"]}), path)
    list(recorder.generate([ask()]))
    recorder.close()
    assert [recorded.text for recorded in read_recording(path)] == ["    return 1\n", "a"]


def test_half_a_line_left_by_a_killed_run_does_not_swallow_the_next(path: Path) -> None:
    path.write_bytes(line() + b'{"stub": "src/sh')
    recorder = Recorder(ScriptedModel({("*", "code"): ["a"]}), path)
    list(recorder.generate([ask()]))
    recorder.close()
    assert json.loads(path.read_bytes().splitlines()[-1])["completion"] == "a"
    with pytest.raises(ModelUnavailable, match="line 2: not valid JSON"):
        list(read_recording(path))


def test_a_path_that_cannot_be_written_is_known_at_the_start(tmp_path: Path) -> None:
    model = ScriptedModel({})
    with pytest.raises(SetupError, match=r"cannot write the recording .*--supercharge-record"):
        Recorder(model, tmp_path / "no such folder" / "r.jsonl")


def test_a_full_disk_is_a_set_up_error() -> None:
    recorder = Recorder(ScriptedModel({("*", "code"): ["a"]}), Path("/dev/full"))
    with pytest.raises(SetupError, match="No space left on device"):
        list(recorder.generate([ask()]))
    recorder.close()


class Rated:
    """A model of a plugin author: one completion with a log-probability."""

    info = ScriptedModel({}).info

    def count_tokens(self, text: str) -> int:
        return 7

    def generate(
        self, requests: object, *, cancelled: object = None
    ) -> Generator[Completion, None, None]:
        yield Completion(
            stub=STUB,
            kind=RequestKind.JUDGE,
            text="0.5",
            index=4,
            seed=None,
            prompt_tokens=90,
            tokens=3,
            finish="length",
            logprob=-0.25,
        )

    def close(self) -> None:
        self.info = ScriptedModel({}).info


def test_everything_the_model_says_is_in_the_line(path: Path) -> None:
    recorder = Recorder(Rated(), path)
    list(recorder.generate([]))
    assert (recorder.count_tokens("x"), recorder.info.name) == (7, "scripted")
    recorder.close()
    assert json.loads(path.read_text()) == {
        "stub": STUB,
        "request": "judge",
        "completion": "0.5",
        "index": 4,
        "tokens": 3,
        "prompt_tokens": 90,
        "finish": "length",
        "logprob": -0.25,
    }
