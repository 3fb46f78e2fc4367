"""Does the code keep to its own map: who may import whom, and what its prose may not hold?

The files are read, not imported: an import inside a function counts as much as one at the top.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "pytest_supercharger"

# Which modules alone may import a package from outside.
KEEPERS = {
    "pytest": {
        "plugin",
        "hookspecs",
        "options",
        "config",
        "command",
    },  # command: for annotations only
    "_pytest": set(),
    "llama_cpp": {"models.engine.library"},  # what models.llama runs in a process of its own
    "openai": {"models.server.http"},
    "huggingface_hub": {
        "models.hub.cache",
        "models.hub.fetch",
        "models.hub.transfer",
        "models.hub.trouble",
    },
    "docker": {"sandboxes.docker", "sandboxes.docker_engine", "sandboxes.docker_image"},
    "sqlite3": {"ledger"},
}

# The modules that name one model or one sandbox; everything else is handed a protocol.
CONCRETE = (
    *("models.llama", "models.server.model", "models.replay", "models.scripted"),
    *("sandboxes.docker", "sandboxes.docker_engine", "sandboxes.docker_image"),
    *("sandboxes.bubblewrap", "sandboxes.bwrap", "sandboxes.bwrap_remedy", "sandboxes.scripted"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One module that a file imports."""

    name: str  # absolute, as written; for "from a import b" a.b where b is a module of ours
    at_top: bool  # runs when the file is imported


def module_name(path: Path) -> str:
    """``models.base`` for pytest_supercharger/models/base.py, "" for the package itself."""
    parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def package_files() -> dict[str, Path]:
    """Path by module name, without the package's name in front."""
    return {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Everything a file imports, in any scope."""
    tree = ast.parse(path.read_bytes(), str(path))
    return tuple(_walk(tree, at_top=True))


def _walk(node: ast.AST, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        deferred = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        runs = at_top and not deferred and not _for_typing_only(node, child)
        yield from (Import(name=name, at_top=runs) for name in _names(child))
        yield from _walk(child, at_top=runs)


def _for_typing_only(node: ast.AST, child: ast.AST) -> bool:
    """Whether ``child`` stands in the body of an ``if TYPE_CHECKING``."""
    if not isinstance(node, ast.If) or "TYPE_CHECKING" not in ast.unparse(node.test):
        return False
    return child in node.body


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            is_module = full.removeprefix(f"{PACKAGE}.") in package_files()
            yield full if is_module else str(node.module)


@cache
def ours(module: str) -> frozenset[str]:
    """Modules of the package that ``module`` imports, without the package's name in front."""
    names = {each.name for each in imports_of(package_files()[module])}
    prefix = f"{PACKAGE}."
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def outside(path: Path) -> set[str]:
    """Top-level packages that a file imports and that are not ours."""
    return {each.name.partition(".")[0] for each in imports_of(path)} - {PACKAGE}


def reachable(module: str) -> set[str]:
    """All modules of the package that come with ``module``, itself left out."""
    found: set[str] = set()
    open_ends = [module]
    while open_ends:
        new = ours(open_ends.pop()) & package_files().keys() - found
        found |= new
        open_ends.extend(new)
    return found - {module}


def is_in(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def offenders(allowed: set[str], package: str) -> list[str]:
    return [
        module
        for module, path in package_files().items()
        if package in outside(path) and module not in allowed
    ]


def test_the_package_writes_absolute_imports() -> None:
    for path in package_files().values():
        nodes = ast.walk(ast.parse(path.read_bytes()))
        assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level], path


@pytest.mark.parametrize("package", KEEPERS)
def test_a_foreign_package_is_imported_only_by_its_keeper(package: str) -> None:
    assert offenders(KEEPERS[package], package) == []


def test_the_plugin_imports_only_options_and_hookspecs_at_its_top() -> None:
    at_top = {
        each.name.removeprefix(f"{PACKAGE}.")
        for each in imports_of(package_files()["plugin"])
        if each.at_top and each.name.startswith(PACKAGE)
    }
    assert at_top <= {"options", "hookspecs", PACKAGE}


@pytest.mark.parametrize("module", ["", "options", "hookspecs"])
def test_what_every_run_loads_needs_the_standard_library_and_pytest_only(module: str) -> None:
    path = package_files()[module]
    at_top = {each.name.partition(".")[0] for each in imports_of(path) if each.at_top}
    assert at_top <= {*sys.stdlib_module_names, "pytest", "pluggy", PACKAGE}


def test_no_module_imports_itself_by_a_detour() -> None:
    circles = [
        module for module in package_files() if module and module in _reachable_strictly(module)
    ]
    assert circles == []


def _reachable_strictly(module: str) -> set[str]:
    """What comes with the imports of ``module``, the package's own name left out."""
    return {far for near in ours(module) & package_files().keys() for far in reachable(near)}


def test_stubs_and_cleaning_know_neither_models_nor_sandboxes() -> None:
    rooms = [
        module
        for module in package_files()
        if is_in(module, "stubs") or (is_in(module, "clean") and module != "clean.candidates")
    ]
    assert "stubs" in rooms
    for room in rooms:
        known = {each for each in ours(room) if is_in(each, "models") or is_in(each, "sandboxes")}
        assert known == set(), room


@pytest.mark.parametrize(("room", "other"), [("models", "sandboxes"), ("sandboxes", "models")])
def test_models_and_sandboxes_know_nothing_of_each_other(room: str, other: str) -> None:
    for module in package_files():
        if is_in(module, room):
            assert not [each for each in reachable(module) if is_in(each, other)], module


def test_only_the_process_of_llama_cpp_imports_what_runs_in_it() -> None:
    for module in package_files():
        if not is_in(module, "models.engine"):
            assert not [each for each in ours(module) if is_in(each, "models.engine")], module


def test_only_the_start_names_a_concrete_model_or_sandbox() -> None:
    for module in package_files():
        if module == "command" or module in CONCRETE:
            continue
        named = ours(module) & set(CONCRETE)
        same_room = {name for name in named if is_in(module, name.partition(".")[0])}
        assert named == same_room, module


@pytest.mark.parametrize(
    "module", ["selection", "feedback", "clean.fences", "clean.syntax", "clean.pruning"]
)
def test_pure_rooms_touch_no_file_and_no_process(module: str) -> None:
    path = package_files()[module]
    doors = {"os", "shutil", "socket", "sqlite3", "subprocess", "tempfile"}
    assert outside(path) & doors == set()


def test_the_inside_of_the_sandbox_needs_the_standard_library_and_pytest_only() -> None:
    files = sorted((ROOT / "sandbox").rglob("*.py"))
    assert files
    inside = {path.stem if path.suffix else path.name for path in (ROOT / "sandbox").iterdir()}
    for path in files:
        foreign = outside(path) - set(sys.stdlib_module_names) - inside
        assert foreign <= {"pytest", "_pytest", "pluggy"}, path


def test_the_package_imports_nothing_of_the_inside_of_the_sandbox() -> None:
    inside = {path.stem for path in (ROOT / "sandbox").iterdir()} - {"standin"}
    for path in package_files().values():
        assert outside(path) & inside == set(), path


# --- prose -------------------------------------------------------------------------------------

BANNED = {
    "a path of one machine": r"(?<![\w.*{}/-])/(?:home|root|Users|work)/\w+",
    "a mark of unfinished work": r"\b(?:TODO|FIXME|XXX|HACK|TBD)\b",
    "advertising": r"(?i)\b(?:blazing(?:ly)?|seamless(?:ly)?|effortless(?:ly)?|cutting-edge"
    r"|state-of-the-art|powerful|revolutionary)\b",
}
EMPTY_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|common|misc|managers?|handlers?)(?:\.py)?$")


def prose_of(path: Path) -> str:
    """Comments and docstrings of a Python file; the whole text of any other."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, documented))
    return "\n".join([*comments, *(ast.get_docstring(node) or "" for node in nodes)])


@cache
def prose_files() -> tuple[Path, ...]:
    code = [
        path
        for folder in (PACKAGE, "sandbox", "prompts", "benchmarks", "scripts")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", ".toml", ".sh", "")
    ]
    return (*sorted(code), *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("what", BANNED)
def test_prose_holds_no(what: str) -> None:
    assert len(prose_files()) > 20
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in prose_files()
        for match in re.finditer(BANNED[what], prose_of(path))
    ]
    assert found == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    names = [path.name for path in package_files().values()]
    assert [name for name in names if EMPTY_NAMES.search(name)] == []


def test_every_module_says_what_it_is_for() -> None:
    mute = [
        str(path.relative_to(ROOT))
        for path in [*package_files().values(), *(ROOT / "sandbox").rglob("*.py")]
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert mute == []
