"""Stubs, candidates and outcomes, made up for the tests of single steps."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_supercharger.clean.candidates import CodeCandidate, TestCandidate, with_id
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.linking import Links
from pytest_supercharger.sandboxes.base import ItemOutcome, Outcome, Reach, Verdict
from pytest_supercharger.stubs import Stub, find_stubs

STUB = "shop.py::total"


def stubs_in(folder: Path, files: Mapping[str, str]) -> tuple[Stub, ...]:
    """Write ``files`` and find the stubs in them, the way a run does."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")
    return find_stubs(folder, norecurse=[], python_files=["test_*.py"]).stubs


def body(source: str, stub: str = STUB, **changes: Any) -> CodeCandidate:
    """A candidate with this body."""
    values: dict[str, Any] = {"imports": (), "helpers": ()}
    return with_id(CodeCandidate(id="", stub=stub, body=source, **(values | changes)))


def generated_check(source: str, *, trusted: bool = False) -> TestCandidate:
    return TestCandidate(id=source, stub=STUB, source=source, trusted=trusted)


def item(name: str, verdict: Verdict = Verdict.PASSED, **changes: Any) -> ItemOutcome:
    return ItemOutcome(**({"id": name, "verdict": verdict, "seconds": 0.0} | changes))


def blocked(name: str, stub: str) -> ItemOutcome:
    """A test that stopped at another open stub."""
    return item(name, Verdict.BLOCKED, reached=(Reach(stub=stub, phase="call"),), raised_by=stub)


def outcome(check: str, *items: ItemOutcome, **changes: Any) -> Outcome:
    """PASSED where there are items and all passed, else the first verdict that is not."""
    bad = [one.verdict for one in items if one.verdict is not Verdict.PASSED]
    verdict = bad[0] if bad else Verdict.PASSED if items else Verdict.ERROR
    values: dict[str, Any] = {"check": check, "verdict": verdict, "seconds": 0.0, "items": items}
    return Outcome(**(values | changes))


def evidence_of(candidate: CodeCandidate, multiplicity: int = 1, **changes: Any) -> CodeEvidence:
    values = {"candidate": candidate, "multiplicity": multiplicity, "project": None} | changes
    return CodeEvidence(**values)


def links(**changes: Any) -> Links:
    """What linking has shown: nothing, but for ``changes``."""
    values: dict[str, Any] = {
        "tests": {},
        "vacuous": {},
        "expecting": {},
        "environment": (),
        "red": (),
        "cannot_run": {},
        "reached": frozenset(),
        "passed": frozenset(),
        "seconds": {},
        "collecting": 0.1,
        "modules": {},
        "exit_code": 0,
        "problem": "",
        "warnings": (),
    }
    return Links(**(values | changes))
