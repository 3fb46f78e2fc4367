"""What does the stub's file import from the project?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_supercharger.context.files import ProjectFiles, SourceFile
from pytest_supercharger.context.outlines import outline, shortened
from pytest_supercharger.context.packing import Draft
from pytest_supercharger.context.parts import PartKind
from pytest_supercharger.context.statements import DEFINITIONS, bound_names, flat_statements


def library_drafts(home: SourceFile, files: ProjectFiles, words: set[str]) -> Iterator[Draft]:
    """One part for each file of the project that the file imports from."""
    found: dict[str, dict[str, bool]] = {}
    for path, statement in _imported_definitions(home, files):
        if path != home.path:
            near = bool(words.intersection(bound_names(statement)))
            found.setdefault(path, {})[library_outline(statement)] = near
    for path, outlines in sorted(found.items(), key=lambda item: not any(item[1].values())):
        texts = sorted(outlines, key=lambda text, near=outlines: not near[text])  # type: ignore[misc]
        title = f"From {path}"
        yield Draft(kind=PartKind.LIBRARY, title=title, texts=tuple(texts), divisible=True)


def library_outline(statement: ast.stmt) -> str:
    if isinstance(statement, DEFINITIONS):
        return outline(statement, paragraph=True)
    return shortened(ast.unparse(statement))


def _imported_definitions(home: SourceFile, files: ProjectFiles) -> Iterator[tuple[str, ast.stmt]]:
    """Path and statement of each definition that the file imports from the project."""
    for statement in flat_statements(home.tree.body):
        if isinstance(statement, ast.ImportFrom):
            yield from _from_imported(home, statement, files)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                path = _module_path(files, home.path, alias.name, 0)
                bound = alias.asname or alias.name
                yield from _used_of_module(home, path, bound, files)


def _from_imported(
    home: SourceFile, statement: ast.ImportFrom, files: ProjectFiles
) -> Iterator[tuple[str, ast.stmt]]:
    module, level = statement.module or "", statement.level
    for alias in statement.names:
        inner = f"{module}.{alias.name}".lstrip(".")
        submodule = _module_path(files, home.path, inner, level)
        path = _module_path(files, home.path, module, level)
        if submodule:
            yield from _used_of_module(home, submodule, alias.asname or alias.name, files)
        elif path and alias.name == "*":
            yield from _public_definitions(files, path)
        elif path and (found := _definition(files, path, alias.name)):
            yield found


def _used_of_module(
    home: SourceFile, path: str | None, bound: str, files: ProjectFiles
) -> Iterator[tuple[str, ast.stmt]]:
    """What the file uses of a module bound to this dotted name; all of it if nothing yet."""
    if not path:
        return
    used = re.findall(rf"(?<![\w.]){re.escape(bound)}\.(\w+)", home.text)
    found = [d for name in dict.fromkeys(used) if (d := _definition(files, path, name))]
    yield from found or _public_definitions(files, path)


def _public_definitions(files: ProjectFiles, path: str) -> Iterator[tuple[str, ast.stmt]]:
    file = files.read(path)
    for statement in flat_statements(file.tree.body) if file else ():
        if any(not name.startswith("_") for name in bound_names(statement)):
            yield path, statement


def _definition(
    files: ProjectFiles, path: str, name: str, hops: int = 4
) -> tuple[str, ast.stmt] | None:
    """Where a name of a module is defined, through at most ``hops`` re-exports."""
    file = files.read(path)
    if not file or not hops:
        return None
    for statement in flat_statements(file.tree.body):
        if name in bound_names(statement):
            return path, statement
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if name in (alias.asname or alias.name, alias.name) and alias.name != "*":
                    source = _module_path(files, path, statement.module or "", statement.level)
                    if source and source != path:
                        return _definition(files, source, alias.name, hops - 1)
    return None


def _module_path(files: ProjectFiles, importer: str, module: str, level: int) -> str | None:
    """Path of a module of the project, as seen from the importing file; None for others'."""
    parents = [parent.as_posix() for parent in Path(importer).parents]
    if level > len(parents):
        return None
    bases = parents[level - 1 : level] if level else _import_roots(files, parents)
    relative = module.replace(".", "/")
    for base in bases:
        for name in (f"{relative}.py", f"{relative}/__init__.py") if module else ("__init__.py",):
            path = (Path(base) / name).as_posix()
            if files.exists(path):
                return path
    return None


def _import_roots(files: ProjectFiles, parents: Sequence[str]) -> list[str]:
    """Folders that absolute imports may start from: those above that are no packages, and src."""
    roots = [folder for folder in parents if not files.exists(f"{folder}/__init__.py")]
    return [*roots, "src"]
