"""What is said about this machine before any model is chosen."""

from __future__ import annotations

import pytest

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.engine.devices import Device, HostMemory
from pytest_supercharger.models.engine.hardware import describe
from pytest_supercharger.models.engine.rebuild import Hardware
from pytest_supercharger.models.engine.sizing import Memory

CPU = Device(name="CPU", description="Some CPU", backend="CPU", kind="cpu", free=0, total=0)
CARD = Device(
    name="CUDA0",
    description="Some card",
    backend="CUDA",
    kind="gpu",
    free=23_500_000_000,
    total=25_000_000_000,
)


def memory(*devices: Device, hints: tuple[str, ...] = ()) -> Memory:
    return Memory(
        devices=devices,
        host=HostMemory(free=7_400_000_000, total=16_000_000_000),
        hardware=Hardware(platform="linux", machine="x86_64", hints=hints),
    )


def test_a_card_is_named_with_its_free_memory() -> None:
    said = describe(memory(CARD, CPU), "auto")
    assert said.summary == "llama.cpp: CUDA0 (Some card), 23.5 GB of 25.0 GB free"
    assert said.remark == ""


def test_without_a_card_the_cpu_is_named_with_threads_and_memory() -> None:
    said = describe(memory(CPU), "auto")
    assert said.summary.startswith("llama.cpp: CPU only (Some CPU), ")
    assert said.summary.endswith(", 7.4 GB of memory free")
    assert " thread" in said.summary
    assert said.remark == ""


def test_a_card_that_llama_cpp_does_not_find_is_a_remark_with_the_command() -> None:
    remark = describe(memory(CPU, hints=("NVIDIA",)), "auto").remark
    assert "the driver of a GPU by NVIDIA" in remark
    assert "-DGGML_CUDA=on" in remark


def test_a_card_that_is_switched_off_is_said_to_be() -> None:
    said = describe(memory(CARD, CPU, hints=("NVIDIA",)), "off")
    assert "CPU only" in said.summary
    assert said.summary.endswith("CUDA0 (Some card) not used (--supercharge-gpu=off)")
    assert said.remark == ""


def test_a_card_that_is_required_and_missing_is_an_error() -> None:
    with pytest.raises(SetupError, match=r"--supercharge-gpu=require, but llama\.cpp finds no GPU"):
        describe(memory(CPU), "require")
    assert "CUDA0" in describe(memory(CARD, CPU), "require").summary
