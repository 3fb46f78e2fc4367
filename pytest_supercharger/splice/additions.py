"""What do the candidates of one file need outside their bodies, each thing once?"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.splice.bindings import binding, defined_names, packages
from pytest_supercharger.splice.layout import Layout, Site, no_warnings
from pytest_supercharger.stubs import Stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A stub, where it stands, and what is to fill it."""

    site: Site
    stub: Stub
    new: CodeCandidate


class Additions:
    """What the candidates of one file need at module level, each thing once."""

    def __init__(self, layout: Layout) -> None:
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self._layout = layout
        self._known = {name: set(targets) for name, targets in layout.imported.items()}
        self._loaded = set(layout.loaded)
        self._helpers: dict[str, str] = {}  # name: what it is, dumped

    def add_imports(self, target: Target) -> list[str]:
        """Take a candidate's imports; those that must stand inside its body are returned.

        An import goes into the body where its name means something else in the module, or is
        that of a builtin which other functions of the module may use.
        """
        local: list[str] = []
        for statement in _import_statements(target):
            places = [(alias, self._where(statement, alias)) for alias in statement.names]
            at_top = [alias for alias, place in places if place == "module"]
            inside = [alias for alias, place in places if place == "body"]
            if at_top:
                self.imports.append(_with_names(statement, at_top))
            for alias in inside:
                self._refuse_in_helpers(target, binding(statement, alias)[0])
                local.append(ast.unparse(_with_names(statement, [alias])))
        return local

    def _where(self, statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
        """ "module", "body" or, where the name is bound to this already, ""."""
        name, target = binding(statement, alias)
        if name in self._layout.deleted:
            return "body"
        if target in self._known.get(name, ()):
            plain = isinstance(statement, ast.Import) and not alias.asname
            if not plain or alias.name in self._loaded:
                return ""
        elif self._means_something_else(name, target):
            return "body"
        self._known.setdefault(name, set()).add(target)
        if isinstance(statement, ast.Import):
            self._loaded |= set(packages(alias.name))
        return "module"

    def _means_something_else(self, name: str, target: str) -> bool:
        if target.startswith("__future__."):
            return False
        if name in self._known or name in self._helpers or hasattr(builtins, name):
            return True
        return name in self._layout.bound and target not in self._layout.hidden.get(name, ())

    def _refuse_in_helpers(self, target: Target, name: str) -> None:
        if any(re.search(rf"\b{name}\b", helper) for helper in target.new.helpers):
            raise SourceError(
                f"{target.stub.id}: a helper needs {name}, which means something else in the file"
            )

    def add_helpers(self, target: Target) -> list[str]:
        """The candidate's helpers that are not in the file yet."""
        return [helper for helper in target.new.helpers if self._is_new(target, helper)]

    def _is_new(self, target: Target, helper: str) -> bool:
        """Whether to add it; SourceError when one of its names has another meaning."""
        statements = _parsed(helper, target).body
        names = {name: ast.dump(each) for each in statements for name in defined_names(each)}
        if not names:
            raise SourceError(f"{target.stub.id}: a helper defines nothing: {helper[:60]!r}")
        there = {name for name, dump in names.items() if self._is_there(target, name, dump)}
        if there and there != names.keys():
            raise SourceError(f"{target.stub.id}: a part of a helper is in the file already")
        self._helpers |= names
        return not there

    def _is_there(self, target: Target, name: str, dump: str) -> bool:
        if self._helpers.get(name) == dump:
            return True
        defined = [each for each in self._layout.tree.body if name in defined_names(each)]
        if [ast.dump(each) for each in defined] == [dump]:
            return True
        taken = name in self._layout.bound or name in self._known or name in self._helpers
        if taken or hasattr(builtins, name):
            raise SourceError(
                f"{target.stub.id}: it needs a helper {name}, a name that has a meaning already"
            )
        return False


def _import_statements(target: Target) -> Iterator[ast.Import | ast.ImportFrom]:
    for text in target.new.imports:
        for statement in _parsed(text, target).body:
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                raise SourceError(f"{target.stub.id}: not an import: {text[:60]!r}")
            if any(alias.name == "*" for alias in statement.names):
                raise SourceError(
                    f"{target.stub.id}: {text!r} would bind names the file does not show"
                )
            yield statement


def _parsed(code: str, target: Target) -> ast.Module:
    try:
        with no_warnings():
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise SourceError(f"{target.stub.id}: the new code does not parse: {exc}") from exc


def _with_names(
    statement: ast.Import | ast.ImportFrom, names: list[ast.alias]
) -> ast.Import | ast.ImportFrom:
    if isinstance(statement, ast.Import):
        return ast.Import(names=names)
    return ast.ImportFrom(module=statement.module, names=names, level=statement.level)
