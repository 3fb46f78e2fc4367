"""What does the installed but unused plugin add to the start of pytest?

Runs ``python -m pytest`` on one trivial test, with the plugin and with ``-p no:supercharger`` in
turn, each in a process of its own, and compares wall clock and CPU time. (``pytest --version``
itself loads no plugin from pytest 9 on, so it would show nothing.) Two orders take turns within
the pairs, so that a drift of the machine's speed hits both sides alike. Bytecode is cached, as pip
does it for an installed package, in a folder of the benchmark's own: where the environment says
PYTHONDONTWRITEBYTECODE, a checkout's sources would be compiled in every run.

    python benchmarks/startup.py --pairs 20

The last line is JSON, times in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WITH: tuple[str, ...] = ()
WITHOUT = ("-p", "no:supercharger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One run of pytest. Milliseconds."""

    wall: float
    cpu: float  # user and system time of the process and its children


def run_once(options: Sequence[str], folder: Path) -> Start:
    """Time one run in ``folder``; RuntimeError when the test in it does not pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    output = folder / "output"
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"pytest ended with {process.returncode}:\n{output.read_text()}")
    return Start(wall=wall * 1000, cpu=(usage.ru_utime + usage.ru_stime) * 1000)


def measure(pairs: int) -> tuple[list[Start], list[Start]]:
    """Runs with and without the plugin, interleaved, after one warm-up of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        runs: dict[tuple[str, ...], list[Start]] = {WITH: [], WITHOUT: []}
        for number in range(pairs + 1):
            order = (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH)
            for options in order:
                start = run_once(options, folder)
                if number:  # the first pair fills the caches
                    runs[options].append(start)
        return runs[WITH], runs[WITHOUT]


def summary(used: Sequence[Start], bare: Sequence[Start]) -> dict[str, float | int]:
    """Medians of both sides, and the median difference within the pairs."""
    return {
        "pairs": len(used),
        "with_wall_ms": round(statistics.median(run.wall for run in used), 2),
        "without_wall_ms": round(statistics.median(run.wall for run in bare), 2),
        "added_wall_ms": round(
            statistics.median(a.wall - b.wall for a, b in zip(used, bare, strict=True)), 2
        ),
        "added_cpu_ms": round(
            statistics.median(a.cpu - b.cpu for a, b in zip(used, bare, strict=True)), 2
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20)
    print(json.dumps(summary(*measure(parser.parse_args().pairs))))


if __name__ == "__main__":
    main()
