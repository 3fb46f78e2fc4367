"""Is what comes with us found in a checkout and in a wheel, and never somebody else's?"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pytest_supercharger.bundled import (
    _find_folder,
    is_damaged,
    is_tiny,
    prompts_dir,
    sandbox_dir,
    tiny_model,
)
from pytest_supercharger.exceptions import SetupError

REPOSITORY = Path(__file__).resolve().parent.parent


def lay_out(root: Path, *paths: str) -> Path:
    """Make empty files; the package's folder is returned."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root / "pkg"


def test_a_checkout_uses_its_own_folders():
    assert prompts_dir() == REPOSITORY / "prompts"
    assert sandbox_dir() == REPOSITORY / "sandbox"


def test_the_checkout_wins_over_copies_made_at_install_time(tmp_path):
    package = lay_out(tmp_path, "pyproject.toml", "prompts/a.toml", "pkg/_bundled/prompts/a.toml")
    assert _find_folder("prompts", "a.toml", package) == tmp_path / "prompts"


def test_a_wheel_uses_the_copies_inside_the_package(tmp_path):
    package = lay_out(tmp_path, "pkg/_bundled/prompts/a.toml")
    assert _find_folder("prompts", "a.toml", package) == package / "_bundled" / "prompts"


def test_a_folder_of_that_name_beside_an_installed_package_is_not_ours(tmp_path):
    package = lay_out(tmp_path, "prompts/a.toml", "pkg/_bundled/prompts/a.toml")
    assert _find_folder("prompts", "a.toml", package) == package / "_bundled" / "prompts"


def test_neither_there_is_said_with_both_places(tmp_path):
    package = lay_out(tmp_path, "pyproject.toml", "prompts/another.toml")
    with pytest.raises(SetupError, match=r"a\.toml is neither in .*prompts .*_bundled"):
        _find_folder("prompts", "a.toml", package)


def test_the_bundled_model_is_a_gguf_and_known_by_its_path():
    path = tiny_model()
    assert path == REPOSITORY / "weights" / "tiny.gguf"
    with path.open("rb") as file:
        assert file.read(4) == b"GGUF"
    assert is_tiny(str(path))
    assert not is_tiny(str(path.with_name("other.gguf")))
    assert not is_tiny("")
    assert not is_tiny("http://127.0.0.1:8080/v1#tiny.gguf")


def test_the_bundled_model_is_the_one_that_its_card_describes():
    card = tiny_model().with_name("MODEL_CARD.md").read_text("utf-8")
    assert hashlib.sha256(tiny_model().read_bytes()).hexdigest() in card
    assert not is_damaged(tiny_model())


def test_a_file_that_its_card_does_not_name_is_damaged(tmp_path):
    weights = tmp_path / "tiny.gguf"
    weights.write_bytes(b"GGUF")
    assert not is_damaged(weights)  # without a card nobody knows
    digest = hashlib.sha256(b"GGUF").hexdigest()
    (tmp_path / "MODEL_CARD.md").write_text(f"- sha256: `{digest}`\n")
    assert not is_damaged(weights)
    weights.write_bytes(b"GGU")
    assert is_damaged(weights)
