"""One string: its characters, a part of it, what becomes of that part, and conditions on it."""

# A row of a table is read as a row, however long its wordings are.
# ruff: noqa: E501
from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from training.grammar.parts import Part, Values, combine, fill, make_task, other_name, param, pick
from training.inputs import Draw
from training.tasks import Task

NAMES = "s|s|text|text|string|word|value|sentence|line|phrase|message"
# key, what the characters are called, code, part of a function's name
CHARACTERS = (
    ("vowel", "vowels", 'c.lower() in "aeiou"', "vowels"),
    ("consonant", "consonants", 'c.isalpha() and c.lower() not in "aeiou"', "consonants"),
    ("digit", "digits", "c.isdigit()", "digits"),
    ("letter", "letters", "c.isalpha()", "letters"),
    ("upper", "uppercase letters|upper case letters|capital letters", "c.isupper()", "uppercase"),
    ("lower", "lowercase letters|lower case letters|small letters", "c.islower()", "lowercase"),
    ("space", "spaces", 'c == " "', "spaces"),
    ("alnum", "alphanumeric characters|letters and digits", "c.isalnum()", "alphanumeric"),
    ("white", "whitespace characters", "c.isspace()", "whitespace"),
    ("punct", "punctuation characters|punctuation marks", "c in string.punctuation", "punctuation"),
    ("nonletter", "characters that are not letters|non-letter characters", "not c.isalpha()", "non_letters"),
    ("nondigit", "characters that are not digits|non-digit characters", "not c.isdigit()", "non_digits"),
    ("special", "special characters|characters that are neither letters nor digits", "not c.isalnum()", "special"),
    ("evendigit", "even digits", 'c in "02468"', "even_digits"),
    ("odddigit", "odd digits", 'c in "13579"', "odd_digits"),
    ("letterp", "characters that are in $p|characters contained in $p", "c in $p", "chars"),
    ("notp", "characters that are not in $p|characters not contained in $p", "c not in $p", "chars"),
    ("equalp", "occurrences of $p", "c == $p", "char"),
)  # fmt: skip
OPPOSITE = {"not c.isalpha()": "c.isalpha()", "not c.isdigit()": "c.isdigit()",
            "not c.isalnum()": "c.isalnum()", "c in $p": "c not in $p", "c not in $p": "c in $p",
            'c == " "': 'c != " "', "c == $p": "c != $p",
            "c in string.punctuation": "c not in string.punctuation"}  # fmt: skip
# key, names, wordings, body, result
CHARACTER_ACTIONS = (
    ("count", "count_$slug|num_$slug|number_of_$slug|$slug_count|how_many_$slug",
     ("Count {the |all |all the |}$np in $place", "%R {the number of|how many} $np {in|there are in} $place",
      "How many $np does $place contain?", "How many $np are in $place?", "Number of $np in $place"),
     "return sum(1 for c in $s if $code)", "int"),
    ("remove", "remove_$slug|drop_$slug|without_$slug|strip_$slug|delete_$slug",
     ("{Remove|Delete|Drop|Strip|Take out} {the |all |all the |}$np from $place", "%R $place without {any |the |}$np"),
     'return "".join(c for c in $s if $negated)', "str"),
    ("keep", "keep_$slug|only_$slug|extract_$slug|get_$slug",
     ("Keep only the $np {of|in} $place", "%R {only the|a string with only the} $np {of|in|from} $place",
      "Remove everything {except|but} {the |}$np from $place"),
     'return "".join(c for c in $s if $code)', "str"),
    ("any", "has_$slug|contains_$slug|any_$slug",
     ("%C $place {contains|has|includes} {any|some} $np%F", "%C there are {any |}$np in $place%F", "Does $place contain any $np?"),
     "return any($code for c in $s)", "bool"),
    ("all", "only_$slug|all_$slug|is_all_$slug",
     ("%C $place {consists only of|contains only|is made up only of|has nothing but} $np%F",),
     "return all($code for c in $s)", "bool"),
    ("none", "no_$slug|has_no_$slug|without_$slug",
     ("%C $place {contains no|has no|does not contain any} $np%F", "%C there are no $np in $place%F"),
     "return not any($code for c in $s)", "bool"),
    ("list", "list_$slug|get_$slug|find_$slug|$slug",
     ("%B {a list of |the list of |}{the |all |all the |}$np in $place", "List {the |all |all the |}$np in $place"),
     "return [c for c in $s if $code]", "list[str]"),
    ("replace", "replace_$slug|mask_$slug|hide_$slug|censor_$slug",
     ("Replace {the |all |all the |}$np in $place {with|by} \"$mark\"", "%R $place with {all |the |}$np replaced {with|by} \"$mark\""),
     'return "".join("$mark" if $code else c for c in $s)', "str"),
    ("indices", "$slug_positions|find_$slug|$slug_indices|indices_of_$slug",
     ("%R {the|a list of the} {indices|positions} of {the |all |all the |}$np in $place",),
     "return [i for i, c in enumerate($s) if $code]", "list[int]"),
    ("first", "first_$slug|index_of_$slug|find_first_$slug",
     ("%R the index of the first of the $np in $place, or -1{| if there {is none|are none}}",),
     "for i, c in enumerate($s):\n    if $code:\n        return i\nreturn -1", "int"),
    ("distinct", "count_unique_$slug|distinct_$slug|unique_$slug",
     ("Count the {different|distinct|unique} $np in $place", "%R how many {different|distinct} $np $place contains"),
     "return len({c for c in $s if $code})", "int"),
    ("set", "set_of_$slug|$slug_set|unique_$slug", ("%R the set of $np in $place", "%R the {different|distinct} $np of $place as a set"),
     "return {c for c in $s if $code}", "set[str]"),
    ("upper", "upper_$slug|capitalize_$slug|uppercase_$slug",
     ("Convert {the |all |all the |}$np in $place to upper case", "%R $place with {all |the |}$np in upper case"),
     'return "".join(c.upper() if $code else c for c in $s)', "str"),
    ("double", "double_$slug|repeat_$slug|duplicate_$slug",
     ("Double {the |all |all the |}$np in $place", "%R $place with {all |the |}$np {written twice|doubled}"),
     'return "".join(c * 2 if $code else c for c in $s)', "str"),
    ("counts", "$slug_counts|count_each_$slug|$slug_frequencies",
     ("Count how often each of the $np in $place occurs{|. Return a dict}", "%B a dict with the number of occurrences of each of the $np in $place"),
     "counts = {}\nfor c in $s:\n    if $code:\n        counts[c] = counts.get(c, 0) + 1\nreturn counts", "dict[str, int]"),
    ("back", "move_$slug_to_end|$slug_last", ("Move {the |all |all the |}$np of $place to the end{|, keeping the order}",),
     'return "".join(c for c in $s if $negated) + "".join(c for c in $s if $code)', "str"),
    ("share", "$slug_ratio|share_of_$slug|percentage_of_$slug",
     ("%R {the|what} percentage of the characters of $place are $np{, or 0 if $s is empty|. Return 0 for an empty string}",),
     "if not $s:\n    return 0\nreturn 100 * sum(1 for c in $s if $code) / len($s)", "float"),
    ("run", "longest_run_of_$slug|longest_$slug_run", ("%R the length of the longest run of $np in $place", "How many $np follow each other in $place at most?"),
     "best = current = 0\nfor c in $s:\n    if $code:\n        current += 1\n        best = max(best, current)\n    else:\n        current = 0\nreturn best", "int"),
)  # fmt: skip


def characters(rng: Random) -> Task:
    """Which characters of a string, and what is done with them."""
    key, nouns, code, slug = rng.choice(CHARACTERS)
    action, names, docs, body, returns = rng.choice(CHARACTER_ACTIONS)
    while key == "equalp" and action not in (
        "count",
        "remove",
        "replace",
        "indices",
        "any",
        "none",
        "double",
    ):
        action, names, docs, body, returns = rng.choice(CHARACTER_ACTIONS)
    s = pick(rng, NAMES.replace("|string|", "|") if "string." in code else NAMES)
    p = other_name(
        rng,
        "chars|allowed|letters|charset|characters"
        if key != "equalp"
        else "char|letter|c|character|ch",
        {s},
    )
    item = other_name(rng, "c|c|c|ch|char", {s, p})
    negated = OPPOSITE.get(code) or (f"not ({code})" if " " in code else f"not {code}")
    if 'not in "aeiou"' not in code and ' in "' in code:
        negated = code.replace(' in "', ' not in "')
    has_param = "$p" in code
    values = {
        "s": s, "p": p, "slug": slug, "np": fill(pick(rng, nouns), p=p), "code": fill(code, p=p),
        "negated": fill(negated, p=p), "mark": pick(rng, "*|-|_|x|#|."),
        "place": pick(rng, f"{s}|{s}|the string|a string|the text|the given string|the input" if s != "word" else "word|the word|a word"),
    }  # fmt: skip
    body = _renamed(fill(body, **values), item)
    params = [param(s, "str")] + ([param(p, "str")] if has_param else [])

    def inputs(r: Random) -> tuple[object, ...]:
        given = r.choice(
            [
                Draw(r).st(),
                Draw(r).st(),
                "Hello, World!",
                "a1 B2",
                "12-34",
                "abc",
                "ABC",
                "aEi4",
                "x  y",
                "5 big Cats?",
            ]
        )
        return (
            (
                given,
                r.choice("aeox l")
                if key == "equalp"
                else r.choice(["aeiou", "abc", "xyz", "lo 1"]),
            )
            if has_param
            else (given,)
        )

    return make_task(
        kind=f"characters:{key}/{action}", name=fill(pick(rng, names), **values), params=params,
        returns=returns, doc=fill(rng.choice(docs), **values), body=body, inputs=inputs,
    )  # fmt: skip


def _renamed(body: str, item: str) -> str:
    return re.sub(r'(?<!["\w])c(?!["\w])', item, body)


class Take(NamedTuple):
    """A part of a string."""

    key: str
    words: str
    code: str
    slug: str
    params: tuple[tuple[str, str, str], ...] = ()
    draws: str = "text"  # what kind of string has such a part
    source: str = ""  # lines before the code


N = ("n", "n|k|count|length|size|num", "int")
I = ("i", "i|index|position|pos|n", "int")  # noqa: E741
D = ("d", "delimiter|sep|separator|delim|char", "str")
DELIMITERS = (
    (",", "comma", "commas"), (";", "semicolon", "semicolons"), ("-", "hyphen", "hyphens"),
    (".", "dot", "dots"), (":", "colon", "colons"), ("/", "slash", "slashes"),
    ("_", "underscore", "underscores"), ("=", "equals sign", "equals signs"), ("@", "at sign", "at signs"),
    ("|", "vertical bar", "vertical bars"), ("#", "hash sign", "hash signs"),
)  # fmt: skip
ORDINALS = ((0, "first"), (1, "second"), (2, "third"), (-1, "last"), (-2, "second to last"))


def _takes(rng: Random) -> Take:
    mark, one_mark, marks = rng.choice(DELIMITERS)
    shown = pick(rng, f"{one_mark}|'{mark}'") if mark != "|" else one_mark
    index, ordinal = rng.choice(ORDINALS)
    k = rng.randint(2, 5)
    low, high = rng.randint(1, 3), rng.randint(4, 7)
    left, right, brackets = rng.choice(
        [
            ("(", ")", "parentheses"),
            ("[", "]", "square brackets"),
            ("<", ">", "angle brackets"),
            ('\\"', '\\"', "double quotes"),
        ]
    )
    return rng.choice((
        Take("whole", "{$s|the string|the text}", "$s", "text"),
        Take("whole", "{$s|the string|the text}", "$s", "text"),
        Take("first", f"the first {k} {{characters|letters}} of $s", f"$s[:{k}]", f"first_{k}"),
        Take("last", f"the last {k} {{characters|letters}} of $s", f"$s[-{k}:]", f"last_{k}"),
        Take("first-p", "the first $n {characters|letters} of $s", "$s[:$n]", "first_chars", (N,)),
        Take("last-p", "the last $n {characters|letters} of $s", "$s[len($s) - $n:]", "last_chars", (N,), "long"),
        Take("from-p", "{everything|the part} of $s from {index|position} $i on", "$s[$i:]", "tail", (I,)),
        Take("upto-p", "{everything|the part} of $s before {index|position} $i", "$s[:$i]", "head", (I,)),
        Take("slice", f"the part of $s from index {low} to {high}, {{{high} not included|without index {high}}}", f"$s[{low}:{high}]", "slice"),
        Take("slice-p", "the part of $s from $a {up |}to {but not including|, not including,} $b", "$s[$a:$b]", "slice",
             (("a", "start|i|begin|first|low", "int"), ("b", "end|j|stop|last|high", "int"))),
        Take("every", f"every {({2: 'second', 3: 'third', 4: 'fourth', 5: 'fifth'})[k]} character of $s{{|, starting with the first}}", f"$s[::{k}]", "every_other" if k == 2 else f"every_{k}"),
        Take("every-p", "every $n-th character of $s{|, starting with the first}", "$s[::$n]", "every_nth", (N,), "positive"),
        Take("nofirst", "$s without {the|its} first {character|letter}", "$s[1:]", "without_first"),
        Take("nolast", "$s without {the|its} last {character|letter}", "$s[:-1]", "without_last"),
        Take("inner", "$s without {the|its} first and last {character|letter}", "$s[1:-1]", "inner"),
        Take("nofirstk", f"$s without {{the|its}} first {k} characters", f"$s[{k}:]", f"without_first_{k}"),
        Take("nolastk", f"$s without {{the|its}} last {k} characters", f"$s[:-{k}]", f"without_last_{k}"),
        Take("char", f"the {ordinal} {{character|letter}} of $s", f"$s[{index}]", f"{ordinal.split()[0]}_char", (), "long"),
        Take("char-p", "the character of $s at {index|position} $i", "$s[$i]", "char_at", (I,), "long"),
        Take("half1", "the first half of $s", "$s[:len($s) // 2]", "first_half"),
        Take("half2", "the second half of $s", "$s[len($s) // 2:]", "second_half"),
        Take("before", f"the part of $s before the first {shown}", f'$s.split("{mark}")[0]', f"before_{one_mark}", (), mark),
        Take("after", f"{{the part|everything}} in $s after the first {shown}", f'$s.partition("{mark}")[2]', f"after_{one_mark}", (), mark),
        Take("afterlast", f"{{the part|everything}} in $s after the last {shown}", f'$s.split("{mark}")[-1]', f"after_last_{one_mark}", (), mark),
        Take("beforelast", f"the part of $s before the last {shown}", f'$s.rpartition("{mark}")[0]', f"before_last_{one_mark}", (), mark),
        Take("before-p", "the part of $s before the first $d", "$s.split($d)[0]", "before", (D,), "d"),
        Take("after-p", "{the part|everything} in $s after the first $d", "$s.partition($d)[2]", "after", (D,), "d"),
        Take("afterlast-p", "{the part|everything} in $s after the last $d", "$s.split($d)[-1]", "after_last", (D,), "d"),
        Take("field", f"the {ordinal} of the parts of $s separated by {marks}|the {ordinal} field of $s, split {{at|by}} {marks}|the {ordinal} {one_mark}-separated {{field|part|value}} of $s",
             f'$s.split("{mark}")[{index}]', f"{ordinal.split()[0]}_field", (), f"{mark}{mark}"),
        Take("field-p", f"the part of $s with index $i, split {{at|by}} {marks}|the {{field|part}} with index $i of $s, which is separated by {marks}", f'$s.split("{mark}")[$i]', "field", (I,), f"{mark}{mark}"),
        Take("word", f"the {ordinal} word of $s|the {ordinal} word in $s", f"$s.split()[{index}]", f"{ordinal.split()[0]}_word", (), "words"),
        Take("word-p", "the word of $s {with|at} index $i", "$s.split()[$i]", "word", (I,), "words"),
        Take("line", f"the {ordinal} line of $s", f"$s.splitlines()[{index}]", f"{ordinal.split()[0]}_line", (), "lines"),
        Take("words1", f"the first {k} words of $s", f'" ".join($s.split()[:{k}])', f"first_{k}_words", (), "words"),
        Take("words2", "all words of $s {but|except} the first", '" ".join($s.split()[1:])', "rest", (), "words"),
        Take("words3", "the words of $s in reverse order", '" ".join($s.split()[::-1])', "reversed_words", (), "words"),
        Take("longestword", "the longest word {of|in} $s", "max($s.split(), key=len)", "longest_word", (), "words"),
        Take("prefix", "$s without the prefix $p{| if it has it}", "$s.removeprefix($p)", "without_prefix", (("p", "prefix|start|beginning", "str"),), "prefix"),
        Take("suffix", "$s without the suffix $p{| if it has it}", "$s.removesuffix($p)", "without_suffix", (("p", "suffix|ending|end", "str"),), "suffix"),
        Take("inside", f"the text {{in|inside|between}} the first {{pair of |}}{brackets} in $s", f'$s.partition("{left}")[2].partition("{right}")[0]', "inside_" + brackets.split()[0] if brackets != "double quotes" else "quoted", (), left.strip("\\") + right.strip("\\")),
        Take("between-p", "the text between the first $a and the next $b in $s", "$s.partition($a)[2].partition($b)[0]", "between", (("a", "start|opening|left|before", "str"), ("b", "end|closing|right|after", "str")), "between"),
    ))  # fmt: skip


# key, as an addition ("in upper case"), as a verb, code, slug
TRANSFORMS = (
    ("upper", "in upper case|in uppercase|converted to upper case", "@.upper()", "upper"),
    ("lower", "in lower case|in lowercase|converted to lower case", "@.lower()", "lower"),
    ("title", "in title case|with every word capitalized", "@.title()", "title"),
    ("capitalize", "capitalized|with a capital first letter and the rest in lower case", "@.capitalize()", "capitalized"),
    ("swap", "with upper and lower case swapped|with swapped case", "@.swapcase()", "swapped"),
    ("reverse", "reversed|backwards|in reverse order", "@[::-1]", "reversed"),
    ("strip", "without surrounding whitespace|stripped of whitespace|with spaces trimmed at both ends", "@.strip()", "stripped"),
    ("lstrip", "without leading whitespace|without spaces at the beginning", "@.lstrip()", "lstripped"),
    ("rstrip", "without trailing whitespace|without spaces at the end", "@.rstrip()", "rstripped"),
    ("nospace", "without spaces|with all spaces removed", '@.replace(" ", "")', "no_spaces"),
    ("underscore", "with underscores instead of spaces|with spaces replaced by underscores", '@.replace(" ", "_")', "underscored"),
    ("hyphen", "with hyphens instead of spaces|with spaces replaced by hyphens", '@.replace(" ", "-")', "hyphenated"),
    ("unscore", "with spaces instead of underscores|with underscores replaced by spaces", '@.replace("_", " ")', "spaced"),
    ("replace", 'with every "$c" replaced by "$e"|with "$e" in place of every "$c"', '@.replace("$c", "$e")', "replaced"),
    ("remove", 'without the letter "$c"|with every "$c" removed', '@.replace("$c", "")', "without_$c"),
    ("letters", "with only the letters kept|without anything that is not a letter", '"".join(c for c in @ if c.isalpha())', "letters"),
    ("digits", "with only the digits kept|without anything that is not a digit", '"".join(c for c in @ if c.isdigit())', "digits"),
    ("nodigits", "without digits|with all digits removed", '"".join(c for c in @ if not c.isdigit())', "no_digits"),
    ("novowels", "without vowels|with all vowels removed", '"".join(c for c in @ if c.lower() not in "aeiou")', "no_vowels"),
    ("double", "with every character doubled|with each character written twice", '"".join(c * 2 for c in @)', "doubled"),
    ("sorted", "with its characters sorted|with its characters in alphabetical order", '"".join(sorted(@))', "sorted"),
    ("dashes", "with hyphens between the characters|with a hyphen between each two characters", '"-".join(@)', "dashed"),
    ("repeat", "repeated $k times|$k times in a row", "@ * $k", "repeated"),
    ("padright", "padded with spaces on the right to $w characters|filled up with spaces to a width of $w", "@.ljust($w)", "padded"),
    ("padleft", "padded with spaces on the left to $w characters|right-aligned in $w characters", "@.rjust($w)", "padded"),
    ("zeros", "padded with zeros on the left to $w characters|with leading zeros up to $w characters", "@.zfill($w)", "zero_padded"),
    ("center", "centered in $w characters", "@.center($w)", "centered"),
    ("stars", "surrounded by asterisks|with an asterisk at both ends", 'f"*{@}*"', "starred"),
    ("quoted", "in double quotes|surrounded by double quotes", "f'\"{@}\"'", "quoted"),
    ("parens", "in parentheses|surrounded by parentheses", 'f"({@})"', "in_parens"),
    ("exclaim", "followed by an exclamation mark|with an exclamation mark at the end", '@ + "!"', "excited"),
    ("squeeze", "with runs of whitespace replaced by single spaces|with only one space between words", '" ".join(@.split())', "squeezed"),
    ("nocommas", "without commas|with all commas removed", '@.replace(",", "")', "no_commas"),
    ("nohyphens", "without hyphens|with all hyphens removed", '@.replace("-", "")', "no_hyphens"),
)  # fmt: skip
# key, wordings with $x for the part, code, slug, result
RESULTS = (
    ("length", ("%R the length of $x", "%R {the number of|how many} characters $has $x"), "len(@)", "length", "int"),
    ("count", ('Count how often "$c" occurs in $x', '%R the number of times "$c" occurs in $x', 'Count the letter "$c" in $x'), '@.count("$c")', "count_$c", "int"),
    ("vowels", ("Count the vowels in $x", "%R the number of vowels in $x"), 'sum(1 for c in @.lower() if c in "aeiou")', "vowels", "int"),
    ("starts", ('%C $x {starts|begins} with "$c"%F',), '@.startswith("$c")', "starts_with_$c", "bool"),
    ("ends", ('%C $x ends {with|in} "$c"%F',), '@.endswith("$c")', "ends_with_$c", "bool"),
    ("contains", ('%C $x {contains|includes} "$c"%F', 'Is "$c" {in|part of} $x?'), '"$c" in @', "contains_$c", "bool"),
    ("isdigit", ("%C $x {consists only of digits|contains only digits|is all digits}%F",), "@.isdigit()", "is_digits", "bool"),
    ("isalpha", ("%C $x {consists only of letters|contains only letters|is all letters}%F",), "@.isalpha()", "is_letters", "bool"),
    ("isupper", ("%C $x is {in upper case|uppercase}%F",), "@.isupper()", "is_upper", "bool"),
    ("empty", ("%C $x is empty%F",), "not @", "is_empty", "bool"),
    ("blank", ("%C $x is {blank|empty or only whitespace}%F",), "not @.strip()", "is_blank", "bool"),
    ("palindrome", ("%C $x {is a palindrome|reads the same backwards}%F",), "@ == @[::-1]", "is_palindrome", "bool"),
    ("equal", ('%C $x {equals|is equal to|is} "$v", ignoring case', '%C $x is "$v" in upper or lower case'), '@.lower() == "$v"', "is_$v", "bool"),
    ("chars", ("%B a list of the characters of $x", "Split $x into {single |}characters"), "list(@)", "chars", "list[str]"),
    ("words", ("%B a list of the words {in|of} $x", "Split $x into words"), "@.split()", "words", "list[str]"),
    ("wordcount", ("Count the words in $x", "%R the number of words in $x"), "len(@.split())", "word_count", "int"),
    ("distinct", ("%R the number of {different|distinct} characters in $x",), "len(set(@))", "distinct_chars", "int"),
    ("find", ('%R the index of the first "$c" in $x, or -1{| if there is none}',), '@.find("$c")', "find_$c", "int"),
)  # fmt: skip


def pipeline(rng: Random) -> Task:
    """A part of a string, changed once or twice, or something found out about it."""
    take = _takes(rng)
    wanted = (
        1
        if take.key != "whole" and rng.random() < 0.5
        else pick(rng, "0|1|1|2")
        if take.key != "whole"
        else pick(rng, "1|2|2")
    )
    steps = rng.sample(TRANSFORMS, int(wanted))
    result = rng.choice(RESULTS) if rng.random() < (0.25 if take.key != "whole" else 0.12) else None
    if result and steps:
        steps = steps[:1]
    if take.key == "whole" and not steps:
        steps = [rng.choice(TRANSFORMS)]
    details = {
        "c": rng.choice("aeilnost"), "e": pick(rng, "*|-|_|x|o"), "k": pick(rng, "2|3|4"),
        "w": pick(rng, "6|8|10|12|20"), "v": pick(rng, "yes|no|ok|total|end"), "has": pick(rng, "there are in|in"),
    }  # fmt: skip
    words, code, slugs = pick(rng, take.words), take.code, [take.slug]
    endings = []
    for _, done, change, slug in steps:
        endings.append(fill(pick(rng, done), **details))
        code = _apply(change, code, details)
        slugs.append(_put(slug, details))
    if endings:
        words = f"{words}{',' if ',' in words else ''} {' and '.join(endings)}"
    docs: tuple[str, ...] = (f"%R {words}", f"%R {words}", f"Take {words}", f"{words}")
    if take.key == "whole" and len(steps) == 1 and not result:
        docs = (f"%R {words}", f"%R a copy of {words}", f"Give $s back {endings[0]}")
    returns, kind = "str", "text"
    if result:
        key, wordings, change, slug, returns = result
        docs = tuple(_put(text, details | {"x": words}) for text in wordings)
        code, kind = _apply(change, code, details), key
        slugs.append(_put(slug, details))
    slug = (
        "_".join(slugs[-2:])
        if rng.random() < 0.5
        else slugs[-1]
        if steps or result
        else f"get_{slugs[0]}"
    )
    inputs = _string_inputs(take)
    return combine(
        rng, kind=f"strings:{take.key}/{'+'.join(step[0] for step in steps)}/{kind}",
        names=f"{slug}|{slug}|get_{slug}|make_{slug}|format_{slug}|{slugs[0]}_{slugs[-1]}",
        params=(("s", NAMES, "str"), *take.params), docs=docs, body=f"return {code}",
        returns=returns, inputs=inputs,
    )  # fmt: skip


def _put(text: str, details: dict[str, str]) -> str:
    for name in ("x", "c", "e", "k", "w", "v", "has"):
        if name in details:
            text = (
                text.replace(f"${name}", details[name])
                if name != "w"
                else text.replace("$w", details[name])
            )
    return text


def _is_operation(code: str) -> bool:
    """Is there an operator outside all brackets and quotes?"""
    code = re.sub(r'"[^"]*"|\'[^\']*\'', "", code)
    while (shorter := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", code)) != code:
        code = shorter
    return " " in code


def _apply(change: str, code: str, details: dict[str, str]) -> str:
    inner = f"({code})" if re.search(r"@[.\[ ]", change) and _is_operation(code) else code
    if inner.startswith(('f"', "f'")) and "{@}" in change:
        return (
            f'"{change[2]}" + {inner} + "{change[-2]}"'
            if change[2] != '"'
            else f"'\"' + {inner} + '\"'"
        )
    if "{@}" in change and '"' in inner:
        left, right = change[2:-1].split("{@}")
        quote = "'" if '"' in left else '"'
        return f"{quote}{left}{quote} + {inner} + {quote}{right}{quote}"
    return _put(change, details).replace("@", inner)


def _string_inputs(take: Take) -> Values:
    def inputs(r: Random) -> tuple[object, ...]:
        draw = Draw(r)
        text = draw.st()
        kind = take.draws
        if kind == "long":
            text = draw.sent(3) + "abcdefg"
        elif kind == "words":
            text = draw.sent(5, 3)
        elif kind == "lines":
            text = "\n".join(draw.sent(2) for _ in range(r.randint(2, 4)))
        elif kind in ("()", "[]", "<>", '""'):
            text = f"{draw.w()} {kind[0]}{draw.sent(2)}{kind[1]}{r.choice(['', ' x', '!'])}"
        elif kind in ("prefix", "suffix"):
            word = draw.w()
            part = r.choice([word[:2], word[-2:], "x"])
            return word, part
        elif kind == "between":
            return f"{draw.w()} [{draw.w()}] (x)", *r.choice([("[", "]"), ("(", ")"), ("a", "e")])
        elif kind == "d":
            mark = r.choice(",;-/")
            return mark.join(draw.sl(3, 1)), mark
        elif len(kind) == 2 and kind[0] == kind[1]:
            text = kind[0].join(draw.sl(5, 3))
        elif len(kind) == 1:
            text = kind.join(draw.sl(4, 1))
        values = {"int": lambda: r.randint(1 if kind == "positive" else 0, 3), "str": draw.ch}
        if take.key == "slice-p":
            low = r.randint(0, 2)
            return text, low, low + r.randint(1, 4)
        return (text, *(values[annotation]() for _, _, annotation in take.params))

    return inputs


# what is asked of the string: words, code, slug
TESTS = (
    Part("is longer than $n characters", "len($s) > $n", "long"),
    Part("is shorter than $n characters", "len($s) < $n", "short"),
    Part("has at most $n characters", "len($s) <= $n", "short"),
    Part("{starts|begins} with a vowel", '$s[:1].lower() in tuple("aeiou")', "vowel"),
    Part("is in upper case", "$s.isupper()", "upper"),
    Part("contains a digit", "any(c.isdigit() for c in $s)", "digit"),
    Part("contains a space", '" " in $s', "space"),
    Part("is a palindrome", "$s == $s[::-1]", "palindrome"),
    Part('ends with "$c"', '$s.endswith("$c")', "ending"),
    Part('starts with "$c"', '$s.startswith("$c")', "starting"),
    Part('contains "$c"', '"$c" in $s', "containing"),
    Part("has an even {length|number of characters}", "len($s) % 2 == 0", "even"),
    Part("consists only of digits", "$s.isdigit()", "numeric"),
)  # fmt: skip
OUTCOMES = (
    Part("{return |}it in upper case", "$s.upper()", "upper"),
    Part("{return |}it in lower case", "$s.lower()", "lower"),
    Part("{return |}it reversed", "$s[::-1]", "reversed"),
    Part("{return |}it unchanged", "$s", "same"),
    Part("{return |}its first $m characters", "$s[:$m]", "first"),
    Part("{return |}its last $m characters", "$s[-$m:]", "last"),
    Part('{return |}it followed by "$e"', '$s + "$e"', "marked"),
    Part("return an empty string", '""', "empty"),
    Part("{return |}it twice in a row", "$s * 2", "twice"),
    Part("{return |}it capitalized", "$s.capitalize()", "capitalized"),
    Part('return "$v"', '"$v"', "label"),
    Part("{return |}its first $m characters followed by \"...\"", '$s[:$m] + "..."', "cut"),
    Part("{return |}it padded with spaces on the right to $w characters", "$s.ljust($w)", "padded"),
    Part("{return |}it without its last character", "$s[:-1]", "shortened"),
)  # fmt: skip


def conditional(rng: Random) -> Task:
    """One thing or another, depending on what the string is like."""
    test = rng.choice(TESTS)
    first, second = rng.sample(OUTCOMES, 2)
    details = {"n": pick(rng, "3|4|5|6|8|10"), "m": pick(rng, "1|2|3|4|5"), "c": rng.choice("aestlno"),
               "e": pick(rng, "!|?|.|ing|s"), "v": pick(rng, "yes|no|too long|invalid|other"), "w": pick(rng, "8|10|12")}  # fmt: skip

    def put(part: Part) -> Part:
        return Part(*(_detailed(text, details) for text in part))

    body = pick(
        rng,
        "if $test:\n    return $yes\nreturn $no|if $test:\n    return $yes\nreturn $no|return $yes if $test else $no",
    )
    needs = Part("$s", "$s")
    return combine(
        rng, kind=f"conditional:{test.slug}/{first.slug}/{second.slug}",
        names="$yes_if_$test|$yes_or_$no|transform|format_text|adjust|change|$test_or_not|process",
        params=(("s", NAMES, "str"),),
        docs=("If $s $test, $yes{, otherwise|; otherwise|, else|. Otherwise} $no",
              "%R {the string|$s} changed like this: if it $test, $yes, otherwise $no",
              "{Given a string|For a given string}: if it $test, $yes; if not, $no"),
        body=body, returns="str",
        inputs=lambda r: (r.choice([Draw(r).st(), Draw(r).w(), "level", "ABC", "12", "a long sentence", "apples"]),),
        parts={"test": put(test), "yes": put(first), "no": put(second), "it": needs},
    )  # fmt: skip


def _detailed(text: str, details: dict[str, str]) -> str:
    for name, value in details.items():
        text = text.replace(f"${name}", value)
    return text


GENERATORS = (
    ("characters", 12.0, characters),
    ("pipeline", 18.0, pipeline),
    ("conditional", 4.0, conditional),
)
