"""Lists of numbers: which ones, what becomes of each, and what is made of them all."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import NamedTuple

from training.grammar.parts import (
    Condition,
    both,
    clause,
    condition_of,
    fill,
    if_none,
    make_task,
    negation,
    negative,
    one,
    other_name,
    param,
    pick,
    plural_clause,
    several,
)
from training.inputs import Draw
from training.tasks import Param, Task

LISTS = "numbers|numbers|nums|nums|values|xs|items|lst|data|arr|elements|ints|integers|seq|series"
NOUNS = "numbers|numbers|numbers|values|elements|integers|items"
ITEMS = "x|x|x|x|n|num|value|number|v"
BOUNDS = "threshold|limit|k|n|minimum|maximum|cutoff|bound|target|value|level"
THE = "{the |the |all |all the |all of the |}"

# key, adjectives, what is said of one, code, part of a function's name
PLAIN = (
    ("even", "even", "is even|is divisible by two|is divisible by 2", "@ % 2 == 0", "even|evens"),
    ("odd", "odd", "is odd|is not divisible by two", "@ % 2 != 0", "odd|odds"),
    ("positive", "positive", "is positive|is greater than zero|is above zero", "@ > 0", "positive"),
    ("negative", "negative", "is negative|is less than zero|is below zero", "@ < 0", "negative"),
    (
        "nonnegative",
        "non-negative|nonnegative",
        "is not negative|is greater than or equal to zero|is at least zero",
        "@ >= 0",
        "non_negative|nonnegative",
    ),
    ("nonzero", "non-zero|nonzero", "is not zero|is different from zero", "@ != 0", "nonzero"),
    ("zero", "", "is zero|is equal to 0|equals zero", "@ == 0", "zero|zeros"),
    (
        "onedigit",
        "one-digit|single-digit",
        "has one digit|is between 0 and 9",
        "0 <= @ <= 9",
        "one_digit|single_digit",
    ),
    (
        "twodigit",
        "two-digit",
        "has two digits|is between 10 and 99",
        "10 <= @ <= 99",
        "two_digit",
    ),
    (
        "square",
        "square",
        "is a perfect square|is a square number",
        "@ >= 0 and math.isqrt(@) ** 2 == @",
        "squares|perfect_squares",
    ),
    (
        "prime",
        "prime",
        "is prime|is a prime number",
        "@ > 1 and all(@ % d != 0 for d in range(2, math.isqrt(@) + 1))",
        "primes|prime",
    ),
    (
        "palindrome",
        "palindromic",
        "is a palindrome|reads the same backwards",
        "str(@) == str(@)[::-1]",
        "palindromes",
    ),
)  # fmt: skip
CONSTANT = (
    (
        "divisible",
        "is divisible by $k|is a multiple of $k|is evenly divisible by $k",
        "@ % $k == 0",
        "divisible_by_$k|multiples_of_$k|multiples|divisible",
    ),
    (
        "indivisible",
        "is not divisible by $k|is not a multiple of $k",
        "@ % $k != 0",
        "not_divisible_by_$k|not_divisible",
    ),
    ("ends", "ends in $e|ends with $e|has the last digit $e", "abs(@) % 10 == $e", "ending_in_$e"),
    ("hasdigit", "contains the digit $e|has the digit $e", '"$e" in str(@)', "with_digit_$e"),
)
CONSTANT_OR_PARAMETER = (
    (
        "greater",
        "is greater than $g|is above $g|is larger than $g|is bigger than $g|is over $g|exceeds $g",
        "@ > $g",
        "above|greater_than|larger_than|over",
    ),
    (
        "less",
        "is less than $g|is below $g|is smaller than $g|is under $g|is lower than $g",
        "@ < $g",
        "below|less_than|smaller_than|under",
    ),
    (
        "atleast",
        "is at least $g|is greater than or equal to $g|is not less than $g|is not below $g",
        "@ >= $g",
        "at_least",
    ),
    (
        "atmost",
        "is at most $g|is less than or equal to $g|is not greater than $g|is no more than $g",
        "@ <= $g",
        "at_most|up_to",
    ),
    ("equal", "is equal to $g|equals $g", "@ == $g", "equal_to|equal"),
    ("other", "is not equal to $g|is different from $g|differs from $g", "@ != $g", "other_than"),
)
AVERAGE = (
    ("abovemean", "is {above|greater than|larger than} the {average|mean}", ">", "above_average"),
    ("belowmean", "is {below|less than|smaller than} the {average|mean}", "<", "below_average"),
)


class Map(NamedTuple):
    """What becomes of each number."""

    key: str
    nouns: str  # "squares": before "of the numbers"
    verb: str  # with $np for the numbers
    code: str
    returns: str
    slug: str


MAPS = (
    Map("square", "squares|squared values", "Square $np", "@ * @|@ ** 2", "int", "square"),
    Map("cube", "cubes", "Cube $np", "@ ** 3", "int", "cube"),
    Map("double", "doubles|doubled values", "Double $np|Multiply $np by 2", "@ * 2", "int", "double"),
    Map("triple", "triples", "Triple $np|Multiply $np by three", "@ * 3", "int", "triple"),
    Map("abs", "absolute values|magnitudes", "Take the absolute value of $np", "abs(@)", "int", "abs"),
    Map("negate", "negatives|negated values", "Negate $np|Flip the sign of $np", "-@", "int", "negate"),
    Map("half", "halves", "Halve $np|Divide $np by two", "@ / 2", "float", "halve"),
    Map("str", "string forms|strings", "Convert $np to {strings|text}", "str(@)", "str", "stringify"),
    Map("add", "values increased by $k", "Add $k to $np|Increase $np by $k", "@ + $k", "int", "add_to"),
    Map("take", "values decreased by $k", "Subtract $k from $np", "@ - $k", "int", "subtract_from"),
    Map("times", "products with $k", "Multiply $np by $k", "@ * $k", "int", "scale"),
    Map("mod", "remainders modulo $k", "Take $np modulo $k", "@ % $k", "int", "remainder"),
    Map("cap", "values capped at $k", "Cap $np at $k|Limit $np to at most $k", "min(@, $k)", "int", "cap"),
    Map("floor", "values, but at least $k,", "Raise $np to at least $k", "max(@, $k)", "int", "raise"),
    Map("digit", "last digits", "Take the last digit of $np", "abs(@) % 10", "int", "last_digit"),
    Map("digits", "digit counts", "Count the digits of $np", "len(str(abs(@)))", "int", "digit_count"),
)  # fmt: skip


CHANGED = {
    "square": "squared", "cube": "cubed", "double": "doubled", "triple": "tripled",
    "abs": "replaced by its absolute value", "negate": "negated", "half": "halved",
    "add": "increased by $k", "take": "decreased by $k", "times": "multiplied by $k",
    "mod": "replaced by its remainder modulo $k", "cap": "capped at $k",
    "floor": "raised to at least $k", "digit": "replaced by its last digit",
    "digits": "replaced by the number of its digits", "str": "converted to a string",
}  # fmt: skip
RARE = {"zero", "equal", "equal-p"}  # of these there is no largest
ONE_VALUE = {
    "max",
    "min",
    "maxerror",
    "first",
    "last",
    "distinct",
    "sorted",
    "descending",
    "set",
    "product",
    "mean",
}


class Aggregate(NamedTuple):
    """What is made of the numbers."""

    key: str
    names: str
    docs: tuple[str, ...]
    body: str
    returns: str  # $each: what the map gives
    mapped: bool = False  # may a map stand between?
    bare: bool = False  # does it make sense without a condition?
    default: str = ""  # what is returned when there are none


GENERATED = "$each for @ in $list$if"
AGGREGATES = (
    Aggregate(
        "sum",
        "sum_$slug|total_$slug|add_$slug|$slug_sum|sum_of_$slug",
        ("%R the {sum|sum|total} of $np", "{Add|Sum} up $np", "{Add|Sum} $np", "{Sum|Total} of $np",
         "What is the {sum|total} of $np?", "Add $np together and return the {sum|total|result}"),
        f"return sum({GENERATED})", "int", True, True,
    ),
    Aggregate(
        "product",
        "product_$slug|product_of_$slug|multiply_$slug|$slug_product",
        ("%R the product of $np", "Multiply $np{| together}", "Product of $np"),
        f"return math.prod({GENERATED})", "int", True, True,
    ),
    Aggregate(
        "max",
        "max_$slug|largest_$slug|biggest_$slug|find_max_$slug|highest_$slug",
        ("%R the {largest|maximum|biggest|greatest|highest} of $np$or",
         "%R the {largest|maximum|biggest|greatest|highest} $one$or",
         "{What|Which} is the {largest|biggest} $one?$or"),
        "return max(($each for @ in $list$if), default=$default)", "int", False, False,
        "None|None|0|-1",
    ),
    Aggregate(
        "min",
        "min_$slug|smallest_$slug|lowest_$slug|find_min_$slug|least_$slug",
        ("%R the {smallest|minimum|lowest|least} of $np$or",
         "%R the {smallest|minimum|lowest|least} $one$or"),
        "return min(($each for @ in $list$if), default=$default)", "int", False, False,
        "None|None|0|-1",
    ),
    Aggregate(
        "maxerror",
        "max_$slug|largest_$slug",
        ("%R the {largest|maximum|biggest} $one{. Raise ValueError if there is none"
         "|, raising ValueError if there are none|. Raises a ValueError if there is no such $noun}",),
        "matching = [$each for @ in $list$if]\nif not matching:\n"
        '    raise ValueError("no matching number")\nreturn max(matching)',
        "int",
    ),
    Aggregate(
        "count",
        "count_$slug|num_$slug|number_of_$slug|how_many_$slug|$slug_count|count_if_$slug",
        ("%R {the number of|how many} $bare", "Count $np", "How many $bare are there?",
         "Number of $bare", "How many of the $nouns $are?",
         "Count how many $nouns{| in $where} $are", "Count the $nouns{| in $where} that $are"),
        "return sum(1 for @ in $list$if)", "int",
    ),
    Aggregate(
        "distinct",
        "count_unique_$slug|distinct_$slug|unique_$slug_count|count_distinct_$slug",
        ("Count the {distinct|unique|different} $bare",
         "%R {the number of|how many} {distinct|unique|different} $bare"),
        "return len({@ for @ in $list$if})", "int",
    ),
    Aggregate(
        "mean",
        "average_$slug|mean_$slug|avg_$slug|$slug_average",
        ("%R the {average|mean|arithmetic mean} of $np$or", "{Average|Mean} of $np$or",
         "What is the {average|mean} of $np?$or"),
        f"selected = [{GENERATED}]\nif not selected:\n    return $default\n"
        "return sum(selected) / len(selected)", "float", True, False, "None|0|0.0|None",
    ),
    Aggregate(
        "first",
        "first_$slug|find_first_$slug|get_first_$slug|find_$slug",
        ("%R the first $one$or", "Find the first $one$or", "First $one$or"),
        "for @ in $list:\n    if $code:\n        return @\nreturn $default", "int", False, False,
        "None|None|-1|0",
    ),
    Aggregate(
        "last",
        "last_$slug|find_last_$slug|get_last_$slug",
        ("%R the last $one$or", "Find the last $one$or"),
        "for @ in reversed($list):\n    if $code:\n        return @\nreturn $default",
        "int", False, False, "None|None|-1|0",
    ),
    Aggregate(
        "list",
        "$slug|get_$slug|only_$slug|filter_$slug|keep_$slug|select_$slug|extract_$slug|$slug_only",
        ("%B {a|a new|the} list of $np", "Keep only $np", "{Filter|Select|Extract|Pick|Collect} $np",
         "%B a list {of|with|containing} only $np", "Which {of the |}$nouns $are? Return them in a list",
         "%R $np in their original order", "{Filter|Reduce} the list to $np"),
        f"return [{GENERATED}]", "list[int]",
    ),
    Aggregate(
        "sorted",
        "sorted_$slug|sort_$slug|$slug_sorted",
        ("%R $np{, sorted| in ascending order| in sorted order|, sorted ascending|, smallest first}",
         "Sort $np{| in ascending order| from smallest to largest}"),
        f"return sorted({GENERATED})", "list[$of]", True, True,
    ),
    Aggregate(
        "descending",
        "sorted_$slug|$slug_descending|$slug_sorted_desc|sort_desc_$slug",
        ("%R $np{, sorted in descending order| in descending order|, largest first}",
         "Sort $np {in descending order|from largest to smallest|in decreasing order}"),
        "return sorted(($each for @ in $list$if), reverse=True)", "list[$of]", True, True,
    ),
    Aggregate(
        "set",
        "set_of_$slug|$slug_set|unique_$slug",
        ("%R the set of $np", "%R $np as a set", "%B a set {of|with} $np"),
        "return {@ for @ in $list$if}", "set[int]",
    ),
    Aggregate(
        "any",
        "any_$slug|has_$slug|has_any_$slug|contains_$slug",
        ("%C {any|at least one|some} $noun{| in $where| of $where} $is%F",
         "%C {there is|$list contains|the list contains} {a|at least one} $one%F",
         "Is there {a|any|at least one} $one{| in $where}?", "%C any of the $nouns $is%F"),
        "return any($code for @ in $list)", "bool",
    ),
    Aggregate(
        "all",
        "all_$slug|are_all_$slug|is_all_$slug|only_$slug",
        ("%C {all|all the|all of the} $nouns{| in $where} $are%F",
         "%C {every|each} $noun{| in $where| of $where} $is%F",
         "%C $list contains only $bare%F"),
        "return all($code for @ in $list)", "bool",
    ),
    Aggregate(
        "none",
        "no_$slug|none_$slug|has_no_$slug|without_$slug",
        ("%C {none of the $nouns|no $noun in $where|no $noun} $is%F",
         "%C $list contains no $bare%F", "%C there are no $bare%F"),
        "return not any($code for @ in $list)", "bool",
    ),
    Aggregate(
        "index",
        "index_of_$slug|first_$slug_index|find_index_$slug|position_of_$slug",
        ("%R the {index|position} of the first $one$or", "At which index is the first $one?$or"),
        "for i, @ in enumerate($list):\n    if $code:\n        return i\nreturn $default",
        "int", False, False, "-1|-1|None",
    ),
    Aggregate(
        "lastindex",
        "last_index_of_$slug|last_$slug_index",
        ("%R the {index|position} of the last $one$or",),
        "for i in range(len($list) - 1, -1, -1):\n    @ = $list[i]\n    if $code:\n"
        "        return i\nreturn $default", "int", False, False, "-1|-1|None",
    ),
    Aggregate(
        "indices",
        "indices_of_$slug|$slug_positions|find_indices_$slug|$slug_indices",
        ("%R {the|a list of the} {indices|indexes|positions} of $np",
         "Find {the|all} {indices|positions} {where the $noun $is|of $np}"),
        "return [i for i, @ in enumerate($list) if $code]", "list[int]",
    ),
    Aggregate(
        "remove",
        "remove_$slug|drop_$slug|without_$slug|filter_out_$slug|exclude_$slug",
        ("{Remove|Drop|Delete|Filter out|Exclude|Leave out} $np", "%R {$list|the list} without $np",
         "%R every $noun except $np", "Throw away $np and return the rest"),
        "return [@ for @ in $list if $negated]", "list[int]",
    ),
    Aggregate(
        "replace",
        "replace_$slug|replace_$slug_with|set_$slug_to",
        ("Replace $np {with|by} $k", "%R {a list|the list} with $np replaced by $k",
         "Set $np to $k{|, keep the others|, leave the rest as it is}"),
        "return [$k if $code else @ for @ in $list]", "list[int]",
    ),
    Aggregate(
        "percent",
        "percent_$slug|percentage_of_$slug|$slug_percentage|share_of_$slug",
        ("%R {the|what} {percentage|percent} of {the |}$nouns that $are$or",
         "What percentage of the $nouns $is? Return 0 for an empty list"),
        "if not $list:\n    return $default\n"
        "return 100 * sum(1 for @ in $list$if) / len($list)", "float", False, False, "EMPTY0",
    ),
    Aggregate(
        "partition",
        "partition_$slug|split_$slug|separate_$slug",
        ("Split {the $nouns|$list} into {two lists:|} those that $are and {the others|the rest}",
         "%R two lists: the $nouns that $are and {the others|the rest|those that are left}",
         "Separate $np from the others and return both lists{| as a tuple}"),
        "matching = [@ for @ in $list if $code]\nothers = [@ for @ in $list if $negated]\n"
        "return matching, others", "tuple[list[int], list[int]]",
    ),
    Aggregate(
        "front",
        "$slug_first|move_$slug_to_front|$slug_to_front",
        ("Move $np to the {front|beginning}{|, keeping the order}",
         "%R {$list|the list} with $np first and {the others|the rest} after them"),
        "return [@ for @ in $list if $code] + [@ for @ in $list if $negated]", "list[int]",
    ),
    Aggregate(
        "takewhile",
        "take_while_$slug|leading_$slug",
        ("%R the $nouns {from|at} the beginning {of $where |}as long as {each|the $noun} $is",
         "Take $nouns {from $where |}until one $isnot"),
        "result = []\nfor @ in $list:\n    if $negated:\n        break\n    result.append(@)\n"
        "return result", "list[int]",
    ),
    Aggregate(
        "dropwhile",
        "drop_while_$slug|skip_leading_$slug|strip_leading_$slug",
        ("{Skip|Drop} the {leading|first} $nouns as long as {each|the $noun} $is and return the rest",),
        "for i, @ in enumerate($list):\n    if $negated:\n        return $list[i:]\nreturn []",
        "list[int]",
    ),
    Aggregate(
        "run",
        "longest_run_$slug|longest_streak_$slug|max_consecutive_$slug",
        ("%R the length of the longest {run|streak} of {consecutive |}$bare",
         "%R how many {consecutive|successive} $bare there are at most"),
        "best = current = 0\nfor @ in $list:\n    if $code:\n        current += 1\n"
        "        best = max(best, current)\n    else:\n        current = 0\nreturn best", "int",
    ),
    Aggregate(
        "atleastk",
        "has_enough_$slug|at_least_some_$slug|many_$slug",
        ("%C {at least $k|$k or more} {of the |}$nouns $are%F",
         "%C there are at least $k $bare%F"),
        "return sum(1 for @ in $list$if) >= $k", "bool",
    ),
    Aggregate(
        "exactlyone",
        "exactly_one_$slug|has_one_$slug",
        ("%C exactly one {of the $nouns|$noun} $is%F", "%C there is exactly one $one%F"),
        "return sum(1 for @ in $list$if) == 1", "bool",
    ),
)  # fmt: skip


def number_condition(rng: Random, taken: set[str], *, simple: bool = False) -> Condition:
    """A condition on one number; ``simple``: without and, or, not, and without the average."""
    chance = 0.0 if simple else rng.random()
    if chance > 0.9:
        first = _single(rng, taken)
        second = _single(rng, taken | {p.name for p in first.params})
        if first.key != second.key and not {first.key, second.key} & RARE:
            return both(rng, first, second, pick(rng, "and|and|or"))
    if chance > 0.87:
        return negation(_single(rng, taken))
    if 0.84 < chance < 0.87:
        return _about_average(rng)
    return _single(rng, taken)


def _single(rng: Random, taken: set[str]) -> Condition:
    kind = rng.random()
    if kind < 0.42:
        key, adjectives, says, code, slugs = rng.choice(PLAIN)
        return condition_of(key, says, code, slugs, adjectives)
    if kind < 0.56:
        row = rng.choice(CONSTANT)
        digits = {
            "k": str(rng.choice([2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11])),
            "e": str(rng.randint(0, 9)),
        }
        return condition_of(*(fill(part, **digits) for part in row))
    if kind < 0.63:
        return _between(rng, taken)
    if kind < 0.68:
        name = other_name(rng, "divisor|k|n|d|factor|number", taken)
        key, says, code, slugs = (fill(part, k=name) for part in CONSTANT[rng.randint(0, 1)])
        made = condition_of(f"{key}-p", says, code, slugs.replace(f"_{name}", ""), "")
        return _with_params(made, [param(name, "int")], lambda r: (r.randint(1, 5),))
    key, says, code, slugs = rng.choice(CONSTANT_OR_PARAMETER)
    if rng.random() < 0.55:
        bound = rng.choice([-5, -1, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20, 25, 50, 100])
        return condition_of(key, fill(says, g=str(bound)), fill(code, g=str(bound)), slugs, "")
    name = other_name(rng, BOUNDS, taken)
    made = condition_of(f"{key}-p", fill(says, g=name), fill(code, g=name), slugs, "")
    return _with_params(made, [param(name, "int")], lambda r: (r.randint(-2, 9),))


def _between(rng: Random, taken: set[str]) -> Condition:
    if rng.random() < 0.4:
        low, high = str(start := rng.randint(-3, 12)), str(start + rng.randint(2, 20))
    else:
        low, high = pick(
            rng,
            "low high|low high|lo hi|start end|lower upper|a b|minimum maximum|min_value max_value",
        ).split()
        if {low, high} & taken:
            low, high = "smallest", "largest"
    if rng.random() < 0.25:
        says = f"is {{outside {low} to {high}|not between {low} and {high}|less than {low} or greater than {high}}}"
        code, slugs, key = f"@ < {low} or @ > {high}", "outside|out_of_range", "outside"
    else:
        says = f"is between {low} and {high}{{| inclusive| (inclusive)}}|is in the range {{from |}}{low} to {high}"
        code, slugs, key = f"{low} <= @ <= {high}", "between|in_range|within", "between"
    negated = f"{low} <= @ <= {high}" if key == "outside" else f"not {code}"
    made = replace(condition_of(key, says, code, slugs), negated=negated)
    if low.lstrip("-").isdigit():
        return made
    draws = lambda r: (start := r.randint(-3, 5), start + r.randint(1, 8))  # noqa: E731
    return _with_params(made, [param(low, "int"), param(high, "int")], draws)


def _about_average(rng: Random) -> Condition:
    key, says, sign = AVERAGE[rng.randint(0, 1)][0:3]
    slug = f"{key.removesuffix('mean')}_average"
    return Condition(
        key=key,
        says=(says,),
        code=f"@ {sign} mean",
        negated=f"@ {'<=' if sign == '>' else '>='} mean",
        slugs=(slug,),
        before="mean = sum($list) / len($list)",
    )


def _with_params(
    condition: Condition, params: list[Param], draws: Callable[[Random], tuple[int, ...]]
) -> Condition:
    return replace(condition, params=tuple(params), draws=draws)


def draw_numbers(rng: Random, least: int = 0) -> list[int]:
    """Small numbers of both signs, among them some with many divisors."""
    if rng.random() < 0.1:
        return Draw(rng).il(6, 1, 150, least)
    return Draw(rng).il(7, -9, 30, least)


def numbers(rng: Random) -> Task:
    """Which numbers of a list, what becomes of each, what is made of them."""
    row = rng.choice(AGGREGATES)
    listed = pick(rng, LISTS)
    extra = other_name(rng, "k|n|new_value|replacement", {listed}) if "$k" in row.body else ""
    condition = number_condition(rng, {listed, extra})
    while condition.key in RARE and row.key in ONE_VALUE:
        condition = number_condition(rng, {listed, extra})
    if row.bare and rng.random() < 0.25:
        condition = replace(condition, key="", params=(), before="", draws=lambda r: ())
    mapped = None
    if row.mapped and (rng.random() < 0.3 or not condition.key):
        mapped = rng.choice(MAPS)
        if row.key in ("sum", "product", "mean") and mapped.returns == "str":
            mapped = MAPS[0]
    return _numbers_task(rng, row, listed, extra, condition, mapped)


def mapped_numbers(rng: Random) -> Task:
    """A list with something done to each number, or to each of some."""
    listed = pick(rng, LISTS)
    mapped = rng.choice(MAPS)
    condition = number_condition(rng, {listed})
    style = rng.random()
    if style < 0.4:
        condition = replace(condition, key="", params=(), before="", draws=lambda r: ())
        row = Aggregate(
            "map",
            f"{mapped.slug}_all|{mapped.slug}_each|{mapped.slug}_numbers|{mapped.slug}_list",
            ("$verb{|, return a new list}", "%B {a|the} list of $np"),
            f"return [{GENERATED}]",
            "list[$of]",
        )
    elif style < 0.7 or mapped.returns == "str":
        row = Aggregate(
            "list",
            f"{mapped.slug}_$slug|$slug_{mapped.slug}",
            ("%B {a|the} list of $np", "$verb{| and drop the others| and leave out the rest}"),
            f"return [{GENERATED}]",
            "list[$of]",
        )
    else:
        row = Aggregate(
            "where",
            f"{mapped.slug}_$slug|{mapped.slug}_if",
            (
                "$verb and {keep|leave} the others{| as they are| unchanged}",
                "%R the list where $changed, and all others {are unchanged|stay the same}",
            ),
            "return [$each if $code else @ for @ in $list]",
            "list[$of]",
        )
    return _numbers_task(rng, row, listed, "", condition, mapped)


def _numbers_task(
    rng: Random, row: Aggregate, listed: str, extra: str, condition: Condition, mapped: Map | None
) -> Task:
    names = {listed, extra} | {p.name for p in condition.params}
    item = other_name(rng, ITEMS, names)
    nouns = pick(rng, NOUNS)
    noun = nouns[:-1]
    place = pick(rng, f"{listed}|the list|the given list|a list")
    where = pick(rng, f"|| in {place}| in {place}| of {place}| from {place}")
    constant = pick(rng, "2|3|5|10|100|7") if mapped and "$k" in mapped.code else extra
    bare = several(rng, condition, nouns) if condition.key else f"{{all |the |}}{nouns}"
    phrase = f"{THE}{bare}{where}" if condition.key else f"{{all |the |all the }}{nouns}{where}"
    verb = (
        fill(pick(rng, mapped.verb), np=_each(rng, condition, nouns, phrase), k=constant)
        if mapped
        else ""
    )
    if mapped:
        noun_of = fill(pick(rng, mapped.nouns), k=constant)
        phrase = (
            f"{{the |}}{noun_of} of {phrase}"
            if "values" not in noun_of or " " not in noun_of
            else f"{phrase}, each {CHANGED[mapped.key].replace('$k', constant)}"
        )
    default = pick(rng, row.default) if row.default not in ("", "EMPTY0") else "0"
    ending = if_none(rng, default).replace("$noun", noun) if row.default else ""
    if row.default == "EMPTY0":
        ending = f"{{, or 0 if {listed} is empty|. Return 0 for an empty list|. Return 0 if the list is empty}}"
    done = CHANGED[mapped.key].replace("$k", constant) if mapped else ""
    parts = {
        "np": phrase, "one": one(rng, condition, noun), "bare": bare + where, "nouns": nouns,
        "noun": noun, "is": clause(rng, condition), "are": plural_clause(rng, condition),
        "isnot": negative(clause(rng, condition)), "where": place, "or": ending, "list": listed,
        "default": default, "slug": rng.choice(condition.slugs) if condition.key else "numbers",
        "k": constant, "verb": verb, "of": mapped.returns if mapped else "int",
        "if": f" if {condition.code}" if condition.key else "", "code": condition.code,
        "negated": condition.negated, "each": pick(rng, mapped.code).replace("$k", constant) if mapped else "@",
        "changed": f"every {noun} that {clause(rng, condition)} is {done}",
    }  # fmt: skip
    before = fill(condition.before, list=listed)
    body = (f"{before}\n" if before else "") + fill(row.body, **parts)
    body = _plainer(body.replace("@", item), item, listed)
    params = [param(listed, "list[int]"), *condition.params]
    if extra:
        params.append(param(extra, "int"))
    least = 1 if before else 0
    returns = fill(row.returns, **parts)
    if default == "None" and row.default:
        returns += " | None"

    def inputs(r: Random) -> tuple[object, ...]:
        values = (draw_numbers(r, least), *condition.draws(r))
        return (*values, r.randint(-1, 5)) if extra else values

    key = f"{condition.key or 'all'}/{mapped.key if mapped else 'same'}/{row.key}"
    return make_task(
        kind=f"numbers:{key}", name=fill(pick(rng, row.names), **parts), params=params,
        returns=returns, doc=fill(rng.choice(row.docs), **parts), body=body, inputs=inputs,
    )  # fmt: skip


def _each(rng: Random, condition: Condition, nouns: str, phrase: str) -> str:
    if not condition.key and rng.random() < 0.5:
        return f"{{each|every}} {nouns[:-1]}{{| of the list| in the list}}"
    return f"{{|each of |}}{phrase}" if phrase.startswith("the ") else phrase


def _plainer(body: str, item: str, listed: str) -> str:
    """``sum(x for x in numbers)`` is ``sum(numbers)``."""
    whole = f"{item} for {item} in {listed}"
    return body.replace(f"(({whole}), ", f"({listed}, ").replace(f"({whole})", f"({listed})")
