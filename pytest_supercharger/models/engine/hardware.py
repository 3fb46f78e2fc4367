"""What the installed llama.cpp can use on this machine, for whom no model is chosen yet."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.engine.devices import Device, find_devices, host_memory
from pytest_supercharger.models.engine.rebuild import look_around, no_gpu, unused_gpu
from pytest_supercharger.models.engine.sizing import Memory
from pytest_supercharger.models.engine.threads import decoding_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line each."""

    summary: str
    remark: str  # "": nothing to say


def look(build: str) -> Memory:
    """The devices and the memory that are there; ``build`` as of ``look_around``.

    :raises ModelUnavailable: llama.cpp's libraries cannot be asked.
    """
    return Memory(devices=find_devices(), host=host_memory(), hardware=look_around(build))


def describe(memory: Memory, gpu: str) -> Said:
    """What a model would be computed on; ``gpu`` is ``auto``, ``off`` or ``require``.

    :raises SetupError: a GPU is required and there is none.
    """
    if gpu == "require" and not memory.gpus:
        raise SetupError(no_gpu(memory.hardware))
    if gpu == "off" or not memory.gpus:
        remark = "" if gpu == "off" else unused_gpu(memory.hardware)
        return Said(summary=f"llama.cpp: {_cpu(memory, gpu)}", remark=remark)
    cards = ", ".join(_card(memory, card) for card in memory.gpus)
    return Said(summary=f"llama.cpp: {cards}", remark="")


def _cpu(memory: Memory, gpu: str) -> str:
    name = next((f" ({each.description})" for each in memory.devices if each.kind == "cpu"), "")
    threads = decoding_threads()
    hidden = ", ".join(f"{card.name} ({card.description})" for card in memory.gpus)
    unused = f"; {hidden} not used (--supercharge-gpu={gpu})" if hidden else ""
    return (
        f"CPU only{name}, {threads} {'thread' if threads == 1 else 'threads'}, "
        f"{_gigabytes(memory.host.free)} of memory free{unused}"
    )


def _card(memory: Memory, card: Device) -> str:
    of = f" of {_gigabytes(card.total)}" if card.total else ""
    free = _gigabytes(memory.free(card))
    return f"{card.name} ({card.description}), {free}{of} free"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
