"""What the model is taught: one small function, before it is worded as a stub."""

from __future__ import annotations

import asyncio
import copy
import datetime
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from training.modules import NAMESPACE

Inputs = Callable[[Random], tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of a function."""

    name: str
    annotation: str = ""  # "": none is known
    default: str = ""  # as source; "": it has none

    def __str__(self) -> str:
        head = f"{self.name}: {self.annotation}" if self.annotation else self.name
        if not self.default:
            return head
        return f"{head} = {self.default}" if self.annotation else f"{head}={self.default}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A function to be written, and how it is tried."""

    kind: str  # "family:gcd", "numbers:count/even": what is held out together
    name: str
    params: tuple[Param, ...]
    returns: str  # annotation; "": none is known
    doc: str  # one or more sentences, without a full stop at the end; alternatives are allowed
    body: str  # indented from column 0
    inputs: Inputs | None = None  # arguments for a call; None: ``checks`` are given
    is_async: bool = False
    decorators: tuple[str, ...] = ()  # "@property"
    around: str = ""  # the class above a method, as a prompt shows it; "" for a function
    checks: tuple[str, ...] = ()  # assert statements, where ``inputs`` is None

    @property
    def is_recursive(self) -> bool:
        return f"{self.name}(" in self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call and what came of it."""

    args: tuple[Any, ...]
    value: Any  # an exception's class where one was raised

    @property
    def raised(self) -> bool:
        return isinstance(self.value, type) and issubclass(self.value, Exception)


def define(task: Task, body: str | None = None) -> Callable[..., Any]:
    """The function itself; ``body`` in place of the task's own. SyntaxError names the source."""
    lines = (task.body if body is None else body).splitlines()
    head = "async def" if task.is_async else "def"
    names = ", ".join(str(Param(name=p.name, default=p.default)) for p in task.params)
    source = f"{head} {task.name}({names}):\n" + "\n".join(f"    {line}" for line in lines)
    namespace = dict(NAMESPACE)
    try:
        exec(compile(source, f"<{task.kind}>", "exec"), namespace)
    except SyntaxError as exc:
        raise SyntaxError(f"{exc.msg}\n{source}") from exc
    function = namespace[task.name]
    assert callable(function)
    return function


def run(function: Callable[..., Any], args: tuple[Any, ...]) -> Case:
    """Call it on a copy of the arguments; what it yields is listed, what it promises awaited."""
    given = copy.deepcopy(args)
    try:
        value = function(*given)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        if inspect.isgenerator(value) or type(value).__name__ in {"map", "filter", "zip"}:
            value = list(value)
    except Exception as exc:
        value = type(exc)
    return Case(args=args, value=value)


def shown(value: Any) -> str:
    """The value as it is written in a test; a function by its name."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.timedelta)):
        return repr(value).removeprefix("datetime.")
    return value.__name__ if callable(value) else repr(value)
