"""Who asks which server when: requests of all threads shared among the servers that are well.

Everything here runs in one thread with one event loop: there a request that is waited for can be
given up at once, which a blocking read cannot, and it takes no locks. Whoever has a free slot takes
the next completions of the oldest request.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from pytest_supercharger.exceptions import ModelUnavailable, PromptRefused
from pytest_supercharger.models.base import Completion, Request, seeds_of
from pytest_supercharger.models.server.answers import Choice, Usage, read_pieces, read_usage
from pytest_supercharger.models.server.connection import Connection, Reply
from pytest_supercharger.models.server.endpoints import Endpoint
from pytest_supercharger.models.server.http import Line, Trouble

_LONGEST_OUT = 60.0  # seconds that a server is left out, at most
_DEATHS = 2  # servers' failures with one completion, for each server there is

_T = TypeVar("_T")
Event = Completion | Exception | None  # None: nothing more will come


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server is hoped for."""

    timeout: float  # seconds without a byte
    retries: int  # of one request, before the server is left out
    pause: float  # seconds before the first retry, doubled at each
    out: float  # seconds that a server is left out at first, doubled each time
    busy: float  # seconds of pauses for one that says it is busy, before it counts as lost
    gone: float  # the same for one that has answered and takes no connections any more

    def of(self, trouble: Trouble, connection: Connection) -> float:
        """Seconds that such trouble is waited for in all; 0: not at all."""
        if trouble.is_busy:
            return self.busy
        return self.gone if trouble.unreachable and connection.is_known else 0.0


class Job:
    """One request."""

    def __init__(self, request: Request, put: Callable[[Job, Event], None]) -> None:
        self.request = request
        self.expected = request.n  # completions that may still come
        self.is_cancelled = False
        self.seeds = seeds_of(request)
        self.waiting = deque(self.seeds)
        self.parts: set[_Part] = set()  # that are with a server
        self.failures: Counter[int] = Counter()  # servers', with each completion
        self._put = put
        self._is_ending = False
        self._is_over = False

    def give(self, completion: Completion) -> None:
        self.expected -= 1
        self._put(self, completion)

    def take_back(self, indices: Sequence[int]) -> None:
        """These have to be asked again."""
        if not self._is_ending:
            self.waiting.extendleft(reversed(indices))

    def end(self, reason: Exception | None = None) -> None:
        """Ask no more; ``reason`` is raised to whoever asked."""
        self._is_ending = True
        self.waiting.clear()
        if not self._is_over and (reason or not self.parts):
            self._is_over = True
            self._put(self, reason)
        for part in self.parts:
            part.stop()


@dataclass(eq=False, slots=True, kw_only=True)
class _Part:
    """Completions of a request that one server is asked for at once."""

    job: Job
    server: _Server
    indices: list[int]  # that have not been given to whoever asked
    width: int  # slots that it takes
    task: asyncio.Task[None] | None = None
    is_stopped: bool = False

    def stop(self) -> None:
        """Break off; once, for a second time would break off the closing of its connection."""
        if self.task is not None and not self.is_stopped:
            self.is_stopped = True
            self.task.cancel()


@dataclass(eq=False, slots=True, kw_only=True)
class _Server:
    """A connection, and how it fares."""

    connection: Connection
    busy: int = 0  # slots
    outs: int = 0  # times that it was left out since it last answered
    out_until: float = 0.0  # time of the loop
    cause: str = ""  # why it was left out
    waited: float = 0.0  # seconds of pauses, for those who ask now
    is_hoped_for: bool = False  # the run waits for it, even if it is the last one

    def free(self, now: float) -> int:
        """Slots that may be given work: one, until it has shown that it is well again."""
        if now < self.out_until:
            return 0
        return max(0, (1 if self.outs else self.connection.slots) - self.busy)

    def is_well(self) -> None:
        self.outs, self.out_until, self.cause = 0, 0.0, ""
        self.waited, self.is_hoped_for = 0.0, False

    def leave_out(self, trouble: Trouble, until: float) -> None:
        self.outs += 1
        self.cause = trouble.cause
        self.out_until = math.inf if trouble.lasting else until

    def __str__(self) -> str:
        waited = f", after {self.waited:.3g} s of waiting" if self.waited else ""
        return f"{self.connection.endpoint}: {self.cause or 'not asked'}{waited}"


@dataclass(slots=True, kw_only=True)
class _Received:
    """The choices of one reply."""

    choices: dict[int, Choice] = field(default_factory=dict)  # by the server's number
    given: set[int] = field(default_factory=set)
    usage: Usage | None = None
    was_cut: bool = False  # one was ended here, before the server did


class Load:
    """The servers' thread. Its public methods may be called from any other."""

    def __init__(
        self, endpoints: Sequence[Endpoint], *, key: str | None, patience: Patience
    ) -> None:
        self._endpoints = endpoints
        self._key = key
        self._patience = patience
        self._servers: list[_Server] = []
        self._jobs: list[Job] = []
        self._is_closed = False
        self._lock = threading.Lock()
        self._broken: Exception | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live()), name="supercharge-servers", daemon=True
        )

    def start(self) -> None:
        """Look at all servers.

        :raises ModelUnavailable: none can be asked.
        """
        self._thread.start()
        self._started.wait()
        if self._broken:
            raise self._broken
        self._wait_for(self._look())

    @property
    def connections(self) -> list[Connection]:
        """All of them, those that are left out too."""
        return [server.connection for server in self._servers]

    @property
    def left_out(self) -> list[str]:
        """Each server that did not answer, with the cause."""
        return [str(server) for server in self._servers if server.outs]

    @property
    def slots(self) -> int:
        """Completions at a time, of all servers that have answered."""
        return sum(c.slots for c in self.connections if c.is_known)

    def add(self, job: Job) -> None:
        if not self._call(lambda: self._add(job)):
            job.end(_closed())

    def cancel(self, job: Job) -> None:
        """Break off what is asked for; what there is of it is given."""
        self._call(job.end)

    def count_tokens(self, text: str) -> int | None:
        """By the tokenizer of the first server that has one."""
        return self._wait_for(self._count(text))

    def close(self) -> None:
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            return
        self._call(self._stop, is_last=True)
        self._thread.join()

    # --- the loop

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        try:
            self._servers = [_Server(connection=self._connection(e)) for e in self._endpoints]
        except Exception as exc:
            self._broken = exc
            return
        finally:
            self._started.set()
        await self._over.wait()
        for server in self._servers:
            await server.connection.close()

    def _connection(self, endpoint: Endpoint) -> Connection:
        line = Line(endpoint, key=self._key, timeout=self._patience.timeout)
        return Connection(endpoint, line)

    def _call(self, function: Callable[[], None], *, is_last: bool = False) -> bool:
        """Have the loop call it; False: the loop is closed, or about to be."""
        with self._lock:
            if self._is_closed:
                return False
            self._is_closed = is_last
            self._loop.call_soon_threadsafe(function)
        return True

    def _wait_for(self, coroutine: Coroutine[object, object, _T]) -> _T:
        answer: Future[_T] = Future()

        def begin() -> None:
            task = self._loop.create_task(coroutine)
            task.add_done_callback(lambda task: _hand_on(task, answer))

        if not self._call(begin):
            coroutine.close()
            raise _closed()
        return answer.result()

    def _stop(self) -> None:
        for job in self._jobs:
            job.end(_closed())
        self._over.set()

    # --- looking

    async def _look(self) -> None:
        await asyncio.gather(*map(self._look_at, self._servers))
        while all(server.outs for server in self._servers):
            hoped_for = [server for server in self._servers if server.is_hoped_for]
            if not hoped_for:
                raise self._none_left("no server can be asked")
            first = min(hoped_for, key=lambda server: server.out_until)
            await asyncio.sleep(first.out_until - self._loop.time())
            first.out_until = 0.0  # clocks differ in their last digits
            await self._look_at(first)

    async def _look_at(self, server: _Server) -> None:
        try:
            await server.connection.look()
        except Trouble as trouble:
            self._leave_out(server, trouble)
        else:
            server.is_well()

    async def _count(self, text: str) -> int | None:
        for connection in [server.connection for server in self._servers if not server.outs]:
            number = await connection.count_tokens(text)
            if number is not None:
                return number
        return None

    # --- who takes what

    def _add(self, job: Job) -> None:
        if not any(job.waiting or job.parts for job in self._jobs):
            for server in self._servers:
                server.waited = 0.0  # that was for others
        self._jobs.append(job)
        self._dispatch()

    def _dispatch(self) -> None:
        self._jobs = [job for job in self._jobs if job.waiting or job.parts]
        now = self._loop.time()
        for job in self._jobs:
            while job.waiting:
                ready = [server for server in self._servers if server.free(now)]
                if not ready:
                    break
                server = max(ready, key=lambda server: server.free(now))
                share = -(-len(job.waiting) // len(ready))
                self._begin(job, server, min(share, server.free(now)))
        self._end_if_none_is_left(now)

    def _begin(self, job: Job, server: _Server, width: int) -> None:
        most = 1 if server.connection.gives_one else server.connection.most or width
        width = min(width, most)
        part = _Part(
            job=job,
            server=server,
            indices=[job.waiting.popleft() for _ in range(width)],
            width=width,
        )
        job.parts.add(part)
        server.busy += width
        part.task = self._loop.create_task(self._run(part))
        part.task.add_done_callback(lambda task: self._ended(part, task))

    def _ended(self, part: _Part, task: asyncio.Task[None]) -> None:
        """A callback, and not the task's last lines: one that is cancelled early has none."""
        part.server.busy -= part.width
        part.job.parts.discard(part)
        if not task.cancelled() and (bug := task.exception()) and isinstance(bug, Exception):
            part.job.end(bug)
        if not part.job.waiting and not part.job.parts:
            part.job.end()
        if not self._is_closed:
            self._dispatch()

    def _end_if_none_is_left(self, now: float) -> None:
        for server in self._servers:
            if now >= server.out_until or server.busy or server.is_hoped_for:
                return
        for job in self._jobs:
            if job.waiting:
                job.end(self._none_left("no server is left to ask"))

    def _none_left(self, what: str) -> ModelUnavailable:
        causes = "; ".join(map(str, self._servers))
        return ModelUnavailable(f"{what} ({causes}): start one, or name another")

    def _leave_out(self, server: _Server, trouble: Trouble) -> None:
        now = self._loop.time()
        if now < server.out_until:
            return  # another part has seen it before
        server.is_hoped_for = server.waited < self._patience.of(trouble, server.connection)
        if server.is_hoped_for:
            seconds = self._pause(server, trouble)
            server.waited += seconds
        else:
            seconds = min(self._patience.out * 2**server.outs, _LONGEST_OUT)
        server.leave_out(trouble, now + seconds)
        self._loop.call_later(seconds, self._dispatch)

    def _pause(self, server: _Server, trouble: Trouble) -> float:
        """Seconds until a server that is hoped for is asked again.

        What it asks for counts; but one that keeps saying 0 must not be asked without a pause.
        """
        grown: float = min(self._patience.pause * 2**server.outs, _LONGEST_OUT)
        if trouble.wait is None:
            return grown
        return max(trouble.wait, grown) if server.outs else trouble.wait

    # --- asking

    async def _run(self, part: _Part) -> None:
        for retry in range(self._patience.retries + 1):
            try:
                await self._attempt(part)
            except Trouble as trouble:
                if trouble.is_refusal:
                    self._refused(part, trouble)
                    return
                if not self._is_worth_a_retry(part, trouble, retry):
                    self._failed(part, trouble)
                    return
                pause = self._patience.pause * 2**retry
                await asyncio.sleep(pause if trouble.wait is None else trouble.wait)
            else:
                # Those that it did not give: it knows fewer choices than it was asked for.
                part.job.take_back(part.indices)
                return

    def _is_worth_a_retry(self, part: _Part, trouble: Trouble, retry: int) -> bool:
        """One that is busy or gone is left out at once: others may be free meanwhile."""
        is_out = self._loop.time() < part.server.out_until  # another part has given up
        is_waited_for = self._patience.of(trouble, part.server.connection) > 0
        return trouble.again and retry < self._patience.retries and not is_out and not is_waited_for

    def _refused(self, part: _Part, trouble: Trouble) -> None:
        prompt = part.job.request.prompt
        part.job.end(
            PromptRefused(
                f"{part.server.connection.endpoint} refuses a prompt for {part.job.request.stub} "
                f"with an answer of {prompt.sampling.max_tokens} tokens: {trouble.cause}; where it "
                "is too long lower supercharge_context, or start the server with a larger context"
            )
        )

    def _failed(self, part: _Part, trouble: Trouble) -> None:
        self._leave_out(part.server, trouble)
        job = part.job
        if not part.server.is_hoped_for:
            job.failures.update(part.indices)
        if max(job.failures[i] for i in part.indices) > _DEATHS * len(self._servers):
            job.end(self._none_left(f"every server fails with the request for {job.request.stub}"))
        else:
            job.take_back(part.indices)

    async def _attempt(self, part: _Part) -> None:
        """Ask once; what is still in ``part.indices`` afterwards was not given.

        :raises Trouble: the server failed, or refused.
        """
        connection = part.server.connection
        if not connection.is_known:
            await connection.look()
        first = part.indices[0]
        reply = await connection.ask(
            part.job.request.prompt, n=len(part.indices), seed=part.job.seeds[first]
        )
        if reply is None:
            part.indices.clear()  # it has no use for this prompt: an ordinary end
            return
        received = _Received()
        indices = list(part.indices)
        try:
            await self._receive(reply, received, part, indices)
        except asyncio.CancelledError:
            for number, choice in received.choices.items():
                choice.end("cancelled")
                self._give(part, received, number, indices, reply)
            raise
        finally:
            await reply.close()
        part.server.is_well()

    async def _receive(
        self, reply: Reply, received: _Received, part: _Part, indices: list[int]
    ) -> None:
        """Read until all choices have ended; give each as it ends, the last one with the usage."""
        async with aclosing(reply.frames()) as frames:
            async for frame in frames:
                for number in _take_in(frame, reply, received, part):
                    if len(received.given) < reply.n - 1 and not reply.is_whole:
                        self._give(part, received, number, indices, reply)
                if received.was_cut and all(c.finish for c in received.choices.values()):
                    # The server stops when the connection does. Choices that have not begun when
                    # others have ended mostly never do: it knows no n.
                    break
        seen = len(received.choices)
        if not seen or not all(choice.finish for choice in received.choices.values()):
            if not seen:
                await part.server.connection.complain(part.job.request.prompt)
            raise Trouble("the answer broke off" if seen else "sent no choices", again=True)
        if seen < reply.n and (seen == 1 or not received.was_cut):
            part.server.connection.most = seen
        self._settle(received, reply)
        for number in received.choices:
            self._give(part, received, number, indices, reply)

    def _settle(self, received: _Received, reply: Reply) -> None:
        """Take over what the server says it has spent, where that can be told."""
        usage = received.usage
        if reply.is_whole:
            for choice in received.choices.values():
                choice.settle(usage.completion // len(received.choices) if usage else 0)
        last = [c for number, c in received.choices.items() if number not in received.given]
        if reply.is_whole or usage is None or received.was_cut or len(last) != 1:
            return
        if len(received.choices) == 1:
            last[0].settle(usage.completion)
        else:
            before = sum(received.choices[number].spent for number in received.given)
            last[0].spent = max(last[0].spent, usage.completion - before)

    def _give(
        self, part: _Part, received: _Received, number: int, indices: list[int], reply: Reply
    ) -> None:
        if number in received.given:
            return
        received.given.add(number)
        choice, index = received.choices[number], indices[number]
        part.indices.remove(index)
        request = part.job.request
        is_last = len(received.given) == len(received.choices)
        part.job.give(
            Completion(
                stub=request.stub,
                kind=request.kind,
                text=choice.text,
                index=index,
                seed=part.job.seeds[index] if reply.n == 1 and reply.is_seeded else None,
                prompt_tokens=received.usage.prompt if received.usage and is_last else 0,
                tokens=choice.tokens,
                finish=choice.finish,
                logprob=choice.logprob,
                spent=choice.spent,
            )
        )


def _closed() -> ModelUnavailable:
    return ModelUnavailable("the servers are not asked any more: the model is closed")


def _hand_on(task: asyncio.Task[_T], answer: Future[_T]) -> None:
    """Give a task's end to the thread that waits for it."""
    if task.cancelled():
        answer.set_exception(_closed())
    elif error := task.exception():
        answer.set_exception(error)
    else:
        answer.set_result(task.result())


def _take_in(frame: object, reply: Reply, received: _Received, part: _Part) -> list[int]:
    """Add a frame to the choices; the numbers of those that ended with it.

    :raises Trouble: it is no frame of a completion.
    """
    ended: list[int] = []
    try:
        pieces = list(read_pieces(frame))
        received.usage = read_usage(frame) or received.usage
    except ValueError as exc:
        cause = part.server.connection.redacted(f"sent what is no completion: {exc}")
    else:
        for piece in pieces:
            if not 0 <= piece.choice < reply.n:
                continue  # more than it was asked for
            choice = received.choices.get(piece.choice)
            if choice is None:
                max_tokens = part.job.request.prompt.sampling.max_tokens
                choice = received.choices[piece.choice] = Choice(reply.ends, max_tokens)
            if choice.finish:
                continue
            choice.take(piece)
            if choice.finish:
                ended.append(piece.choice)
                received.was_cut |= not piece.finish
        return ended
    raise Trouble(cause, again=True)
