"""GGUF files by name: which there are, and which one suits this machine.

The package's list may be extended by the user's, never by the project that is worked on: a
cloned repository must not choose what is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_supercharger.models.hub.cache import locate
from pytest_supercharger.models.hub.preset import Preset, read_presets

__all__ = ["Preset", "best_on_disk", "load_presets", "recommended", "user_file"]

_OURS = Path(__file__).with_name("presets.toml")
_SPARE = 0.95  # of its nominal memory a machine must show: firmware and screen keep some


def load_presets() -> dict[str, Preset]:
    """All presets by name, from small to large; the user's win over ours of the same name.

    :raises ModelUnavailable: the user's file is not as it should be; the message names file,
        preset and key.
    """
    presets = read_presets(_OURS)
    if user_file().is_file():
        presets |= read_presets(user_file())
    return {preset.name: preset for preset in sorted(presets.values(), key=_memory)}


def user_file() -> Path:
    """Where the user's own presets are looked for."""
    from platformdirs import user_config_path

    return user_config_path("pytest-supercharger") / "presets.toml"


def best_on_disk(memory_bytes: int) -> Preset | None:
    """What ``auto`` takes: the first of the largest class that fits and whose files are on disk.

    :raises ModelUnavailable: the user's presets are broken, or huggingface_hub is missing.
    """
    return _best(preset for preset in _fitting(memory_bytes) if locate(preset))


def recommended(memory_bytes: int) -> Preset | None:
    """The first of the largest class that fits, on disk or not; None: none is small enough.

    :raises ModelUnavailable: the user's presets are broken.
    """
    return _best(_fitting(memory_bytes))


def _fitting(memory_bytes: int) -> list[Preset]:
    presets = load_presets().values()
    return [preset for preset in presets if preset.memory * _SPARE <= memory_bytes]


def _best(presets: Iterable[Preset]) -> Preset | None:
    return max(presets, key=_memory, default=None)  # of several largest the first


def _memory(preset: Preset) -> int:
    return preset.memory
