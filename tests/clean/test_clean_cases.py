"""Real model output, and what cleaning makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stub_in_text import StubIn

from pytest_supercharger.clean.candidates import (
    CodeCandidate,
    Rejected,
    clean_code,
    clean_tests,
    render_function,
)

CASES = Path(__file__).with_name("cases")


def names(kind: str) -> list[str]:
    return sorted(path.name.split(".")[0] for path in CASES.glob(f"*.{kind}.txt"))


def read(name: str, part: str) -> str:
    return (CASES / f"{name}.{part}.txt").read_text(encoding="utf-8")


def test_there_are_cases_of_both_kinds() -> None:
    assert len(names("code")) >= 8
    assert len(names("tests")) >= 4


@pytest.mark.parametrize("name", names("code"))
def test_real_code_completion(name: str, stub_in: StubIn) -> None:
    source = read(name, "stub")
    stub = stub_in(source)
    found = clean_code(read(name, "code"), stub, source)
    if isinstance(found, Rejected):
        text = f"rejected: {found.reason}\n"
    else:
        repairs = "".join(f"# {repair}\n" for repair in found.repairs)
        text = f"{repairs}{render_function(stub, found)}\n"
    assert text == read(name, "expected")


@pytest.mark.parametrize("name", names("tests"))
def test_real_test_completion(name: str, stub_in: StubIn) -> None:
    source = read(name, "stub")
    found = clean_tests(read(name, "tests"), stub_in(source), source)
    if isinstance(found, Rejected):
        text = f"rejected: {found.reason}\n"
    else:
        text = "".join(f"{check.source}\n" for check in found)
    assert text == read(name, "expected")


PIECES = [
    "def f(xs, n):\n",
    "    return xs\n",
    "\treturn n\n",
    "```python\n",
    "```\n",
    "~~~\n",
    "<think>",
    "</think>\n",
    '"""',
    "'''",
    "    if n:\n",
    "(",
    "]",
    "\\\n",
    "@wraps(f)\n",
    "class C:\n",
    "import os\n",
    "from math import *\n",
    "assert f([1], 2) == 3\n",
    "assert \n",
    "    nonlocal n\n",
    "# your code here\n",
    "\x00",
    "\ud800",
    "\r\n",
    "\x0c",
    "f'{",
    "    yield await x\n",
    "def f(a, b, *c):\n",
    "def f(ys, m):\n    xs = [ys for xs in ys]\n    return lambda ys: ys + m\n",
    "self.assertRaises(ValueError, f, 1)\n",
    "with pytest.raises(KeyError):\n    f(1, 2)\n",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=14).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_any_text_is_cleaned_or_rejected_and_a_body_always_compiles(
    text: str, stub_in: StubIn
) -> None:
    source = "def f(xs, n):\n    raise NotImplementedError\n"
    stub = stub_in(source)
    found = clean_code(text, stub, source)
    if isinstance(found, CodeCandidate):
        parts = [*found.imports, *found.helpers, render_function(stub, found)]
        for part in parts:
            compile(part, "<rendered>", "exec")
    checks = clean_tests(text, stub, source)
    for check in checks if isinstance(checks, list) else ():
        compile(check.source, "<check>", "exec")
        assert "f" in check.source
