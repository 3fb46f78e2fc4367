"""One run, from the stubs that were found to a report: the whole journey in order."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pytest_supercharger.clean.candidates import CodeCandidate, example_checks
from pytest_supercharger.clean.style import find_style
from pytest_supercharger.config import FinalRun as WhereFinal
from pytest_supercharger.config import Mode, Require, Settings
from pytest_supercharger.confirm import Confirmation, confirm, limits_of
from pytest_supercharger.context import Context, LinkedTest, ProjectFiles, gather_context
from pytest_supercharger.deliver import Refused, diffs_of, save_patch, write_all
from pytest_supercharger.entangled import Filling, Result
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.exceptions import SetupError, SourceError
from pytest_supercharger.fill import Filled, NotFilled, Waiting, fill_stub, filled
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.linking import EVERYTHING, Links, as_argument, link
from pytest_supercharger.models.base import Model
from pytest_supercharger.planning import Plan, make_plan, matches
from pytest_supercharger.prompts import (
    Prompts,
    RequestKind,
    context_budget,
    prompt_tokens,
    render,
)
from pytest_supercharger.reporting import progress as events
from pytest_supercharger.reporting.report import FileDiff, Report, Skipped, StubReport
from pytest_supercharger.sandboxes.base import Check, CheckKind, Sandbox
from pytest_supercharger.search import MAX_FAILURES, Budget, Task, Tools
from pytest_supercharger.search import Hooks as SearchHooks
from pytest_supercharger.stubs import Found, SourceText, Stub
from pytest_supercharger.summary import (
    final_run,
    report_filled,
    report_listed,
    report_not_filled,
    trouble_failures,
)
from pytest_supercharger.tree import Tree

UNLIMITED_CONTEXT = 6000  # tokens of context for a model that names no limit


class Hooks(SearchHooks, Protocol):
    """What the user's conftest may have a say in, or is told."""

    def filled(self, stub: Stub, result: Result) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the user asked for and what was found."""

    settings: Settings
    rootdir: Path
    found: Found
    sources: Mapping[str, SourceText]  # of every file that holds a stub
    only: tuple[str, ...]  # targets that narrow the stubs
    selection: tuple[str, ...]  # pytest arguments that choose the tests
    narrowed: bool  # the user chose tests
    command: tuple[str, ...]  # how the run was started
    notes: tuple[str, ...]  # said once: what was neutralised


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the run works with; concrete ones are made by the caller."""

    model: Model
    sandbox: Sandbox
    prompts: Prompts
    hooks: Hooks
    ledger: Ledger
    ledger_run: int
    progress: events.Progress


def run(inputs: Inputs, rooms: Rooms) -> Report:
    """Fill the stubs and deliver; a Ctrl-C ends in a report of what there is."""
    journey = _Journey(inputs, rooms)
    try:
        journey.link()
        journey.plan()
        if inputs.settings.mode is not Mode.LIST:
            journey.fill()
            journey.confirm()
            journey.deliver()
    except KeyboardInterrupt:
        journey.interrupted = True
    return journey.report()


@dataclass
class _Journey:
    inputs: Inputs
    rooms: Rooms
    interrupted: bool = False
    searching: str = ""  # id of the stub whose turn it is, or was last
    delivered: bool = False
    links: Links | None = None
    the_plan: Plan | None = None
    results: dict[str, Result | Waiting] = field(default_factory=dict)
    taken: dict[str, CodeCandidate] = field(default_factory=dict)  # by stub id, in place so far
    confirmation: Confirmation | None = None
    refused: tuple[Refused, ...] = ()
    diffs: dict[str, str] = field(default_factory=dict)
    patch: str = ""
    troubles: list[str] = field(default_factory=list)  # in delivering, said at the end
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.settings = self.inputs.settings
        self.stubs = self.inputs.found.stubs
        self.tree = Tree(self.inputs.sources, self.stubs)
        self.files = ProjectFiles(self.inputs.rootdir)
        self.tell = self.rooms.progress.tell

    # --- the steps

    def link(self) -> None:
        """Learn which tests reach which stub."""
        self.tell(events.Linking())
        began = time.monotonic()
        self.links = link(
            self.stubs,
            sources={path: source.text for path, source in self.inputs.sources.items()},
            sandbox=self.rooms.sandbox,
            selection=self.inputs.selection,
            timeout=self.settings.timeout,
            rootdir=self.inputs.rootdir,
        )
        seconds = time.monotonic() - began
        covered = len(self.links.tests)
        self.tell(events.Linked(tests=len(self.links.seconds), stubs=covered, seconds=seconds))

    def plan(self) -> None:
        """Decide which stubs are filled, in which order."""
        self.the_plan = make_plan(
            self.stubs, self.known, only=self.inputs.only, narrowed=self.inputs.narrowed
        )

    def fill(self) -> None:
        """Search for a body of each stub; winners are in place for the stubs after them."""
        plan, tests = self.planned, dict(self.known.tests)
        self.links = replace(self.known, tests=tests)  # more become known while they are filled
        filling = Filling(
            bench=self,
            stubs={stub.id: stub for stub in (*plan.order, *plan.optional)},
            tests=tests,
            seconds=self.settings.seconds,
            taken=self.taken,
            results=self.results,
        )
        filling.fill(plan.order)
        self.the_plan = plan.joined_by(self.results)

    def confirm(self) -> None:
        """Stock pytest on all winners together."""
        if not self.taken:
            return
        self.tell(events.Confirming(stubs=len(self.taken)))
        self.confirmation = confirm(
            {stub: self._belonging(stub) for stub in self.taken},
            tree=lambda stubs: self.tree.files({stub: self.taken[stub] for stub in stubs}),
            links=self.known,
            sandbox=self.rooms.sandbox,
            selection=self.inputs.selection,
            timeout=self.settings.timeout,
            rootdir=self.inputs.rootdir,
        )
        for stub, items in self.confirmation.broken.items():
            del self.taken[stub]
            self._take_back(stub, f"it breaks {items[0].id}: {_first_line(items[0].detail)}")

    def deliver(self) -> None:
        """Write, or make the diff or the patch."""
        with _undisturbed():
            if self.settings.mode is Mode.WRITE:
                self._write()
            else:
                self._show()
            self.delivered = True

    def _show(self) -> None:
        self.diffs = diffs_of(self.tree, self.taken)
        if self.settings.mode is Mode.PATCH:
            save_patch(self.settings.patch, self.diffs.values())
            self.patch = _shown(self.settings.patch)

    def _write(self) -> None:
        everything = diffs_of(self.tree, self.taken)
        for path in everything:
            bodies = sum(stub.path == path for stub in self.stubs if stub.id in self.taken)
            self.tell(events.Writing(path=path, stubs=bodies))
        self.refused = write_all(
            self.tree,
            self.taken,
            rootdir=self.inputs.rootdir,
            ledger=self.rooms.ledger,
            run=self.rooms.ledger_run,
        )
        kept = [everything[refused.path] for refused in self.refused]
        waiting = self._waiting_for_others()
        kept += list(diffs_of(self.tree, waiting).values()) if waiting else []
        if kept:
            self._keep_back(kept)

    def _keep_back(self, diffs: list[str]) -> None:
        """As a patch; where its place is full or read-only, beside the ledger."""
        for path in (self.settings.patch, self.rooms.ledger.path.with_suffix(".patch")):
            try:
                save_patch(path, diffs)
            except SourceError as error:
                self.troubles.append(str(error))
            else:
                self.patch = _shown(path)
                return

    # --- one stub

    def start(self, stub: Stub, number: int, of: int) -> None:
        self.searching = stub.id
        tests = len(self._belonging(stub.id))
        self.tell(events.StubStarted(stub=stub.id, number=number, of=of, tests=tests))

    def search(
        self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
    ) -> Result | Waiting:
        impossible = self._impossible(stub, tests)
        if impossible:
            return NotFilled(stub=stub, reason=impossible, more_may_help=False)
        try:
            task = self._task(stub, tests, taken)
        except SetupError as error:
            return NotFilled(stub=stub, reason=str(error), more_may_help=False)
        if task.context.dropped:
            data: dict[str, object] = {"parts": list(task.context.dropped)}
            self.rooms.ledger.record_decision(self.rooms.ledger_run, stub.id, "dropped", data)
        return fill_stub(task, self._tools(), self._style(stub))

    def check(
        self,
        stub: Stub,
        codes: Sequence[CodeEvidence],
        tests: tuple[str, ...],
        taken: Mapping[str, CodeCandidate],
    ) -> list[CodeEvidence]:
        by_id = {code.candidate.id: code for code in codes}
        checks = [self._check_again(stub, code.candidate, tests, taken) for code in codes]
        for outcome in self.rooms.sandbox.run(checks):
            by_id[outcome.check] = replace(by_id[outcome.check], project=outcome)
        return [by_id[code.candidate.id] for code in codes]

    def wait(self, waiting: Waiting) -> None:
        self.tell(events.StubWaits(stub=waiting.stub.id, others=waiting.blocked_by))

    def choose(self, waiting: Waiting, code: CodeEvidence) -> Filled:
        style = self._style(waiting.stub)
        return filled(waiting.stub, waiting.searched, code, style, covered=True)

    def finish(self, stub: Stub, result: Result) -> None:
        self.rooms.hooks.filled(stub, result)
        data: dict[str, object] = {
            "filled": isinstance(result, Filled),
            "reason": result.reason if isinstance(result, NotFilled) else "",
            "body": result.candidate.body if isinstance(result, Filled) else "",
        }
        self.rooms.ledger.record_decision(self.rooms.ledger_run, stub.id, "result", data)
        self.tell(events.StubDone(report=self._stub_report(stub)))

    def _style(self, stub: Stub) -> str:
        folder = (self.inputs.rootdir / stub.path).parent
        return find_style(str(folder), str(self.inputs.rootdir), self.tree.source(stub.path))

    def _impossible(self, stub: Stub, gate: tuple[str, ...]) -> str:
        """Why a stub need not be searched for; ""."""
        if self.known.problem:
            return _first_line(self.known.problem)
        if gate:
            return ""
        if stub.id in self.known.cannot_run:
            return f"its tests cannot run here: {self.known.cannot_run[stub.id]}"
        if self.settings.require is Require.TESTS:
            return "no project test reaches it (--supercharge-require=tests)"
        return ""

    def _task(self, stub: Stub, gate: tuple[str, ...], taken: Mapping[str, CodeCandidate]) -> Task:
        return Task(
            stub=stub,
            context=self._context(stub, gate),
            module_source=self.tree.source(stub.path),
            files=self.tree.open_for(stub, taken),
            gate=gate,
            args=self._arguments(gate),
            timeout=self.settings.timeout,
            limits=self._limits(gate),
            examples=tuple(example_checks(stub)),
        )

    def _context(self, stub: Stub, gate: tuple[str, ...]) -> Context:
        model = self.rooms.model
        tests = [LinkedTest(id=test, belongs=True) for test in gate if test]
        tests += [
            LinkedTest(id=test, belongs=False) for test in self.known.vacuous.get(stub.id, ())
        ]
        limit = model.info.context
        budget = (
            context_budget(self.rooms.prompts, limit, model.count_tokens)
            if limit
            else UNLIMITED_CONTEXT
        )
        return gather_context(
            stub,
            rootdir=self.inputs.rootdir,
            tests=tests,
            all_stubs=self.stubs,
            budget=budget,
            count=model.count_tokens,
            files=self.files,
        )

    def _belonging(self, stub: str) -> tuple[str, ...]:
        return self.known.tests.get(stub, ())

    def _arguments(self, gate: tuple[str, ...]) -> tuple[str, ...]:
        if EVERYTHING in gate:
            return self.inputs.selection
        whole = {test for test in gate if "::" not in test}  # files: their tests come with them
        tests = [test for test in gate if test in whole or test.split("::")[0] not in whole]
        return tuple(as_argument(test, self.inputs.rootdir) for test in tests)

    def _limits(self, gate: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
        wanted = {"", *gate}
        limits = limits_of(self.known, self.settings.timeout)
        # Rounded: a stored outcome is found again only under the very same limits.
        return tuple((test, _round_up(limit)) for test, limit in limits if test in wanted)

    def _check_again(
        self,
        stub: Stub,
        candidate: CodeCandidate,
        gate: tuple[str, ...],
        taken: Mapping[str, CodeCandidate],
    ) -> Check:
        return Check(
            id=candidate.id,
            kind=CheckKind.PROJECT,
            files=self.tree.open_for(stub, {**taken, stub.id: candidate}),
            args=self._arguments(gate),
            timeout=self.settings.timeout,
            limits=self._limits(gate),
            max_failures=MAX_FAILURES,
            control=True,
        )

    def _waiting_for_others(self) -> dict[str, CodeCandidate]:
        """Bodies that only wait for a stub that was not filled."""
        return {
            stub: result.nearest.candidate
            for stub, result in self.results.items()
            if isinstance(result, NotFilled) and result.nearest and result.nearest.blocked_by
        }

    def _take_back(self, stub_id: str, reason: str) -> None:
        result = self.results[stub_id]
        assert isinstance(result, Filled)
        self.results[stub_id] = _taken_back(result, reason)

    # --- what is at hand

    @property
    def known(self) -> Links:
        assert self.links is not None
        return self.links

    @property
    def planned(self) -> Plan:
        assert self.the_plan is not None
        return self.the_plan

    def _tools(self) -> Tools:
        settings = self.settings
        return Tools(
            model=self.rooms.model,
            sandbox=self.rooms.sandbox,
            judge=self.rooms.model,
            prompts=self.rooms.prompts,
            hooks=self.rooms.hooks,
            journal=_Journal(self.rooms),
            budget=Budget(
                candidates=settings.candidates,
                tests=settings.tests,
                rounds=settings.rounds,
                seconds=settings.seconds,
                tokens=settings.tokens,
            ),
            seed=settings.seed,
            temperature=settings.temperature,
            threshold=settings.threshold,
            prompt_limit=self.rooms.model.info.context,
        )

    # --- the report

    def report(self) -> Report:
        """All there is to say, also about a run that was interrupted."""
        stubs = self.the_plan.order if self.the_plan else ()
        reports = tuple(map(self._stub_report, stubs))
        final = final_run(self.confirmation) if self.confirmation else None
        red = self.links.red if self.links else ()
        unfinished = Report(
            mode=self.settings.mode.value,
            exit=0,
            stubs=reports,
            skipped=self._skipped(),
            model=None if self.settings.mode is Mode.LIST else self.rooms.model.info,
            sandbox=self.rooms.sandbox.info,
            final=None if self.settings.final is WhereFinal.NONE else final,
            seconds=time.monotonic() - self.began,
            already_failing=tuple(each.test for each in red if "::" in each.test),
            environment_failures=trouble_failures(self.links.environment if self.links else ()),
            collection_errors=trouble_failures(each for each in red if "::" not in each.test),
            notes=self._notes(),
            diffs=tuple(FileDiff(path=path, text=diff) for path, diff in self.diffs.items())
            if self.settings.mode is Mode.DIFF
            else (),
            patch=self.patch,
            rootdir=_elsewhere(self.inputs.rootdir),
            interrupted=self.interrupted,
            command=self.inputs.command,
            candidates=self.settings.candidates,
        )
        return replace(unfinished, exit=exit_code(unfinished))

    def _stub_report(self, stub: Stub) -> StubReport:
        if self.settings.mode is Mode.LIST:
            return report_listed(stub, self.known, self._first_prompt_tokens(stub))
        result = self.results.get(stub.id)
        if result is None:
            when = "while it was searched for" if stub.id == self.searching else "before its turn"
            result = NotFilled(stub=stub, reason=f"interrupted {when}")
        elif isinstance(result, Filled) and self.interrupted and not self.delivered:
            result = _taken_back(result, "interrupted; a body was found, it is not written yet")
        if isinstance(result, Waiting):
            result = result.given_up(result.blocked_by)
        if isinstance(result, NotFilled):
            return report_not_filled(result, self.known)
        refused = next((each for each in self.refused if each.path == stub.path), None)
        return report_filled(result, self.known, refused)

    def _first_prompt_tokens(self, stub: Stub) -> int:
        context = self._context(stub, self._belonging(stub.id))
        prompt = render(RequestKind.CODE, context, prompts=self.rooms.prompts)
        return prompt_tokens(prompt, self.rooms.model.count_tokens)

    def _skipped(self) -> tuple[Skipped, ...]:
        alone = self.the_plan.left_alone if self.the_plan else ()
        skipped = [Skipped(id=each.stub.id, reason=each.reason) for each in alone]
        skipped += [Skipped(id=f.path, reason=f.reason) for f in self.inputs.found.unreadable]
        return tuple(skipped)

    def _notes(self) -> tuple[str, ...]:
        notes = [*self.rooms.ledger.warnings, *self.inputs.notes]
        if self.links:
            notes += self.links.warnings
            notes += [self.links.problem] if self.links.problem else []
        if self.confirmation and self.confirmation.flaky:
            notes.append(f"flaky, left out of the gate: {', '.join(self.confirmation.flaky)}")
        notes += [
            f"--supercharge-only={target} matches no stub"
            for target in self.inputs.only
            if self.links and not any(matches(target, s, self.known.modules) for s in self.stubs)
        ]
        return (*notes, *self.troubles)


class _Journal:
    """Decisions to the ledger, progress to the user."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._best: dict[str, int] = {}

    def decided(self, stub: str, kind: str, data: dict[str, object]) -> None:
        self._rooms.ledger.record_decision(self._rooms.ledger_run, stub, kind, data)

    def round_started(self, stub: str, number: int, rounds: int) -> None:
        self._rooms.progress.tell(events.RoundStarted(stub=stub, number=number, of=rounds))

    def candidate_checked(self, stub: str, checked: int, passed: int, total: int) -> None:
        best = self._best[stub] = max(self._best.get(stub, 0), passed)
        self._rooms.progress.tell(
            events.Checked(stub=stub, checked=checked, of=checked, best_passed=best, best_of=total)
        )


def _taken_back(result: Filled, reason: str) -> NotFilled:
    return NotFilled(stub=result.stub, reason=reason, searched=result.searched, nearest=result.code)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C has no effect: all is delivered in a moment, and the report says what was."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def exit_code(report: Report) -> int:
    """The contract's exit code of a run that found stubs."""
    if report.interrupted:
        return 2
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


def _round_up(seconds: float) -> float:
    limit = 10.0
    while limit < seconds:
        limit *= 2
    return limit


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
