"""From a test completion and from the user's examples to single checks."""

from __future__ import annotations

import pytest
from stub_in_text import StubIn

from pytest_supercharger.clean.candidates import Rejected, clean_tests, example_checks
from pytest_supercharger.stubs import Stub

SOURCE = "import attrs\n\nKNOWN = 1\n\n\ndef f(x, y=0):\n    raise NotImplementedError\n"
STACK = "class Stack:\n    def push(self, x):\n        raise NotImplementedError\n"


@pytest.fixture
def stub(stub_in: StubIn) -> Stub:
    return stub_in(SOURCE)


def checks(text: str, stub: Stub, source: str = SOURCE) -> list[str]:
    found = clean_tests(text, stub, source)
    return [] if isinstance(found, Rejected) else [check.source for check in found]


def raising(call: str, error: str) -> str:
    return (
        f"try:\n    {call}\nexcept {error}:\n    pass\n"
        f"else:\n    raise AssertionError('{error} was not raised')"
    )


def test_bare_asserts_lose_messages_and_repetitions(stub: Stub) -> None:
    text = "assert f(1) == 2, 'no'\nassert f( 1 )==2\nassert (f(2) == 3, 'always true')\nassert f("
    found = clean_tests(text, stub, SOURCE)
    assert isinstance(found, list)
    assert [check.source for check in found] == ["assert f(1) == 2", "assert f(2) == 3"]
    assert len({check.id for check in found}) == 2
    assert not any(check.trusted for check in found)
    assert {check.stub for check in found} == {stub.id}


def test_a_completion_that_goes_on_after_assert(stub: Stub) -> None:
    assert checks("f(1) == 2\nassert f(2) == 3", stub) == ["assert f(1) == 2", "assert f(2) == 3"]


def test_the_value_under_test_comes_to_the_left(stub: Stub) -> None:
    assert checks("assert 3 == f(1)", stub) == ["assert f(1) == 3"]


def test_no_more_than_the_limit(stub: Stub) -> None:
    text = "\n".join(f"assert f({n}) == {n}" for n in range(9))
    found = clean_tests(text, stub, SOURCE, limit=4)
    assert isinstance(found, list)
    assert len(found) == 4


@pytest.mark.parametrize(
    "text",
    [
        "assert True",
        "assert g(1) == 2",
        "assert f",
        "assert callable(f)",
        "assert f(1) == f(1)",
        "assert ____ == f(1)",
        "import numpy as np\nassert f(np.array([1])) == 2",
        "def test(tmp_path):\n    assert f(tmp_path) == 1",
        "def f(x, y):\n    assert f(x) == 1",
        "",
        "Sure! assert is a keyword.",
    ],
)
def test_what_is_no_check_of_the_stub_is_left_out(text: str, stub: Stub) -> None:
    assert clean_tests(text, stub, SOURCE) == Rejected(reason="no check of f that compiles")


def test_imports_that_a_check_uses_come_before_it(stub: Stub) -> None:
    text = "import math, re\nfrom module import f, KNOWN\nimport attrs\n"
    text += "assert math.isclose(f(KNOWN), 2.5)\nassert f(attrs) == Counter()\n"
    assert checks(text, stub) == [
        "import math\nassert math.isclose(f(KNOWN), 2.5)",
        "from collections import Counter\nassert f(attrs) == Counter()",
    ]


def test_pytest_functions_are_split_with_what_each_assert_needs(stub: Stub) -> None:
    text = """Here are tests:
```python
import pytest

LIST = [1]

def test_one():
    [a, b] = 1, 2
    result = f(a)
    print(result)
    assert result == 3
    assert f(b) == LIST

async def test_two():
    with pytest.raises(ValueError, match="x"):
        f(None)
    for n in range(3):
        assert f(n) == n
```
"""
    assert checks(text, stub) == [
        "[a, b] = (1, 2)\nresult = f(a)\nassert result == 3",
        "LIST = [1]\n[a, b] = (1, 2)\nassert f(b) == LIST",
        raising("f(None)", "ValueError"),
        "for n in range(3):\n    assert f(n) == n",
    ]


def test_parametrised_cases_become_checks(stub: Stub) -> None:
    text = (
        "@pytest.mark.parametrize('x, want', [(1, 2), pytest.param(2, 3, id='b')])\n"
        "def test_p(x, want):\n    assert f(x) == want\n"
    )
    assert checks(text, stub) == [
        "x = 1\nwant = 2\nassert f(x) == want",
        "x = 2\nwant = 3\nassert f(x) == want",
    ]


def test_unittest_methods_become_asserts(stub: Stub) -> None:
    text = """
class TestF(unittest.TestCase):
    def setUp(self):
        self.x = [9]

    def test_f(self):
        self.assertEqual(f(self.x), 2, "msg")
        self.assertTrue(f(1))
        self.assertFalse(f(2))
        self.assertIsNone(f(3))
        self.assertIn(4, f(4))
        self.assertAlmostEqual(f(5), 0.5)
        self.assertRaises(TypeError, f, 6)
        with self.assertRaises(KeyError):
            f(7)
"""
    assert checks(text, stub) == [
        "x = [9]\nassert f(x) == 2",
        "assert f(1)",
        "assert not f(2)",
        "assert f(3) is None",
        "assert 4 in f(4)",
        "assert round(f(5) - 0.5, 7) == 0",
        raising("f(6)", "TypeError"),
        raising("f(7)", "KeyError"),
    ]


def test_a_check_of_a_candidate_is_one_of_the_stub(stub: Stub) -> None:
    text = "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2\n\ncheck(f)\n"
    assert checks(text, stub) == ["assert f(1) == 2"]


def test_a_name_of_an_unknown_module_is_taken_off(stub: Stub) -> None:
    assert checks("import solution\nassert solution.f(1) == 2", stub) == ["assert f(1) == 2"]


def test_checks_on_one_object_replay_what_came_before(stub_in: StubIn) -> None:
    text = (
        "def test_push():\n    s = Stack()\n    other = 1\n    s.push(1)\n"
        "    assert s.push(2) == 2\n    assert s.push(3) == 3\n"
    )
    assert checks(text, stub_in(STACK), STACK) == [
        "s = Stack()\ns.push(1)\nassert s.push(2) == 2",
        "s = Stack()\ns.push(1)\ns.push(2) == 2\nassert s.push(3) == 3",
    ]


def test_special_methods_are_checked_through_their_class(stub_in: StubIn) -> None:
    source = "class V:\n    def __add__(self, o):\n        raise NotImplementedError\n"
    found = checks("assert V(1) + V(2) == V(3)", stub_in(source), source)
    assert found == ["assert V(1) + V(2) == V(3)"]


def test_awaited_calls_are_run(stub_in: StubIn) -> None:
    source = "async def f(x):\n    raise NotImplementedError\n"
    text = "async def test_f():\n    assert await f(1) == 2\n"
    assert checks(text, stub_in(source), source) == [
        "import asyncio\nassert asyncio.run(f(1)) == 2"
    ]


# --- the user's examples ----------------------------------------------------------------------


def examples(docstring: str, stub_in: StubIn, decorator: str = "") -> list[str]:
    lines = "\n".join("    " + line for line in docstring.splitlines())
    source = (
        f'{decorator}\ndef f(x, y=0):\n    r"""\n{lines}\n    """\n    raise NotImplementedError\n'
    )
    found = example_checks(stub_in(source))
    assert all(check.trusted for check in found)
    return [check.source for check in found]


@pytest.mark.parametrize(
    ("docstring", "sources"),
    [
        (">>> f(1)\n2", ["assert f(1) == 2"]),
        (">>> f([1,\n...    2])\n{'a': (1, -2.5)}", ["assert f([1, 2]) == {'a': (1, -2.5)}"]),
        (">>> f(1)\nset()", ["assert f(1) == set()"]),
        (
            ">>> f('ab')\nCounter({'a': 1})",
            ["from collections import Counter\nassert f('ab') == Counter({'a': 1})"],
        ),
        (">>> f(1)\nPoint(x=1, y=2)", ["assert repr(f(1)) == 'Point(x=1, y=2)'"]),
        (">>> f(0)\nnan", ["assert repr(f(0)) == 'nan'"]),
        (">>> f(1)\n<f object at ...>", []),
        (">>> print(f(1))\na\n<BLANKLINE>\nb", ["assert str(f(1)) == 'a\\n\\nb'"]),
        (">>> f(1)  # doctest: +SKIP\n2", []),
        (">>> g(1)\n2", []),
        (">>> f(1)", []),
        (">>> x = [1]\n>>> f(x)\n2", ["x = [1]\nassert f(x) == 2"]),
        (
            ">>> x = [1]\n>>> f(x)\n>>> x\n[1, 2]\n>>> f(3)\n4",
            ["x = [1]\nf(x)\nassert x == [1, 2]", "assert f(3) == 4"],
        ),
        (
            ">>> f(-1)\nTraceback (most recent call last):\n    ...\nValueError: no",
            [raising("f(-1)", "ValueError")],
        ),
        ("f(1) == 2", ["assert f(1) == 2"]),
        ("- `f('a -> b') -> 'c'`", ["assert f('a -> b') == 'c'"]),
        (
            "Examples: none\n* f(1) => [2],\nf(2) returns None.",
            ["assert f(1) == [2]", "assert f(2) == None"],
        ),
        ("f(x) == 2\nf(n) -> n\nf(1) = 2\nthe sum f(1) == 2\nf(1) >= 2", []),
    ],
)
def test_examples_of_a_docstring(docstring: str, sources: list[str], stub_in: StubIn) -> None:
    assert examples(docstring, stub_in) == sources


def test_examples_of_the_decorator(stub_in: StubIn) -> None:
    decorator = (
        "from pytest_supercharger import todo_llm\n"
        "@todo_llm(examples=['f(1) == 2', '>>> f(2)\\n3', 'f(3) -> 4', 'x = 1; assert f(x) > 0'])"
    )
    assert examples("", stub_in, decorator) == [
        "assert f(1) == 2",
        "assert f(2) == 3",
        "assert f(3) == 4",
        "x = 1\nassert f(x) > 0",
    ]


def test_examples_of_a_method_keep_their_object(stub_in: StubIn) -> None:
    source = (
        'class Stack:\n    def push(self, x):\n        """Push.\n\n        >>> s = Stack()\n'
        "        >>> s.push(1)\n        1\n        >>> s.push(2)\n        2\n"
        '        """\n        raise NotImplementedError\n'
    )
    assert [check.source for check in example_checks(stub_in(source))] == [
        "s = Stack()\nassert s.push(1) == 1",
        "s = Stack()\ns.push(1)\nassert s.push(2) == 2",
    ]
