"""The Sandbox protocol: checks in, outcomes out as each one ends."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class CheckKind(str, Enum):
    """How a check is run inside."""

    LINK = "link"  # the project's tests on instrumented stubs: who reaches what
    PROJECT = "project"  # named project tests on a candidate
    GENERATED = "generated"  # generated checks and docstring examples on a candidate
    CONFIRM = "confirm"  # stock pytest on files really replaced, in a fresh sandbox


class Verdict(str, Enum):
    """What became of a check, or of one test in it."""

    PASSED = "passed"
    FAILED = "failed"  # an assertion
    ERROR = "error"  # any other exception
    SKIPPED = "skipped"  # skipped, or failed as expected (xfail): proves nothing
    BLOCKED = "blocked"  # stopped at another open stub: neither pass nor fail
    TIMEOUT = "timeout"
    CRASHED = "crashed"  # killed by a signal, or an exit of its own
    OUT_OF_MEMORY = "out of memory"
    NOT_RUN = "not run"  # an earlier one ended the check
    SANDBOX_DOWN = "sandbox down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to run. Paths are posix, relative to the rootdir."""

    id: str  # unique within one call of run
    kind: CheckKind
    files: tuple[tuple[str, str], ...] = ()  # path, source in place of what is on disk
    args: tuple[
        str, ...
    ] = ()  # pytest arguments: node ids, or the user's selection (LINK, CONFIRM)
    tests: tuple[str, ...] = ()  # GENERATED: sources of the checks
    module: str = ""  # GENERATED: path of the stub's file
    timeout: float = 10.0  # seconds for one test item or one generated check
    limits: tuple[tuple[str, float], ...] = ()  # node id, seconds, where larger than timeout
    total: float = 0.0  # seconds for the whole check; 0: as many as the items may take
    max_failures: int = 0  # stop after so many failed items; 0: run all
    control: bool = False  # PROJECT: where all pass, run again with changed expectations


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A test came to an open stub."""

    stub: str  # Stub.id
    phase: str  # "collect", "setup", "call", "teardown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """One test item, one file that could not be collected, or one generated check."""

    id: str  # node id; the file's path when it could not be collected; index for GENERATED
    verdict: Verdict
    seconds: float
    phase: str = "call"  # where it failed: "collect", "setup", "call", "teardown"
    exception: str = ""  # type name of what was raised
    detail: str = ""  # pytest's short message with introspected values, at most 4,000 characters
    line: str = ""  # path:line of the failing line
    reached: tuple[Reach, ...] = ()
    raised_by: str = ""  # the stub whose own exception is, or caused, what was raised
    xfail: bool = False  # marked to fail, or passes only because an exception is expected
    returned: str | None = None  # GENERATED: canonical form of the value under test, bounded
    expected_changed: int = 0  # in a control run: how many changed expectations were evaluated


class Control(str, Enum):
    """What the in-process checks of a candidate are worth."""

    NOT_RUN = ""
    PASSED = "passed"  # with changed expectations the same tests failed, as they must
    NONE = "none"  # there was no expectation to change
    CHEATED = "cheated"  # a test passed although what it expects was changed
    SPLIT = "split"  # candidate and test ran in two processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one check, as the parent process saw it."""

    check: str  # Check.id
    verdict: Verdict  # PASSED only if there is an item and every item is
    seconds: float
    items: tuple[ItemOutcome, ...] = ()
    control: Control = Control.NOT_RUN
    detail: str = ""  # why, when the whole check did not end as it should
    exit_code: int | None = None  # pytest's own, where pytest ran to its end
    modules: tuple[tuple[str, str], ...] = ()  # LINK: path, dotted name of project modules loaded
    warnings: tuple[str, ...] = ()  # said once to the user: what was neutralised and so on


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a sandbox must know of the user's project."""

    rootdir: str  # absolute
    invocation_dir: str  # absolute: pytest's own cwd
    ini_file: str  # absolute path of the file pytest reads ini options from; ""
    args: tuple[str, ...]  # pytest options to keep in every run (-c, -p, -o, --import-mode ...)
    cwd_on_path: bool  # started as python -m pytest
    python_path: tuple[str, ...]  # absolute: pytest's pythonpath, rootdir, rootdir/src
    options: tuple[tuple[str, str], ...]  # our ini names and their types, for the stand-in
    mounts: tuple[str, ...]  # further read-only paths
    env: tuple[tuple[str, str], ...]  # variables let in


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxInfo:
    """What really runs, for the start line and the report."""

    backend: str  # "bubblewrap" or "docker"
    version: str
    python: str
    workers: int
    notes: tuple[str, ...] = ()  # differences from the user's environment, what is missing


class Sandbox(Protocol):
    """An isolated place for checks.

    ``run`` takes checks lazily, from worker threads of its own, and yields each outcome as it
    ends, in any order. ``cancelled`` is asked before a check starts and while it runs; a
    cancelled check yields nothing. Closing the iterator stops what runs. A CONFIRM check gets
    a fresh sandbox with its files really in place.
    """

    @property
    def info(self) -> SandboxInfo: ...

    def run(
        self, checks: Iterable[Check], *, cancelled: Callable[[Check], bool] = ...
    ) -> Generator[Outcome, None, None]: ...

    def close(self) -> None: ...
