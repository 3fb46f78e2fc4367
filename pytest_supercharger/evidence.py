"""Candidates against tests: what is known so far about one stub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_supercharger.clean.candidates import CodeCandidate, TestCandidate
from pytest_supercharger.sandboxes.base import Control, ItemOutcome, Outcome, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEvidence:
    """One distinct body, and how it did."""

    candidate: CodeCandidate
    multiplicity: int  # how many completions came down to it
    project: Outcome | None  # the project tests that belong to the stub; None: not run
    generated: Mapping[str, ItemOutcome] = field(default_factory=dict)  # by TestCandidate.id

    @property
    def is_proven(self) -> bool:
        """Every project test that belongs to the stub passes, and not by cheating."""
        outcome = self.project
        return (
            outcome is not None
            and outcome.verdict is Verdict.PASSED
            and outcome.control is not Control.CHEATED
        )

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """The open stubs at which its tests stop, where nothing else is wrong with it."""
        items = self.project.items if self.project else ()
        harmless = (Verdict.PASSED, Verdict.BLOCKED)
        if self.project is None or any(item.verdict not in harmless for item in items):
            return ()
        blocked = [item for item in items if item.verdict is Verdict.BLOCKED]
        stubs = [item.raised_by or item.reached[-1].stub for item in blocked if item.reached]
        return tuple(dict.fromkeys(stubs))

    @property
    def tests_passed(self) -> int:
        """How many project test items passed."""
        items = self.project.items if self.project else ()
        return sum(item.verdict is Verdict.PASSED for item in items)

    def passes_all_of(self, test: str) -> bool:
        """Whether a project test passed; of a file or "" (everything): every item in it."""
        items = self.project.items if self.project else ()
        inside = [item for item in items if not test or f"{item.id}::".startswith(f"{test}::")]
        return bool(inside) and all(item.verdict is Verdict.PASSED for item in inside)

    @property
    def first_failure(self) -> ItemOutcome | None:
        """The first project test item that went wrong."""
        items = self.project.items if self.project else ()
        fine = (Verdict.PASSED, Verdict.BLOCKED, Verdict.SKIPPED)
        return next((item for item in items if item.verdict not in fine), None)

    def passes(self, test: TestCandidate) -> bool:
        """Whether it passed a generated check; one that was not run is not passed."""
        item = self.generated.get(test.id)
        return item is not None and item.verdict is Verdict.PASSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about a stub's candidates."""

    stub: str  # Stub.id
    project_tests: tuple[str, ...]  # node ids of the gate; (): none belongs to the stub
    tests: tuple[TestCandidate, ...]  # generated checks and docstring examples
    codes: tuple[CodeEvidence, ...]  # in order of arrival
    trusts_tests: bool = True  # False: of generated checks only the calls count, not the results

    @property
    def telling(self) -> tuple[TestCandidate, ...]:
        """Checks whose expected values count."""
        return self.tests if self.trusts_tests else self.trusted

    @property
    def trusted(self) -> tuple[TestCandidate, ...]:
        """Checks that the user wrote: docstring examples."""
        return tuple(test for test in self.tests if test.trusted)
