"""Every generator makes tasks that run, whose wording is whole and whose names are names."""

from __future__ import annotations

from random import Random

import pytest

from training.grammar import GENERATORS, Generator, compose
from training.grammar.__main__ import trouble


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator[0])
def test_generator_makes_tasks_that_run(generator: Generator) -> None:
    assert trouble(generator, 60, Random(1)) == []


def test_same_seed_same_task() -> None:
    first, second = compose(Random(5)), compose(Random(5))
    assert (first.kind, first.doc, first.body) == (second.kind, second.doc, second.body)


def test_generators_have_different_names() -> None:
    names = [name for name, _, _ in GENERATORS]
    assert len(set(names)) == len(names)


def test_compositions_are_many() -> None:
    rng = Random(2)
    assert len({compose(rng).kind for _ in range(1500)}) > 900
