"""Taking thinking off: real forms of it, in any splitting into tokens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger.models.thoughts import Thinking, Thoughts

QWEN = ("<think>", "</think>")
GEMMA = ("<|channel>thought", "<channel|>")
HARMONY = ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>")

CASES = [
    (QWEN, False, "<think>\nhm\n</think>\n\ndef f(): pass", "def f(): pass"),
    (QWEN, False, "\n<think>a < b</thin </think>x", "x"),
    (QWEN, False, "def f(): pass  # <think>", "def f(): pass  # <think>"),
    (QWEN, False, "<thing>x</think>", "<thing>x</think>"),
    (QWEN, False, "<th", "<th"),
    (QWEN, False, "", ""),
    (QWEN, False, "<think>it never ends", ""),
    (QWEN, True, "hm</think>\n```python\n", "```python\n"),
    (QWEN, True, "it never ends", ""),
    (GEMMA, False, "<|channel>thought\n<channel|>def f(): pass", "def f(): pass"),
    (
        HARMONY,
        False,
        "<|channel|>analysis<|message|>We need<|end|><|start|>assistant"
        "<|channel|>final<|message|>def f(): pass",
        "def f(): pass",
    ),
    (HARMONY, False, "<|channel|>final<|message|>def f(): pass", "def f(): pass"),
]


def taken_off(markers: tuple[str, str], is_open: bool, pieces: list[bytes]) -> str:
    thoughts = Thoughts(
        Thinking(
            opening=markers[0], closing=markers[1], is_open=is_open, limit=9, closing_tokens=()
        )
    )
    text = b"".join(thoughts.feed(piece) for piece in pieces)
    return (text if thoughts.are_over else text + thoughts.rest()).decode()


@pytest.mark.parametrize(("markers", "is_open", "text", "answer"), CASES)
def test_only_the_answer_is_left(
    markers: tuple[str, str], is_open: bool, text: str, answer: str
) -> None:
    assert taken_off(markers, is_open, [text.encode()]) == answer


@given(case=st.sampled_from(CASES), cuts=st.lists(st.integers(0, 120), max_size=12))
def test_it_does_not_matter_how_the_text_is_split(
    case: tuple[tuple[str, str], bool, str, str], cuts: list[int]
) -> None:
    markers, is_open, text, answer = case
    raw = text.encode()
    ends = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in itertools.pairwise(ends) if a < b]
    assert taken_off(markers, is_open, pieces).lstrip("\n") == answer.lstrip("\n")
