"""Where does an answer end, however it is cut into tokens?"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import html.entities
import inspect
import re
import statistics
import textwrap
import time
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger.models.endings import Answer, Ends, trim

CODE = Ends(wanted=r"(?m)^[ \t]*(?:async[ \t]+)?def[ \t]+total\b")
FENCED = "```python\ndef total(x):\n    return x\n```"


def feed(text: str, ends: Ends) -> tuple[str, str, int]:
    """How it ended, what is kept and how many bytes that took, fed byte by byte."""
    answer = Answer(ends)
    for taken, byte in enumerate(text.encode(), start=1):
        if finish := answer.feed(bytes((byte,))):
            return finish, answer.text, taken
    return "", answer.text, len(text.encode())


# --- stop strings -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_a_stop_string_is_found_across_the_borders_of_tokens(size):
    answer = Answer(Ends(stop=("\ndef ", "\nclass ")))
    text = b"    return 1\n\ndef f():\n    pass\nclass A:"
    finishes = [answer.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert answer.text == "    return 1\n"
    assert finishes == ["" for f in finishes if not f] + ["stop" for f in finishes if f]
    assert finishes[-1] == "stop"


@pytest.mark.parametrize("stop", [("two", "four"), ("four", "two")])
def test_the_earliest_stop_string_wins(stop):
    assert trim("one two three four", Ends(stop=stop)) == "one "


def test_of_two_stop_strings_that_end_together_the_longer_one_is_cut_off():
    assert trim("a\n\ndef f", Ends(stop=("\ndef", "\n\ndef"))) == "a"


def test_the_beginning_of_a_stop_string_is_kept_when_no_more_comes():
    assert feed("x = 1\nde", Ends(stop=("\ndef ",))) == ("", "x = 1\nde", 8)


def test_a_stop_string_may_hold_any_character():
    assert trim("größe → µ → 7", Ends(stop=("→ 7",))) == "größe → µ "


def test_an_empty_stop_string_stops_nothing():
    assert feed("x", Ends(stop=("",))) == ("", "x", 1)


def test_nothing_is_added_to_an_answer_that_has_ended():
    answer = Answer(Ends(stop=("!",)))
    assert answer.feed(b"a!b") == "stop"
    assert answer.feed(b"c") == "stop"
    assert answer.text == "a"


# --- a closed block ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        FENCED,
        FENCED.replace("```", "~~~"),
        FENCED.replace("```", "`````"),
        FENCED + "``",
        FENCED + "  ",
        FENCED.replace("def", "async def"),
        textwrap.indent(FENCED, "   "),
        FENCED.replace("```python", "``` py title='a'"),
        "```python\n" + textwrap.indent("def total(x):\n    return x", "    ") + "\n```",
        '```python\ndef total(x):\n    """Doc."""  # one """\n    return "\'\'\'" + x\n```',
        '```python\ndef total(x):\n    """Doc.\n```\nexample\n```\n    """\n    return x\n```',
        "```python\ndef total(x):\n    r'''Doc \\\\'''\n    return '''\n```\n'''\n```",
        "````python\ndef total(x):\n    # ```\n```\n    return x\n````",
        "```python\ndef total(x):\n~~~\n    return x\n```",
        "```python\ndef total(x):\n    ```\n    return x\n```",
        "```python\ndef total(x):\n```python\n    return x\n```",
        FENCED.replace("\n", "\r\n"),
    ],
)
def test_a_closed_block_with_what_is_wanted_ends_the_answer_with_its_fence(block):
    before = "Here it is:\n\n"
    line_end = "\r\n" if "\r" in block else "\n"
    taken = len(before + block + line_end)
    kept = (before + block + line_end + "It returns x.\n", CODE)
    assert feed(*kept) == ("stop", before + block, taken)


@pytest.mark.parametrize(
    "text",
    [
        "```sh\npip install total\n```\n",
        "```python\ndef subtotal(x): ...\ndef totals(x): ...\n```\n",
        "def total(x):\n    return x\n",
        FENCED.removesuffix("```"),
        FENCED.replace("\n```", "\n``"),
        FENCED.replace("\n```", "\n    ```"),
        FENCED.replace("\n```", "\n~~~"),
        "`" + FENCED,
        "The block ```python\ndef total(x):\n    return x\n",
        "```def total(x)```\nand\n",
        "``\ndef total(x):\n``\n",
    ],
)
def test_anything_else_does_not(text):
    assert feed(text + "\n", CODE)[0] == ""


def test_a_block_before_the_wanted_one_does_not_end_the_answer():
    text = f"```sh\npip install total\n```\nThen:\n{FENCED}\nThat is it.\n"
    assert trim(text, CODE) == text[: text.index("\nThat")]


def test_what_is_wanted_is_asked_for_in_blocks_only_between_their_fences():
    text = "```sh\nls\n```\ndef total(x):\n    return x\n```sh\nls\n```\n"
    assert feed(text, CODE)[0] == ""


def test_a_pattern_that_is_none_is_said_at_once():
    with pytest.raises(re.error):
        Answer(Ends(wanted="("))


# --- back at the level of the def line --------------------------------------------------

BODY = "    total = x\n    return total\n"


@pytest.mark.parametrize(
    "following",
    ["def g():", "# That was it", "@cached", "x = 1", '"""Doc', "```", "é = 1", "\\", "<|end|>"],
)
@pytest.mark.parametrize("blank", ["", "\n", "\n   \n\t\n", "\r\n\r\n"])
def test_the_first_line_back_at_the_level_is_cut_off(following, blank):
    kept = BODY + blank
    taken = len(kept) + 1  # its first byte is enough
    ends = Ends(level=0)
    assert feed(kept + following, ends) == ("stop", kept, taken)


@pytest.mark.parametrize(
    ("level", "line", "is_cut"),
    [
        (4, "    def g(self):\n", True),
        (4, "  x\n", True),
        (4, "     x\n", False),
        (4, "\tx\n", False),
        (8, "\tx\n", True),
        (8, "   \tx\n", True),
        (8, "        \tx\n", False),
        (0, "\x0cx\n", True),
        (0, " x\n", False),
        (4, "        \x0c    x\n", True),
    ],
)
def test_a_column_is_counted_as_python_does(level, line, is_cut):
    body = textwrap.indent(BODY, "            ")
    assert trim(body + line, Ends(level=level)) == (body if is_cut else body + line)


@pytest.mark.parametrize(
    "body",
    [
        '    s = """\nat the level\n# there too\n"""\n    return s\n',
        "    s = '''\n\"\"\"\nx\n'''\n    return s\n",
        '    s = r"""\\\\"""\n    t = """\nx"""\n    return s\n',
        '    s = "\\"\\\nx"\n    return s\n',
        "    s = [\n1,\n# why\n2,\n]\n    return s\n",
        "    s = f(\na, '(',\n)[\n0]\n    return s\n",
        "    s = 1 + \\\n2\n    return s\n",
        "    s = 1 + \\\r\n2\r\n    return s\r\n",
        "    s = '(' + \"[\" # {\n    return s\n",
        "    s = ''\n    t = \"\"\n    u = ''''''\n    return s\n",
        "    s = 'it\\'s ('\n    return s\n",
        "    s = [1\n    ]\n)\n]\n}\n    return s\n",
    ],
)
def test_what_is_open_goes_on_at_any_column(body):
    assert feed(body + "\ny = 2\n", Ends(level=0)) == ("stop", body + "\n", len(body) + 2)


def test_a_short_string_that_is_never_closed_ends_with_its_line():
    assert trim("    s = 'it\nx", Ends(level=0)) == "    s = 'it\n"


def test_an_answer_that_begins_at_the_level_is_empty():
    assert feed("def g():", Ends(level=0)) == ("stop", "", 1)


def functions_of(module: ModuleType) -> list[tuple[str, str, int]]:
    """Body, all that follows it, and column, of every function with lines of its own."""
    source = inspect.getsource(module)
    lines = source.splitlines(keepends=True)
    return [
        ("".join(lines[first - 1 : node.end_lineno]), "".join(lines[node.end_lineno :]), column)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for first, column in [(node.body[0].lineno, node.col_offset)]
        if first > node.lineno
    ]


@pytest.mark.parametrize("module", [argparse, dataclasses, statistics, textwrap])
def test_of_real_functions_the_body_is_kept_and_no_code_after_it(module):
    functions = functions_of(module)
    assert len(functions) > 5
    for body, after, column in functions:
        kept = trim(body + after, Ends(level=column))
        assert kept.startswith(body)
        rest = kept.removeprefix(body).splitlines()
        assert [line for line in rest if line.strip() and line.lstrip()[0] != "#"] == []


# --- loops ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "unit", "kept"),
    [
        ("x = [", "0, ", "x = [0, "),
        ("f(1", "]", "f(1]"),
        ("    ", "#", "    #"),
        ("", "assert \n", "assert \n"),
        ("", "assert total(1) == 1\n", "assert total(1) == 1\n"),
        ("y = 1\n", "    x = 1\n", "y = 1\n    x = 1\n"),
        ("def f():\n", "    if a:\n        b()\n", "def f():\n    if a:\n        b()\n"),
        ("Hm. ", "Let me think about it again. ", "Hm. Let me think about it again"),
        ("return x", "\n", "return x\n"),
        ("return x", " ", "return x "),
        ("return x\n", "    \n\t\n", "return x\n"),
        ("", "é", "é"),
        ("", "".join(f"line {i}\n" for i in range(40)), "".join(f"line {i}\n" for i in range(40))),
    ],
)
def test_repetitions_are_cut_off_after_the_first_copy(before, unit, kept):
    finish, text, taken = feed(before + unit * 2000, Ends())
    assert (finish, text) == ("loop", kept)
    assert taken <= len(before) + max(12 * len(unit.encode()), 960) * 3


def test_a_loop_is_noticed_soon():
    assert feed("#" * 1000, Ends())[2] == 256
    assert feed(" " * 1000, Ends())[2] == 256
    assert feed("assert total(1) == 1\n" * 100, Ends())[2] == 256


@pytest.mark.parametrize("copies", [12, 100])
def test_twelve_equal_lines_are_a_loop_and_ten_are_none(copies):
    row = "    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],\n"
    after = "# that is the board\n" * 2
    assert trim(row * 10 + after, Ends()) == row * 10 + after
    assert trim(row * (copies + 2), Ends()) == row


def test_loops_are_left_alone_where_that_is_asked_for():
    text = "0, " * 1000
    assert feed(text, Ends(loops=False)) == ("", text, 3000)


PRIMES = [n for n in range(2, 2000) if all(n % k for k in range(2, n))]
HONEST = {
    "primes": f"PRIMES = {PRIMES}\n",
    "squares": "".join(f"    {n}: {n * n},\n" for n in range(300)),
    "elif": "".join(f"    elif n == {n}:\n        return {n % 2 == 0}\n" for n in range(200)),
    "asserts": "".join(f"assert is_even({n}) is {n % 2 == 0}\n" for n in range(100)),
    "board": "    [0, 0, 0, 0, 0, 0, 0, 0, 0],\n" * 9 + "]\n" + "return board\n" * 3,
    "identity": "".join(f"    {[int(i == k) for k in range(12)]},\n" for i in range(12)),
    "bits": "".join(f"    '{n:08b}',\n" for n in range(256)),
    "banner": f"# {'-' * 90}\n# What follows\n# {'-' * 90}\n" * 3,
    "deep": "".join(f"{'    ' * n}for x{n} in range(n):\n" for n in range(20)),
    "entities": inspect.getsource(html.entities),
    "argparse": inspect.getsource(argparse),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_repetition_is_no_loop(name):
    assert trim(HONEST[name], Ends()) == HONEST[name]


# --- bytes ------------------------------------------------------------------------------


def test_a_character_that_is_cut_in_two_at_the_end_is_left_out():
    answer = Answer(Ends())
    answer.feed(b"gr\xc3")
    assert answer.text == "gr"
    answer.feed(b"\xb6\xe2\x86")
    assert answer.text == "grö"


def test_bytes_that_are_no_utf8_are_replaced():
    answer = Answer(Ends(wanted="x"))
    answer.feed(b"```\nx\xff\xc3(\n```\n")
    assert answer.text == "```\nx\ufffd\ufffd(\n```"


def test_a_lone_surrogate_is_replaced():
    assert set(trim("a\ud800b", Ends())) == {"a", "\ufffd", "b"}


# --- any splitting ----------------------------------------------------------------------

MARKS = "``` ```python ```` ~~~ \"\"\" ''' \" ' \\ # ( [ ) ] x é → def".split()
SPACES = ["\n", "\n\n", "\r\n", "\n```\n", "\ndef total", "    ", "\t", " ", "\x0c", " " * 100]
LOOPS = ["0, " * 90, "x = 1\n" * 30, "# y\n" * 50, "\nclass A:\n" * 20]
FRAGMENTS = st.sampled_from([*MARKS, *SPACES, *LOOPS])
TEXTS = st.lists(FRAGMENTS | st.text(max_size=5), max_size=40).map("".join)
ENDS = st.builds(
    Ends,
    stop=st.lists(st.sampled_from(["\ndef ", "\n\n", "→", "x = ", "```\n"]), max_size=3).map(tuple),
    wanted=st.sampled_from(["", "total", "."]),
    level=st.none() | st.sampled_from([0, 4, 8]),
    loops=st.booleans(),
)


@given(text=TEXTS, ends=ENDS, data=st.data())
def test_every_splitting_gives_the_same_answer(text, ends, data):
    whole = text.encode("utf-8", "surrogatepass")
    borders = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    splittings = [
        [whole],
        [whole[at : at + 1] for at in range(len(whole))],
        [whole[a:b] for a, b in zip([0, *borders], [*borders, len(whole)], strict=True)],
    ]
    results = set()
    for pieces in splittings:
        answer = Answer(ends)
        finish = ""
        for piece in pieces:
            finish = answer.feed(piece)
        results.add((finish, answer.text))
    assert len(results) == 1
    ((finish, kept),) = results
    assert trim(text, ends) == kept
    assert whole.decode("utf-8", "replace").startswith(kept)
    if not finish:
        assert kept == whole.decode("utf-8", "replace")


@given(text=TEXTS, ends=ENDS)
def test_what_is_kept_has_no_end_before_its_own(text, ends):
    kept = trim(text, ends)
    assert trim(kept, ends) == kept


# --- cost -------------------------------------------------------------------------------


def seconds_to_feed(text: bytes, ends: Ends) -> float:
    answer = Answer(ends)
    began = time.process_time()
    for at in range(len(text)):
        assert answer.feed(text[at : at + 1]) == ""
    return time.process_time() - began


@pytest.mark.parametrize(
    "line",
    [
        b"    x%d = f(%d, 'a')  # why\n",
        b"```\n'''%d%d\n",
        b"(((%d'\"%d",
        b"%d%d" + b" " * 150,
        b"%d" + b"a" * 200 + b"%d",
    ],
)
def test_a_long_answer_costs_little_for_each_token(line):
    text = b"".join(line % (i, i * 7) for i in range(12_000))[:100_000]
    ends = Ends(stop=tuple(f"\n{'    ' * i}def never" for i in range(11)), wanted="$^", level=-1)
    # Once in three times: others use the machine too.
    assert any(seconds_to_feed(text, ends) < 1 for _ in range(3))
