"""What every generator is made of: conditions, and the grammar of the sentences they stand in.

In code and templates ``@`` is the item in question and ``$word`` a part that ``fill`` puts in.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, NamedTuple

from training.tasks import Param, Task

Values = Callable[[Random], tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is true of one item; all its wordings say the same."""

    key: str
    says: tuple[str, ...]  # "is greater than 5", "ends with 'a'": as said of one item
    code: str  # with @ for the item
    negated: str
    adjectives: tuple[str, ...] = ()  # "even": may stand before the noun
    slugs: tuple[str, ...] = ("matching",)  # for function names
    params: tuple[Param, ...] = ()
    draws: Values = lambda rng: ()  # values of the parameters
    before: str = ""  # a line needed before the code, with $list for the list


def alternatives(choices: str) -> list[str]:
    """What the bars outside braces separate."""
    parts, depth = [""], 0
    for char in choices:
        depth += (char == "{") - (char == "}")
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def pick(rng: Random, choices: str) -> str:
    """One of the alternatives, of which some may hold further ones in braces."""
    return rng.choice(alternatives(choices))


def fill(template: str, **parts: str) -> str:
    """Put the parts in place of ``$name``; a name without a part is an error."""
    return re.sub(r"\$([a-z]+)", lambda found: parts[found[1]], template)


def other_name(rng: Random, choices: str, taken: set[str]) -> str:
    """One of the names that is not taken."""
    free = [name for name in choices.split("|") if name not in taken]
    return rng.choice(free or [f"{choices.split('|')[0]}_"])


def make_task(
    *, kind: str, name: str, params: list[Param], returns: str, doc: str, body: str, inputs: Values
) -> Task:
    """A task with a valid name and a body without empty ends."""
    name = re.sub(r"\W+", "_", re.sub(r"_+", "_", name)).strip("_").lower()
    if keyword.iskeyword(name) or hasattr(builtins, name):
        name = f"get_{name}"
    return Task(
        kind=kind,
        name=name,
        params=tuple(params),
        returns=returns,
        doc=join_questions(doc),
        body=body.strip("\n"),
        inputs=inputs,
    )


def param(name: str, annotation: str) -> Param:
    return Param(name=name, annotation=annotation)


_PLURAL_VERBS = {"is": "are", "has": "have", "does": "do", "was": "were"}
_VERBS = "is|has|does|starts|ends|begins|contains|consists|includes|reads|equals|exceeds|differs"
_NOUNS = "palindrome|multiple|square|number|divisor|power|factor|prime|letter|digit|word"


def plural(says: str) -> str:
    """ "is even" of several: "are even"."""
    verb, _, rest = says.partition(" ")
    rest = re.sub(rf"\b(and|or) ({_VERBS}) ", lambda found: f"{found[1]} {plural(found[2])} ", rest)
    rest = rest.replace(" its ", " their ").replace(" it ", " they ")
    rest = re.sub(r"^its ", "their ", rest)
    rest = re.sub(rf"^(not )?an? ((?:\w+ )??)({_NOUNS})\b", r"\1\2\3s", rest)
    verb = _PLURAL_VERBS.get(verb, verb[:-3] + "y" if verb.endswith("ies") else verb[:-1])
    return f"{verb} {rest}".strip()


def negative(says: str) -> str:
    """ "is even" to "is not even", "has" to "does not have"."""
    verb, _, rest = says.partition(" ")
    if verb == "is":
        return f"is not {rest}"
    return f"does not {plural(says).partition(' ')[0]} {rest}"


def _after(says: str, is_adjective: bool) -> list[str]:
    """How it follows a noun directly: "greater than 5", "ending with 'a'", "with a digit"."""
    verb, _, rest = says.partition(" ")
    if " and " in rest or " or " in rest:
        return []
    if verb == "is":
        simple = is_adjective or re.match(r"(not )?an? |all |made|the ", rest)
        return [] if simple or len(rest.split()) < 2 else [rest]
    if verb == "has":
        return [f"with {rest}", f"having {rest}"]
    if verb in ("starts", "ends", "begins", "contains", "consists"):
        stem = "beginn" if verb == "begins" else verb[:-1]
        return [f"{stem}ing {rest}"]
    return []


def clause(rng: Random, condition: Condition) -> str:
    """Said of one: "is even"."""
    return rng.choice(condition.says)


def plural_clause(rng: Random, condition: Condition) -> str:
    """Said of several: "are even"."""
    return plural(rng.choice(condition.says))


def several(rng: Random, condition: Condition, noun: str) -> str:
    """ "even numbers", "numbers greater than 5", "numbers that are multiples of 3"."""
    if condition.adjectives and rng.random() < 0.65:
        return f"{rng.choice(condition.adjectives)} {noun}"
    says = rng.choice(condition.says)
    forms = [f"{noun} {form}" for form in _after(says, _is_adjective(condition, says))] * 2
    forms += [f"{noun} {{that|that|which}} {plural(says)}"]
    return rng.choice(forms)


def one(rng: Random, condition: Condition, noun: str) -> str:
    """ "even number", "number greater than 5", "number that is a multiple of 3"."""
    if condition.adjectives and rng.random() < 0.65:
        return f"{rng.choice(condition.adjectives)} {noun}"
    says = rng.choice(condition.says)
    forms = [f"{noun} {form}" for form in _after(says, _is_adjective(condition, says))] * 2
    forms += [f"{noun} {{that|that|which}} {says}"]
    return rng.choice(forms)


def _is_adjective(condition: Condition, says: str) -> bool:
    return says.partition(" ")[2] in condition.adjectives


def condition_of(
    key: str,
    says: str,
    code: str,
    slugs: str = "matching",
    adjectives: str = "",
    *,
    params: tuple[Param, ...] = (),
    draws: Values = lambda rng: (),
) -> Condition:
    """A condition from a row of a table, where ``|`` separates alternatives."""
    return Condition(
        key=key,
        says=tuple(alternatives(says)),
        code=code,
        negated=negate_code(code),
        slugs=tuple(slugs.split("|")),
        adjectives=tuple(adjectives.split("|")) if adjectives else (),
        params=params,
        draws=draws,
    )


def negation(condition: Condition) -> Condition:
    """The opposite, in words too; itself where it is a negation already."""
    if any(re.search(r"\bnot\b|\bdiffer", says) for says in condition.says):
        return condition
    return replace(
        condition,
        key=f"not-{condition.key}",
        says=tuple(negative(says) for says in condition.says),
        code=condition.negated,
        negated=condition.code,
        adjectives=(),
        slugs=tuple(f"not_{slug}" for slug in condition.slugs),
    )


def both(rng: Random, first: Condition, second: Condition, word: str = "and") -> Condition:
    """Two conditions joined by "and" or "or"."""
    says = []
    for left in first.says:
        right = rng.choice(second.says)
        verb, _, rest = right.partition(" ")
        joined = rest if verb == "is" and left.startswith("is ") else right
        says.append(f"{left} {word} {joined}")
    other = "or" if word == "and" else "and"
    return replace(
        first,
        key=f"{first.key}-{word}-{second.key}",
        says=tuple(says),
        code=f"{_grouped(first.code, word)} {word} {_grouped(second.code, word)}",
        negated=f"{_grouped(first.negated, other)} {other} {_grouped(second.negated, other)}",
        adjectives=(),
        slugs=tuple(f"{a}_{word}_{b}" for a in first.slugs[:1] for b in second.slugs[:2]),
        params=first.params + second.params,
        draws=lambda rng: first.draws(rng) + second.draws(rng),
        before="\n".join(line for line in (first.before, second.before) if line),
    )


def _grouped(code: str, word: str) -> str:
    other = " or " if word == "and" else " and "
    return f"({code})" if other in code else code


def negate_code(code: str) -> str:
    """The opposite of a simple comparison; ``not (...)`` for anything longer."""
    if re.search(r" (and|or) | if ", code):
        return f"not ({code})"
    if code.startswith(("any(", "all(")):
        return f"not {code}"
    if code.startswith(("not any(", "not all(")):
        return code.removeprefix("not ")
    compared = re.findall(r" (==|!=|<=|>=|<|>|not in|in) ", re.sub(r"\([^()]*\)", "()", code))
    if not compared:
        return code.removeprefix("not ") if code.startswith("not ") else f"not {code}"
    opposite = {"==": "!=", "<": ">=", ">": "<=", "in": "not in"}
    opposite |= {there: here for here, there in opposite.items()}
    if len(compared) == 1 and code.count(f" {compared[0]} ") == 1:
        return code.replace(f" {compared[0]} ", f" {opposite[compared[0]]} ")
    return f"not {code}" if len(compared) > 1 else f"not ({code})"


def if_none(rng: Random, value: str) -> str:
    """The end of a sentence that says what comes when nothing is found; $noun: of what."""
    none = "there {are none|is none|is no such $noun}"
    shown = {'""': "{an empty string|the empty string}"}.get(value, value)
    return (
        f"{{, or {shown} if {none}|, or {shown} when {none}|. Return {shown} if {none}"
        f"|. Returns {shown} if {none}|. If {none}, return {shown}}}"
    )


def join_questions(doc: str) -> str:
    """No comma and no full stop after a question mark."""
    doc = re.sub(r"\?\{, or (.*?)\|", r"?{ Return \1|", doc)
    return doc.replace("|. ", "| ").replace("|, or ", "| Return ") if "?{ Return" in doc else doc


class Part(NamedTuple):
    """One choice for a slot of a sentence, of the code and of the name alike."""

    words: str
    code: str
    slug: str = ""


def combine(
    rng: Random,
    *,
    kind: str,
    names: str,
    params: tuple[tuple[str, str, str], ...],  # slot, alternative names, annotation
    docs: tuple[str, ...],
    body: str,
    returns: str,
    inputs: Values,
    parts: dict[str, Part] | None = None,
) -> Task:
    """Put the parameters' names and the parts where docs, body and names have ``$slot``."""
    chosen: dict[str, str] = {}
    for slot, choices, _ in params:
        chosen[slot] = other_name(rng, choices, set(chosen.values()))
    parts = parts or {}
    words = chosen | {slot: fill(part.words, **chosen) for slot, part in parts.items()}
    codes = chosen | {slot: fill(part.code, **chosen) for slot, part in parts.items()}
    slugs = chosen | {slot: fill(part.slug, **chosen) for slot, part in parts.items()}
    return make_task(
        kind=kind,
        name=fill(pick(rng, names), **slugs),
        params=[param(chosen[slot], annotation) for slot, _, annotation in params],
        returns=returns,
        doc=fill(rng.choice(docs), **words),
        body=fill(body, **codes),
        inputs=inputs,
    )
