"""One stub, from what is known of it to a body or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.clean.style import style_candidate
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.sandboxes.base import Control
from pytest_supercharger.search import Searched, Task, Tools, search
from pytest_supercharger.stubs import Stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A body was found."""

    stub: Stub
    candidate: CodeCandidate  # in the style of the project
    code: CodeEvidence  # what speaks for it
    searched: Searched
    covered: bool  # project tests belong to the stub: verified, else agreed

    @property
    def control(self) -> str:
        """What the in-process check was worth, as reported."""
        control = self.code.project.control if self.code.project else Control.NONE
        return control.value or Control.NONE.value

    def taken_back(self, reason: str) -> NotFilled:
        """The result when the body is not to be used after all."""
        return NotFilled(stub=self.stub, reason=reason, searched=self.searched, nearest=self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFilled:
    """No body is good enough."""

    stub: Stub
    reason: str
    searched: Searched | None = None  # None: it was not searched for
    nearest: CodeEvidence | None = None
    more_may_help: bool = True
    fits: bool = True  # False: a prompt for it is too long for the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """No body passes yet, and some have nothing against them but tests that stop elsewhere."""

    stub: Stub
    codes: tuple[CodeEvidence, ...]  # those that wait, best first
    searched: Searched

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """The open stubs at which its tests stop."""
        return tuple(dict.fromkeys(stub for code in self.codes for stub in code.blocked_by))

    def given_up(self, still_open: Sequence[str]) -> NotFilled:
        """The result when those stubs stay open."""
        reason = f"its tests stop at {', '.join(still_open)}, not filled"
        return NotFilled(
            stub=self.stub, reason=reason, searched=self.searched, nearest=self.codes[0]
        )

    def failed(self) -> NotFilled:
        """The result when none of the bodies passes with those stubs filled."""
        reason = f"no body passes with {', '.join(self.blocked_by)} filled"
        return NotFilled(stub=self.stub, reason=reason, searched=self.searched)


def fill_stub(task: Task, tools: Tools, style: str) -> Filled | NotFilled | Waiting:
    """Search for a body and put the chosen one into the project's style."""
    searched = search(task, tools)
    chosen = searched.selection.chosen
    if chosen:
        return filled(task.stub, searched, chosen, style, covered=bool(task.gate))
    waiting = ranked(code for code in searched.evidence.codes if code.blocked_by)
    if waiting:
        return Waiting(stub=task.stub, codes=waiting, searched=searched)
    return NotFilled(
        stub=task.stub,
        reason=_reason(searched),
        searched=searched,
        nearest=searched.selection.nearest,
    )


def filled(
    stub: Stub, searched: Searched, chosen: CodeEvidence, style: str, *, covered: bool
) -> Filled:
    """The result with ``chosen`` as the body."""
    return Filled(
        stub=stub,
        candidate=style_candidate(chosen.candidate, stub, style),
        code=chosen,
        searched=searched,
        covered=covered,
    )


def ranked(codes: Iterable[CodeEvidence]) -> tuple[CodeEvidence, ...]:
    """Bodies that passed more tests first, then those that came more often."""
    return tuple(sorted(codes, key=lambda code: (-code.tests_passed, -code.multiplicity)))


def _reason(searched: Searched) -> str:
    why = "" if searched.evidence.codes else searched.rejected
    reasons = [searched.selection.reason, why, searched.stopped]
    return "; ".join(reason for reason in reasons if reason)
