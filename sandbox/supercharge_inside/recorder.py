"""A pytest plugin that tells the parent what each test did and which stubs it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from .control import Control
from .reached import Reached

DETAIL = 4000  # characters of a message kept

# Markers of plugins that are not active here; a run with --strict-markers must still collect.
FOREIGN_MARKERS = (
    "flaky(reruns=1): kept from pytest-rerunfailures",
    "no_cover: kept from pytest-cov",
    "random_order(disabled=True): kept from pytest-random-order",
    "timeout(seconds): kept from pytest-timeout",
    "xdist_group(name): kept from pytest-xdist",
)

Send = Callable[[dict[str, Any]], None]


class Recorder:
    """Sends ``{"start": id}`` and ``{"item": {...}}`` as tests begin and end."""

    def __init__(
        self, send: Send, reached: Reached, control: Control | None, max_failures: int = 0
    ) -> None:
        self._send = send
        self._reached = reached
        self._control = control
        self._failures_left = max_failures or -1
        self._session: pytest.Session | None = None
        self._item: dict[str, Any] | None = None
        self._began = 0.0
        self._expected = False
        _watch_expected_exceptions(reached.raised_by, self._expects)

    def _expects(self, stub: str) -> None:
        self._expected = self._expected or bool(stub)

    def pytest_configure(self, config: pytest.Config) -> None:
        for marker in FOREIGN_MARKERS:
            config.addinivalue_line("markers", marker)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        report = yield
        reached = self._reached.take()
        if report.failed:
            info = getattr(getattr(report, "call", None), "excinfo", None)
            error = info.value if info else None
            cause = getattr(error, "__cause__", None) or error
            stub = self._reached.raised_by(error)
            self._send({"item": self._not_collected(collector, report, cause, stub, reached)})
        elif report.skipped:
            self._send({"item": new_item(collector.nodeid, "skipped", phase="collect")})
        elif reached:
            self._send(
                {"item": new_item(collector.nodeid, "passed", phase="collect", reached=reached)}
            )
        return report

    def _not_collected(
        self, collector: Any, report: Any, cause: Any, stub: str, reached: list[tuple[str, str]]
    ) -> dict[str, Any]:
        text = str(report.longrepr or "")
        return new_item(
            collector.nodeid,
            "blocked" if stub or reached else "error",
            phase="collect",
            exception=type(cause).__name__ if cause is not None else "",
            detail=text[-DETAIL:],
            reached=reached or ([(stub, "collect")] if stub else []),
            raised_by=stub,
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._reached.take()
        if self._control:
            self._control.take()
        self._expected = False
        self._item = new_item(nodeid, "passed")
        self._began = time.perf_counter()
        self._send({"start": nodeid})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        report = yield
        if self._item is not None:
            self._note(self._item, report, call)
        return report

    def _note(self, item: dict[str, Any], report: Any, call: Any) -> None:
        error = call.excinfo.value if call.excinfo else None
        item["xfail"] = item["xfail"] or hasattr(report, "wasxfail")
        if error is not None and (report.failed or hasattr(report, "wasxfail")):
            stub = self._reached.raised_by(error)
            item["raised_by"] = item["raised_by"] or stub
            if stub and not any(stub == name for name, _ in item["reached"]):
                item["reached"].append((stub, report.when))
        if report.failed and item["verdict"] in ("passed", "skipped"):
            item["verdict"] = _verdict(error)
            item["phase"] = report.when
            item["exception"] = type(error).__name__ if error is not None else "Failed"
            item["detail"] = _message(call, report)
            item["line"] = _line(report)
        elif report.skipped and item["verdict"] == "passed":
            item["verdict"] = "skipped"
            item["phase"] = report.when
            item["detail"] = str(getattr(report, "wasxfail", "") or _message(call, report))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        return (yield from self._during("setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        return (yield from self._during("call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, Any, Any]:
        return (yield from self._during("teardown"))

    def _during(self, phase: str) -> Generator[None, Any, Any]:
        self._reached.phase = phase
        try:
            return (yield)
        finally:
            self._reached.phase = "collect"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        item, self._item = self._item, None
        if item is None:
            return
        item["seconds"] = time.perf_counter() - self._began
        item["reached"] = list(dict.fromkeys([*self._reached.take(), *item["reached"]]))
        item["xfail"] = item["xfail"] or self._expected
        item["expected_changed"] = self._control.take() if self._control else 0
        if item["verdict"] in ("failed", "error") and item["reached"]:
            item["verdict"] = "blocked"
        self._send({"item": item})
        if item["verdict"] not in ("passed", "skipped", "blocked"):
            self._count_failure()

    def _count_failure(self) -> None:
        """Not pytest's own --maxfail: a blocked test says nothing against a candidate."""
        self._failures_left -= 1
        if self._failures_left == 0 and self._session is not None:
            self._session.shouldfail = "enough has failed"

    def pytest_internalerror(self, excrepr: Any) -> None:
        self._send({"trouble": str(excrepr)[-DETAIL:]})


def new_item(
    nodeid: str,
    verdict: str,
    *,
    phase: str = "call",
    exception: str = "",
    detail: str = "",
    reached: Any = (),
    raised_by: str = "",
) -> dict[str, Any]:
    return {
        "id": nodeid,
        "verdict": verdict,
        "seconds": 0.0,
        "phase": phase,
        "exception": exception,
        "detail": detail,
        "line": "",
        "reached": list(reached),
        "raised_by": raised_by,
        "xfail": False,
        "expected_changed": 0,
    }


def _verdict(error: BaseException | None) -> str:
    if isinstance(error, MemoryError):
        return "out of memory"
    failed = isinstance(error, (AssertionError, pytest.fail.Exception)) or error is None
    return "failed" if failed else "error"


def _message(call: Any, report: Any) -> str:
    if call.excinfo is None:
        return str(report.longrepr)[:DETAIL]
    return str(call.excinfo.exconly(tryshort=True))[:DETAIL]


def _line(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return f"{crash.path}:{crash.lineno}" if crash else ""


def _watch_expected_exceptions(
    owner_of: Callable[[BaseException | None], str], expects: Callable[[str], None]
) -> None:
    """Learn when ``pytest.raises`` or ``assertRaises`` swallows an exception of a stub."""
    import unittest.case

    for owner in (*_raises_classes(), unittest.case._AssertRaisesContext):
        _wrap_exit(owner, owner_of, expects)


def _raises_classes() -> list[Any]:
    try:
        from _pytest.raises import RaisesExc, RaisesGroup  # pytest 8.4 and newer

        return [RaisesExc, RaisesGroup]
    except ImportError:
        from _pytest import python_api

        return [python_api.RaisesContext]  # type: ignore[attr-defined]


def _wrap_exit(
    owner: Any, owner_of: Callable[[BaseException | None], str], expects: Callable[[str], None]
) -> None:
    leave = owner.__exit__

    def watched_exit(self: Any, kind: Any, value: Any, trace: Any) -> Any:
        stub = owner_of(value)  # first: unittest takes the traceback off what it swallows
        swallowed = leave(self, kind, value, trace)
        if swallowed:
            expects(stub)
        return swallowed

    owner.__exit__ = watched_exit
