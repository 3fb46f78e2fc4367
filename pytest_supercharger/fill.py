"""One stub, from what is known of it to a body or the reason why there is none."""

from __future__ import annotations

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
    blocked_by: tuple[str, ...] = ()  # open stubs its tests stop at: only provisional
    alternatives: tuple[CodeCandidate, ...] = ()  # of a provisional one, next best first

    @property
    def control(self) -> str:
        """What the in-process check was worth, as reported."""
        control = self.code.project.control if self.code.project else Control.NONE
        return control.value or Control.NONE.value


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFilled:
    """No body is good enough."""

    stub: Stub
    reason: str
    searched: Searched | None = None  # None: it was not searched for
    nearest: CodeEvidence | None = None
    more_may_help: bool = True


def fill_stub(task: Task, tools: Tools, style: str) -> Filled | NotFilled:
    """Search for a body and put the chosen one into the project's style."""
    searched = search(task, tools)
    chosen = searched.selection.chosen
    if chosen:
        return _filled(task, searched, chosen, style)
    waiting = [code for code in searched.evidence.codes if code.blocked_by]
    if waiting:
        return _provisional(task, searched, waiting, style)
    return NotFilled(
        stub=task.stub,
        reason=_reason(searched),
        searched=searched,
        nearest=searched.selection.nearest,
    )


def _filled(task: Task, searched: Searched, chosen: CodeEvidence, style: str) -> Filled:
    return Filled(
        stub=task.stub,
        candidate=style_candidate(chosen.candidate, task.stub, style),
        code=chosen,
        searched=searched,
        covered=bool(task.gate),
    )


def _provisional(task: Task, searched: Searched, waiting: list[CodeEvidence], style: str) -> Filled:
    """The best of those that only wait for another stub."""
    ranked = sorted(waiting, key=lambda code: (-code.tests_passed, -code.multiplicity))
    styled = [style_candidate(code.candidate, task.stub, style) for code in ranked[:4]]
    return Filled(
        stub=task.stub,
        candidate=styled[0],
        code=ranked[0],
        searched=searched,
        covered=True,
        blocked_by=tuple(dict.fromkeys(stub for code in waiting for stub in code.blocked_by)),
        alternatives=tuple(styled[1:]),
    )


def _reason(searched: Searched) -> str:
    reasons = [searched.selection.reason, searched.stopped]
    return "; ".join(reason for reason in reasons if reason)
