"""Small programs drawn at random and read back into words.

A phrase is joined to another one only where the sentence leaves no doubt what belongs together:
``prefix`` makes phrases that are read from the left ("half of the sum of a and b"), and what comes
after a comma is done to all before it ("a plus b, times 2").
"""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from training.grammar.parts import alternatives, make_task, param, pick
from training.inputs import Draw
from training.tasks import Task

ATOM, MUL, ADD, LOW = 3, 2, 1, 0


class Expr(NamedTuple):
    """A phrase and its code; ``key`` is the shape that is held out together."""

    words: str
    code: str
    level: int = ATOM
    key: str = ""
    is_float: bool = False
    is_flat: bool = False  # nothing of it needs a comma after it


def grouped(expr: Expr, level: int) -> str:
    return expr.code if expr.level >= level else f"({expr.code})"


def chosen(rng: Random, choices: str, **parts: str) -> str:
    """One of the alternatives with its parts."""
    text = rng.choice(alternatives(choices))
    for slot, part in parts.items():
        text = text.replace(f"${slot}", part)
    return text


SCENES = tuple(
    row.split()
    for row in (
        "a b", "x y", "a b c", "x y z", "n", "x", "n k", "n m", "x", "n", "num", "number", "value",
        "price quantity", "price quantity discount", "price count", "price tax", "cost quantity shipping",
        "hours rate", "hours rate bonus", "width height", "length width", "length width height",
        "base height", "distance speed", "score bonus", "score penalty bonus", "age", "age years",
        "salary bonus", "salary years", "total tip", "points lives", "points level", "weight height",
        "start step", "first second", "left right", "minutes hours", "seconds", "days rate",
        "amount fee", "balance amount", "income expenses", "adults children", "wins losses",
        "num1 num2", "row column", "temperature", "apples oranges", "level strength", "size margin",
        "budget spent", "stock orders", "miles gallons", "tickets price", "goals assists",
    )
)  # fmt: skip
ANSWERS = (
    "calculate|compute|solve|result|evaluate|f|func|get_result|calc|formula|get_value|do_math"
    "|final_value|outcome|answer|work_out"
)


BARE = {"num", "left", "right", "first", "last"}


class Names:
    """The parameters of one task, and how they are said."""

    def __init__(self, rng: Random, scene: list[str]) -> None:
        self.rng = rng
        self.scene = scene
        self.waiting = list(scene)
        self.has_article = rng.random() < 0.45

    def said(self, name: str) -> str:
        if not self.has_article or len(name) < 3 or name in BARE or name[-1].isdigit():
            return name
        return f"the {name.replace('_', ' ')}"

    def leaf(self) -> Expr:
        """A parameter, one not used yet where there is one."""
        name = self.waiting.pop(0) if self.waiting else self.rng.choice(self.scene)
        return Expr(self.said(name), name, key="p")

    def leaf_or_number(self) -> Expr:
        if self.rng.random() < (0.25 if self.waiting else 0.75):
            return number(self.rng)
        return self.leaf()

    def used(self, body: str) -> list[str]:
        return [name for name in self.scene if re.search(rf"\b{name}\b", body)]


def number(rng: Random) -> Expr:
    text = str(rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 12, 15, 20, 50, 100)))
    return Expr(text, text, key="c")


# key, phrases, code, level of the code, least level of $x and $y, gives a float
ONE = (
    ("double", "twice $x|double $x|two times $x", "$x * 2", MUL, MUL, False),
    ("half", "half of $x|half $x|one half of $x", "$x / 2", MUL, MUL, True),
    ("third", "a third of $x|one third of $x", "$x / 3", MUL, MUL, True),
    ("quarter", "a quarter of $x|one quarter of $x", "$x / 4", MUL, MUL, True),
    ("triple", "three times $x|triple $x|the triple of $x", "$x * 3", MUL, MUL, False),
    ("square", "the square of $x", "$x ** 2", MUL, ATOM, False),
    ("cube", "the cube of $x", "$x ** 3", MUL, ATOM, False),
    ("abs", "the absolute value of $x", "abs($x)", ATOM, LOW, False),
    ("tenpercent", "10 percent of $x|ten percent of $x", "$x * 0.1", MUL, MUL, True),
    ("percent", "20 percent of $x", "$x * 0.2", MUL, MUL, True),
    ("lastdigit", "the remainder of dividing $x by 10", "$x % 10", MUL, MUL, False),
    ("negated", "the negative of $x", "-$x", MUL, MUL, False),
)
TWO = (
    ("add", "the sum of $x and $y", "$x + $y", ADD, ADD, ADD),
    ("mul", "the product of $x and $y", "$x * $y", MUL, MUL, ATOM),
    ("max", "the larger of $x and $y|the maximum of $x and $y|the bigger of $x and $y|the greater of $x and $y", "max($x, $y)", ATOM, LOW, LOW),
    ("min", "the smaller of $x and $y|the minimum of $x and $y|the lesser of $x and $y", "min($x, $y)", ATOM, LOW, LOW),
    ("gap", "the absolute difference between $x and $y|the absolute difference of $x and $y|the distance between $x and $y", "abs($x - $y)", ATOM, ADD, MUL),
    ("mean", "the average of $x and $y|the mean of $x and $y", "($x + $y) / 2", MUL, ADD, ADD),
)  # fmt: skip
# after a comma, or after a single name: done to all before
INFIX = (
    ("add", "$x plus $y|$x increased by $y", "$x + $y", ADD, ADD, ADD),
    ("add", "$x plus $y", "$x + $y", ADD, ADD, ADD),
    ("sub", "$x minus $y|$x reduced by $y|$x decreased by $y", "$x - $y", ADD, ADD, MUL),
    ("sub", "$x minus $y", "$x - $y", ADD, ADD, MUL),
    ("mul", "$x times $y|$x multiplied by $y", "$x * $y", MUL, MUL, ATOM),
)
# key, as a command on $x, as a further step, code, levels, gives a float
STEPS = (
    ("add", "add $y to $x", "add $y", "$x + $y", ADD, ADD, ADD, False),
    ("sub", "subtract $y from $x|take $y away from $x", "subtract $y|take away $y", "$x - $y", ADD, ADD, MUL, False),
    ("mul", "multiply $x by $y", "multiply {it|the result|that} by $y|multiply by $y", "$x * $y", MUL, MUL, ATOM, False),
    ("double", "double $x", "double {it|the result|that}", "$x * 2", MUL, MUL, MUL, False),
    ("triple", "triple $x", "triple {it|the result}", "$x * 3", MUL, MUL, MUL, False),
    ("half", "halve $x|divide $x by 2", "halve {it|the result}|divide {it|the result} by 2", "$x / 2", MUL, MUL, MUL, True),
    ("div", "divide $x by $c", "divide {it|the result} by $c", "$x / $c", MUL, MUL, MUL, True),
    ("square", "square $x", "square {it|the result}", "$x ** 2", MUL, ATOM, ATOM, False),
    ("negate", "negate $x", "negate {it|the result}", "-$x", ADD, MUL, MUL, False),
    ("mod", "take $x modulo $c", "take {it|the result} modulo $c|take the remainder of dividing {it|the result} by $c", "$x % $c", MUL, MUL, MUL, False),
)  # fmt: skip


def apply(rng: Random, row: tuple[Any, ...], x: Expr, y: Expr) -> Expr:
    """A row of TWO or INFIX on two phrases."""
    key, phrases, code, level, least_x, least_y = row
    words = chosen(rng, phrases, x=x.words, y=y.words)
    code = code.replace("$x", grouped(x, least_x)).replace("$y", grouped(y, least_y))
    return Expr(
        words, code, level, f"{key}({x.key},{y.key})", x.is_float or y.is_float or key == "mean"
    )


def plus_number(rng: Random, x: Expr) -> Expr:
    """ "3 more than n": read from the left too."""
    amount = rng.randint(1, 9)
    if rng.random() < 0.6:
        return Expr(
            f"{amount} more than {x.words}",
            f"{x.code} + {amount}",
            ADD,
            f"add({x.key},c)",
            x.is_float,
        )
    return Expr(
        f"{amount} less than {x.words}", f"{x.code} - {amount}", ADD, f"sub({x.key},c)", x.is_float
    )


def prefix(rng: Random, names: Names, depth: int) -> Expr:
    """A phrase that may stand wherever a name may, last of all."""
    if depth <= 0:
        return names.leaf()
    kind = rng.random()
    if kind < 0.45:
        key, phrases, code, level, least, is_float = rng.choice(ONE)
        inner = prefix(rng, names, depth - 1)
        if key in ("abs", "negated") and inner.key.startswith(("abs", "negated", "gap")):
            return inner
        words = chosen(rng, phrases, x=inner.words)
        code = code.replace("$x", grouped(inner, least))
        return Expr(words, code, level, f"{key}({inner.key})", is_float or inner.is_float)
    if kind < 0.53:
        return plus_number(rng, names.leaf())
    left = names.leaf()
    right = prefix(rng, names, depth - 1) if rng.random() < 0.4 else names.leaf_or_number()
    if right.code == left.code:
        right = number(rng)
    return apply(rng, rng.choice(TWO), left, right)


def arithmetic(rng: Random, names: Names, depth: int) -> Expr:
    """Any phrase: a name and what is done to it, and more after commas."""
    if depth >= 2 and rng.random() < 0.55:
        before = arithmetic(rng, names, depth - 1)
        after = prefix(rng, names, 1) if rng.random() < 0.25 else names.leaf_or_number()
        row = rng.choice(INFIX)
        found = apply(rng, row, Expr(f"{before.words},", *before[1:]), after)
        words = found.words
        if "," not in before.words and before.key == "p":
            words = words.replace(",", "", 1)
        divided = rng.random()
        if divided < 0.12:
            half = Expr(
                before.words, grouped(before, MUL) + " / 2", MUL, f"half({before.key})", True
            )
            return half._replace(words=f"{before.words}, {{divided by 2|divided by two|halved}}")
        if divided < 0.18:
            return Expr(
                f"{before.words}, squared",
                grouped(before, ATOM) + " ** 2",
                MUL,
                f"square({before.key})",
                before.is_float,
            )
        return found._replace(words=words)
    if rng.random() < 0.5:
        left = names.leaf()
        right = prefix(rng, names, depth - 1) if rng.random() < 0.6 else names.leaf_or_number()
        if right.code == left.code:
            right = number(rng)
        return apply(rng, rng.choice(INFIX), left, right)
    return prefix(rng, names, depth)


def may_follow(row: tuple[Any, ...], last: str, is_float: bool, is_end: bool) -> bool:
    if row[0] == "negate" and not is_end:
        return False
    return row[0] != last and not (is_float and row[0] == "mod")


def chain(rng: Random, names: Names, count: int) -> Expr:
    """ "add 3 to n, then double it"."""
    current = names.leaf()
    parts: list[str] = []
    key, is_float = "", False
    last = ""
    for position in range(count):
        row = rng.choice(
            [row for row in STEPS if may_follow(row, last, is_float, position == count - 1)]
        )
        last, command, step, code, level, least_x, least_y, makes_float = row
        y = names.leaf_or_number()
        if y.code == current.code:
            y = number(rng)
        divisor = str(rng.choice((2, 3, 4, 5, 10)))
        words = chosen(rng, step if parts else command, x=current.words, y=y.words, c=divisor)
        code = code.replace("$x", grouped(current, least_x)).replace("$y", grouped(y, least_y))
        current = Expr(current.words, code.replace("$c", divisor), level)
        is_float = is_float or makes_float
        key += f"{last}{'p' if '$y' in row[3] and y.key == 'p' else ''}-"
        parts.append(words)
    joint = rng.choice((", then ", ", then ", " and then ", ", and then "))
    if count == 2 and rng.random() < 0.3:
        joint = " and "
    ending = rng.choice(("", "", "", " and return the result", ". Return the result"))
    if joint == " and " and ending.startswith(" and"):
        ending = ""
    return Expr(joint.join(parts) + ending, current.code, current.level, key[:-1], is_float)


def small_int(r: Random) -> int:
    return r.choice((r.randint(0, 12), r.randint(0, 12), r.randint(0, 120), r.randint(-15, 15)))


def ints(count: int) -> Callable[[Random], tuple[Any, ...]]:
    return lambda r: tuple(small_int(r) for _ in range(count))


def number_task(
    rng: Random, names: Names, *, kind: str, doc: str, body: str, returns: str, name: str
) -> Task:
    used = names.used(body)
    return make_task(
        kind=kind,
        name=pick(rng, name),
        params=[param(used_name, "int") for used_name in used],
        returns=returns,
        doc=doc,
        body=body,
        inputs=ints(len(used)),
    )


def number_name(rng: Random, names: Names) -> str:
    first = names.scene[0]
    if rng.random() < 0.4 and len(first) > 2:
        return rng.choice(
            (
                f"adjusted_{first}",
                f"final_{first}",
                f"compute_{first}",
                f"{first}_result",
                f"new_{first}",
                f"get_{first}",
                f"total_{first}",
            )
        )
    return pick(rng, ANSWERS)


def arithmetic_in_words(rng: Random) -> Task:
    """Sums in words, on one to three parameters."""
    names = Names(rng, rng.choice(SCENES))
    shape = rng.random()
    depth = max(len(names.scene) - 1, rng.randint(1, 3))
    if shape < 0.3:
        found = chain(rng, names, rng.choice((2, 2, 3)))
        words, code = found.words, found.code
        body, key = f"return {code}", f"chain:{found.key}"
        number_kind = found.is_float
    else:
        found = arithmetic(rng, names, depth)
        while found.key == "p" or len(set(re.findall(r"[a-z]\w*", found.code))) < 1:
            found = arithmetic(rng, names, 2)
        words, code, key, number_kind = f"%R {found.words}", found.code, found.key, found.is_float
        body = f"return {code}"
        extra = rng.random()
        limit = rng.choice((10, 20, 50, 100))
        if extra < 0.08:
            words += rng.choice(
                (f", but {{never more than|at most|no more than}} {limit}", f", capped at {limit}")
            )
            body, key = f"return min({code}, {limit})", f"cap({key})"
        elif extra < 0.16:
            low = rng.choice((0, 0, 1, 5, 10))
            words += rng.choice(
                (
                    f", but {{never less than|at least|no less than}} {low}",
                    f", but never below {low}",
                )
            )
            body, key = f"return max({code}, {low})", f"floor({key})"
        elif extra < 0.22 and number_kind:
            places = rng.choice((1, 2, 2))
            words += f", rounded to {places} decimal{'s' if places > 1 else ''}"
            body, key = f"return round({code}, {places})", f"round({key})"
        elif extra < 0.4:
            result = rng.choice(("result", "total"))
            over, sign = rng.choice(
                (
                    ("over", ">"),
                    ("above", ">"),
                    ("more than", ">"),
                    ("below", "<"),
                    ("under", "<"),
                    ("less than", "<"),
                    ("at least", ">="),
                    ("at most", "<="),
                )
            )
            amount = rng.choice((2, 5, 10, 20))
            done, op = rng.choice(
                (
                    (f"{amount} added", "+="),
                    (f"{amount} subtracted", "-="),
                    ("doubled", "*= 2"),
                    ("halved", "/= 2"),
                )
            )
            when = rng.choice(("if", "when", "if"))
            if done in ("doubled", "halved"):
                words += f", {done} {when} the {result} is {over} {limit}"
                change = f"{result} {op}"
            else:
                words += f", with {done} {when} the {result} is {over} {limit}"
                change = f"{result} {op} {amount}"
            body = f"{result} = {code}\nif {result} {sign} {limit}:\n    {change}\nreturn {result}"
            number_kind = number_kind or done == "halved"
            key = f"adjust-{op[0]}({key})"
    returns = "float" if number_kind else "int"
    return number_task(
        rng,
        names,
        kind=f"arithmetic:{key}",
        doc=words,
        body=body,
        returns=returns,
        name=number_name(rng, names),
    )


# key, what is said of $x, code; $c and $d are constants
TESTS = (
    (
        "gt",
        "$x is over $c|$x is greater than $c|$x is above $c|$x is more than $c|$x exceeds $c",
        "$x > $c",
    ),
    ("lt", "$x is below $c|$x is less than $c|$x is under $c|$x is smaller than $c", "$x < $c"),
    ("ge", "$x is at least $c|$x is $c or more|$x is greater than or equal to $c", "$x >= $c"),
    ("le", "$x is at most $c|$x is $c or less|$x is no more than $c", "$x <= $c"),
    ("even", "$x is even|$x is an even number", "$x % 2 == 0"),
    ("odd", "$x is odd|$x is an odd number", "$x % 2 != 0"),
    ("zero", "$x is zero|$x is 0|$x equals zero", "$x == 0"),
    ("negative", "$x is negative|$x is below zero|$x is less than 0", "$x < 0"),
    ("positive", "$x is positive|$x is greater than zero", "$x > 0"),
    ("multiple", "$x is divisible by $d|$x is a multiple of $d", "$x % $d == 0"),
    (
        "between",
        "$x is between $d and $c|$x is between $d and $c inclusive|$x is from $d to $c",
        "$d <= $x <= $c",
    ),
)
COMPARED = (
    ("gt", "$x is greater than $y|$x is larger than $y|$x is more than $y|$x exceeds $y", "$x > $y"),
    ("lt", "$x is less than $y|$x is smaller than $y|$x is below $y", "$x < $y"),
    ("eq", "$x equals $y|$x and $y are equal|$x is equal to $y|$x and $y are the same", "$x == $y"),
    ("ge", "$x is at least $y|$x is greater than or equal to $y", "$x >= $y"),
    ("sum", "$x and $y add up to more than $c|the sum of $x and $y is over $c", "$x + $y > $c"),
    ("twice", "$x is more than twice $y|$x is more than double $y", "$x > $y * 2"),
    ("close", "$x and $y differ by at most $d", "abs($x - $y) <= $d"),
)  # fmt: skip
GUARDS = (
    ("$x is negative|$x is below zero|$x is less than 0", "$x < 0", "$x must not be negative"),
    ("$x is zero|$x is 0", "$x == 0", "$x must not be zero"),
    (
        "$x is not positive|$x is zero or less|$x is zero or negative",
        "$x <= 0",
        "$x must be positive",
    ),
    ("$x is greater than $c|$x is over $c|$x is more than $c", "$x > $c", "$x must not be over $c"),
    ("$x is less than $d|$x is below $d|$x is under $d", "$x < $d", "$x must be at least $d"),
)
GRADES = (
    ("low", "medium", "high"), ("small", "medium", "large"), ("cold", "warm", "hot"), ("child", "teenager", "adult"),
    ("slow", "normal", "fast"), ("cheap", "fair", "expensive"), ("poor", "good", "excellent"), ("young", "middle-aged", "old"),
    ("fail", "pass", "distinction"), ("light", "medium", "heavy"), ("short", "average", "tall"), ("bronze", "silver", "gold"),
)  # fmt: skip
FLAGS = "is_member|is_student|has_discount|is_weekend|is_urgent|is_open|has_coupon|is_express|is_new|express"


def condition_on(rng: Random, x: Expr, y: Expr | None = None) -> Expr:
    """A condition on a parameter, or on two."""
    key, says, code = rng.choice(COMPARED if y else TESTS)
    c, d = str(rng.choice((10, 12, 15, 18, 20, 50, 100))), str(rng.randint(2, 7))
    second = y or x
    words = chosen(rng, says, x=x.words, y=second.words, c=c, d=d)
    code = code.replace("$x", x.code).replace("$y", second.code).replace("$c", c).replace("$d", d)
    return Expr(words, code, LOW, key)


def small_value(rng: Random, names: Names) -> Expr:
    """What a branch returns."""
    kind = rng.random()
    if kind < 0.3:
        text = str(rng.choice((0, 0, 1, -1, 5, 10)))
        return Expr(text, text, key="c")
    if kind < 0.45:
        return names.leaf()
    if kind < 0.7:
        left = names.leaf()
        right = names.leaf_or_number()
        if right.code == left.code:
            right = number(rng)
        return apply(rng, rng.choice(INFIX), left, right)
    return prefix(rng, names, 1)


def conditions(rng: Random) -> Task:
    """Branches, guards, and questions about one to three numbers."""
    names = Names(rng, rng.choice(SCENES))
    if any(name.endswith("s") for name in names.scene):
        names.has_article = False
    shape = rng.random()
    x = names.leaf()
    y = names.leaf() if len(names.scene) > 1 and rng.random() < 0.4 else None
    test = condition_on(rng, x, y)
    title = (
        "calculate|check_value|decide|result|get_result|adjust|evaluate|f|compute|process|choose"
    )
    returns = "int"
    if shape < 0.3:
        yes, no = small_value(rng, names), small_value(rng, names)
        while no.code == yes.code:
            no = small_value(rng, names)
        doc = rng.choice((
            f"If {test.words} return {yes.words}, {{otherwise|else}} {no.words}",
            f"If {test.words}, return {yes.words}{{, otherwise|; otherwise|. Otherwise}} return {no.words}",
            f"Return {yes.words} if {test.words}, {{otherwise|else|and otherwise}} {no.words}",
            f"%R {yes.words} {{if|when}} {test.words}, {{otherwise|and otherwise}} {no.words}",
            f"{yes.words} {{if|when}} {test.words}, {no.words} otherwise",
        ))  # fmt: skip
        body = f"return {yes.code} if {test.code} else {no.code}"
        key = f"if-{test.key}({yes.key},{no.key})"
        returns = "float" if yes.is_float or no.is_float else "int"
    elif shape < 0.45:
        says, code, message = rng.choice(GUARDS)
        c, d = str(rng.choice((50, 100))), str(rng.randint(1, 5))
        guard = chosen(rng, says, x=x.words, c=c, d=d)
        code = code.replace("$x", x.code).replace("$c", c).replace("$d", d)
        sign = message.split()[-1].strip("$")
        message = message.replace("$x", x.code).replace("$c", c).replace("$d", d)
        found = arithmetic(rng, names, 2)
        while found.key == "p":
            found = arithmetic(rng, names, 2)
        doc = rng.choice((
            f"%R {found.words}. {{Raise|Raises}} {{a |}}ValueError if {guard}",
            f"Raise {{a |}}ValueError if {guard}{{, otherwise|; otherwise|. Otherwise}} return {found.words}",
            f"If {guard}, raise {{a |}}ValueError. Otherwise return {found.words}",
        ))  # fmt: skip
        body = f'if {code}:\n    raise ValueError("{message}")\nreturn {found.code}'
        key = f"raise-{sign}({found.key})"
        returns = "float" if found.is_float else "int"
        title = "calculate|compute|checked_result|safe_compute|get_result|evaluate"
    elif shape < 0.62:
        grades = rng.choice(GRADES)
        low = rng.choice((3, 5, 10, 12, 15))
        high = low * rng.choice((2, 3)) + rng.choice((0, 5))
        first, second, third = (f"'{grade}'" for grade in grades)
        below = rng.choice(("below", "under", "less than"))
        doc = rng.choice((
            f"%R {first} if {x.words} is {below} {low}, {second} if it is {below} {high}{{, and|, or|,}} {third} otherwise",
            f"%R {first} for {{a |a |}}{x.code} {below} {low}, {second} for {x.code} {below} {high}, {{otherwise|and otherwise}} {third}",
            f"If {x.words} is {below} {low} return {first}, if it is {below} {high} return {second}, otherwise return {third}",
        ))  # fmt: skip
        body = f'if {x.code} < {low}:\n    return "{grades[0]}"\nif {x.code} < {high}:\n    return "{grades[1]}"\nreturn "{grades[2]}"'
        if rng.random() < 0.3:
            doc = rng.choice((
                f"%R {third} if {x.words} is {{over|above|more than}} {high}, {second} if it is {{over|above|more than}} {low}{{, and|,}} {first} otherwise",
                f"If {x.words} is {{over|above}} {high} return {third}, if it is {{over|above}} {low} return {second}, otherwise {first}",
            ))  # fmt: skip
            body = f'if {x.code} > {high}:\n    return "{grades[2]}"\nif {x.code} > {low}:\n    return "{grades[1]}"\nreturn "{grades[0]}"'
        key, returns = f"grades-{grades[0]}-{grades[2]}", "str"
        title = f"classify|category|rate|{x.code}_category|{x.code}_level|grade|get_category|describe|{x.code}_label"
        return make_task(
            kind=f"conditions:{key}", name=pick(rng, title), params=[param(x.code, "int")], returns=returns, doc=doc, body=body,
            inputs=lambda r: (r.choice((low, high, low + 1, high + 1, r.randint(0, low), r.randint(low, high), high + 7)),),
        )  # fmt: skip
    elif shape < 0.74:
        other = condition_on(rng, names.leaf())
        while other.code == test.code or (other.key == test.key and not y):
            other = condition_on(rng, names.leaf())
        word = rng.choice(("and", "or"))
        if ("between" in (test.key, other.key) and word == "or") or " and " in other.words:
            doc = (
                f"%C {test.words}, {word} {{also |}}{other.words}%F"
                if word == "and"
                else f"%C {test.words}, {word} if {other.words}%F"
            )
        else:
            doc = f"%C {test.words} {word} {other.words}%F"
        if word == "and" and rng.random() < 0.3:
            doc = f"%C {test.words} but {other.words}%F"
        body = f"return {test.code} {word} {other.code}"
        key, returns = f"{test.key}-{word}-{other.key}", "bool"
        title = "check|is_valid|is_ok|matches|is_allowed|qualifies|condition|is_good|is_accepted"
    elif shape < 0.86:
        free, rest = rng.randint(2, 9), rng.randint(2, 9)
        per, more = rng.sample((2, 3, 4, 5, 8, 10, 12), 2)
        unit = pick(rng, "hours|days|minutes|items|tickets|kilometers|nights|pages")
        single = unit[:-1]
        verb = pick(rng, "cost|cost|are charged at")
        each = f"{per} each"
        doc = rng.choice((
            f"%R the price for {unit}: the first {free} {unit} {verb} {each}, every {{further|additional}} {single} {{costs |}}{more}",
            f"The first {free} {unit} {verb} {each} and every {single} after that costs {more}. Return the {{total|total price|cost}} for {unit}",
            f"%R what {unit} cost {{in total|altogether}} if the first {free} {unit} cost {each} and the others {more} each",
        ))  # fmt: skip
        body = f"if {unit} <= {free}:\n    return {unit} * {per}\nreturn {free * per} + ({unit} - {free}) * {more}"
        return make_task(
            kind=f"conditions:tiers-{unit}", name=pick(rng, f"price|cost|{single}_price|total_cost|fee|charge|{unit}_cost"),
            params=[param(unit, "int")], returns="int", doc=doc, body=body, inputs=lambda r: (r.randint(0, 2 * free + rest),),
        )  # fmt: skip
    else:
        flag = pick(rng, FLAGS)
        found = arithmetic(rng, names, 2)
        while found.key == "p":
            found = arithmetic(rng, names, 2)
        amount = rng.choice((2, 5, 10, 20))
        done, op, is_float = rng.choice(
            (
                (f"{amount} added", f"+= {amount}", 0),
                (f"{amount} subtracted", f"-= {amount}", 0),
                ("doubled", "*= 2", 0),
                ("halved", "/= 2", 1),
            )
        )
        result = pick(rng, "result|total")
        joint = ", with" if done[0].isdigit() else ","
        doc = f"%R {found.words}{joint} {done} {{if|when}} {flag}{{ is true| is set| is True}}"
        if op[0] in "+-" and rng.random() < 0.5:
            sign = {"+": "add", "-": "subtract"}[op[0]]
            doc = (
                f"%R {found.words}; {sign} {amount} {{if|when}} {flag}{{ is true| is set| is True}}"
            )
        body = f"{result} = {found.code}\nif {flag}:\n    {result} {op}\nreturn {result}"
        used = names.used(found.code)
        return make_task(
            kind=f"conditions:flag{op[0]}({found.key})", name=number_name(rng, names), params=[*(param(one, "int") for one in used), param(flag, "bool")],
            returns="float" if is_float or found.is_float else "int", doc=doc, body=body,
            inputs=lambda r: (*(small_int(r) for _ in used), r.random() < 0.5),
        )  # fmt: skip
    return number_task(
        rng, names, kind=f"conditions:{key}", doc=doc, body=body, returns=returns, name=title
    )


TEXTS = ("s", "text", "word", "name surname", "first last", "first_name last_name", "a b", "title author", "word other", "city country", "left right", "s t", "prefix word", "name", "line", "user domain", "brand model", "noun verb")  # fmt: skip
STRING_ONE = (
    ("first", "the first {letter|character} of $x", "$x[0]"),
    ("last", "the last {letter|character} of $x", "$x[-1]"),
    ("upper", "$x in {upper case|uppercase|capital letters}", "$x.upper()"),
    ("lower", "$x in {lower case|lowercase|small letters}", "$x.lower()"),
    ("reversed", "$x reversed|$x backwards|the reverse of $x", "$x[::-1]"),
    ("firstk", "the first $k {letters|characters} of $x", "$x[:$k]"),
    ("lastk", "the last $k {letters|characters} of $x", "$x[-$k:]"),
    (
        "tail",
        "$x without its first {letter|character}|all but the first {letter|character} of $x",
        "$x[1:]",
    ),
    (
        "init",
        "$x without its last {letter|character}|all but the last {letter|character} of $x",
        "$x[:-1]",
    ),
    ("inner", "$x without its first and last {letter|character}", "$x[1:-1]"),
    ("repeat", "$x repeated $k times", "$x * $k"),
    ("capital", "$x with a capital first letter|$x capitalized", "$x.capitalize()"),
    ("plain", "$x", "$x"),
)
AFTERWARDS = (
    ("upper", "{, all|, everything|, all} in {upper case|uppercase|capital letters}", ".upper()"),
    ("lower", ", all in {lower case|lowercase|small letters}", ".lower()"),
    ("reversed", ", all of it reversed", "[::-1]"),
    ("repeat", ", all of it repeated $k times", " * $k"),
)
LITERALS = (("a dash", "-"), ("a hyphen", "-"), ("a space", " "), ("a comma", ","), ("an underscore", "_"), ("a dot", "."), ("a slash", "/"), ("a colon", ":"), ("an exclamation mark", "!"), ("a comma and a space", ", "))  # fmt: skip
STRING_NUMBERS = (
    ("len", "the length of $x|the number of characters {in|of} $x", "len($x)"),
    ("count", "how often '$c' occurs in $x|the number of times '$c' occurs in $x|the number of '$c' in $x", '$x.count("$c")'),
    ("words", "the number of words in $x|how many words $x has", "len($x.split())"),
    ("firstrest", "how often the first {letter|character} of $x occurs in the rest of it|how often the first {letter|character} of $x occurs again in $x", "$x[1:].count($x[0])"),
    ("lastin", "how often the last {letter|character} of $x occurs in $x", "$x.count($x[-1])"),
    ("firstat", "the number of distinct {letters|characters} in $x|how many different {letters|characters} $x has", "len(set($x))"),
)  # fmt: skip


def string_part(rng: Random, x: Expr) -> Expr:
    key, says, code = rng.choice(STRING_ONE)
    k = str(rng.randint(2, 4))
    words = chosen(
        rng, says, x=x.words, k={"2": "two", "3": "three"}.get(k, k) if rng.random() < 0.5 else k
    )
    return Expr(
        words, code.replace("$x", x.code).replace("$k", k), MUL if key == "repeat" else ATOM, key
    )


def string_expressions(rng: Random) -> Task:
    """Strings put together from parts of others, and counts and questions about them."""
    shape = rng.random()
    texts = [row for row in TEXTS if " " in row] if shape >= 0.85 else TEXTS
    names = Names(rng, rng.choice(texts).split())
    returns, k = "str", str(rng.randint(2, 3))
    title = "combine|build|make_code|transform|make_label|join_parts|format_name|get_text|f|create_id|mix|convert"
    x = names.leaf()
    if shape < 0.55:
        first, second = string_part(rng, x), string_part(rng, names.leaf())
        while first.code == second.code or (
            first.key == second.key == "plain" and rng.random() < 0.5
        ):
            second = string_part(rng, names.leaf())
        if rng.random() < 0.45:
            said, mark = rng.choice(LITERALS)
            words = rng.choice(
                (
                    f"{first.words}, {said} and {second.words}",
                    f"{first.words}, then {said}, then {second.words}",
                    f"{first.words} followed by {said} and {second.words}",
                    f"{first.words} and {second.words} with {said} between them"
                    if first.key == "plain" and second.key == "plain"
                    else f"{first.words}, {said}, and {second.words}",
                )
            )
            code, key, level = (
                f'f"{{{first.code}}}{mark}{{{second.code}}}"',
                f"{first.key}-{said.split()[1]}-{second.key}",
                ATOM,
            )
        else:
            words = rng.choice(
                (
                    f"{first.words} followed by {second.words}",
                    f"{first.words}, then {second.words}",
                    f"{first.words} and then {second.words}",
                )
            )
            code, key, level = f"{first.code} + {second.code}", f"{first.key}-{second.key}", ADD
        if rng.random() < 0.15:
            after, says, tail = rng.choice(AFTERWARDS)
            words += says.replace("$k", k)
            code = (code if level == ATOM else f"({code})") + tail.replace("$k", k)
            key = f"{after}({key})"
        doc, body = rng.choice(("%R ", "%B ", "%R ")) + words, f"return {code}"
    elif shape < 0.7:
        part = string_part(rng, x)
        said, opening, closing = rng.choice(
            (
                ("brackets", "(", ")"),
                ("parentheses", "(", ")"),
                ("square brackets", "[", "]"),
                ("asterisks", "*", "*"),
                ("dashes", "-", "-"),
                ("angle brackets", "<", ">"),
            )
        )
        doc = rng.choice(
            (
                f"%R {part.words}, {{put |enclosed |}}in {said}",
                f"%R {part.words}, with {said} around it",
                f"Put {said} around {part.words}",
            )
        )
        if opening in "*-":
            mark = {"*": "an asterisk", "-": "a dash"}[opening]
            doc = rng.choice(
                (
                    f"%R {part.words}, with {mark} before and after it",
                    f"Put {mark} before and after {part.words}",
                )
            )
        body, key = f'return f"{opening}{{{part.code}}}{closing}"', f"around-{said}({part.key})"
    elif shape < 0.85:
        letter = rng.choice("aeionrst")
        (key, says, code), extra = rng.choice(STRING_NUMBERS), rng.choice(STRING_NUMBERS)
        y = names.leaf()
        words = chosen(rng, says, x=x.words, c=letter)
        code = code.replace("$x", x.code).replace("$c", letter)
        more = rng.random()
        if more < 0.25:
            words, code, key = f"{words}, times {k}", f"{code} * {k}", f"times({key})"
        elif more < 0.45:
            words, code, key = f"{words}, plus {k}", f"{code} + {k}", f"plus({key})"
        elif more < 0.85 and y.code != x.code:
            joint, sign = rng.choice((("plus", "+"), ("minus", "-"), ("times", "*")))
            words = f"{words}, {joint} {chosen(rng, extra[1], x=y.words, c=letter)}"
            code = f"{code} {sign} " + extra[2].replace("$x", y.code).replace("$c", letter)
            key = f"{joint}({key},{extra[0]})"
        doc, body, returns = f"%R {words}", f"return {code}", "int"
        title = "count|measure|score|get_count|number_of|calculate|value_of"
    else:
        first, second = string_part(rng, x), string_part(rng, names.leaf())
        while first.code == second.code:
            second = string_part(rng, names.leaf())
        word, sign = rng.choice(
            (
                (("equals|is the same as|is equal to"), "=="),
                ("differs from|is different from|is not equal to", "!="),
                ("occurs in|is contained in", "in"),
            )
        )
        doc = f"%C {first.words} {pick(rng, word)} {second.words}%F"
        body, key, returns = (
            f"return {first.code} {sign} {second.code}",
            f"{first.key}{sign}{second.key}",
            "bool",
        )
        title = "check|compare|is_match|matches|same|compare_strings|is_related"
    used = names.used(body)
    return make_task(
        kind=f"strings_expr:{key}", name=pick(rng, title), params=[param(one, "str") for one in used], returns=returns, doc=doc, body=body,
        inputs=lambda r: string_inputs(r, len(used)),
    )  # fmt: skip


def string_inputs(r: Random, count: int) -> tuple[str, ...]:
    draw = Draw(r)
    drawn = [draw.sent(3) if r.random() < 0.3 else draw.w() for _ in range(count)]
    if count > 1 and r.random() < 0.4:
        drawn[1] = r.choice((drawn[0], drawn[0][::-1], drawn[0][0] + drawn[1] + drawn[0][-1]))
    return tuple(drawn)


NUMBER_LISTS = "numbers|numbers|values|nums|scores|prices|xs|ages|items|lst|data"
SCALARS = (
    ("first", "the first $e|the first $e of $l", "$l[0]"), ("last", "the last $e|the last $e of $l", "$l[-1]"), ("second", "the second $e of $l", "$l[1]"),
    ("max", "the {largest|biggest|highest} $e of $l|the maximum of $l", "max($l)"), ("min", "the {smallest|lowest} $e of $l|the minimum of $l", "min($l)"),
    ("sum", "the sum of $l|the total of $l", "sum($l)"), ("len", "the number of $es in $l|the length of $l", "len($l)"),
    ("mean", "the {average|mean} of $l", "sum($l) / len($l)"),
)  # fmt: skip
LIST_PARTS = (
    ("all", "$l", "$l"), ("sorted", "$l in ascending order|$l sorted", "sorted($l)"), ("down", "$l in descending order|$l sorted from largest to smallest", "sorted($l, reverse=True)"),
    ("reversed", "$l reversed|$l in reverse order", "$l[::-1]"), ("tail", "$l without its first $e|all but the first $e of $l", "$l[1:]"),
    ("init", "$l without its last $e|all but the last $e of $l", "$l[:-1]"), ("inner", "$l without its first and last $e", "$l[1:-1]"),
    ("trimmed", "$l without its smallest and largest $e, sorted|the sorted $l without the smallest and the largest $e", "sorted($l)[1:-1]"),
    ("firstk", "the first $k $es of $l", "$l[:$k]"), ("lastk", "the last $k $es of $l", "$l[-$k:]"),
    ("smallestk", "the $k smallest $es of $l{|, in ascending order}", "sorted($l)[:$k]"), ("largestk", "the $k largest $es of $l, {largest first|in descending order}", "sorted($l, reverse=True)[:$k]"),
)  # fmt: skip
EACH = (
    ("double", "each doubled|each multiplied by 2", "$x * 2"), ("plus", "each increased by $c|with $c added to each", "$x + $c"), ("minus", "each reduced by $c|with $c subtracted from each", "$x - $c"),
    ("square", "each squared", "$x ** 2"), ("triple", "each tripled|each multiplied by 3", "$x * 3"), ("half", "each halved|each divided by 2", "$x / 2"), ("str", "each as a string|each turned into a string", "str($x)"),
    ("squareplus", "each squared and increased by $c", "$x ** 2 + $c"), ("negative", "each with its sign changed|each negated", "-$x"), ("cap", "each capped at $t|with everything above $t replaced by $t", "min($x, $t)"), ("doubleplus", "each doubled and then increased by $c", "$x * 2 + $c"),
)  # fmt: skip


def scalar(rng: Random, listed: str, item: str, key: str = "") -> Expr:
    found = rng.choice([row for row in SCALARS if key in ("", row[0])])
    words = found[1].split("|")[-1] if found[0] in ("first", "last") else chosen(rng, found[1])
    words = words.replace("$l", listed).replace("$e", item)
    return Expr(
        words,
        found[2].replace("$l", listed),
        MUL if found[0] == "mean" else ATOM,
        found[0],
        found[0] == "mean",
    )


def list_expressions(rng: Random) -> Task:
    """Parts of a list put together or changed, and sums of its first, last, largest and so on."""
    listed = pick(rng, NUMBER_LISTS)
    item = pick(rng, "element|element|item|number|value")
    shape = rng.random()
    returns, k, c, t = (
        "list[int]",
        str(rng.randint(2, 3)),
        str(rng.randint(1, 9)),
        str(rng.choice((5, 8, 10))),
    )
    title = "process|transform|get_result|f|result|build_list|select|adjust|compute|prepare"
    said = rng.choice((listed, f"the {listed}")) if listed not in ("xs", "lst", "nums") else listed
    if shape < 0.4:
        first, second = scalar(rng, listed, item), scalar(rng, listed, item)
        while first.key == second.key:
            second = scalar(rng, listed, item)
        row = rng.choice((*TWO[:5], *INFIX[1:4], INFIX[4], TWO[0], TWO[4]))
        if {first.key, second.key} == {"first", "last"} and row[1].startswith("the "):
            word, code = (
                row[1].split("|")[0],
                row[2].replace("$x", first.code).replace("$y", second.code),
            )
            words = word.replace(
                "$x", rng.choice((f"the {first.key}", f"the {first.key} {item}"))
            ).replace("$y", f"the {second.key} {item} of {said}")
            found = Expr(words, code, row[3], f"{row[0]}({first.key},{second.key})")
        else:
            comma = "" if row in TWO or first.key in ("first", "last", "second") else ","
            found = apply(rng, row, first._replace(words=first.words + comma), second)
        words, code, key, is_float = found.words, found.code, found.key, found.is_float
        extra = rng.random()
        if extra < 0.15:
            words, code, key = f"{words}, plus {c}", f"{code} + {c}", f"plus({key})"
        elif extra < 0.3:
            words, code, key = (
                f"{words}, times {k}",
                f"{grouped(found, MUL)} * {k}",
                f"times({key})",
            )
        doc, body, returns = f"%R {words}", f"return {code}", "float" if is_float else "int"
    elif shape < 0.75:
        key, says, code = rng.choice(LIST_PARTS)
        words = chosen(rng, says, l=said, k=k).replace("$e", item)
        code = code.replace("$l", listed).replace("$k", k)
        use, each, change = rng.choice(EACH)
        if " sorted from " in words or words.startswith("the sorted the"):
            words = (
                f"{said} in descending order"
                if key == "down"
                else f"{said} without its smallest and largest {item}, sorted"
            )
        one = pick(rng, "x|x|n|value|number|v")
        one = one if one != listed else "x"
        each = chosen(rng, each, c=c, t=t)
        change = change.replace("$x", one).replace("$c", c).replace("$t", t)
        if said.startswith("the "):
            words = words.replace(" its ", " their ")
        doc = f"%R {words}, {each}"
        body, key = f"return [{change} for {one} in {code}]", f"{key}-{use}"
        returns = {"half": "list[float]", "str": "list[str]"}.get(use, "list[int]")
    elif shape < 0.87:
        (key, says, code), (other, other_says, other_code) = rng.sample(
            [row for row in LIST_PARTS if row[0] not in ("trimmed", "smallestk", "largestk")], 2
        )
        words, more = (
            chosen(rng, says, l=said, k=k).replace("$e", item),
            chosen(rng, other_says, l=said, k=k).replace("$e", item),
        )
        if said.startswith("the "):
            words, more = words.replace(" its ", " their "), more.replace(" its ", " their ")
        doc = f"%R {words}, followed by {more}"
        body, key = (
            "return " + f"{code} + {other_code}".replace("$l", listed).replace("$k", k),
            f"{key}+{other}",
        )
    else:
        listed = pick(rng, "words|words|names|items|parts|strings|lines|tags")
        said, mark = rng.choice(LITERALS[:8])
        order, sort = rng.choice(
            (
                ("", "$l"),
                ("", "$l"),
                (" in reverse order", "$l[::-1]"),
                (" in alphabetical order", "sorted($l)"),
                (", all in upper case,", "UP"),
            )
        )
        around, opening, closing = rng.choice(
            (
                ("brackets", "(", ")"),
                ("square brackets", "[", "]"),
                ("angle brackets", "<", ">"),
                ("", "", ""),
            )
        )
        iterated = (
            sort.replace("$l", listed) if sort != "UP" else f"word.upper() for word in {listed}"
        )
        doc = f"Join {{the |}}{listed}{order} with {said}" + (
            f" and put {around} around{{| the result}}" if around else ""
        )
        joined = f'"{mark}".join({iterated})'
        body = f"return {joined}"
        if around:
            body = f'joined = {joined}\nreturn f"{opening}{{joined}}{closing}"'
        return make_task(
            kind=f"lists_expr:join-{said.split()[1]}{order}-{around}", name=pick(rng, f"join_{listed}|join|format_{listed}|to_text|combine"), params=[param(listed, "list[str]")],
            returns="str", doc=doc, body=body, inputs=lambda r: (Draw(r).sl(4),),
        )  # fmt: skip
    return make_task(
        kind=f"lists_expr:{key}", name=pick(rng, title), params=[param(listed, "list[int]")], returns=returns, doc=doc, body=body,
        inputs=lambda r: (Draw(r).il(7, -5, 15, 3),),
    )  # fmt: skip


# key, what is said of several, code
WHICH = (
    ("negative", "negative ones", "$x < 0"), ("even", "even ones", "$x % 2 == 0"), ("odd", "odd ones", "$x % 2 != 0"), ("positive", "positive ones", "$x > 0"),
    ("over", "ones over $t|ones above $t|ones greater than $t", "$x > $t"), ("under", "ones below $t|ones under $t|ones less than $t", "$x < $t"), ("multiple", "multiples of $d", "$x % $d == 0"),
)  # fmt: skip
COUNTED_AS = (
    ("twice", "$x * 2"),
    ("three times", "$x * 3"),
    ("half", "$x / 2"),
    ("as 1", "1"),
    ("as 10", "10"),
)
UP_TO = (
    ("", "$x", ""), ("even", "even ", "$x % 2 == 0"), ("odd", "odd ", "$x % 2 != 0"), ("multiple", "multiples of $d", "$x % $d == 0"),
)  # fmt: skip


def loops(rng: Random) -> Task:
    """One loop with something that is kept from turn to turn, or a range as a list."""
    shape = rng.random()
    listed = pick(rng, NUMBER_LISTS)
    x = {
        "numbers": "number",
        "values": "value",
        "scores": "score",
        "prices": "price",
        "ages": "age",
        "items": "item",
    }.get(listed, "x")
    single = x if x != "x" else "number"
    t, d, c = str(rng.choice((5, 8, 10, 12))), str(rng.randint(3, 5)), str(rng.randint(1, 5))
    which, says, test = rng.choice(WHICH)
    says = chosen(rng, says, t=t, d=d)
    test = test.replace("$x", x).replace("$t", t).replace("$d", d)
    total = pick(rng, "total|total|result")
    params, returns = [param(listed, "list[int]")], "int"
    n = pick(rng, "n|n|limit|count|number")

    def from_list(r: Random) -> tuple[Any, ...]:
        return (Draw(r).il(7, -9, 16),)

    def from_number(r: Random) -> tuple[Any, ...]:
        return (r.randint(0, 14),)

    inputs: Callable[[Random], tuple[Any, ...]] = from_list
    title = "total|weighted_total|sum_up|add_up|special_sum|accumulate|compute_total"
    if shape < 0.22:
        how, code = rng.choice(COUNTED_AS)
        code = code.replace("$x", x)
        every = pick(
            rng,
            f"every {single}|all {listed}|all the {listed}|the {listed}"
            if listed not in ("xs", "lst", "nums", "data")
            else f"every {single} in {listed}|{listed}",
        )
        doc = rng.choice(
            (
                f"Add up {every}, counting the {says} {how}",
                f"Sum {every}, but count the {says} {how}",
                f"%R the sum of {listed}, where the {says} count {how}",
            )
        )
        body = f"{total} = 0\nfor {x} in {listed}:\n    if {test}:\n        {total} += {code}\n    else:\n        {total} += {x}\nreturn {total}"
        key, returns = f"weighted-{which}-{how}", "float" if how == "half" else "int"
    elif shape < 0.38:
        doc = rng.choice(
            (
                f"Go through {listed}: add the {says} and subtract {{the others|all others}}. Return the {{total|result}}",
                f"%R the sum of {listed}, where the {says} are added and the others subtracted",
                f"Add the {says} in {listed} and subtract all others",
            )
        )
        body = f"{total} = 0\nfor {x} in {listed}:\n    if {test}:\n        {total} += {x}\n    else:\n        {total} -= {x}\nreturn {total}"
        key = f"addsub-{which}"
    elif shape < 0.5:
        kind, rest, code = rng.choice(
            (
                ("double", "{doubled|multiplied by 2}", f"{x} * 2"),
                ("zero", "replaced by 0", "0"),
                ("square", "squared", f"{x} ** 2"),
                ("negate", "negated", f"-{x}"),
                ("add", f"increased by {c}", f"{x} + {c}"),
                ("sub", f"reduced by {c}", f"{x} - {c}"),
            )
        )
        doc = rng.choice(
            (
                f"%R {listed} with the {says} {rest}",
                f"%B a list of {listed} where the {says} are {rest} and the others stay{{ as they are| the same| unchanged|}}",
                f"%R {listed} as a new list, the {says} {rest}",
            )
        )
        body, key, returns = (
            f"return [{code} if {test} else {x} for {x} in {listed}]",
            f"change-{which}-{kind}",
            "list[int]",
        )
        title = "change|adjust|transform|update_values|convert|modify|replace_some"
    elif shape < 0.62:
        key, doc, code, returns = rng.choice((
            ("down", f"Count down from {n} to 1{{ as a list| and return the list}}|%R {{a list that counts|the numbers}} from {n} down to 1{{ as a list|}}", f"list(range({n}, 0, -1))", "list[int]"),
            ("downzero", f"Count down from {n} to 0{{ as a list| and return the list}}|%R a list that counts from {n} down to 0", f"list(range({n}, -1, -1))", "list[int]"),
            ("up", f"Count up from 1 to {n}{{ as a list| and return the list}}|%B a list of the numbers from 1 to {n}", f"list(range(1, {n} + 1))", "list[int]"),
            ("squares", f"%B a list of the squares {{of the numbers |}}from 1 to {n}", f"[i ** 2 for i in range(1, {n} + 1)]", "list[int]"),
            ("evens", f"%B a list of the even numbers from 2 {{up |}}to {n}", f"list(range(2, {n} + 1, 2))", "list[int]"),
            ("odds", f"%B a list of the odd numbers from 1 {{up |}}to {n}", f"list(range(1, {n} + 1, 2))", "list[int]"),
            ("multiples", f"%B a list of the first {n} multiples of {d}{{, starting with {d}|}}", f"[{d} * i for i in range(1, {n} + 1)]", "list[int]"),
            ("downsteps", f"Count down from {n} to 1 as a string{{| with a space between the numbers}}|Count down from {n} to 1, joined with spaces", f'" ".join(str(i) for i in range({n}, 0, -1))', "str"),
            ("powers", f"%B a list of the powers of 2 from 2 ** 0 to 2 ** {n}", f"[2 ** i for i in range({n} + 1)]", "list[int]"),
        ))  # fmt: skip
        doc = pick(rng, doc)
        if key == "downsteps":
            doc = f"Count down from {n} to 1 {{in|as}} a string, with a space between the numbers"
        body, key, params, inputs = f"return {code}", f"range-{key}", [param(n, "int")], from_number
        title = "count|numbers_to|make_list|sequence|build_range|get_numbers|series"
    elif shape < 0.78:
        kind, adjective, only = rng.choice(UP_TO)
        noun = "multiples of $d" if kind == "multiple" else f"{adjective if kind else ''}numbers"
        power, value = rng.choice(
            (
                ("", "i"),
                ("squares of the ", "i ** 2"),
                ("cubes of the ", "i ** 3"),
                ("doubles of the ", "i * 2"),
            )
        )
        test = f" if {only.replace('$x', 'i').replace('$d', d)}" if only else ""
        doc = rng.choice(
            (
                f"Add up the {power}{noun} from 1 to {n}",
                f"%R the sum of {{the|all the|all}} {power}{noun} from 1 to {n}",
            )
        ).replace("$d", d)
        body, key, params, inputs = (
            f"return sum({value} for i in range(1, {n} + 1){test})",
            f"upto-{kind}-{power[:4]}",
            [param(n, "int")],
            from_number,
        )
        if not power and not kind:
            body = f"return sum(range(1, {n} + 1))"
    elif shape < 0.88:
        limit, factor, start = (
            rng.choice((50, 100, 1000)),
            rng.choice(
                (("doubl", "* 2", "*= 2"), ("tripl", "* 3", "*= 3"), ("increas", "+ 7", "+= 7"))
            ),
            pick(rng, "n|x|start|value|amount"),
        )
        verb = {
            "doubl": "Keep doubling $s",
            "tripl": "Keep tripling $s",
            "increas": "Keep adding 7 to $s",
        }[factor[0]].replace("$s", start)
        what, counting = rng.choice((("value", False), ("steps", True)))
        if counting:
            doc = f"{verb} until it is {{over|above|greater than}} {limit} and return how {{often|many times}} that was done"
            body = f"steps = 0\nwhile {start} <= {limit}:\n    {start} {factor[2]}\n    steps += 1\nreturn steps"
        else:
            doc = f"{verb} until it is {{over|above|greater than}} {limit} and return it"
            body = f"while {start} <= {limit}:\n    {start} {factor[2]}\nreturn {start}"
        params, key, title = (
            [param(start, "int")],
            f"until-{factor[0]}-{what}",
            "grow|until_limit|repeat_until|keep_going|steps_needed",
        )

        def positive(r: Random) -> tuple[Any, ...]:
            return (r.choice((r.randint(1, 20), r.randint(1, 20), limit, limit + 3)),)

        inputs = positive
    else:
        key, doc, body = rng.choice((
            ("stop", f"Add up {listed} until the first negative one, which is not {{added|counted}}|Sum {listed} up to the first negative one, without it", f"{total} = 0\nfor {x} in {listed}:\n    if {x} < 0:\n        break\n    {total} += {x}\nreturn {total}"),
            ("limit", f"Add up {listed} as long as the {total} does not exceed {t}0; stop before the first one that would exceed it", f"{total} = 0\nfor {x} in {listed}:\n    if {total} + {x} > {t}0:\n        break\n    {total} += {x}\nreturn {total}"),
            ("floor", f"Add up {listed}; whenever the {total} falls below zero, set it to 0|Sum {listed}, but set the {total} back to 0 whenever it becomes negative", f"{total} = 0\nfor {x} in {listed}:\n    {total} = max({total} + {x}, 0)\nreturn {total}"),
            ("both", f"%R the sum of the {says} of {listed} minus the number of {{the |}}others", f"{total} = 0\nfor {x} in {listed}:\n    if {test}:\n        {total} += {x}\n    else:\n        {total} -= 1\nreturn {total}"),
            ("start", f"Start with {t}0 and subtract every {single} {{in|of}} {listed}|%R {t}0 minus all {{the |}}{listed}|Subtract all {listed} from {t}0", f"return {t}0 - sum({listed})"),
            ("horner", f"Start with 0 and for every {single} in {listed} double the {total} and {{then |}}add the {single}. Return the {total}", f"{total} = 0\nfor {x} in {listed}:\n    {total} = {total} * 2 + {x}\nreturn {total}"),
        ))  # fmt: skip
        doc, key = pick(rng, doc), f"keep-{key}"
    if params[0].name == "number":
        title = title.replace("numbers_to|", "")
    return make_task(
        kind=f"loops:{key}",
        name=pick(rng, title),
        params=params,
        returns=returns,
        doc=doc,
        body=body,
        inputs=inputs,
    )


GENERATORS: tuple[tuple[str, float, Callable[[Random], Task]], ...] = (
    ("arithmetic_in_words", 10.0, arithmetic_in_words),
    ("conditions", 10.0, conditions),
    ("string_expressions", 7.0, string_expressions),
    ("list_expressions", 7.0, list_expressions),
    ("loops", 7.0, loops),
)
