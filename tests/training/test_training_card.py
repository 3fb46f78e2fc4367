"""The bundled file is the one that its card describes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import gguf
import pytest

from pytest_supercharger.bundled import prompts_dir, tiny_model
from training import FAMILY
from training.card import parameters
from training.families import all_families

CARD = tiny_model().with_name("MODEL_CARD.md")


@pytest.fixture(scope="module")
def header() -> gguf.GGUFReader:
    return gguf.GGUFReader(tiny_model())


def number(header: gguf.GGUFReader, key: str) -> int:
    return int(header.fields[key].contents())


def test_the_checksum_is_the_cards() -> None:
    (digest,) = re.findall(r"\b[0-9a-f]{64}\b", CARD.read_text(encoding="utf-8"))
    assert hashlib.sha256(tiny_model().read_bytes()).hexdigest() == digest


def test_the_size_is_the_cards_and_small_enough_for_a_wheel() -> None:
    size = tiny_model().stat().st_size
    assert f"{size:,} bytes" in CARD.read_text(encoding="utf-8")
    assert size <= 12_000_000


def test_matrices_are_of_a_type_that_every_processor_decodes(header: gguf.GGUFReader) -> None:
    kinds = {tensor.tensor_type.name for tensor in header.tensors}
    assert kinds == {"F16", "F32"}


def test_the_file_says_the_family_whose_prompts_it_was_trained_on(header: gguf.GGUFReader) -> None:
    assert header.fields["general.basename"].contents() == FAMILY
    assert (prompts_dir() / FAMILY / "implement.toml").is_file()


def test_parameters_are_counted_as_the_file_holds_them(header: gguf.GGUFReader) -> None:
    shape = {
        "vocabulary": len(header.fields["tokenizer.ggml.tokens"].contents()),
        "width": number(header, "llama.embedding_length"),
        "layers": number(header, "llama.block_count"),
        "hidden": number(header, "llama.feed_forward_length"),
    }
    held = sum(int(tensor.n_elements) for tensor in header.tensors)
    assert parameters(shape) == held
    assert f"{held / 1e6:.1f} million parameters" in CARD.read_text(encoding="utf-8")


def test_the_card_counts_the_catalogue_as_it_is() -> None:
    assert f"{len(all_families()):,} families" in CARD.read_text(encoding="utf-8")


def test_the_card_lies_beside_the_file() -> None:
    assert Path(CARD).is_file()
