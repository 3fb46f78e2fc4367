"""Rounds for one stub: sample, check while sampling goes on, repair from failures, stop.

A round ends the moment its answer is proven: what the model still decodes and the sandbox still
runs is cancelled. The loop ends with an answer, a used-up budget, or a model with nothing new.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_supercharger.background import in_background
from pytest_supercharger.clean.candidates import (
    CodeCandidate,
    Rejected,
    TestCandidate,
    clean_code,
    clean_tests,
    render_function,
)
from pytest_supercharger.context import Context
from pytest_supercharger.evidence import CodeEvidence, Evidence
from pytest_supercharger.exceptions import ModelUnavailable, SetupError, SourceError
from pytest_supercharger.feedback import counted, failures_of, read_score, used_up
from pytest_supercharger.models.base import Completion, Model, Request
from pytest_supercharger.prompts import (
    PREAMBLE_TOKENS,
    Feedback,
    Prompt,
    Prompts,
    RequestKind,
    render,
)
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    ItemOutcome,
    Outcome,
    Sandbox,
)
from pytest_supercharger.selection import Selection, as_wished, select
from pytest_supercharger.splice import splice
from pytest_supercharger.stubs import Stub

MAX_FAILURES = 5  # failed items of one candidate after which the rest tells nothing new
CHECK_SECONDS = 1.0  # limit of one generated check; an honest one takes milliseconds
ALL_CHECKS_SECONDS = 15.0  # limit of all generated checks on one candidate
_HOTTEST = 2.0  # temperature to which rounds rise: above it a model says anything at all
_WHAT_CHANGED_NOTHING = "the model had nothing new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one stub may cost."""

    candidates: int  # bodies asked for per round
    tests: int  # test completions asked for per round
    rounds: int
    seconds: float  # wall clock
    tokens: int | None  # completion tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stub to be searched for."""

    stub: Stub
    context: Context
    module_source: str  # its file as the user has it
    files: tuple[tuple[str, str], ...]  # the tree's other stubs instrumented, winners spliced in
    gate: tuple[str, ...]  # node ids that belong to it; (): none
    args: tuple[str, ...]  # pytest arguments that run the gate
    timeout: float
    limits: tuple[tuple[str, float], ...]  # node id, seconds, where larger; "" is collecting
    examples: tuple[TestCandidate, ...]  # written by the user
    first: tuple[Request, ...] = ()  # what is asked first, where it is known already


class Hooks(Protocol):
    """What the user's conftest may have a say in."""

    def prompt(self, stub: Stub, request: RequestKind, prompt: Prompt) -> Prompt: ...

    def reject(self, stub: Stub, candidate: CodeCandidate) -> str | None: ...

    def select(self, stub: Stub, evidence: Evidence) -> str | None: ...


class Journal(Protocol):
    """Where decisions are written down, and who is told of progress."""

    def decided(self, stub: str, kind: str, data: dict[str, object]) -> None: ...

    def round_started(self, stub: str, number: int, rounds: int) -> None: ...

    def candidate_checked(self, stub: str, checked: int, passed: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a search works with."""

    model: Model
    sandbox: Sandbox
    judge: Model | None  # None: nobody judges, or whoever would cannot
    prompts: Prompts
    hooks: Hooks
    journal: Journal
    budget: Budget
    seed: int
    temperature: float | None
    threshold: float
    prompt_limit: int  # tokens of a prompt and its answer; 0: no limit known
    judge_prompts: Prompts | None = None  # the judge's wording, where it is another's
    judge_is_named: bool = False  # the user wants to hear it: its silence is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """How a search ended."""

    evidence: Evidence
    selection: Selection
    judge: float | None
    rounds: int
    stopped: str  # which budget was used up; "" when none was
    rejected: str  # how many answers held nothing to check, and mostly why; "" for none
    seconds: float
    generate_seconds: float
    check_seconds: float
    prompt_tokens: int
    completion_tokens: int  # used: in completions that were looked at
    spent_tokens: int = 0  # decoded for them, and for those that were cancelled
    model: str = ""  # who wrote the bodies
    silence: str = ""  # why a judge that was named gave no score; "" where it did, or none was

    def and_before(self, earlier: Searched) -> Searched:
        """The same end, with the costs of an earlier search for the same stub as well."""
        return replace(
            self,
            rounds=self.rounds + earlier.rounds,
            seconds=self.seconds + earlier.seconds,
            generate_seconds=self.generate_seconds + earlier.generate_seconds,
            check_seconds=self.check_seconds + earlier.check_seconds,
            prompt_tokens=self.prompt_tokens + earlier.prompt_tokens,
            completion_tokens=self.completion_tokens + earlier.completion_tokens,
            spent_tokens=self.spent_tokens + earlier.spent_tokens,
        )


def first_requests(
    stub: Stub, context: Context, tools: Tools, *, covered: bool
) -> tuple[Request, ...]:
    """What a search asks first, in order. It depends on nothing that is found on the way.

    :raises SetupError: a prompt does not fit the model's context.
    """
    wanted = [(RequestKind.CODE, tools.budget.candidates)]
    if not covered and RequestKind.TESTS in tools.prompts.files:
        wanted = [(RequestKind.TESTS, tools.budget.tests), *wanted]
    return tuple(
        Request(
            stub=stub.id,
            kind=kind,
            prompt=make_prompt(kind, stub, context, tools, temperature=tools.temperature),
            n=n,
            seed=tools.seed,
        )
        for kind, n in wanted
    )


def make_prompt(
    kind: RequestKind,
    stub: Stub,
    context: Context,
    tools: Tools,
    *,
    feedback: Feedback | None = None,
    temperature: float | None = None,
    model: Model | None = None,
    repeats: int = 0,
) -> Prompt:
    """The prompt as the user's conftest leaves it; ``model`` is the one asked, if another one.

    ``repeats``: rounds that asked for the same before, with too little success.

    :raises SetupError: with its answer it does not fit the model's context.
    """
    context_tokens = model.info.context if model else tools.prompt_limit
    prompts = (tools.judge_prompts if kind is RequestKind.JUDGE else None) or tools.prompts
    around = prompts.files[kind].sampling.max_tokens + PREAMBLE_TOKENS
    prompt = render(
        kind,
        context,
        prompts=prompts,
        feedback=feedback,
        temperature=temperature,
        limit=max(0, context_tokens - around) if context_tokens else None,
        count=(model or tools.model).count_tokens,
    )
    if repeats and prompt.sampling.rise:
        warmer = prompt.sampling.temperature + repeats * prompt.sampling.rise
        warmer = max(prompt.sampling.temperature, min(warmer, _HOTTEST))
        prompt = replace(prompt, sampling=replace(prompt.sampling, temperature=warmer))
    return tools.hooks.prompt(stub, kind, prompt)


def search(task: Task, tools: Tools) -> Searched:
    """Look for a body until there is an answer or the budget is used up."""
    state = _Search(task, tools)
    for number in range(tools.budget.rounds):
        state.run_round(number)
        if state.has_answer() or state.stopped:
            break
    return state.result()


@dataclass
class _Search:
    task: Task
    tools: Tools
    candidates: dict[str, CodeCandidate] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    project: dict[str, Outcome] = field(default_factory=dict)
    generated: dict[str, dict[str, ItemOutcome]] = field(default_factory=dict)
    tests: dict[str, TestCandidate] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)  # by reason
    cut_off: dict[str, str] = field(default_factory=dict)  # what a repair is told, by candidate id
    asked: Counter[RequestKind] = field(default_factory=Counter)
    rounds: int = 0
    stopped: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent_tokens: int = 0
    generate_seconds: float = 0.0
    check_seconds: float = 0.0
    judge: float | None = None  # of the body that is chosen now
    judged: dict[str, float | None] = field(default_factory=dict)  # by candidate id
    silent: dict[str, str] = field(default_factory=dict)  # why there is no score, likewise
    _cost: int = 0  # tokens for the budget: decoded now, or recalled from an earlier run
    _done: bool = False
    _left: bool = False  # nothing more of this round is wanted
    _began: float = field(default_factory=time.monotonic)
    _selection: Selection | None = None

    def __post_init__(self) -> None:
        self.tests |= {test.id: test for test in self.task.examples}

    # --- one round

    def run_round(self, number: int) -> None:
        self.rounds = number + 1
        self._selection = None
        self.tools.journal.round_started(self.task.stub.id, number + 1, self.tools.budget.rounds)
        before = (len(self.candidates), len(self.tests))
        if not self.task.gate and RequestKind.TESTS in self.tools.prompts.files:
            self._ask_for_tests(number)
        # Here, not where it is used: a thread asks for bodies while this one notes outcomes.
        told = self._feedback() if number else (RequestKind.CODE, None)
        # The checks are closed last: then nobody pulls, and what was cancelled is counted.
        with (
            closing(self._checks(number, *told)) as checks,
            closing(self._outcomes(checks)) as outcomes,
        ):
            for outcome in outcomes:
                self._note(outcome)
                if self._is_proven(outcome):
                    self._done = True
                    return
        self._left = False
        self._stop_if_spent()
        unchanged = before == (len(self.candidates), len(self.tests))
        if not self.stopped and unchanged and not self._warms_up():
            self.stopped = _WHAT_CHANGED_NOTHING

    def _warms_up(self) -> bool:
        """Whether the next round may bring something new though this one did not."""
        return self.tools.prompts.files[RequestKind.CODE].sampling.rise > 0

    def _outcomes(self, checks: Iterator[Check]) -> Generator[Outcome, None, None]:
        def begin() -> Generator[Outcome, None, None]:
            return self.tools.sandbox.run(checks, cancelled=self._is_over)

        return in_background(begin, leave=self._leave)

    def _leave(self) -> None:
        self._left = True

    def _is_proven(self, outcome: Outcome) -> bool:
        """Whether a candidate now passes all that the user's tests ask for."""
        return bool(self.task.gate) and self._code(outcome.check.split("#")[0]).is_proven

    def _unwanted(self, _: object) -> bool:
        """Asked between tokens: nothing more is needed, or can be paid for."""
        return self._done or self._left or bool(self._spent())

    def _is_over(self, _: object) -> bool:
        """Asked while checks run. They cost no tokens: what was decoded is checked."""
        return self._done or self._left or self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() - self._began > self.tools.budget.seconds

    def _spent(self) -> str:
        budget = self.tools.budget
        if self._is_late():
            return used_up(f"{budget.seconds:g} s", "seconds")
        if budget.tokens is not None and self._cost >= budget.tokens:
            return used_up(counted(budget.tokens, "token"), "tokens")
        return ""

    def _stop_if_spent(self) -> None:
        self.stopped = self._spent()
        if not self.stopped and self.rounds == self.tools.budget.rounds:
            self.stopped = used_up(counted(self.rounds, "round"), "rounds")

    # --- from the model

    def _ask_for_tests(self, number: int) -> None:
        kind = RequestKind.TESTS
        for completion in self._complete(kind, self._prompt(kind), self.tools.budget.tests):
            found = clean_tests(completion.text, self.task.stub, self.task.module_source)
            if not isinstance(found, Rejected):
                self.tests |= {test.id: test for test in found if test.id not in self.tests}

    def _complete(
        self, kind: RequestKind, prompt: Prompt, n: int, model: Model | None = None
    ) -> Generator[Completion, None, None]:
        """Completions as they end; what they and the cancelled ones cost is counted here."""
        model = model or self.tools.model
        request = self._request(kind, prompt, n)
        self.asked[kind] += n
        closed = False

        def unwanted(asked: Request) -> bool:
            # A judge that is not heard for want of tokens would let any body pass.
            over = self._is_over if kind is RequestKind.JUDGE else self._unwanted
            return closed or over(asked)

        with closing(model.generate([request], cancelled=unwanted)) as answers:
            try:
                for completion in self._timed(answers):
                    self._count(completion, model)
                    if completion.finish != "cancelled":
                        yield completion
            except GeneratorExit:
                closed = True
                self._drain(answers)
                raise

    def _request(self, kind: RequestKind, prompt: Prompt, n: int) -> Request:
        return Request(
            stub=self.task.stub.id,
            kind=kind,
            prompt=prompt,
            n=n,
            seed=self.tools.seed,
            start=self.asked[kind],
        )

    def _timed(self, answers: Iterator[Completion]) -> Iterator[Completion]:
        began = time.monotonic()
        for completion in answers:
            self.generate_seconds += time.monotonic() - began
            yield completion
            began = time.monotonic()
        self.generate_seconds += time.monotonic() - began

    def _drain(self, answers: Iterator[Completion]) -> None:
        """What was still decoded when the answer was there; by now all of it is cancelled."""
        try:
            for completion in answers:
                self.spent_tokens += completion.spent
        except SetupError:
            # The answer is there: a model that breaks just now says so when it is next asked.
            return

    def _count(self, completion: Completion, model: Model) -> None:
        self.spent_tokens += completion.spent
        if completion.finish == "cancelled":
            self._cost += completion.spent
            return
        used = completion.tokens or model.count_tokens(completion.text)
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += used
        self._cost += max(used, completion.spent)

    def _prompt(
        self, kind: RequestKind, feedback: Feedback | None = None, model: Model | None = None
    ) -> Prompt:
        first = self.rounds <= 1
        known = (request.prompt for request in self.task.first if request.kind is kind)
        if first and feedback is None and (prompt := next(known, None)):
            return prompt
        return make_prompt(
            kind,
            self.task.stub,
            self.task.context,
            self.tools,
            feedback=feedback,
            temperature=self.tools.temperature if first else None,
            model=model,
            repeats=self.rounds - 1 if feedback is None else 0,
        )

    def _fitting(
        self, kind: RequestKind, feedback: Feedback, model: Model | None = None
    ) -> Prompt | None:
        """A prompt that goes on from an answer; None when it is too long with the answer in it."""
        try:
            return self._prompt(kind, feedback, model)
        except ModelUnavailable:
            raise
        except SetupError as error:
            data: dict[str, object] = {"reason": str(error)}
            self.tools.journal.decided(self.task.stub.id, "too_long", data)
            return None

    def _bodies(
        self, kind: RequestKind, feedback: Feedback | None
    ) -> Generator[Completion, None, None]:
        """This round's answers; a model with none for a repair is asked for fresh code."""
        prompt = self._fitting(kind, feedback) if feedback else None
        if prompt and (yield from self._asked(kind, prompt)):
            return
        yield from self._asked(RequestKind.CODE, self._prompt(RequestKind.CODE))

    def _asked(self, kind: RequestKind, prompt: Prompt) -> Generator[Completion, None, bool]:
        """A round's bodies; returns whether any came."""
        came = False
        with closing(self._complete(kind, prompt, self.tools.budget.candidates)) as answers:
            for completion in answers:
                came = True
                yield completion
        return came

    def _feedback(self) -> tuple[RequestKind, Feedback | None]:
        """What the nearest candidate lacks; with nothing to tell there is no repair."""
        nearest = self._select().nearest
        if nearest is None:
            return RequestKind.CODE, None
        source = render_function(self.task.stub, nearest.candidate)
        failures = failures_of(nearest, self.tests)
        kind = RequestKind.REPAIR_CODE if failures else RequestKind.IMPROVE_CODE
        if kind not in self.tools.prompts.files:
            return RequestKind.CODE, None
        notes = self.cut_off.get(nearest.candidate.id, "")
        return kind, Feedback(source=source, failures=failures, notes=notes)

    # --- to the sandbox

    def _checks(
        self, number: int, kind: RequestKind, feedback: Feedback | None
    ) -> Generator[Check, None, None]:
        if not self.task.gate and number:
            yield from self._checks_of_new_tests(number)
        with closing(self._bodies(kind, feedback)) as bodies:
            for completion in bodies:
                candidate = self._candidate(completion)
                if candidate is None:
                    continue
                check = self._check(candidate, f"{candidate.id}#{number}", tuple(self.tests))
                if check:
                    yield check

    def _checks_of_new_tests(self, number: int) -> Iterator[Check]:
        for candidate in list(self.candidates.values()):
            done = self.generated.get(candidate.id, {})
            new = tuple(name for name in self.tests if name not in done)
            check = self._check(candidate, f"{candidate.id}#{number}+", new) if new else None
            if check:
                yield check

    def _candidate(self, completion: Completion) -> CodeCandidate | None:
        """The new candidate in a completion; None when there is none, or it is known."""
        stub = self.task.stub
        origin = "sampled" if completion.kind is RequestKind.CODE else "repaired"
        found = clean_code(
            completion.text,
            stub,
            self.task.module_source,
            origin=origin,
            seed=completion.seed,
            logprob=completion.logprob,
            tokens=completion.tokens,
            cut_off=_cut_off(completion),
        )
        if isinstance(found, Rejected):
            self._rejected(completion, found.reason)
            return None
        self.counts[found.id] += 1
        if found.id in self.candidates:
            return None
        reason = self.tools.hooks.reject(stub, found)
        if reason:
            self._rejected(completion, reason)
            return None
        self.candidates[found.id] = found
        if _cut_off(completion):
            self.cut_off[found.id] = f"The answer was {_cut_off(completion)}: be shorter."
        return found

    def _rejected(self, completion: Completion, reason: str) -> None:
        self.rejected[reason] += 1
        data: dict[str, object] = {"index": completion.index, "reason": reason}
        self.tools.journal.decided(self.task.stub.id, "rejected", data)

    def _check(self, candidate: CodeCandidate, name: str, tests: tuple[str, ...]) -> Check | None:
        """The check of a candidate; None when it cannot be put into its file."""
        try:
            files = self._files_with(candidate)
        except SourceError as error:
            del self.candidates[candidate.id]
            data: dict[str, object] = {"candidate": candidate.id, "reason": str(error)}
            self.tools.journal.decided(self.task.stub.id, "rejected", data)
            return None
        if self.task.gate:
            return Check(
                id=name,
                kind=CheckKind.PROJECT,
                files=files,
                args=self.task.args,
                timeout=self.task.timeout,
                limits=self.task.limits,
                max_failures=MAX_FAILURES,
                control=True,
            )
        return Check(
            id=name,
            kind=CheckKind.GENERATED,
            files=files,
            module=self.task.stub.path,
            tests=tuple(self.tests[test].source for test in tests),
            timeout=min(self.task.timeout, CHECK_SECONDS),
            total=ALL_CHECKS_SECONDS,
        )

    def _files_with(self, candidate: CodeCandidate) -> tuple[tuple[str, str], ...]:
        path = self.task.stub.path
        return tuple(
            (name, splice(text, [(self.task.stub, candidate)]) if name == path else text)
            for name, text in self.task.files
        )

    def _note(self, outcome: Outcome) -> None:
        name, _, rest = outcome.check.partition("#")
        self._selection = None
        self.check_seconds += outcome.seconds
        if self.task.gate:
            self.project[name] = outcome
        else:
            self._note_generated(name, rest, outcome)
        code = self._code(name)
        gate, tests = self.task.gate, self._telling()
        passed = sum(map(code.passes_all_of, gate)) if gate else sum(map(code.passes, tests))
        total = len(gate or tests)
        self.tools.journal.candidate_checked(
            self.task.stub.id, len(self.project) + len(self.generated), passed, total
        )
        data: dict[str, object] = {
            "candidate": name,
            "verdict": outcome.verdict.value,
            "control": outcome.control.value,
            "detail": outcome.detail[:500],
        }
        self.tools.journal.decided(self.task.stub.id, "checked", data)

    def _note_generated(self, name: str, rest: str, outcome: Outcome) -> None:
        """Items are numbered in the order of the tests that the check was made with."""
        done = self.generated.setdefault(name, {})
        names = list(self.tests)
        if rest.endswith("+"):
            names = [test for test in names if test not in done]
        for item in outcome.items:
            if item.id.isdecimal() and int(item.id) < len(names):
                done[names[int(item.id)]] = item

    # --- what is known

    def _telling(self) -> list[TestCandidate]:
        """Checks that it is good to pass."""
        trusts = self.tools.prompts.trusts_tests
        return [test for test in self.tests.values() if trusts or test.trusted]

    def _code(self, name: str) -> CodeEvidence:
        return CodeEvidence(
            candidate=self.candidates[name],
            multiplicity=self.counts[name],
            project=self.project.get(name),
            generated=self.generated.get(name, {}),
        )

    def evidence(self) -> Evidence:
        checked = [
            name for name in self.candidates if name in self.project or name in self.generated
        ]
        return Evidence(
            stub=self.task.stub.id,
            project_tests=self.task.gate,
            tests=tuple(self.tests.values()),
            codes=tuple(map(self._code, checked)),
            trusts_tests=self.tools.prompts.trusts_tests,
        )

    def _select(self) -> Selection:
        if self._selection is None:
            evidence = self.evidence()
            self._selection = select(evidence)
            wished = self.tools.hooks.select(self.task.stub, evidence) if evidence.codes else None
            if wished:
                self._selection = as_wished(wished, evidence, self._selection)
        return self._selection

    def has_answer(self) -> bool:
        """Whether a body was chosen, or waits only for another stub."""
        if self._select().chosen and not self.task.gate:
            self._judge_choice()
        return self._select().chosen is not None or any(
            code.blocked_by for code in self.evidence().codes
        )

    def _judge_choice(self) -> None:
        """A score under the threshold takes the choice back; no answer changes nothing."""
        chosen, judge = self._select().chosen, self.tools.judge
        if chosen is None or judge is None:
            return
        name = chosen.candidate.id
        if name not in self.judged:
            self.judged[name] = self._ask_judge(judge, chosen)
        self.judge = self.judged[name]
        if self.judge is not None and self.judge < self.tools.threshold:
            reason = f"the judge gives {self.judge:g}, the threshold is {self.tools.threshold:g}"
            self._selection = replace(self._select(), chosen=None, reason=reason)

    def _ask_judge(self, judge: Model, chosen: CodeEvidence) -> float | None:
        passed = [test.source for test in self.tests.values() if chosen.passes(test)]
        feedback = Feedback(
            source=render_function(self.task.stub, chosen.candidate), tests="\n".join(passed)
        )
        prompt = self._fitting(RequestKind.JUDGE, feedback, judge)
        if prompt is None:
            self._unheard(judge, chosen, "the question does not fit its context")
            return None
        answers = list(self._complete(RequestKind.JUDGE, prompt, 1, judge))
        if not answers:
            why = self._spent() if self._is_late() else "it gave no answer"
            self._unheard(judge, chosen, why)
            return None
        score = read_score(answers[-1].text)
        if score is None:
            self._unheard(judge, chosen, "its answer holds no score from 0 to 1")
        return score

    def _unheard(self, judge: Model, chosen: CodeEvidence, why: str) -> None:
        if self.tools.judge_is_named:
            silence = f"the judge {judge.info.name} was not heard: {why}"
            self.silent[chosen.candidate.id] = silence

    def _silence(self) -> str:
        chosen = self._select().chosen
        return self.silent.get(chosen.candidate.id, "") if chosen else ""

    def _most_rejected(self) -> str:
        if not self.rejected:
            return ""
        answers = counted(self.rejected.total(), "answer")
        ((reason, _),) = self.rejected.most_common(1)
        return f"{answers} held nothing to check, mostly: {reason}"

    def result(self) -> Searched:
        return Searched(
            evidence=self.evidence(),
            selection=self._select(),
            judge=self.judge,
            rounds=self.rounds,
            stopped=self.stopped,
            rejected=self._most_rejected(),
            seconds=time.monotonic() - self._began,
            generate_seconds=self.generate_seconds,
            check_seconds=self.check_seconds,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            spent_tokens=self.spent_tokens,
            model=self.tools.model.info.name,
            silence=self._silence(),
        )


def _cut_off(completion: Completion) -> str:
    """How far an answer came that did not come to its end; "" for one that did."""
    tokens = completion.spent or completion.tokens
    where = f" at {tokens} tokens" if tokens else ""
    if completion.finish == "loop":
        return f"cut off{where}, where it repeated itself"
    return f"cut off{where}" if completion.finish == "length" else ""
