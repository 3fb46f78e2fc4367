"""Combinations of small parts, read as a docstring and as a body.

The catalogue knows single tasks; here a condition, a change and a way to sum up meet at random,
so that a combination that nobody wrote down comes out right too.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.grammar import (
    figures,
    mappings,
    numbers,
    positions,
    programs,
    records,
    rules,
    strings,
    words,
)
from training.tasks import Task

Generator = tuple[str, float, Callable[[Random], Task]]

GENERATORS: tuple[Generator, ...] = (
    ("numbers", 30.0, numbers.numbers),
    ("mapped_numbers", 8.0, numbers.mapped_numbers),
    ("words", 24.0, words.words),
    *strings.GENERATORS,
    *mappings.GENERATORS,
    *records.GENERATORS,
    *positions.GENERATORS,
    *figures.GENERATORS,
    *rules.GENERATORS,
    *programs.GENERATORS,
)


def compose(rng: Random) -> Task:
    """One random task of any generator."""
    functions = [function for _, _, function in GENERATORS]
    weights = [weight for _, weight, _ in GENERATORS]
    return rng.choices(functions, weights)[0](rng)
