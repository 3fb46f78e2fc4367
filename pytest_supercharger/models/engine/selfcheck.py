"""Does this build compute the same for many sequences together as for one alone?

Builds were met that do not: extra buffer types for AMX give every sequence but the first wrong
scores in hybrid models, and say nothing. It is tried with the model's own weights, since the fault
may be in the code for one weight type.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_supercharger.models.engine.library import Cells, Scores, Weights
from pytest_supercharger.models.engine.places import Place

_LENGTH = 8  # tokens of each prompt
_TOLERANCE = 0.2  # of the scores' spread; honest builds stay under 0.03, the faulty one is over 1


def check(weights: Weights, cells: Cells) -> str:
    """What is wrong with batched decoding, "" when nothing is. Needs 3 free sequences.

    Leaves ``cells`` empty. A build that does not suit the CPU dies here.
    """
    one, other = _prompts(weights)
    alone = [_alone(cells, prompt) for prompt in (one, other)]
    if not all(np.isfinite(scores).all() for scores in alone):
        return NOT_NUMBERS
    together = _together(cells, one, other)
    worst = max(_distance(scores, alone[i]) for scores, i in zip(together, (0, 1, 0), strict=True))
    if worst <= _TOLERANCE:
        return ""
    return f"several sequences together give other scores than one (off by {worst:.0%})"


NOT_NUMBERS = "its scores are not numbers"


def _prompts(weights: Weights) -> tuple[list[int], list[int]]:
    step = max(1, weights.tokens // (2 * _LENGTH + 1))
    tokens = [i * step for i in range(1, 2 * _LENGTH + 1)]
    return tokens[::2], tokens[1::2]


def _alone(cells: Cells, prompt: Sequence[int]) -> Scores:
    cells.decode([*_places(prompt[:-1], 0), _last(prompt, 0)])
    scores: Scores = cells.scores(len(prompt) - 1).copy()
    cells.drop(0)
    return scores


def _together(cells: Cells, one: Sequence[int], other: Sequence[int]) -> list[Scores]:
    """As completions are decoded: prompts first, shared, then the last tokens in one batch."""
    cells.decode([*_places(one[:-1], 0), *_places(other[:-1], 1)])
    cells.share(0, 2)
    cells.decode([_last(one, 0), _last(other, 1), _last(one, 2)])
    scores = [cells.scores(row).copy() for row in range(3)]
    for sequence in range(3):
        cells.drop(sequence)
    return scores


def _places(tokens: Sequence[int], sequence: int) -> list[Place]:
    return [Place(token, i, sequence, False) for i, token in enumerate(tokens)]


def _last(tokens: Sequence[int], sequence: int) -> Place:
    return Place(tokens[-1], len(tokens) - 1, sequence, True)


def _distance(scores: Scores, right: Scores) -> float:
    """Root mean square of the difference, in units of the spread."""
    spread = float(right.std()) or 1.0
    difference = float(np.sqrt(np.mean((scores - right) ** 2)))
    return difference / spread if np.isfinite(difference) else float("inf")
