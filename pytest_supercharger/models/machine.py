"""How much memory is there for a model, before llama.cpp is asked?

Only ``auto`` needs it, to choose among the presets on disk; what really fits is measured when
the chosen one is loaded.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_SMI = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
_MIB = 1 << 20
_LEAST = 3 << 30  # bytes of GPU memory below which a model runs on the CPU anyway
_SMALL = 4 * 10**9  # bytes of the host's memory that a model may always have half of
_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_for_models(gpu: str = "auto", *, root: Path = Path("/")) -> int:
    """Bytes of all NVIDIA GPUs together, else a third of the host's; of a small one up to half.

    The rest is for the tests, and a CPU is too slow for a model that would fill it. ``gpu``
    ``off`` asks the host only.
    Other GPUs are not seen here: on an Apple machine they share the host's memory anyway.
    ``root`` is where the control group's limit is looked for.
    """
    cards = 0 if gpu == "off" else _cards()
    if cards >= _LEAST:
        return cards
    host = _host(root)
    return max(host // 3, min(host // 2, _SMALL))


def _cards() -> int:
    try:
        told = subprocess.run(_SMI, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(int(line) * _MIB for line in told.splitlines() if line.strip().isdecimal())


def _host(root: Path) -> int:
    """What is built in, or what this process may have of it."""
    built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for name in _LIMITS if (limit := _number(root / name))]
    return min(built_in, *limits) if limits else built_in


def _number(path: Path) -> int:
    """The number in a file; 0 where there is none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() else 0
