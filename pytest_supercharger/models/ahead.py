"""The model goes on while the sandbox checks: what will be asked next is decoded beforehand.

Between two stubs a model would have nothing to do: the last candidates of one are still checked,
and the prompts of the next are not asked yet. So the next requests are announced once the present
ones are under way. An engine serves calls in the order in which they arrive, so what is expected
only takes the places that the present request leaves free.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Protocol, runtime_checkable

from pytest_supercharger.models.base import Completion, Model, ModelInfo, Request, never
from pytest_supercharger.prompts import RequestKind

_ASK_SECONDS = 0.02  # between two looks at ``cancelled`` while nothing arrives


@runtime_checkable
class Foreseeing(Model, Protocol):
    """A model that can be told what it will be asked."""

    def expect(self, requests: Sequence[Request]) -> None:
        """These will likely be asked next, in this order; earlier expectations are given up."""

    def unclaimed(self) -> Mapping[str, int]:
        """Give up what is expected; tokens decoded for what was never asked, by stub."""


class AheadModel:
    """Answers as ``model`` does, and begins with what it was told to expect."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._expected: list[_Expected] = []  # not asked for yet
        self._ending: list[_Expected] = []  # given up
        self._in_vain: Counter[str] = Counter()

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def expect(self, requests: Sequence[Request]) -> None:
        """Begin with ``requests``, one behind the other, unless they are under way already."""
        with self._lock:
            kept = [each for each in self._expected if each.request in requests]
            self._give_up([each for each in self._expected if each not in kept])
            known = [each.request for each in kept]
            new = [_Expected(self._model, each) for each in requests if each not in known]
            self._expected = [*kept, *new]
        for first, second in pairwise(new):
            first.follower = second
        if new:
            new[0].start()

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Of what was expected the completions that are there, then the rest as they end."""
        others = []
        for request in requests:
            expected = self._claim(request)
            if expected is None:
                others.append(request)
            else:
                with closing(expected.completions(cancelled)) as completions:
                    yield from completions
        if others:
            with closing(self._model.generate(others, cancelled=cancelled)) as completions:
                yield from completions

    def unclaimed(self) -> Mapping[str, int]:
        """Give up what is expected, wait until it has stopped, and count it."""
        with self._lock:
            self._give_up(self._expected)
            self._expected = []
            ending, self._ending = self._ending, []
        for each in ending:
            self._in_vain[each.request.stub] += each.wait()
        return dict(self._in_vain)

    def close(self) -> None:
        self.unclaimed()
        self._model.close()

    def _claim(self, request: Request) -> _Expected | None:
        with self._lock:
            found = next((each for each in self._expected if each.request == request), None)
            if found:
                self._expected.remove(found)
        if found:
            found.start()
        return found

    def _give_up(self, expected: Sequence[_Expected]) -> None:
        for each in expected:
            each.stop()
        self._ending += expected


class _Expected:
    """One request, answered in a thread of its own."""

    def __init__(self, model: Model, request: Request) -> None:
        self.request = request
        self.follower: _Expected | None = None  # starts once this one is under way
        self._model = model
        self._arrived: queue.SimpleQueue[Completion | BaseException | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Hand the request in, unless that was done, or it is given up."""
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Nothing more is wanted; returns at once."""
        with self._lock:
            self._stopping.set()

    def wait(self) -> int:
        """Until it has stopped; the tokens that were decoded for nothing."""
        if self._thread is None:  # after ``stop`` none is started any more
            return 0
        self._thread.join()
        return sum(one.spent for one in self._rest() if isinstance(one, Completion))

    def completions(
        self, cancelled: Callable[[Request], bool]
    ) -> Generator[Completion, None, None]:
        """What has arrived and what arrives; ``cancelled`` is asked in the thread that iterates."""
        try:
            while (one := self._next(cancelled)) is not None:
                if isinstance(one, BaseException):
                    raise one
                yield one
        finally:
            self.stop()
            if self._thread:
                self._thread.join()

    def _next(self, cancelled: Callable[[Request], bool]) -> Completion | BaseException | None:
        while True:
            if cancelled(self.request):
                self.stop()
            try:
                return self._arrived.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                continue

    def _rest(self) -> Iterator[Completion | BaseException]:
        while (one := self._arrived.get()) is not None:
            yield one

    def _work(self) -> None:
        try:
            answers = self._model.generate(
                [self.request], cancelled=lambda _: self._stopping.is_set()
            )
            with closing(answers):
                for completion in answers:
                    self._arrived.put(completion)
                    self._start_follower()
        except BaseException as error:
            # Raised where the request is asked for; of one that never is, the next one tells.
            self._arrived.put(error)
        finally:
            self._arrived.put(None)
            self._start_follower()

    def _start_follower(self) -> None:
        if self.follower:
            self.follower.start()


class Announcing:
    """Tells a model what comes next, once the first completion of a request is there."""

    def __init__(
        self, model: Foreseeing, following: Mapping[RequestKind, Sequence[Request]]
    ) -> None:
        """``following``: what to expect after a request of that kind; each is told once."""
        self._model = model
        self._following = dict(following)

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        asked = list(requests)
        with closing(self._model.generate(asked, cancelled=cancelled)) as completions:
            for completion in completions:
                self._announce(completion.kind)
                yield completion
        for request in asked:
            self._announce(request.kind)

    def close(self) -> None:
        """The model is its owner's."""

    def _announce(self, kind: RequestKind) -> None:
        following = self._following.pop(kind, ())
        if following:
            self._model.expect(following)
