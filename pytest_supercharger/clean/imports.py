"""Which imports does a candidate need?

Those of the answer that are used, and those that it forgot, which autoimport finds. A name that
the user's module binds itself is never missing.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import sys
import sysconfig
import typing
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import autoimport
import libcst as cst

_IMPLICIT = frozenset(
    {"__name__", "__file__", "__doc__", "__spec__", "__package__", "__loader__", "__builtins__"}
    | {"__annotations__", "__class__"}
)
BUILTINS = frozenset(dir(builtins)) | _IMPLICIT

# Of ours, handed to autoimport as its setting common_statements: by itself it covers modules,
# names of typing and 24 names such as Path, Enum and dedent; it has none of these, gives
# typing's Counter and OrderedDict, and for names it does not know it imports the project itself.
_FROM = {
    "abc": "ABC abstractmethod",
    "bisect": "bisect_left bisect_right insort insort_left insort_right",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "contextlib": "contextmanager suppress",
    "copy": "deepcopy",
    "dataclasses": "dataclass field",
    "datetime": "date timedelta timezone",
    "decimal": "Decimal ROUND_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP",
    "enum": "Enum IntEnum",
    "fractions": "Fraction",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce wraps",
    "heapq": "heapify heappop heappush heappushpop heapreplace nlargest nsmallest",
    "io": "BytesIO StringIO",
    "itertools": "accumulate chain combinations combinations_with_replacement count cycle "
    "dropwhile filterfalse groupby islice permutations product repeat starmap takewhile "
    "zip_longest",
    "math": "acos asin atan atan2 ceil comb cos degrees exp factorial floor fsum gcd hypot inf "
    "isclose isinf isnan isqrt lcm log log10 log2 nan perm pi prod radians sin sqrt tan trunc",
    "operator": "attrgetter itemgetter mul",
    "pathlib": "Path PurePath",
    "random": "choice randint randrange shuffle",
    "string": "ascii_letters ascii_lowercase ascii_uppercase punctuation",
    "textwrap": "dedent",
    "typing": " ".join(typing.__all__),
}
_AS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "tf": "import tensorflow as tf",
    "nx": "import networkx as nx",
    "sp": "import sympy as sp",
    "ET": "import xml.etree.ElementTree as ET",
}
_STATEMENTS = {
    name: f"from {module} import {name}"
    for module, names in reversed(_FROM.items())
    for name in names.split()
} | _AS
# Modules that hold something callable under their own name.
_NAMESAKES = frozenset(
    {"array", "bisect", "copy", "datetime", "glob", "pprint", "random", "time", "fnmatch"}
)
_STAR = frozenset(_FROM) | {"os", "re", "statistics", "sys", "time"}
_NEVER = frozenset({"this", "antigravity", "idlelib", "test", "turtle", "turtledemo", "__main__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleNames:
    """What a module binds at its top level."""

    names: frozenset[str]
    imports: tuple[tuple[str, str], ...]  # bound name, the one-name statement that binds it
    modules: frozenset[str]  # top-level packages that it imports from


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedName:
    """One name that an import statement binds."""

    name: str  # "*" for a star import
    statement: str  # a statement that binds this name alone
    package: str  # top-level package; "" for a relative import


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenImports:
    """Imports for the module, and those that would rebind a name of the user's module."""

    module: tuple[str, ...]
    local: tuple[str, ...]  # to be put into the function instead
    names: frozenset[str]  # all that they bind
    repairs: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def read_module(source: str) -> ModuleNames:
    """Names of the user's module; nothing of it is executed. Raises SyntaxError."""
    tree = _parse_module(source)
    imported = find_imports(tree.body)
    return ModuleNames(
        names=frozenset(bound_names(tree.body)),
        imports=tuple((item.name, item.statement) for item in imported),
        modules=frozenset(item.package for item in imported if item.package),
    )


def _parse_module(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source.removeprefix("\ufeff"))


@lru_cache(maxsize=64)
def read_all_names(source: str) -> frozenset[str]:
    """Names that the user's module binds in any scope: what a nested function may see."""
    found: set[str] = set()
    for node in ast.walk(_parse_module(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.stmt):
            found.update(bound_names([node]))
    return frozenset(found)


def bound_names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that statements bind in their own scope."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (item.name for item in find_imports([node]) if item.name != "*")
        else:
            yield from _bound_inside(node)


def _bound_inside(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.ExceptHandler) and child.name:
            yield child.name
        if isinstance(child, ast.stmt):
            yield from bound_names([child])
        elif not isinstance(child, ast.Lambda):
            yield from _bound_inside(child)


def find_imports(body: Iterable[ast.stmt]) -> list[ImportedName]:
    """All imports of top-level statements, also under ``if`` and ``try``, one by one."""
    found: list[ImportedName] = []
    for node in _import_statements(body):
        for alias in node.names:
            if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                found.append(_imported_name(node, alias))
    return found


def _imported_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ImportedName:
    if isinstance(node, ast.Import):
        one: ast.stmt = ast.Import(names=[alias])
        name, package = alias.asname or alias.name.split(".")[0], alias.name.split(".")[0]
    else:
        one = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
        name = alias.asname or alias.name
        package = "" if node.level else (node.module or "").split(".")[0]
    return ImportedName(name=name, statement=ast.unparse(one), package=package)


def _import_statements(body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, (ast.If, ast.Try)):
            for handler in getattr(node, "handlers", ()):
                yield from _import_statements(handler.body)
            yield from _import_statements((*node.body, *node.orelse))


def choose_imports(
    used: Collection[str], body: Sequence[ast.stmt], module: ModuleNames
) -> ChosenImports:
    """Of the imports in ``body`` those that bind ``used`` names and that the module lacks.

    A star import of a standard module becomes the names that are used of it; another one is
    kept where names remain that nothing else binds.
    """
    own = dict(module.imports)
    top: list[str] = []
    local: list[str] = []
    names: set[str] = set()
    repairs: list[str] = []
    for item in _resolve_stars(find_imports(body), used, module):
        if item.name != "*" and item.name not in used:
            continue
        names.add(item.name)
        if item.name not in module.names:
            top.append(item.statement)
        elif own.get(item.name) != item.statement and item.name in own:
            local.append(item.statement)
            repairs.append(f"imports its own {item.name} inside the function")
    return ChosenImports(
        module=_join_imports(top),
        local=_join_imports(local),
        names=frozenset(names),
        repairs=tuple(repairs),
    )


def _resolve_stars(
    items: Sequence[ImportedName], used: Collection[str], module: ModuleNames
) -> Iterator[ImportedName]:
    open_names = set(used) - {item.name for item in items} - BUILTINS - module.names
    for item in items:
        if item.name != "*":
            yield item
        elif item.package in _STAR:
            source = item.statement.split()[1]
            for name in sorted(open_names & _exported(source)):
                yield replace(item, name=name, statement=f"from {source} import {name}")
            open_names -= _exported(source)
    if open_names:
        yield from (item for item in items if item.name == "*" and item.package not in _STAR)


@lru_cache(maxsize=64)
def _exported(module: str) -> frozenset[str]:
    """What a star import of a standard module of :data:`_STAR` binds."""
    found = importlib.import_module(module)
    public = [name for name in dir(found) if not name.startswith("_")]
    return frozenset(getattr(found, "__all__", public))


def _join_imports(statements: Iterable[str]) -> tuple[str, ...]:
    """One statement per module: ``from a import x`` and ``from a import y`` become one."""
    joined: dict[str, list[str]] = {}
    for statement in dict.fromkeys(statements):
        head, found, names = statement.partition(" import ")
        key = head if found else statement
        joined.setdefault(key, []).append(names)
    return tuple(
        f"{head} import {', '.join(names)}" if head.startswith("from ") else head
        for head, names in joined.items()
    )


# --- what an answer forgot --------------------------------------------------------------------


def missing_imports(names: Iterable[str], code: str) -> tuple[str, ...]:
    """Statements for those of the undefined ``names`` in ``code`` that an import explains."""
    found = [_find_import(name, _is_module(name, code)) for name in sorted(set(names))]
    return _join_imports(statement for statement in found if statement)


def _is_module(name: str, code: str) -> bool:
    """Whether a namesake such as ``datetime`` is meant as the module."""
    if name not in _NAMESAKES:
        return True
    if name == "datetime":
        return any(f"datetime.{attribute}" in code for attribute in _DATETIME)
    return f"{name}." in code or f"{name}(" not in code


_DATETIME = ("datetime", "date(", "date.", "timedelta", "timezone", "time(", "UTC", "MINYEAR")


@lru_cache(maxsize=4096)
def _find_import(name: str, is_module: bool) -> str:
    """What autoimport adds for ``name``; ``""`` when nothing."""
    if name in _NEVER or not (name in _STATEMENTS or _can_be_imported(name)):
        # For a name it does not know autoimport goes on to import the package that is named
        # like the folder above the current one: the user's code, in this process. Not asked.
        return ""
    statements = dict(_STATEMENTS)
    if name in _NAMESAKES:
        statements[name] = f"import {name}" if is_module else f"from {name} import {name}"
    config = {"common_statements": statements, "disable_move_to_top": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fixed = autoimport.fix_code(f"{name}\n", config)
    return next(iter(_added_imports(fixed)), "")


def _added_imports(source: str) -> Iterator[str]:
    module = cst.parse_module(source)
    for line in module.body:
        for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(statement, (cst.Import, cst.ImportFrom)):
                yield module.code_for_node(statement).strip()


def _can_be_imported(name: str) -> bool:
    """Whether ``name`` is a module of the standard library or an installed package's."""
    if not name.isidentifier() or not name.isascii():
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    if name in sys.stdlib_module_names:
        return True
    origin = spec.origin or ""
    # An extension module would be loaded by autoimport's probe; a package's is pure Python.
    return origin.endswith("__init__.py") and origin.startswith(_site_packages())


@lru_cache(maxsize=1)
def _site_packages() -> tuple[str, ...]:
    return tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
