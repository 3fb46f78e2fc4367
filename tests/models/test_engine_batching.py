"""Batching over a decoder that keeps account: which cells are taken, what each sequence holds."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_supercharger.models.endings import Ends
from pytest_supercharger.models.engine.batching import PROMPTS, Answered, Batcher, Ended, Event, Job
from pytest_supercharger.models.engine.places import Place
from pytest_supercharger.models.thoughts import Thinking
from pytest_supercharger.prompts import Sampling

LETTERS = 26
END = 26  # the token that ends an answer


@dataclass(eq=False)
class Cell:
    token: int


@dataclass
class Sampler:
    seed: int


@dataclass
class AccountingDecoder:
    """Decodes by a hash over all that a sequence holds, so that a wrong sequence shows."""

    cells: int = 400
    chunk: int = 16
    can_be_cut: bool = True
    sequences: int = 100
    ends_at: int = 10**9  # every so many-th hash ends the answer
    held: dict[int, list[Cell]] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)  # the sequence behind each row
    steps: list[int] = field(default_factory=list)  # tokens of each decode
    live_samplers: int = 0
    most_taken: int = 0

    def decode(self, places: Sequence[Place]) -> None:
        assert 0 < len(places) <= self.chunk
        for place in places:
            cells = self.held.setdefault(place.sequence, [])
            assert place.position == len(cells), "a sequence is written in order"
            cells.append(Cell(place.token))
        self.rows = [place.sequence if place.is_read else -1 for place in places]
        self.steps.append(len(places))
        self.most_taken = max(self.most_taken, self.taken())
        assert self.taken() <= self.cells, "llama.cpp would find no room"

    def taken(self) -> int:
        return len({id(cell) for cells in self.held.values() for cell in cells})

    def share(self, source: int, target: int, length: int | None = None) -> None:
        assert not self.held.get(target), "a sequence is taken over into an empty one"
        assert target < self.sequences
        cells = self.held.get(source, [])
        assert length is None or self.can_be_cut or length == len(cells)
        assert length is None or length <= len(cells)
        self.held[target] = cells[:length]

    def cut(self, sequence: int, length: int) -> None:
        assert self.can_be_cut
        del self.held[sequence][length:]

    def drop(self, sequence: int) -> None:
        self.held.pop(sequence, None)

    def new_sampler(self, sampling: Sampling, seed: int) -> Sampler:
        self.live_samplers += 1
        return Sampler(seed)

    def free_sampler(self, sampler: Sampler) -> None:
        self.live_samplers -= 1

    def draw(self, wanted: Sequence[tuple[Sampler, int]]) -> list[tuple[int, float]]:
        return [(self._next(sampler, row), -1.0) for sampler, row in wanted]

    def _next(self, sampler: Sampler, row: int) -> int:
        content = tuple(cell.token for cell in self.held[self.rows[row]])
        return next_token(content, sampler.seed, self.ends_at)

    def piece(self, token: int) -> bytes:
        return bytes([97 + token % LETTERS])

    def ends(self, token: int) -> bool:
        return token == END


def next_token(content: tuple[int, ...], seed: int, ends_at: int) -> int:
    digest = hashlib.sha256(f"{content} {seed}".encode()).digest()
    value = int.from_bytes(digest[:4], "big")
    return END if value % ends_at == 0 else value % LETTERS


def serial(job: Job, seed: int, ends_at: int) -> str:
    """What one completion after another would give."""
    content, text = job.tokens, ""
    while len(text) < job.sampling.max_tokens:
        token = next_token(content, seed, ends_at)
        if token == END:
            break
        content = (*content, token)
        text += chr(97 + token)
    return text


def job(
    tokens: Sequence[int],
    *,
    call: int = 0,
    n: int = 1,
    most: int = 8,
    lasting: int = 0,
    ends: Ends | None = None,
) -> Job:
    return Job(
        call=call,
        tokens=tuple(tokens),
        lasting=lasting,
        seeds=tuple((i, 100 * call + i) for i in range(n)),
        sampling=Sampling(max_tokens=most),
        ends=ends or Ends(loops=False),
        thinking=None,
    )


def run(batcher: Batcher[Sampler]) -> list[Event]:
    events: list[Event] = []
    for _ in range(10_000):
        if batcher.is_idle:
            return events
        events += batcher.step()
    raise AssertionError("it does not come to an end")


def answers(events: Sequence[Event]) -> list[Answered]:
    return [event for event in events if isinstance(event, Answered)]


def test_all_completions_of_a_request_are_decoded_together() -> None:
    decoder = AccountingDecoder()
    batcher = Batcher(decoder, slots=8)
    batcher.add(job(range(5), n=8))
    events = run(batcher)
    assert len(answers(events)) == 8
    assert decoder.steps == [4, *[8] * 8]  # the prompt once, without its last token


def test_a_completion_that_ends_gives_its_slot_to_the_next_at_once() -> None:
    decoder = AccountingDecoder(ends_at=4)
    batcher = Batcher(decoder, slots=3)
    batcher.add(job(range(5), n=20, most=12))
    run(batcher)
    while_there_are_more = decoder.steps[1:-12]
    assert set(while_there_are_more) == {3}


def test_the_slots_of_one_request_go_on_to_the_next() -> None:
    decoder = AccountingDecoder()
    batcher = Batcher(decoder, slots=4)
    batcher.add(job(range(40, 45), call=0, n=6))
    batcher.add(job(range(60, 65), call=1, n=6))
    events = run(batcher)
    assert [event.call for event in events if isinstance(event, Ended)] == [0, 1]
    assert decoder.steps[1:].count(4) >= 20  # 12 completions of 8 tokens in 4 slots


def test_a_prompt_takes_over_how_the_one_before_it_began() -> None:
    decoder = AccountingDecoder()
    batcher = Batcher(decoder, slots=4)
    common = list(range(100))
    batcher.add(job([*common, 1, 2, 3], call=0, most=1, lasting=100))
    run(batcher)
    assert decoder.taken() == 100  # what is not expected to come again is forgotten
    before = sum(decoder.steps)
    batcher.add(job([*common, 4, 5, 6], call=1, most=1, lasting=100))
    (answer,) = answers(run(batcher))
    assert sum(decoder.steps) - before == 3  # two of the prompt, its last one by the completion
    assert answer.text == serial(job([*common, 4, 5, 6], most=1), 100, 10**9)


def test_nothing_is_kept_of_a_prompt_that_is_not_expected_to_come_again() -> None:
    decoder = AccountingDecoder()
    batcher = Batcher(decoder, slots=4)
    batcher.add(job(range(100), lasting=10))
    run(batcher)
    assert decoder.taken() == 0


def test_few_beginnings_are_kept() -> None:
    decoder = AccountingDecoder(cells=2000)
    batcher = Batcher(decoder, slots=4)
    for call in range(6):
        start = 1000 * call
        batcher.add(job(range(start, start + 80), call=call, lasting=50))
    run(batcher)
    assert decoder.taken() == 3 * 50


def test_prompts_that_come_together_are_evaluated_once_where_they_are_alike() -> None:
    decoder = AccountingDecoder()
    batcher = Batcher(decoder, slots=8)
    common = list(range(100))
    for call in range(3):
        batcher.add(job([*common, call, 7], call=call, most=1))
    run(batcher)
    assert sum(decoder.steps) == 100 + 3 * 2


def test_a_state_that_cannot_be_cut_is_shared_only_whole() -> None:
    decoder = AccountingDecoder(can_be_cut=False)
    batcher = Batcher(decoder, slots=4)
    common = list(range(100))
    batcher.add(job([*common, 1], call=0, n=2, most=1))
    batcher.add(job([*common, 2], call=1, n=2, most=1))
    batcher.add(job([*common, 1], call=2, n=2, most=1))
    run(batcher)
    assert sum(decoder.steps) == 2 * 100 + 6
    assert decoder.taken() == 0


def test_an_earlier_prompt_makes_room_for_a_later_one() -> None:
    decoder = AccountingDecoder(cells=120)
    batcher = Batcher(decoder, slots=2)
    for call in range(6):
        start = 1000 * call
        batcher.add(job(range(start, start + 80), call=call, n=3))
    events = run(batcher)
    assert [event.call for event in events if isinstance(event, Ended)] == list(range(6))


def test_cancelling_frees_slots_and_cells_at_once_and_gives_back_what_there_is() -> None:
    decoder = AccountingDecoder(cells=1000)
    batcher = Batcher(decoder, slots=4)
    batcher.add(job(range(5), call=0, n=50, most=100))
    batcher.add(job(range(7), call=1, n=1, most=3))
    for _ in range(6):
        assert list(batcher.step()) == []
    events = list(batcher.cancel(0))
    assert [(event.finish, event.spent) for event in answers(events)] == [("cancelled", 5)] * 4
    assert Ended(call=0) in events
    rest = run(batcher)
    assert [(event.call, event.finish) for event in answers(rest)] == [(1, "length")]
    assert decoder.live_samplers == 0


def test_cancelling_what_is_not_there_does_nothing() -> None:
    batcher = Batcher(AccountingDecoder(), slots=4)
    assert list(batcher.cancel(7)) == []


def test_a_stop_string_ends_a_completion_and_is_cut_off() -> None:
    one = job(range(5), most=50)
    whole = serial(one, 0, 10**9)
    batcher = Batcher(AccountingDecoder(), slots=1)
    batcher.add(job(range(5), most=50, ends=Ends(stop=(whole[7:10],), loops=False)))
    (answer,) = answers(run(batcher))
    assert answer.text == whole[: whole.index(whole[7:10])]
    assert (answer.finish, answer.spent) == ("stop", whole.index(whole[7:10]) + 3)


@pytest.mark.parametrize("is_open", [False, True])
def test_thinking_is_taken_off_and_closed_by_force_after_its_limit(is_open: bool) -> None:
    one = job(range(5), most=6)
    text = serial(job(range(5), most=40), 0, 10**9)
    opening = text[:2]
    thinking = Thinking(
        opening=opening,
        closing="xyz",
        is_open=is_open,
        limit=10,
        closing_tokens=tuple(ord(letter) - 97 for letter in "xyz"),
    )
    batcher = Batcher(AccountingDecoder(), slots=1)
    batcher.add(replace(one, thinking=thinking))
    (answer,) = answers(run(batcher))
    assert "xyz" not in text[:10]
    assert (answer.tokens, answer.spent, answer.finish) == (6, 10 + 3 + 6, "length")
    assert answer.text == serial(
        job([*range(5), *(ord(letter) - 97 for letter in text[:10] + "xyz")], most=6), 0, 10**9
    )


def test_an_answer_that_does_not_begin_with_thinking_is_kept_whole() -> None:
    one = job(range(5), most=12)
    thinking = Thinking(
        opening="<think>", closing="</think>", is_open=False, limit=10, closing_tokens=(1,)
    )
    batcher = Batcher(AccountingDecoder(), slots=1)
    batcher.add(replace(one, thinking=thinking))
    (answer,) = answers(run(batcher))
    assert (answer.text, answer.tokens) == (serial(one, 0, 10**9), 12)


@pytest.mark.parametrize("limit", [0, 1])
def test_thinking_that_there_is_no_room_for_is_closed_at_once(limit: int) -> None:
    thinking = Thinking(
        opening="<think>", closing="xyz", is_open=True, limit=limit, closing_tokens=(23, 24, 25)
    )
    batcher = Batcher(AccountingDecoder(), slots=1)
    batcher.add(replace(job(range(5), most=6), thinking=thinking))
    (answer,) = answers(run(batcher))
    assert (answer.tokens, answer.spent, answer.finish) == (6, 1 + 3 + 6, "length")


def test_with_one_slot_nothing_is_decoded_together() -> None:
    together: list[set[int]] = []

    class Watched(AccountingDecoder):
        def decode(self, places: Sequence[Place]) -> None:
            together.append({place.sequence for place in places})
            super().decode(places)

    batcher = Batcher(Watched(), slots=1)
    for call in range(3):
        batcher.add(job(range(100 * call, 100 * call + 20), call=call, n=2))
    assert len(answers(run(batcher))) == 6
    assert {len(sequences) for sequences in together} == {1}


PROMPT = st.tuples(
    st.sampled_from([0, 33, 60]),  # how much of the common beginning it has
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
)
JOBS = st.lists(st.tuples(PROMPT, st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    jobs=JOBS,
    cells=st.integers(110, 400),
    chunk=st.integers(6, 40),
    slots=st.integers(1, 6),
    can_be_cut=st.booleans(),
    ends_at=st.sampled_from([3, 10, 10**9]),
    cancelled=st.dictionaries(st.integers(0, 7), st.integers(0, 30), max_size=3),
    late=st.integers(0, 8),
)
def test_however_jobs_come_each_gets_what_it_would_get_alone(
    jobs: list[tuple[tuple[int, list[int]], int, int]],
    cells: int,
    chunk: int,
    slots: int,
    can_be_cut: bool,
    ends_at: int,
    cancelled: dict[int, int],
    late: int,
) -> None:
    decoder = AccountingDecoder(
        cells=cells, chunk=chunk, can_be_cut=can_be_cut, ends_at=ends_at, sequences=slots + PROMPTS
    )
    batcher = Batcher(decoder, slots=slots)
    asked = [
        job([*range(50, 50 + common), *tail], call=call, n=n, most=most, lasting=common)
        for call, ((common, tail), n, most) in enumerate(jobs)
    ]
    events: list[Event] = []
    for one in asked[:-late] if late else asked:
        batcher.add(one)
    left = asked[-late:] if late else []
    for step in itertools.count():
        assert step < 5_000, "it does not come to an end"
        for call, when in cancelled.items():
            if when == step:
                events += batcher.cancel(call)
        if left and step % 3 == 0:
            batcher.add(left.pop(0))
        if batcher.is_idle and not left:
            break
        events += batcher.step()
    ended = [event.call for event in events if isinstance(event, Ended)]
    assert sorted(ended) == list(range(len(asked)))
    for answer in answers(events):
        text = serial(asked[answer.call], answer.seed, ends_at)
        if answer.finish == "cancelled":
            assert answer.call in cancelled
            assert text.startswith(answer.text)
        else:
            assert answer.text == text
    for call, one in enumerate(asked):
        got = [answer for answer in answers(events) if answer.call == call]
        assert call in cancelled or len(got) == len(one.seeds)
    assert decoder.live_samplers == 0
    assert len(decoder.held) <= PROMPTS
