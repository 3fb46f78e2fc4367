"""Which single checks does an answer to "write tests" hold?

Models answer with runs of asserts, pytest functions, unittest classes or a ``check(candidate)``.
Each becomes checks that stand alone: the statements it needs, then the one that checks.
"""

from __future__ import annotations

import ast
import copy
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_supercharger.clean.fences import find_fences
from pytest_supercharger.clean.imports import (
    BUILTINS,
    ImportedName,
    ModuleNames,
    bound_names,
    find_imports,
    missing_imports,
)
from pytest_supercharger.clean.syntax import Parsed, compile_problem, parse, split_chunks
from pytest_supercharger.stubs import Kind, Stub

LONGEST_CHECK = 4000  # characters

_JOINED = re.compile(
    r"^([ \t]*assert)[ \t\\]*\n\s*(?!(?:assert|import|from|def|class|async|for|if)\b|[#@\s]|\Z)",
    re.MULTILINE,
)
_ASSERT = re.compile(r"^[ \t]*assert\b", re.MULTILINE)
_NOT_CALLED = frozenset({"callable", "hasattr", "isinstance", "type", "id", "help", "print"})
_COMPARED: Mapping[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq,
    "assertEquals": ast.Eq,
    "assertListEqual": ast.Eq,
    "assertDictEqual": ast.Eq,
    "assertSetEqual": ast.Eq,
    "assertTupleEqual": ast.Eq,
    "assertSequenceEqual": ast.Eq,
    "assertMultiLineEqual": ast.Eq,
    "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is,
    "assertIsNot": ast.IsNot,
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
}
_ALLOWED = sys.stdlib_module_names | {"pytest"}  # pytest is in every sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What statements before a check have set up, and which names they bound."""

    setup: tuple[ast.stmt, ...] = ()
    local: frozenset[str] = frozenset()

    def and_then(self, statement: ast.stmt) -> _Scope:
        local = self.local | set(bound_names([statement]))
        return _Scope(setup=(*self.setup, statement), local=local)


def find_checks(text: str, stub: Stub, module: ModuleNames) -> Iterator[str]:
    """Sources of the checks in ``text``, in order; those that do not mention the stub, need
    what is not there, or compare a thing with itself are left out."""
    body = _parse_tests(_test_code(text))
    imports = find_imports(body)
    for statements in _checks_in(body, _Scope(), stub):
        source = _finish(statements, stub, module, imports)
        if source:
            yield source


def raises_check(call: str, error: str) -> str:
    """Statements that fail unless ``call``, a statement, raises ``error``."""
    indented = "\n".join("    " + line for line in call.splitlines())
    return (
        f"try:\n{indented}\nexcept {error}:\n    pass\n"
        f"else:\n    raise AssertionError({error + ' was not raised'!r})"
    )


def names_in(node: ast.AST) -> Iterator[str]:
    """Names that a statement reads."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
            yield child.id


# --- text to statements -----------------------------------------------------------------------


def _test_code(text: str) -> str:
    blocks = [fence.code for fence in find_fences(text) if "assert" in fence.code]
    return _JOINED.sub(r"\1 ", "\n".join(blocks) if blocks else text)


def _parse_tests(code: str) -> list[ast.stmt]:
    whole = parse(code)
    if isinstance(whole, Parsed):
        return whole.tree.body
    body: list[ast.stmt] = []
    for chunk in split_chunks(code):
        parsed = parse(chunk)
        if isinstance(parsed, Parsed):
            body.extend(parsed.tree.body)
        else:
            body.extend(_single_asserts(chunk))
    return body


def _single_asserts(chunk: str) -> Iterator[ast.stmt]:
    """The asserts of a chunk that does not parse as a whole, wherever they stand."""
    for part in _ASSERT.split(chunk)[1:]:
        parsed = parse(f"assert {part.strip()}")
        if isinstance(parsed, Parsed):
            yield from parsed.tree.body


# --- statements to checks ---------------------------------------------------------------------


def _checks_in(
    body: Sequence[ast.stmt], scope: _Scope, stub: Stub
) -> Iterator[tuple[ast.stmt, ...]]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if statement.name == stub.name:
                continue
            yield from _checks_in_function(statement, scope, stub)
            scope = scope.and_then(statement)
        elif isinstance(statement, ast.ClassDef):
            yield from _checks_in_class(statement, scope, stub)
            scope = scope.and_then(statement)
        elif check := _as_check(statement):
            yield (*_needed(scope, check, stub), check)
            scope = _remember(scope, check)
        elif not isinstance(statement, (ast.Return, ast.Import, ast.ImportFrom, ast.Pass)):
            if _holds_assert(statement):
                yield (*_needed(scope, statement, stub), statement)
            else:
                scope = scope.and_then(statement)


def _remember(scope: _Scope, check: ast.stmt) -> _Scope:
    """A check on a local may change it (``s.pop()``): later ones need that it was evaluated."""
    if not (isinstance(check, ast.Assert) and scope.local & set(names_in(check))):
        return scope
    if not any(isinstance(node, ast.Call) for node in ast.walk(check.test)):
        return scope
    return scope.and_then(ast.Expr(value=check.test))


def _holds_assert(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.For, ast.While, ast.If, ast.With, ast.Try)) and any(
        isinstance(node, (ast.Assert, ast.Raise)) for node in ast.walk(statement)
    )


def _checks_in_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope, stub: Stub
) -> Iterator[tuple[ast.stmt, ...]]:
    parameters = [arg.arg for arg in node.args.args if arg.arg not in ("self", "cls")]
    body: list[ast.stmt] = node.body
    if parameters == ["candidate"] and stub.kind is Kind.FUNCTION:
        renamed = _Rename({"candidate": stub.name})
        body = [renamed.visit(copy.deepcopy(statement)) for statement in body]
        parameters = []
    if not parameters:
        yield from _checks_in(body, scope, stub)
        return
    for bindings in _parametrised(node.decorator_list, parameters):
        bound = scope
        for binding in bindings:
            bound = bound.and_then(binding)
        yield from _checks_in(body, bound, stub)


def _parametrised(
    decorators: Sequence[ast.expr], parameters: Sequence[str]
) -> Iterator[list[ast.stmt]]:
    """Assignments for each case of one ``pytest.mark.parametrize`` that names all parameters."""
    for decorator in decorators:
        if not (isinstance(decorator, ast.Call) and len(decorator.args) >= 2):
            continue
        names, cases = _argument_names(decorator.args[0]), decorator.args[1]
        if set(names) != set(parameters) or not isinstance(cases, (ast.List, ast.Tuple)):
            continue
        for case in cases.elts:
            values = _case_values(case, len(names))
            if len(values) == len(names):
                yield [_assign(name, value) for name, value in zip(names, values, strict=True)]


def _argument_names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, (ast.List, ast.Tuple)):
        return [e.value for e in node.elts if isinstance(e, ast.Constant) and type(e.value) is str]
    return []


def _case_values(case: ast.expr, size: int) -> list[ast.expr]:
    if isinstance(case, ast.Call) and ast.unparse(case.func) == "pytest.param":
        return case.args
    if size > 1 and isinstance(case, (ast.Tuple, ast.List)):
        return case.elts
    return [case]


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value, lineno=0)


def _checks_in_class(
    node: ast.ClassDef, scope: _Scope, stub: Stub
) -> Iterator[tuple[ast.stmt, ...]]:
    if node.name in stub.classes:
        return
    own = _SelfToLocal()
    body: list[ast.stmt] = [own.visit(copy.deepcopy(statement)) for statement in node.body]
    functions = [s for s in body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for function in functions:
        if function.name in ("setUp", "setup_method", "setUpClass"):
            for statement in function.body:
                scope = scope.and_then(statement)
    for function in functions:
        if function.name.startswith("test"):
            yield from _checks_in_function(function, scope, stub)


class _Rename(ast.NodeTransformer):
    """Gives names their new values."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(id=self._names.get(node.id, node.id), ctx=node.ctx)


class _SelfToLocal(ast.NodeTransformer):
    """Turns what setUp puts on ``self`` into local names."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if is_own and not node.attr.startswith(("assert", "fail", "subTest")):
            return ast.Name(id=node.attr, ctx=node.ctx)
        return node


# --- one check --------------------------------------------------------------------------------


def _as_check(statement: ast.stmt) -> ast.stmt | None:
    """The statement as a check of one of our forms; None when it is none."""
    if isinstance(statement, ast.Assert):
        return _as_assert(_without_message(statement.test))
    if isinstance(statement, ast.Expr):
        value = _without_message(statement.value)
        if isinstance(value, ast.Compare):
            return _as_assert(value)
        return _from_unittest(value) if isinstance(value, ast.Call) else None
    if isinstance(statement, ast.With) and len(statement.items) == 1:
        return _from_raises(statement.items[0].context_expr, statement.body)
    return None


def _without_message(test: ast.expr) -> ast.expr:
    """``assert (a == b, "message")`` is always true: meant is its first part."""
    if isinstance(test, ast.Tuple) and len(test.elts) == 2:
        second = test.elts[1]
        if isinstance(second, (ast.JoinedStr, ast.Constant)):
            return test.elts[0]
    return test


def _as_assert(test: ast.expr) -> ast.Assert:
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        left, right = test.left, test.comparators[0]
        if _is_plain(left) and not _is_plain(right):
            test = ast.Compare(left=right, ops=[ast.Eq()], comparators=[left])
    return ast.Assert(test=test, msg=None)


def _is_plain(node: ast.expr) -> bool:
    return not any(
        isinstance(child, (ast.Call, ast.Name, ast.Attribute)) for child in ast.walk(node)
    )


def _from_unittest(call: ast.Call) -> ast.stmt | None:
    func = call.func
    if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)):
        return None
    if func.value.id == "self":
        return _from_method(func.attr, call.args)
    if ast.unparse(func) == "pytest.raises" and len(call.args) > 1:
        return _from_method("assertRaises", call.args)
    return None


def _from_method(name: str, args: list[ast.expr]) -> ast.stmt | None:
    if name in _COMPARED and len(args) >= 2:
        test = ast.Compare(left=args[0], ops=[_COMPARED[name]()], comparators=[args[1]])
        return _as_assert(test)
    if name in ("assertTrue", "assert_") and args:
        return _as_assert(args[0])
    if name == "assertFalse" and args:
        return _as_assert(ast.UnaryOp(op=ast.Not(), operand=args[0]))
    if name in ("assertIsNone", "assertIsNotNone") and args:
        is_none = ast.Is() if name == "assertIsNone" else ast.IsNot()
        none = ast.Constant(value=None)
        return _as_assert(ast.Compare(left=args[0], ops=[is_none], comparators=[none]))
    if name == "assertIsInstance" and len(args) >= 2:
        return _as_assert(_call("isinstance", args[:2]))
    if name == "assertCountEqual" and len(args) >= 2:
        left, right = (_call("sorted", [arg]) for arg in args[:2])
        return _as_assert(ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))
    if name == "assertAlmostEqual" and len(args) >= 2:
        # unittest's own definition: the difference rounded to seven places is zero.
        places = args[2] if len(args) > 2 else ast.Constant(value=7)
        difference = ast.BinOp(left=args[0], op=ast.Sub(), right=args[1])
        zero = ast.Constant(value=0)
        rounded = _call("round", [difference, places])
        return _as_assert(ast.Compare(left=rounded, ops=[ast.Eq()], comparators=[zero]))
    if name == "assertRaises" and len(args) >= 2:
        return _raises(
            args[0], [ast.Expr(value=ast.Call(func=args[1], args=args[2:], keywords=[]))]
        )
    return None


def _call(name: str, args: list[ast.expr]) -> ast.expr:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=args, keywords=[])


def _from_raises(context: ast.expr, body: list[ast.stmt]) -> ast.stmt | None:
    if not (isinstance(context, ast.Call) and context.args):
        return None
    if ast.unparse(context.func) not in ("pytest.raises", "self.assertRaises", "raises"):
        return None
    return _raises(context.args[0], body)


def _raises(error: ast.expr, body: list[ast.stmt]) -> ast.stmt | None:
    call = "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in body)
    parsed = parse(raises_check(call, ast.unparse(error)))
    return parsed.tree.body[0] if isinstance(parsed, Parsed) else None


# --- alone, and worth running -----------------------------------------------------------------


def _needed(scope: _Scope, check: ast.stmt, stub: Stub) -> tuple[ast.stmt, ...]:
    """The statements before ``check`` that it needs, found backwards by the names they share."""
    wanted = {name for name in names_in(check) if name in scope.local}
    found: list[ast.stmt] = []
    for statement in reversed(scope.setup) if wanted else ():
        bound = set(bound_names([statement]))
        used = set(names_in(statement)) & scope.local
        is_plain = isinstance(statement, (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef))
        if bound & wanted or (not is_plain and used & wanted and not _is_print(statement)):
            found.append(statement)
            wanted |= used
    return tuple(reversed(found))


def _is_print(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("print(")


def _finish(
    statements: tuple[ast.stmt, ...],
    stub: Stub,
    module: ModuleNames,
    imports: Sequence[ImportedName],
) -> str:
    """The source of a check, its imports first; ``""`` when it is not worth running."""
    if stub.is_async:
        statements = tuple(_RunAwaited().visit(copy.deepcopy(s)) for s in statements)
    if stub.kind is Kind.FUNCTION and any(_looks_up(statement, stub) for statement in statements):
        bare = _Unqualified(stub.name, module.names | _bound_by(statements))
        statements = tuple(bare.visit(copy.deepcopy(statement)) for statement in statements)
    if not any(_calls_stub(statement, stub) for statement in statements) or _is_same(statements):
        return ""
    tree = ast.fix_missing_locations(ast.Module(body=list(statements), type_ignores=[]))
    prefix = _imports_for(tree, stub, module, imports)
    if prefix is None:
        return ""
    source = "\n".join((*prefix, ast.unparse(tree)))
    return "" if len(source) > LONGEST_CHECK or compile_problem(source) else source


def _bound_by(statements: Sequence[ast.stmt]) -> set[str]:
    return set(_bound_anywhere(ast.Module(body=list(statements), type_ignores=[])))


class _Unqualified(ast.NodeTransformer):
    """Turns ``solution.f(x)`` into ``f(x)`` where nothing known is called solution."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self._name = name
        self._known = known

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        value = node.value
        if node.attr == self._name and isinstance(value, ast.Name) and value.id not in self._known:
            return ast.Name(id=self._name, ctx=node.ctx)
        return node


class _RunAwaited(ast.NodeTransformer):
    """Turns ``await f(x)`` into ``asyncio.run(f(x))``."""

    def visit_Await(self, node: ast.Await) -> ast.expr:
        run = ast.Attribute(
            value=ast.Name(id="asyncio", ctx=ast.Load()), attr="run", ctx=ast.Load()
        )
        return ast.Call(func=run, args=[node.value], keywords=[])


def _calls_stub(statement: ast.stmt, stub: Stub) -> bool:
    """Whether the stub is called, handed to a call, or for a method looked up on something."""
    if stub.classes and _looks_up(statement, stub):
        return True
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and _mentions(node, stub):
            func = node.func
            if not (isinstance(func, ast.Name) and func.id in _NOT_CALLED):
                return True
    return False


def _looks_up(statement: ast.stmt, stub: Stub) -> bool:
    nodes = ast.walk(statement)
    return any(isinstance(node, ast.Attribute) and node.attr == stub.name for node in nodes)


def _mentions(call: ast.Call, stub: Stub) -> bool:
    is_special = stub.name.startswith("__") and stub.name.endswith("__")
    names = {stub.name, *(stub.classes[-1:] if is_special else ())}
    parts = (call.func, *call.args, *(keyword.value for keyword in call.keywords))
    return any(isinstance(part, ast.Name) and part.id in names for part in parts)


def _is_same(statements: Sequence[ast.stmt]) -> bool:
    last = statements[-1]
    if not (isinstance(last, ast.Assert) and isinstance(last.test, ast.Compare)):
        return False
    sides = (last.test.left, *last.test.comparators)
    return len({ast.dump(side) for side in sides}) == 1


def _imports_for(
    tree: ast.Module, stub: Stub, module: ModuleNames, imports: Sequence[ImportedName]
) -> tuple[str, ...] | None:
    """Import lines for what ``tree`` does not bind; None where something cannot be had."""
    bound = set(_bound_anywhere(tree))
    missing = set(names_in(tree)) - bound - module.names - BUILTINS - {stub.name}
    lines: list[str] = []
    for item in imports:
        if item.name in missing:
            if item.package not in _ALLOWED | module.modules:
                return None
            lines.append(item.statement)
            missing.discard(item.name)
    added = missing_imports(missing, ast.unparse(tree)) if missing else ()
    lines.extend(line for line in added if line.split()[1].split(".")[0] in _ALLOWED)
    if missing - {name for line in lines for name in bound_names(ast.parse(line).body)}:
        return None
    return tuple(dict.fromkeys(lines))


def _bound_anywhere(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.stmt):
            yield from bound_names([node])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
