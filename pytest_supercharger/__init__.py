"""What may users import? ``todo_llm``, and the types that hooks are written with.

Every pytest run of the environment loads this file, so the types are imported when they are
first asked for.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, overload

if TYPE_CHECKING:
    from pytest_supercharger.clean.candidates import CodeCandidate, TestCandidate
    from pytest_supercharger.config import Mode, Settings
    from pytest_supercharger.evidence import CodeEvidence, Evidence
    from pytest_supercharger.exceptions import SuperchargeError
    from pytest_supercharger.fill import Filled, NotFilled
    from pytest_supercharger.models.base import Completion, Model, ModelInfo, Request
    from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling
    from pytest_supercharger.sandboxes.base import Check, Outcome, Sandbox, SandboxInfo
    from pytest_supercharger.stubs import Kind, Stub

__version__ = "0.1.0"

__all__ = [
    "Check",
    "CodeCandidate",
    "CodeEvidence",
    "Completion",
    "Evidence",
    "Filled",
    "Kind",
    "Message",
    "Mode",
    "Model",
    "ModelInfo",
    "NotFilled",
    "Outcome",
    "Prompt",
    "Request",
    "RequestKind",
    "Sampling",
    "Sandbox",
    "SandboxInfo",
    "Settings",
    "Stub",
    "SuperchargeError",
    "TestCandidate",
    "todo_llm",
]

_HOMES = {
    "Check": "sandboxes.base",
    "CodeCandidate": "clean.candidates",
    "CodeEvidence": "evidence",
    "Completion": "models.base",
    "Evidence": "evidence",
    "Filled": "fill",
    "Kind": "stubs",
    "Message": "prompts",
    "Mode": "config",
    "Model": "models.base",
    "ModelInfo": "models.base",
    "NotFilled": "fill",
    "Outcome": "sandboxes.base",
    "Prompt": "prompts",
    "Request": "models.base",
    "RequestKind": "prompts",
    "Sampling": "prompts",
    "Sandbox": "sandboxes.base",
    "SandboxInfo": "sandboxes.base",
    "Settings": "config",
    "Stub": "stubs",
    "SuperchargeError": "exceptions",
    "TestCandidate": "clean.candidates",
}

_Function = TypeVar("_Function")


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


@overload
def todo_llm(hint: str = "", *, examples: Sequence[str] = ()) -> Callable[[_Function], _Function]:
    """``@todo_llm("a hint")``, ``@todo_llm(hint="...", examples=["f(2) == 4"])``."""


@overload
def todo_llm(function: _Function, /) -> _Function:
    """``@todo_llm``"""


def todo_llm(function: object = "", /, *, hint: str = "", examples: Sequence[str] = ()) -> object:
    """Mark a function to be filled in by ``pytest --supercharge``.

    ``hint`` and ``examples`` (expressions that must be true, such as ``"f(2) == 4"``) are read
    from the source, so they must be literals. Until it is filled, the function keeps its name,
    signature and kind (coroutine function, generator, property ...), and raises
    NotImplementedError when it first executes, whatever its body says. Above or below
    ``classmethod``, ``staticmethod`` and ``property`` it means the same.
    """
    if isinstance(function, str):
        return _unfilled
    return _unfilled(function)


def _unfilled(target: Any) -> Any:
    """``target`` with every execution of the marked function raising NotImplementedError."""
    if isinstance(target, (classmethod, staticmethod)):
        return type(target)(_unfilled(target.__func__))
    if isinstance(target, property):
        return _unfilled_property(target)
    if isinstance(target, functools.cached_property):
        return type(target)(_unfilled(target.func))
    if isinstance(target, type) or not callable(target):
        raise TypeError(f"todo_llm marks functions, not {target!r}: put it on each function")
    return functools.wraps(target)(_raiser(target))


def _unfilled_property(target: property) -> property:
    """The property with the accessor defined last unfilled: ``todo_llm`` stands above that one."""
    accessors = {
        name: function
        for name in ("fget", "fset", "fdel")
        if (function := getattr(target, name)) is not None
    }
    last = max(accessors, key=lambda name: _first_line(accessors[name]))
    changed = {**accessors, last: _unfilled(accessors[last])}
    return type(target)(**changed, doc=target.__doc__)


def _first_line(function: Callable[..., Any]) -> int:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code else 0


def _raiser(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind that raises: at the call, the first await or first next."""

    def call(*args: Any, **kwargs: Any) -> Any:
        _refuse(function)

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        _refuse(function)

    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        _refuse(function)
        yield

    async def async_generator(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        _refuse(function)
        yield

    if inspect.isasyncgenfunction(function):
        return async_generator
    if inspect.iscoroutinefunction(function):
        return coroutine
    return generator if inspect.isgeneratorfunction(function) else call


def _refuse(function: Callable[..., Any]) -> NoReturn:
    name = cast(str, getattr(function, "__qualname__", repr(function)))
    module = getattr(function, "__module__", "") or "?"
    raise NotImplementedError(
        f"{module}.{name} is not written yet: fill it in with"
        f" `pytest --supercharge --supercharge-only='*::{name}'`,"
        f" or write it and remove @todo_llm"
    )
