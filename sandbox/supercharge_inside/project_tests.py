"""Run the project's own tests by pytest, in a child that was forked for one check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from . import children, overlay
from .control import Control
from .reached import Reached
from .recorder import Recorder, new_item

STANDIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "standin")
MODULES = 5000  # project modules reported at most

# Of this place rather than of the project: options of plugins that are left out, a tree that
# cannot be written to, and modules that were loaded before the fork.
OUR_WARNINGS = ("PytestConfigWarning", "PytestCacheWarning", "PytestAssertRewriteWarning")


class OurOptions:
    """Makes the project's ini readable where the plugin itself is not installed."""

    def __init__(self, options: list[list[str]]) -> None:
        self._options = options

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        for name, kind in self._options:
            parser.addini(name, "an option of pytest-supercharger", type=kind, default=None)  # type: ignore[arg-type]

    def pytest_addhooks(self, pluginmanager: pytest.PytestPluginManager) -> None:
        import pytest_supercharger.hookspecs as hookspecs  # the stand-in's

        pluginmanager.add_hookspecs(hookspecs)


def run(
    hello: dict[str, Any], check: dict[str, Any], send: Callable[[dict[str, Any]], None]
) -> None:
    """Run ``check`` and send its events, the last of which is ``{"end": {...}}``."""
    os.chdir(hello["invocation_dir"])
    files = {os.path.join(hello["rootdir"], path): text for path, text in check["files"]}
    overlay.install(files)
    control = Control() if check["kind"] == "control" else None
    if control:
        control.install(hello["rootdir"])
    reached = Reached(children.hand_down(files, STANDIN))
    plugins = [
        OurOptions(hello["options"]),
        Recorder(send, reached, control, check["max_failures"]),
    ]
    code = pytest.main(_arguments(hello, check), plugins=plugins)
    before_any_test = reached.take()
    if before_any_test and code not in (0, 1, 5):
        send({"item": new_item("", "error", phase="collect", reached=before_any_test)})
    end: dict[str, Any] = {"exit_code": int(code)}
    if check["kind"] == "link":
        end["modules"] = _project_modules(hello["rootdir"])
        end["warnings"] = _shadowed(files)
    send({"end": end})


def _arguments(hello: dict[str, Any], check: dict[str, Any]) -> list[str]:
    # -p no:supercharger: the real plugin's entry point, where the environment has it.
    arguments = ["-p", "no:supercharger", "-p", "no:randomly", *hello["args"]]
    # What is dropped of the user's options must not come back as an error of the ini file.
    arguments += ["-o", "addopts="]
    for name in OUR_WARNINGS:
        arguments += ["-W", f"ignore::pytest.{name}"]
    arguments += ["--continue-on-collection-errors"]
    # Nobody reads the tracebacks; on the stub tree they take three times as long as the tests.
    arguments += ["--tb=no", "--show-capture=no"]
    return arguments + check["args"]


def _project_modules(rootdir: str) -> list[tuple[str, str]]:
    inside = os.path.join(os.path.realpath(rootdir), "")
    found = []
    for name, module in list(sys.modules.items()):
        path = os.path.realpath(getattr(module, "__file__", None) or "")
        if path.startswith(inside) and "." not in (name[:1], name[-1:]):
            found.append((os.path.relpath(path, inside).replace(os.sep, "/"), name))
    return found[:MODULES]


def _shadowed(files: dict[str, str]) -> list[str]:
    """Modules that came from elsewhere although the tree holds the file."""
    loaded = {
        os.path.realpath(getattr(module, "__file__", None) or "")
        for module in list(sys.modules.values())
    }
    notes = []
    for path in files:
        if os.path.realpath(path) in loaded:
            continue
        name = dotted_name(path)[1]
        other = getattr(sys.modules.get(name), "__file__", None)
        if other and os.path.realpath(other) != os.path.realpath(path):
            notes.append(
                f"{name} was imported from {other}, which hides {path}: install the project in "
                "editable mode (pip install -e .) or set pytest's pythonpath"
            )
    return notes


def dotted_name(path: str) -> tuple[str, str]:
    """The folder to import from and the dotted name of a file, by its ``__init__.py`` files."""
    folder, name = os.path.split(path)
    parts = [] if name == "__init__.py" else [os.path.splitext(name)[0]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return folder, ".".join(parts)
