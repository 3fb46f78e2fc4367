"""What do the tests that reach the stub say, and what do they use?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_supercharger.context.cases import hold_back
from pytest_supercharger.context.files import ProjectFiles, SourceFile
from pytest_supercharger.context.library import library_outline
from pytest_supercharger.context.outlines import enclosing_headers
from pytest_supercharger.context.packing import Draft, words_of
from pytest_supercharger.context.parts import HeldBack, LinkedTest, PartKind, covers, split_node_id
from pytest_supercharger.context.statements import (
    DEFINITIONS,
    FUNCTIONS,
    Definition,
    Function,
    bound_names,
    flat_statements,
    import_source,
    source_of,
)

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub

_MAX_SUPPORT_LINES = 40


class LinkedTests:
    """Source of the tests that reach a stub, some of their cases held back."""

    def __init__(self, stub: Stub, files: ProjectFiles) -> None:
        self._stub = stub
        self._files = files
        self._trimmed: dict[str, tuple[SourceFile | None, tuple[HeldBack, ...]]] = {}
        self.held_back: list[HeldBack] = []
        self.missing: list[str] = []

    def drafts(self, tests: Sequence[LinkedTest], *, belongs: bool) -> list[Draft]:
        """One draft for each test function; those that name the stub come first."""
        functions = dict.fromkeys(split_node_id(t.id)[0] for t in tests if t.belongs == belongs)
        if not belongs:
            nearer = {split_node_id(t.id)[0] for t in tests if t.belongs}
            functions = {test: None for test in functions if test not in nearer}
        drafts = [draft for test in functions if (draft := self._draft(test, belongs))]
        return sorted(drafts, key=lambda draft: self._stub.name not in words_of(draft.texts[-1:]))

    def _draft(self, test: str, belongs: bool) -> Draft | None:
        path, _, name = test.partition("::")
        file = self._read(path)
        found = _find_test(file, name.split("::")) if file and name else None
        if not file or not found:
            if path != self._stub.path:  # a docstring example needs no second showing
                self.missing.append(f"{test} (source not found)")
            return None
        self.held_back += [held for held in self._trimmed[path][1] if covers(held, test)]
        texts = (*self._support(file, found), _test_source(file, found))
        if not belongs and "NotImplementedError" in words_of(texts):
            return None  # it says what the stub does while it is open
        kind = PartKind.TESTS if belongs else PartKind.OTHER_TESTS
        return Draft(kind=kind, title=f"Test {test}", texts=texts)

    def _read(self, path: str) -> SourceFile | None:
        if path not in self._trimmed:
            file = self._files.read(path)
            self._trimmed[path] = hold_back(file) if file else (None, ())
        return self._trimmed[path][0]

    def _support(self, file: SourceFile, found: Sequence[Definition]) -> list[str]:
        """Imports, constants, helpers and fixtures that a test uses, in that order."""
        shown = [*_setup_methods(found), found[-1]]
        texts = self._definitions(file, _used_names(shown))
        own = [source_of(file, node) for node in shown[:-1]]
        header = enclosing_headers(found[:-1])
        return [*texts, "\n".join([header, *own])] if own else texts

    def _definitions(self, file: SourceFile, used: set[str]) -> list[str]:
        """Sources of what these names stand for, and of what that uses in turn."""
        imports: list[str] = []
        others: list[str] = []
        todo, done = set(used), set[str]()
        while todo - done:
            name = min(todo - done)
            done.add(name)
            home, statement = self._lookup(file, name)
            if not home or not statement:
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                imports.append(import_source(statement))
            else:
                others.append(_support_source(home, statement, of=file))
                todo |= _used_names([statement])
        lines = "\n".join(dict.fromkeys(line for line in imports if line))
        return [*([lines] if lines else []), *dict.fromkeys(reversed(others))]

    def _lookup(self, file: SourceFile, name: str) -> tuple[SourceFile | None, ast.stmt | None]:
        """What binds a name in a test file or, as a fixture uses it, in a conftest above."""
        for statement in flat_statements(file.tree.body):
            if name in bound_names(statement) or name in _imported_names(statement):
                return file, statement
        for folder in Path(file.path).parents:
            conftest = self._read((folder / "conftest.py").as_posix())
            for statement in flat_statements(conftest.tree.body) if conftest else ():
                fixture = isinstance(statement, FUNCTIONS) and _is_fixture(statement, name)
                if fixture or name in (*bound_names(statement), *_imported_names(statement)):
                    return conftest, statement
        return None, None


def _find_test(file: SourceFile, names: Sequence[str]) -> tuple[Definition, ...] | None:
    """The test function with the classes around it; looked for in base classes too."""
    found: list[Definition] = []
    body: Sequence[ast.stmt] = file.tree.body
    for name in names:
        node = _child(file, body, name, found[-1] if found else None)
        if node is None:
            return None
        found.append(node)
        body = node.body
    return tuple(found) if isinstance(found[-1], FUNCTIONS) else None


def _child(
    file: SourceFile, body: Sequence[ast.stmt], name: str, parent: ast.stmt | None
) -> Definition | None:
    for statement in flat_statements(body):
        if isinstance(statement, DEFINITIONS) and statement.name == name:
            return statement
    bases = parent.bases if isinstance(parent, ast.ClassDef) else []
    for base in bases:
        for statement in flat_statements(file.tree.body):
            named = isinstance(base, ast.Name) and base.id in bound_names(statement)
            if named and isinstance(statement, ast.ClassDef) and statement is not parent:
                return _child(file, statement.body, name, statement)
    return None


def _test_source(file: SourceFile, found: Sequence[Definition]) -> str:
    """A test, inside the header of its class."""
    source = source_of(file, found[-1])
    header = enclosing_headers(found[:-1])
    return f"{header}\n{source}" if header else source


def _setup_methods(found: Sequence[Definition]) -> list[Function]:
    """Set-up methods and fixtures of the classes around a test."""
    names = {"setUp", "setUpClass", "setup_method", "setup_class", "__init__"}
    return [
        child
        for node in found[:-1]
        for child in flat_statements(node.body)
        if isinstance(child, FUNCTIONS)
        if child.name in names or any("fixture" in ast.unparse(d) for d in child.decorator_list)
    ]


def _used_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names a test reads, its parameters (which ask for fixtures) included."""
    inner = [child for node in nodes for child in ast.walk(node)]
    names = {node.id for node in inner if isinstance(node, ast.Name)}
    return names | {node.arg for node in inner if isinstance(node, ast.arg)}


def _imported_names(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]


def _is_fixture(node: Function, name: str) -> bool:
    for decorator in node.decorator_list:
        if "fixture" in ast.unparse(decorator):
            named = re.search(r"name=['\"](\w+)['\"]", ast.unparse(decorator))
            return (named.group(1) if named else node.name) == name
    return False


def _support_source(home: SourceFile, statement: ast.stmt, *, of: SourceFile) -> str:
    """Source of what a test uses, in outline when it is long, with its file when another."""
    source = source_of(home, statement)
    if source.count("\n") >= _MAX_SUPPORT_LINES:
        source = library_outline(statement)
    return source if home.path == of.path else f"# {home.path}\n{source}"
