"""Where the user's Python and the packages installed for it lie.

Apart from the mounts, because what an editable install points to is a question of packaging:
path configuration files, the finders setuptools writes, and direct_url.json each hold a part.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pytest_supercharger.exceptions import SandboxUnavailable

# The modules are loaded so that the shared objects they need show up in the process's maps.
_ASK = """
import importlib, json, site, sys
for name in ("_bz2", "_ctypes", "_hashlib", "_lzma", "_sqlite3", "_ssl", "readline", "zlib"):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
try:
    with open("/proc/self/maps") as maps:
        mapped = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
except OSError:
    mapped = set()
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
    "site_dirs": site.getsitepackages()
    + [site.getusersitepackages()] * bool(site.ENABLE_USER_SITE),
    "user_base": site.getuserbase() if site.ENABLE_USER_SITE else "",
    "mapped": sorted(mapped),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonEnvironment:
    """A Python and everything it may import, as absolute host paths."""

    executable: str
    version: str  # "3.12.1"
    trees: tuple[str, ...]  # prefixes, site folders and folders of loaded libraries
    editable: tuple[str, ...]  # files and folders that editable installs point to
    user_base: str  # PYTHONUSERBASE of the user's own site folder; "" where that is off


@lru_cache(maxsize=8)
def inspect_environment(python: str = sys.executable) -> PythonEnvironment:
    """Ask ``python`` where it lives. SandboxUnavailable when it cannot be started."""
    try:
        done = subprocess.run(
            [python, "-B", "-c", _ASK], cwd="/", capture_output=True, text=True, check=True
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise SandboxUnavailable(f"{python} does not say where it is installed: {error}") from error
    site_dirs = tuple(path for path in told["site_dirs"] if os.path.isdir(path))
    libraries = (os.path.dirname(path) for path in told["mapped"] if path.startswith("/"))
    trees = (*told["prefixes"], *site_dirs, *libraries)
    editable = (path for folder in site_dirs for path in find_editable_targets(Path(folder)))
    return PythonEnvironment(
        executable=python,
        version=told["version"],
        trees=_existing(trees),
        editable=_existing(editable),
        user_base=told["user_base"] if told["user_base"] in map(os.path.dirname, trees) else "",
    )


def find_editable_targets(site_dir: Path) -> Iterator[str]:
    """Files and folders outside ``site_dir`` that its installs import from."""
    for pth in sorted(site_dir.glob("*.pth")):
        yield from _paths_of_pth(pth)
    for finder in sorted(site_dir.glob("__editable__*finder.py")):
        yield from _paths_of_finder(finder)
    for url in sorted(site_dir.glob("*.dist-info/direct_url.json")):
        yield from _path_of_direct_url(url)


def _paths_of_pth(pth: Path) -> Iterator[str]:
    for line in pth.read_text("utf-8", "replace").splitlines():
        if line.strip() and not line.startswith(("#", "import ", "import\t")):
            yield os.path.join(pth.parent, line.rstrip())


def _paths_of_finder(finder: Path) -> Iterator[str]:
    """The values of MAPPING, name to path, in a finder that setuptools wrote."""
    try:
        tree = ast.parse(finder.read_bytes())
    except SyntaxError:
        return
    for node in tree.body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if names & {"MAPPING", "NAMESPACES"}:
            yield from _texts_in_values(getattr(node, "value", None))


def _texts_in_values(node: ast.AST | None) -> Iterator[str]:
    for value in node.values if isinstance(node, ast.Dict) else ():
        for part in ast.walk(value):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _path_of_direct_url(url_file: Path) -> Iterator[str]:
    try:
        told = json.loads(url_file.read_text("utf-8"))
        url = urlsplit(told["url"])
    except (ValueError, KeyError, TypeError):
        return
    if url.scheme == "file" and told.get("dir_info", {}).get("editable"):
        yield unquote(url.path)


def _existing(paths: Iterator[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Absolute, without repetition, without what is not there; the root itself never."""
    kept = (os.path.normpath(path) for path in paths if os.path.isabs(path))
    return tuple(dict.fromkeys(path for path in kept if path != "/" and os.path.exists(path)))
