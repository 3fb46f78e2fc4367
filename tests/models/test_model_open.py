"""A SPEC opens the model that it names, or says what can be given."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.open import open_model

LINE = '{"stub": "a.py::f", "request": "code", "completion": "pass"}\n'


def test_a_recording_is_found_relative_to_the_rootdir(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    assert open_model("replay:r.jsonl", rootdir=tmp_path).info.backend == "recording"


def test_an_absolute_path_and_the_home_folder_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.jsonl").write_text(LINE)
    monkeypatch.setenv("HOME", str(tmp_path))
    for spec in (f"replay:{tmp_path / 'r.jsonl'}", "replay:~/r.jsonl"):
        model = open_model(spec, rootdir=tmp_path / "elsewhere")
        assert model.info.source == str(tmp_path / "r.jsonl")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("auto", "no model was named"),
        ("tiny", "unknown model 'tiny'"),
        ("hf:org/repo", "download the GGUF"),
        ("http://localhost:8080/v1#m", "servers cannot be asked"),
        ("", "unknown model ''"),
    ],
)
def test_what_cannot_be_opened_says_what_can(tmp_path: Path, spec: str, why: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        open_model(spec, rootdir=tmp_path)
    assert why in str(caught.value)
    assert "--supercharge-model=PATH.gguf" in str(caught.value)
    assert "--supercharge-model=replay:PATH" in str(caught.value)


def test_a_missing_gguf_is_named_with_those_beside_it(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"m{i:02}.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelUnavailable) as caught:
        open_model("nosuch.gguf", rootdir=tmp_path)
    assert f"there is no model file {tmp_path / 'nosuch.gguf'}" in str(caught.value)
    assert "m00.gguf, m01.gguf" in str(caught.value)
    assert "m09.gguf and 2 more" in str(caught.value)


def test_a_missing_gguf_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds none"):
        open_model("nosuch.gguf", rootdir=tmp_path)


@pytest.mark.parametrize("content", [b"", b"GG", b"<!DOCTYPE html>", b"version https://git-lfs"])
def test_a_file_that_is_no_gguf_is_refused_before_anything_starts(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "page.gguf").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"page\.gguf is not a GGUF file"):
        open_model("page.gguf", rootdir=tmp_path)


def test_a_folder_named_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelUnavailable, match="Is a directory"):
        open_model("folder.gguf", rootdir=tmp_path)
