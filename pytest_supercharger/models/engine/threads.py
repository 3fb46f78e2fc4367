"""How many threads decode: physical cores that this process may use, one left for everybody else.

Threads of one core share its arithmetic, and llama.cpp's threads wait for the slowest of them: one
that shares its core with a busy test worker holds up all others. Of 2 cores none is left: on them,
16 sequences of a model with 100 million parameters, two threads were 1.4 times as fast as one with
nothing else to do, and as fast beside one busy process or two.

A model of a few megabytes has so little to do between two meetings of its threads that one is
faster: with 5 million parameters in F16, 16 sequences, one thread made 6,000 tokens a second beside
a busy process, two made 1,200 to 5,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pytest_supercharger.models.engine import cgroups

_SMALL = 12 << 20  # bytes of weights up to which one thread is faster


def decoding_threads(
    root: Path = Path("/"), allowed: Iterable[int] | None = None, *, weights: int | None = None
) -> int:
    """At least 1; ``allowed`` are the logical cores this process may run on, None: ask.

    A limit of processor time, as containers have it, counts as so many cores, rounded down.
    ``weights``: bytes of the model, None: of an ordinary one.
    """
    if weights is not None and weights <= _SMALL:
        return 1
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
