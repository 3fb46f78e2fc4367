"""Which open stubs were come to, by whom, and which exceptions are theirs."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

MARKER = "__supercharge_reached__"


class Reached:
    """A log of (stub, phase) for the test that is running."""

    def __init__(self) -> None:
        self.phase = "collect"
        self._log: list[tuple[str, str]] = []
        self._stub_of: dict[CodeType, str] = {}
        setattr(builtins, MARKER, self.mark)

    def mark(self, stub: str) -> NotImplementedError:
        """Called first thing by an instrumented stub; returns what a marked one raises."""
        self._stub_of[sys._getframe(1).f_code] = stub
        entry = (stub, self.phase)
        if entry not in self._log:
            self._log.append(entry)
        return NotImplementedError(f"{stub} is not implemented")

    def take(self) -> list[tuple[str, str]]:
        """The log so far; a new one begins."""
        log, self._log = self._log, []
        return log

    def raised_by(self, exception: BaseException | None) -> str:
        """The stub whose own exception this is, or caused it; "" if none.

        A session fixture that failed is raised again for every later test without the stub
        being entered again: the traceback still knows.
        """
        for one in _chain(exception):
            if isinstance(one, NotImplementedError):
                frame = one.__traceback__
                while frame is not None and frame.tb_next is not None:
                    frame = frame.tb_next
                stub = self._stub_of.get(frame.tb_frame.f_code) if frame else None
                if stub:
                    return stub
        return ""


def _chain(exception: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[Any] = [exception]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
