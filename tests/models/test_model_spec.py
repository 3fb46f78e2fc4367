"""A SPEC comes apart into models, and says what is wrong with it."""

from __future__ import annotations

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.spec import Source, Spec, parse_spec


@pytest.mark.parametrize(
    ("text", "source", "value"),
    [
        ("auto", Source.AUTO, ""),
        ("tiny", Source.TINY, ""),
        ("qwen2.5-coder-7b", Source.PRESET, "qwen2.5-coder-7b"),
        ("hf:org/repo:Q4_K_M", Source.PRESET, "hf:org/repo:Q4_K_M"),
        ("hf:org/repo:model.gguf", Source.PRESET, "hf:org/repo:model.gguf"),
        ("a.gguf", Source.FILE, "a.gguf"),
        ("A.GGUF", Source.FILE, "A.GGUF"),
        ("models/coder", Source.FILE, "models/coder"),
        (r"C:\models\coder", Source.FILE, r"C:\models\coder"),
        ("replay:r.jsonl", Source.RECORDING, "r.jsonl"),
        ("replay:auto", Source.RECORDING, "auto"),
        ("http://localhost:8080/v1#m", Source.SERVERS, "http://localhost:8080/v1#m"),
        ("HTTPS://a/v1#m,http://b/v1#m", Source.SERVERS, "HTTPS://a/v1#m,http://b/v1#m"),
    ],
)
def test_each_kind_of_model_is_known_by_its_text(text: str, source: Source, value: str) -> None:
    assert parse_spec(text) == Spec(source=source, value=value)


def test_a_word_is_a_file_only_where_there_is_one() -> None:
    assert parse_spec("coder", is_file=lambda name: name == "coder").source is Source.FILE
    assert parse_spec("coder", is_file=lambda _: False).source is Source.PRESET


@pytest.mark.parametrize(
    "text",
    [
        "auto",
        "tiny,then:auto",
        "small.gguf,then:qwen2.5-coder-7b",
        "replay:a.jsonl,then:replay:b.jsonl",
        "http://a/v1#m,http://b/v1#m,then:hf:org/repo",
        "a.gguf,then:http://a/v1#m,http://b/v1#m",
    ],
)
def test_a_spec_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_spec(text)) == text


def test_the_second_model_stands_behind_then() -> None:
    spec = parse_spec(" http://a/v1#m, http://b/v1#m,then: big.gguf ")
    small, big = spec.models
    assert spec.then == big == Spec(source=Source.FILE, value="big.gguf")
    assert small == Spec(source=Source.SERVERS, value="http://a/v1#m, http://b/v1#m")


def test_the_addresses_are_those_of_both_models() -> None:
    spec = parse_spec("http://a/v1#m, http://b/v1#m,then:https://c/v1")
    assert spec.addresses == ("http://a/v1#m", "http://b/v1#m", "https://c/v1")
    assert parse_spec("a.gguf,then:replay:http://a").addresses == ()


def test_only_paths_are_located_and_of_both_models() -> None:
    spec = parse_spec("replay:r.jsonl,then:big.gguf").located(lambda path: f"/here/{path}")
    assert str(spec) == "replay:/here/r.jsonl,then:/here/big.gguf"
    for kept in ("auto", "qwen", "hf:a/b", "http://a/v1"):
        assert str(parse_spec(kept).located(lambda path: f"/here/{path}")) == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty name"),
        ("small.gguf,then:", "an empty name"),
        (",then:big.gguf", "an empty name"),
        ("a,then:b,then:c", "names more than two models: write SMALL,then:BIG"),
        ("replay:", "'replay:' names no recording"),
        ("http://a/v1#m,big.gguf", "'big.gguf' is no address"),
        ("http://a/v1#m,", "'' is no address"),
    ],
)
def test_what_is_no_spec_is_named_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        parse_spec(text)
    assert words in str(caught.value)
