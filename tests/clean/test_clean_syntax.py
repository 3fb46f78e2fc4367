"""Which part of a text is Python."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger.clean.syntax import (
    Broken,
    Parsed,
    compile_problem,
    drop_cut_off,
    indent,
    parse,
    parse_answer,
    parse_continuation,
    split_chunks,
)

WANTED = re.compile(r"^[ \t]*def f\(", re.MULTILINE)
HEADER = "def f(x):"


def parsed(result: Parsed | Broken) -> Parsed:
    assert isinstance(result, Parsed), result
    return result


def body_of(result: Parsed | Broken) -> str:
    function = parsed(result).tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    return "\n".join(ast.unparse(statement) for statement in function.body)


def test_a_broken_text_says_where() -> None:
    assert parse("x = 1\ny = (") == Broken(message="'(' was never closed", line=2)


def test_texts_that_upset_the_parser_are_broken_not_raised() -> None:
    for text in ("\x00", "\ud800", "(" * 5000, "-" * 100_000 + "1", "x = 9" + "9" * 6000):
        assert isinstance(parse(text), Broken), text[:10]


def test_an_invalid_escape_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parse(r"x = '\d'"), Parsed)
        assert compile_problem("x = 1 is 1") == ""


def test_a_return_outside_a_function_does_not_compile() -> None:
    assert "outside function" in compile_problem("return 1")


def test_prose_around_a_function_is_dropped() -> None:
    text = "Sure, here it is:\n\ndef f(x):\n    return x\n\nThis returns x, so it's fine."
    result = parsed(parse_answer(text, WANTED))
    assert body_of(result) == "return x"
    assert result.repairs == ("dropped text that is no Python",)


def test_an_indented_function_after_prose_is_found() -> None:
    text = "Here:\n    def f(x):\n        return x\n\nDone, it works."
    assert body_of(parse_answer(text, WANTED)) == "return x"


def test_a_cut_off_function_loses_its_last_line() -> None:
    result = parsed(parse_answer("def f(x):\n    y = x\n    return (y +", WANTED))
    assert body_of(result) == "y = x"
    assert result.repairs == ("cut off: dropped 1 trailing lines",)


def test_a_statement_over_several_lines_is_dropped_as_a_whole() -> None:
    result = parsed(drop_cut_off("a = 1\nb = [\n    1,\n    2,\n    'thr"))
    assert result.source == "a = 1"
    assert result.repairs == ("cut off: dropped 4 trailing lines",)


def test_a_block_without_its_first_statement_is_dropped() -> None:
    assert parsed(drop_cut_off("a = 1\nif a:\n    for b in a:")).source == "a = 1"


def test_tabs_mixed_with_spaces_are_replaced() -> None:
    text = "def f(x):\n    if x:\n\treturn 1\n    return 2"
    result = parsed(parse_answer(text.replace("\treturn", "\t\treturn"), WANTED))
    assert body_of(result) == "if x:\n    return 1\nreturn 2"
    assert "replaced tabs by spaces" in result.repairs


def test_a_continuation_ends_where_a_line_stands_further_left() -> None:
    text = "        y = x\n        return y\n\n    def other(self):\n        return 1\n"
    result = parse_continuation(HEADER, text)
    assert body_of(result) == "y = x\nreturn y"
    assert len(parsed(result).tree.body) == 1


def test_what_follows_a_continuation_at_the_margin_is_kept_where_it_parses() -> None:
    text = "    return g(x)\n\ndef g(x):\n    return x\n\nThat is all, folks!"
    assert len(parsed(parse_continuation(HEADER, text)).tree.body) == 2


def test_a_string_that_reaches_to_the_margin_does_not_end_a_continuation() -> None:
    text = "    y = '''\nabc\n'''\n    return y\nThat is all, folks!"
    assert body_of(parse_continuation(HEADER, text)) == "y = '\\nabc\\n'\nreturn y"


def test_a_first_line_without_its_indentation() -> None:
    assert body_of(parse_continuation(HEADER, "y = x\n    return y")) == "y = x\nreturn y"


def test_a_body_at_the_margin() -> None:
    text = "y = 0\nfor z in x:\n    y += z\nreturn y"
    assert body_of(parse_continuation(HEADER, text)) == text


def test_a_cut_off_body_at_the_margin() -> None:
    text = "y = 0\nfor z in x:\n    y += z\nreturn (y"
    assert body_of(parse_continuation(HEADER, text)) == "y = 0\nfor z in x:\n    y += z"


def test_chunks_keep_decorators_clauses_and_strings_together() -> None:
    chunks = ["@a\n@b\ndef f(): pass", "if x:\n    1\nelse:\n    2", 's = """\nat the margin\n"""']
    assert split_chunks("\n".join(chunks)) == chunks


CODE = textwrap.dedent('''\
    x = 1
    if x:
        y = """
    text
      more
    """
        z = f"""{x}
    """ + 'a\\
    b'
    return y, z''')


def test_indenting_leaves_the_inside_of_strings_alone() -> None:
    moved = f"def f():\n{indent(CODE, '        ')}"
    function = ast.parse(moved).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [ast.dump(each) for each in function.body] == [
        ast.dump(each) for each in ast.parse(CODE).body
    ]


@given(st.lists(st.sampled_from(["x = 1", "", "# note", "y = '''a", "b'''", "z = [", "]"])))
def test_indenting_never_changes_the_meaning(lines: list[str]) -> None:
    code = "\n".join([*lines, "return 1"])
    before = parse(code)
    if isinstance(before, Parsed):
        after = parsed(parse(f"def f():\n{indent(code, '  ')}"))
        function = after.tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        assert ast.unparse(function.body) == ast.unparse(before.tree.body)  # type: ignore[arg-type]
