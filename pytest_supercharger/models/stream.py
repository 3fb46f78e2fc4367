"""The requests of one ``generate`` that are open, where many are answered at once.

What differs between llama.cpp's process and servers is how a request is asked, given up and
answered; when the next one is read and when ``cancelled`` is asked is the same.
"""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import Generic, Protocol, TypeVar

from pytest_supercharger.models.base import Completion, Request, never

_ASK_SECONDS = 0.02  # between two looks at ``cancelled`` while nothing arrives


class Open(Protocol):
    """A request that is asked."""

    request: Request
    is_cancelled: bool

    @property
    def expected(self) -> int:
        """Completions that may still come."""


OpenT = TypeVar("OpenT", bound=Open)
EventT = TypeVar("EventT")


class Stream(ABC, Generic[OpenT, EventT]):
    """Asks requests as there is room; ``events`` may be filled from any thread."""

    def __init__(self, cancelled: Callable[[Request], bool]) -> None:
        self.events: queue.SimpleQueue[EventT] = queue.SimpleQueue()
        self._cancelled = cancelled

    def run(self, requests: Iterator[Request]) -> Iterator[Completion]:
        """Completions as they end; ``requests`` are read while there are slots for them."""
        more = True
        while more or self.open:
            while more and self._has_room():
                request = next(requests, None)
                more = request is not None
                if request is not None and request.n > 0 and not self._cancelled(request):
                    self.ask(request)
            if self.open:
                yield from self._next()

    @property
    @abstractmethod
    def open(self) -> Collection[OpenT]:
        """What is asked and not at its end."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """Completions that are decoded together."""

    @abstractmethod
    def ask(self, request: Request) -> None: ...

    @abstractmethod
    def take(self, event: EventT) -> Iterator[Completion]:
        """What comes of an event; it may raise."""

    @abstractmethod
    def cancel(self, one: OpenT) -> None:
        """Have nothing more of it decoded; its events go on until it is at its end."""

    def _has_room(self) -> bool:
        """Whether slots could come to be free before the next request is read."""
        return sum(one.expected for one in self.open) < 2 * max(1, self.slots)

    def _next(self) -> Iterator[Completion]:
        """Wait a moment for the next event, and see whether anything is not wanted any more."""
        try:
            event = self.events.get(timeout=None if self._cancelled is never else _ASK_SECONDS)
        except queue.Empty:
            pass
        else:
            yield from self.take(event)
        for one in self.open:
            if not one.is_cancelled and self._cancelled(one.request):
                one.is_cancelled = True
                self.cancel(one)
