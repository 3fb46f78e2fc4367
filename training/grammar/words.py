"""Lists of words, and the words of a text: which ones, what becomes of each, what of them all."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

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
    one,
    other_name,
    param,
    pick,
    plural_clause,
    several,
)
from training.inputs import Draw
from training.tasks import Task

LETTERS = "abcdehlmoprst"
QUOTED = '{\'$c\'|"$c"|the letter $c|the letter "$c"}'

# key, what is said of one, code, part of a function's name, adjectives
PLAIN = (
    ("vowel", "starts with a vowel|begins with a vowel", '@[:1].lower() in tuple("aeiou")', "starting_with_vowel|vowel_words", ""),
    ("endvowel", "ends with a vowel|ends in a vowel", '@[-1:].lower() in tuple("aeiou")', "ending_with_vowel", ""),
    ("upper", "is uppercase|is in upper case|is all uppercase", "@.isupper()", "uppercase|upper", "uppercase|upper-case"),
    ("lower", "is lowercase|is in lower case|is all lowercase", "@.islower()", "lowercase|lower", "lowercase|lower-case"),
    ("capital", "starts with a capital letter|begins with an uppercase letter|is capitalized", "@[:1].isupper()", "capitalized", "capitalized"),
    ("palindrome", "is a palindrome|reads the same backwards", "@ == @[::-1]", "palindromes|palindromic", "palindromic"),
    ("digits", "consists of digits|consists of digits only|is made only of digits", "@.isdigit()", "numeric|digits", "numeric"),
    ("hasdigit", "contains a digit|has a digit|contains at least one digit", "any(c.isdigit() for c in @)", "with_digit|with_digits", ""),
    ("alpha", "consists of letters|consists only of letters", "@.isalpha()", "alphabetic", "alphabetic"),
    ("nonempty", "is not empty|is not the empty string", "@", "non_empty|nonempty", "non-empty|nonempty"),
    ("samefirst", "starts and ends with the same letter|starts and ends with the same character", "@[:1] == @[-1:]", "same_ends", ""),
    ("unique", "has no repeated letters|has no letter twice", "len(set(@)) == len(@)", "isograms|without_repeats", ""),
    ("double", "has a double letter|contains two equal letters in a row", "any(a == b for a, b in zip(@, @[1:]))", "with_double_letters", ""),
    ("evenlen", "has an even length|has an even number of characters|has an even number of letters", "len(@) % 2 == 0", "even_length", "even-length"),
    ("oddlen", "has an odd length|has an odd number of characters", "len(@) % 2 != 0", "odd_length", "odd-length"),
)  # fmt: skip
CONSTANT = (
    ("starts", f"starts with {QUOTED}|begins with {QUOTED}", '@.startswith("$c")', "starting_with_$c|starting_with|beginning_with"),
    ("ends", f"ends with {QUOTED}|ends in {QUOTED}", '@.endswith("$c")', "ending_with_$c|ending_with|ending_in"),
    ("contains", f"contains {QUOTED}|includes {QUOTED}|has {{an|the letter}} \"$c\" in it", '"$c" in @', "containing_$c|containing|with_$c"),
    ("lacks", f"does not contain {QUOTED}|does not include {QUOTED}", '"$c" not in @', "without_$c|without_letter"),
    ("nocase", f"starts with {QUOTED}, ignoring case|starts with {QUOTED} in any case", '@.lower().startswith("$c")', "starting_with_$c"),
    ("many", 'contains "$c" more than once|has more than one "$c"', '@.count("$c") > 1', "with_several_$c"),
)  # fmt: skip
PARAMETER = (
    ("starts-p", "starts with $c|begins with $c", "@.startswith($c)", "starting_with|with_prefix|beginning_with", "prefix|start|letter|p|beginning"),
    ("notstarts-p", "does not start with $c|does not begin with $c", "not @.startswith($c)", "not_starting_with|without_prefix", "prefix|start|letter"),
    ("ends-p", "ends with $c|ends in $c", "@.endswith($c)", "ending_with|with_suffix", "suffix|end|ending"),
    ("contains-p", "contains $c|includes $c", "$c in @", "containing|matching|with_text", "sub|substring|part|fragment|needle|query|letter|search"),
    ("lacks-p", "does not contain $c|does not include $c", "$c not in @", "without|not_containing", "sub|substring|part|letter|char"),
    ("containsnocase-p", "contains $c, ignoring case|contains $c in upper or lower case", "$c.lower() in @.lower()", "matching|containing|search", "query|substring|search|term"),
)  # fmt: skip
LENGTHS = (
    ("longer", "is longer than $k{| characters| letters}|has more than $k {characters|letters}", ">", "longer_than|long|long_words"),
    ("shorter", "is shorter than $k{| characters| letters}|has {fewer|less} than $k {characters|letters}", "<", "shorter_than|short|short_words"),
    ("length", "has {exactly|} $k {characters|letters}|has {length|a length of} $k", "==", "of_length|with_length"),
    ("minlength", "has at least $k {characters|letters}|has $k or more {characters|letters}", ">=", "long_enough|at_least_long"),
    ("maxlength", "has at most $k {characters|letters}|has no more than $k {characters|letters}", "<=", "short_enough|up_to_length"),
)  # fmt: skip


def word_condition(rng: Random, taken: set[str], *, simple: bool = False) -> Condition:
    """A condition on one word."""
    chance = 0.0 if simple else rng.random()
    first = _single(rng, taken)
    if chance > 0.9:
        second = _single(rng, taken | {p.name for p in first.params})
        if first.key != second.key and "nonempty" not in (first.key, second.key):
            return both(rng, first, second, pick(rng, "and|and|or"))
    return negation(first) if chance > 0.86 and first.code != "@" else first


def _single(rng: Random, taken: set[str]) -> Condition:
    kind = rng.random()
    if kind < 0.3:
        key, says, code, slugs, adjectives = rng.choice(PLAIN)
        return condition_of(key, says, code, slugs, adjectives)
    if kind < 0.5:
        letter = rng.choice(LETTERS)
        key, says, code, slugs = (fill(part, c=letter) for part in rng.choice(CONSTANT))
        return condition_of(key, says, code, slugs)
    if kind < 0.68:
        key, says, code, slugs, names = rng.choice(PARAMETER)
        name = other_name(rng, names, taken)
        return condition_of(
            key, fill(says, c=name), fill(code, c=name), slugs,
            params=(param(name, "str"),), draws=lambda r: (r.choice("aaeoslbn"),),
        )  # fmt: skip
    if kind < 0.74:
        return _listed(rng, taken)
    key, says, sign, slugs = rng.choice(LENGTHS)
    if rng.random() < 0.5:
        size = str(rng.randint(2, 8))
        return condition_of(key, fill(says, k=size), f"len(@) {sign} {size}", slugs)
    name = other_name(rng, "n|k|length|size|limit|min_length|max_length|count", taken)
    says = fill(says, k=name)
    if name in ("length", "min_length", "max_length", "limit") and "has {length" in says:
        says = says.replace("|has {length|a length of} ", "|has the length ")
    return condition_of(
        f"{key}-p", says, f"len(@) {sign} {name}", slugs,
        params=(param(name, "int"),), draws=lambda r: (r.randint(2, 6),),
    )  # fmt: skip


def _listed(rng: Random, taken: set[str]) -> Condition:
    name = other_name(
        rng, "allowed|stopwords|banned|known|others|vocabulary|excluded|forbidden|common", taken
    )
    negative = name in ("stopwords", "banned", "excluded", "forbidden") or rng.random() < 0.3
    says = (
        f"is not in {name}|is not contained in {name}"
        if negative
        else f"is in {name}|is contained in {name}|occurs in {name}"
    )
    code = f"@ not in {name}" if negative else f"@ in {name}"
    return condition_of(
        "unlisted" if negative else "listed", says, code,
        f"not_in_{name}|without_{name}" if negative else f"in_{name}|{name}",
        params=(param(name, pick(rng, "list[str]|set[str]|list[str]")),),
        draws=lambda r: (Draw(r).sl(5, 1),),
    )  # fmt: skip


class Map(NamedTuple):
    """What becomes of each word."""

    key: str
    nouns: str  # stands before "of the words"; "" where ``done`` stands after them
    done: str
    code: str
    returns: str


SAME = Map("same", "", "", "@", "str")
MAPS = (
    Map("upper", "", "in upper case|uppercased|converted to upper case|in uppercase", "@.upper()", "str"),
    Map("lower", "", "in lower case|lowercased|converted to lowercase", "@.lower()", "str"),
    Map("capitalized", "", "capitalized|with the first letter capitalized|with a capital first letter", "@.capitalize()", "str"),
    Map("reversed", "", "reversed|spelled backwards|written backwards", "@[::-1]", "str"),
    Map("stripped", "", "stripped of whitespace|without surrounding whitespace|with whitespace stripped", "@.strip()", "str"),
    Map("lengths", "lengths", "", "len(@)", "int"),
    Map("first_letters", "first letters|initials|first characters", "", "@[:1]", "str"),
    Map("last_letters", "last letters|last characters", "", "@[-1:]", "str"),
    Map("first_k", "first $k letters|first $k characters", "", "@[:$k]", "str"),
    Map("last_k", "last $k letters|last $k characters", "", "@[-$k:]", "str"),
    Map("doubled", "", "repeated twice|written twice", "@ * 2", "str"),
    Map("marked", "", "followed by an exclamation mark|with \"!\" at the end", '@ + "!"', "str"),
    Map("quoted", "", "in double quotes|wrapped in double quotes", "f'\"@q\"'", "str"),
    Map("bracketed", "", "in parentheses|wrapped in parentheses", 'f"(@q)"', "str"),
    Map("prefixed", "", "with \"$p\" in front|prefixed with \"$p\"", 'f"$p@q"', "str"),
    Map("padded", "", "padded with spaces to $k characters|left-justified to a width of $k", "@.ljust($k)", "str"),
    Map("replaced", "", "with every \"$c\" replaced by \"$d\"|with \"$d\" in place of \"$c\"", '@.replace("$c", "$d")', "str"),
    Map("letter_counts", "numbers of \"$c\" in each|counts of the letter $c in each", "", '@.count("$c")', "int"),
    Map("sorted_letters", "", "with their letters sorted|with their letters in alphabetical order", '"".join(sorted(@))', "str"),
)  # fmt: skip
SEPARATORS = {
    " ": "spaces|a space", ", ": "a comma and a space|commas and spaces", ",": "commas|a comma",
    "-": "hyphens|a hyphen|dashes", "": "", "_": "underscores|an underscore",
    "\\n": "newlines|line breaks", ";": "semicolons", " and ": "\" and \"", "/": "slashes",
    " | ": "",
}  # fmt: skip


class Aggregate(NamedTuple):
    """What is made of the words."""

    key: str
    names: str
    docs: tuple[str, ...]
    body: str
    returns: str
    mapped: bool = False
    bare: bool = False
    default: str = ""


GENERATED = "$each for @ in $src$if"
AGGREGATES = (
    Aggregate("list", "$slug|get_$slug|filter_$slug|find_$slug|select_$slug|keep_$slug",
              ("%B {a|the|a new} list of $np", "{Keep only|Select|Filter|Collect|Find|Extract} $np", "Which $bare? Return them as a list", "%R $np in {order|the same order}"),
              f"return [{GENERATED}]", "list[$of]"),
    Aggregate("map", "$map_$slug|$slug_$map|to_$map|$map",
              ("%B {a|the|a new} list of $np", "%R $np as a list", "%B a list with $np"),
              f"return [{GENERATED}]", "list[$of]", True, True),
    Aggregate("count", "count_$slug|num_$slug|number_of_$slug|how_many_$slug|$slug_count",
              ("Count $np", "%R {the number of|how many} $bare", "How many $bare are there?", "Count how many $nouns $are", "Number of $bare"),
              "return sum(1 for @ in $src$if)", "int"),
    Aggregate("join", "join_$slug|concat_$slug|$slug_string|$slug_joined",
              ("Join $np with $sep", "%R $np joined with $sep", "%R $np as one string, separated by $sep", "Put $np {together|into one string} with $sep between them"),
              'return "$glue".join($gen)', "str", True, True),
    Aggregate("any", "any_$slug|has_$slug|contains_$slug|has_any_$slug",
              ("%C {any|at least one|some} $noun$where $is%F", "%C there is {a|at least one} $one%F", "Is there any $one?"),
              "return any($code for @ in $src)", "bool"),
    Aggregate("all", "all_$slug|are_all_$slug|only_$slug",
              ("%C {every|each} $noun$where $is%F", "%C {all|all the} $nouns$where $are%F"),
              "return all($code for @ in $src)", "bool"),
    Aggregate("none", "no_$slug|none_$slug|has_no_$slug",
              ("%C no $noun$where $is%F", "%C none of the $nouns $is%F", "%C there are no $bare%F"),
              "return not any($code for @ in $src)", "bool"),
    Aggregate("longest", "longest_$slug|find_longest_$slug|get_longest_$slug",
              ("%R the longest $one$or", "Find the longest of $np$or", "What is the longest $one?$or"),
              "return max($arg, key=len, default=$default)", "str", False, True, 'None|""|""'),
    Aggregate("shortest", "shortest_$slug|find_shortest_$slug",
              ("%R the shortest $one$or", "Find the shortest of $np$or"),
              "return min($arg, key=len, default=$default)", "str", False, True, 'None|""'),
    Aggregate("last", "last_$slug|find_last_$slug",
              ("%R the last $one$or",), "result = $default\nfor @ in $src:\n    if $code:\n        result = @\nreturn result", "str", False, False, 'None|None|""'),
    Aggregate("sorted", "sorted_$slug|sort_$slug|$slug_sorted",
              ("%R $np{, sorted| in alphabetical order|, sorted alphabetically| in sorted order}", "Sort $np{| alphabetically}"),
              "return sorted($gen)", "list[$of]", True, False),
    Aggregate("nocase", "sort_$slug|sorted_$slug_ignore_case",
              ("Sort $np {ignoring case|without regard to case|case-insensitively}",),
              "return sorted($arg, key=str.lower)", "list[str]", False, True),
    Aggregate("reversesorted", "sort_$slug_desc|$slug_descending",
              ("Sort $np in {reverse alphabetical|descending} order", "%R $np sorted from Z to A"),
              "return sorted($arg, reverse=True)", "list[str]", False, True),
    Aggregate("bylength", "sort_$slug_by_length|$slug_by_length|sort_by_length",
              ("%R $np sorted by {length|their length}{|, shortest first| from shortest to longest}", "Sort $np by {length|their length}"),
              "return sorted($arg, key=len)", "list[str]", False, True),
    Aggregate("bylengthdesc", "$slug_longest_first|sort_$slug_by_length_desc",
              ("%R $np sorted by length{, longest first| in descending order}", "Sort $np from longest to shortest"),
              "return sorted($arg, key=len, reverse=True)", "list[str]", False, True),
    Aggregate("bylast", "sort_$slug_by_last_letter", ("Sort $np by {their|the} last {letter|character}", "%R $np ordered by last letter"),
              "return sorted($arg, key=lambda @: @[-1:])", "list[str]", False, True),
    Aggregate("bylengththenname", "sort_$slug|order_$slug", ("Sort $np by length and then alphabetically", "%R $np sorted by length, those of equal length alphabetically"),
              "return sorted($arg, key=lambda @: (len(@), @))", "list[str]", False, True),
    Aggregate("first", "first_$slug|find_$slug|find_first_$slug",
              ("%R the first $one$or", "Find the first $one$or"),
              "for @ in $src:\n    if $code:\n        return @\nreturn $default", "str", False, False, 'None|None|""'),
    Aggregate("index", "index_of_$slug|find_index_$slug|$slug_position",
              ("%R the {index|position} of the first $one$or",),
              "for i, @ in enumerate($src):\n    if $code:\n        return i\nreturn $default", "int", False, False, "-1|-1|None"),
    Aggregate("indices", "indices_of_$slug|$slug_positions", ("%R the {indices|positions} of $np", "Find all {indices|positions} where the $noun $is"),
              "return [i for i, @ in enumerate($src) if $code]", "list[int]"),
    Aggregate("total", "total_length_$slug|$slug_length|sum_lengths_$slug",
              ("%R the total {length|number of characters|number of letters} of $np", "Add up the lengths of $np", "How many {characters|letters} do $np have together?"),
              "return sum(len(@) for @ in $src$if)", "int", False, True),
    Aggregate("average", "average_length_$slug|avg_$slug_length|mean_length_$slug",
              ("%R the {average|mean} length of $np$or",),
              "lengths = [len(@) for @ in $src$if]\nif not lengths:\n    return $default\nreturn sum(lengths) / len(lengths)", "float", False, True, "0|None|0.0"),
    Aggregate("remove", "remove_$slug|drop_$slug|without_$slug|exclude_$slug",
              ("{Remove|Drop|Delete|Leave out|Filter out} $np", "%R {$list|the $nouns} without those that $are"),
              "return [@ for @ in $src if $negated]", "list[str]"),
    Aggregate("unique", "unique_$slug|$slug_set|distinct_$slug",
              ("%R the {set of|different|distinct|unique} $bare as a set", "%B a set of $np"),
              "return {@ for @ in $src$if}", "set[str]"),
    Aggregate("uniquesorted", "unique_$slug|sorted_unique_$slug",
              ("%R the {unique|distinct|different} $bare{, sorted| in alphabetical order}",),
              "return sorted({@ for @ in $src$if})", "list[str]"),
    Aggregate("uniqueordered", "unique_$slug|dedupe_$slug",
              ("%R $np without duplicates, {keeping the order|in order of first appearance}",),
              "return list(dict.fromkeys($gen))", "list[str]"),
    Aggregate("lengthmap", "$slug_lengths|length_by_word|map_$slug_to_length|word_lengths",
              ("%B a {dict|dictionary} {mapping|from} $np to their lengths", "Map $np to {their|its} length in a dict", "%B a dict with $np as keys and their lengths as values"),
              "return {@: len(@) for @ in $src$if}", "dict[str, int]", False, True),
    Aggregate("counts", "count_$slug|$slug_counts|frequencies_$slug",
              ("Count how often each of $np occurs{|. Return a dict}", "%B a dict with {the number of occurrences|the count} of each of $np"),
              "counts = {}\nfor @ in $arg:\n    counts[@] = counts.get(@, 0) + 1\nreturn counts", "dict[str, int]", False, True),
    Aggregate("grouplength", "group_$slug_by_length|$slug_by_length|group_by_length",
              ("Group $np by {length|their length}{|. Return a dict}", "%B a dict from length to the list of $np with that length"),
              "groups = {}\nfor @ in $arg:\n    groups.setdefault(len(@), []).append(@)\nreturn groups", "dict[int, list[str]]", False, True),
    Aggregate("groupfirst", "group_$slug_by_first_letter|$slug_by_initial|group_by_first_letter",
              ("Group $np by {their|the} first {letter|character}", "%B a dict from first letter to the list of $np that start with it"),
              "groups = {}\nfor @ in $arg:\n    groups.setdefault(@[:1], []).append(@)\nreturn groups", "dict[str, list[str]]", False, True),
    Aggregate("numbered", "number_$slug|numbered_$slug|enumerate_$slug",
              ("Number $np{| starting at 1}: each becomes {a string |}like \"1. apple\"", "%B a list of $np with their number in front, like \"1. apple\""),
              'return [f"{i}. {@}" for i, @ in enumerate($arg, 1)]', "list[str]", False, True),
    Aggregate("pairs", "$slug_with_lengths|pair_$slug_with_length", ("%B a list of {tuples|pairs} with each of $np and its length",),
              "return [(@, len(@)) for @ in $src$if]", "list[tuple[str, int]]", False, True),
    Aggregate("partition", "partition_$slug|split_$slug|separate_$slug",
              ("Split {the $nouns|$list} into those that $are and {the others|the rest}", "%R two lists: $np and {the others|all others}"),
              "matching = [@ for @ in $src if $code]\nothers = [@ for @ in $src if $negated]\nreturn matching, others", "tuple[list[str], list[str]]"),
    Aggregate("replace", "replace_$slug|mask_$slug|censor_$slug",
              ("Replace $np {with|by} \"$mark\"", "%R the $nouns with $np replaced by \"$mark\""),
              'return ["$mark" if $code else @ for @ in $src]', "list[str]"),
    Aggregate("upperwhere", "upper_$slug|uppercase_$slug|shout_$slug",
              ("Convert $np to upper case and {leave|keep} the others as they are", "Uppercase $np{|, the other $nouns stay the same}"),
              "return [@.upper() if $code else @ for @ in $src]", "list[str]"),
)  # fmt: skip


def words(rng: Random) -> Task:
    """Which words of a list or a text, what becomes of each, what is made of them."""
    row = rng.choice(AGGREGATES)
    from_text = rng.random() < 0.28
    listed = pick(
        rng,
        "text|sentence|s|line|phrase"
        if from_text
        else "words|words|words|strings|names|items|tokens|lst|texts|titles|labels",
    )
    condition = word_condition(rng, {listed, "words"})
    while from_text and condition.key in ("nonempty", "not-nonempty"):
        condition = word_condition(rng, {listed, "words"})
    if row.bare and rng.random() < 0.45:
        condition = replace(condition, key="", params=(), draws=lambda r: ())
    mapped = rng.choice(MAPS) if row.mapped and (row.key == "map" or rng.random() < 0.4) else SAME
    if row.key == "join" and mapped.returns != "str":
        mapped = SAME
    return _words_task(rng, row, listed, from_text, condition, mapped)


def _words_task(
    rng: Random, row: Aggregate, listed: str, from_text: bool, condition: Condition, mapped: Map
) -> Task:
    names = {listed} | {p.name for p in condition.params}
    item = other_name(
        rng, "word|w|w|s|word|name" if listed == "names" else "word|w|w|s|word", names
    )
    nouns = (
        "words"
        if from_text
        else pick(
            rng,
            {"names": "names", "titles": "titles", "labels": "labels"}.get(
                listed, "words|words|strings"
            ),
        )
    )
    holder = (
        {"sentence": "the sentence", "line": "the line", "phrase": "the phrase"}.get(
            listed, "the text"
        )
        if from_text
        else "the list"
    )
    where = pick(rng, f"|| in {listed}| in {holder}| of {listed}| from {holder}")
    if from_text and not where:
        where = f" in {listed}"
    bare = several(rng, condition, nouns) if condition.key else nouns
    phrase = f"{{the |the |all |all the |}}{bare}{where}"
    details = {
        "k": pick(rng, "2|3|4|5"),
        "p": pick(rng, "#|@|$|- |* "),
        "c": rng.choice("aeios"),
        "d": pick(rng, "*|-|_|x"),
        "q": "q",
    }
    if details["p"] == "@":
        details["p"] = "#"
    if mapped.nouns:
        phrase = f"{{the |}}{fill(pick(rng, mapped.nouns), **details)} of {phrase}"
    elif mapped.done:
        phrase = (
            f"{phrase}{{,| }} {fill(pick(rng, mapped.done), **details)}"
            if False
            else f"{phrase} {fill(pick(rng, mapped.done), **details)}"
        )
    each = _filled(mapped.code, details).replace("@q", "{@}")
    source = f"{listed}.split()" if from_text else listed
    chosen = f" if {condition.code}" if condition.key else ""
    generated = f"{each} for @ in {source}{chosen}"
    glue = rng.choice(list(SEPARATORS)[:-1])
    while row.key == "join" and not SEPARATORS[glue]:
        glue = rng.choice(list(SEPARATORS)[:-1])
    default = pick(rng, row.default) if row.default else ""
    parts = {
        "np": phrase, "bare": bare + where, "one": one(rng, condition, nouns[:-1]) + where if condition.key else nouns[:-1] + where,
        "noun": nouns[:-1], "nouns": nouns, "where": where, "is": clause(rng, condition), "are": plural_clause(rng, condition),
        "list": listed, "src": source, "if": chosen, "code": "bool(@)" if condition.code == "@" and row.key in ("any", "all", "none") else condition.code,
        "negated": condition.negated, "each": each, "of": mapped.returns, "default": default, "or": if_none(rng, default).replace("$noun", nouns[:-1]) if default else "",
        "gen": source if each == "@" and not chosen else generated, "sep": pick(rng, SEPARATORS[glue] or "x"), "glue": glue,
        "arg": source if not chosen else (f"[{generated}]" if row.body.count("$arg,") else f"({generated})"),
        "slug": rng.choice(condition.slugs) if condition.key else pick(rng, "words|words|strings" if not from_text else "words"), "map": mapped.key, "mark": pick(rng, "***|-|_|X|?"),
    }  # fmt: skip
    if "max(" in row.body or "min(" in row.body:
        parts["arg"] = parts["arg"].replace("[", "(", 1)[:-1] + ")" if chosen else source
    if row.key in ("nocase", "reversesorted") and chosen:
        parts["arg"] = f"[{generated}]"
    if row.body.startswith(("counts", "groups")) and chosen:
        parts["arg"] = "$arg"
    body = fill(row.body, **parts)
    if "$arg" in body:
        first, loop, step, last = body.splitlines()
        body = (
            f"{first}\n{loop.replace('$arg', source)}\n    if {condition.code}:\n    {step}\n{last}"
        )
    body = body.replace("@", item)
    returns = fill(row.returns, **parts) + (" | None" if default == "None" else "")
    params = [param(listed, "str" if from_text else "list[str]"), *condition.params]
    spaced = mapped.key == "stripped"

    def inputs(r: Random) -> tuple[object, ...]:
        drawn = draw_words(r, condition.key, spaced, from_text)
        given = " ".join(drawn) if from_text else drawn
        return (given, *condition.draws(r))

    return make_task(
        kind=f"words:{condition.key or 'all'}/{mapped.key}/{row.key}", name=fill(pick(rng, row.names), **parts),
        params=params, returns=returns, doc=fill(rng.choice(row.docs), **parts), body=body, inputs=inputs,
    )  # fmt: skip


def _filled(code: str, details: dict[str, str]) -> str:
    for name, value in details.items():
        code = code.replace(f"${name}", value)
    return code


def draw_words(rng: Random, key: str, spaced: bool, from_text: bool) -> list[str]:
    """Words among which some meet the condition."""
    drawn = Draw(rng).sl(6, 0)
    if "upper" in key or "lower" in key or "nocase" in key:
        drawn = [word.upper() if rng.random() < 0.4 else word for word in drawn]
    if "digit" in key:
        drawn += rng.sample(["12", "7", "x1", "a2b"], rng.randint(0, 3))
    if "nonempty" in key or (key == "" and not from_text and rng.random() < 0.1):
        drawn += rng.sample(["", "a"], rng.randint(0, 2))
    if (
        key.startswith(("starts", "ends", "contains", "nocase", "many", "lacks"))
        and rng.random() < 0.5
    ):
        drawn += [f"{letter}ig{letter}" for letter in rng.sample(LETTERS, 5)]
    if spaced:
        drawn = [f" {word}" if rng.random() < 0.5 else f"{word}  " for word in drawn]
    if rng.random() < 0.2 and drawn:
        drawn.append(drawn[0])
    rng.shuffle(drawn)
    return drawn
