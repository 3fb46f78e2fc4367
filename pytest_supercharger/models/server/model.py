"""OpenAI-compatible servers: llama-server, vLLM, SGLang, Ollama and others, one or several.

Everything is streamed, several choices of one request too. That costs 0.03 ms of this machine for
each token, and buys that a completion is here as soon as it ends, that one whose code block is
closed or that repeats itself ends there, and that what is not wanted any more is broken off in
mid-token: the server stops when the connection does. Of several choices in one request none can be
broken off alone; that wastes less than evaluating the prompt for each of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from functools import lru_cache

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.base import Completion, ModelInfo, Request, never
from pytest_supercharger.models.server.endpoints import Endpoint, parse_endpoints
from pytest_supercharger.models.server.http import KEY, import_openai
from pytest_supercharger.models.server.load import Event, Job, Load, Patience
from pytest_supercharger.models.stream import Stream
from pytest_supercharger.models.unasked import BYTES_PER_TOKEN

__all__ = ["Endpoint", "ServerModel", "parse_endpoints"]

_COUNTS_KEPT = 4096


class ServerModel:
    """Completes prompts on servers; may be used from several threads at once."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        key: str | None = None,
        context: int | None = None,
        timeout: float = 300.0,
        retries: int = 2,
        pause: float = 0.5,
        out: float = 5.0,
        busy: float = 120.0,
        gone: float = 15.0,
    ) -> None:
        """Look at all servers; those that do not answer are tried again later.

        ``key`` is sent to each of them and shown nowhere. ``context``: tokens of a prompt and its
        answer, at most; None: as the servers say. ``timeout``: seconds that a server may send
        nothing. A request is asked again ``retries`` times, after ``pause`` seconds, then twice as
        many; then the server is left out, for ``out`` seconds, then twice as many up to 60, and its
        requests go to the others. One that is busy (429, 503) is left out at once, for ``pause``
        seconds, then twice as many, or what it asks for, 60 at most, and waited for even where
        there is no other: until the pauses make ``busy`` seconds. So is one that had answered and
        takes no connections any more, ``gone`` seconds.

        :raises ModelUnavailable: no server answers, or the openai package is missing.
        :raises SetupError: the key cannot be one.
        """
        _check_key(key)
        import_openai()
        patience = Patience(
            timeout=timeout, retries=retries, pause=pause, out=out, busy=busy, gone=gone
        )
        self._load = Load(endpoints, key=key, patience=patience)
        self._context = context
        self._stop = weakref.finalize(self, self._load.close)
        # Of the load, not of self: a model that is no longer referenced leaves no thread.
        self._count = lru_cache(_COUNTS_KEPT)(self._load.count_tokens)
        try:
            self._load.start()
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> ModelInfo:
        """What really answers; changes when a server comes to be left out or is back."""
        connections = self._load.connections
        kinds = [c.kind.name for c in connections if c.is_known]
        return ModelInfo(
            name=", ".join(dict.fromkeys(c.model for c in connections if c.model)),
            source=", ".join(str(c.endpoint) for c in connections),
            digest="",
            backend=f"server ({', '.join(dict.fromkeys(kinds))})",
            gpu_layers=0,
            context=min(
                filter(None, [self._context, *(c.context for c in connections)]), default=0
            ),
            slots=max(1, self._load.slots),
            remarks=tuple(f"left out: {server}" for server in self._load.left_out),
        )

    def count_tokens(self, text: str) -> int:
        """By a server's tokenizer where there is one, else a token for four bytes of UTF-8."""
        counted = self._count(text)
        if counted is not None:
            return counted
        return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Yield each completion as it ends; requests are read while there are slots for them.

        A completion that ``cancelled`` cut off is yielded with what there is of it. A server
        without chats gives none for a prompt without a continuation.

        :raises PromptRefused: a server refuses a prompt, mostly because it does not fit.
        :raises ModelUnavailable: no server is left.
        """
        stream = _Stream(self._load, cancelled)
        try:
            yield from stream.run(iter(requests))
        finally:
            stream.abandon()

    def close(self) -> None:
        """Break off what is asked for, and end the thread."""
        self._stop()


class _Stream(Stream[Job, tuple[Job, Event]]):
    """The requests of one ``generate`` that are open."""

    def __init__(self, load: Load, cancelled: Callable[[Request], bool]) -> None:
        super().__init__(cancelled)
        self._load = load
        self._jobs: list[Job] = []

    @property
    def open(self) -> Collection[Job]:
        return self._jobs

    @property
    def slots(self) -> int:
        return self._load.slots

    def ask(self, request: Request) -> None:
        job = Job(request, lambda job, event: self.events.put((job, event)))
        self._jobs.append(job)
        self._load.add(job)

    def take(self, event: tuple[Job, Event]) -> Iterator[Completion]:
        job, what = event
        if isinstance(what, Completion):
            yield what
            return
        self._jobs.remove(job)
        if what is not None:
            raise what

    def cancel(self, one: Job) -> None:
        self._load.cancel(one)

    def abandon(self) -> None:
        """Nothing more of what is open is wanted."""
        for job in self._jobs:
            self.cancel(job)


def _check_key(key: str | None) -> None:
    """:raises SetupError: it cannot stand in a header; the error of whoever tried would show it."""
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key):
        raise SetupError(
            f"{KEY} holds a line break, a blank at an end or a letter that is not ASCII, and can "
            "be no key: set it to the key alone"
        )
