"""What will be asked next is decoded beforehand, and nothing of it is lost or asked twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.ledger import Ledger
from pytest_supercharger.memory import RememberingModel
from pytest_supercharger.models.ahead import AheadModel, Announcing, Foreseeing
from pytest_supercharger.models.base import Completion, Request, never
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling

SECONDS = 10.0  # after which a test that waits in vain fails
CODE, TESTS = RequestKind.CODE, RequestKind.TESTS


class Gated(ScriptedModel):
    """Decodes one completion for each ``allow``; cancelled, it says what it had begun."""

    def __init__(self, breaks: bool = False) -> None:
        texts = [f"answer {number}" for number in range(4)]
        super().__init__({("*", CODE): texts, ("*", TESTS): texts})
        self.info = replace(self.info, slots=4)
        self.breaks = breaks
        self.closed = False
        self._changed = threading.Condition()
        self._allowed = 0
        self._asked: list[tuple[str, RequestKind]] = []
        self._ended: list[tuple[str, RequestKind]] = []

    def allow(self, completions: int) -> None:
        with self._changed:
            self._allowed += completions
            self._changed.notify_all()

    def wait_until_asked(self, *asked: tuple[str, RequestKind]) -> None:
        self._wait(lambda: self._asked == list(asked), f"asked {asked}, it was {self._asked}")

    def wait_until_ended(self, *ended: tuple[str, RequestKind]) -> None:
        self._wait(lambda: self._ended == list(ended), f"ended {ended}, it was {self._ended}")

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        for request in requests:
            self._note(self._asked, request)
            if self.breaks:
                raise ModelUnavailable("llama.cpp died")
            for completion in super().generate([request]):
                if not self._may(lambda request=request: cancelled(request)):
                    yield replace(completion, text="", finish="cancelled", spent=3)
                    break
                yield replace(completion, spent=5)
            self._note(self._ended, request)

    def close(self) -> None:
        self.closed = True

    def _may(self, cancelled: Callable[[], bool]) -> bool:
        """Whether the next completion is allowed, before it is cancelled."""
        until = time.monotonic() + SECONDS
        with self._changed:
            while not cancelled():
                if self._allowed:
                    self._allowed -= 1
                    return True
                assert time.monotonic() < until, "neither allowed nor cancelled"
                self._changed.wait(0.005)
            return False

    def _note(self, where: list[tuple[str, RequestKind]], request: Request) -> None:
        with self._changed:
            where.append((request.stub, request.kind))
            self._changed.notify_all()

    def _wait(self, for_what: Callable[[], bool], words: str) -> None:
        with self._changed:
            assert self._changed.wait_for(for_what, SECONDS), f"never {words}"


def request(stub: str, kind: RequestKind = CODE, n: int = 2) -> Request:
    prompt = Prompt(kind=kind, messages=(), continuation="", stop=(), sampling=Sampling())
    return Request(stub=stub, kind=kind, prompt=prompt, n=n, seed=0)


@contextmanager
def looking_ahead(**changes: bool) -> Iterator[tuple[AheadModel, Gated]]:
    inner = Gated(**changes)
    with closing(AheadModel(inner)) as model:
        yield model, inner
    assert inner.closed
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def texts(completions: Iterable[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def test_what_was_not_expected_is_asked_as_ever() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(2)
        assert texts(model.generate([request("a")])) == ["answer 0", "answer 1"]
        assert model.unclaimed() == {}
        assert isinstance(model, Foreseeing)


def test_what_is_expected_is_decoded_before_it_is_asked_and_only_once() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(2)
        model.expect([request("a")])
        inner.wait_until_ended(("a", CODE))
        assert texts(model.generate([request("a")])) == ["answer 0", "answer 1"]
        inner.wait_until_asked(("a", CODE))
        assert model.unclaimed() == {}


def test_what_is_not_there_yet_comes_as_it_ends() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(1)
        model.expect([request("a")])
        answers = model.generate([request("a")])
        assert next(answers).text == "answer 0"
        inner.allow(1)
        assert texts(answers) == ["answer 1"]


def test_the_second_request_is_handed_in_once_the_first_is_under_way() -> None:
    with looking_ahead() as (model, inner):
        model.expect([request("a", TESTS), request("a")])
        inner.wait_until_asked(("a", TESTS))
        inner.allow(4)
        inner.wait_until_asked(("a", TESTS), ("a", CODE))
        assert texts(model.generate([request("a")])) == ["answer 0", "answer 1"]
        assert texts(model.generate([request("a", TESTS)])) == ["answer 0", "answer 1"]


def test_the_second_request_is_not_held_up_when_it_is_asked_first() -> None:
    with looking_ahead() as (model, inner):
        model.expect([request("a", TESTS), request("a")])
        inner.wait_until_asked(("a", TESTS))
        answers = model.generate([request("a")])
        inner.allow(4)
        assert texts(answers) == ["answer 0", "answer 1"]


def test_cancelling_the_request_cancels_what_was_begun_for_it() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(1)
        model.expect([request("a", n=4)])
        over = threading.Event()
        answers = model.generate([request("a", n=4)], cancelled=lambda _: over.is_set())
        assert next(answers).spent == 5
        over.set()
        (rest,) = answers
        assert (rest.finish, rest.spent) == ("cancelled", 3)
        inner.wait_until_ended(("a", CODE))
        assert model.unclaimed() == {}  # it was asked for: whoever asked has counted it


def test_closing_the_generator_ends_the_decoding() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(1)
        model.expect([request("a", n=4)])
        answers = model.generate([request("a", n=4)])
        next(answers)
        answers.close()
        inner.wait_until_ended(("a", CODE))


def test_a_new_expectation_gives_up_the_old_one_which_counts_as_decoded_in_vain() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(1)
        model.expect([request("a", n=4), request("a", TESTS)])
        inner.wait_until_asked(("a", CODE), ("a", TESTS))
        model.expect([request("b")])
        inner.allow(2)
        assert texts(model.generate([request("b")])) == ["answer 0", "answer 1"]
        assert model.unclaimed() == {"a": 5 + 3 + 3}
        assert model.unclaimed() == {"a": 5 + 3 + 3}


def test_what_stays_expected_is_not_begun_again() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(1)
        model.expect([request("a")])
        model.expect([request("a"), request("b")])
        inner.allow(3)
        inner.wait_until_asked(("a", CODE), ("b", CODE))
        assert texts(model.generate([request("a")])) == ["answer 0", "answer 1"]


def test_another_request_for_the_same_stub_is_not_what_was_expected() -> None:
    with looking_ahead() as (model, inner):
        inner.allow(4)
        model.expect([request("a", n=2)])
        inner.wait_until_ended(("a", CODE))
        longer = replace(request("a", n=1), seed=1)
        assert texts(model.generate([longer])) == ["answer 2"]
        assert model.unclaimed() == {"a": 10}


def test_a_model_that_fails_beforehand_says_so_when_it_is_asked() -> None:
    with looking_ahead(breaks=True) as (model, _):
        model.expect([request("a")])
        with pytest.raises(ModelUnavailable, match="died"):
            list(model.generate([request("a")]))
        model.expect([request("b")])  # never asked for: the next request will tell


def test_what_is_stored_is_not_decoded_beforehand(tmp_path: Path) -> None:
    with (
        Ledger.open(tmp_path / "p.sqlite", fresh=False) as ledger,
        looking_ahead() as (model, inner),
    ):
        run = ledger.begin_run("write", (), "scripted", "scripted")
        remembering = RememberingModel(model, ledger, run=run)
        inner.allow(2)
        list(remembering.generate([request("a")]))
        remembering.expect([request("a"), request("b", TESTS)])
        inner.wait_until_asked(("a", CODE), ("b", TESTS))
        remembering.expect([replace(request("a"), n=4)])
        inner.allow(2)
        assert texts(remembering.generate([replace(request("a"), n=4)])) == [
            f"answer {number}" for number in range(4)
        ]
        assert set(remembering.unclaimed()) == {"b"}


def test_what_follows_is_announced_with_the_first_answer_and_only_once() -> None:
    with looking_ahead() as (model, inner):
        announcing = Announcing(model, {CODE: [request("b")]})
        answers = announcing.generate([request("a")])
        inner.allow(1)
        assert next(answers).text == "answer 0"
        inner.wait_until_asked(("a", CODE), ("b", CODE))
        inner.allow(3)
        assert texts(answers) == ["answer 1"]
        assert texts(announcing.generate([request("b")])) == ["answer 0", "answer 1"]
        inner.wait_until_asked(("a", CODE), ("b", CODE))


def test_what_follows_a_request_without_answers_is_announced_at_its_end() -> None:
    with looking_ahead() as (model, inner):
        announcing = Announcing(model, {CODE: [request("b")]})
        assert texts(announcing.generate([replace(request("a"), n=0)])) == []
        inner.wait_until_asked(("a", CODE), ("b", CODE))
