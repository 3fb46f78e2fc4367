"""Where prompts/ and sandbox/ are, in a checkout or in a wheel.

Both folders lie outside the package, so that a reader of the repository finds them at once. A
wheel carries copies of them inside the package; an editable install must use the checkout's
own files, because copies made when it was installed go stale with the next edit.
"""

from __future__ import annotations

from pathlib import Path

from pytest_supercharger.exceptions import SetupError

_PACKAGE = Path(__file__).resolve().parent


def prompts_dir() -> Path:
    """The folder with one TOML file for each request. SetupError when there is none."""
    return _find_folder("prompts", "implement.toml")


def sandbox_dir() -> Path:
    """The folder of what is inside the sandbox. SetupError when there is none."""
    return _find_folder("sandbox", "runner.py")


def _find_folder(name: str, landmark: str, package: Path = _PACKAGE) -> Path:
    """The first of the checkout's and the wheel's folder that holds the file ``landmark``.

    The folder beside the package counts only next to a pyproject.toml: beside an installed
    package lie other people's, and ``prompts`` is a name that others use too.
    """
    checkout, wheel = package.parent / name, package / "_bundled" / name
    in_checkout = (package.parent / "pyproject.toml").is_file()
    for folder in (checkout, wheel) if in_checkout else (wheel,):
        if (folder / landmark).is_file():
            return folder
    raise SetupError(
        f"pytest-supercharger is incomplete: {landmark} is neither in {checkout} (a checkout) "
        f"nor in {wheel} (a wheel): install it again"
    )
