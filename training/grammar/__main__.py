"""Show random tasks, or try every generator many times.

python -m training.grammar --show 40 [--only NAME]
python -m training.grammar --try 2000
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

from training.check import at_most
from training.grammar import GENERATORS, Generator, compose
from training.tasks import Task, define, run
from training.wording import expand, tidy

_CALLS = 10
_ACCIDENTS = {"NameError", "TypeError", "AttributeError", "UnboundLocalError"}


def faults_of(task: Task, rng: Random) -> Iterator[str]:
    """What is wrong with one task, in words; "constant" where every call gave the same."""
    doc = tidy(expand(task.doc, rng))
    if any(mark in doc for mark in "{}$"):
        yield f"left over in the wording: {doc}"
    assert task.inputs is not None
    names = [param.name for param in task.params]
    if len(set(names)) < len(names) or not task.name.isidentifier():
        yield f"names: {task.name}({', '.join(names)})"
        return
    try:
        function = define(task)
        with at_most(3):
            cases = [run(function, task.inputs(rng)) for _ in range(_CALLS)]
    except Exception as exc:
        yield f"{type(exc).__name__}: {exc}"
        return
    for case in cases:
        if case.raised and case.value.__name__ in _ACCIDENTS:
            yield f"{case.value.__name__} for {case.args!r}"
            return
    if len({repr(case.value) for case in cases}) == 1:
        yield "constant"


def shown(task: Task, rng: Random) -> str:
    """The task as a reader would see it."""
    head = f"def {task.name}({', '.join(map(str, task.params))}) -> {task.returns}:"
    body = "\n".join(f"    {line}" for line in task.body.splitlines())
    return f'{head}\n    """{tidy(expand(task.doc, rng))}"""\n{body}\n'


def trouble(generator: Generator, count: int, rng: Random) -> list[str]:
    """The faults found in that many tasks of a generator, each once."""
    name, _, function = generator
    found: Counter[str] = Counter()
    constant = 0
    kinds = set()
    for _ in range(count):
        task = function(rng)
        kinds.add(task.kind)
        for fault in faults_of(task, rng):
            if fault == "constant":
                constant += 1
            else:
                found[f"{name}: {fault}\n{shown(task, rng)}"] += 1
    lines = list(found)
    if constant > count // 5:
        lines.append(f"{name}: {constant} of {count} gave the same for every input")
    print(f"{name}: {len(kinds)} kinds in {count}, {len(found)} faults, {constant} constant")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--try", type=int, default=0, dest="count")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    rng = Random(options.seed)
    chosen = [row for row in GENERATORS if options.only in ("", row[0])]
    for _ in range(options.show):
        task = rng.choice(chosen)[2](rng) if options.only else compose(rng)
        print(shown(task, rng))
    bad = 0
    for generator in chosen if options.count else []:
        lines = trouble(generator, options.count, rng)
        bad += len(lines)
        print("\n".join(lines[:5]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
