"""One example to learn from: a prompt as the product makes it, and what the model should answer.

The prompt is that of ``prompts/supercharger-tiny/*.toml`` for the stub; a test holds the two
against each other. Here they are put together from strings, because a million are wanted.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from pytest_supercharger.context.outlines import docstring_literal
from training.modules import imports_for
from training.tasks import Case, Param, Task, define, run, shown
from training.wording import roughen

GENERIC_NAMES = (
    "f func solve solution my_function task foo run process do_it helper g exercise answer calc "
    "stub todo compute handle"
).split()
OTHER_IMPORTS = (
    "import re", "import math", "import json", "import os", "import sys", "import random",
    "import datetime", "from datetime import date", "from datetime import datetime",
    "from collections import Counter", "from collections import defaultdict",
    "from collections.abc import Iterator", "from typing import Any", "from typing import Optional",
    "from typing import List", "from typing import Dict, List", "from pathlib import Path",
    "from dataclasses import dataclass", "from enum import Enum", "import logging", "import string",
    "import itertools", "from functools import reduce", "import numpy as np",
    "from . import config", "from .models import Item", "from __future__ import annotations",
    "import pytest", "from decimal import Decimal", "import statistics", "import time",
)  # fmt: skip
_UNWRITABLE = re.compile(r"<lambda>|<\w+ |\bat 0x")  # values without a source
LONGEST_LINE = 100  # characters of a test's line that a prompt shows
MOST_TESTS = 4  # lines of tests that a prompt shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What is learned from."""

    prompt: str
    answer: str
    task: Task  # as worded: what an evaluation needs to try an answer
    cases: tuple[Case, ...]


def make_example(task: Task, rng: Random, *, clean: bool = False) -> Example:
    """Word the task as a stub; ``clean`` leaves out carelessness, for what is held out."""
    if task.inputs and not clean and not task.is_recursive and rng.random() < 0.04:
        task = replace(task, name=rng.choice(GENERIC_NAMES))
    if task.name in {param.name for param in task.params} or task.name in dir(builtins):
        body = re.sub(rf"(?<![\w.]){task.name}(?=\()", f"{task.name}_", task.body)
        task = replace(task, name=f"{task.name}_", body=body if task.is_recursive else task.body)
    cases = try_out(task, rng)
    imports, task = _imports(task, rng)
    lines = _tests(task, cases, rng)
    stub = stub_lines(task, cases, rng, clean=clean)
    depth = 1 if task.around else 0
    source = textwrap.indent("\n".join(stub), "    " * depth)
    kind = rng.random()
    if kind < 0.05 and len(lines) > 1 and not task.around and all(map(_is_assert, lines)):
        prompt = f"{_above(imports, (), '')}{source}\n    ...\n\nassert"
        answer = "\n".join(lines).removeprefix("assert") + "\n"
    else:
        told: Sequence[str] = ()
        if rng.random() < 0.18:
            told = [line for line in lines if _is_assert(line) and task.name in line]
            told = told[: rng.randint(1, MOST_TESTS)]
        prompt = _above(imports, told, task.around) + source + "\n"
        answer = textwrap.indent(task.body, "    " * (depth + 1)) + "\n"
    return Example(prompt=prompt, answer=answer, task=task, cases=cases)


def _is_assert(line: str) -> bool:
    return line.startswith("assert ") and len(line) <= LONGEST_LINE


def _above(imports: Sequence[str], tests: Sequence[str], around: str) -> str:
    """What a prompt shows before the stub: each block with an empty line after it."""
    blocks = ["\n".join(block) for block in (imports, tests) if block]
    return "".join(f"{block}\n\n" for block in [*blocks, *([around] if around else [])])


def try_out(task: Task, rng: Random, most: int = 6) -> tuple[Case, ...]:
    """Up to ``most`` different calls with short arguments and results."""
    if task.inputs is None:
        return ()
    function, draw = define(task), Random(rng.random())
    cases: dict[str, Case] = {}
    for _ in range(14):
        args = task.inputs(draw)
        text = ", ".join(map(shown, args))
        if len(text) > 90 or text in cases:
            continue
        case = run(function, args)
        if not case.raised and len(repr(case.value)) > 90:
            continue
        cases[text] = case
        if len(cases) >= most:
            break
    return tuple(cases.values())


# --- imports --------------------------------------------------------------------------------


def _imports(task: Task, rng: Random) -> tuple[list[str], Task]:
    """Import lines as a file might have them, and the task with names as they bind them."""
    taken = {param.name for param in task.params}
    needed = imports_for(task.body, taken)
    annotated = imports_for(" ".join(f"{p.annotation} " for p in task.params) + task.returns, taken)
    if rng.random() > (0.3 if needed or annotated else 0.08):
        return [], task
    lines = set(annotated) | {line for line in needed if rng.random() < 0.6}
    lines |= set(rng.sample(OTHER_IMPORTS, rng.choice([0, 0, 1, 2])))
    if re.search(r"\bdatetime\.(date|timedelta)\b", task.body):
        lines.discard("from datetime import datetime")
    if "from datetime import datetime" in lines:
        lines.discard("import datetime")
        task = replace(task, body=task.body.replace("datetime.datetime.", "datetime."))
    return sorted(lines, key=_order), task


def _order(line: str) -> tuple[bool, bool, str]:
    return "__future__" not in line, line.startswith("from"), line


# --- tests ----------------------------------------------------------------------------------


def _tests(task: Task, cases: Sequence[Case], rng: Random) -> list[str]:
    """Lines of a test, as the checks of the task or from what calls returned."""
    if task.inputs is None:
        return [_as_shown(check) for check in task.checks]
    by_identity = rng.random() < 0.6
    chosen = cases[: rng.choice([3, 4, 4, 5])]
    lines = [line for case in chosen for line in _test_lines(task, case, by_identity)]
    return [line for line in lines if not _UNWRITABLE.search(line)]


def _as_shown(check: str) -> str:
    """A check as a prompt shows it; one of several lines is left as it is."""
    return ast.unparse(ast.parse(check)) if _is_assert(check) and "\n" not in check else check


def _test_lines(task: Task, case: Case, by_identity: bool) -> Iterator[str]:
    call = call_text(task, case)
    if case.raised:
        yield f"with pytest.raises({case.value.__name__}):"
        yield f"    {call}"
    elif isinstance(case.value, bool):
        bare = f"assert {call}" if case.value else f"assert not {call}"
        yield f"assert {call} is {case.value}" if by_identity else bare
    elif case.value is None:
        yield f"assert {call} is None"
    elif isinstance(case.value, float) and len(repr(case.value)) > 8:
        yield f"assert {call} == pytest.approx({round(case.value, 4)}, abs=0.001)"
    else:
        yield f"assert {call} == {shown(case.value)}"


def call_text(task: Task, case: Case) -> str:
    """The call as source."""
    text = f"{task.name}({', '.join(map(shown, case.args))})"
    if task.is_async:
        return f"asyncio.run({text})"
    return f"list({text})" if re.search(r"(?m)^\s*yield\b", task.body) else text


# --- the stub -------------------------------------------------------------------------------


def stub_lines(task: Task, cases: Sequence[Case], rng: Random, *, clean: bool = False) -> list[str]:
    """Decorators, def line, docstring and comments, from column 0."""
    head = "async def" if task.is_async else "def"
    params, returns = _annotated(task, rng)
    lines = [*task.decorators, f"{head} {task.name}({', '.join(params)}){returns}:"]
    doc = task.doc if clean else roughen(task.doc, rng)
    if doc and doc[-1] not in ".?!" and rng.random() < 0.72:
        doc += "."
    draw = rng.random()
    if draw < 0.012 and task.name not in GENERIC_NAMES and not clean:
        return lines
    if draw < 0.03 and not clean:
        return [*lines, *(f"    # {line}" for line in textwrap.wrap(doc, 90))]
    return [*lines, *_docstring(doc, task, cases, rng), *_remarks(task, cases, rng)]


def _annotated(task: Task, rng: Random) -> tuple[list[str], str]:
    """The parameters and the arrow, with or without annotations."""
    style = rng.random()
    if style > 0.62:
        bare = [replace(param, annotation="") for param in task.params]
        return [str(param) for param in bare], ""
    old = style < 0.06
    params = [replace(p, annotation=_spelled(p.annotation, old)) for p in task.params]
    arrow = f" -> {_spelled(task.returns, old)}" if task.returns and rng.random() < 0.93 else ""
    return [str(param) for param in params], arrow


def _spelled(annotation: str, old: bool) -> str:
    if annotation == "callable":
        return "Callable"
    if old:
        annotation = re.sub(
            r"\b(list|dict|tuple|set)\[", lambda m: f"{m[1].capitalize()}[", annotation
        )
        annotation = re.sub(r"^(.+) \| None$", r"Optional[\1]", annotation)
    return annotation


def _docstring(doc: str, task: Task, cases: Sequence[Case], rng: Random) -> Iterator[str]:
    lines = [doc]
    if len(doc) > 90 and rng.random() < 0.6:
        lines = textwrap.wrap(doc, rng.choice([76, 84, 92]))
    elif ". " in doc and rng.random() < 0.3:
        first, _, rest = doc.partition(". ")
        lines = [f"{first}.", "", rest]
    draw = rng.random()
    if draw < 0.04:
        lines += _sections(task, rng)
    elif draw < 0.06:
        lines += ["", *(f":param {param.name}: {_said(param, rng)}" for param in task.params)]
        lines += [":return: the result"]
    if shown_cases := _shown_cases(task, cases, rng):
        lines += [""] * (rng.random() < 0.8) + shown_cases
    yield from textwrap.indent(docstring_literal("\n".join(lines)), "    ").splitlines()


def _sections(task: Task, rng: Random) -> list[str]:
    """Args and Returns, Google's or NumPy's way."""
    args = [f"    {param.name}: {_said(param, rng)}" for param in task.params]
    if rng.random() < 0.2:
        names = [f"{param.name} : {param.annotation or 'object'}" for param in task.params]
        return ["", "Parameters", "----------", *names]
    lines = ["", "Args:", *args]
    if rng.random() < 0.6:
        lines += ["", "Returns:", f"    {rng.choice(['The result.', task.returns or 'A value.'])}"]
    return lines


def _said(param: Param, rng: Random) -> str:
    plain = param.name.replace("_", " ")
    kind = param.annotation or "value"
    return rng.choice(["the input.", f"a {kind}.", f"the {plain}.", f"{kind}", f"The {plain}"])


def _shown_cases(task: Task, cases: Sequence[Case], rng: Random) -> list[str]:
    good = [c for c in cases if not c.raised and len(shown(c.value)) < 60 and c.value is not None]
    good = [case for case in good if not _UNWRITABLE.search(call_text(task, case))]
    if not good or rng.random() > 0.2:
        return []
    style, lines = rng.random(), []
    for case in good[: rng.choice([1, 1, 2, 3])]:
        call, value = call_text(task, case), shown(case.value)
        if style < 0.62:
            lines += [f">>> {call}", value]
        elif style < 0.85:
            lines.append(f"{call} {rng.choice(['->', '=>', '==', 'returns'])} {value}")
        else:
            lines.append(f"Example: {call} == {value}")
    return lines


def _remarks(task: Task, cases: Sequence[Case], rng: Random) -> list[str]:
    """Comments below the docstring: hints and examples as the marker's arguments are shown."""
    if task.inputs is None or rng.random() > 0.04:
        return []
    good = [case for case in cases if not case.raised and len(shown(case.value)) < 40]
    if good and rng.random() < 0.6:
        return [f"    # example: {call_text(task, good[0])} == {shown(good[0].value)}"]
    return [
        "    # hint: "
        + rng.choice(["keep it simple", "one line is enough", "mind the edges", "use a loop"])
    ]
