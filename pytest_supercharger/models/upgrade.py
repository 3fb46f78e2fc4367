"""Which model would serve on this machine where the bundled one has left something?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.hub.preset import Preset


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The way from the bundled model to a better one."""

    bundled: int  # bytes of the bundled model
    preset: Preset | None  # None: none fits, or the user's own are broken
    on_disk: bool = False
    memory: int = 0  # bytes this machine has for a model
    trouble: str = ""  # what is wrong with the user's presets


def find_upgrade(bundled: Path, gpu: str) -> Upgrade:
    """The best preset for this machine; ``gpu`` as of ``memory_for_models``."""
    from pytest_supercharger.models.hub.presets import recommended
    from pytest_supercharger.models.machine import memory_for_models

    size, memory = bundled.stat().st_size, memory_for_models(gpu)
    try:
        preset = recommended(memory)
    except ModelUnavailable as error:
        return Upgrade(bundled=size, preset=None, memory=memory, trouble=str(error))
    on_disk = preset is not None and _is_on_disk(preset)
    return Upgrade(bundled=size, preset=preset, on_disk=on_disk, memory=memory)


def _is_on_disk(preset: Preset) -> bool:
    from pytest_supercharger.models.hub.cache import locate

    try:
        return locate(preset) is not None
    except ModelUnavailable:
        return False  # the hub's library is missing: nothing was fetched
