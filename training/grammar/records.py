"""Lists of records, as dicts or as tuples: which, and what is made of their fields."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from training.grammar.parts import fill, make_task, other_name, param, pick
from training.inputs import NAMES
from training.tasks import Param, Task


class Kind(NamedTuple):
    """What the records are about."""

    many: str
    one: str
    title: str  # the field that names one
    fields: str  # numbers
    group: str = ""  # a field with few values
    flag: str = ""  # a field that is true or false


KINDS = (
    Kind("people", "person", "name", "age|height", "city", "member"),
    Kind("products", "product", "name", "price|quantity|stock", "category", "available"),
    Kind("students", "student", "name", "score|grade|age", "class", "passed"),
    Kind("users", "user", "name", "age|points|logins", "country", "active"),
    Kind("items", "item", "name", "price|quantity|weight", "category", ""),
    Kind("orders", "order", "customer", "total|price|quantity", "status", "paid"),
    Kind("employees", "employee", "name", "salary|age|hours", "department", "remote"),
    Kind("books", "book", "title", "pages|year|price", "author", "read"),
    Kind("players", "player", "name", "points|goals|level", "team", "active"),
    Kind("tasks", "task", "title", "priority|hours|effort", "owner", "done"),
    Kind("cars", "car", "model", "speed|price|year", "color", "electric"),
    Kind("movies", "movie", "title", "rating|year|length", "genre", "watched"),
    Kind("cities", "city", "name", "population|area", "country", "capital"),
    Kind("animals", "animal", "name", "weight|age|legs", "species", "tame"),
    Kind("invoices", "invoice", "customer", "amount|total", "status", "paid"),
)
GROUPS = ["red", "blue", "green"]
COMPARE = (
    ("above", ">", "with {a |an |}$f {above|over|greater than} $n|whose $f is {above|greater than|more than} $n"),
    ("below", "<", "with {a |}$f {below|under|less than} $n|whose $f is {below|less than|lower than} $n"),
    ("atleast", ">=", "with {a |}$f of at least $n|whose $f is at least $n|with {a |}$f of $n or more"),
    ("atmost", "<=", "with {a |}$f of at most $n|whose $f is at most $n|whose $f is not more than $n"),
    ("equal", "==", "whose $f is $n|whose $f {equals|is equal to} $n"),
)  # fmt: skip
# kind, names, wordings, body, result; $np the records meant, $if their condition
RESULTS = (
    ("titles", "$title_list_$slug|$one_$titles|get_$titles|$titles_$slug|list_$titles", ("%R {a list of |}the $titles of $np", "{List|Collect|Get} the $titles of $np"), 'return [$x["$title"] for $x in $many$if]', "list[str]"),
    ("sortedtitles", "sorted_$titles|$titles_sorted|sorted_$titles_$slug", ("%R the $titles of $np{, sorted| in alphabetical order}", "%R a sorted list of the $titles of $np"), 'return sorted($x["$title"] for $x in $many$if)', "list[str]"),
    ("count", "count_$many|count_$slug|number_of_$many", ("Count $np", "%R {the number of|how many} $bare", "How many $bare are there?"), "return sum(1 for $x in $many$if)", "int"),
    ("sum", "total_$f|sum_$f|$f_total|total_$f_$slug", ("%R the {total|sum of the} $f of $np", "Add up the $f of $np"), 'return sum($x["$f"] for $x in $many$if)', "int"),
    ("product", "total_value|total_$f|compute_total|$one_total", ("%R the {sum|total} of $f times $g {of|for|over} $np", "For $np multiply $f by $g and add up the results"), 'return sum($x["$f"] * $x["$g"] for $x in $many$if)', "int"),
    ("mean", "average_$f|mean_$f|avg_$f", ("%R the {average|mean} $f of $np{, or 0 if there are none|. Return 0 if there are none}",), 'values = [$x["$f"] for $x in $many$if]\nreturn sum(values) / len(values) if values else 0', "float"),
    ("filter", "filter_$many|$many_$slug|select_$many|$slug_$many", ("%R {only |}$np", "{Keep only|Filter|Select|Find} $np"), "return [$x for $x in $many$if]", "list[dict]"),
    ("best", "$one_with_highest_$f|highest_$f|max_$f|top_$one", ("%R the {one|$one} with the {highest|largest|greatest} $f among $np, or None if there {is none|are none}",), 'return max(($x for $x in $many$if), key=lambda $x: $x["$f"], default=None)', "dict | None"),
    ("worst", "$one_with_lowest_$f|lowest_$f|min_$f", ("%R the $one with the {lowest|smallest} $f among $np, or None if there {is none|are none}",), 'return min(($x for $x in $many$if), key=lambda $x: $x["$f"], default=None)', "dict | None"),
    ("besttitle", "$title_of_highest_$f|best_$one|top_$one_$title", ("%R the $title of the $one with the {highest|largest} $f",), 'return max($many, key=lambda $x: $x["$f"])["$title"]', "str"),
    ("worsttitle", "$title_of_lowest_$f|worst_$one", ("%R the $title of the $one with the {lowest|smallest} $f",), 'return min($many, key=lambda $x: $x["$f"])["$title"]', "str"),
    ("max", "max_$f|highest_$f", ("%R the {highest|largest} $f of $np, or 0 if there are none",), 'return max(($x["$f"] for $x in $many$if), default=0)', "int"),
    ("sorted", "sort_by_$f|$many_by_$f|sort_$many|sorted_by_$f", ("Sort $np by $f{|, lowest first| in ascending order}", "%R $np sorted by $f"), 'return sorted($all, key=lambda $x: $x["$f"])', "list[dict]"),
    ("sorteddesc", "sort_by_$f_desc|rank_$many|ranking|$many_by_$f", ("Sort $np by $f{, highest first| in descending order}", "%R $np sorted by $f from high to low"), 'return sorted($all, key=lambda $x: $x["$f"], reverse=True)', "list[dict]"),
    ("sortedboth", "sort_$many|order_$many", ("Sort $np by $f and then by $title", "%R $np sorted by $f, those with the same $f by $title"), 'return sorted($all, key=lambda $x: ($x["$f"], $x["$title"]))', "list[dict]"),
    ("titlesby", "$titles_by_$f|ranked_$titles", ("%R the $titles of $np {sorted|ordered} by $f", "%R the $titles of $np, lowest $f first"), 'return [$x["$title"] for $x in sorted($all, key=lambda $x: $x["$f"])]', "list[str]"),
    ("topn", "top_$many|top_n|best_$many", ("%R the $titles of the $k $many with the highest $f{|, highest first}",), 'ordered = sorted($many, key=lambda $x: $x["$f"], reverse=True)\nreturn [$x["$title"] for $x in ordered[:$k]]', "list[str]"),
    ("map", "$f_by_$title|$title_to_$f|to_dict|map_$f", ("%R a {dict|dictionary} {mapping|from} {each |the |}$title to {the |}$f {for|of} $np", "%B a dict with the $titles of $np as keys and their $f as values"), 'return {$x["$title"]: $x["$f"] for $x in $many$if}', "dict[str, int]"),
    ("index", "index_by_$title|$many_by_$title", ("%B a dict from $title to {the |}$one {for|of} $np",), 'return {$x["$title"]: $x for $x in $many$if}', "dict[str, dict]"),
    ("group", "group_by_$group|$titles_by_$group|group_$many", ("Group the $titles of $np by $group{|. Return a dict}", "%B a dict from $group to the list of $titles of $np with that $group"), 'result = {}\nfor $x in $all:\n    result.setdefault($x["$group"], []).append($x["$title"])\nreturn result', "dict[str, list[str]]"),
    ("groupcount", "count_by_$group|$many_per_$group", ("Count $np per $group{|. Return a dict}", "%B a dict with the number of $many for each $group, counting only $np"), 'counts = {}\nfor $x in $all:\n    counts[$x["$group"]] = counts.get($x["$group"], 0) + 1\nreturn counts', "dict[str, int]"),
    ("groupsum", "$f_by_$group|total_$f_by_$group|$f_per_$group", ("%B a dict with the total $f of $np {per|for each|by} $group", "Add up the $f of $np {per|for each} $group"), 'totals = {}\nfor $x in $all:\n    totals[$x["$group"]] = totals.get($x["$group"], 0) + $x["$f"]\nreturn totals', "dict[str, int]"),
    ("groups", "$group_list|all_$groups|unique_$groups", ("%R the {different|distinct|unique} values of $group of $np, sorted",), 'return sorted({$x["$group"] for $x in $many$if})', "list[str]"),
    ("lookup", "find_$f|get_$f|lookup_$f", ("%R the $f of the $one with the given $title, or None{| if there is none| if not found}",), 'for $x in $many:\n    if $x["$title"] == $wanted:\n        return $x["$f"]\nreturn None', "int | None"),
    ("find", "find_$one|get_$one|find_by_$title", ("%R the $one {whose $title is $wanted|with the $title $wanted}, or None{| if there is none}",), 'for $x in $many:\n    if $x["$title"] == $wanted:\n        return $x\nreturn None', "dict | None"),
    ("has", "has_$one|$one_exists", ("%C there is {a|any} $one with the $title $wanted%F",), 'return any($x["$title"] == $wanted for $x in $many)', "bool"),
    ("any", "any_$one_$slug|has_$slug", ("%C there is {a|at least one} $single%F", "Is there any $single?"), "return any($cond for $x in $many)", "bool"),
    ("all", "all_$many_$slug|are_all_$slug", ("%C every $one is one $after%F",), "return all($cond for $x in $many)", "bool"),
    ("raise", "raise_$f|increase_$f|add_to_$f", ("Increase the $f of {each|every} $one by $k and return the list", "Add $k to the $f of all $many and return {them|the list}"), 'for $x in $many:\n    $x["$f"] += $k\nreturn $many', "list[dict]"),
    ("raised", "with_higher_$f|raised_$f", ("%R copies of {all |the |}$many with $f increased by $k percent",), 'return [{**$x, "$f": $x["$f"] * (100 + $k) / 100} for $x in $many]', "list[dict]"),
    ("lines", "format_$many|$one_lines|report", ("%B a list of lines \"$title: $f\" {for|of} $np", "%R one string \"$title: $f\" for each of $np"), "return [f\"{$x['$title']}: {$x['$f']}\" for $x in $many$if]", "list[str]"),
    ("tuples", "$title_$f_pairs|to_tuples", ("%B a list of ($title, $f) {tuples|pairs} {for|of} $np",), 'return [($x["$title"], $x["$f"]) for $x in $many$if]', "list[tuple[str, int]]"),
    ("share", "percent_$slug|share_$slug", ("%R {the|what} percentage of the $many $counted, or 0 for an empty list",), "if not $many:\n    return 0\nreturn 100 * sum(1 for $x in $many$if) / len($many)", "float"),
)  # fmt: skip
TUPLES = {"titles", "sortedtitles", "count", "sum", "mean", "max", "map", "sorted", "sorteddesc", "besttitle",
          "worsttitle", "titlesby", "lines", "topn", "lookup", "filter", "has"}  # fmt: skip
NEEDS_CONDITION = {"count", "filter", "any", "all", "share"}


def records(rng: Random) -> Task:
    """Which records, and what is made of them."""
    kind = rng.choice(KINDS)
    key, names, docs, body, returns = rng.choice(RESULTS)
    f = pick(rng, kind.fields)
    others = [name for name in kind.fields.split("|") if name != f]
    as_tuples = key in TUPLES and rng.random() < 0.2
    test, after, extra, tested = "", "", None, "all"
    used = any(mark in body for mark in ("$if", "$all", "$cond"))
    if used and (key in NEEDS_CONDITION or rng.random() < 0.45):
        test, after, extra, tested = _condition(rng, kind, f, as_tuples)
    many = kind.many
    params: list[Param] = [param(many, "list[tuple[str, int]]" if as_tuples else "list[dict]")]
    params += [extra] if extra else []
    taken = {p.name for p in params}
    number = other_name(
        rng,
        "amount|bonus|n|delta"
        if key == "raise"
        else "rate|n|percentage"
        if key == "raised"
        else "n|count|k|limit",
        taken,
    )
    if "$k" in body:
        params.append(param(number, "int"))
    wanted = other_name(rng, f"{kind.title}|wanted|{kind.title}", taken)
    if "$wanted" in body:
        params.append(param(wanted, "str"))
    if as_tuples:
        body, returns = (
            _for_tuples(body),
            returns.replace("dict]", "tuple[str, int]]").replace("dict |", "tuple |"),
        )
    x = other_name(
        rng, f"{kind.one}|{kind.one}|{kind.one[0]}|x|item|record", {p.name for p in params}
    )
    titles = {"city": "cities"}.get(kind.title, kind.title + "s")
    parts = {
        "many": many, "one": kind.one, "title": kind.title, "titles": titles, "f": f, "g": others[0],
        "group": kind.group, "groups": kind.group + "s", "x": x, "k": number, "wanted": wanted,
        "slug": "" if tested == "all" else tested.removesuffix("-p"), "np": f"{{the |all |all the |}}{many}{after}", "bare": f"{many}{after}",
        "single": f"{kind.one}{after}", "after": after.strip().replace("with ", "with ", 1),
    }  # fmt: skip
    test = test.replace("@", x)
    chosen = f" if {test}" if test else ""
    parts |= {"if": chosen, "cond": test, "all": f"[{x} for {x} in {many}{chosen}]" if test else many,
              "counted": f"are {many}{after}"}  # fmt: skip
    if test and "for $x in $all:\n" in body:
        body = _loop_with_test(body)
        parts["all"] = many
    intro = _intro(rng, kind, f, as_tuples, others, parts)
    doc = f"{intro}{fill(rng.choice(docs), **parts)}"
    return make_task(
        kind=f"records:{tested}/{key}{'/tuples' if as_tuples else ''}", name=fill(pick(rng, names), **parts),
        params=params, returns=returns, doc=doc, body=fill(body, **parts), inputs=_draws(kind, params, as_tuples, f, key, tested),
    )  # fmt: skip


def _loop_with_test(body: str) -> str:
    head, loop, step, last = body.splitlines()
    return f"{head}\n{loop}\n    if $cond:\n    {step}\n{last}"


def _for_tuples(body: str) -> str:
    """Records as (title, field): the fields are numbered."""
    for title, field in (('["$title"]', '["$f"]'), ("['$title']", "['$f']")):
        body = body.replace(title, "[0]").replace(field, "[1]")
    return body


def _condition(
    rng: Random, kind: Kind, f: str, as_tuples: bool
) -> tuple[str, str, Param | None, str]:
    """Code with @ for the record, words after the noun, a parameter, a key."""
    field = "@[1]" if as_tuples else f'@["{f}"]'
    chance = rng.random()
    if chance < 0.16 and kind.flag and not as_tuples:
        yes = rng.random() < 0.6
        code = f'@["{kind.flag}"]' if yes else f'not @["{kind.flag}"]'
        return (
            code,
            pick(rng, f" that are {'' if yes else 'not '}{{marked as |}}{kind.flag}"),
            None,
            f"{'' if yes else 'not_'}{kind.flag}",
        )
    if chance < 0.34 and not as_tuples:
        name = pick(rng, f"{kind.group}|{kind.group}|wanted")
        name = "wanted" if name == "class" else name
        words = pick(
            rng,
            f"whose {kind.group} is {name}|with the given {kind.group}"
            if name != "wanted"
            else f"whose {kind.group} is {name}",
        )
        return f'@["{kind.group}"] == {name}', f" {words}", param(name, "str"), f"by_{kind.group}"
    key, sign, words = rng.choice(COMPARE)
    if rng.random() < 0.5:
        bound = pick(rng, "5|10|18|20|30|50|100")
        return f"{field} {sign} {bound}", " " + fill(pick(rng, words), f=f, n=bound), None, key
    name = (
        pick(rng, f"limit|minimum|threshold|value|bound|min_{f}|max_{f}")
        if sign != "=="
        else pick(rng, f"value|{f}")
    )
    if (sign in "<=" and "min" in name) or (sign in ">=" and "max_" in name):
        name = "limit"
    return (
        f"{field} {sign} {name}",
        " " + fill(pick(rng, words), f=f, n=name),
        param(name, "int"),
        f"{key}-p",
    )


def _intro(
    rng: Random, kind: Kind, f: str, as_tuples: bool, others: list[str], parts: dict[str, str]
) -> str:
    if as_tuples:
        return pick(
            rng,
            f"{kind.many} is a list of ({kind.title}, {f}) {{tuples|pairs}}. |Each {kind.one} is a tuple ({kind.title}, {f}). ",
        )
    return pick(
        rng,
        f'||||{kind.many} is a list of {{dicts|dictionaries}} with "{kind.title}" and "{f}". |Each {{element of {kind.many}|{kind.one}}} is a {{dict|dictionary}} with the keys "{kind.title}", "{f}" and others. ',
    )


def _draws(kind: Kind, params: list[Param], as_tuples: bool, f: str, key: str, tested: str) -> Any:
    least = 1 if key in ("besttitle", "worsttitle") else 0

    def inputs(r: Random) -> tuple[Any, ...]:
        numbers = r.sample(range(1, 60), 4)
        rows: list[Any] = []
        for title, number in zip(r.sample(NAMES, r.randint(least, 4)), numbers, strict=False):
            row: dict[str, Any] = {kind.title: title, f: number}
            row |= {name: r.randint(1, 9) for name in kind.fields.split("|") if name != f}
            row[kind.group] = r.choice(GROUPS)
            if kind.flag:
                row[kind.flag] = r.random() < 0.5
            rows.append((title, number) if as_tuples else row)
        extra = [
            r.choice(GROUPS) if p.annotation == "str" and tested.startswith("by_") else
            r.choice(NAMES[:4]) if p.annotation == "str" else
            r.choice([*numbers, 20]) if tested.endswith("-p") else r.randint(1, 5)
            for p in params[1:]
        ]  # fmt: skip
        return (rows, *extra)

    return inputs


GENERATORS = (("records", 14.0, records),)
