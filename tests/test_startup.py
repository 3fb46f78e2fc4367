"""Does a pytest run that does not ask for the plugin pay for it?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HEAVY = frozenset(
    [
        "autoimport",
        "docker",
        "jinja2",
        "libcst",
        "llama_cpp",
        "openai",
        "pipreqs",
        "platformdirs",
        "rich",
        "sqlite3",
        "tomli",
        "tomllib",
        "yapf",
    ]
)

IN_A_CHILD = """
import json, sys
import pytest
before = set(sys.modules)
code = pytest.main(sys.argv[1:])
loaded = sorted(set(sys.modules) - before)
print()
print(json.dumps({"code": code, "loaded": loaded}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a test that passes and a stub that nobody asks about."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "stub.py").write_text("def later():\n    raise NotImplementedError\n")
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    return tmp_path


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a fresh process that loads no other plugin of the environment."""
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-c", IN_A_CHILD, "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=120, check=True
    )


def loaded_by(project: Path, *options: str) -> set[str]:
    """Names of the modules that one passing run imports."""
    report = json.loads(run(project, *options).stdout.splitlines()[-1])
    assert report["code"] == 0
    return set(report["loaded"])


def heavy(loaded: set[str]) -> set[str]:
    """Those of ``loaded`` that belong to a package too large for every run."""
    return {name for name in loaded if name.partition(".")[0] in HEAVY}


@pytest.mark.parametrize("options", [(), ("--version", "--version"), ("--help",), ("--co",)])
def test_an_unused_plugin_imports_nothing_large(project: Path, options: Sequence[str]) -> None:
    loaded = loaded_by(project, "-p", "supercharger", *options)
    assert "pytest_supercharger.plugin" in loaded
    assert heavy(loaded) == set()


def test_an_unused_plugin_imports_no_room_of_the_pipeline(project: Path) -> None:
    loaded = loaded_by(project, "-p", "supercharger")
    ours = {name for name in loaded if name.startswith("pytest_supercharger")}
    package = "pytest_supercharger"
    assert ours <= {package, *(f"{package}.{name}" for name in ("plugin", "options", "hookspecs"))}


def test_todo_llm_in_user_code_imports_nothing_large(project: Path) -> None:
    (project / "test_nothing.py").write_text(
        "from pytest_supercharger import todo_llm\n"
        "\n"
        "@todo_llm('later')\n"
        "def stub(): ...\n"
        "\n"
        "def test_nothing():\n"
        "    assert callable(stub)\n"
    )
    assert heavy(loaded_by(project, "-p", "supercharger")) == set()


def test_an_unused_plugin_prints_nothing_and_leaves_nothing(project: Path) -> None:
    def printed(*options: str) -> list[str]:
        lines = run(project, "-vv", *options).stdout.splitlines()[:-1]
        kept = [line for line in lines if not line.startswith("plugins: ")]  # pytest's own line
        return [re.sub(r"in \d.*s", "in TIME", line) for line in kept]

    before = set(project.iterdir())
    assert printed("-p", "supercharger") == printed()
    assert {path for path in project.iterdir() if path.name != "__pycache__"} == before
