"""How many threads decode: physical cores that this process may use, one left for everybody else.

Threads of one core share its arithmetic, and llama.cpp's threads wait for the slowest of them: one
that shares its core with a busy test worker holds up all others. Of 2 cores none is left: on them,
16 sequences of a model with 100 million parameters, two threads were 1.4 times as fast as one with
nothing else to do, and as fast beside one busy process or two.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pytest_supercharger.models.engine import cgroups


def decoding_threads(root: Path = Path("/"), allowed: Iterable[int] | None = None) -> int:
    """At least 1; ``allowed`` are the logical cores this process may run on, None: ask.

    A limit of processor time, as containers have it, counts as so many cores, rounded down.
    """
    cores = physical_cores(root, _allowed() if allowed is None else allowed)
    quota = cgroups.processors(root)
    if quota is not None:
        cores = min(cores, int(quota))
    return max(min(cores, 2), cores - 1)


def physical_cores(root: Path, allowed: Iterable[int]) -> int:
    """Those that ``allowed`` logical cores belong to; each of them where that is not known."""
    return len({_siblings(root, core) for core in allowed})


def _siblings(root: Path, core: int) -> str:
    """The logical cores of the same physical one, the same text for each of them."""
    topology = root / f"sys/devices/system/cpu/cpu{core}/topology"
    for name in ("core_cpus_list", "thread_siblings_list"):  # the second is the older name
        try:
            return (topology / name).read_text().strip()
        except OSError:
            continue
    return f"core {core}"


def _allowed() -> Iterable[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)
