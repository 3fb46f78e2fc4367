"""Are prompts/ and sandbox/ found in a checkout and in a wheel, and never somebody else's?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_supercharger.bundled import _find_folder, prompts_dir, sandbox_dir
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
