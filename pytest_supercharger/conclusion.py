"""What is there to say of a run, also of one that was interrupted?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.config import FinalRun as WhereFinal
from pytest_supercharger.config import Mode, Settings
from pytest_supercharger.confirm import Confirmation
from pytest_supercharger.deliver import Refused
from pytest_supercharger.entangled import Result
from pytest_supercharger.fill import Filled, NotFilled, Waiting
from pytest_supercharger.linking import Links
from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.planning import Plan, matches
from pytest_supercharger.reporting.report import FileDiff, Report, Skipped, StubReport
from pytest_supercharger.sandboxes.base import Sandbox
from pytest_supercharger.stubs import Found, Stub
from pytest_supercharger.summary import (
    final_run,
    report_filled,
    report_listed,
    report_not_filled,
    trouble_failures,
)


@dataclass(kw_only=True)
class SoFar:
    """What a run was asked for, and what it has come to."""

    settings: Settings
    rootdir: Path
    found: Found
    only: tuple[str, ...]  # targets that narrow the stubs
    command: tuple[str, ...]  # how the run was started
    notes: tuple[str, ...]  # said once: what was neutralised
    links: Links | None = None
    plan: Plan | None = None
    results: dict[str, Result | Waiting] = field(default_factory=dict)
    taken: dict[str, CodeCandidate] = field(default_factory=dict)  # by stub id, in place so far
    confirmation: Confirmation | None = None
    refused: tuple[Refused, ...] = ()
    diffs: dict[str, str] = field(default_factory=dict)
    patch: Path | None = None
    troubles: list[str] = field(default_factory=list)  # in delivering, said at the end
    delivered: bool = False
    interrupted: bool = False
    error: str = ""  # what interrupted it; "" for Ctrl-C
    began: float = field(default_factory=time.monotonic)

    @property
    def known(self) -> Links:
        """The links, once they are there."""
        assert self.links is not None
        return self.links

    @property
    def planned(self) -> Plan:
        """The plan, once it is made."""
        assert self.plan is not None
        return self.plan

    def waiting_for_others(self) -> dict[str, CodeCandidate]:
        """Bodies that only wait for a stub that was not filled, by stub id."""
        return {
            stub: result.nearest.candidate
            for stub, result in self.results.items()
            if isinstance(result, NotFilled) and result.nearest and result.nearest.blocked_by
        }

    def say_kept(self, stubs: Iterable[str]) -> None:
        """These were not filled, and the patch has the best there is."""
        for stub in stubs:
            result = self.results[stub]
            assert isinstance(result, NotFilled)
            reason = f"{result.reason}; the nearest body is kept as a patch"
            self.results[stub] = replace(result, reason=reason)

    def take_back(self, stub: str, reason: str) -> None:
        """A body that was found, and is not to be used after all."""
        result = self.results[stub]
        assert isinstance(result, Filled)
        del self.taken[stub]
        self.results[stub] = result.taken_back(reason)


def conclude(
    so_far: SoFar,
    *,
    model: ModelInfo,
    then: ModelInfo | None,
    judge: ModelInfo | None,
    sandbox: Sandbox,
    searching: str,
    warnings: Sequence[str],
    tokens: Callable[[Stub], int],
    in_vain: Mapping[str, int],
) -> Report:
    """All there is to say.

    ``searching``: id of the stub whose turn it is, or was last; ``warnings``: of the ledger;
    ``tokens``: size of the first prompt for a stub, which a list tells; ``in_vain``: tokens that
    were decoded for a stub and never looked at.
    """
    settings, links, final = so_far.settings, so_far.links, so_far.confirmation
    listing = settings.mode is Mode.LIST
    stubs = so_far.plan.order if so_far.plan else ()
    red = links.red if links else ()
    unfinished = Report(
        mode=settings.mode.value,
        exit=0,
        stubs=tuple(
            report_listed(stub, so_far.known, tokens(stub))
            if listing
            else _with_spent(_stub_report(stub, so_far, searching), in_vain.get(stub.id, 0))
            for stub in stubs
        ),
        skipped=_skipped(so_far),
        model=None if listing else model,
        then=None if listing else then,
        judge=None if listing else judge,
        sandbox=sandbox.info,
        final=final_run(final) if final and settings.final is not WhereFinal.NONE else None,
        seconds=time.monotonic() - so_far.began,
        already_failing=tuple(each.test for each in red if "::" in each.test),
        environment_failures=trouble_failures(links.environment if links else ()),
        collection_errors=trouble_failures(each for each in red if "::" not in each.test),
        notes=_notes(so_far, warnings),
        diffs=tuple(FileDiff(path=path, text=diff) for path, diff in so_far.diffs.items())
        if settings.mode is Mode.DIFF
        else (),
        patch=_shown(so_far.patch) if so_far.patch else "",
        rootdir=_elsewhere(so_far.rootdir),
        interrupted=so_far.interrupted,
        error=so_far.error,
        command=so_far.command,
        candidates=settings.candidates,
    )
    return replace(unfinished, exit=exit_code(unfinished))


def _stub_report(stub: Stub, so_far: SoFar, searching: str) -> StubReport:
    result = so_far.results.get(stub.id)
    if result is None:
        when = "while it was searched for" if stub.id == searching else "before its turn"
        result = NotFilled(stub=stub, reason=f"interrupted {when}")
    elif isinstance(result, Filled) and so_far.interrupted and not so_far.delivered:
        result = result.taken_back("interrupted; a body was found, it is not written yet")
    if isinstance(result, Waiting):
        result = result.given_up(result.blocked_by)
    if isinstance(result, NotFilled):
        return report_not_filled(result, so_far.known)
    refused = next((each for each in so_far.refused if each.path == stub.path), None)
    return report_filled(result, so_far.known, refused)


def _with_spent(report: StubReport, tokens: int) -> StubReport:
    spent = report.tokens.spent + tokens
    return replace(report, tokens=replace(report.tokens, spent=spent))


def _skipped(so_far: SoFar) -> tuple[Skipped, ...]:
    alone = so_far.plan.left_alone if so_far.plan else ()
    skipped = [Skipped(id=each.stub.id, reason=each.reason) for each in alone]
    skipped += [Skipped(id=f.path, reason=f.reason) for f in so_far.found.unreadable]
    return tuple(skipped)


def _notes(so_far: SoFar, warnings: Sequence[str]) -> tuple[str, ...]:
    notes, links = [*warnings, *so_far.notes], so_far.links
    if links:
        notes += links.warnings
        notes += [links.problem] if links.problem else []
    if so_far.confirmation and so_far.confirmation.flaky:
        notes.append(f"flaky, left out of the gate: {', '.join(so_far.confirmation.flaky)}")
    notes += [
        f"--supercharge-only={target} matches no stub"
        for target in so_far.only
        if links and not any(matches(target, s, links.modules) for s in so_far.found.stubs)
    ]
    return (*notes, *so_far.troubles)


def exit_code(report: Report) -> int:
    """The contract's exit code of a run that found stubs."""
    if report.interrupted:
        return 4 if report.error else 2
    if report.mode in ("diff", "list"):
        return 1 if report.stubs else 0
    filled = all(stub.status.value in ("verified", "agreed") for stub in report.stubs)
    return 0 if filled and (report.final is None or report.final.green) else 1


def _shown(path: Path) -> str:
    """A path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _elsewhere(rootdir: Path) -> str:
    return "" if rootdir == Path.cwd() else os.path.relpath(rootdir)
