"""A GPU that llama.cpp does not use: what this machine seems to have, and how to build for it.

The usual llama-cpp-python computes on the CPU and does not say so.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_NVIDIA, _AMD, _APPLE, _OTHER = "NVIDIA", "AMD", "Apple", "other"
_SWITCHES = {_NVIDIA: "GGML_CUDA", _AMD: "GGML_HIP", _APPLE: "GGML_METAL"}
_BACKENDS = {_NVIDIA: "CUDA", _AMD: "ROCm", _APPLE: "Metal"}
_WORDS = {  # how llama.cpp's description of a build begins the part about a backend
    "CUDA": ("CUDA :",),
    "ROCm": ("ROCm :",),
    "Metal": ("Metal :", "MTL :"),
    "Vulkan": ("Vulkan :",),
    "SYCL": ("SYCL :",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What there is, whether llama.cpp uses it or not."""

    platform: str  # sys.platform
    machine: str  # "x86_64", "arm64"
    hints: tuple[str, ...] = ()  # makers of GPUs whose driver is here; "other": some display device
    build: str = ""  # what the installed llama.cpp says of itself; "": not known

    @property
    def has_gpu(self) -> bool:
        """Whether a GPU is here that is worth a build of its own: not any display will do."""
        return bool({_NVIDIA, _AMD, _APPLE} & set(self.hints))

    @property
    def backends(self) -> tuple[str, ...]:
        """For which GPUs the installed build was made."""
        return tuple(
            name
            for name, words in _WORDS.items()
            if any(f" {word}" in f" {self.build}" for word in words)
        )


def look_around(build: str = "", *, root: Path = Path("/"), path: str | None = None) -> Hardware:
    """The hardware of this machine, by the files of its drivers.

    ``build`` is what llama.cpp's ``llama_print_system_info`` says; ``path`` is where commands are
    looked for, None: in ``PATH``.
    """
    hints = []
    if (root / "proc/driver/nvidia").exists() or shutil.which("nvidia-smi", path=path):
        hints.append(_NVIDIA)
    if (root / "dev/kfd").exists():
        hints.append(_AMD)
    if sys.platform == "darwin" and platform.machine() == "arm64":
        hints.append(_APPLE)
    if any((root / "dev/dri").glob("renderD*")):
        hints.append(_OTHER)
    return Hardware(
        platform=sys.platform, machine=platform.machine(), hints=tuple(hints), build=build
    )


def rebuild_command(platform: str, machine: str, hints: Collection[str]) -> str:
    """What installs llama-cpp-python for the GPU seen: CUDA, ROCm, Metal, else Vulkan."""
    seen = next((maker for maker in (_NVIDIA, _AMD) if maker in hints), "")
    if platform == "darwin" and machine == "arm64":
        seen = _APPLE
    setting = f'CMAKE_ARGS="-D{_SWITCHES.get(seen, "GGML_VULKAN")}=on"'
    command = 'pip install --force-reinstall --no-cache-dir "llama-cpp-python>=0.3.36,<0.4"'
    if platform == "win32":  # for PowerShell
        return f"$env:{setting}; {command}"
    return f"{setting} {command}"


def no_gpu(hardware: Hardware) -> str:
    """The error when a GPU is required and llama.cpp finds none."""
    return (
        f"--supercharge-gpu=require, but llama.cpp finds no GPU: {_installed(hardware)}, and "
        f"{_seen(hardware)}; {_way_out(hardware)}, or give --supercharge-gpu=auto"
    )


def unused_gpu(hardware: Hardware) -> str:
    """The remark when a GPU is here and llama.cpp finds none; "" when there is nothing to say."""
    if not hardware.has_gpu:
        return ""
    return f"{_seen(hardware)}, but llama.cpp finds no GPU and uses the CPU: {_way_out(hardware)}"


def _way_out(hardware: Hardware) -> str:
    fitting = {_BACKENDS.get(hint, "Vulkan") for hint in hardware.hints} & set(hardware.backends)
    if fitting:
        return (
            f"the build is right for {min(fitting)}: see that its driver works (nvidia-smi, "
            "rocminfo or vulkaninfo lists the card) and that CUDA_VISIBLE_DEVICES, "
            "HIP_VISIBLE_DEVICES and GGML_VK_VISIBLE_DEVICES do not hide it"
        )
    if hardware.backends and not hardware.hints:
        return "install the GPU's driver, or run where there is a GPU"
    command = rebuild_command(hardware.platform, hardware.machine, hardware.hints)
    return f"build it for the GPU: {command}"


def _installed(hardware: Hardware) -> str:
    made_for = " and ".join(hardware.backends) or "the CPU only"
    said = hardware.build.strip(" |\n")
    return f"the installed build is made for {made_for}" + (f" ({said})" if said else "")


def _seen(hardware: Hardware) -> str:
    makers = [hint for hint in hardware.hints if hint != _OTHER]
    if makers:
        return f"this machine has the driver of a GPU by {' and '.join(makers)}"
    if hardware.hints:
        return "this machine has a display device"
    return "no GPU is seen on this machine"
