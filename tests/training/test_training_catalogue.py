"""Every family of the catalogue runs, its bodies agree, and its wordings are sentences."""

from __future__ import annotations

from random import Random

import pytest

from training.check import faults_of
from training.families import CATALOGUE, all_families, parse
from training.wording import expand, tidy

FILES = sorted(CATALOGUE.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_family_has_a_fault(path) -> None:
    families = parse(path.read_text(encoding="utf-8"), path.name)
    keys = [family.key for family in families]
    assert len(keys) == len(set(keys)) > 100
    rng = Random(0)
    faults = [f"{family.key}: {fault}" for family in families for fault in faults_of(family, rng)]
    assert not faults, "\n".join(faults[:10])


def test_the_catalogue_is_as_broad_as_its_card_says() -> None:
    assert len(all_families()) > 1500


FAMILY = """\
== half
n: half|halve
p: n|x:int -> float
d: Half of $0
d: {Halve|Cut in half} $0
i: ri(0, 9)
"""


@pytest.mark.parametrize(
    ("family", "fault"),
    [
        (FAMILY + "b: return $0 / 2\nb: return $0 // 2", "bodies disagree"),
        (FAMILY + "b: return $0 / y", "NameError"),
        (FAMILY + "b:\nwhile True:\n    pass", "longer than 2 s"),
        (FAMILY + "b: return 0", "always {'0'}"),
        (FAMILY + "d: Half of $1\nb: return $0 / 2", r"no parameter $1"),
        (FAMILY + "d: Half of {$0\nb: return $0 / 2", "braces"),
    ],
)
def test_a_fault_is_found(family: str, fault: str) -> None:
    (parsed,) = parse(family, "x.txt")
    assert any(fault in found for found in faults_of(parsed, Random(0)))


@pytest.mark.parametrize(
    ("text", "named"),
    [("== half\nn: half", "lacks"), ("half of it", "top: 'half of it'"), ("== a\nq: x", "q: x")],
)
def test_a_line_that_is_no_part_of_a_family_is_refused(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse(text, "x.txt")


def test_wordings_are_drawn_from_the_inside_out() -> None:
    drawn = {expand("{a{|b}|c} d", Random(seed)) for seed in range(50)}
    assert drawn == {"a d", "ab d", "c d"}


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("return a even number", "Return an even number"),
        ("the sum of a and b", "The sum of a and b"),
        ("is a in the list", "Is a in the list"),
        ("remove  the  .png ending .", "Remove the .png ending."),
        ("snake_case(text) is lower case", "snake_case(text) is lower case"),
    ],
)
def test_sentences_are_tidied(text: str, tidied: str) -> None:
    assert tidy(text) == tidied
