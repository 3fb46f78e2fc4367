"""Where prompts/, sandbox/ and weights/ are, in a checkout or in a wheel.

These folders lie outside the package, so that a reader of the repository finds them at once. A
wheel carries copies of them inside the package; an editable install must use the checkout's
own files, because copies made when it was installed go stale with the next edit.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pytest_supercharger.exceptions import SetupError

_PACKAGE = Path(__file__).resolve().parent
_TINY, _CARD = "tiny.gguf", "MODEL_CARD.md"


def prompts_dir() -> Path:
    """The folder with one TOML file for each request. SetupError when there is none."""
    return _find_folder("prompts", "implement.toml")


def sandbox_dir() -> Path:
    """The folder of what is inside the sandbox. SetupError when there is none."""
    return _find_folder("sandbox", "runner.py")


def tiny_model() -> Path:
    """The weights of the bundled model. SetupError when they are not there."""
    return _find_folder("weights", _TINY) / _TINY


def is_tiny(source: str) -> bool:
    """Whether the path of a model, as ``ModelInfo`` has it, is that of the bundled one."""
    return Path(source) in [folder / _TINY for folder in _folders("weights", _PACKAGE)]


def is_damaged(weights: Path) -> bool:
    """Whether a bundled file is not the one that the model card beside it describes.

    Reads all of it: for when it could not be loaded. Without a card nobody knows.
    """
    try:
        card = weights.with_name(_CARD).read_text("utf-8")
        return hashlib.sha256(weights.read_bytes()).hexdigest() not in card
    except OSError:
        return False


def _find_folder(name: str, landmark: str, package: Path = _PACKAGE) -> Path:
    """The first of the checkout's and the wheel's folder that holds the file ``landmark``.

    The folder beside the package counts only next to a pyproject.toml: beside an installed
    package lie other people's, and ``prompts`` is a name that others use too.
    """
    for folder in _folders(name, package):
        if (folder / landmark).is_file():
            return folder
    checkout, wheel = _places(name, package)
    raise SetupError(
        f"pytest-supercharger is incomplete: {landmark} is neither in {checkout} (a checkout) "
        f"nor in {wheel} (a wheel): install it again"
    )


def _folders(name: str, package: Path) -> tuple[Path, ...]:
    checkout, wheel = _places(name, package)
    in_checkout = (package.parent / "pyproject.toml").is_file()
    return (checkout, wheel) if in_checkout else (wheel,)


def _places(name: str, package: Path) -> tuple[Path, Path]:
    return package.parent / name, package / "_bundled" / name
