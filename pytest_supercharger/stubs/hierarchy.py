"""Is a class derived from ABC or Protocol, through whichever files of the project?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.stubs.definitions import base_names, last_name
from pytest_supercharger.stubs.module import Module, all_statements, read_module
from pytest_supercharger.stubs.source import read_source


class Hierarchy:
    """Bases of classes that hold a stub, followed through the files of the project."""

    def __init__(self, rootdir: Path | None) -> None:
        self.rootdir = rootdir  # None: only what stands in the same file
        self._modules: dict[str, Module | None] = {}

    def abstract_base(self, module: Module, node: ast.ClassDef) -> str:
        """``ABC`` or ``Protocol``, where the class or one of its bases derives from it."""
        seen: set[tuple[str, int]] = set()
        pending = [(module, node)]
        while pending:
            module, node = pending.pop()
            if (module.path, node.lineno) in seen:
                continue
            seen.add((module.path, node.lineno))
            metaclasses = [last_name(module, each.value) for each in node.keywords]
            names = {*base_names(module, node), *metaclasses}
            for name in ("Protocol", "ABC", "ABCMeta"):
                if name in names:
                    return name.removesuffix("Meta")
            pending += self._bases(module, node)
        return ""

    def _bases(self, module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
        for base in node.bases:
            if isinstance(base, ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                yield from self._class(module, base.id)

    def _class(self, module: Module, name: str) -> Iterator[tuple[Module, ast.ClassDef]]:
        for node in all_statements(module.tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                yield module, node
                return
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        yield from self._imported(module, node, alias.name)

    def _imported(
        self, module: Module, node: ast.ImportFrom, name: str
    ) -> Iterator[tuple[Module, ast.ClassDef]]:
        """The class ``name`` where the file it is imported from defines it."""
        here = PurePosixPath(module.path)
        tops = [here.parents[node.level - 1]] if 0 < node.level <= len(here.parents) else []
        tops = tops if node.level else list(here.parents)
        parts = (node.module or "").split(".") if node.module else []
        for top in tops:
            for path in (
                top.joinpath(*parts, "__init__.py"),
                top.joinpath(*parts).with_suffix(".py"),
            ):
                target = self._load(path.as_posix())
                for each in target.tree.body if target else ():
                    if target and isinstance(each, ast.ClassDef) and each.name == name:
                        yield target, each
                        return

    def _load(self, path: str) -> Module | None:
        if path not in self._modules:
            self._modules[path] = None
            file = self.rootdir / path if self.rootdir else None
            if file and file.is_file():
                try:
                    self._modules[path] = read_module(read_source(file).text, path)
                except SourceError:  # the reason stays without the base's name
                    pass
        return self._modules[path]
