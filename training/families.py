"""Read the catalogue: families of small functions, each in many wordings and names.

A family of ``catalogue/*.txt``::

    == div_or_none
    n: divide_or_none|safe_divide|try_divide            names of the function
    p: a|x|numerator:float; b|y:float = 1 -> float | None     parameters and result
    d: Divide $0 by $1{, or return|. Return} None if $1 is {zero|0}     wordings, one a line
    d: %R $0 divided by $1, or None {when|if} {$1 is zero|the divisor is 0}
    i: ri(-9, 20), r.choice([0, 1, 2, 4])               arguments, as an expression
    t: neg0                                             guards that may be added, see GUARDS
    k: async                                            kind of function
    b: return $0 / $1 if $1 != 0 else None              the body; further ones must agree
    b:
    if $1 == 0:
        return None
    return $0 / $1

``$0`` is the first parameter, ``$f`` the function, ``@R`` a local name drawn from LOCALS.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from types import CodeType
from typing import Any

from training.inputs import Draw
from training.modules import NAMESPACE
from training.tasks import Param, Task
from training.wording import expand, tidy

CATALOGUE = Path(__file__).parent / "catalogue"
LOCALS = {
    "R": ["result", "result", "result", "out", "res"],
    "T": ["total", "total", "total", "acc"],
    "x": ["x", "x", "item", "n"],
    "c": ["c", "c", "ch", "char"],
    "w": ["word", "word", "w"],
    "D": ["counts", "counts", "result", "groups"],
    "i": ["i"],
    "S": ["steps", "count"],
    "s": ["ordered", "s"],
    "b": ["best", "largest"],
    "v": ["value", "v", "item"],
    "y": ["row", "y"],
    "W": ["words"],
}
ODD_NAMES = {
    "list": "my_list input_list the_list array l sequence collection arg input_data entries things "
    "data_list series stuff".split(),
    "str": "my_string input_string txt string_value arg raw content msg source string1 st "
    "input_text".split(),
    "number": "value1 arg integer input_value a1 number1 v i z qty input_number".split(),
    "": ["arg", "obj", "param", "v1", "input_value"],
}  # what parameters are called by people who do not care


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One entry of the catalogue."""

    key: str
    file: str
    names: tuple[str, ...]
    params: tuple[tuple[tuple[str, ...], str, str], ...]  # names, annotation, default
    returns: str
    docs: tuple[str, ...]
    bodies: tuple[str, ...]  # the first one is what is mostly taught
    inputs: CodeType
    guards: tuple[str, ...]
    is_async: bool

    def draw(self, rng: Random) -> tuple[Any, ...]:
        """Arguments for one call."""
        values = eval(self.inputs, NAMESPACE | Draw(rng).names())
        if len(values) == 1 and isinstance(values[0], tuple) and len(self.params) != 1:
            values = values[0]
        return tuple(values)


@dataclass
class _Draft:
    key: str
    lines: dict[str, list[str]] = field(default_factory=dict)
    bodies: list[list[str]] = field(default_factory=list)


def parse(text: str, file: str) -> list[Family]:
    """The families of one file, their keys behind its name: ``numbers/gcd``.

    ValueError names the family and what is wrong with it.
    """
    drafts: list[_Draft] = []
    in_body = False
    for line in text.splitlines():
        if line.startswith("== "):
            drafts.append(_Draft(line[3:].strip()))
            in_body = False
        elif line.startswith("#") and not in_body:
            continue
        elif drafts and (found := re.match(r"([npditkb]):(?: |$)(.*)$", line)):
            mark, rest = found.groups()
            in_body = mark == "b"
            if in_body:
                drafts[-1].bodies.append([rest] if rest else [])
            else:
                drafts[-1].lines.setdefault(mark, []).append(rest)
        elif drafts and in_body and line.strip():
            drafts[-1].bodies[-1].append(line)
        elif line.strip():
            raise ValueError(f"{file}: {drafts[-1].key if drafts else 'top'}: {line!r}")
    return [_family(draft, file) for draft in drafts]


def _family(draft: _Draft, file: str) -> Family:
    lines = draft.lines
    missing = [mark for mark in "npdi" if mark not in lines] + ["b"] * (not draft.bodies)
    if missing or len(lines["p"]) != 1 or len(lines["i"]) != 1:
        raise ValueError(f"{file}: {draft.key}: lacks {missing}, or has p: or i: twice")
    params, _, returns = lines["p"][0].rpartition("->")
    try:
        inputs = compile(f"({lines['i'][0]},)", draft.key, "eval")
    except SyntaxError as exc:
        raise ValueError(f"{file}: {draft.key}: i: {exc}") from exc
    return Family(
        key=f"{file.removesuffix('.txt')}/{draft.key}",
        file=file,
        names=tuple(name.strip() for line in lines["n"] for name in line.split("|")),
        params=tuple(_param(text) for text in params.split(";") if text.strip()),
        returns=returns.strip(),
        docs=tuple(lines["d"]),
        bodies=tuple("\n".join(body) for body in draft.bodies),
        inputs=inputs,
        guards=tuple(word for line in lines.get("t", []) for word in line.split()),
        is_async="async" in " ".join(lines.get("k", [])),
    )


def _param(text: str) -> tuple[tuple[str, ...], str, str]:
    names, _, rest = text.strip().partition(":")
    annotation, _, default = rest.partition(" = ")
    return tuple(names.split("|")), annotation.strip(), default.strip()


@cache
def all_families() -> tuple[Family, ...]:
    """The whole catalogue."""
    return tuple(
        family
        for path in sorted(CATALOGUE.glob("*.txt"))
        for family in parse(path.read_text(encoding="utf-8"), path.name)
    )


def hashed(text: str) -> int:
    """The same number for the same text in every run."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def instantiate(family: Family, rng: Random, *, doc: str | None = None) -> Task:
    """One task of the family: names, wording and body drawn; ``doc`` is the template to word."""
    taken = _words_of("\n".join(family.bodies))
    names = _param_names(family, taken, rng)
    task = Task(
        kind=f"family:{family.key}",
        name=rng.choice(family.names),
        params=tuple(
            Param(name=name, annotation=annotation, default=default)
            for name, (_, annotation, default) in zip(names, family.params, strict=False)
        ),
        returns=family.returns,
        doc=expand(rng.choice(family.docs) if doc is None else doc, rng).strip(),
        body=family.bodies[0] if rng.random() < 0.6 else rng.choice(family.bodies),
        inputs=family.draw,
        is_async=family.is_async,
    )
    if family.guards and rng.random() < 0.3:
        task = _guarded(task, rng.choice(family.guards), rng)
    plain = task.body.count("return ") == 1 and "round" not in task.body
    if family.returns == "float" and plain and rng.random() < 0.13:
        task = _rounded(task, rng)
    return _named(task, rng)


def _words_of(code: str) -> set[str]:
    return set(re.findall(r"(?<![$@\w.\"'])[A-Za-z_]\w*", code))


def _param_names(family: Family, taken: set[str], rng: Random) -> list[str]:
    names: list[str] = []
    for alternatives, annotation, _ in family.params:
        free = [name for name in alternatives if name not in taken] or list(alternatives)
        if rng.random() < 0.07:
            free = [name for name in _odd_names(annotation) if name not in taken] or free
        free = [name for name in free if name not in names] or [f"{alternatives[0]}_{len(names)}"]
        names.append(rng.choice(free))
    return names


def _odd_names(annotation: str) -> list[str]:
    if annotation.startswith("list"):
        return ODD_NAMES["list"]
    if annotation in ("int", "float"):
        return ODD_NAMES["number"]
    return ODD_NAMES.get(annotation, ODD_NAMES[""])


def _named(task: Task, rng: Random) -> Task:
    """Names put in for ``$0`` and ``@R``."""
    names = [param.name for param in task.params]
    used = {*names, task.name}
    chosen: dict[str, str] = {}

    def local(found: re.Match[str]) -> str:
        mark = found[1]
        if mark not in chosen:
            free = [name for name in LOCALS[mark] if name not in used]
            chosen[mark] = rng.choice(free or [f"{LOCALS[mark][0]}_"])
            used.add(chosen[mark])
        return chosen[mark]

    body = re.sub(r"@([A-Za-z])\b", local, task.body)
    ticked = rng.random() < 0.08
    doc = task.doc
    for place, name in reversed(list(enumerate(names))):
        body = body.replace(f"${place}", name)
        doc = doc.replace(f"${place}", f"`{name}`" if ticked else name)
    return replace(
        task,
        body=body.replace("$f", task.name),
        doc=tidy(doc.replace("$f", task.name)),
        params=tuple(
            replace(param, annotation=param.annotation.replace("$f", task.name))
            for param in task.params
        ),
    )


# --- what may be asked for besides ----------------------------------------------------------

_RAISES = (
    ". Raise ValueError if {}", ". Raises ValueError if {}", ". Raise a ValueError if {}",
    ". Raise ValueError when {}", ", raising ValueError if {}", ". Raises ValueError when {}",
    ". ValueError if {}", ". If {}, raise ValueError", " or raise ValueError if {}",
    ". Raises a ValueError when {}", ". Raise an error (ValueError) if {}",
)  # fmt: skip
_EMPTY = (
    "$0 is empty", "$0 is empty", "the list is empty", "it is empty", "the input is empty",
    "there are no values", "$0 has no elements", "there are no numbers", "the list is empty",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A condition on the arguments, the words for it, and arguments that meet it."""

    condition: str
    words: tuple[str, ...]
    messages: tuple[str, ...]
    place: int
    values: str  # expression over ``r`` and the argument ``v``
    gives: tuple[str, ...] = ()  # returned instead of ValueError


GUARDS = {
    "empty0": Guard(
        condition="not $0",
        words=_EMPTY,
        messages=("$0 must not be empty", "empty list", "$0 is empty"),
        place=0,
        values="[]",
    ),
    "none0": Guard(
        condition="not $0",
        words=_EMPTY,
        messages=(),
        place=0,
        values="[]",
        gives=("None", "None", "0", "-1"),
    ),
    "neg0": Guard(
        condition="$0 < 0",
        words=(
            "$0 is negative", "$0 is negative", "$0 is less than 0", "$0 < 0",
            "the number is negative", "the argument is negative", "it is negative",
            "$0 is below zero",
        ),
        messages=("$0 must not be negative", "$0 must be non-negative", "negative number"),
        place=0,
        values="-r.randint(1, 5)",
    ),
    "pos1": Guard(
        condition="$1 <= 0",
        words=(
            "$1 is not positive", "$1 is zero or negative", "$1 is less than 1", "$1 < 1",
            "$1 is smaller than one", "$1 is not a positive number",
        ),
        messages=("$1 must be positive",),
        place=1,
        values="-r.randint(0, 3)",
    ),
    "range1": Guard(
        condition="$1 < 0 or $1 > 100",
        words=(
            "$1 is not between 0 and 100", "$1 is outside 0 to 100",
            "$1 is less than 0 or greater than 100", "$1 is negative or above 100",
            "$1 is not in the range 0 to 100",
        ),
        messages=("$1 must be between 0 and 100",),
        place=1,
        values="r.choice([-1, 101, 150])",
    ),
    "samelen": Guard(
        condition="len($0) != len($1)",
        words=(
            "the lengths differ", "$0 and $1 have different lengths",
            "they do not have the same length", "the lengths are different",
        ),
        messages=("lengths differ", "$0 and $1 must have the same length"),
        place=1,
        values="v + v[:1]",
    ),
}  # fmt: skip


def _guarded(task: Task, name: str, rng: Random) -> Task:
    guard = GUARDS[name]
    words = rng.choice(guard.words)
    if guard.gives:
        value = rng.choice(guard.gives)
        phrase = rng.choice(
            (", or {v} if {w}", ". Return {v} if {w}", ". Returns {v} when {w}",
             ". If {w}, return {v}", " ({v} if {w})")
        ).format(v=value, w=words)  # fmt: skip
        action = f"return {value}"
    else:
        phrase = rng.choice(_RAISES).format(words)
        action = f'raise ValueError("{rng.choice(guard.messages)}")'
    inner = task.inputs
    assert inner is not None

    def inputs(draw: Random) -> tuple[Any, ...]:
        args = list(inner(draw))
        if draw.random() < 0.3:
            args[guard.place] = eval(guard.values, {"r": draw, "v": args[guard.place]})
        return tuple(args)

    body = f"if {guard.condition}:\n    {action}\n{task.body}"
    return replace(task, doc=_and(task.doc, phrase), body=body, inputs=inputs)


def _rounded(task: Task, rng: Random) -> Task:
    digits = rng.choice([0, 1, 2, 2, 2, 3])
    words = "two" if digits == 2 and rng.random() < 0.3 else str(digits)
    place = "place" if digits == 1 else "places"
    phrase = rng.choice(
        (f", rounded to {words} decimals", f", rounded to {words} decimal {place}",
         f" rounded to {words} digits", f" and round to {words} decimals",
         f". Round the result to {words} decimal {place}")
    )  # fmt: skip
    body = re.sub(r"return (.*)", rf"return round(\1, {digits})", task.body)
    return replace(task, doc=_and(task.doc, phrase), body=body)


def _and(doc: str, phrase: str) -> str:
    """The sentence with a condition more; after a question the condition is a sentence too."""
    if not doc.endswith(("?", "!")):
        return doc.removesuffix(".") + phrase
    words = phrase.lstrip(".,( ").removesuffix(")")
    return f"{doc} {words[:1].upper()}{words[1:]}"
