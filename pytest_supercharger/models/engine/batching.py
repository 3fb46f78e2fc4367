"""Many completions at once: every step decodes one token of each that is being written.

A prompt is evaluated once, in a sequence of its own, all but its last token. A completion takes
that sequence over without a copy and decodes the last token itself: so it has scores of its own
whenever it begins, and models whose state cannot be cut back work as well. One that ends gives its
slot to the next at once, of the same request or of another. A prompt takes over what it has in
common with one that is in memory: the instructions, the examples, the module around the stub.

Knows nothing of llama.cpp: it is handed something that decodes.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pytest_supercharger.models.endings import Answer, Ends
from pytest_supercharger.models.engine.places import Place
from pytest_supercharger.models.thoughts import Thinking, Thoughts
from pytest_supercharger.prompts import Sampling

PROMPTS = 4  # sequences for prompts, besides one for each slot
_IDLE_PROMPTS = 3  # beginnings kept for the next prompts; their cells slow every step down
_WORTH_SHARING = 32  # tokens; for less no prompt waits until another is evaluated

S = TypeVar("S")


class Decoder(Protocol[S]):
    """Sequences in memory, and what comes next in them."""

    @property
    def cells(self) -> int:
        """Tokens that there is room for; what sequences share counts once."""

    @property
    def chunk(self) -> int:
        """Tokens that one decode takes."""

    @property
    def can_be_cut(self) -> bool:
        """Whether a part of a sequence can be shared."""

    def decode(self, places: Sequence[Place]) -> None: ...

    def share(self, source: int, target: int, length: int | None = None) -> None: ...

    def cut(self, sequence: int, length: int) -> None:
        """Forget all but the first ``length`` tokens; only where ``can_be_cut``."""

    def drop(self, sequence: int) -> None: ...

    def new_sampler(self, sampling: Sampling, seed: int) -> S: ...

    def free_sampler(self, sampler: S) -> None: ...

    def draw(self, wanted: Sequence[tuple[S, int]]) -> Sequence[tuple[int, float]]:
        """For samplers and rows, ascending, of the last decode: a token and its log-probability."""

    def piece(self, token: int) -> bytes: ...

    def ends(self, token: int) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Completions of one prompt."""

    call: int  # whose it is
    tokens: tuple[int, ...]  # the prompt, at least one
    lasting: int  # of these, tokens that the next prompt of this kind begins with as well
    seeds: tuple[tuple[int, int], ...]  # index and seed of each completion
    sampling: Sampling
    ends: Ends
    thinking: Thinking | None

    @property
    def room(self) -> int:
        """Cells that one completion may come to need."""
        thinking = self.thinking
        extra = thinking.limit + len(thinking.closing_tokens) if thinking else 0
        return 1 + self.sampling.max_tokens + extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One completion has ended."""

    call: int
    index: int
    seed: int
    text: str
    tokens: int  # of the answer, without thinking and the token that ends it
    spent: int  # all that were decoded for it
    finish: str  # as in Completion
    logprob: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Nothing more of this call will come."""

    call: int


Event = Answered | Ended


class Batcher(Generic[S]):
    """Decodes jobs in order of arrival, in ``slots`` at a time."""

    def __init__(self, decoder: Decoder[S], *, slots: int) -> None:
        self._decoder = decoder
        self._slots = slots
        self._free = list(range(slots + PROMPTS))
        self._jobs: list[_Job] = []
        self._prompts: list[_Prompt] = []
        self._live: list[_Live[S]] = []
        self._held = 0  # cells of all prompts
        self._clock = itertools.count()

    def add(self, job: Job) -> None:
        """Take in a job whose prompt and answer fit the cells."""
        self._jobs.append(_Job(job))

    def cancel(self, call: int) -> Iterator[Event]:
        """Decode nothing more of a call; what its completions have come to is given back."""
        for live in [live for live in self._live if live.job.call == call]:
            yield self._finish(live, "cancelled")
        for job in self._jobs:
            if job.job.call == call:
                job.waiting.clear()
        yield from self._ended()

    @property
    def is_idle(self) -> bool:
        return not self._jobs

    def step(self) -> Iterator[Event]:
        """Decode once, and tell what has ended by it."""
        self._launch()
        places = [live.place() for live in self._live]
        places += self._next_of_prompts(self._decoder.chunk - len(places))
        if places:
            self._decoder.decode(places)
        for prompt in self._prompts:
            prompt.done = prompt.planned
        rows = [(live, row) for row, live in enumerate(self._live)]
        drawn = iter(
            self._decoder.draw([(live.sampler, row) for live, row in rows if not live.forced])
        )
        for live, _ in rows:
            finish = self._advance(live, drawn)
            if finish:
                yield self._finish(live, finish)
        yield from self._ended()

    # --- who is decoded

    def _launch(self) -> None:
        for job in self._jobs:
            if len(self._live) >= self._slots:
                return
            if not job.waiting:
                continue
            job.prompt = job.prompt or self._take_in(job.job)
            if job.prompt is None:
                return  # no room: who came later has to wait as well
            while job.waiting and job.prompt.is_ready and self._has_room(job.job.room):
                self._live.append(self._begin(job, job.prompt))
            if self._slots == 1:
                return  # maybe since this build computes wrong what is decoded together

    def _has_room(self, cells: int) -> bool:
        """Whether a completion can begin; alone it always can."""
        if len(self._live) >= self._slots:
            return False
        while not self._fits(cells):
            if not self._forget_oldest():
                return not self._live
        return True

    def _fits(self, cells: int) -> bool:
        promised = sum(live.room for live in self._live)
        return self._held + promised + cells <= self._decoder.cells

    def _begin(self, job: _Job, prompt: _Prompt) -> _Live[S]:
        index, seed = job.waiting.popleft()
        sequence = heapq.heappop(self._free)
        self._decoder.share(prompt.sequence, sequence)
        job.live += 1
        return _Live(
            job=job.job,
            index=index,
            seed=seed,
            sequence=sequence,
            sampler=self._decoder.new_sampler(job.job.sampling, seed),
            position=len(prompt.tokens) - 1,
            token=prompt.tokens[-1],
        )

    def _ended(self) -> Iterator[Event]:
        for job in [job for job in self._jobs if not job.waiting and not job.live]:
            self._jobs.remove(job)
            if job.prompt:
                job.prompt.users -= 1
                if not job.prompt.users:
                    self._keep_beginning(job.prompt, job.job.lasting)
            yield Ended(call=job.job.call)
        while sum(not prompt.users for prompt in self._prompts) > _IDLE_PROMPTS:
            self._forget_oldest()

    # --- prompts in memory

    def _take_in(self, job: Job) -> _Prompt | None:
        """A sequence for the prompt; None as long as there is no room."""
        prompt = next((one for one in self._prompts if one.tokens == job.tokens), None)
        if prompt is None:
            prompt = _Prompt(tokens=job.tokens)
            # Room for one completion beside all prompts, or none of them might ever begin.
            room = max(job.room, *(one.job.room for one in self._jobs if one.prompt), 0)
            while len(self._prompts) >= PROMPTS or not self._fits(len(job.tokens) + room):
                if not self._forget_oldest():
                    if self._prompts or self._live:
                        return None
                    break
            prompt.sequence = heapq.heappop(self._free)
            self._prompts.append(prompt)
            self._count()
        prompt.users += 1
        return prompt

    def _next_of_prompts(self, room: int) -> list[Place]:
        places: list[Place] = []
        for prompt in self._prompts:
            if prompt.users and not prompt.is_ready and len(places) < room:
                places += self._next_of(prompt, room - len(places))
        return places

    def _next_of(self, prompt: _Prompt, room: int) -> list[Place]:
        if not prompt.done and not self._take_over(prompt):
            return []
        prompt.planned = min(prompt.done + room, prompt.length)
        return [
            Place(prompt.tokens[i], i, prompt.sequence, False)
            for i in range(prompt.done, prompt.planned)
        ]

    def _take_over(self, prompt: _Prompt) -> bool:
        """Share what begins alike; False: that is being evaluated, wait for it."""
        if not self._decoder.can_be_cut:
            return True
        place = self._prompts.index(prompt)

        def length_of(other: _Prompt) -> int:
            """What is there to share, or will be: those before it are evaluated before it."""
            common = prompt.common(other)
            is_coming = other.users and self._prompts.index(other) < place
            return common if is_coming else min(common, other.done)

        others = [one for one in self._prompts if one is not prompt]
        best = max(others, key=length_of, default=None)
        length = length_of(best) if best else 0
        if best is None or length < _WORTH_SHARING:
            return True
        if best.done < length:
            return False
        self._decoder.share(best.sequence, prompt.sequence, length)
        prompt.done = prompt.planned = length
        if not best.users:
            self._forget(best)
        return True

    def _keep_beginning(self, prompt: _Prompt, lasting: int) -> None:
        """Of a prompt that is done with: what the next ones will begin with."""
        prompt.last_used = next(self._clock)
        length = min(lasting, prompt.done)
        if length < _WORTH_SHARING or not self._decoder.can_be_cut:
            self._forget(prompt)
            return
        self._decoder.cut(prompt.sequence, length)
        prompt.tokens = prompt.tokens[: length + 1]
        prompt.done = prompt.planned = length
        self._count()

    def _forget_oldest(self) -> bool:
        idle = [prompt for prompt in self._prompts if not prompt.users]
        if idle:
            self._forget(min(idle, key=lambda prompt: prompt.last_used))
        return bool(idle)

    def _forget(self, prompt: _Prompt) -> None:
        self._decoder.drop(prompt.sequence)
        heapq.heappush(self._free, prompt.sequence)
        self._prompts.remove(prompt)
        self._count()

    def _count(self) -> None:
        """Cells that the prompts take: what they share counts once, what is too short twice."""
        ordered = sorted(self._prompts, key=lambda prompt: prompt.tokens)
        self._held = sum(len(prompt.tokens) for prompt in ordered)
        for one, other in itertools.pairwise(ordered):
            self._held -= self._shared(one.common(other))

    def _shared(self, common: int) -> int:
        return common if common >= _WORTH_SHARING and self._decoder.can_be_cut else 0

    # --- tokens

    def _advance(self, live: _Live[S], drawn: Iterator[tuple[int, float]]) -> str:
        """Take the next token; how the completion ends with it, "" when it does not."""
        if live.forced:
            token = live.forced.popleft()
        else:
            token, logprob = next(drawn)
            live.note(logprob)
        live.token = token
        live.position += 1
        live.spent += 1
        if self._decoder.ends(token) and not live.forced:
            return "stop"
        return live.read(self._decoder.piece(token))

    def _finish(self, live: _Live[S], finish: str) -> Answered:
        self._live.remove(live)
        self._decoder.free_sampler(live.sampler)
        self._decoder.drop(live.sequence)
        heapq.heappush(self._free, live.sequence)
        next(job for job in self._jobs if job.job is live.job).live -= 1
        return live.answered(finish)


@dataclass(eq=False, slots=True)
class _Job:
    job: Job
    waiting: deque[tuple[int, int]] = field(init=False)
    prompt: _Prompt | None = None
    live: int = 0

    def __post_init__(self) -> None:
        self.waiting = deque(self.job.seeds)


@dataclass(eq=False, slots=True, kw_only=True)
class _Prompt:
    tokens: tuple[int, ...]
    sequence: int = -1
    done: int = 0  # tokens evaluated
    planned: int = 0  # tokens that are when the next decode is done
    users: int = 0  # jobs
    last_used: int = 0

    @property
    def length(self) -> int:
        """Tokens to be evaluated: the last one is each completion's own."""
        return len(self.tokens) - 1

    @property
    def is_ready(self) -> bool:
        return self.done >= self.length

    def common(self, other: _Prompt) -> int:
        """Tokens that both begin with, of those that are evaluated in both."""
        most = min(self.length, other.length)
        if self.tokens[:most] == other.tokens[:most]:
            return most
        pairs = zip(self.tokens, other.tokens, strict=False)
        return next(i for i, (a, b) in enumerate(pairs) if a != b)


@dataclass(eq=False, slots=True, kw_only=True)
class _Live(Generic[S]):
    """A completion that is being written."""

    job: Job
    index: int
    seed: int
    sequence: int
    sampler: S
    position: int  # of ``token``
    token: int  # to be decoded next
    spent: int = 0
    tokens: int = 0
    drawn: int = 0
    logprob: float = 0.0
    forced: deque[int] = field(default_factory=deque)
    answer: Answer = field(init=False)
    thoughts: Thoughts | None = field(init=False)

    def __post_init__(self) -> None:
        self.answer = Answer(self.job.ends)
        self.thoughts = Thoughts(self.job.thinking) if self.job.thinking else None

    @property
    def room(self) -> int:
        """Cells that it may come to need, from its prompt on."""
        if self.thoughts is None or not self.thoughts.are_over:
            return self.job.room
        return 1 + self.spent + self.job.sampling.max_tokens - self.tokens

    def place(self) -> Place:
        return Place(self.token, self.position, self.sequence, True)

    def note(self, logprob: float) -> None:
        if self.thoughts is None or self.thoughts.are_over:
            self.drawn += 1
            self.logprob += logprob

    def read(self, piece: bytes) -> str:
        """Add a token's text; how the answer ends with it, "" when it does not."""
        if self.thoughts is not None and not self.thoughts.are_over:
            return self._think(self.thoughts, piece)
        self.tokens += 1
        return self.answer.feed(piece) or self._at_cap()

    def _think(self, thoughts: Thoughts, piece: bytes) -> str:
        text = thoughts.feed(piece)
        if thoughts.are_over:
            self.forced.clear()
            self.tokens += 0 if thoughts.were_had else thoughts.tokens
            return (self.answer.feed(text) if text else "") or self._at_cap()
        assert self.job.thinking is not None
        if thoughts.tokens == max(1, thoughts.limit):
            self.forced.extend(self.job.thinking.closing_tokens)
        elif thoughts.tokens > thoughts.limit and not self.forced:
            return "length"  # it would not be closed
        return ""

    def _at_cap(self) -> str:
        return "length" if self.tokens >= self.job.sampling.max_tokens else ""

    def answered(self, finish: str) -> Answered:
        if self.thoughts is not None and not self.thoughts.are_over:
            self.answer.feed(self.thoughts.rest())
        return Answered(
            call=self.job.call,
            index=self.index,
            seed=self.seed,
            text=self.answer.text,
            tokens=self.tokens,
            spent=self.spent,
            finish=finish,
            logprob=self.logprob / self.drawn if self.drawn else None,
        )
