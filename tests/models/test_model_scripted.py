"""The scripted model gives its texts in order and remembers what it was asked."""

from __future__ import annotations

import pytest

from pytest_supercharger.models.base import Model, Request
from pytest_supercharger.models.scripted import ScriptedModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling


def ask(stub: str, n: int, kind: RequestKind = RequestKind.CODE, start: int = 0) -> Request:
    prompt = Prompt(kind=kind, messages=(), continuation="", stop=(), sampling=Sampling())
    return Request(stub=stub, kind=kind, prompt=prompt, n=n, seed=0, start=start)


def texts(model: Model, *requests: Request) -> list[str]:
    return [completion.text for completion in model.generate(requests)]


def test_a_star_gives_every_stub_the_whole_list() -> None:
    model = ScriptedModel({("*", "code"): ["1", "2"], ("a", RequestKind.CODE): ["own"]})
    assert texts(model, ask("b", 1), ask("c", 5), ask("a", 5), ask("b", 5)) == [
        "1",
        "1",
        "2",
        "own",
        "2",
    ]


def test_an_unknown_kind_in_the_script_is_refused() -> None:
    with pytest.raises(ValueError, match="poem"):
        ScriptedModel({("*", "poem"): []})


def test_requests_are_remembered_also_those_without_an_answer() -> None:
    model = ScriptedModel({})
    requests = [ask("a", 1), ask("a", 2, RequestKind.JUDGE)]
    assert texts(model, *requests) == []
    assert model.requests == requests


def test_start_skips_and_cancelled_stops() -> None:
    model = ScriptedModel({("*", "code"): ["0", "1", "2", "3"]})
    given: list[str] = []
    for completion in model.generate([ask("a", 9, start=1)], cancelled=lambda _: len(given) > 1):
        given.append(completion.text)
    assert given == ["1", "2"]


def test_every_completion_has_its_own_seed_and_index() -> None:
    model = ScriptedModel({("*", "code"): ["x"] * 3})
    given = list(model.generate([ask("a", 3), ask("b", 3)]))
    assert [completion.index for completion in given] == [0, 1, 2] * 2
    assert len({completion.seed for completion in given}) == 6
