"""What is there to say about a run? All of it, as data; the other files here put it in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from pytest_supercharger.models.base import ModelInfo
from pytest_supercharger.models.upgrade import Upgrade
from pytest_supercharger.sandboxes.base import SandboxInfo


class Status(str, Enum):
    """What became of a stub, best first."""

    VERIFIED = "verified"  # every project test that belongs to it passes; written
    AGREED = "agreed"  # no project test reaches it, the evidence agrees; written and marked
    UNFILLED = "unfilled"  # nothing good enough, or out of budget; the file is as it was
    CONFLICT = "conflict"  # the file changed after it was read; kept as a patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that did not pass, and why."""

    id: str  # node id, path of a file that cannot be collected, or source of a generated check
    message: str  # pytest's own, with values; "" when there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The body that won, and what speaks for it."""

    source: str  # the whole function with the user's own def line, dedented
    origin: str  # CodeCandidate.origin
    repairs: tuple[str, ...]
    project_tests_passed: int
    generated_tests_passed: int
    agreement: float | None  # 0 to 1; None: nothing to compare with
    judge: float | None  # 0 to 1; None: no judge answered
    control: str  # what the in-process check was worth: "passed", "none" or "split"
    model: str = ""  # name of the model that wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The best body of a stub that was not filled, and what it lacks."""

    source: str  # as in Chosen
    passed: int  # of its project tests; where it has none, of docstring examples and generated ones
    total: int
    failure: Failure | None  # the first one; None: nothing fails, it is only not sure


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Wall time spent on a stub. Generating and checking overlap."""

    generate: float = 0.0
    check: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """As the model counts them; 0 where it does not say."""

    prompt: int = 0
    completion: int = 0  # used: in completions that were looked at
    spent: int = 0  # decoded now: thinking, cut off and cancelled ones included, stored ones not


@dataclass(frozen=True, slots=True, kw_only=True)
class StubReport:
    """One stub that was selected."""

    id: str
    status: Status
    reason: str = ""  # for verified "", for all others why
    project_tests: tuple[str, ...] = ()  # node ids that belong to it
    vacuous: tuple[str, ...] = ()  # node ids that reach it and pass all the same
    expecting: tuple[str, ...] = ()  # node ids that expect its exception: left out of the gate
    candidates: int = 0  # distinct bodies that were checked
    generated_tests: int = 0
    trusts_tests: bool = True  # False: of generated tests the calls count, not what they expect
    examples: int = 0  # in the docstring, that can be run
    examples_passed: int = 0  # by the chosen body
    rounds: int = 0
    chosen: Chosen | None = None
    nearest: Nearest | None = None  # of an unfilled stub
    more_may_help: bool = True  # unfilled: more candidates or a better model could change it
    fits: bool = True  # False: its prompt is too long, only another model could change it
    prompt_tokens: int | None = None  # mode list: size of its first prompt
    seconds: Seconds = Seconds()
    tokens: Tokens = Tokens()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that was found and left alone: a perhaps-stub, a file that cannot be read."""

    id: str  # a stub's name, or a path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRun:
    """The project's tests on all chosen bodies together."""

    where: str  # "sandbox" or "host"
    passed: int
    failed: int  # all that failed, also those that failed before
    skipped: int
    seconds: float
    newly_failing: tuple[Failure, ...] = ()  # green before, red now, and not flaky
    trouble: str = ""  # why it did not come to its end

    @property
    def green(self) -> bool:
        return not self.newly_failing and not self.trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """One file's unified diff, with ``---`` and ``+++`` lines."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run, whole."""

    mode: str  # "write", "diff", "patch", "list"
    exit: int
    stubs: tuple[StubReport, ...]
    skipped: tuple[Skipped, ...] = ()
    model: ModelInfo | None = None  # None: no model was needed
    then: ModelInfo | None = None  # asked for what the first one left open; None: there is none
    judge: ModelInfo | None = None  # None: who writes judges as well
    upgrade: Upgrade | None = None  # where the bundled model alone left stubs: what would serve
    sandbox: SandboxInfo | None = None
    final: FinalRun | None = None
    seconds: float = 0.0  # the whole run

    already_failing: tuple[str, ...] = ()  # red before anything was filled, not because of a stub
    environment_failures: tuple[Failure, ...] = ()  # tests that cannot run in the sandbox
    collection_errors: tuple[Failure, ...] = ()  # files that cannot be collected, not by a stub
    notes: tuple[
        str, ...
    ] = ()  # said once: options neutralised, packages missing, ledger set aside

    diffs: tuple[FileDiff, ...] = ()  # mode diff
    patch: str = ""  # path of the patch as the user would type it; of mode patch, or conflicts'
    rootdir: str = ""  # as the user would type it, where the command was not started there
    interrupted: bool = False
    error: str = ""  # what interrupted it; "" for Ctrl-C
    command: tuple[str, ...] = ("pytest", "--supercharge")  # how this run was started
    candidates: int = 16  # bodies asked for per round

    def with_status(self, *statuses: Status) -> tuple[StubReport, ...]:
        """The stubs that ended so, in the order of the report."""
        return tuple(stub for stub in self.stubs if stub.status in statuses)

    @property
    def worth_more(self) -> tuple[StubReport, ...]:
        """Stubs left open that more candidates, or a better model, might fill."""
        unfilled = self.with_status(Status.UNFILLED)
        return tuple(stub for stub in unfilled if stub.more_may_help)

    @property
    def counts(self) -> dict[Status, int]:
        """Stubs by status, best first, zeros included."""
        counted = Counter(stub.status for stub in self.stubs)
        return {status: counted[status] for status in Status}
