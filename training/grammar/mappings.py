"""Dicts from names to numbers: which entries, what is made of them, and how they are changed."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from random import Random
from typing import Any

from training.grammar.numbers import number_condition
from training.grammar.parts import (
    Part,
    clause,
    combine,
    fill,
    make_task,
    param,
    pick,
    plural_clause,
)
from training.inputs import NAMES
from training.tasks import Task

DICTS = "d|d|data|scores|prices|stock|counts|inventory|ages|mapping|grades|points|salaries|totals"
KEYS = {
    "scores": "players|names", "prices": "products|items", "stock": "products|items", "inventory": "items",
    "ages": "names|people", "grades": "students|names", "points": "players|names", "salaries": "names|employees",
}  # fmt: skip
THINGS = "apple banana pear milk bread pen book lamp".split()
# names, wordings, body, result; $are is said of the values, $code of v
FILTERS = (
    ("keys", "keys_$slug|find_keys_$slug|names_$slug|$keys_$slug",
     ("%R {a list of |}{the |all |all the }$keys of $place {whose value $is|whose values $are}", "Find {the |all |all the }$keys whose value $is", "Which $keys of $place have a value that $is?"),
     "return [k for k, v in $d.items() if $code]", "list[str]"),
    ("sub", "filter_$slug|select_$slug|entries_$slug|keep_$slug",
     ("%R a {dict|dictionary} with {only |}the {entries|items} of $place whose value $is", "{Keep only|Filter|Select} the {entries|items} {of|in} $place whose {value $is|values $are}"),
     "return {k: v for k, v in $d.items() if $code}", "dict[str, int]"),
    ("remove", "remove_$slug|drop_$slug|without_$slug",
     ("{Remove|Drop|Delete} {the |all |all the }{entries|items|$keys} {of|from} $place whose value $is{| and return the rest}", "%R $place without the entries whose value $is"),
     "return {k: v for k, v in $d.items() if $negated}", "dict[str, int]"),
    ("count", "count_$slug|num_$slug|how_many_$slug",
     ("Count {the |all |all the }{entries|values|items} {of|in} $place that $are", "%R how many values {of|in} $place $are", "How many $keys have a value that $is?"),
     "return sum(1 for v in $d.values() if $code)", "int"),
    ("sum", "sum_$slug|total_$slug|sum_values_$slug",
     ("%R the {sum|total} of {the |all |all the }values {of|in} $place that $are", "Add up {the |all |all the }values {of|in} $place that $are"),
     "return sum(v for v in $d.values() if $code)", "int"),
    ("sortedkeys", "sorted_keys_$slug|keys_$slug|sorted_$slug",
     ("%R a sorted list of {the |all |all the }$keys whose value $is", "%R the $keys {whose value $is|whose values $are}{, sorted| in alphabetical order}"),
     "return sorted(k for k, v in $d.items() if $code)", "list[str]"),
    ("any", "any_$slug|has_$slug|any_value_$slug", ("%C {any|at least one} value {of|in} $place $is%F",), "return any($code for v in $d.values())", "bool"),
    ("all", "all_$slug|all_values_$slug|only_$slug", ("%C every value {of|in} $place $is%F", "%C all values {of|in} $place $are%F"), "return all($code for v in $d.values())", "bool"),
    ("first", "first_key_$slug|find_key_$slug|key_$slug",
     ("%R the first $key whose value $is, or None{| if there is none}", "Find the first $key of $place whose value $is. Return None if there is none"),
     "for k, v in $d.items():\n    if $code:\n        return k\nreturn None", "str | None"),
    ("lines", "format_$slug|show_$slug|lines_$slug",
     ("%B a list of lines like \"name: 5\" for the entries of $place whose value $is",), 'return [f"{k}: {v}" for k, v in $d.items() if $code]', "list[str]"),
    ("values", "values_$slug|get_values_$slug", ("%R {a list of |}{the |all |all the }values of $place that $are",), "return [v for v in $d.values() if $code]", "list[int]"),
    ("mean", "average_$slug|mean_$slug", ("%R the {average|mean} of the values of $place that $are, or {0 if there are none|0 if there is no such value}",),
     "values = [v for v in $d.values() if $code]\nreturn sum(values) / len(values) if values else 0", "float"),
    ("best", "max_key_$slug|best_$slug",
     ("%R the $key with the largest value among those whose value $is, or None{| if there is none}",),
     "matching = {k: v for k, v in $d.items() if $code}\nreturn max(matching, key=matching.get) if matching else None", "str | None"),
)  # fmt: skip
# kind, names, wordings, body, result; no condition; $n and $k are parameters where they occur
WHOLE = (
    ("keys", "get_keys|key_list|list_keys", ("%B {a list of |}the $keys {of|in} $place",), "return list($d)", "list[str]"),
    ("sortedkeys", "sorted_keys|sort_keys", ("%R the $keys of $place{, sorted| in alphabetical order}",), "return sorted($d)", "list[str]"),
    ("total", "total|sum_values|total_value", ("%R the {sum|total} of {all |the |}values {of|in} $place", "Add up {all |the }values {of|in} $place"), "return sum($d.values())", "int"),
    ("mean", "average|average_value|mean_value", ("%R the {average|mean} of the values of $place{, or 0 if it is empty|. Return 0 for an empty dict}",), "return sum($d.values()) / len($d) if $d else 0", "float"),
    ("best", "max_key|best|key_with_max_value|highest|top", ("%R the $key with the {largest|highest|greatest} value", "Which $key {of|in} $place has the {largest|highest} value?"), "return max($d, key=$d.get)", "str"),
    ("worst", "min_key|worst|key_with_min_value|lowest", ("%R the $key with the {smallest|lowest} value", "Which $key {of|in} $place has the {smallest|lowest} value?"), "return min($d, key=$d.get)", "str"),
    ("byvalue", "keys_by_value|sort_by_value|ranking", ("%R the $keys of $place sorted by {value|their value}{|, smallest first| in ascending order}",), "return sorted($d, key=$d.get)", "list[str]"),
    ("byvaluedesc", "ranking|top_keys|keys_by_value_desc", ("%R the $keys of $place sorted by {value|their value}{, largest first| in descending order}", "Rank the $keys {of|in} $place from the highest to the lowest value"), "return sorted($d, key=$d.get, reverse=True)", "list[str]"),
    ("topn", "top_n|top_keys|best_n", ("%R the $n $keys with the {largest|highest} values{|, best first}",), "return sorted($d, key=$d.get, reverse=True)[:$n]", "list[str]"),
    ("items", "sorted_items|items_by_value|sort_items", ("%B a list of {the |}(key, value) pairs of $place sorted by value",), "return sorted($d.items(), key=lambda item: item[1])", "list[tuple[str, int]]"),
    ("sortdict", "sort_dict|sort_by_value|sorted_dict", ("%R $place sorted by value{| as a new dict}",), "return dict(sorted($d.items(), key=lambda item: item[1]))", "dict[str, int]"),
    ("sortdictkey", "sort_dict|sort_by_key|sorted_by_key", ("%R $place sorted by key{| as a new dict}",), "return dict(sorted($d.items()))", "dict[str, int]"),
    ("invert", "invert|invert_dict|swap_keys_and_values", ("{Swap|Exchange} {the |}keys and values of $place", "%R $place with keys and values {swapped|exchanged}"), "return {v: k for k, v in $d.items()}", "dict[int, str]"),
    ("invertgroup", "group_by_value|invert_grouped|keys_by_value", ("%B a dict from each value to the list of $keys that have it", "Group the $keys of $place by {value|their value}"), "result = {}\nfor k, v in $d.items():\n    result.setdefault(v, []).append(k)\nreturn result", "dict[int, list[str]]"),
    ("lines", "format_dict|to_text|dict_to_text|report", ("%R $place as text with a line \"key: value\" for each entry", "%B a string with one line like \"apple: 3\" for each entry of $place"), 'return "\\n".join(f"{k}: {v}" for k, v in $d.items())', "str"),
    ("query", "to_query|join_items|to_string", ("%R {the entries of |}$place as a string like \"a=1&b=2\"",), 'return "&".join(f"{k}={v}" for k, v in $d.items())', "str"),
    ("share", "percentages|shares|to_percentages", ("%R a dict with {the |each |}value as a percentage of the total",), "total = sum($d.values())\nreturn {k: 100 * v / total for k, v in $d.items()}", "dict[str, float]"),
    ("dropworst", "remove_lowest|drop_min|without_worst", ("Remove the $key with the {smallest|lowest} value from $place and return {it|the rest}", "%R $place without the $key that has the {smallest|lowest} value"), "worst = min($d, key=$d.get)\nreturn {k: v for k, v in $d.items() if k != worst}", "dict[str, int]"),
    ("dropbest", "remove_highest|drop_max|without_best", ("%R $place without the $key that has the {largest|highest} value",), "best = max($d, key=$d.get)\nreturn {k: v for k, v in $d.items() if k != best}", "dict[str, int]"),
    ("lookup", "get_value|lookup|find_value|get_or_zero", ("%R the value {for|of} $k, or 0 if {it is missing|it is not in $place|there is none}",), "return $d.get($k, 0)", "int"),
    ("longest", "longest_key", ("%R the longest $key {of|in} $place, or None if {it|$place} is empty",), "return max($d, key=len, default=None)", "str | None"),
    ("upper", "upper_keys|uppercase_keys", ("%R $place with {all |the }keys in upper case",), "return {k.upper(): v for k, v in $d.items()}", "dict[str, int]"),
    ("shortkeys", "short_keys|filter_keys_by_length", ("%R {only |}the entries of $place whose key has at most $n characters",), "return {k: v for k, v in $d.items() if len(k) <= $n}", "dict[str, int]"),
    ("prefix", "with_prefix|filter_keys|keys_with_prefix", ("%R {only |}the entries of $place whose key starts with $k",), "return {k: v for k, v in $d.items() if k.startswith($k)}", "dict[str, int]"),
    ("increment", "increment|add_one|count_up", ("{Increase|Increment} the value {for|of} $k by one, starting at 0{ if it is missing|}, and return $d",), "$d[$k] = $d.get($k, 0) + 1\nreturn $d", "dict[str, int]"),
    ("without", "without_key|remove_key|drop_key", ("%R $place without the key $k{|, which may be missing}", "Remove the key $k from $place if it is there and return the rest"), "return {k: v for k, v in $d.items() if k != $k}", "dict[str, int]"),
    ("difference", "spread|value_range|difference", ("%R the difference between the largest and the smallest value of $place",), "return max($d.values()) - min($d.values())", "int"),
    ("duplicates", "has_duplicate_values|duplicate_values", ("%C two $keys of $place have the same value%F", "%C any value occurs twice in $place%F"), "return len(set($d.values())) < len($d)", "bool"),
)  # fmt: skip
CHANGES = (
    ("doubled", "v * 2", "doubled|times two", "double_values"), ("squared", "v * v", "squared", "square_values"),
    ("plus", "v + $c", "increased by $c|plus $c", "increase_values|add_to_values"), ("minus", "v - $c", "decreased by $c|minus $c", "decrease_values"),
    ("times", "v * $c", "multiplied by $c|times $c", "scale_values"), ("negated", "-v", "negated", "negate_values"),
    ("strings", "str(v)", "converted to strings|as strings", "stringify_values"), ("capped", "min(v, $c)", "capped at $c|limited to at most $c", "cap_values"),
    ("raised", "max(v, $c)", "raised to at least $c|replaced by $c where they are smaller", "raise_values"), ("halved", "v / 2", "halved|divided by two", "halve_values"),
    ("percent", "v * (100 + $c) / 100", "increased by $c percent", "raise_by_percent"), ("discount", "v * (100 - $c) / 100", "reduced by $c percent", "apply_discount"),
)  # fmt: skip
TWO = (
    ("merge", "merge|merge_dicts|combine", ("Merge $a and $b{; values of|, where values of} $b win", "%R a dict with the entries of $a and $b. Where both have a key, take the value of $b"), "return {**$a, **$b}", "dict[str, int]"),
    ("add", "add_dicts|sum_dicts|merge_sum|combine_counts", ("Merge $a and $b, adding the values of {common|shared} keys", "Add up two dicts: {common keys have their values added|values of keys in both are summed}"), "result = dict($a)\nfor k, v in $b.items():\n    result[k] = result.get(k, 0) + v\nreturn result", "dict[str, int]"),
    ("common", "common_keys|shared_keys", ("%R the keys that $a and $b have in common{, sorted| in alphabetical order}",), "return sorted(k for k in $a if k in $b)", "list[str]"),
    ("missing", "missing_keys|only_in_first", ("%R the keys of $a that are not in $b{, sorted| in alphabetical order}",), "return sorted(k for k in $a if k not in $b)", "list[str]"),
    ("changed", "changed_keys|changed_values", ("%R the keys whose values differ between $a and $b (only keys in both){, sorted|, in alphabetical order}",), "return sorted(k for k in $a if k in $b and $a[k] != $b[k])", "list[str]"),
    ("max", "merge_max|best_of_both", ("Merge $a and $b, keeping the larger value {of|for} common keys",), "result = dict($a)\nfor k, v in $b.items():\n    result[k] = max(result.get(k, v), v)\nreturn result", "dict[str, int]"),
    ("minus", "subtract_dicts|subtract", ("%R a dict with the values of $a minus those of $b{| for the same key}; a key missing in $b counts as 0",), "return {k: v - $b.get(k, 0) for k, v in $a.items()}", "dict[str, int]"),
)  # fmt: skip


def draw_dict(rng: Random, least: int = 0) -> dict[str, int]:
    """A few names or things with numbers."""
    keys = rng.sample(rng.choice([NAMES, THINGS, list("abcdexyz")]), rng.randint(least, 4))
    return {key: rng.randint(-3, 25) for key in keys}


def filtered(rng: Random) -> Task:
    """Entries whose value meets a condition."""
    kind, names, docs, body, returns = rng.choice(FILTERS)
    d = pick(rng, DICTS)
    condition = number_condition(rng, {d, "k", "v"})
    while (
        condition.before
        or {p.name for p in condition.params} & {"k", "v", "value"}
        or "v)" in condition.code
    ):
        condition = number_condition(rng, {d, "k", "v", "value"})
    keys = pick(rng, KEYS.get(d, "keys") + "|keys")
    values = {
        "d": d, "keys": keys, "key": "person" if keys == "people" else keys[:-1], "slug": rng.choice(condition.slugs),
        "place": pick(rng, f"{d}|{d}|the dict|the dictionary|a dictionary"), "is": clause(rng, condition),
        "are": plural_clause(rng, condition), "code": condition.code.replace("@", "v"), "negated": condition.negated.replace("@", "v"),
    }  # fmt: skip
    return make_task(
        kind=f"dicts:{condition.key}/{kind}", name=fill(pick(rng, names), **values),
        params=[param(d, "dict[str, int]"), *condition.params], returns=returns,
        doc=fill(rng.choice(docs), **values), body=fill(body, **values),
        inputs=lambda r: (draw_dict(r), *condition.draws(r)),
    )  # fmt: skip


def whole(rng: Random) -> Task:
    """Something made of a dict without a condition."""
    kind, names, docs, body, returns = rng.choice(WHOLE)
    d = pick(rng, DICTS)
    keys = pick(rng, KEYS.get(d, "keys") + "|keys|keys")
    key = "person" if keys == "people" else keys[:-1]
    params: list[tuple[str, str, str]] = [("d", d, "dict[str, int]")]
    if "$n" in body:
        params.append(("n", "n|count|limit|size", "int"))
    if "$k" in body:
        params.append(("k", "prefix|start" if kind == "prefix" else "key|name|item|wanted", "str"))
    least = 1 if any(mark in body for mark in ("max(", "min(", "total =")) else 0

    def inputs(r: Random) -> tuple[Any, ...]:
        given = draw_dict(r, least)
        if kind == "share":
            given = {key: abs(value) + 1 for key, value in given.items()}
        extra = {
            "n": r.randint(1, 5),
            "k": r.choice([*given, "x", "A"])[: 1 if kind == "prefix" else 9],
        }
        return (given, *(extra[slot] for slot, _, _ in params[1:]))

    place = Part(pick(rng, "$d|$d|the dict|the dictionary|a dictionary"), "")
    return combine(rng, kind=f"dicts:{kind}", names=names, params=tuple(params), docs=docs, body=body,
                   returns=returns, inputs=inputs, parts={"place": place, "keys": Part(keys, ""), "key": Part(key, "")})  # fmt: skip


def changed(rng: Random) -> Task:
    """All values changed, or those that meet a condition."""
    kind, code, done, slugs = rng.choice(CHANGES)
    constant = str(rng.choice([1, 2, 3, 5, 10, 20]))
    d = pick(rng, DICTS)
    code, done = code.replace("$c", constant), pick(rng, done).replace("$c", constant)
    place = pick(rng, f"{d}|{d}|the dict|a dictionary")
    some = rng.random() < 0.5
    condition = number_condition(rng, {d, "k", "v", "value"}, simple=True)
    while "v)" in condition.code:
        condition = number_condition(rng, {d, "k", "v", "value"}, simple=True)
    if some:
        is_, test = plural_clause(rng, condition), condition.code.replace("@", "v")
        doc = pick(
            rng,
            f"%R {place} with the values that {is_} {done}{{| and the others unchanged}}|%R a new dict where the values that {is_} are {done}; the others stay",
        )
        body = f"return {{k: {code} if {test} else v for k, v in {d}.items()}}"
    else:
        doc = pick(
            rng,
            f"%R a {{dict|dictionary}} with the same keys and {{all |the |}}values {done}|%R {place} with {{every value|all values|each value}} {done}",
        )
        body = f"return {{k: {code} for k, v in {d}.items()}}"
    extra = list(condition.params) if some else []
    returns = (
        "dict[str, str]"
        if kind == "strings"
        else "dict[str, float]"
        if "/" in code
        else "dict[str, int]"
    )
    return make_task(
        kind=f"dicts:change/{kind}/{condition.key if some else 'all'}", name=pick(rng, f"{slugs}|map_values|transform_values|update_values"),
        params=[param(d, "dict[str, int]"), *extra], returns=returns, doc=doc, body=body,
        inputs=lambda r: (draw_dict(r), *(condition.draws(r) if some else ())),
    )  # fmt: skip


def two(rng: Random) -> Task:
    """Two dicts made into one, or compared."""
    kind, names, docs, body, returns = rng.choice(TWO)
    a, b = pick(rng, "a b|first second|d1 d2|left right|old new|x y|dict1 dict2").split()
    return combine(
        rng, kind=f"dicts:two/{kind}", names=names, params=(("a", a, "dict[str, int]"), ("b", b, "dict[str, int]")),
        docs=docs, body=body, returns=returns,
        inputs=lambda r: ({k: r.randint(0, 3) for k in r.sample("abcd", r.randint(0, 3))}, {k: r.randint(0, 3) for k in r.sample("abcd", r.randint(0, 3))}),
    )  # fmt: skip


GENERATORS = (
    ("filtered", 8.0, filtered),
    ("whole", 5.0, whole),
    ("changed", 3.0, changed),
    ("two_dicts", 1.5, two),
)
