"""Which open stubs were come to, by whom, and which exceptions are theirs."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

MARKER = "__supercharge_reached__"


class Reached:
    """A log of (stub, phase) for the test that is running."""

    def __init__(self, file: str = "", *, elsewhere: bool = False) -> None:
        """``file``: where processes that a test starts write theirs; ``elsewhere``: in one."""
        self.phase = "collect"
        self._file = file
        self._read = 0  # bytes of the file that were taken
        self._process = 0 if elsewhere else os.getpid()
        self._log: list[tuple[str, str]] = []
        self._stub_of: dict[CodeType, str] = {}
        setattr(builtins, MARKER, self.mark)

    def mark(self, stub: str) -> NotImplementedError:
        """Called first thing by an instrumented stub; returns what a marked one raises."""
        self._stub_of[sys._getframe(1).f_code] = stub
        entry = (stub, self.phase)
        if os.getpid() != self._process:
            self._tell(stub)
        elif entry not in self._log:
            self._log.append(entry)
        return NotImplementedError(f"{stub} is not implemented")

    def move_here(self) -> None:
        """From a fork on, its process keeps the log."""
        self._process = os.getpid()

    def take(self) -> list[tuple[str, str]]:
        """The log so far; a new one begins."""
        log, self._log = self._log, []
        return log + [(stub, "call") for stub in self._told()]

    def _tell(self, stub: str) -> None:
        if self._file:
            with open(self._file, "a") as file:
                file.write(f"{stub}\n")

    def _told(self) -> list[str]:
        """What other processes have written since; only whole lines."""
        if not self._file or not os.path.exists(self._file):
            return []
        with open(self._file, "rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")[:-1]
        self._read += sum(len(line) + 1 for line in lines)
        return list(dict.fromkeys(line.decode(errors="replace") for line in lines))

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
