"""Lists by position: parts of them, items moved about, neighbours, and two lists side by side."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

from random import Random
from typing import Any

from training.grammar.parts import Part, combine, fill, pick
from training.inputs import Draw
from training.tasks import Task

LISTS = "items|lst|values|numbers|xs|data|nums|elements|arr|seq"
ITEM = "{item|element|value}"
# key, words, code, slug; $k is a number of items, $i and $j are positions
SLICES = (
    ("firstk", "the first $k items of $l", "$l[:$k]", "first"),
    ("lastk", "the last $k items of $l", "$l[len($l) - $k:]", "last"),
    ("butfirstk", "{all|all items} of $l {but|except} the first $k", "$l[$k:]", "skip|drop"),
    ("butlastk", "{all|all items} of $l {but|except} the last $k", "$l[:len($l) - $k]", "drop_last|without_last"),
    ("butfirst", "{all|all items} of $l {but|except} the first|$l without its first item", "$l[1:]", "tail|rest"),
    ("butlast", "{all|all items} of $l {but|except} the last|$l without its last item", "$l[:-1]", "without_last|init"),
    ("inner", "$l without its first and last item|{all|all items} of $l {but|except} the first and the last", "$l[1:-1]", "inner|middle"),
    ("even", "the items of $l at even {positions|indices}|every second item of $l, starting with the first", "$l[::2]", "even_positions|every_other"),
    ("odd", "the items of $l at odd {positions|indices}|every second item of $l, starting with the second", "$l[1::2]", "odd_positions"),
    ("third", "every third item of $l{|, starting with the first}", "$l[::3]", "every_third"),
    ("nth", "every $k-th item of $l{|, starting with the first}", "$l[::$k]", "every_nth"),
    ("fromto", "the items of $l from {position|index} $i {up |}to {but not including|, not including,} $j", "$l[$i:$j]", "between|slice"),
    ("fromtoincl", "the items of $l from {position|index} $i to $j{, both included| inclusive}", "$l[$i:$j + 1]", "between|section"),
    ("half1", "the first half of $l{|, without the middle item}", "$l[:len($l) // 2]", "first_half"),
    ("half2", "the second half of $l{|, with the middle item if there is one}", "$l[len($l) // 2:]", "second_half"),
    ("reversed", "$l {in reverse order|reversed}", "$l[::-1]", "reversed"),
    ("before", "the items of $l before {position|index} $i", "$l[:$i]", "before"),
    ("after", "the items of $l after {position|index} $i", "$l[$i + 1:]", "after"),
    ("sortedk", "the $k smallest items of $l", "sorted($l)[:$k]", "smallest"),
    ("largestk", "the $k largest items of $l{|, largest first}", "sorted($l, reverse=True)[:$k]", "largest"),
    ("unique", "the {different|distinct|unique} items of $l, sorted", "sorted(set($l))", "unique"),
    ("ends", "the first and the last item of $l{| as a list}", "[$l[0], $l[-1]]", "ends"),
    ("butmax", "the items of $l that are not the largest", "[x for x in $l if x != max($l)]", "without_max"),
    ("butmin", "the items of $l that are not the smallest", "[x for x in $l if x != min($l)]", "without_min"),
)  # fmt: skip
# key, wordings, code, slug, result; $np the part
USES = (
    ("list", ("%R $np", "%R $np as a {list|new list}", "Get $np"), "$part", "$slug|$slug_items|get_$slug|take_$slug", "list[int]"),
    ("list", ("%R $np", "%R $np as a {list|new list}", "Take $np"), "$part", "$slug|$slug_items|get_$slug|take_$slug", "list[int]"),
    ("sum", ("%R the {sum|total} of $np", "Add up $np", "{Sum|Total} of $np"), "sum($part)", "sum_$slug|$slug_sum|sum_of_$slug", "int"),
    ("max", ("%R the {largest|maximum} of $np, or None if there are none",), "max($part, default=None)", "max_$slug|max_of_$slug", "int | None"),
    ("min", ("%R the {smallest|minimum} of $np, or 0 if there are none",), "min($part, default=0)", "min_$slug|min_of_$slug", "int"),
    ("rev", ("%R $np {in reverse order|, reversed}",), "$part[::-1]", "$slug_reversed", "list[int]"),
    ("sorted", ("%R $np{, sorted| in ascending order}", "Sort $np"), "sorted($part)", "sorted_$slug|$slug_sorted", "list[int]"),
    ("product", ("%R the product of $np", "Multiply $np"), "math.prod($part)", "product_of_$slug|$slug_product", "int"),
    ("double", ("%B a list of $np, each doubled", "Double $np and return them as a list"), "[x * 2 for x in $part]", "double_$slug", "list[int]"),
    ("square", ("%B a list of the squares of $np", "Square $np and return them as a list"), "[x * x for x in $part]", "square_$slug|$slug_squares", "list[int]"),
    ("even", ("Count the even numbers among $np", "%R how many of $np are even"), "sum(1 for x in $part if x % 2 == 0)", "count_even_$slug", "int"),
    ("join", ("%R $np joined with {commas|a comma between them}", "Join $np with commas"), '",".join(str(x) for x in $part)', "join_$slug", "str"),
    ("contains", ("%C $value is among $np%F", "%C $np contain $value%F"), "$value in $part", "in_$slug|$slug_contains", "bool"),
    ("issorted", ("%C $np are in ascending order%F",), "$part == sorted($part)", "$slug_sorted", "bool"),
    ("allequal", ("%C $np are all {equal|the same}%F",), "len(set($part)) <= 1", "$slug_equal", "bool"),
    ("count", ("Count how often $value occurs in $np",), "$part.count($value)", "count_in_$slug", "int"),
    ("mean", ("%R the {average|mean} of $np, or 0 if there are none",), "MEAN", "average_$slug|mean_$slug", "float"),
)  # fmt: skip


def slices(rng: Random) -> Task:
    """Some of the items by position, and what is made of them."""
    key, words, code, slug = rng.choice(SLICES)
    use, docs, whole, names, returns = rng.choice(USES)
    listed = pick(rng, LISTS)
    params: list[tuple[str, str, str]] = [("l", listed, "list[int]")]
    constant = str(rng.randint(2, 4))
    names = names.replace("$slug", pick(rng, slug))
    slots = (
        ("k", "n|k|count|size|amount"),
        ("i", "i|start|index|first|position"),
        ("j", "j|end|stop|last"),
        ("value", "value|target|wanted"),
    )
    given = dict(slots)
    if "$k" in code and rng.random() < 0.45:
        words, code = (
            words.replace("$k-th", {"2": "second", "3": "third", "4": "fourth"}[constant]).replace(
                "$k", constant
            ),
            code.replace("$k", constant),
        )
    code = code.replace("$l) - 1]", "$l) - 1]")
    text = f"{code} {whole}"
    params += [
        (slot, given[slot], "int") for slot in ("k", "i", "j", "value") if f"${slot}" in text
    ]
    returned = (
        "selected = $part\nreturn sum(selected) / len(selected) if selected else 0"
        if whole == "MEAN"
        else f"return {whole}"
    )

    def inputs(r: Random) -> tuple[Any, ...]:
        values = Draw(r).il(
            9, 0, 20, 5 if key in ("lastk", "butlastk", "ends", "butmax", "butmin") else 1
        )
        low = r.randint(0, 3)
        drawn = {
            "k": r.randint(1, 4),
            "i": low,
            "j": low + r.randint(1, 4),
            "value": r.choice(values),
        }
        return (values, *(drawn[slot] for slot, _, _ in params[1:]))

    whole_words = pick(rng, words).replace("items", pick(rng, "items|elements|values|numbers"))
    body = fill(returned, part=code, l="$l", value="$value")
    docs = tuple(fill(doc, np=whole_words, value="$value") for doc in docs)
    return combine(
        rng,
        kind=f"positions:{key}/{use}",
        names=names,
        params=tuple(params),
        docs=docs,
        body=body,
        returns=returns,
        inputs=inputs,
    )


# kind, names, wordings, body, result, further parameters (slot, names); lists hold at least four
MOVES = (
    ("at", "item_at|get_item|element_at", ("%R the item of $l at {position|index} $i", "%R the item {with|at} index $i"), "return $l[$i]", "int", "i"),
    ("atnone", "safe_get|get_or_none|item_or_none", ("%R the item of $l at index $i, or None if there is {none|no such index}",), "return $l[$i] if 0 <= $i < len($l) else None", "int | None", "i"),
    ("middle", "middle|middle_item|get_middle", ("%R the {middle item|item in the middle} of $l{| (the second of the two for an even number of items)}",), "return $l[len($l) // 2]", "int", ""),
    ("secondlast", "second_last|next_to_last|second_to_last", ("%R the {second to last|next to last} item of $l",), "return $l[-2]", "int", ""),
    ("swap", "swap|swap_items|exchange", ("Swap the items at {positions|indices} $i and $j {and return the list|of $l}", "%R $l with the items at $i and $j {swapped|exchanged}"), "$l[$i], $l[$j] = $l[$j], $l[$i]\nreturn $l", "list[int]", "i j"),
    ("swapends", "swap_ends|swap_first_last|exchange_ends", ("Swap the first and {the |}last item of $l{| and return the list}", "%R $l with its first and last items {swapped|exchanged}"), "$l[0], $l[-1] = $l[-1], $l[0]\nreturn $l", "list[int]", ""),
    ("swappairs", "swap_pairs|swap_neighbours", ("Swap each two neighbouring items of $l; a last one without neighbour stays",), "result = list($l)\nfor i in range(0, len(result) - 1, 2):\n    result[i], result[i + 1] = result[i + 1], result[i]\nreturn result", "list[int]", ""),
    ("swaphalves", "swap_halves|exchange_halves", ("%R $l with its two halves {swapped|exchanged}; the second half has the middle item",), "middle = len($l) // 2\nreturn $l[middle:] + $l[:middle]", "list[int]", ""),
    ("rotl", "rotate_left|rotate", ("Rotate $l to the left by $k{ positions|}", "Move the first $k items of $l to the end"), "return $l[$k:] + $l[:$k]", "list[int]", "k"),
    ("rotr", "rotate_right|rotate", ("Rotate $l to the right by $k{ positions|}", "Move the last $k items of $l to the {front|beginning}"), "return $l[-$k:] + $l[:-$k]", "list[int]", "k"),
    ("rot1", "rotate|move_first_to_end|first_to_last", ("Move the first item of $l to the end", "%R $l with its first item moved to the end"), "return $l[1:] + $l[:1]", "list[int]", ""),
    ("rotback", "rotate_back|last_to_front|move_last_to_front", ("Move the last item of $l to the {front|beginning}",), "return $l[-1:] + $l[:-1]", "list[int]", ""),
    ("insert", "insert_at|insert_item|put_at", ("Insert $v into $l at {position|index} $i{| and return the list|; return a new list}",), "return $l[:$i] + [$v] + $l[$i:]", "list[int]", "i v"),
    ("removeat", "remove_at|delete_at|drop_at|without_index", ("Remove the item at {position|index} $i from $l{|; return a new list}", "%R $l without the item at index $i"), "return $l[:$i] + $l[$i + 1:]", "list[int]", "i"),
    ("replaceat", "replace_at|set_at|with_item", ("%R {a copy of |}$l with the item at {position|index} $i replaced by $v",), "return $l[:$i] + [$v] + $l[$i + 1:]", "list[int]", "i v"),
    ("append", "append|with_item|add_item", ("%R a new list with $v {added at|after} the end of $l",), "return [*$l, $v]", "list[int]", "v"),
    ("prepend", "prepend|add_to_front", ("%R a new list with $v {before|in front of} the items of $l",), "return [$v, *$l]", "list[int]", "v"),
    ("between", "intersperse|put_between", ("%R $l with $v {put|inserted} between each two items", "Insert $v between all neighbouring items of $l"), "result = []\nfor i, x in enumerate($l):\n    if i > 0:\n        result.append($v)\n    result.append(x)\nreturn result", "list[int]", "v"),
    ("twice", "duplicate_items|repeat_each|double_items", ("%R $l with every item {twice in a row|repeated twice}",), "return [x for x in $l for _ in range(2)]", "list[int]", ""),
    ("repeat", "repeat_each|repeat_items", ("%R $l with every item repeated $k times",), "return [x for x in $l for _ in range($k)]", "list[int]", "k"),
    ("sumneigh", "neighbour_sums|pair_sums|sums_of_neighbours", ("%B a list of the sums of {neighbouring|adjacent|each two consecutive} items of $l",), "return [a + b for a, b in zip($l, $l[1:])]", "list[int]", ""),
    ("diffs", "differences|diffs|steps", ("%B a list of the differences between {neighbouring|adjacent|consecutive} items of $l", "%R by how much each item of $l {differs from|exceeds} the one before it"), "return [b - a for a, b in zip($l, $l[1:])]", "list[int]", ""),
    ("absdiffs", "gaps|absolute_differences|distances", ("%B a list of the absolute differences between {neighbouring|adjacent} items of $l",), "return [abs(b - a) for a, b in zip($l, $l[1:])]", "list[int]", ""),
    ("maxgap", "max_gap|largest_gap|biggest_jump", ("%R the largest absolute difference between {neighbouring|adjacent|consecutive} items of $l",), "return max(abs(b - a) for a, b in zip($l, $l[1:]))", "int", ""),
    ("prods", "neighbour_products|pair_products", ("%B a list of the products of {neighbouring|adjacent} items of $l",), "return [a * b for a, b in zip($l, $l[1:])]", "list[int]", ""),
    ("rises", "count_increases|count_rises|times_increased", ("Count how often an item of $l is {larger|greater} than the one before it", "%R how many items of $l are {larger|greater} than the previous one"), "return sum(1 for a, b in zip($l, $l[1:]) if b > a)", "int", ""),
    ("falls", "count_decreases|count_drops", ("Count how often an item of $l is {smaller|less} than the one before it",), "return sum(1 for a, b in zip($l, $l[1:]) if b < a)", "int", ""),
    ("bigger", "larger_than_previous|records_over_previous|rising_items", ("%R {the |all }items of $l that are {larger|greater} than the one before{| them}",), "return [b for a, b in zip($l, $l[1:]) if b > a]", "list[int]", ""),
    ("peaks", "peaks|local_maxima|find_peaks", ("%R the items of $l that are {larger|greater} than both neighbours",), "return [b for a, b, c in zip($l, $l[1:], $l[2:]) if b > a and b > c]", "list[int]", ""),
    ("pairs", "pairs|neighbour_pairs|adjacent_pairs", ("%B a list of {tuples|pairs} of {neighbouring|adjacent|consecutive} items of $l",), "return list(zip($l, $l[1:]))", "list[tuple[int, int]]", ""),
    ("equalneigh", "count_equal_neighbours|count_repeats", ("Count how many neighbouring items of $l are equal",), "return sum(1 for a, b in zip($l, $l[1:]) if a == b)", "int", ""),
    ("eqneigh", "has_equal_neighbours|has_adjacent_duplicates", ("%C two neighbouring items of $l are equal%F",), "return any(a == b for a, b in zip($l, $l[1:]))", "bool", ""),
    ("dropeq", "remove_repeats|collapse|compress", ("Remove items of $l that are equal to the one before{| them}",), "return [x for i, x in enumerate($l) if i == 0 or x != $l[i - 1]]", "list[int]", ""),
    ("increasing", "is_increasing|strictly_increasing", ("%C each item of $l is {larger|greater} than the one before it%F",), "return all(a < b for a, b in zip($l, $l[1:]))", "bool", ""),
    ("chunks", "chunks|split_into_chunks|batches", ("Split $l into {lists|chunks|groups} of $k items{|; the last may be shorter}",), "return [$l[i:i + $k] for i in range(0, len($l), $k)]", "list[list[int]]", "k"),
    ("windows", "windows|sliding_windows", ("%B a list of all {runs|windows} of $k neighbouring items of $l",), "return [$l[i:i + $k] for i in range(len($l) - $k + 1)]", "list[list[int]]", "k"),
    ("split", "split_at|cut_at|divide", ("Split $l at {position|index} $i into two lists",), "return $l[:$i], $l[$i:]", "tuple[list[int], list[int]]", "i"),
    ("halves", "halves|split_in_half|split_list", ("Split $l into two halves; the second is longer for an odd number of items",), "middle = len($l) // 2\nreturn $l[:middle], $l[middle:]", "tuple[list[int], list[int]]", ""),
    ("running", "running_total|cumulative_sum|running_sum", ("%B a list of the running {totals|sums} of $l",), "result = []\ntotal = 0\nfor x in $l:\n    total += x\n    result.append(total)\nreturn result", "list[int]", ""),
    ("runmax", "running_max|running_maximum", ("%B a list of the largest item of $l so far at each position",), "result = []\nfor x in $l:\n    result.append(max(x, result[-1]) if result else x)\nreturn result", "list[int]", ""),
    ("alternate", "alternating_sum|alternate_sum", ("%R the alternating sum of $l: the first item minus the second plus the third and so on",), "return sum($l[::2]) - sum($l[1::2])", "int", ""),
    ("weighted", "weighted_sum|index_sum|sum_with_index", ("%R the sum of each item of $l times its {index|position}{|, counting from 0}",), "return sum(i * x for i, x in enumerate($l))", "int", ""),
    ("matchindex", "equal_to_index|fixed_points", ("%R {the |all }items of $l that are equal to their index",), "return [x for i, x in enumerate($l) if x == i]", "list[int]", ""),
    ("overindex", "greater_than_index|above_index", ("%R {the |all }items of $l that are {greater|larger} than their index",), "return [x for i, x in enumerate($l) if x > i]", "list[int]", ""),
    ("addindex", "add_index|plus_index", ("%B a list of the items of $l, each plus its index",), "return [x + i for i, x in enumerate($l)]", "list[int]", ""),
    ("posmax", "index_of_max|argmax|position_of_largest", ("%R the {index|position} of the {largest|biggest} item of $l",), "return $l.index(max($l))", "int", ""),
    ("posmin", "index_of_min|argmin|position_of_smallest", ("%R the {index|position} of the smallest item of $l",), "return $l.index(min($l))", "int", ""),
    ("maxfront", "max_first|move_max_to_front|largest_first", ("Move the largest item of $l to the {front|beginning}{| and keep the order of the others}",), "largest = $l.index(max($l))\nreturn [$l[largest]] + $l[:largest] + $l[largest + 1:]", "list[int]", ""),
    ("samends", "same_ends|first_equals_last", ("%C the first and {the |}last item of $l are {equal|the same}%F",), "return $l[0] == $l[-1]", "bool", ""),
    ("pal", "is_symmetric|is_palindrome", ("%C $l {is symmetric|is the same backwards|reads the same in both directions}%F",), "return $l == $l[::-1]", "bool", ""),
    ("trim", "trimmed|drop_extremes|without_extremes", ("%R {the |}items of $l without one smallest and one largest, sorted",), "return sorted($l)[1:-1]", "list[int]", ""),
    ("second", "second_largest|runner_up", ("%R the second largest {of the different |}item{s|} of $l",), "return sorted($l)[-2]", "int", ""),
    ("spread", "spread|value_range|range_of", ("%R the difference between the largest and the smallest item of $l", "How far apart are the largest and the smallest item of $l?"), "return max($l) - min($l)", "int", ""),
)  # fmt: skip
PARAMS = {
    "i": "i|index|position|pos",
    "j": "j|other|second",
    "k": "k|n|count|size|steps",
    "v": "value|item|new|element",
}


def moves(rng: Random) -> Task:
    """Items found, moved, or put beside their neighbours."""
    kind, names, docs, body, returns, extra = rng.choice(
        [row for row in MOVES if "{s|}" not in row[2][0]] + [SECOND]
    )
    params = [("l", LISTS, "list[int]"), *((slot, PARAMS[slot], "int") for slot in extra.split())]

    def inputs(r: Random) -> tuple[Any, ...]:
        values = Draw(r).il(8, 0, 12, 4)
        drawn = {
            "i": r.randint(0, 3) if kind != "atnone" else r.randint(-1, 9),
            "j": r.randint(0, 3),
            "k": r.randint(1, 3),
            "v": r.randint(0, 9),
        }
        if kind in ("samends", "pal", "eqneigh", "equalneigh") and r.random() < 0.5:
            values = values + values[::-1]
        if kind == "increasing" and r.random() < 0.5:
            values = sorted(set(values))
        return (values, *(drawn[slot] for slot in extra.split()))

    return combine(
        rng,
        kind=f"moves:{kind}",
        names=names,
        params=tuple(params),
        docs=docs,
        body=body,
        returns=returns,
        inputs=inputs,
    )


SECOND = (
    "second",
    "second_largest|runner_up|second_max",
    ("%R the second largest {value|item} of $l{|, not counting duplicates}",),
    "return sorted(set($l))[-2]",
    "int",
    "",
)
# key, wordings with the condition, code of one pair a, b
PAIRS = (
    ("equal", "are equal|are the same", "x == y"), ("differ", "differ|are different|are not equal", "x != y"),
    ("less", "have the smaller value in $a|are smaller in $a than in $b", "x < y"), ("more", "are larger in $a than in $b", "x > y"),
    ("close", "differ by at most one", "abs(x - y) <= 1"),
)  # fmt: skip
JOINED = (
    ("sum", "sums", "x + y", "add"), ("product", "products", "x * y", "multiply"), ("difference", "differences", "x - y", "subtract"),
    ("max", "larger values", "max(x, y)", "max_of"), ("min", "smaller values", "min(x, y)", "min_of"), ("mean", "averages", "(x + y) / 2", "average"),
    ("gap", "absolute differences", "abs(x - y)", "distances"),
)  # fmt: skip


def side_by_side(rng: Random) -> Task:
    """Two lists compared or joined position by position, or as sets."""
    first, second = pick(
        rng, "a b|xs ys|first second|left right|list1 list2|expected actual|old new"
    ).split()
    params = (("a", first, "list[int]"), ("b", second, "list[int]"))
    style = rng.random()
    if style < 0.4:
        key, words, code = rng.choice(PAIRS)
        words = pick(rng, words)
        use, docs, body, returns, names = rng.choice((
            ("count", (f"Count the positions where the items of $a and $b {words}", f"%R {{the number of|how many}} positions {{at|in}} which $a and $b {words}"), f"return sum(1 for x, y in zip($a, $b) if {code})", "int", f"count_{key}|count_{key}_positions"),
            ("indices", (f"%R {{the|a list of the}} {{indices|positions}} where the items of $a and $b {words}",), f"return [i for i, (x, y) in enumerate(zip($a, $b)) if {code}]", "list[int]", f"{key}_positions|{key}_indices"),
            ("all", (f"%C the items of $a and $b {words} at every position%F",), f"return all({code} for x, y in zip($a, $b))", "bool", f"all_{key}"),
            ("any", (f"%C the items of $a and $b {words} at any position%F",), f"return any({code} for x, y in zip($a, $b))", "bool", f"any_{key}"),
            ("first", (f"%R the first {{index|position}} where the items of $a and $b {words}, or -1 if there is none",), f"for i, (x, y) in enumerate(zip($a, $b)):\n    if {code}:\n        return i\nreturn -1", "int", f"first_{key}"),
        ))  # fmt: skip
    elif style < 0.75:
        key, words, code, slug = rng.choice(JOINED)
        use, docs, body, returns, names = rng.choice((
            ("list", (f"%B a list of the {words} of the items of $a and $b {{at the same position|position by position|pair by pair}}", f"%B a list of the element-wise {words} of $a and $b"), f"return [{code} for x, y in zip($a, $b)]", "list[int]", f"{slug}_lists|{slug}_elementwise|{slug}_pairs"),
            ("sum", (f"%R the sum of the {words} of the items of $a and $b at the same position",), f"return sum({code} for x, y in zip($a, $b))", "int", f"sum_{key}s|total_{key}"),
            ("largest", (f"%R the largest of the {words} of the items of $a and $b {{at the same position|pair by pair}}, or 0 if there are none",), f"return max(({code} for x, y in zip($a, $b)), default=0)", "int", f"max_{key}|largest_{key}"),
        ))  # fmt: skip
    else:
        use, key = "sets", ""
        key, docs, body, returns, names = rng.choice((
            ("common", ("%R the {items|elements} that $a and $b have in common{, sorted| in ascending order}", "%R a sorted list of the {items|elements} in both $a and $b"), "return sorted(set($a) & set($b))", "list[int]", "common|common_items|intersection|in_both"),
            ("keepcommon", ("%R the {items|elements} of $a that are {also|} in $b{|, in their order}",), "return [x for x in $a if x in $b]", "list[int]", "common|also_in|keep_common"),
            ("minus", ("%R the {items|elements} of $a that are not in $b{|, in their order}", "Remove everything in $b from $a"), "return [x for x in $a if x not in $b]", "list[int]", "difference|without|only_in_first|remove_all"),
            ("union", ("%R all {different|distinct} {items|elements} of $a and $b{, sorted| in ascending order}",), "return sorted(set($a) | set($b))", "list[int]", "union|all_items|merge_unique"),
            ("either", ("%R the {items|elements} that are in exactly one of $a and $b{, sorted| in ascending order}",), "return sorted(set($a) ^ set($b))", "list[int]", "in_one_only|symmetric_difference"),
            ("subset", ("%C every {item|element} of $a is {also |}in $b%F",), "return all(x in $b for x in $a)", "bool", "is_subset|contains_all|all_in"),
            ("disjoint", ("%C $a and $b have no {item|element} in common%F",), "return not set($a) & set($b)", "bool", "disjoint|nothing_in_common"),
            ("overlap", ("%C $a and $b have {an|at least one} {item|element} in common%F",), "return bool(set($a) & set($b))", "bool", "overlap|have_common|share_item"),
            ("countcommon", ("Count the {different|distinct} {items|elements} that $a and $b have in common",), "return len(set($a) & set($b))", "int", "count_common"),
            ("anagram", ("%C $a and $b {have|contain} the same {items|elements} in any order%F",), "return sorted($a) == sorted($b)", "bool", "same_items|equal_unordered"),
            ("interleave", ("%R the {items|elements} of $a and $b {taken in turns|alternately}{|, as long as both have some}",), "return [item for pair in zip($a, $b) for item in pair]", "list[int]", "interleave|alternate|weave"),
            ("merge", ("Merge $a and $b into one sorted list",), "return sorted($a + $b)", "list[int]", "merge|merge_sorted"),
            ("dot", ("%R the {dot|scalar} product of $a and $b",), "return sum(x * y for x, y in zip($a, $b))", "int", "dot|dot_product"),
            ("dict", ("%B a dict with the {items|elements} of $a as keys and those of $b as values",), "return dict(zip($a, $b))", "dict[int, int]", "to_dict|zip_to_dict"),
            ("longer", ("%R the longer of $a and $b, or $a if they have the same length",), "return $a if len($a) >= len($b) else $b", "list[int]", "longer|longer_list"),
            ("biggersum", ("%R the list with the larger sum, or $a if both are equal",), "return $a if sum($a) >= sum($b) else $b", "list[int]", "larger_sum|bigger"),
        ))  # fmt: skip
    if "/ 2" in body:
        returns = returns.replace("int", "float")

    def inputs(r: Random) -> tuple[Any, ...]:
        size = r.randint(0, 5)
        left = [r.randint(0, 9) for _ in range(size)]
        right = [x if r.random() < 0.4 else r.randint(0, 9) for x in left]
        if r.random() < 0.2:
            right = sorted(left)
        return left, right

    return combine(
        rng,
        kind=f"pairs:{key}/{use}",
        names=names,
        params=params,
        docs=docs,
        body=body,
        returns=returns,
        inputs=inputs,
        parts={"noun": Part("item", "")},
    )


GENERATORS = (("slices", 8.0, slices), ("moves", 5.0, moves), ("side_by_side", 5.0, side_by_side))
