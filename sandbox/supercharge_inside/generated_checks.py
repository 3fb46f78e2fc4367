"""Run generated checks and docstring examples on one candidate, in as few forks as it takes.

The module is imported once; a confined fork of that runs the checks one after the other. A check
that hangs, crashes or leaves the module changed ends only its own fork: a new one runs those after
it. (A fork for each check is 50 times slower: the copied pages cost, not the check.)
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import math
import os
import random
import sys
import time
import traceback
import types
from collections import deque
from collections.abc import Callable
from typing import Any

from . import overlay
from .confinement import Limits, Profile
from .project_tests import dotted_name
from .reached import Reached
from .watch import watch

RECORD = "__supercharge_value__"
RETURNED = 2000  # characters of a returned value kept
DETAIL = 1000
COMPARED = 1000  # entries of a module's table that are looked at after every check
MAX_TIMEOUTS = 2  # of one candidate; a few endless candidates could take most of the time


def run(
    hello: dict[str, Any], check: dict[str, Any], send: Callable[[dict[str, Any]], None]
) -> None:
    """Run ``check`` and send its events, the last of which is ``{"end": {}}``."""
    os.chdir(hello["invocation_dir"])
    overlay.install({os.path.join(hello["rootdir"], path): text for path, text in check["files"]})
    reached = Reached()
    module = _import(hello, check["module"])
    checks = _Checks(check["tests"], module.__dict__, reached, check["timeout"], send)
    while checks.left():
        checks.run_in_a_fork()
    send({"end": {}})


class _Checks:
    """The checks of one candidate, in order, and how far they have come."""

    def __init__(
        self,
        sources: list[str],
        namespace: dict[str, Any],
        reached: Reached,
        timeout: float,
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self._sources = sources
        self._namespace = namespace
        self._reached = reached
        self._timeout = timeout
        self._send = send
        self._next = 0  # index of the check that runs
        self._began = 0.0
        self._timeouts = 0
        self._changed = False  # the last check left something behind for the next

    def left(self) -> bool:
        """Whether there is a check to run. After too many time-outs the rest is not run."""
        if self._timeouts == MAX_TIMEOUTS:
            for index in range(self._next, len(self._sources)):
                self._send({"item": {"id": str(index), "verdict": "not run", "seconds": 0.0}})
            return False
        return self._next < len(self._sources)

    def run_in_a_fork(self) -> None:
        """Run the checks up to the end, or up to one that ends the fork."""
        seconds = math.ceil(self._timeout * (len(self._sources) - self._next)) + 1
        limits = Limits(memory=2 << 30, file_size=1 << 20, open_files=64, cpu=seconds)
        self._changed = False
        self._start()
        watched = watch(
            self._run_all,
            Profile.STRICT,
            limits,
            first_limit=self._timeout,
            item_limit=self._timeout,
            hear=self._hear,
        )
        if self._next < len(self._sources) and not self._changed:
            self._timeouts += watched.verdict == "timeout"
            self._note({"verdict": watched.verdict, "detail": watched.detail})

    def _run_all(self, send: Callable[[dict[str, Any]], None]) -> None:
        """In the fork."""
        self._reached.move_here()
        before = state_of(self._namespace)
        for index in range(self._next, len(self._sources)):
            send({"start": str(index)})
            send({"item": _run_one(self._sources[index], self._namespace, self._reached)})
            if state_of(self._namespace) != before:
                send({"changed": True})
                return

    def _hear(self, event: dict[str, Any]) -> None:
        """Which check an answer is for, and how long it took, is known here, not in the fork."""
        self._changed = self._changed or "changed" in event
        if isinstance(event.get("item"), dict) and self._next < len(self._sources):
            self._note(event["item"])
            self._start()

    def _start(self) -> None:
        self._began = time.monotonic()
        if self._next < len(self._sources):
            self._send({"start": str(self._next)})

    def _note(self, item: dict[str, Any]) -> None:
        seconds = time.monotonic() - self._began
        self._send({"item": {**item, "id": str(self._next), "seconds": seconds}})
        self._next += 1


def _import(hello: dict[str, Any], path: str) -> Any:
    origin = os.path.join(hello["rootdir"], path)
    folder, name = dotted_name(origin)
    for entry in (*hello["python_path"], folder):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    module = importlib.import_module(name)
    if os.path.realpath(module.__file__ or "") == os.path.realpath(origin):
        return module
    spec = importlib.util.spec_from_file_location(name, origin)  # code.py, say: one of Python's own
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def state_of(namespace: dict[str, Any]) -> list[object]:
    """What a check may leave behind for the next: plain data of the module and its classes,
    defaults and attributes of its functions, the random generator, the environment."""
    home = namespace.get("__name__")
    state: list[object] = [random.getstate(), dict(os.environ), os.getcwd()]
    for name, value in namespace.items():
        if not name.startswith("__"):
            state += [name, id(value), _plain(value)]
            if isinstance(value, type) and value.__module__ == home:
                state += [_plain(inner) for inner in vars(value).values()]
    return state


def _plain(value: Any) -> object:
    if isinstance(value, types.FunctionType):
        return canonical((value.__defaults__, value.__kwdefaults__, value.__dict__))
    if type(value) not in (list, dict, set, tuple, deque, bytearray):
        return None
    return canonical(value) if len(value) <= COMPARED else (len(value), id(value))


def _run_one(source: str, namespace: dict[str, Any], reached: Reached) -> dict[str, Any]:
    values: list[str] = []

    def record(value: Any) -> Any:
        values.append(canonical(value))
        return value

    scope = dict(namespace)
    scope[RECORD] = record
    item: dict[str, Any] = {"verdict": "passed"}
    reached.phase = "call"
    try:
        exec(compile(with_recorded_value(source), "<generated check>", "exec"), scope)
    except BaseException as error:
        item = _failure(error)
    item["returned"] = values[-1] if values else None
    item["reached"] = reached.take()
    if item["reached"] and item["verdict"] in ("failed", "error"):
        item["verdict"] = "blocked"
    return item


def _failure(error: BaseException) -> dict[str, Any]:
    verdict = "failed" if isinstance(error, AssertionError) else "error"
    if isinstance(error, MemoryError):
        verdict = "out of memory"
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    return {"verdict": verdict, "exception": type(error).__name__, "detail": text[:DETAIL]}


def with_recorded_value(source: str) -> ast.Module:
    """The check's last assert with the value under test, its left side, recorded."""
    tree = ast.parse(source)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Assert):
        last.test = _recorded(last.test)
    return ast.fix_missing_locations(tree)


def _recorded(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.Compare):
        if isinstance(test.left, ast.Constant) and len(test.ops) == 1:
            test.comparators = [_call(test.comparators[0])]  # assert 3 == f(1)
        else:
            test.left = _call(test.left)
        return test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test.operand = _call(test.operand)
        return test
    return _call(test)


def _call(value: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(ast.Name(RECORD, ast.Load()), [value], []), value)


def canonical(value: Any, depth: int = 0) -> str:
    """Equal text for equal plain data: 1 and 1.0 and True agree, sets and dicts are sorted."""
    kind = type(value)
    if kind in (int, float, bool) and value == value and abs(value) != math.inf:
        return _digits(int(value)) if value == int(value) else format(value, ".10g")
    if depth > 20:
        return "..."
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join(canonical(one, depth + 1) for one in value)})"[
            :RETURNED
        ]
    if kind in (set, frozenset):
        return f"set({', '.join(sorted(canonical(one, depth + 1) for one in value))})"[:RETURNED]
    if kind is dict:
        pairs = sorted(
            f"{canonical(k, depth + 1)}: {canonical(v, depth + 1)}" for k, v in value.items()
        )
        return f"dict({', '.join(pairs)})"[:RETURNED]
    try:
        return f"{kind.__name__}:{value!r}"[:RETURNED]
    except Exception:
        return f"{kind.__name__}:?"


def _digits(number: int) -> str:
    if number.bit_length() <= 6000:
        return repr(number)
    # Python writes no number of more than 4,300 digits, and the end of one would be cut off.
    return f"int of {number.bit_length()} bits, {number % (2**89 - 1)}"
