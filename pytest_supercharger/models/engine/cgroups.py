"""What the control groups of this process leave it: containers and batch systems set limits there.

Linux, version 1 and 2. A limit may stand in the process's own group or in any above it. In a
container the path in ``/proc/self/cgroup`` may be the host's and not exist here: what exists of it
is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT = 1 << 60  # version 1 writes a number near 2^63 where there is none


def memory_limit(root: Path = Path("/")) -> int | None:
    """The least limit in bytes; None: there is none."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_room(root: Path = Path("/")) -> int | None:
    """Bytes that may still be taken before a limit is reached; None: there is none.

    What only caches files counts as free: the kernel gives it back when it is needed.
    """
    return min((max(0, limit - used) for limit, used in _memory(root)), default=None)


def processors(root: Path = Path("/")) -> float | None:
    """Processors' worth of time, as 1.5; None: no limit."""
    return min(_quotas(root), default=None)


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    for group in _groups("memory", root):
        for limit, usage, prefix in (
            ("memory.max", "memory.current", ""),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        ):
            most = _number(group / limit)
            if most is not None and most < _NO_LIMIT:
                yield most, (_number(group / usage) or 0) - _cached(group, prefix)


def _cached(group: Path, prefix: str) -> int:
    wanted = {f"{prefix}active_file", f"{prefix}inactive_file"}
    pairs = [line.split() for line in _read(group / "memory.stat").splitlines()]
    return sum(int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] in wanted)


def _quotas(root: Path) -> Iterator[float]:
    for group in _groups("cpu", root):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.strip().isdigit():  # neither "max" nor -1
            yield int(quota) / int(period)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """This process's group and those above it, of both versions."""
    mounts = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller in names.split(","):
            tops = {mounts / names, mounts / controller}
        elif not names:
            tops = {mounts, mounts / "unified"}
        else:
            continue
        parts = [part for part in path.split("/") if part]
        for top in tops:
            yield from (top.joinpath(*parts[:n]) for n in range(len(parts), -1, -1))


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    """What a file says, "" where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
