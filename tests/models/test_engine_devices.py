"""The devices of the installed llama.cpp, main memory, and what is said of a GPU not in use."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.engine.devices import find_devices, host_memory
from pytest_supercharger.models.engine.rebuild import (
    Hardware,
    look_around,
    no_gpu,
    rebuild_command,
    unused_gpu,
)

needs_llama = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]
CPU_BUILD = "CPU : SSE3 = 1 | AVX2 = 1 | OPENMP = 1 | "
CUDA_BUILD = f"CUDA : ARCHS = 900 | NO_VMM = 1 | USE_GRAPHS = 1 | {CPU_BUILD}"
PIP = 'pip install --force-reinstall --no-cache-dir "llama-cpp-python>=0.3.36,<0.4"'


# --- in a process of its own, as llama_cpp is not wanted in pytest's


def in_a_child(function: str, *arguments: str, **environment: str) -> Any:
    """What ``function`` of this module prints there as JSON."""
    code = f"import sys, test_engine_devices; test_engine_devices.{function}(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), **environment},
    )
    return json.loads(done.stdout)


def tell_devices() -> None:
    print(json.dumps([asdict(device) for device in find_devices()]))


def tell_imported() -> None:
    find_devices()
    print(json.dumps("llama_cpp" in sys.modules))


def tell_devices_with_cards() -> None:
    """Two cards are made known to the ggml that llama_cpp has loaded, as by a backend."""
    import llama_cpp

    kept = _add_cards(llama_cpp.llama_cpp._lib)
    print(json.dumps([[asdict(device) for device in find_devices()], _offloads()]))
    del kept  # ggml calls into them until then


def _offloads() -> bool:
    import llama_cpp

    return bool(llama_cpp.llama_supports_gpu_offload())


def _add_cards(library: ctypes.CDLL) -> list[Any]:
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    text_of = ctypes.CFUNCTYPE(ctypes.c_char_p, pointer)
    number_of = ctypes.CFUNCTYPE(size, pointer)
    kind_of = ctypes.CFUNCTYPE(ctypes.c_int, pointer)
    item_of = ctypes.CFUNCTYPE(pointer, pointer, size)
    memory_of = ctypes.CFUNCTYPE(None, pointer, ctypes.POINTER(size), ctypes.POINTER(size))
    kept: list[Any] = []

    def table(*functions: Any, length: int, version: int | None = None) -> Any:
        """A C struct: a version, if it has one, functions, and zeros up to its length."""
        addresses = [ctypes.cast(function, pointer).value for function in functions]
        first = [] if version is None else [version]
        kept.extend((*functions, (pointer * length)(*first, *addresses)))
        return kept[-1]

    def card(number: int, free: int, total: int) -> Any:
        def tell_memory(_: int, to_free: Any, to_total: Any) -> None:
            to_free[0], to_total[0] = free, total

        name = f"MTL{number}".encode()
        return table(
            text_of(lambda _: name),
            text_of(lambda _: b"Some card "),
            memory_of(tell_memory),
            kind_of(lambda _: 1),
            length=17,  # 15 functions, the registry, a context
        )

    cards = [card(0, 5 << 30, 6 << 30), card(1, 23 << 30, 24 << 30)]
    registry = table(
        text_of(lambda _: b"MTL"),
        number_of(lambda _: len(cards)),
        item_of(lambda _, i: ctypes.addressof(cards[i])),
        length=6,  # the version, 4 functions, a context
        version=2,
    )
    for each in cards:
        each[15] = ctypes.addressof(registry)
    library.ggml_backend_register.argtypes = [pointer]
    library.ggml_backend_register(ctypes.addressof(registry))
    return kept


class TestFindDevices:
    pytestmark = needs_llama

    def test_the_installed_build_has_a_cpu_and_its_memory(self) -> None:
        (cpu,) = [each for each in in_a_child("tell_devices") if each["kind"] == "cpu"]
        assert (cpu["name"], cpu["backend"]) == ("CPU", "CPU")
        assert cpu["description"]
        assert cpu["total"] >= host_memory().total

    def test_llama_cpp_is_not_imported_for_it(self) -> None:
        assert in_a_child("tell_imported") is False

    def test_cards_that_llama_cpp_got_to_know_are_listed(self) -> None:
        """So it is the very list that llama.cpp reads, not that of another copy of the library."""
        devices, offloads = in_a_child("tell_devices_with_cards")
        assert offloads is True
        first, second = [each for each in devices if each["kind"] == "gpu"]
        assert first == {
            "name": "MTL0",
            "description": "Some card",
            "backend": "Metal",
            "kind": "gpu",
            "free": 5 << 30,
            "total": 6 << 30,
        }
        assert (second["name"], second["free"], second["total"]) == ("MTL1", 23 << 30, 24 << 30)

    def test_the_libraries_may_be_elsewhere(self, tmp_path: Path) -> None:
        spec = importlib.util.find_spec("llama_cpp")
        assert spec is not None
        assert spec.origin is not None
        copy = shutil.copytree(Path(spec.origin).parent / "lib", tmp_path / "lib", symlinks=True)
        (cpu,) = in_a_child("tell_devices", LLAMA_CPP_LIB_PATH=str(copy))
        assert cpu["kind"] == "cpu"


def test_a_folder_without_the_library_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"holds no llama library .*libllama\.so.*reinstall"):
        find_devices(tmp_path)


def test_a_file_that_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "libllama.so").write_text("not this")
    with pytest.raises(
        ModelUnavailable, match=r"cannot ask .*libllama\.so which devices.*reinstall"
    ):
        find_devices(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="takes a Linux library for the wrong one")
def test_a_library_without_these_functions_is_named(tmp_path: Path) -> None:
    wrong = next(Path("/").glob("lib*/*-linux-gnu/libm.so.6"), None)
    if wrong is None:
        pytest.skip("no libm.so.6 in the usual place")
    (tmp_path / "libllama.so").symlink_to(wrong)
    with pytest.raises(ModelUnavailable, match="no function ggml_backend_dev_count"):
        find_devices(tmp_path)


# --- main memory

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         100 kB\nMemAvailable:   12000000 kB\n"


def machine(root: Path, **files: str) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_free_memory_is_what_is_available_not_what_is_unused(tmp_path: Path) -> None:
    memory = host_memory(machine(tmp_path))
    assert (memory.free, memory.total) == (12_000_000 << 10, 16_000_000 << 10)


def test_a_container_has_no_more_than_its_limit(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/memory.max": str(4 << 30),
        "sys/fs/cgroup/memory.current": str(1 << 30),
    }
    memory = host_memory(machine(tmp_path, **files))
    assert (memory.free, memory.total) == (3 << 30, 4 << 30)


def test_a_limit_above_what_is_free_changes_nothing(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/memory.max": str(64 << 30),
        "sys/fs/cgroup/memory.current": str(1 << 30),
    }
    assert host_memory(machine(tmp_path, **files)) == host_memory(machine(tmp_path / "without"))


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the system has no sysconf")
def test_without_proc_the_system_is_asked(tmp_path: Path) -> None:
    memory = host_memory(tmp_path)
    assert memory.total == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory.free <= memory.total


# --- what the machine has, and the way out


def linux(*hints: str, build: str = CPU_BUILD) -> Hardware:
    return Hardware(platform="linux", machine="x86_64", hints=hints, build=build)


def test_drivers_are_seen_by_their_files(tmp_path: Path) -> None:
    for file in ("proc/driver/nvidia/version", "dev/kfd", "dev/dri/renderD128"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    seen = look_around(root=tmp_path, path=str(tmp_path)).hints
    assert set(seen) - {"Apple"} == {"NVIDIA", "AMD", "other"}


def test_nvidia_is_seen_by_its_command_too(tmp_path: Path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert "NVIDIA" in look_around(root=tmp_path, path=str(tmp_path)).hints
    assert "NVIDIA" not in look_around(root=tmp_path, path=str(tmp_path / "nowhere")).hints


@pytest.mark.parametrize(
    ("platform", "machine", "hints", "command"),
    [
        ("linux", "x86_64", ["NVIDIA"], f'CMAKE_ARGS="-DGGML_CUDA=on" {PIP}'),
        ("linux", "x86_64", ["NVIDIA", "AMD", "other"], f'CMAKE_ARGS="-DGGML_CUDA=on" {PIP}'),
        ("linux", "x86_64", ["AMD", "other"], f'CMAKE_ARGS="-DGGML_HIP=on" {PIP}'),
        ("linux", "x86_64", ["other"], f'CMAKE_ARGS="-DGGML_VULKAN=on" {PIP}'),
        ("darwin", "arm64", [], f'CMAKE_ARGS="-DGGML_METAL=on" {PIP}'),
        ("win32", "AMD64", ["NVIDIA"], f'$env:CMAKE_ARGS="-DGGML_CUDA=on"; {PIP}'),
    ],
)
def test_the_command_builds_for_the_gpu_seen(
    platform: str, machine: str, hints: list[str], command: str
) -> None:
    assert rebuild_command(platform, machine, hints) == command


def test_the_error_names_the_build_the_hardware_and_the_command() -> None:
    message = no_gpu(linux("NVIDIA"))
    assert "made for the CPU only (CPU : SSE3 = 1 | AVX2 = 1 | OPENMP = 1)" in message
    assert "this machine has the driver of a GPU by NVIDIA" in message
    assert f'CMAKE_ARGS="-DGGML_CUDA=on" {PIP}' in message


def test_a_build_for_the_gpu_that_finds_none_is_not_to_be_rebuilt() -> None:
    message = no_gpu(linux("NVIDIA", "other", build=CUDA_BUILD))
    assert "made for CUDA" in message
    assert "CUDA_VISIBLE_DEVICES" in message
    assert "CMAKE_ARGS" not in message


def test_a_build_for_a_gpu_without_a_driver_lacks_the_driver() -> None:
    assert "install the GPU's driver" in no_gpu(linux(build=CUDA_BUILD))


def test_a_build_for_cuda_on_an_amd_card_is_to_be_rebuilt() -> None:
    assert "-DGGML_HIP=on" in no_gpu(linux("AMD", build=CUDA_BUILD))


def test_a_cpu_build_beside_a_gpu_is_remarked_on() -> None:
    assert "uses the CPU: build it for the GPU: CMAKE_ARGS" in unused_gpu(linux("AMD"))


@pytest.mark.parametrize("hints", [(), ("other",)])
def test_any_display_is_no_reason_for_a_remark(hints: tuple[str, ...]) -> None:
    assert unused_gpu(linux(*hints)) == ""
