"""Which checks did the user write into the docstring or the decorator?

Doctest examples, informal lines such as ``f(2) == 4`` or ``f(2) -> 4``, and the strings of
``todo_llm(examples=[...])``, each as statements of which the last one checks.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator, Sequence

from pytest_supercharger.clean.checks import names_in, raises_check
from pytest_supercharger.clean.imports import BUILTINS, bound_names, missing_imports
from pytest_supercharger.clean.syntax import Parsed, parse
from pytest_supercharger.stubs import Stub

# Not "=": a recurrence such as tri(1) = 3 need not be what the function returns.
_ARROW = re.compile(r"\s*(==|->|=>|→|➞|⇒|⟶|\breturns\b|#\s*(?:=>|->|==|returns))\s*")
_BULLET = re.compile(r"\s*(?:[-*+•]\s+|\d+[.)]\s+|(?:e\.g\.|for example|example)[:,]?\s+)?", re.I)
# Values with an equality of their own that a literal's text does not carry.
_VALUES = frozenset({"Counter", "Decimal", "Fraction", "OrderedDict", "deque"})
_CONTAINERS = frozenset(
    {"bytearray", "complex", "dict", "frozenset", "list", "range", "set", "tuple"}
)


def find_examples(stub: Stub) -> Iterator[str]:
    """Sources of the checks in the docstring, then of those in the decorator."""
    yield from _doctests(stub.docstring, stub)
    yield from _informal(stub.docstring, stub)
    for text in stub.examples:
        if ">>>" in text:
            yield from _doctests(text, stub)
        else:
            yield from _written_out(text, stub)


# --- doctest ----------------------------------------------------------------------------------


def _doctests(text: str, stub: Stub) -> Iterator[str]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # inconsistent leading white space
        return
    setup: list[str] = []
    state: set[str] = set()
    for example in examples:
        parsed = parse(example.source)
        if not isinstance(parsed, Parsed) or _is_skipped(example):
            continue
        used = {name for node in parsed.tree.body for name in names_in(node)}
        before = setup if used & state else []
        check = _expectation(parsed.tree.body, example, stub)
        if check and stub.name in _words("\n".join((*before, example.source))):
            yield "\n".join((*before, check))
        bound = set(bound_names(parsed.tree.body))
        state |= bound
        if bound or used & state:
            setup = [*setup, ast.unparse(parsed.tree)]


def _is_skipped(example: doctest.Example) -> bool:
    return bool(example.options.get(doctest.SKIP))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _expectation(body: Sequence[ast.stmt], example: doctest.Example, stub: Stub) -> str:
    last = body[-1]
    before = [ast.unparse(node) for node in body[:-1]]
    if example.exc_msg is not None:
        error = re.split(r"[:\s]", example.exc_msg, maxsplit=1)[0].rpartition(".")[2]
        if not error.isidentifier():
            return ""
        return "\n".join((*before, raises_check(ast.unparse(last), error)))
    if not isinstance(last, ast.Expr) or not example.want:
        return ""
    return "\n".join((*before, *_comparison(last.value, example.want.rstrip("\n"), stub)))


def _comparison(value: ast.expr, want: str, stub: Stub) -> tuple[str, ...]:
    if "..." in want and not _is_value(want):
        return ()  # an ellipsis or another pattern
    source = ast.unparse(value)
    printed = _printed(value)
    if printed is not None:
        text = want.replace("<BLANKLINE>", "")
        return (f"assert str({ast.unparse(printed)}) == {text!r}",)
    if _is_value(want):
        return _equality(source, want)
    # What doctest itself compares: the representation of a value of the user's own class.
    return (f"assert repr({source}) == {want!r}",)


def _printed(value: ast.expr) -> ast.expr | None:
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name)):
        return None
    if value.func.id != "print" or len(value.args) != 1 or value.keywords:
        return None
    return None if isinstance(value.args[0], ast.Starred) else value.args[0]


def _equality(left: str, right: str) -> tuple[str, ...]:
    names = {name for node in ast.parse(right).body for name in names_in(node)}
    return (
        *missing_imports(names - BUILTINS, right),
        f"assert {left} == {ast.unparse(ast.parse(right, mode='eval'))}",
    )


def _is_value(text: str) -> bool:
    parsed = parse(text.strip())
    if not isinstance(parsed, Parsed) or len(parsed.tree.body) != 1:
        return False
    statement = parsed.tree.body[0]
    return isinstance(statement, ast.Expr) and _is_literal(statement.value)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is not ...
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(_is_literal(element) for element in node.elts)
    if isinstance(node, ast.Dict):
        return all(key is not None and _is_literal(key) for key in node.keys) and all(
            _is_literal(value) for value in node.values
        )
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.UAdd, ast.USub)) and _is_literal(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) and _is_literal(node.right)
    return _is_construction(node)


def _is_construction(node: ast.expr) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    return node.func.id in _VALUES | _CONTAINERS and all(_is_literal(value) for value in values)


# --- informal lines ---------------------------------------------------------------------------


def _informal(docstring: str, stub: Stub) -> Iterator[str]:
    for line in docstring.splitlines():
        if ">>>" not in line and "(" in line and stub.name in line:
            yield from _split_line(_BULLET.sub("", line, count=1).replace("`", " "), stub)


def _split_line(line: str, stub: Stub) -> Iterator[str]:
    text = line.strip().rstrip(".;,") if line.strip()[-1:] in ".;," else line.strip()
    for arrow in _ARROW.finditer(text):
        left, right = text[: arrow.start()], text[arrow.end() :]
        if _is_closed_call(left, stub) and _is_value(right):
            yield "\n".join(_equality(ast.unparse(ast.parse(left, mode="eval")), right.strip()))
            return


def _is_closed_call(text: str, stub: Stub) -> bool:
    """Whether ``text`` calls the stub on values that it spells out."""
    parsed = parse(text.strip())
    if not isinstance(parsed, Parsed) or len(parsed.tree.body) != 1:
        return False
    statement = parsed.tree.body[0]
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    func = statement.value.func
    called = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
    known = BUILTINS | {stub.name, *stub.classes}
    return called == stub.name and set(names_in(statement)) <= known


def _written_out(text: str, stub: Stub) -> Iterator[str]:
    parsed = parse(text.strip())
    if isinstance(parsed, Parsed) and parsed.tree.body:
        before, last = parsed.tree.body[:-1], parsed.tree.body[-1]
        if isinstance(last, ast.Expr):
            last = ast.Assert(test=last.value, msg=None)
        if isinstance(last, ast.Assert):
            yield "\n".join(ast.unparse(node) for node in (*before, last))
            return
    for line in text.splitlines():
        if line.strip():
            yield from _split_line(line, stub)
