"""Which cases of a parametrised test are held back?"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_supercharger.context.files import SourceFile, parse_source
from pytest_supercharger.context.parts import HeldBack
from pytest_supercharger.context.statements import DEFINITIONS, bound_names, flat_statements


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseList:
    """A literal list of cases, and who is parametrised with it."""

    test: str
    names: tuple[str, ...]  # of the parameters
    unpacked: bool  # each case is a sequence of values, one for each parameter
    cases: ast.List | ast.Tuple
    ids: ast.expr | None


def hold_back(file: SourceFile) -> tuple[SourceFile | None, tuple[HeldBack, ...]]:
    """A test file without about every third case of each literal parametrised list.

    At least one case is shown and, of two or more, one held back; which ones depends on the
    test's name alone. None for the file when it cannot be shown without them.
    """
    edits: dict[int, tuple[int, str]] = {}
    held_back: list[HeldBack] = []
    for found in _case_lists(file):
        chosen = _held_indices(found, file)
        if not chosen:
            continue
        held_back.append(_describe_held(found, chosen))
        for literal in (found.cases, found.ids):
            if isinstance(literal, (ast.List, ast.Tuple)) and literal.elts:
                start, end = _span(file, literal)
                edits[start] = end, _without(file, literal, chosen)
    text = file.text
    for start in sorted(edits, reverse=True):
        end, new = edits[start]
        text = text[:start] + new + text[end:]
    return parse_source(file.path, text), tuple(held_back)


def _case_lists(file: SourceFile) -> Iterator[_CaseList]:
    constants = {
        name: statement.value
        for statement in flat_statements(file.tree.body)
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for name in bound_names(statement)
    }
    for test, decorator in _decorators(file.tree, file.path):
        if not isinstance(decorator, ast.Call) or not _is_parametrize(decorator.func):
            continue
        given = dict(
            zip(("argnames", "argvalues", "indirect", "ids"), decorator.args, strict=False)
        )
        given |= {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
        cases = given.get("argvalues")
        if isinstance(cases, ast.Name):
            cases = constants.get(cases.id)
        if isinstance(cases, (ast.List, ast.Tuple)):
            names, unpacked = _parameter_names(given.get("argnames"))
            yield _CaseList(
                test=test, names=names, unpacked=unpacked, cases=cases, ids=given.get("ids")
            )


def _decorators(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.expr]]:
    """Node id and decorator, for each decorator of each function and class of a test file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            name = f"{prefix}::{child.name}"
            yield from ((name, decorator) for decorator in child.decorator_list)
            yield from _decorators(child, name)
        elif isinstance(child, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
            yield from _decorators(child, prefix)


def _is_parametrize(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "parametrize"


def _parameter_names(argnames: ast.expr | None) -> tuple[tuple[str, ...], bool]:
    """The names, and whether a case is unpacked: pytest does so but for one name in a string."""
    value = _literal(argnames)
    if isinstance(value, str):
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        return names, len(names) > 1
    return (tuple(map(str, value)), True) if isinstance(value, (list, tuple)) else ((), True)


def _literal(node: ast.expr | None) -> object:
    """Value of a literal; Ellipsis for anything that only running it would tell."""
    try:
        return ast.literal_eval(node) if node is not None else ...
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...


def _held_indices(found: _CaseList, file: SourceFile) -> frozenset[int]:
    total = len(found.cases.elts)
    if total < 2 or any(isinstance(case, ast.Starred) for case in found.cases.elts):
        return frozenset()
    # By the list, not by the test: two tests that share one list must hide the same cases.
    key = f"{file.path}:{ast.unparse(found.cases)}"
    offset = hashlib.sha256(key.encode("utf-8", "replace")).digest()[0] % 3
    return frozenset(range(2 - offset, total, 3)) or frozenset({total - 1})


def _describe_held(found: _CaseList, chosen: frozenset[int]) -> HeldBack:
    ids = [_case_id(found, index) for index in range(len(found.cases.elts))]
    hidden = [case_id for i in sorted(chosen) if (case_id := ids[i]) is not None]
    # pytest numbers equal ids.
    foretold = len(hidden) == len(chosen) and all(ids.count(case_id) == 1 for case_id in hidden)
    return HeldBack(
        test=found.test,
        shown=len(ids) - len(chosen),
        held=len(chosen),
        ids=tuple(hidden) if foretold else (),
    )


def _case_id(found: _CaseList, index: int) -> str | None:
    """The id that pytest gives to a case; None where it cannot be read from the source."""
    case = found.cases.elts[index]
    wrapped = isinstance(case, ast.Call) and ast.unparse(case.func) in ("pytest.param", "param")
    values: Sequence[ast.expr] = [case]
    if isinstance(case, ast.Call) and wrapped:
        given = [_literal(keyword.value) for keyword in case.keywords if keyword.arg == "id"]
        if given:
            return given[0] if isinstance(given[0], str) else None
        values = case.args
    elif found.unpacked and isinstance(case, (ast.Tuple, ast.List)):
        values = case.elts
    if found.ids is not None:
        ids = _literal(found.ids)
        chosen = ids[index] if isinstance(ids, (list, tuple)) and index < len(ids) else None
        return chosen if isinstance(chosen, str) else None
    if len(values) != len(found.names):
        return None
    parts = [
        _value_id(value, f"{name}{index}") for name, value in zip(found.names, values, strict=True)
    ]
    return "-".join(part for part in parts if part is not None) if None not in parts else None


def _value_id(node: ast.expr, otherwise: str) -> str | None:
    """pytest's id of one literal value: its text, or ``otherwise``; None for what is no literal."""
    value = _literal(node)
    if isinstance(value, str):
        return value.encode("unicode_escape").decode("ascii")
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    if value is None or isinstance(value, (bool, int, float, complex)):
        return str(value)
    return None if value is ... else otherwise


def _without(file: SourceFile, literal: ast.List | ast.Tuple, chosen: frozenset[int]) -> str:
    """Source of a literal list without some of its elements, a comment in their place."""
    start, _ = _span(file, literal)
    line = file.text[file.text.rfind("\n", 0, start) + 1 :]
    indent = line[: len(line) - len(line.lstrip())]
    kept = [
        file.text[slice(*_span(file, element))]
        for index, element in enumerate(literal.elts)
        if index not in chosen
    ]
    more = f"# ... {len(chosen)} more case{'s' * (len(chosen) > 1)}"
    opening, closing = "[]" if isinstance(literal, ast.List) else "()"
    if literal.lineno == literal.end_lineno:
        return f"{opening}{', '.join(kept)},  {more}\n{indent}{closing}"
    rows = [*(f"{indent}    {element}," for element in kept), f"{indent}    {more}"]
    return "\n".join([opening, *rows, indent + closing])


def _span(file: SourceFile, node: ast.expr) -> tuple[int, int]:
    """Offsets of an expression in the file's text."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return (
        _offset(file.text, node.lineno, node.col_offset),
        _offset(file.text, end_line, end_column),
    )


def _offset(text: str, line: int, column: int) -> int:
    """Character offset of a 1-based line and a column in UTF-8 bytes, as ast counts them."""
    lines = text.split("\n")
    before = sum(len(earlier) + 1 for earlier in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode())
