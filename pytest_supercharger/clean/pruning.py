"""What of a parsed answer is kept?

The body of the wanted function, without its def line (the user's stays), its docstring and what
can never be reached, and of the other top-level statements only those that the body needs.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.metadata import (
    BuiltinScope,
    ClassScope,
    GlobalScope,
    MetadataWrapper,
    Scope,
    ScopeProvider,
)

from pytest_supercharger.clean.syntax import (
    Parsed,
    compile_problem,
    expand_margin,
    indent,
    string_lines,
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_FIXED = (BuiltinScope, ClassScope, GlobalScope)  # scopes whose names others may use


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The statements of a function, at column 0."""

    code: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """A top-level definition or constant of an answer."""

    code: str
    binds: tuple[str, ...]
    line: int  # 1-based, in the answer


# --- the wanted function ----------------------------------------------------------------------


def find_function(tree: ast.Module, qualname: str, name: str) -> FunctionNode | None:
    """The definition that answers for ``qualname``: the one whose path fits it best, the last
    of equals. ``name`` is the function's own name (a setter's, too)."""
    parts = qualname.split("#")[0].split(".")
    accessor = parts[-1] if parts[-1] in ("setter", "deleter", "getter") else ""
    if accessor and len(parts) > 1 and parts[-2] == name:
        parts = parts[:-1]
    else:
        accessor = ""
    best: FunctionNode | None = None
    best_rank = (-1, -1)
    for path, node in _definitions(tree.body, ()):
        if node.name != name:
            continue
        rank = (_common_tail(path, parts), int(_accessor(node) == accessor))
        if rank >= best_rank:
            best, best_rank = node, rank
    return best


def _definitions(
    body: Sequence[ast.stmt], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], FunctionNode]]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield (*path, node.name), node
            yield from _definitions(node.body, (*path, node.name, "<locals>"))
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, (*path, node.name))
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from _definitions(node.body, path)


def _common_tail(path: Sequence[str], parts: Sequence[str]) -> int:
    if tuple(path) == tuple(parts):
        return len(parts) + 1
    same = 0
    for left, right in zip(reversed(path), reversed(parts), strict=False):
        if left != right:
            break
        same += 1
    # A function inside another function is what is wanted only if the stub is one.
    return same - 2 * path.count("<locals>") * ("<locals>" not in parts)


def _accessor(node: FunctionNode) -> str:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter"):
            return decorator.attr
    return ""


def parameter_names(node: FunctionNode) -> tuple[tuple[str, str], ...]:
    """Parameters in order of their position, each with its ``*``, ``**`` or ``""``."""
    args = node.args
    found = [("", arg.arg) for arg in (*args.posonlyargs, *args.args)]
    if args.vararg:
        found.append(("*", args.vararg.arg))
    found.extend(("", arg.arg) for arg in args.kwonlyargs)
    if args.kwarg:
        found.append(("**", args.kwarg.arg))
    return tuple(found)


def match_parameters(
    theirs: Sequence[tuple[str, str]], stub: Sequence[tuple[str, str]]
) -> dict[str, str] | None:
    """Which parameters to rename so that a body fits the stub; None where positions differ.

    An answer whose names are all the stub's fits as it is, in whatever order it has them.
    """
    if {name for _, name in theirs} <= {name for _, name in stub}:
        return {}
    if [star for star, _ in theirs] != [star for star, _ in stub]:
        return None
    return {old: new for (_, old), (_, new) in zip(theirs, stub, strict=True) if old != new}


# --- its body ---------------------------------------------------------------------------------


def take_body(parsed: Parsed, node: FunctionNode) -> Body | None:
    """The body of ``node`` at column 0; None when it is still a stub."""
    statements = _without_docstring(node.body)
    if all(_is_placeholder(statement) for statement in statements):
        return None
    kept = _reachable(statements)
    repairs = ("dropped unreachable lines",) if len(kept) < len(statements) else ()
    return Body(code=_source_of(parsed, node, kept), repairs=repairs)


def _without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    first = body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if is_text and isinstance(first.value.value, str):  # type: ignore[attr-defined]
        return body[1:]
    return body


def _is_placeholder(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(error, ast.Name) and error.id == "NotImplementedError"
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Name))
    )


def _reachable(statements: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    for number, statement in enumerate(statements, start=1):
        if isinstance(statement, (ast.Return, ast.Raise)):
            rest = statements[number:]
            # A yield makes a generator of the function even where it is never reached.
            return statements if any(_yields(node) for node in rest) else statements[:number]
    return statements


def _yields(statement: ast.stmt) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(statement))


def has_result(function: ast.stmt) -> bool:
    """Whether a function returns, yields or raises: what tells a bare body from other code."""
    nodes = list(ast.iter_child_nodes(function))
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom, ast.Raise)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            nodes.extend(ast.iter_child_nodes(node))
    return False


def _source_of(parsed: Parsed, node: FunctionNode, kept: Sequence[ast.stmt]) -> str:
    lines = parsed.source.split("\n")
    start, end = _first_line(kept[0]), kept[-1].end_lineno or kept[-1].lineno
    after = [s.lineno for s in node.body if _first_line(s) > start and s not in kept]
    head = lines[start - 1].encode()[: kept[0].col_offset]
    if (head.strip() and _first_line(kept[0]) == kept[0].lineno) or end in after:
        return "\n".join(ast.unparse(statement) for statement in kept)
    while start > 2 and lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return _at_margin(lines, start, end, kept[0].col_offset, string_lines(node, parsed.source))


def function_source(parsed: Parsed, node: FunctionNode) -> str:
    """The def line and all below it at column 0, without decorators."""
    lines = parsed.source.split("\n")
    fixed = string_lines(node, parsed.source)
    return _at_margin(lines, node.lineno, node.end_lineno or 0, node.col_offset, fixed) + "\n"


def _at_margin(
    lines: Sequence[str], start: int, end: int, margin: int, fixed: frozenset[int]
) -> str:
    moved = [
        line if number in fixed else _outdent(line, margin)
        for number, line in enumerate(lines[start - 1 : end], start=start)
    ]
    return "\n".join(moved).rstrip()


def _outdent(line: str, margin: int) -> str:
    text = line.lstrip(" \t")
    if not text:
        return ""
    return expand_margin(line[min(margin, len(line) - len(text)) :]).rstrip()


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min((decorator.lineno for decorator in decorators), default=node.lineno)


def body_problem(header: str, body: str) -> str:
    """Why ``body`` does not compile under ``header``, a def line; ``""`` when it does."""
    return compile_problem(f"{header}\n{indent(body, '    ')}\n")


# --- what it needs ----------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def free_names(code: str) -> frozenset[str]:
    """Names that ``code``, module-level statements that parse, takes from outside of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(code, "<candidate>", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    bound |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for child in table.get_children():
        used |= set(_global_names(child))
    return frozenset(used - bound)


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def body_names(header: str, body: str) -> frozenset[str]:
    """Names that a body under ``header`` takes from its module or the builtins."""
    try:
        return free_names(f"{header}\n{indent(body, '    ')}\n")
    except SyntaxError:  # nonlocal: the body of a function inside another
        names = (node for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name))
        return frozenset(node.id for node in names if isinstance(node.ctx, ast.Load))


def find_helpers(parsed: Parsed) -> list[Helper]:
    """All top-level functions, classes and constants of an answer, in order."""
    lines = parsed.source.split("\n")
    return [
        Helper(
            code="\n".join(lines[_first_line(node) - 1 : node.end_lineno]).rstrip(),
            binds=binds,
            line=node.lineno,
        )
        for node in parsed.tree.body
        if (binds := _bound_by(node))
    ]


def _bound_by(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (node.name,)
    targets: Iterable[ast.expr] = ()
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = (node.target,)
    names = [name for target in targets for name in _target_names(target)]
    return tuple(names)


def _target_names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _target_names(element)


def needed_helpers(
    names: Iterable[str], helpers: Sequence[Helper], taken: frozenset[str]
) -> tuple[Helper, ...]:
    """The helpers that ``names`` need, and those that these need, in the order of the answer.

    Names in ``taken`` are the user's own: an answer's copies of them are no helpers.
    """
    by_name = {name: helper for helper in helpers for name in helper.binds}
    found: dict[str, Helper] = {}
    wanted = sorted(set(names))
    while wanted:
        name = wanted.pop()
        helper = by_name.get(name)
        if name in taken or helper is None or helper.code in found:
            continue
        found[helper.code] = helper
        wanted.extend(free_names(helper.code))
    return tuple(sorted(found.values(), key=lambda helper: helper.line))


# --- parameters under other names -------------------------------------------------------------


def rename_parameters(function: str, names: Mapping[str, str]) -> str | None:
    """Rename parameters of the one function in ``function``, and what refers to them.

    A local of the function that has one of the new names already gets a name of its own
    first. None where that is not possible: the new name is a global or builtin that the
    function reads, or belongs to a class inside it.
    """
    wrapper = MetadataWrapper(cst.parse_module(function))
    scopes = wrapper.resolve(ScopeProvider)
    definition = next(
        (node for node in wrapper.module.body if isinstance(node, cst.FunctionDef)), None
    )
    if definition is None:
        return None
    finder = _NameFinder()
    wrapper.module.visit(finder)
    inner = scopes[definition.body]
    own = definition.name.value
    renames: dict[cst.CSTNode, str] = {}
    for node in finder.names:
        scope = scopes.get(node)
        binders = _binders(scope, node.value) if scope is not None else frozenset()
        if node is definition.name or (
            node.value not in names and node.value not in names.values()
        ):
            continue
        if node.value in names and binders == {inner}:
            renames[node] = names[node.value]
        elif node.value in names.values():
            if not binders or any(isinstance(b, _FIXED) for b in binders):
                return None
            renames[node] = _unused(node.value, finder.words | set(names.values()))
    for call in finder.calls:
        if isinstance(call.func, cst.Name) and call.func.value == own:
            keywords = [arg.keyword for arg in call.args if arg.keyword]
            renames.update({k: names[k.value] for k in keywords if k.value in names})
    return wrapper.module.visit(_Renamer(renames)).code


def _binders(scope: Scope | None, name: str) -> frozenset[Scope]:
    if scope is None or name not in scope:
        return frozenset()
    return frozenset(assignment.scope for assignment in scope[name])


def _unused(name: str, words: set[str]) -> str:
    fresh = name + "_"
    while fresh in words:
        fresh += "_"
    return fresh


class _NameFinder(cst.CSTVisitor):
    """Collects the names that stand for variables, and the calls."""

    def __init__(self) -> None:
        self.names: list[cst.Name] = []
        self.words: set[str] = set()
        self.calls: list[cst.Call] = []

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self.names.append(node)
        self.words.add(node.value)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        self.calls.append(node)

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:  # noqa: N802
        node.value.visit(self)
        return False


class _Renamer(cst.CSTTransformer):
    """Gives the names it was told of their new values."""

    def __init__(self, renames: Mapping[cst.CSTNode, str]) -> None:
        super().__init__()
        self._renames = renames

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:  # noqa: N802
        new = self._renames.get(original_node)
        return updated_node if new is None else updated_node.with_changes(value=new)
