"""A project of stubs that the training of the bundled model kept back.

Drawn from ``training/``, which needs neither torch nor a tokenizer for that. What a test asserts
is what the body of the catalogue returned; a stub stays only when this body passes its test in a
process of its own, so that one which depends on chance, on the clock or on the order of a set is
not held against anybody.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from training.examples import Example, call_text, stub_lines  # noqa: E402
from training.held_out import held_examples  # noqa: E402
from training.modules import imports_for  # noqa: E402
from training.tasks import Case, shown  # noqa: E402

ASSERTS = 5  # of a test
LEAST = 3  # asserts that a function with parameters needs
OPEN_BODY = ["raise NotImplementedError"]
PYPROJECT = """\
[project]
name = "held"
version = "0"

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
"""
TEST_IMPORTS = """\
import asyncio
from datetime import date, datetime, timedelta

import pytest
"""
OLD_TYPES = {"Dict", "List", "Optional", "Set", "Tuple"}
# What a test's line may name besides the function.
WRITABLE = {
    **vars(builtins),
    **{name: getattr(datetime, name) for name in ("date", "datetime", "timedelta")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One example as source."""

    name: str
    head: tuple[str, ...]  # def line, docstring and comments
    imports: tuple[str, ...]  # that its annotations need
    body: tuple[str, ...]  # what would be right
    body_imports: tuple[str, ...]
    test: tuple[str, ...]  # lines of the test's body


@dataclass(slots=True)
class Module:
    """Functions of different names whose annotations need the same imports."""

    imports: tuple[str, ...]
    functions: dict[str, Held]


def write_held_project(root: Path, split: str, count: int, *, seed: int) -> None:
    """Up to ``count`` stubs of ``split``, as many as there are, with a test for each.

    :raises SystemExit: none of them can be tested.
    """
    examples = held_examples(split, 2 * count, seed=seed)  # some cannot be used
    held = [each for example in examples if (each := as_source(example, seed))]
    held = passing(held)[:count]
    if not held:
        raise SystemExit(f"{split}: none of {len(examples)} examples can be tested")
    write_project(root, held, solved=False)


def as_source(example: Example, seed: int) -> Held | None:
    """The example as a stub and its test; None where the cases do not make a test of it."""
    task = example.task
    cases = [case for case in example.cases if is_writable(case)][:ASSERTS]
    values = {shown(case.value) for case in cases if not case.raised}
    enough = len(cases) >= LEAST and len(values) > 1 if task.params else len(values) == 1
    if not enough or task.around:
        return None
    head = stub_lines(task, cases, Random(f"{task.kind} {seed}"), clean=True)
    taken = {task.name, *(param.name for param in task.params)}
    return Held(
        name=task.name,
        head=tuple(head),
        imports=tuple(annotation_imports("\n".join(head))),
        body=tuple(task.body.splitlines()),
        body_imports=tuple(imports_for(task.body, taken)),
        test=tuple(line for case in cases for line in test_lines(example, case)),
    )


def is_writable(case: Case) -> bool:
    """Whether source can say what was given and what came back."""
    values = [*case.args, *([] if case.raised else [case.value])]
    try:
        return all(bool(eval(shown(value), dict(WRITABLE)) == value) for value in values)
    except Exception:  # the repr of anything at all
        return False


def test_lines(example: Example, case: Case) -> Iterator[str]:
    """As a person writes them."""
    call = call_text(example.task, case)
    if case.raised:
        yield f"with pytest.raises({case.value.__name__}):"
        yield f"    {call}"
    elif case.value is None or isinstance(case.value, bool):
        yield f"assert {call} is {case.value}"
    elif isinstance(case.value, float):
        yield f"assert {call} == pytest.approx({case.value!r})"
    else:
        yield f"assert {call} == {shown(case.value)}"


def annotation_imports(head: str) -> list[str]:
    """The import statements that the annotations of a def line need."""
    (function,) = ast.parse(head + "\n    ...").body
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    nodes = [arg.annotation for arg in function.args.args] + [function.returns]
    text = " ".join(ast.unparse(node) for node in nodes if node)
    old = sorted(OLD_TYPES.intersection(text.replace("[", " ").replace(",", " ").split()))
    return [*imports_for(text, set()), *([f"from typing import {', '.join(old)}"] if old else [])]


# --- the project


def passing(held: Sequence[Held]) -> list[Held]:
    """Those whose own body passes their test, by stock pytest."""
    with tempfile.TemporaryDirectory(prefix="held-") as name:
        project = Path(name) / "project"
        tests = write_project(project, held, solved=True)
        command = [sys.executable, "-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    passed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("PASSED ")}
    return [each for each, test in zip(held, tests, strict=True) if test in passed]


def write_project(root: Path, held: Sequence[Held], *, solved: bool) -> list[str]:
    """Write the modules and their tests; node ids of the tests, one for each of ``held``."""
    package, tests = root / "src" / "held", root / "tests"
    package.mkdir(parents=True)
    tests.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").touch()
    ids: dict[int, str] = {}
    for number, module in enumerate(modules_of(held)):
        name = f"stubs{number + 1}" if number else "stubs"
        (package / f"{name}.py").write_text(module_text(module, solved=solved))
        (tests / f"test_{name}.py").write_text(tests_text(name, module))
        for each in module.functions.values():
            ids[id(each)] = f"tests/test_{name}.py::test_{each.name}"
    return [ids[id(each)] for each in held]


def modules_of(held: Sequence[Held]) -> list[Module]:
    """As few as it takes: a prompt shows the imports of its file, and names must not clash."""
    modules = [Module(imports=(), functions={})]
    for each in held:
        fits = (m for m in modules if m.imports == each.imports and each.name not in m.functions)
        module = next(fits, None)
        if module is None:
            module = Module(imports=each.imports, functions={})
            modules.append(module)
        module.functions[each.name] = each
    return [module for module in modules if module.functions]


def module_text(module: Module, *, solved: bool) -> str:
    imports = list(module.imports)
    if solved:
        imports += [line for each in module.functions.values() for line in each.body_imports]
    blocks = ['"""Functions to be filled in."""', "\n".join(dict.fromkeys(imports))]
    functions = [
        "\n".join([*each.head, *indented(each.body if solved else OPEN_BODY)])
        for each in module.functions.values()
    ]
    return "\n\n\n".join(["\n\n".join(filter(None, blocks)), *functions]) + "\n"


def tests_text(name: str, module: Module) -> str:
    tests = [
        "\n".join([f"def test_{each.name}():", *indented(each.test)])
        for each in module.functions.values()
    ]
    imports = f"from held.{name} import {', '.join(module.functions)}\n"
    return "\n\n\n".join([TEST_IMPORTS + imports.rstrip(), *tests]) + "\n"


def indented(lines: Sequence[str]) -> list[str]:
    return textwrap.indent("\n".join(lines), "    ").splitlines()
