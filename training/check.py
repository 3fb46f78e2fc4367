"""Does every family of the catalogue run, and do its bodies agree?

    python -m training.check [FILE.txt ...]

Prints a line for each fault, and a few worded examples with ``--show N``. Exit 1 with faults.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from training.families import CATALOGUE, Family, instantiate, parse
from training.tasks import Case, Task, define, run
from training.wording import expand

_ROUNDS = 25  # of calls for a family
_ACCIDENTS = {"NameError", "AttributeError", "UnboundLocalError", "SyntaxError", "TypeError"}


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """TimeoutError in the block when it takes longer: a body may loop for ever."""

    def stop(*_: object) -> None:
        raise _Stop

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Stop:
        raise TimeoutError(f"longer than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Stop(BaseException):
    """No Exception: what a body raises is a result, this is not."""


def faults_of(family: Family, rng: Random) -> Iterator[str]:
    """What is wrong with it, in words."""
    if broken := [doc for doc in family.docs if doc.count("{") != doc.count("}")]:
        yield f"braces: {broken[0]}"
        return
    yield from _wording_faults(family, rng)
    values = set()
    for _ in range(_ROUNDS):
        for task in [instantiate(family, rng) for _ in range(2)]:
            yield from _runs(task)
        try:
            args, cases = _tried(family, rng)
        except Exception as exc:
            yield f"{type(exc).__name__}: {exc}"
            return
        if not family.params or len(args) > len(family.params):
            yield f"{len(args)} arguments for {len(family.params)} parameters"
        if len({repr(case.value) for case in cases}) > 1:
            yield f"bodies disagree on {args!r}: {[case.value for case in cases]}"
            return
        if cases[0].raised and cases[0].value.__name__ in _ACCIDENTS:
            yield f"{cases[0].value.__name__} for {args!r}"
            return
        values.add(repr(cases[0].value))
    if len(values) < 2:
        yield f"always {values}"


def _wording_faults(family: Family, rng: Random) -> Iterator[str]:
    for doc in family.docs:
        for place in re.findall(r"\$(\d)", expand(doc, rng)):
            if int(place) >= len(family.params):
                yield f"no parameter ${place}: {doc}"
    if len({expand(doc, rng) for doc in family.docs for _ in range(8)}) < 3:
        yield "fewer than 3 wordings"


def _tried(family: Family, rng: Random) -> tuple[tuple[Any, ...], list[Case]]:
    """Drawn arguments, and what each body makes of them. What goes wrong is raised."""
    args = family.draw(rng)
    with at_most(2):
        return args, [run(define(_plain(family, body)), args) for body in family.bodies]


def _runs(task: Task) -> Iterator[str]:
    assert task.inputs is not None
    try:
        with at_most(2):
            case = run(define(task), task.inputs(Random(task.doc)))
    except Exception as exc:
        yield f"{type(exc).__name__}: {exc}\n{task.body}"
        return
    if case.raised and case.value.__name__ in _ACCIDENTS:
        yield f"{case.value.__name__} with the names {[p.name for p in task.params]}:\n{task.body}"


def _plain(family: Family, body: str) -> Task:
    """The family with one body and names like no other, so that it is run as it is written."""
    plain = replace(
        family,
        params=tuple(
            ((f"p{i}_",), annotation, default)
            for i, (_, annotation, default) in enumerate(family.params)
        ),
        bodies=(body,),
        guards=(),
        returns="",
    )
    steady = Random(1)
    steady.random = lambda: 0.5  # type: ignore[method-assign]  # no odd names, no guards
    return instantiate(plain, steady)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    rng = Random(0)
    bad = count = 0
    for path in options.files or sorted(CATALOGUE.glob("*.txt")):
        families = parse(path.read_text(encoding="utf-8"), path.name)
        keys = [family.key for family in families]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            print(f"{path.name}: {key}: twice")
            bad += 1
        for family in families:
            count += 1
            for fault in list(dict.fromkeys(faults_of(family, rng)))[:2]:
                print(f"{family.key}: {fault}")
                bad += 1
            for _ in range(options.show):
                task = instantiate(family, rng)
                print(f"  {task.name}({', '.join(map(str, task.params))}): {task.doc}")
    print(f"{count} families, {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
