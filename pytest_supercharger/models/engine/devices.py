"""What llama.cpp can compute on here, and how much memory is free.

The list is ggml's own: it holds what this build can use, where ``nvidia-smi`` or a driver's files
only tell what the machine has. llama-cpp-python has no binding for it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.engine import cgroups

_KINDS = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accel"}  # enum ggml_backend_dev_type
_BACKENDS = {"MTL": "Metal"}  # ggml's name, where it is not the known one
_LLAMA = ("libllama.so", "libllama.dylib", "llama.dll", "libllama.dll")  # as it is loaded
_REINSTALL = (
    "reinstall llama-cpp-python (pip install --force-reinstall --no-cache-dir "
    '"llama-cpp-python>=0.3.36,<0.4")'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something that ggml can compute on."""

    name: str  # "CUDA0"
    description: str  # "NVIDIA H200"
    backend: str  # "CUDA", "Metal", "Vulkan", "ROCm", "SYCL", "CPU", ...
    kind: str  # "cpu", "gpu", "igpu" (has the host's memory), "accel" (helps the CPU)
    free: int  # bytes
    total: int  # bytes; 0: the driver does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """Main memory that this process may use, in bytes; 0 where it is not known."""

    free: int
    total: int


def find_devices(folder: Path | None = None) -> tuple[Device, ...]:
    """All that ggml knows, in its order; ``folder`` holds its libraries, None: llama-cpp-python's.

    :raises ModelUnavailable: they are not there, or are none that we know.
    """
    folder = folder or _library_folder()
    files = _library_files(folder)
    try:
        return tuple(_devices(_Functions([ctypes.CDLL(str(file)) for file in files])))
    except (OSError, AttributeError) as exc:
        raise ModelUnavailable(
            f"cannot ask {files[0]} which devices it computes on ({exc}): {_REINSTALL}"
        ) from exc


def host_memory(root: Path = Path("/")) -> HostMemory:
    """What is free without swapping, and what there is; no more than control groups allow."""
    known = _from_meminfo(root) or _from_sysconf()
    room, limit = cgroups.memory_room(root), cgroups.memory_limit(root)
    return HostMemory(
        free=known.free if room is None else min(known.free, room),
        total=known.total if limit is None else min(known.total, limit),
    )


# --- the libraries


class _Functions:
    """The calls into ggml, typed."""

    def __init__(self, libraries: Sequence[ctypes.CDLL]) -> None:
        """:raises AttributeError: one of them is in none of the libraries."""
        pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p

        def function(name: str, result: Any, *arguments: Any) -> Any:
            return _function(libraries, f"ggml_backend_{name}", result, *arguments)

        self.count = function("dev_count", size)
        self.get = function("dev_get", pointer, size)
        self.name = function("dev_name", text, pointer)
        self.description = function("dev_description", text, pointer)
        self.kind = function("dev_type", ctypes.c_int, pointer)
        self.memory = function("dev_memory", None, pointer, *[ctypes.POINTER(size)] * 2)
        self.registry = function("dev_backend_reg", pointer, pointer)
        self.registry_name = function("reg_name", text, pointer)


def _function(libraries: Sequence[ctypes.CDLL], name: str, result: Any, *arguments: Any) -> Any:
    for library in libraries:
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, list(arguments)
            return function
    raise AttributeError(f"no function {name}")


def _devices(ggml: _Functions) -> Iterator[Device]:
    for i in range(ggml.count()):
        device = ggml.get(i)
        kind = _KINDS.get(ggml.kind(device))
        if kind is None:
            continue  # several devices as one, which are in the list themselves
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.memory(device, ctypes.byref(free), ctypes.byref(total))
        backend = _text(ggml.registry_name(ggml.registry(device)))
        yield Device(
            name=_text(ggml.name(device)),
            description=_text(ggml.description(device)).strip(),
            backend=_BACKENDS.get(backend, backend),
            kind=kind,
            free=free.value,
            total=total.value,
        )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def _library_folder() -> Path:
    """Where llama-cpp-python loads its libraries from; it is not imported for that."""
    override = os.environ.get("LLAMA_CPP_LIB_PATH")
    if override:
        return Path(override)
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            "llama-cpp-python is not installed, so nothing is known about its devices: "
            'pip install "pytest-supercharger[llama]"'
        )
    return Path(spec.submodule_search_locations[0], "lib")


def _library_files(folder: Path) -> list[Path]:
    """Where ggml's functions are found: through libllama, which finds its very own copy of ggml.

    A wheel may hold ggml several times under different names, and each copy loaded is another list.
    Windows does not look through a library: ggml's are named there.
    """
    llama = next((folder / name for name in _LLAMA if (folder / name).exists()), None)
    if llama is None:
        raise ModelUnavailable(
            f"{folder} holds no llama library ({', '.join(_LLAMA)}): {_REINSTALL}"
        )
    ggml = [llama.with_name(llama.name.replace("llama", stem)) for stem in ("ggml", "ggml-base")]
    return [llama, *ggml] if llama.suffix == ".dll" else [llama]


# --- main memory


def _from_meminfo(root: Path) -> HostMemory | None:
    try:
        text = (root / "proc/meminfo").read_text()
    except OSError:
        return None
    found = dict(re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE))
    if not {"MemTotal", "MemAvailable"} <= found.keys():
        return None
    return HostMemory(free=int(found["MemAvailable"]) << 10, total=int(found["MemTotal"]) << 10)


def _from_sysconf() -> HostMemory:
    """Where there is no /proc; half is taken as free where the system does not tell."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return HostMemory(free=0, total=0)
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    tells = "SC_AVPHYS_PAGES" in names
    return HostMemory(
        free=os.sysconf("SC_AVPHYS_PAGES") * page if tells else total // 2, total=total
    )
