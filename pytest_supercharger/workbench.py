"""How is one stub searched, and how are its bodies checked, on the tree as it stands?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeGuard

from pytest_supercharger.bundled import is_tiny
from pytest_supercharger.clean.candidates import CodeCandidate, example_checks
from pytest_supercharger.clean.style import find_style
from pytest_supercharger.config import Require, Settings
from pytest_supercharger.confirm import limits_of
from pytest_supercharger.context import Context, LinkedTest, ProjectFiles, gather_context
from pytest_supercharger.entangled import Result
from pytest_supercharger.evidence import CodeEvidence
from pytest_supercharger.exceptions import ModelUnavailable, PromptRefused, SetupError
from pytest_supercharger.fill import Filled, NotFilled, Waiting, fill_stub, filled
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.linking import EVERYTHING, Links, as_argument
from pytest_supercharger.models.ahead import Announcing, Foreseeing
from pytest_supercharger.models.base import Model, Request
from pytest_supercharger.prompts import (
    Prompts,
    RequestKind,
    context_budget,
    prompt_tokens,
    render,
)
from pytest_supercharger.reporting import progress as events
from pytest_supercharger.sandboxes.base import Check, CheckKind, Sandbox
from pytest_supercharger.search import (
    MAX_FAILURES,
    Budget,
    Searched,
    Task,
    Tools,
    first_requests,
)
from pytest_supercharger.search import Hooks as SearchHooks
from pytest_supercharger.stubs import Stub
from pytest_supercharger.summary import report_filled, report_not_filled
from pytest_supercharger.tree import Tree

UNLIMITED_CONTEXT = 6000  # tokens of context for a model that names no limit


class Hooks(SearchHooks, Protocol):
    """What the user's conftest may have a say in, or is told."""

    def filled(self, stub: Stub, result: Result) -> None: ...


@dataclass(kw_only=True)
class Workbench:
    """The bench of ``entangled``, over one model, one judge and one sandbox."""

    settings: Settings
    rootdir: Path
    selection: tuple[str, ...]  # pytest arguments that choose the tests
    stubs: tuple[Stub, ...]  # all of the project
    tree: Tree
    links: Links
    model: Model
    judge: Model | None = None  # None: the model judges as well
    sandbox: Sandbox
    wording: Prompts  # of all families of models
    hooks: Hooks
    ledger: Ledger
    ledger_run: int
    progress: events.Progress
    leaves_to: str = ""  # name of the model that is asked next for what is left; "" for none
    order: Sequence[Stub] = ()  # in which the stubs will have their turn, as far as is known
    searching: str = ""  # id of the stub whose turn it is, or was last
    searched: dict[str, Searched] = field(default_factory=dict)  # by stub id, costs added up

    def __post_init__(self) -> None:
        self.files = ProjectFiles(self.rootdir)
        self.tell = self.progress.tell
        self.prompts = self.wording.of(self.model.info.family)
        self._begun: set[str] = set()  # stubs that had their turn
        self._prepared: dict[tuple[str, tuple[str, ...]], _Prepared] = {}

    def start(self, stub: Stub, number: int, of: int) -> None:
        self.searching = stub.id
        tests = len(self.belonging(stub.id))
        self.tell(events.StubStarted(stub=stub.id, number=number, of=of, tests=tests))

    def search(
        self, stub: Stub, tests: tuple[str, ...], taken: Mapping[str, CodeCandidate]
    ) -> Result | Waiting:
        self._begun.add(stub.id)
        impossible = self._impossible(stub, tests)
        if impossible:
            return NotFilled(stub=stub, reason=impossible, more_may_help=False)
        try:
            task = self._task(stub, tests, taken)
        except ModelUnavailable:  # it is asked to count tokens
            raise
        except SetupError as error:
            return self._too_long(stub, error)
        if task.context.dropped:
            data: dict[str, object] = {"parts": list(task.context.dropped)}
            self.ledger.record_decision(self.ledger_run, stub.id, "dropped", data)
        tools = self._tools(self._announcing(task, taken))
        try:
            return self._with_costs(fill_stub(task, tools, self._style(stub)))
        except PromptRefused as error:  # its context is not known beforehand
            return self._too_long(stub, error)

    def _too_long(self, stub: Stub, error: SetupError) -> NotFilled:
        """A bigger model may have a larger context."""
        bigger_may_help = bool(self.leaves_to) or is_tiny(self.model.info.source)
        return NotFilled(stub=stub, reason=str(error), more_may_help=bigger_may_help, fits=False)

    def _announcing(self, task: Task, taken: Mapping[str, CodeCandidate]) -> Model:
        """The model, which is told in time what comes after each request."""
        model = self.model
        if not isinstance(model, Foreseeing) or model.info.slots < 2:
            return model
        own = [request for request in task.first if request.kind is RequestKind.CODE]
        following = {RequestKind.TESTS: own, RequestKind.CODE: self._next_requests(taken)}
        return Announcing(model, following)

    def _next_requests(self, taken: Mapping[str, CodeCandidate]) -> tuple[Request, ...]:
        """Of the stub whose turn is next; () for the last one."""
        for stub in self.order:
            gate = self.belonging(stub.id)
            if stub.id in self._begun or stub.id in taken or self._impossible(stub, gate):
                continue
            try:
                return self._prepare(stub, gate).first
            except SetupError:  # said when its turn has come
                return ()
        return ()

    def _prepare(self, stub: Stub, gate: tuple[str, ...]) -> _Prepared:
        """Kept until it is used: the hooks of a conftest see each prompt once."""
        key = (stub.id, gate)
        if key not in self._prepared:
            context = self._context(stub, gate)
            first = first_requests(stub, context, self._tools(self.model), covered=bool(gate))
            self._prepared[key] = _Prepared(context=context, first=first)
        return self._prepared[key]

    def _with_costs(self, result: Result | Waiting) -> Result | Waiting:
        """With what earlier searches for the same stub cost."""
        assert result.searched is not None
        earlier = self.searched.get(result.stub.id)
        searched = result.searched.and_before(earlier) if earlier else result.searched
        self.searched[result.stub.id] = searched
        return replace(result, searched=searched)

    def check(
        self,
        stub: Stub,
        codes: Sequence[CodeEvidence],
        tests: tuple[str, ...],
        taken: Mapping[str, CodeCandidate],
    ) -> list[CodeEvidence]:
        by_id = {code.candidate.id: code for code in codes}
        checks = [self._check_again(stub, code.candidate, tests, taken) for code in codes]
        for outcome in self.sandbox.run(checks):
            by_id[outcome.check] = replace(by_id[outcome.check], project=outcome)
        return [by_id[code.candidate.id] for code in codes]

    def wait(self, waiting: Waiting) -> None:
        self.tell(events.StubWaits(stub=waiting.stub.id, others=waiting.blocked_by))

    def choose(self, waiting: Waiting, code: CodeEvidence) -> Filled:
        style = self._style(waiting.stub)
        return filled(waiting.stub, waiting.searched, code, style, covered=True)

    def finish(self, stub: Stub, result: Result) -> None:
        if self.leaves_to and is_left(result):
            self.tell(events.StubLeft(stub=stub.id, model=self.leaves_to))
        else:
            self.settle(stub, result)

    def settle(self, stub: Stub, result: Result) -> None:
        """Tell what became of a stub in the end."""
        self.hooks.filled(stub, result)
        data: dict[str, object] = {
            "filled": isinstance(result, Filled),
            "reason": result.reason if isinstance(result, NotFilled) else "",
            "body": result.candidate.body if isinstance(result, Filled) else "",
        }
        self.ledger.record_decision(self.ledger_run, stub.id, "result", data)
        report = (
            report_filled(result, self.links, None)
            if isinstance(result, Filled)
            else report_not_filled(result, self.links)
        )
        self.tell(events.StubDone(report=report))

    def belonging(self, stub: str) -> tuple[str, ...]:
        """The node ids that belong to a stub, by its id."""
        return self.links.tests.get(stub, ())

    def first_prompt_tokens(self, stub: Stub) -> int:
        """What the first request would cost, which a list tells."""
        context = self._context(stub, self.belonging(stub.id))
        prompt = render(RequestKind.CODE, context, prompts=self.prompts)
        return prompt_tokens(prompt, self.model.count_tokens)

    # --- what they need

    def _style(self, stub: Stub) -> str:
        folder = (self.rootdir / stub.path).parent
        return find_style(str(folder), str(self.rootdir), self.tree.source(stub.path))

    def _impossible(self, stub: Stub, gate: tuple[str, ...]) -> str:
        """Why a stub need not be searched for; ""."""
        if self.links.problem:
            return first_line(self.links.problem)
        if gate:
            return ""
        if stub.id in self.links.cannot_run:
            return f"its tests cannot run here: {self.links.cannot_run[stub.id]}"
        if self.settings.require is Require.TESTS:
            return "no project test reaches it (--supercharge-require=tests)"
        return ""

    def _task(self, stub: Stub, gate: tuple[str, ...], taken: Mapping[str, CodeCandidate]) -> Task:
        prepared = self._prepare(stub, gate)
        del self._prepared[stub.id, gate]
        return Task(
            stub=stub,
            context=prepared.context,
            first=prepared.first,
            module_source=self.tree.source(stub.path),
            files=self.tree.open_for(stub, taken),
            gate=gate,
            args=self._arguments(gate),
            timeout=self.settings.timeout,
            limits=self._limits(gate),
            examples=tuple(example_checks(stub)),
        )

    def _context(self, stub: Stub, gate: tuple[str, ...]) -> Context:
        model = self.model
        tests = [LinkedTest(id=test, belongs=True) for test in gate if test]
        tests += [
            LinkedTest(id=test, belongs=False) for test in self.links.vacuous.get(stub.id, ())
        ]
        limit = model.info.context
        budget = (
            context_budget(self.prompts, limit, model.count_tokens) if limit else UNLIMITED_CONTEXT
        )
        return gather_context(
            stub,
            rootdir=self.rootdir,
            tests=tests,
            all_stubs=self.stubs,
            budget=budget,
            count=model.count_tokens,
            files=self.files,
        )

    def _arguments(self, gate: tuple[str, ...]) -> tuple[str, ...]:
        if EVERYTHING in gate:
            return self.selection
        whole = {test for test in gate if "::" not in test}  # files: their tests come with them
        tests = [test for test in gate if test in whole or test.split("::")[0] not in whole]
        return tuple(as_argument(test, self.rootdir) for test in tests)

    def _limits(self, gate: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
        wanted = {"", *gate}
        limits = limits_of(self.links, self.settings.timeout)
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

    def _tools(self, model: Model) -> Tools:
        settings = self.settings
        judge = self.judge or self.model
        judging = self.wording.of(judge.info.family)
        return Tools(
            model=model,
            sandbox=self.sandbox,
            judge=judge if RequestKind.JUDGE in judging.files else None,
            judge_prompts=judging,
            judge_is_named=self.settings.judge is not None,
            prompts=self.prompts,
            hooks=self.hooks,
            journal=_Journal(self.ledger, self.ledger_run, self.progress),
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
            prompt_limit=self.model.info.context,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What a search begins with."""

    context: Context
    first: tuple[Request, ...]


class _Journal:
    """Decisions to the ledger, progress to the user."""

    def __init__(self, ledger: Ledger, ledger_run: int, progress: events.Progress) -> None:
        self._ledger = ledger
        self._ledger_run = ledger_run
        self._progress = progress
        self._best: dict[str, int] = {}

    def decided(self, stub: str, kind: str, data: dict[str, object]) -> None:
        self._ledger.record_decision(self._ledger_run, stub, kind, data)

    def round_started(self, stub: str, number: int, rounds: int) -> None:
        self._progress.tell(events.RoundStarted(stub=stub, number=number, of=rounds))

    def candidate_checked(self, stub: str, checked: int, passed: int, total: int) -> None:
        best = self._best[stub] = max(self._best.get(stub, 0), passed)
        self._progress.tell(
            events.Checked(stub=stub, checked=checked, of=checked, best_passed=best, best_of=total)
        )


def is_left(result: Result | Waiting | None) -> TypeGuard[NotFilled]:
    """Whether a stub was searched for and not filled, and another model may find more."""
    return isinstance(result, NotFilled) and result.more_may_help


def _round_up(seconds: float) -> float:
    limit = 10.0
    while limit < seconds:
        limit *= 2
    return limit


def first_line(text: str) -> str:
    """Of a message, for a reason that is one line."""
    return text.strip().splitlines()[0] if text.strip() else ""
