"""Replay serves each line once, in order, and never more than there are."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import Request
from pytest_supercharger.models.replay import ReplayModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling

A, B = "src/a.py::f", "src/b.py::g"


def ask(stub: str, n: int, kind: str = "code", start: int = 0) -> Request:
    request = RequestKind(kind)
    prompt = Prompt(kind=request, messages=(), continuation="", stop=(), sampling=Sampling())
    return Request(stub=stub, kind=request, prompt=prompt, n=n, seed=0, start=start)


def record(path: Path, *lines: tuple[str, str, str]) -> Path:
    keys = ("stub", "request", "completion")
    text = "".join(json.dumps(dict(zip(keys, line, strict=True))) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def model(tmp_path: Path) -> ReplayModel:
    return ReplayModel(
        record(
            tmp_path / "r.jsonl",
            (A, "code", "a0"),
            (B, "code", "b0"),
            (A, "tests", "t0"),
            (A, "code", "a1"),
            (A, "code", "a2"),
        )
    )


def texts(model: ReplayModel, *requests: Request) -> list[str]:
    return [completion.text for completion in model.generate(requests)]


def test_lines_come_in_file_order_each_once(model: ReplayModel) -> None:
    assert texts(model, ask(A, 2)) == ["a0", "a1"]
    assert texts(model, ask(A, 2)) == ["a2"]
    assert texts(model, ask(A, 2)) == []


def test_stubs_and_requests_have_their_own_lines(model: ReplayModel) -> None:
    assert texts(model, ask(A, 9), ask(B, 9), ask(A, 9, "tests")) == ["a0", "a1", "a2", "b0", "t0"]


def test_a_request_without_lines_is_answered_with_none(model: ReplayModel) -> None:
    assert texts(model, ask(A, 3, "repair_code"), ask("src/c.py::h", 3)) == []


@pytest.mark.parametrize(
    ("named", "family"),
    [
        ([None, None], ""),
        (["tiny", None, "tiny"], "tiny"),
        (["tiny", "big"], ""),
    ],
)
def test_it_is_of_the_family_that_its_lines_agree_on(
    tmp_path: Path, named: list[str | None], family: str
) -> None:
    line = {"stub": A, "request": "code", "completion": "a"}
    lines = [line | ({"family": name} if name else {}) for name in named]
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert ReplayModel(path).info.family == family


def test_what_the_ledger_holds_is_skipped(model: ReplayModel) -> None:
    assert [c.index for c in model.generate([ask(A, 9, start=2)])] == [2]


def test_start_never_goes_back_to_lines_already_served(model: ReplayModel) -> None:
    assert texts(model, ask(A, 2)) == ["a0", "a1"]
    assert texts(model, ask(A, 2, start=1)) == ["a2"]


def test_a_cancelled_request_leaves_its_lines_for_the_next(model: ReplayModel) -> None:
    got = []
    for completion in model.generate([ask(A, 9), ask(B, 9)], cancelled=lambda r: r.stub == A):
        got.append(completion.text)
    assert got == ["b0"]
    assert texts(model, ask(A, 9)) == ["a0", "a1", "a2"]


def test_an_abandoned_iterator_has_served_only_what_it_gave(model: ReplayModel) -> None:
    stream = model.generate([ask(A, 9)])
    assert next(stream).text == "a0"
    stream.close()
    assert texts(model, ask(A, 9)) == ["a1", "a2"]


def test_a_broken_line_is_known_before_anything_is_served(tmp_path: Path) -> None:
    path = record(tmp_path / "r.jsonl", (A, "code", "a0"))
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(ModelUnavailable, match="line 2"):
        ReplayModel(path)


def test_info_names_the_recording(model: ReplayModel) -> None:
    assert (model.info.name, model.info.backend, len(model.info.digest)) == (
        "r.jsonl",
        "recording",
        64,
    )


def test_four_bytes_count_as_a_token_rounded_up(model: ReplayModel) -> None:
    assert [model.count_tokens(text) for text in ("", "a", "abcd", "abcde", "ää")] == [
        0,
        1,
        1,
        2,
        1,
    ]


def test_sixteen_thousand_lines_open_in_under_a_second(tmp_path: Path) -> None:
    path = record(
        tmp_path / "big.jsonl.gz",
        *((f"src/p{i // 100}.py::f", "code", f"    return {i}\n" * 8) for i in range(16_400)),
    )
    start = time.process_time()
    model = ReplayModel(path)
    assert time.process_time() - start < 1
    assert len(texts(model, *(ask(f"src/p{i}.py::f", 100) for i in range(164)))) == 16_400
