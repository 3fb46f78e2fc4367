"""Stands in for the plugin inside the sandbox: ``todo_llm`` is transparent, the rest inert."""

from __future__ import annotations

from typing import Any


def todo_llm(function: Any = None, /, *_args: Any, **_options: Any) -> Any:
    """Leave the function as it is: open stubs are instrumented, candidates are not marked."""
    if callable(function) or isinstance(function, (classmethod, staticmethod, property)):
        return function
    return lambda decorated: decorated


class _Inert:
    """Any other public name: usable in annotations and isinstance, without behaviour."""

    def __init__(self, *_args: Any, **_options: Any) -> None: ...


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Inert
