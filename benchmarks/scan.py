"""How long does finding the stubs of a big tree take? Against ``grep -rl`` on the same tree.

    python benchmarks/scan.py [--files 3000] [--stubs 5] [--repeat 7]

The tree is made of the standard library's own files, as often as it takes; ``raise
NotImplementedError`` is taken out of them, and the stubs are appended to files spread over the
tree. The two searches take turns, so that a busy machine disturbs both alike; the medians
count. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

from pytest_supercharger.stubs import find_stubs

NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
TEST_FILES = ("test_*.py", "*_test.py")
LEFT_OUT = {"site-packages", "test", "tests", "venv"}
STUB = '\n\ndef unwritten_{}(x: int) -> int:\n    """Sum."""\n    raise NotImplementedError\n'


def main() -> None:
    options = read_options()
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        size = make_tree(tree, options.files, options.stubs)
        ours, grep = time_in_turns(
            lambda: scan(tree, options.stubs), lambda: run_grep(tree), repeat=options.repeat
        )
    result = {
        "files": options.files,
        "stubs": options.stubs,
        "megabytes": round(size / 1e6, 1),
        "repeat": options.repeat,
        "find_stubs_seconds": round(statistics.median(ours), 4),
        "find_stubs_worst": round(max(ours), 4),
        "grep_seconds": round(statistics.median(grep), 4),
        "ratio": round(statistics.median(ours) / statistics.median(grep), 2),
    }
    print(f"find_stubs {result['find_stubs_seconds']} s, grep -rl {result['grep_seconds']} s")
    print(json.dumps(result))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--stubs", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=7)
    return parser.parse_args()


def make_tree(tree: Path, files: int, stubs: int) -> int:
    """Write the files; returns their size in bytes."""
    size = 0
    every = max(1, files // stubs) if stubs else files + 1
    for number, (path, data) in enumerate(islice(sources(), files)):
        if number % every == 0 and number // every < stubs:
            data += STUB.format(number).encode()
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        size += len(data)
    return size


def sources() -> Iterator[tuple[Path, bytes]]:
    """Path and bytes of the library's files, in ``lib0``, then once more in ``lib1`` ..."""
    library = Path(sysconfig.get_path("stdlib"))
    originals = [
        (path.relative_to(library), path.read_bytes())
        for path in sorted(library.rglob("*.py"))
        if not LEFT_OUT & set(path.parts) and not path.name.startswith("test_")
    ]
    for round_ in count():
        for path, data in originals:
            if re.search(b"generated|do not edit", data[:1000], re.IGNORECASE):
                continue
            plain = data.replace(b"raise NotImplementedError", b"raise TypeError")
            yield Path(f"lib{round_}") / path, plain


def scan(tree: Path, stubs: int) -> None:
    found = find_stubs(tree, norecurse=NORECURSE, python_files=TEST_FILES)
    if len(found.stubs) != stubs:
        raise SystemExit(f"found {len(found.stubs)} stubs instead of {stubs}")


def run_grep(tree: Path) -> None:
    command = ["grep", "-rl", "--include=*.py", "NotImplementedError", str(tree)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def time_in_turns(*searches: Callable[[], None], repeat: int) -> list[list[float]]:
    """Seconds of each search, run ``repeat`` times after one run to warm the file cache."""
    seconds: list[list[float]] = [[] for _ in searches]
    for turn in range(repeat + 1):
        for search, times in zip(searches, seconds, strict=True):
            start = time.perf_counter()
            search()
            if turn:
                times.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
