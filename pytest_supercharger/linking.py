"""One run of the project's tests on instrumented stubs: who reaches which stub, and how.

A test *belongs* to a stub when it reaches it and fails because of it. A test that is red for
any other reason says nothing about a stub and is kept apart, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_supercharger.importing import Imports
from pytest_supercharger.sandboxes.base import (
    Check,
    CheckKind,
    ItemOutcome,
    Outcome,
    Sandbox,
    Verdict,
)
from pytest_supercharger.splice import instrument
from pytest_supercharger.stubs import Stub

EVERYTHING = ""  # node id of a failure before any file was collected, such as in a conftest

# Exceptions that tell of the sandbox or of what is not installed rather than of the code.
_ENVIRONMENT = frozenset(
    "ModuleNotFoundError ImportError PermissionError FileNotFoundError ConnectionError "
    "ConnectionRefusedError ConnectionResetError ConnectTimeout ConnectError gaierror URLError "
    "NewConnectionError MaxRetryError ReadTimeout TimeoutError ProxyError SSLError "
    "DockerException OperationalError BlockingIOError".split()
)
_MISSING = re.compile(r"No module named '([\w.]+)'")
_DENIED = ("Read-only file system", "Operation not permitted", "Network is unreachable")
_BAD = (
    Verdict.FAILED, Verdict.ERROR, Verdict.BLOCKED, Verdict.TIMEOUT, Verdict.CRASHED,
    Verdict.OUT_OF_MEMORY,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A test or file that says nothing about any stub, and why."""

    test: str  # node id, or the path of a file that could not be collected
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What one run of the selected tests on the stub tree has shown."""

    tests: Mapping[str, tuple[str, ...]]  # stub id: node ids that belong to it
    vacuous: Mapping[str, tuple[str, ...]]  # stub id: tests that reach it and pass all the same
    expecting: Mapping[str, tuple[str, ...]]  # stub id: tests that want its exception
    environment: tuple[Trouble, ...]  # failed before any stub, for want of something here
    red: tuple[Trouble, ...]  # failed before any stub, for other reasons
    cannot_run: Mapping[str, str]  # stub id: why no test of its module can run here
    reached: frozenset[str]  # stub ids that any selected test came to
    passed: frozenset[str]  # node ids
    seconds: Mapping[str, float]  # node id: how long it took
    collecting: float  # seconds until the first test had started
    modules: Mapping[str, str]  # path: dotted name under which the tests imported it
    exit_code: int | None
    problem: str  # why nothing could be linked; ""
    warnings: tuple[str, ...]


def link(
    stubs: Sequence[Stub],
    *,
    sources: Mapping[str, str],
    sandbox: Sandbox,
    selection: tuple[str, ...],
    timeout: float,
    rootdir: Path,
) -> Links:
    """Run the selected tests once, with every stub instrumented.

    ``sources``: path to decoded source of each file that holds a stub; ``selection``: pytest
    arguments that choose the tests. Linking has a limit of its own: six times ``timeout`` a
    test, for nobody knows yet how long an honest test takes.
    """
    check = Check(
        id="link",
        kind=CheckKind.LINK,
        files=instrumented(sources, stubs),
        args=selection,
        timeout=6 * timeout,
    )
    (outcome,) = sandbox.run([check])
    return read_links(outcome, stubs, rootdir=rootdir)


def instrumented(sources: Mapping[str, str], stubs: Iterable[Stub]) -> tuple[tuple[str, str], ...]:
    """Every file that holds one of ``stubs``, with them instrumented."""
    by_path: dict[str, list[Stub]] = {}
    for stub in stubs:
        by_path.setdefault(stub.path, []).append(stub)
    return tuple((path, instrument(sources[path], some)) for path, some in sorted(by_path.items()))


def read_links(outcome: Outcome, stubs: Sequence[Stub], *, rootdir: Path) -> Links:
    """Sort the items of a linking run."""
    tests: dict[str, list[str]] = {}
    vacuous: dict[str, list[str]] = {}
    expecting: dict[str, list[str]] = {}
    environment: list[Trouble] = []
    red: list[Trouble] = []
    for item in outcome.items:
        if item.reached and item.xfail:
            _add(expecting, _stubs_of(item), item.id)
        elif item.reached and item.verdict in _BAD:
            _add(tests, [item.raised_by] if item.raised_by else _stubs_of(item), item.id)
        elif item.reached and item.verdict is Verdict.PASSED and item.phase != "collect":
            _add(vacuous, _stubs_of(item), item.id)
        elif item.verdict in _BAD:
            (environment if is_environment(item) else red).append(
                Trouble(test=item.id, reason=_reason(item))
            )
    imports = Imports(rootdir, dict(outcome.modules))
    environment = [_explained(trouble, imports) for trouble in environment]
    starts = [item for item in outcome.items if item.phase != "collect"]
    spent = sum(item.seconds for item in starts)
    return Links(
        tests={stub: tuple(ids) for stub, ids in tests.items()},
        vacuous={stub: tuple(ids) for stub, ids in vacuous.items()},
        expecting={stub: tuple(ids) for stub, ids in expecting.items()},
        environment=tuple(environment),
        red=tuple(red),
        cannot_run=_cannot_run(stubs, environment, outcome, imports),
        reached=frozenset(reach.stub for item in outcome.items for reach in item.reached),
        passed=frozenset(
            item.id
            for item in outcome.items
            if item.verdict is Verdict.PASSED and not item.xfail and item.phase != "collect"
        ),
        seconds={item.id: item.seconds for item in starts},
        collecting=max(0.0, outcome.seconds - spent),
        modules=dict(outcome.modules),
        exit_code=outcome.exit_code,
        problem=_problem(outcome),
        warnings=outcome.warnings,
    )


def _add(table: dict[str, list[str]], stubs: Iterable[str], test: str) -> None:
    for stub in stubs:
        if test not in table.setdefault(stub, []):
            table[stub].append(test)


def _stubs_of(item: ItemOutcome) -> list[str]:
    return list(dict.fromkeys(reach.stub for reach in item.reached))


def is_environment(item: ItemOutcome) -> bool:
    """Whether a failure tells of the sandbox, or of something that is not installed."""
    denied = any(text in item.detail for text in _DENIED)
    return item.exception in _ENVIRONMENT or denied


def _reason(item: ItemOutcome) -> str:
    lines = [line.strip() for line in item.detail.splitlines() if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    text = (errors or lines or [item.verdict.value])[-1 if errors else 0]
    name = "" if not item.exception or text.startswith(item.exception) else f"{item.exception}: "
    where = "" if item.phase == "call" else f" (in {item.phase})"
    where = " (while collecting)" if item.phase == "collect" else where
    return f"{name}{text[:300]}{where}"


def _explained(trouble: Trouble, imports: Imports) -> Trouble:
    """With the way out, where the module that is missing is one of the project's own."""
    missing = _MISSING.search(trouble.reason)
    place = imports.place_of(missing[1].split(".")[0]) if missing else ""
    if not place:
        return trouble
    return replace(
        trouble,
        reason=f"{trouble.reason}; it is in {place}: install the project in editable mode "
        "(pip install -e .) or set pytest's pythonpath",
    )


def _problem(outcome: Outcome) -> str:
    """Why the run gave nothing to link, in words; a suite without tests is no problem."""
    if outcome.exit_code in (0, 1, 5) or any(item.reached for item in outcome.items):
        return ""
    if outcome.exit_code == 2 and outcome.items:
        return ""  # files that could not be collected; each is listed
    return f"the project's tests could not be run: {outcome.detail or outcome.verdict.value}"


def _cannot_run(
    stubs: Sequence[Stub], environment: Sequence[Trouble], outcome: Outcome, imports: Imports
) -> dict[str, str]:
    """Stubs whose module is imported only by tests that cannot run here."""
    if not environment:
        return {}
    broken = {trouble.test: trouble.reason for trouble in environment}
    files: dict[str, list[str]] = {}
    for item in outcome.items:
        files.setdefault(item.id.split("::")[0], []).append(item.id)
    imported = {path: imports.of_test(path) for path in files}
    found: dict[str, str] = {}
    for stub in stubs:
        tests = [test for path in files if stub.path in imported[path] for test in files[path]]
        if tests and all(test in broken for test in tests):
            found[stub.id] = broken[tests[0]]
    return found


def as_argument(node_id: str, rootdir: Path) -> str:
    """A node id that pytest finds from any directory."""
    return f"{rootdir}/{node_id}"
