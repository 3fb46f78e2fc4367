"""What must be installed inside: declared dependencies, else what the imports need.

A name that nobody declared is never installed because a model, or a source file, names it: it
must be in the user's environment already, or be allowed by name.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_GROUPS = ("test", "tests", "dev", "testing")
_NOT_OURS = {"build", "dist", "node_modules", "site-packages", "__pycache__"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What to install, and what is left to the user."""

    declared: tuple[str, ...]  # requirements, as pip reads them
    source: str  # where they stand: "pyproject.toml, requirements.txt"; "imports"; ""
    unresolved: tuple[str, ...]  # lines and imports that are not installed, with the reason


def find_requirements(rootdir: Path, allow: Sequence[str] = ()) -> Requirements:
    """The declared dependencies, those for tests included, and ``allow`` on top of them."""
    found = _Found()
    own = _read_pyproject(rootdir / "pyproject.toml", found)
    own |= _read_setup_cfg(rootdir / "setup.cfg", found)
    for path in sorted(rootdir.glob("requirements*.txt")):
        _read_requirements_file(path, found, set())
    if not found.requirements:
        _read_imports(rootdir, found)
    kept = (one for one in found.requirements if canonicalize_name(one.name) not in own)
    wanted = (*kept, *_parsed(allow, "allowed", found))
    return Requirements(
        declared=tuple(dict.fromkeys(str(one) for one in wanted if _applies(one))),
        source=", ".join(dict.fromkeys(found.sources)),
        unresolved=tuple(dict.fromkeys(found.unresolved)),
    )


def find_pins(requirements: Iterable[str]) -> tuple[str, ...]:
    """``name==version`` of what is installed here for ``requirements``, with all they need.

    So the sandbox gets the versions that the user's own tests run with.
    """
    pins: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        try:
            installed = metadata.distribution(name)
            version = Version(installed.version)
        except (metadata.PackageNotFoundError, InvalidVersion):
            continue
        if name not in seen or requirement.extras:
            seen.add(name)
            waiting += _needs(installed, requirement.extras, known=seen)
        if version.local is None:  # a local version is on no index
            pins[name] = f"{name}=={version}"
    return tuple(sorted(pins.values()))


def _needs(
    installed: metadata.Distribution, extras: Iterable[str], known: Collection[str]
) -> list[Requirement]:
    needed = [Requirement(text) for text in installed.requires or ()]
    return [
        one
        for one in needed
        if canonicalize_name(one.name) not in known
        and any(one.marker is None or one.marker.evaluate({"extra": e}) for e in ("", *extras))
    ]


class _Found:
    """Collects while the files are read."""

    def __init__(self) -> None:
        self.requirements: list[Requirement] = []
        self.sources: list[str] = []
        self.unresolved: list[str] = []

    def add(self, lines: Iterable[str], source: str) -> None:
        requirements = list(_parsed(lines, source, self))
        if requirements:
            self.requirements += requirements
            self.sources.append(source)


def _parsed(lines: Iterable[str], source: str, found: _Found) -> Iterator[Requirement]:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            found.unresolved.append(f"{line} ({source}: not a plain requirement)")
            continue
        if requirement.url:
            found.unresolved.append(f"{line} ({source}: by address)")
        else:
            yield requirement


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _read_pyproject(path: Path, found: _Found) -> set[str]:
    """The name of the project itself: its source is on the path, it is not installed."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        found.unresolved.append(f"pyproject.toml cannot be read: {error}")
        return set()
    project = tables.get("project", {})
    extras = project.get("optional-dependencies", {})
    groups = tables.get("dependency-groups", {})
    own: str = canonicalize_name(project.get("name", ""))
    lines = [*project.get("dependencies", ())]
    lines += (line for name in _GROUPS for line in extras.get(name, ()))
    lines += (line for name in _GROUPS for line in _group(groups, name, ()))
    found.add(_with_own_extras(lines, own, extras), "pyproject.toml")
    return {own} - {""}


def _group(groups: Mapping[str, Any], name: str, above: Sequence[str]) -> Iterator[str]:
    """The requirements of a dependency group; include-group tables are followed."""
    if name in above:
        return
    names = {canonicalize_name(key): key for key in groups}
    for entry in groups.get(names.get(canonicalize_name(name), name), ()):
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict) and "include-group" in entry:
            yield from _group(groups, entry["include-group"], (*above, name))


def _with_own_extras(
    lines: Iterable[str], own: str, extras: Mapping[str, Sequence[str]], depth: int = 0
) -> Iterator[str]:
    """``mine[cli]`` in an extra of ``mine`` stands for what its extra ``cli`` lists."""
    for line in lines:
        match = re.match(r"\s*([\w.-]+)\s*\[([^\]]+)\]\s*$", line)
        if match and canonicalize_name(match[1]) == own and depth < 10:
            for name in match[2].split(","):
                listed = extras.get(name.strip(), ())
                yield from _with_own_extras(listed, own, extras, depth + 1)
        else:
            yield line


def _read_setup_cfg(path: Path, found: _Found) -> set[str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, "utf-8")
    except configparser.Error as error:
        found.unresolved.append(f"setup.cfg cannot be read: {error}")
        return set()
    own: str = canonicalize_name(parser.get("metadata", "name", fallback=""))
    texts = [parser.get("options", "install_requires", fallback="")]
    texts += (parser.get("options.extras_require", name, fallback="") for name in _GROUPS)
    lines = [line.strip() for text in texts for line in text.splitlines()]
    found.add((line for line in lines if line and not line.startswith("#")), "setup.cfg")
    return {own} - {""}


def _read_requirements_file(path: Path, found: _Found, seen: set[Path]) -> None:
    """Follows -r; a constraint, an option, an address or an editable is left to the user."""
    path = path.resolve()
    if path in seen:
        return
    seen.add(path)
    try:
        text = path.read_text("utf-8-sig", "replace")
    except OSError as error:
        found.unresolved.append(f"{path.name} cannot be read: {error.strerror}")
        return
    for line in _logical_lines(text):
        included = re.match(r"(?:-r|--requirement)[\s=]*(\S.*)", line)
        if included:
            _read_requirements_file(path.parent / included[1], found, seen)
        elif line.startswith("-"):
            found.unresolved.append(f"{_without_secrets(line)} ({path.name}: an option)")
        else:
            found.add([re.split(r"\s--hash[=\s]", line)[0].strip()], path.name)


def _logical_lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        if bare := re.sub(r"(^|\s)#.*", "", line).strip():
            yield bare


def _without_secrets(line: str) -> str:
    """Without the user and password of an index."""
    return re.sub(r"//[^/@\s]*@", "//", line)


def _read_imports(rootdir: Path, found: _Found) -> None:
    """What the sources import and nobody declares, from what is installed here."""
    imports = _find_imports(rootdir)
    if not imports:
        return
    installed = _installed_packages(imports)
    for name in sorted(imports - installed.keys()):
        found.unresolved.append(
            f"{name} (imported, neither declared nor installed here: "
            "--supercharge-sandbox-allow names a package to install)"
        )
    found.add(sorted(set(installed.values())), "imports")


def _find_imports(rootdir: Path) -> set[str]:
    """Top-level names that the project's files import from outside of it."""
    imported: set[str] = set()
    own: set[str] = set()
    for path in _python_files(rootdir):
        own |= {path.stem, path.parent.name}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of their string escapes and the like
                tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue  # a file that cannot be imported needs nothing
        imported |= {name.partition(".")[0] for name in _imported_names(tree)}
    return imported - own - sys.stdlib_module_names - {"pytest_supercharger", "__main__"}


def _python_files(rootdir: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(rootdir):
        folders[:] = [
            name
            for name in folders
            if name not in _NOT_OURS
            and not name.startswith(".")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        yield from (Path(folder, name) for name in files if name.endswith(".py"))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _installed_packages(imports: set[str]) -> dict[str, str]:
    """Import name -> installed package. pipreqs knows the older layouts, the standard library
    the newer ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, when they are compiled
        from pipreqs import pipreqs

    found: dict[str, str] = {}
    for name, packages in metadata.packages_distributions().items():
        if name in imports:
            found[name] = canonicalize_name(packages[0])
    for package in pipreqs.get_import_local(sorted(imports - found.keys())):
        for name in {*package["exports"], package["name"]} & imports:
            found.setdefault(name, canonicalize_name(package["name"]))
    return found
