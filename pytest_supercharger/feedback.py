"""What a search tells the model and the user, and what it reads in a judge's answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_supercharger.clean.candidates import TestCandidate
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.prompts import Failure
from pytest_supercharger.sandboxes.base import ItemOutcome, Verdict

_SCORE = re.compile(r"(?<![\d.])(?:0(?:\.\d+)?|1(?:\.0+)?|\.\d+)(?![\d.])")


def read_score(text: str) -> float | None:
    """The last number from 0 to 1 in a judge's answer; None when there is none."""
    found = _SCORE.findall(text)
    return float(found[-1]) if found else None


def failures_of(code: CodeEvidence, tests: Mapping[str, TestCandidate]) -> tuple[Failure, ...]:
    """What a candidate fails: project tests, else the user's own examples."""
    bad = (Verdict.FAILED, Verdict.ERROR, Verdict.TIMEOUT, Verdict.CRASHED, Verdict.OUT_OF_MEMORY)
    items = code.project.items if code.project else ()
    failures = [_failure(item.id, item) for item in items if item.verdict in bad]
    failures += [
        _failure(tests[name].source, item)
        for name, item in code.generated.items()
        if item.verdict in bad and name in tests and tests[name].trusted
    ]
    return tuple(failures)


def _failure(test: str, item: ItemOutcome) -> Failure:
    exception = item.exception or item.verdict.value
    return Failure(test=test, detail=item.detail, exception=exception)


def counted(number: int, noun: str) -> str:
    """1 round, 2 rounds."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def used_up(budget: str, option: str) -> str:
    """Why a search stopped, and the option that lets it go on."""
    return f"its budget of {budget} is used up (--supercharge-{option})"
