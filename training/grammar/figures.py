"""Single numbers: units, shapes, money, ranges, digits, labels by size, formulas in words."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from random import Random

from training.grammar.numbers import number_condition
from training.grammar.parts import fill, make_task, other_name, param, pick, several
from training.tasks import Task

# from, to, code with $x
UNITS = (
    ("kilometers", "miles", "$x * 0.621371"), ("miles", "kilometers", "$x * 1.609344"), ("inches", "centimeters", "$x * 2.54"),
    ("centimeters", "inches", "$x / 2.54"), ("feet", "meters", "$x * 0.3048"), ("meters", "feet", "$x / 0.3048"),
    ("kilograms", "pounds", "$x * 2.20462"), ("pounds", "kilograms", "$x / 2.20462"), ("hours", "minutes", "$x * 60"),
    ("minutes", "seconds", "$x * 60"), ("hours", "seconds", "$x * 3600"), ("days", "hours", "$x * 24"), ("weeks", "days", "$x * 7"),
    ("minutes", "hours", "$x / 60"), ("seconds", "minutes", "$x / 60"), ("seconds", "hours", "$x / 3600"), ("meters", "kilometers", "$x / 1000"),
    ("kilometers", "meters", "$x * 1000"), ("grams", "kilograms", "$x / 1000"), ("kilograms", "grams", "$x * 1000"), ("years", "days", "$x * 365"),
    ("bytes", "kilobytes", "$x / 1024"), ("kilobytes", "bytes", "$x * 1024"), ("euros", "cents", "$x * 100"), ("dollars", "cents", "$x * 100"),
    ("celsius", "kelvin", "$x + 273.15"), ("kelvin", "celsius", "$x - 273.15"), ("celsius", "fahrenheit", "$x * 9 / 5 + 32"),
    ("fahrenheit", "celsius", "($x - 32) * 5 / 9"), ("degrees", "radians", "$x * math.pi / 180"), ("radians", "degrees", "$x * 180 / math.pi"),
    ("liters", "milliliters", "$x * 1000"), ("milliliters", "liters", "$x / 1000"), ("meters", "centimeters", "$x * 100"), ("days", "weeks", "$x / 7"),
    ("cents", "euros", "$x / 100"), ("days", "minutes", "$x * 24 * 60"), ("weeks", "hours", "$x * 7 * 24"), ("yards", "meters", "$x * 0.9144"),
    ("years", "months", "$x * 12"), ("dozens", "pieces", "$x * 12"), ("milliseconds", "seconds", "$x / 1000"), ("tons", "kilograms", "$x * 1000"),
)  # fmt: skip
GEOMETRY = (
    ("rectangle", "area", "width|w|a|length;height|h|b", "$p * $q"), ("rectangle", "perimeter", "width|w|a|length;height|h|b", "2 * ($p + $q)"),
    ("rectangle", "diagonal", "width|w|a;height|h|b", "math.hypot($p, $q)"), ("square", "area", "side|a|s|x", "$p * $p"), ("square", "perimeter", "side|a|s|x", "4 * $p"),
    ("circle", "area", "radius|r", "math.pi * $p ** 2"), ("circle", "circumference", "radius|r", "2 * math.pi * $p"), ("circle", "diameter", "radius|r", "2 * $p"),
    ("triangle", "area", "base|b;height|h", "$p * $q / 2"), ("triangle", "perimeter", "a;b;c", "$p + $q + $r"), ("cube", "volume", "side|a|edge", "$p ** 3"),
    ("cube", "surface area", "side|a|edge", "6 * $p ** 2"), ("box", "volume", "length|l|a;width|w|b;height|h|c", "$p * $q * $r"),
    ("box", "surface area", "length|l|a;width|w|b;height|h|c", "2 * ($p * $q + $q * $r + $p * $r)"), ("sphere", "volume", "radius|r", "4 / 3 * math.pi * $p ** 3"),
    ("sphere", "surface area", "radius|r", "4 * math.pi * $p ** 2"), ("cylinder", "volume", "radius|r;height|h", "math.pi * $p ** 2 * $q"),
    ("cone", "volume", "radius|r;height|h", "math.pi * $p ** 2 * $q / 3"), ("trapezoid", "area", "a;b;height|h", "($p + $q) / 2 * $r"),
    ("right triangle", "hypotenuse", "a;b", "math.sqrt($p ** 2 + $q ** 2)"),
)  # fmt: skip


def _rounded(rng: Random, doc: str, code: str) -> tuple[str, str]:
    if rng.random() > 0.2:
        return doc, code
    places = rng.choice([0, 1, 2, 2, 3])
    return (
        doc
        + f"{{, rounded to {places} {{decimals|decimal places}}| and round {{it |the result |}}to {places} decimal places}}",
        f"round({code}, {places})",
    )


def units(rng: Random) -> Task:
    """A quantity in another unit."""
    a, b, code = rng.choice(UNITS)
    degrees = {"celsius", "kelvin", "fahrenheit"}
    x = pick(rng, f"{a}|{a}|value|x|{'temperature' if a in degrees else 'amount'}|n")
    first, second = (f"{{degrees |}}{a.title()}", b.title()) if a in degrees else (a, b)
    doc = pick(
        rng,
        f"Convert {{{x} from |a {{value|number|quantity}} in |}}{first} to {second}|%R {x}{'' if x == a else f' {first}'} {{in|converted to}} {second}|Turn {first} into {second}|{first} to {second}",
    )
    doc, code = _rounded(rng, doc, fill(code, x=x))
    return make_task(
        kind=f"units:{a}/{b}", name=pick(rng, f"{a}_to_{b}|{a}_to_{b}|convert_{a}_to_{b}|to_{b}|{a}2{b}|{a}_in_{b}"), params=[param(x, "float")],
        returns="float", doc=doc, body=f"return {code}", inputs=lambda r: (r.choice([0, 1, 10, 100, 5, 2.5, 50, 20, 32, 212, 40, 25]),),
    )  # fmt: skip


def geometry(rng: Random) -> Task:
    """A measure of a shape, sometimes with a check of the arguments."""
    shape, measure, names, code = rng.choice(GEOMETRY)
    sides = [pick(rng, choices) for choices in names.split(";")]
    code = fill(code, **dict(zip("pqr", sides, strict=False)))
    listed = " and ".join(sides) if len(sides) < 3 else f"{sides[0]}, {sides[1]} and {sides[2]}"
    doc = pick(
        rng,
        f"%R the {measure} of {{a|the}} {shape}{{| with {listed}| with the given {listed}| given its {listed}| from {listed}}}|{measure} of a {shape}|%R the {shape} {measure}",
    )
    doc, code = _rounded(rng, doc, code)
    guard, least = "", 1
    if rng.random() < 0.2:
        sign, said = ("<", "negative") if rng.random() < 0.6 else ("<=", "not positive")
        which = sides[0] if len(sides) == 1 else "{any argument|one of them}"
        doc += f"{{. Raise|. Raises}} ValueError if {which} is {said}"
        guard, least = (
            f'if {" or ".join(f"{side} {sign} 0" for side in sides)}:\n    raise ValueError("{sides[0] if len(sides) == 1 else "arguments"} must be {"positive" if sign == "<=" else "at least 0"}")\n',
            -1,
        )
    return make_task(
        kind=f"geometry:{shape}/{measure}", name=pick(rng, f"{shape}_{measure}|{measure}_of_{shape}|calculate_{measure}|get_{shape}_{measure}|{measure}"),
        params=[param(side, "float") for side in sides], returns="float", doc=doc, body=f"{guard}return {code}",
        inputs=lambda r: tuple(r.randint(least, 12) for _ in sides),
    )  # fmt: skip


RANGES = (
    ("from 1 to $n", "range(1, $n + 1)"), ("up to $n{|, starting at 1}", "range(1, $n + 1)"), ("{below|less than|smaller than} $n{|, starting at 0}", "range($n)"),
    ("between $a and $b{| inclusive|, both included}", "range($a, $b + 1)"), ("from $a to $b{| inclusive|, both included}", "range($a, $b + 1)"),
    ("from $a up to but not including $b", "range($a, $b)"), ("from 0 to $n", "range($n + 1)"),
)  # fmt: skip
RANGE_MAPS = (
    ("same", "", "@"),
    ("same", "", "@"),
    ("squares", "squares of the ", "@ * @"),
    ("cubes", "cubes of the ", "@ ** 3"),
    ("doubles", "doubles of the ", "@ * 2"),
)
RANGE_USES = (
    ("sum", ("%R the {sum|total} of $np", "Add up $np"), "return sum($each for @ in $range if $code)", "int"),
    ("count", ("Count {the |}$bare", "%R {the number of|how many} $bare"), "return sum(1 for @ in $range if $code)", "int"),
    ("list", ("%B {a list of |}$np", "List $np"), "return [$each for @ in $range if $code]", "list[int]"),
    ("product", ("%R the product of $np", "Multiply $np"), "return math.prod($each for @ in $range if $code)", "int"),
    ("largest", ("%R the largest of $np, or None if there {is none|are none}",), "return max(($each for @ in $range if $code), default=None)", "int | None"),
    ("first", ("%R the first {of|among} the $bare, or None if there is none",), "for @ in $range:\n    if $code:\n        return @\nreturn None", "int | None"),
    ("backwards", ("%B a list of $np{, from the largest to the smallest| in descending order}",), "return [$each for @ in reversed($range) if $code]", "list[int]"),
    ("print", ("%B a string of $np{, separated by spaces| with spaces between them}",), 'return " ".join(str($each) for @ in $range if $code)', "str"),
)  # fmt: skip


def ranges(rng: Random) -> Task:
    """The numbers of a range that meet a condition."""
    words, code = rng.choice(RANGES)
    use, docs, body, returns = rng.choice(RANGE_USES)
    key, of, each = rng.choice(RANGE_MAPS) if use not in ("count", "first") else RANGE_MAPS[0]
    ends = (
        pick(rng, "n|limit|maximum|upper|top").split()
        if "$n" in words
        else pick(rng, "a b|start end|low high|first last|lower upper").split()
    )
    names = dict(zip(["n"] if "$n" in words else ["a", "b"], ends, strict=True))
    condition = number_condition(rng, {*ends, "i", "j"}, simple=True)
    while condition.key in (
        "positive",
        "negative",
        "nonnegative",
        "nonzero",
        "zero",
    ) or condition.key.startswith(("less", "atmost", "equal")):
        condition = number_condition(rng, {*ends, "i", "j"}, simple=True)
    item = other_name(rng, "i|i|x|number", {*ends, *(p.name for p in condition.params)})
    bare = f"{several(rng, condition, 'numbers')} {fill(words, **names)}"
    parts = {
        "np": f"{{the |all |all the |}}{of}{bare}",
        "bare": bare,
        "range": fill(code, **names),
        "code": condition.code,
        "each": each,
    }
    slug = rng.choice(condition.slugs)
    return make_task(
        kind=f"ranges:{condition.key}/{key}/{use}", name=pick(rng, f"{use}_{slug}|{slug}_numbers|{slug}_up_to|{use}_numbers|{use}_of_{slug}"),
        params=[*(param(name, "int") for name in ends), *condition.params], returns=returns, doc=fill(rng.choice(docs), **parts),
        body=fill(body, **parts).replace("@", item),
        inputs=lambda r: ((r.randint(0, 40),) if len(ends) == 1 else (low := r.randint(0, 10), low + r.randint(0, 30))) + condition.draws(r),
    )  # fmt: skip


DIGITS = (
    ("even", "even digits", "int(d) % 2 == 0"), ("odd", "odd digits", "int(d) % 2 == 1"), ("above", "digits {greater than|above} $k", "int(d) > $k"),
    ("below", "digits {less than|below} $k", "int(d) < $k"), ("nonzero", "{non-zero digits|digits that are not zero}", 'd != "0"'), ("equal", "digits equal to $k", 'd == "$k"'),
    ("all", "digits", ""), ("prime", "prime digits", 'd in "2357"'), ("divisible", "digits divisible by 3", "int(d) % 3 == 0"),
)  # fmt: skip
DIGIT_USES = (
    ("sum", ("%R the sum of the $np of $n", "Add up the $np of $n"), "return sum(int(d) for d in str($n)$if)", "int"), ("count", ("Count the $np {of|in} $n", "%R how many $np $n has"), "return sum(1 for d in str($n)$if)", "int"),
    ("list", ("%B {a list of |}the $np of $n",), "return [int(d) for d in str($n)$if]", "list[int]"), ("max", ("%R the largest of the $np of $n, or 0 if there are none",), "return max((int(d) for d in str($n)$if), default=0)", "int"),
    ("product", ("%R the product of the $np of $n", "Multiply the $np of $n"), "return math.prod(int(d) for d in str($n)$if)", "int"), ("squares", ("%R the sum of the squares of the $np of $n",), "return sum(int(d) ** 2 for d in str($n)$if)", "int"),
    ("distinct", ("Count the {different|distinct} $np of $n",), "return len({d for d in str($n)$if})", "int"), ("sorted", ("%B a sorted list of the $np of $n",), "return sorted(int(d) for d in str($n)$if)", "list[int]"),
    ("text", ("%R the $np of $n as a string",), 'return "".join(d for d in str($n)$if)', "str"),
)  # fmt: skip


def digits(rng: Random) -> Task:
    """The digits of a number."""
    key, words, code = rng.choice(DIGITS)
    use, docs, body, returns = rng.choice(DIGIT_USES)
    k, n = str(rng.randint(1, 7)), pick(rng, "n|number|num|x|value")
    parts = {"n": n, "np": fill(words, k=k), "if": f" if {fill(code, k=k)}" if code else ""}
    return make_task(
        kind=f"digits:{key}/{use}", name=pick(rng, f"{use}_{key}_digits|{use}_of_{key}_digits|{key}_digits_{use}" if code else f"{use}_digits|digits_{use}|digit_{use}"), params=[param(n, "int")], returns=returns,
        doc=fill(rng.choice(docs), **parts), body=fill(body, **parts), inputs=lambda r: (r.choice([r.randint(0, 9), r.randint(10, 99999)]),),
    )  # fmt: skip


LABELS = (
    ("age", "child adult senior|minor adult", "age_group|classify_age|age_category"), ("temperature", "cold warm hot|cold mild hot|freezing cold warm hot", "describe_temperature|weather|temperature_label"),
    ("score", "fail pass|F C B A|bad ok good excellent", "grade|classify_score|rate|score_label"), ("price", "cheap normal expensive|cheap expensive", "price_label|price_category"),
    ("speed", "slow normal fast|slow fast", "speed_label|classify_speed"), ("weight", "light medium heavy|light heavy", "weight_class|weight_label"),
    ("n", "small medium large|low high|tiny small big huge", "classify|size_label|categorize|describe"), ("length", "short medium long|short long", "length_label|classify_length"),
    ("hour", "morning afternoon evening|night morning afternoon evening", "part_of_day|greeting_time|day_part"), ("level", "low medium high|low high", "level_name|risk_label"),
)  # fmt: skip


def labels(rng: Random) -> Task:
    """A name for how large a number is."""
    x, choices, names = rng.choice(LABELS)
    words = pick(rng, choices).split()
    bounds = sorted(
        rng.sample(
            [5, 6, 12, 18] if x == "hour" else [0, 10, 18, 20, 30, 50, 65, 70, 90, 100],
            len(words) - 1,
        )
    )
    upward = rng.random() < 0.6
    lines, said = [], []
    if upward:
        for word, bound in zip(words, bounds, strict=False):
            lines.append(f'if {x} < {bound}:\n    return "{word}"')
            said.append(f'"{word}" {{if it is |}}below {bound}')
        lines.append(f'return "{words[-1]}"')
        said.append(f'"{words[-1]}" otherwise')
    else:
        for word, bound in zip(words[:0:-1], bounds[::-1], strict=True):
            lines.append(f'if {x} >= {bound}:\n    return "{word}"')
            said.append(
                f'"{word}" {{from|for at least}} {bound}{{| on}}'
                if False
                else f'"{word}" for {{at least {bound}|{bound} or more}}'
            )
        lines.append(f'return "{words[0]}"')
        said.append(f'"{words[0]}" otherwise')
    listed = f"{', '.join(said[:-1])} and {said[-1]}"
    return make_task(
        kind=f"labels:{x}/{len(words)}/{upward}", name=pick(rng, names), params=[param(x, "int")], returns="str",
        doc=pick(rng, f"%R {listed}|{{Classify|Describe}} the {'number' if x == 'n' else x}: {listed}|Given {{a|the}} {'number' if x == 'n' else x}, return {listed}"), body="\n".join(lines),
        inputs=lambda r: (r.choice([*bounds, *(bound - 1 for bound in bounds), bounds[-1] + 5, r.randint(0, 110)]),),
    )  # fmt: skip


TERMS = (
    ("the sum of $a and $b", "$a + $b"), ("the difference of $a and $b", "$a - $b"), ("the product of $a and $b", "$a * $b"), ("{twice|double} $a", "2 * $a"), ("the square of $a", "$a ** 2"),
    ("$a plus $k", "$a + $k"), ("$a minus $k", "$a - $k"), ("$k times $a", "$k * $a"), ("the larger of $a and $b", "max($a, $b)"), ("the smaller of $a and $b", "min($a, $b)"),
    ("the average of $a and $b", "($a + $b) / 2"), ("the absolute difference of $a and $b", "abs($a - $b)"), ("$a", "$a"), ("$b", "$b"), ("0", "0"), ("the remainder of $a divided by $k", "$a % $k"),
    ("the sum of the squares of $a and $b", "$a ** 2 + $b ** 2"), ("the last digit of $a", "abs($a) % 10"), ("$a divided by $k, rounded down", "$a // $k"), ("{half|one half} of $a", "$a / 2"),
)  # fmt: skip
TESTS = (
    ("$a is {larger|greater|bigger} than $b", "$a > $b"), ("$a is {smaller|less} than $b", "$a < $b"), ("$a {equals|is equal to} $b", "$a == $b"), ("$a is even", "$a % 2 == 0"), ("$a is odd", "$a % 2 != 0"),
    ("both are positive", "$a > 0 and $b > 0"), ("{either|one of them} is negative", "$a < 0 or $b < 0"), ("both are even", "$a % 2 == 0 and $b % 2 == 0"), ("their sum is even", "($a + $b) % 2 == 0"),
    ("$a is divisible by $b", "$b != 0 and $a % $b == 0"), ("$a is {greater than|above} $c", "$a > $c"), ("their product is {greater than|above} $c", "$a * $b > $c"),
)  # fmt: skip


def formulas(rng: Random) -> Task:
    """Arithmetic in words on two numbers, plain, chained, or depending on a test."""
    a, b = pick(rng, "a b|x y|first second|m n|p q|left right").split()
    values = {"a": a, "b": b, "k": pick(rng, "2|3|4|5|10|100"), "c": pick(rng, "5|10|20|100")}
    (one, one_code), (two, two_code) = rng.sample(TERMS, 2)
    if rng.random() < 0.5:
        test, code = rng.choice(TESTS)
        doc = pick(
            rng,
            f"%R {one} if {test}{{, otherwise|, else|. Otherwise}} {two}|If {test}, return {one}{{, otherwise|; otherwise|, else}} {two}",
        )
        body, key = (
            f"if {code}:\n    return {one_code}\nreturn {two_code}",
            f"{code}?{one_code}:{two_code}",
        )
    else:
        while one_code in ("$a", "$b", "0"):
            one, one_code = rng.choice(TERMS)
        word, sign = rng.choice(
            (
                ("increased by", "+"),
                ("decreased by", "-"),
                ("multiplied by", "*"),
                ("plus", "+"),
                ("minus", "-"),
                ("", ""),
            )
        )
        grouped = f"({one_code})" if sign == "*" else one_code
        doc = f"%R {one}{',' if sign else ''} {word} $k" if sign else f"%R {one}"
        body, key = (
            f"return {grouped} {sign} $k" if sign else f"return {one_code}",
            f"{one_code}{sign}",
        )
    used = [
        name
        for name in "ab"
        if f"${name}" in doc + body or (name == "b" and ("both" in doc or "their" in doc))
    ]
    floating = "/ " in body.replace("//", "")
    return make_task(
        kind=f"formulas:{key}", name=pick(rng, "compute|formula|calc|calculate|evaluate|combine|result|choose|pick_value|f"),
        params=[param(values[name], "int") for name in used] or [param(a, "int")], returns="float" if floating else "int",
        doc=fill(doc, **values), body=fill(body, **values), inputs=lambda r: tuple(r.randint(-4, 12) for _ in used or "a"),
    )  # fmt: skip


EXTRAS = (
    ("minus a discount of $d percent", "$t * (100 - $d) / 100", ("d", "discount|percent|discount_percent")), ("plus $x percent tax", "$t * (100 + $x) / 100", ("x", "tax|tax_rate|vat|rate")),
    ("plus $s for shipping", "$t + $s", ("s", "shipping|shipping_cost|fee|delivery")), ("minus a discount of 10 percent if it is above 100", "$t * 0.9 if $t > 100 else $t", None),
    ("plus 5 for shipping if it is below 50", "$t + 5 if $t < 50 else $t", None), ("plus 20 percent tax", "$t * 1.2", None), ("minus the coupon $c, but not below 0", "max($t - $c, 0)", ("c", "coupon|voucher|deduction")),
    ("rounded to two decimals", "round($t, 2)", None), ("plus a {tip|service charge} of $p percent", "$t * (100 + $p) / 100", ("p", "tip|percent|service")),
)  # fmt: skip


def money(rng: Random) -> Task:
    """Price times quantity, with what is taken off and put on after it, in that order."""
    p, q = pick(
        rng,
        "price quantity|price count|unit_price quantity|cost amount|rate hours|wage hours|price number",
    ).split()
    steps = rng.sample(EXTRAS, rng.choice([0, 1, 1, 2]))
    steps.sort(key=lambda step: step[0].startswith("rounded"))
    names: dict[str, str] = {}
    for _, _, extra in steps:
        if extra:
            names[extra[0]] = other_name(rng, extra[1], {p, q, *names.values()})
    lines = [
        f"total = {p} * {q}",
        *(f"total = {fill(code, t='total', **names)}" for _, code, _ in steps),
    ]
    lines[-1] = lines[-1].replace("total = ", "return ", 1)
    said = ", ".join(["", *(fill(words, **names) for words, _, _ in steps)])
    doc = pick(
        rng,
        f"%R {p} times {q}{said}|%R the {{total|amount to pay|final price}}: {p} times {q}{said}|Multiply {p} by {q}{' and return the result' if not steps else f' and return the result{said}'}",
    )
    return make_task(
        kind=f"money:{'+'.join(sorted(step[0][:12] for step in steps))}", name=pick(rng, "total_price|total_cost|invoice_total|final_price|compute_total|order_total|checkout|amount_due|pay"),
        params=[param(name, "float") for name in (p, q, *names.values())], returns="float", doc=doc, body="\n".join(lines),
        inputs=lambda r: (r.choice([1.5, 10, 20, 4.25, 60]), r.randint(1, 6), *(r.randint(0, 30) for _ in names)),
    )  # fmt: skip


GENERATORS = (
    ("units", 3.0, units), ("geometry", 3.0, geometry), ("ranges", 5.0, ranges), ("digits", 3.0, digits),
    ("labels", 4.0, labels), ("formulas", 5.0, formulas), ("money", 3.0, money),
)  # fmt: skip
