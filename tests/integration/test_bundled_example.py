"""The first command of the README: the bundled model fills in all of examples/gradebook."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from example_project import Project, Run

pytestmark = [
    pytest.mark.bubblewrap,
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

GRADEBOOK = Path(__file__).parents[2] / "examples" / "gradebook"
UNTESTED = {"src/gradebook/book.py::initials", "src/gradebook/grades.py::spread"}


def _files(folder: Path) -> dict[str, str | bytes]:
    """The project as it stands: bytes, because text would be dedented."""
    paths = [folder / "pyproject.toml", *folder.rglob("*.py")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


EXAMPLE = Project(_files(GRADEBOOK))


@pytest.fixture(scope="module")
def run() -> Run:
    """One run for all tests; what it may take is 120 seconds."""
    return EXAMPLE.run(model="tiny", timeout=120)


def test_it_has_10_to_15_stubs_in_two_files_and_a_class_among_them() -> None:
    stubs = {path: _stubs(_text(EXAMPLE, path)) for path in EXAMPLE.files if path.endswith(".py")}
    assert 10 <= sum(map(len, stubs.values())) <= 15
    assert len([path for path, names in stubs.items() if names]) == 2
    assert any("." in name for names in stubs.values() for name in names)


def test_every_stub_is_filled(run: Run) -> None:
    assert run.returncode == 0, run.output
    status = {stub["id"]: stub["status"] for stub in run.report["stubs"]}
    assert {stub for stub, word in status.items() if word == "agreed"} == UNTESTED, run.output
    assert {status[stub] for stub in status.keys() - UNTESTED} == {"verified"}, run.output


def test_nothing_but_bodies_and_imports_is_changed(run: Run) -> None:
    for path, before in EXAMPLE.files.items():
        if names := path.endswith(".py") and _stubs(_text(EXAMPLE, path)):
            after = _text(run.project, path)
            assert _outside(after, names) == _outside(_text(EXAMPLE, path), names)
        else:
            assert run.project.files[path] == before


def test_the_projects_tests_pass_without_the_plugin(run: Run) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:supercharger", "--doctest-modules", "."],
        cwd=run.folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def _text(project: Project, path: str) -> str:
    content = project.files[path]
    assert isinstance(content, bytes)
    return content.decode()


def _functions(source: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods by qualified name."""
    tree = ast.parse(source)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef):
            own = [node for node in owner.body if isinstance(node, ast.FunctionDef)]
            found |= {f"{owner.name}.{node.name}": node for node in own}
    return found


def _stubs(source: str) -> list[str]:
    return [
        name for name, node in _functions(source).items() if isinstance(node.body[-1], ast.Raise)
    ]


def _outside(source: str, names: Iterable[str]) -> list[str]:
    """Lines that are in no body of these functions, and are no imports; empty ones left out."""
    functions = _functions(source)
    inside = {
        number
        for node in (functions[name] for name in names)
        for number in range((node.body[0].end_lineno or 0) + 1, (node.end_lineno or 0) + 1)
    }
    return [
        line
        for number, line in enumerate(source.splitlines(), 1)
        if number not in inside and line.strip() and not line.startswith(("import ", "from "))
    ]
