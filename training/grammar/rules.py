"""Is it valid, in several rules at once; and numbers and names read from delimited text."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from random import Random
from typing import Any

from training.grammar.parts import Part, combine, fill, make_task, negate_code, param, pick
from training.inputs import NAMES
from training.tasks import Task

# key, what it has, code
TEXT_RULES = (
    ("len", "at least $k characters|$k or more characters|a length of at least $k|a minimum length of $k", "len($s) >= $k"),
    ("max", "at most $m characters|no more than $m characters", "len($s) <= $m"),
    ("digit", "at least one digit|a digit|one or more digits", "any(c.isdigit() for c in $s)"),
    ("upper", "at least one uppercase letter|an uppercase letter|a capital letter", "any(c.isupper() for c in $s)"),
    ("lower", "at least one lowercase letter|a lowercase letter", "any(c.islower() for c in $s)"),
    ("nospace", "no spaces|no space", '" " not in $s'),
    ("special", "at least one special character|a special character|a character that is no letter or digit", "any(not c.isalnum() for c in $s)"),
    ("letter", "at least one letter|a letter", "any(c.isalpha() for c in $s)"),
    ("nodigit", "no digits|no digit", "not any(c.isdigit() for c in $s)"),
    ("first", "a letter as its first character|a letter at the beginning", "$s[:1].isalpha()"),
    ("under", "no underscores|no underscore", '"_" not in $s'),
)  # fmt: skip
NUMBER_RULES = (
    ("even", "even", "$s % 2 == 0"), ("odd", "odd", "$s % 2 != 0"), ("positive", "positive|greater than zero", "$s > 0"), ("below", "{less than|below} $m", "$s < $m"),
    ("above", "{greater than|above} $k", "$s > $k"), ("div", "divisible by $d|a multiple of $d", "$s % $d == 0"), ("range", "between $k and $m", "$k <= $s <= $m"),
    ("not", "not $k|different from $k", "$s != $k"), ("twodigit", "a two-digit number", "10 <= $s <= 99"), ("notdiv", "not divisible by $d", "$s % $d != 0"),
)  # fmt: skip
LIST_RULES = (
    ("nonempty", "is not empty", "len($s) > 0"), ("size", "has at most $k items", "len($s) <= $k"), ("positive", "contains only positive numbers", "all(x > 0 for x in $s)"),
    ("sorted", "is sorted{| in ascending order}", "$s == sorted($s)"), ("unique", "has no duplicates|contains no value twice", "len(set($s)) == len($s)"), ("nozero", "does not contain 0", "0 not in $s"),
    ("even", "contains an even number", "any(x % 2 == 0 for x in $s)"), ("sum", "has a sum of at most $m", "sum($s) <= $m"), ("atleast", "has at least two items", "len($s) >= 2"),
)  # fmt: skip


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _chosen(
    rng: Random, table: tuple[tuple[str, str, str], ...], most: int, clashing: tuple[set[str], ...]
) -> list[tuple[str, str, str]]:
    rows = rng.sample(table, rng.randint(1, most))
    while any(len(clash & {row[0] for row in rows}) > 1 for clash in clashing):
        rows = rng.sample(table, rng.randint(1, most))
    return sorted(rows, key=table.index)


def text_rules(rng: Random) -> Task:
    """A string is valid if it has all that is asked for."""
    rows = _chosen(rng, TEXT_RULES, 4, ({"digit", "nodigit"},))
    s = pick(rng, "password|password|s|text|username|value|code|name|pin|token")
    values = {"s": s, "k": pick(rng, "3|4|5|6|8|10"), "m": pick(rng, "12|16|20"), "d": "3"}
    listed = _and([fill(pick(rng, words), **values) for _, words, _ in rows])
    noun = "string" if s in ("s", "text", "value") else s
    doc = pick(
        rng,
        f"%C {{{s}|the {noun}}} has {listed}%F|A {noun} is {{valid|strong|ok}} if it has {listed}|Validate a {noun}: it must {{have|contain}} {listed}|A {{valid|good}} {noun} must have {listed}|%C the {noun} is {{valid|acceptable}}: it must have {listed}",
    )
    body = "return " + " and ".join(fill(code, **values) for _, _, code in rows)
    if len(rows) > 2 and rng.random() < 0.4:
        body = (
            "\n".join(
                f"if {negate_code(fill(code, **values))}:\n    return False" for _, _, code in rows
            )
            + "\nreturn True"
        )
    samples = [
        "abc",
        "Abcdef1!",
        "password",
        "PASSWORD1",
        "Passw0rd",
        "a b c d",
        "",
        "12345678",
        "Secret123!",
        "abcDEF",
        "a longer Password 1A",
        "X1x",
        "my_Name9",
    ]
    return make_task(kind=f"rules:{'+'.join(row[0] for row in rows)}", name=pick(rng, f"is_valid_{noun}|check_{noun}|is_strong_{noun}|validate_{noun}|valid_{noun}|{noun}_ok|is_valid"),
                     params=[param(s, "str")], returns="bool", doc=doc, body=body, inputs=lambda r: (r.choice(samples),))  # fmt: skip


def number_rules(rng: Random) -> Task:
    """A number meets several conditions."""
    rows = _chosen(
        rng,
        NUMBER_RULES,
        2,
        (
            {"even", "odd"},
            {"below", "range", "twodigit", "above"},
            {"div", "notdiv"},
            {"positive", "above", "range", "twodigit"},
        ),
    )
    s = pick(rng, "n|number|x|value|num|age|code")
    values = {
        "s": s,
        "k": pick(rng, "1|5|10"),
        "m": pick(rng, "20|50|100"),
        "d": pick(rng, "3|5|7"),
    }
    listed = _and([fill(pick(rng, words), **values) for _, words, _ in rows])
    doc = pick(
        rng,
        f"%C {s} is {listed}%F|%C {{the number|a number}} is {listed}%F|{{A number is|{s} is}} valid if it is {listed}|Is {s} {listed}?",
    )
    body = "return " + " and ".join(fill(code, **values) for _, _, code in rows)
    slug = "_and_".join(row[0] for row in rows)
    return make_task(kind=f"rules:number/{'+'.join(row[0] for row in rows)}", name=pick(rng, f"is_{slug}|is_valid|check|is_ok|is_{slug}_number|check_number"),
                     params=[param(s, "int")], returns="bool", doc=doc, body=body, inputs=lambda r: (r.choice([r.randint(-20, 0), r.choice([1, 5, 10]), 3 * r.randint(1, 8), 35 * r.randint(1, 3), 21 * r.randint(1, 5), r.randint(101, 150)]),))  # fmt: skip


def list_rules(rng: Random) -> Task:
    """A list meets several conditions."""
    rows = _chosen(rng, LIST_RULES, 3, ({"nonempty", "atleast"}, {"positive", "nozero"}))
    s = pick(rng, "numbers|values|items|nums|lst|data")
    values = {"s": s, "k": pick(rng, "3|4|5|10"), "m": pick(rng, "20|50|100")}
    listed = _and([fill(pick(rng, words), **values) for _, words, _ in rows])
    doc = pick(
        rng,
        f"%C {{{s}|the list}} {listed}%F|A list is valid if it {listed}|Validate {{{s}|the list}}: return True if it {listed}",
    )
    body = "return " + " and ".join(fill(code, **values) for _, _, code in rows)

    def inputs(r: Random) -> tuple[Any, ...]:
        given = [r.randint(-1, 12) for _ in range(r.randint(0, 6))]
        return (sorted(set(given)) if r.random() < 0.5 else given,)

    return make_task(kind=f"rules:list/{'+'.join(row[0] for row in rows)}", name=pick(rng, f"is_valid|check_{s}|valid_{s}|validate_{s}|is_valid_list|{s}_ok"),
                     params=[param(s, "list[int]")], returns="bool", doc=doc, body=body, inputs=inputs)  # fmt: skip


SEPARATORS = (
    Part("{separated by commas|comma-separated}", ",", "csv"), Part("separated by {semicolons|a semicolon}", ";", "parts"), Part("separated by {spaces|a space}", " ", "text"),
    Part("separated by {hyphens|dashes}", "-", "parts"), Part("separated by slashes", "/", "parts"), Part("separated by colons", ":", "parts"), Part("on separate lines", "\\n", "lines"),
)  # fmt: skip
# key, names, wordings, code with $all for the numbers, result; $cond
NUMBER_USES = (
    ("list", "parse_numbers|to_numbers|parse_ints|split_numbers", ("%B a list of the {numbers|integers}$if in $s, which are $sep", "Parse {the numbers|integers} $sep in $s{ into a list|}$only"), "[$gen]", "list[int]"),
    ("sum", "sum_numbers|sum_text|total|add_numbers", ("%R the {sum|total} of the {numbers|integers}$if in $s, which are $sep", "Add up the {numbers|integers}$if in $s ($sep)"), "sum($gen)", "int"),
    ("max", "largest|max_number|biggest", ("%R the largest of the {numbers|integers}$if in $s, which are $sep, or None if there is none",), "max(($gen), default=None)", "int | None"),
    ("min", "smallest|min_number", ("%R the smallest of the {numbers|integers}$if in $s, which are $sep, or None if there is none",), "min(($gen), default=None)", "int | None"),
    ("count", "count_numbers|number_count", ("Count the {numbers|integers}$if in $s, which are $sep",), "len([$gen])", "int"),
    ("sorted", "sorted_numbers|sort_text", ("%B a sorted list of the {numbers|integers}$if in $s, which are $sep",), "sorted($gen)", "list[int]"),
    ("squares", "sum_of_squares|square_sum", ("%R the sum of the squares of the {numbers|integers}$if in $s, which are $sep",), "sum(x * x for x in [$gen])", "int"),
    ("joined", "doubled_text|double_numbers", ("%R the {numbers|integers}$if in $s, which are $sep, doubled and joined in the same way",), '"$mark".join(str(2 * x) for x in [$gen])', "str"),
    ("product", "product|multiply_numbers", ("%R the product of the {numbers|integers}$if in $s, which are $sep",), "math.prod($gen)", "int"),
)  # fmt: skip
CONDITIONS = (
    ("all", "", ""),
    ("all", "", ""),
    ("even", " that are even", "int(part) % 2 == 0"),
    ("odd", " that are odd", "int(part) % 2 != 0"),
    ("positive", " that are positive", "int(part) > 0"),
    ("big", " above 10", "int(part) > 10"),
)


def parsed_numbers(rng: Random) -> Task:
    """Numbers in a delimited string, and what is made of them."""
    sep = rng.choice(SEPARATORS)
    key, names, docs, code, returns = rng.choice(NUMBER_USES)
    tested, words, test = rng.choice(CONDITIONS)
    s = pick(rng, "text|s|line|string|data|values|numbers")
    mark = sep.code
    split = (
        f"{s}.split()"
        if mark == " "
        else f"{s}.splitlines()"
        if mark == "\\n"
        else f'{s}.split("{mark}")'
    )
    generated = f"int(part) for part in {split}" + (f" if {test}" if test else "")
    values = {
        "s": s,
        "sep": sep.words,
        "if": words,
        "only": f" and keep those{words}" if words else "",
        "gen": generated,
        "mark": mark,
    }

    def inputs(r: Random) -> tuple[Any, ...]:
        low = 0 if mark == "-" else -5
        return (
            mark.replace("\\n", "\n").join(str(r.randint(low, 20)) for _ in range(r.randint(1, 5))),
        )

    return make_task(kind=f"parsed:{sep.slug}{mark!r}/{tested}/{key}", name=pick(rng, names), params=[param(s, "str")], returns=returns,
                     doc=fill(rng.choice(docs), **values), body=f"return {fill(code, **values)}", inputs=inputs)  # fmt: skip


# key, sample fields; each field: name, is it a number?
SHAPES = (
    ("person", (("name", False), ("age", True))), ("product", (("name", False), ("price", True))), ("city", (("city", False), ("population", True))), ("score", (("player", False), ("score", True))),
    ("order", (("item", False), ("quantity", True), ("price", True))), ("user", (("name", False), ("email", False), ("age", True))), ("point", (("x", True), ("y", True))), ("book", (("title", False), ("author", False), ("year", True))),
    ("size", (("width", True), ("height", True))), ("task", (("title", False), ("owner", False))), ("car", (("model", False), ("color", False), ("year", True))),
)  # fmt: skip


def parsed_fields(rng: Random) -> Task:
    """Named fields in a delimited string, as a tuple or as a dict, or one of them."""
    shape, fields = rng.choice(SHAPES)
    mark = pick(rng, ";|,|:|/|-")
    s = pick(rng, "line|text|s|record|row|string|entry")
    sample = mark.join(
        "30"
        if number
        else {"name": "Ann", "email": "ann@home", "city": "Rome", "player": "Bob"}.get(name, "blue")
        for name, number in fields
    )
    names = [name for name, _ in fields]
    taken = [name if name != s else f"{name}_" for name in names]
    values = [
        f"int({name})" if number else name for name, (_, number) in zip(taken, fields, strict=True)
    ]
    unpack = f'{", ".join(taken)} = {s}.split("{mark}")\n'
    style = rng.random()
    listed = _and(names)
    if style < 0.4:
        returned, returns, form, key = (
            ", ".join(values),
            f"tuple[{', '.join('int' if number else 'str' for _, number in fields)}]",
            "a tuple",
            "tuple",
        )
    elif style < 0.8:
        returned, returns, form, key = (
            "{"
            + ", ".join(f'"{name}": {value}' for name, value in zip(names, values, strict=True))
            + "}",
            "dict",
            "a {dict|dictionary}",
            "dict",
        )
    else:
        index = rng.randrange(len(fields))
        name, number = fields[index]
        part = f'{s}.split("{mark}")[{index}]'
        return make_task(kind=f"fields:{shape}/{name}", name=pick(rng, f"parse_{name}|get_{name}|extract_{name}|{name}_of"), params=[param(s, "str")], returns="int" if number else "str",
                         doc=pick(rng, f"%R the {name}{' as a number' if number else ''} from {{a line|a string|{s}}} like '{sample}'|{s} looks like '{sample}' ({', '.join(names)}). Return the {name}{' as an int' if number else ''}"),
                         body=f"return int({part})" if number else f"return {part}", inputs=lambda r: (_record(r, fields, mark),))  # fmt: skip
    doc = pick(
        rng,
        f"%R {listed} from {{a line|a string|{s}}} like '{sample}' as {form}|Parse {{a line|a string|{s}}} like '{sample}' into {form} {{with|of}} {listed}|Split '{sample}' into {listed} and return {form}",
    )
    if any(number for _, number in fields):
        doc += "{|; numbers become ints|. Numbers are converted to int}"
    return make_task(kind=f"fields:{shape}/{key}", name=pick(rng, f"parse_{shape}|read_{shape}|{shape}_from_{'line' if s != 'text' else 'text'}|parse_line|split_{shape}"), params=[param(s, "str")], returns=returns,
                     doc=doc, body=f"{unpack}return {returned}", inputs=lambda r: (_record(r, fields, mark),))  # fmt: skip


def _record(rng: Random, fields: tuple[tuple[str, bool], ...], mark: str) -> str:
    return mark.join(
        str(rng.randint(1, 99)) if number else rng.choice(NAMES) for _, number in fields
    )


KEY_VALUES = (
    ("dict", "parse_pairs|parse_settings|to_dict|parse_config", ("Parse {key{$eq}value|\"a$eqb\"} pairs separated by {$marks} in $s {in|}to a dict", "%B a dict from $s, a string like 'a$eq1$mkb$eq2'"), "return dict(pair.split(\"$eq\") for pair in $s.split(\"$mk\"))", "dict[str, str]"),
    ("ints", "parse_pairs|parse_counts|to_int_dict", ("%B a dict with int values from $s, a string like 'a$eq1$mkb$eq2'",), "result = {}\nfor pair in $s.split(\"$mk\"):\n    key, value = pair.split(\"$eq\")\n    result[key] = int(value)\nreturn result", "dict[str, int]"),
    ("sum", "sum_values|total_of_pairs", ("%R the sum of the values in $s, a string like 'a$eq1$mkb$eq2'",), "return sum(int(pair.split(\"$eq\")[1]) for pair in $s.split(\"$mk\"))", "int"),
    ("keys", "parse_keys|key_names", ("%R {a list of |}the keys in $s, a string like 'a$eq1$mkb$eq2'",), "return [pair.split(\"$eq\")[0] for pair in $s.split(\"$mk\")]", "list[str]"),
    ("best", "best_key|max_pair", ("%R the key with the largest value in $s, a string like 'a$eq1$mkb$eq2'",), "pairs = [pair.split(\"$eq\") for pair in $s.split(\"$mk\")]\nreturn max(pairs, key=lambda pair: int(pair[1]))[0]", "str"),
    ("tuples", "parse_tuples|to_pairs", ("%B a list of (key, value) tuples from $s, a string like 'a$eq1$mkb$eq2'",), "return [tuple(pair.split(\"$eq\")) for pair in $s.split(\"$mk\")]", "list[tuple[str, str]]"),
)  # fmt: skip


def key_values(rng: Random) -> Task:
    """Keys and values in a string."""
    key, names, docs, body, returns = rng.choice(KEY_VALUES)
    equals, mark = pick(rng, "=|:"), pick(rng, ";|,|&")
    doc = rng.choice(docs[1:] or docs).replace("$eq", equals).replace("$mk", mark)
    return combine(rng, kind=f"keyvalues:{key}/{equals}{mark}", names=names, params=(("s", "text|s|line|query|settings|string", "str"),), docs=(doc,),
                   body=body.replace("$eq", equals).replace("$mk", mark), returns=returns,
                   inputs=lambda r: (mark.join(f"{letter}{equals}{r.randint(0, 30)}" for letter in r.sample("abcdxyz", r.randint(1, 4))),))  # fmt: skip


TIMES = (
    ("minutes", "to_minutes|minutes_of_day|parse_time", ("Convert a time like '$sample' to minutes", "%R the {number of |}minutes since midnight for a time like '$sample'"), "hours, minutes = $s.split(\":\")\nreturn int(hours) * 60 + int(minutes)", "int", 2),
    ("tuple", "parse_time|split_time", ("%R {hours|hour} and {minutes|minute} of a time like '$sample' as {a tuple of ints|ints}",), "hours, minutes = $s.split(\":\")\nreturn int(hours), int(minutes)", "tuple[int, int]", 2),
    ("seconds", "to_seconds|parse_duration|duration_seconds", ("Convert a {time|duration} like '$sample' (hh:mm:ss) to seconds",), "hours, minutes, seconds = $s.split(\":\")\nreturn int(hours) * 3600 + int(minutes) * 60 + int(seconds)", "int", 3),
    ("morning", "is_morning|before_noon", ("%C a time like '$sample' is before noon%F",), "return int($s.split(\":\")[0]) < 12", "bool", 2),
    ("hour", "get_hour|hour_of", ("%R the hour of a time like '$sample' as {an int|a number}",), "return int($s.split(\":\")[0])", "int", 2),
    ("minute", "get_minutes|minute_of", ("%R the minutes of a time like '$sample' as {an int|a number}",), "return int($s.split(\":\")[1])", "int", 2),
)  # fmt: skip


def times(rng: Random) -> Task:
    """Times of the day in a string."""
    key, names, docs, body, returns, count = rng.choice(TIMES)
    sample = ":".join(f"{rng.randint(0, 23 if i == 0 else 59):02}" for i in range(count))
    return combine(rng, kind=f"times:{key}", names=names, params=(("s", "time|text|s|value|clock|t", "str"),), docs=tuple(doc.replace("$sample", sample) for doc in docs), body=body,
                   returns=returns, inputs=lambda r: (":".join(f"{r.randint(0, 23 if i == 0 else 59):02}" for i in range(count)),))  # fmt: skip


GENERATORS = (
    ("text_rules", 6.0, text_rules), ("number_rules", 3.0, number_rules), ("list_rules", 2.0, list_rules), ("parsed_numbers", 4.0, parsed_numbers),
    ("parsed_fields", 3.0, parsed_fields), ("key_values", 1.5, key_values), ("times", 1.0, times),
)  # fmt: skip
