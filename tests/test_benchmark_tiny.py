"""What the benchmark of the bundled model measures: that it counts, and that its sets are fair."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gguf_parrot import Answer, Parrot

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "benchmarks" / "tiny.py"
NEEDS_LLAMA = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None,
    reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
)
STUBS = '''\
def double(x: int) -> int:
    """Twice x."""
    raise NotImplementedError


def triple(x: int) -> int:
    """Three times x."""
    raise NotImplementedError
'''
TESTS = """\
from stubs import double, triple


def test_double():
    assert double(3) == 6


def test_triple():
    assert triple(3) == 9
"""
EXAMPLES = '''\
def double(x: int) -> int:
    """Twice x.

    >>> double(3)
    6
    """
    raise NotImplementedError


def triple(x: int) -> int:
    """Three times x.

    >>> triple(0)
    0
    """
    raise NotImplementedError


def negative(x: int) -> int:
    """Minus x."""
    raise NotImplementedError
'''
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


def run(*options: str | Path) -> tuple[list[str], dict[str, Any]]:
    """Lines of the table, and the object after them."""
    command = [sys.executable, "-W", "ignore", str(BENCHMARK), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *table, last = done.stdout.splitlines()
    facts: dict[str, Any] = json.loads(last)
    return table, facts


def write_parrot(folder: Path) -> Path:
    """A model that knows how to double, and says the same of any stub."""
    body = 'def double(x: int) -> int:\n    """Twice x."""\n    return x + x\n'
    parrot = Parrot(answers=(Answer(text=f"```python\n{body}```"),), template=CHATML)
    return parrot.write(folder / "parrot.gguf")


def write_doubling_parrot(folder: Path) -> Path:
    """A model that gives back twice what it gets, whatever the function is to do."""
    answers = tuple(
        Answer(text=f"```python\ndef {name}(x):\n    return {body}\n```", when=(f"def {name}(",))
        for name, body in {"double": "x + x", "triple": "2 * x"}.items()
    )
    return Parrot(answers=answers, template=CHATML, piece=3).write(folder / "parrot.gguf")


def write_data(folder: Path) -> Path:
    root = folder / "data" / "first_stubs"
    (root / "src").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    (root / "src" / "stubs.py").write_text(STUBS)
    (root / "tests" / "test_stubs.py").write_text(TESTS)
    return folder / "data"


def python_files(root: Path) -> dict[str, str]:
    paths = sorted(root.rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


@NEEDS_LLAMA
@pytest.mark.llama
@pytest.mark.bubblewrap
def test_what_the_report_calls_verified_is_counted_and_the_data_is_left_alone(
    tmp_path: Path,
) -> None:
    data = write_data(tmp_path)
    before = python_files(data)
    small = ("--candidates", "2", "--rounds", "1")
    table, facts = run("--quick", "--model", write_parrot(tmp_path), "--data", data, *small)
    assert table[1].split()[:4] == ["first", "2", "1", "50.0%"]
    first = facts["first"]
    assert (first["stubs"], first["verified"], first["share"]) == (2, 1, 0.5)
    assert first["not_verified"] == ["triple"]
    assert facts["candidates"] == 2
    assert python_files(data) == before


@NEEDS_LLAMA
@pytest.mark.llama
@pytest.mark.bubblewrap
def test_what_is_written_without_tests_is_judged_by_the_tests_that_come_back(
    tmp_path: Path,
) -> None:
    root = write_data(tmp_path) / "first_stubs"
    (root / "src" / "stubs.py").write_text(EXAMPLES)
    test = "\n\ndef test_negative():\n    assert negative(3) == -3\n"
    (root / "tests" / "test_stubs.py").write_text(
        TESTS.replace("import ", "import negative, ") + test
    )
    code = (
        "import json, tiny; from pathlib import Path; options = tiny.read_options(); "
        "names = {'first': options.sources['first'], "
        "'none': tiny.Source(make=tiny.copy, data=Path('none'))}; "
        "print(json.dumps(tiny.measure_agreed(names, options, options.data / 'scratch')))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, "--candidates", "2", "--rounds", "1"]
    command += ["--model", str(write_doubling_parrot(tmp_path)), "--data", str(root.parent)]
    done = subprocess.run(
        command, cwd=BENCHMARK.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    half = {"stubs": 2, "agreed": 2, "agreed_right": 1, "agreed_wrong": 1}
    none = {"stubs": 1, "agreed": 0, "agreed_right": 0, "agreed_wrong": 0}
    first = facts["first"]
    assert (first["with_example"], first["without_example"]) == (half, none)
    assert {key: first[key] for key in half} == {**half, "stubs": 3}
    assert facts["none"] is None
    assert facts["all"] == first
    assert "triple" not in done.stdout


@NEEDS_LLAMA
@pytest.mark.llama
def test_loading_and_64_candidates_are_timed(tmp_path: Path) -> None:
    _, facts = run("--only", "speed", "--repeat", "1", "--model", write_parrot(tmp_path))
    speed = facts["speed"]
    assert speed["candidates"] == 64
    assert 0 < speed["load_seconds"] < speed["ready_seconds"]
    assert speed["candidates_seconds"] > 0


def test_a_set_that_is_asked_for_by_name_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "any.gguf").write_bytes(b"GGUF")
    command = [sys.executable, str(BENCHMARK), "--model", str(tmp_path / "any.gguf")]
    command += ["--data", str(tmp_path / "none"), "--only", "first"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "first_stubs is not there" in done.stderr


@pytest.fixture(scope="module", params=["wording", "composition", "family"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written in a process of its own: that puts folders on the import path."""
    root = tmp_path_factory.mktemp("held") / "project"
    code = (
        "import sys; from pathlib import Path; from tiny_held import write_held_project; "
        "write_held_project(Path(sys.argv[1]), sys.argv[2], 6, seed=1); "
        "sys.exit(bool({'torch', 'tokenizers'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(root), request.param]
    subprocess.run(command, cwd=BENCHMARK.parent, check=True)
    return root


def test_each_stub_has_a_docstring_and_no_body(project: Path) -> None:
    functions = [
        node
        for path in (project / "src" / "held").glob("stubs*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert len(functions) == 6
    for function in functions:
        assert ast.get_docstring(function)
        assert ast.unparse(function.body[1]) == "raise NotImplementedError"


def test_each_test_can_be_collected_and_fails(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1].startswith("6 failed in"), done.stdout
