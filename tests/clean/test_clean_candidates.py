"""From a completion to a candidate."""

from __future__ import annotations

import pytest
from stub_in_text import StubIn

from pytest_supercharger.clean.candidates import (
    CodeCandidate,
    Rejected,
    clean_code,
    render_function,
)
from pytest_supercharger.stubs import Stub

SOURCE = '''\
import math
from datetime import date

LIMIT = 3


def other(x):
    return x


def f(numbers: list, k: int = 2) -> int:
    """Doc."""
    raise NotImplementedError
'''
STACK = """\
class Stack:
    def push(self, x):
        raise NotImplementedError

    @property
    def size(self):
        raise NotImplementedError

    @size.setter
    def size(self, value):
        raise NotImplementedError
"""


@pytest.fixture
def stub(stub_in: StubIn) -> Stub:
    return stub_in(SOURCE)


def clean(text: str, stub: Stub, source: str = SOURCE) -> CodeCandidate:
    found = clean_code(text, stub, source)
    assert isinstance(found, CodeCandidate), found
    return found


def refusal(text: str, stub: Stub, source: str = SOURCE) -> str:
    found = clean_code(text, stub, source)
    assert isinstance(found, Rejected), found
    return found.reason


def test_a_plain_continuation_needs_no_repair(stub: Stub) -> None:
    found = clean_code(
        "    return k\n", stub, SOURCE, origin="improved", seed=7, logprob=-0.5, tokens=4
    )
    assert isinstance(found, CodeCandidate)
    assert (found.body, found.imports, found.helpers, found.repairs) == ("return k", (), (), ())
    assert (found.stub, found.origin, found.seed, found.logprob, found.tokens) == (
        stub.id,
        "improved",
        7,
        -0.5,
        4,
    )


def test_the_id_depends_on_the_code_only(stub: Stub) -> None:
    bare = clean("    return k", stub)
    fenced = clean("```python\ndef f(numbers, k):\n  '''Doc.'''\n  return k\n```", stub)
    assert bare.id == fenced.id
    assert len(bare.id) == 16
    assert bare.id != clean("    return 1", stub).id


def test_helpers_imports_and_constants_are_kept_transitively(stub: Stub) -> None:
    text = """
import re, os
from collections import Counter, deque

EPS: float = 1e-9
UNUSED = 1

@cached
def base(x): return x + EPS

def unused(): pass

def helper(x):
    return Counter(base(x))

def cached(function): return function

def f(numbers, k=2):
    return helper(re.sub("a", "", other(numbers)))

print(f([1]))
assert f([1]) == 2
if __name__ == "__main__":
    f([])
"""
    found = clean(f"```python{text}```", stub)
    assert found.imports == ("import re", "from collections import Counter")
    assert found.helpers == (
        "EPS: float = 1e-9",
        "@cached\ndef base(x): return x + EPS",
        "def helper(x):\n    return Counter(base(x))",
        "def cached(function): return function",
    )
    assert found.repairs == ("took the code out of a fence",)


def test_copies_of_the_users_own_names_are_no_helpers(stub: Stub) -> None:
    text = "import math\nLIMIT = 9\ndef other(x): return 0\n"
    found = clean(f"{text}def f(numbers, k):\n    return other(LIMIT) + math.pi", stub)
    assert (found.imports, found.helpers) == ((), ())


def test_recursion_is_no_helper(stub: Stub) -> None:
    found = clean("    return f(numbers[1:]) if numbers else 0", stub)
    assert found.helpers == ()


def test_helpers_that_follow_a_continuation(stub: Stub) -> None:
    text = "    return g(k)\n\n\ndef g(x):\n    return x\n\n\nprint(f([], 1))\nand so on, as"
    assert clean(text, stub).helpers == ("def g(x):\n    return x",)


def test_a_helper_never_hides_a_builtin(stub: Stub) -> None:
    found = clean("def sum(x): return 0\ndef f(numbers, k): return sum(numbers)", stub)
    assert found.helpers == ()


def test_forgotten_imports_are_added(stub: Stub) -> None:
    found = clean("    return math.pi, np.sum(numbers), deque(), re, date", stub)
    assert found.imports == ("from collections import deque", "import numpy as np", "import re")
    assert "added import re" in found.repairs


def test_an_import_that_would_rebind_a_name_of_the_module_stays_inside(stub: Stub) -> None:
    found = clean("from mine import date\n\ndef f(numbers, k):\n    return date(k)", stub)
    assert found.imports == ()
    assert found.body == "from mine import date\nreturn date(k)"


def test_comments_stay_and_docstring_and_decorators_go(stub: Stub) -> None:
    text = (
        '@lru_cache\ndef f(numbers, k):\n    """Theirs."""\n\n'
        "    # first\n    return k  # so\n    # x"
    )
    assert clean(text, stub).body == "# first\nreturn k  # so"


def test_inner_indentation_by_tabs_becomes_spaces(stub: Stub) -> None:
    text = "def f(numbers, k):\r\n\tif k:\r\n\t\treturn '''\r\n\ta'''\r\n\treturn 2\r\n"
    assert clean(text, stub).body == "if k:\n    return '''\n\ta'''\nreturn 2"


def test_one_line_functions(stub: Stub) -> None:
    assert clean("def f(numbers, k): x = k; return x", stub).body == "x = k\nreturn x"


def test_unreachable_lines_are_dropped_but_not_a_yield(stub: Stub) -> None:
    assert clean("    return 1\n    print(f(2))", stub).body == "return 1"
    assert clean("    return\n    yield", stub).body == "return\nyield"


@pytest.mark.parametrize(
    "text",
    [
        "    pass",
        "    ...",
        "    # your code here\n    ...",
        "    # ... rest of the code",
        "def f(numbers, k):\n    # TODO\n",
        'def f(numbers, k):\n    """Only words."""',
        "    raise NotImplementedError('later')",
        "```python\ndef f(numbers, k):\n    '''x'''\n    pass\n```",
    ],
)
def test_what_is_still_a_stub_is_rejected(text: str, stub: Stub) -> None:
    assert refusal(text, stub).startswith("still a stub")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("<think>\nhm", "empty"),
        ("Sure, I can help with that.", "does not parse: invalid syntax (line 2)"),
        ("sure", "neither defines f nor continues it"),
        ("def g(x):\n    return x", "neither defines f nor continues it"),
        ("def f(a, b, c):\n    return a", "takes (a, b, c), the stub takes (numbers, k)"),
        ("def f(*xs):\n    return 1", "takes (*xs), the stub takes (numbers, k)"),
        ("    return await k", "does not compile: "),
        ("    break", "does not compile: "),
    ],
)
def test_the_reason_of_a_rejection(text: str, reason: str, stub: Stub) -> None:
    assert refusal(text, stub).startswith(reason)


def test_a_draft_is_passed_over_for_an_earlier_block_that_is_whole(stub: Stub) -> None:
    text = "```\ndef f(numbers, k): return 1\n```\n```\ndef f(numbers, k):\n    pass\n```"
    assert clean(text, stub).body == "return 1"


# --- parameters -------------------------------------------------------------------------------


def test_parameters_are_renamed_by_position(stub: Stub) -> None:
    text = "def f(xs, n=2):\n    return [n for n in xs] + [x * n for x in xs] + f(xs=xs, n=n)"
    found = clean(text, stub)
    assert (
        found.body
        == "return [n for n in numbers] + [x * k for x in numbers] + f(numbers=numbers, k=k)"
    )
    assert found.repairs == ("renamed parameter xs to numbers", "renamed parameter n to k")


def test_a_local_of_the_new_name_gives_way(stub: Stub) -> None:
    text = "def f(xs, n):\n    numbers = sorted(xs)\n    return [k for k in numbers if k < n]"
    assert clean(text, stub).body == (
        "numbers_ = sorted(numbers)\nreturn [k_ for k_ in numbers_ if k_ < k]"
    )


def test_attributes_and_keywords_of_the_old_name_stay(stub: Stub) -> None:
    found = clean("def f(xs, n):\n    return g.xs(n=n).n + dict(xs=1)", stub)
    assert found.body == "return g.xs(n=k).n + dict(xs=1)"


def test_names_in_another_order_are_read_by_name(stub: Stub) -> None:
    assert clean("def f(k, numbers):\n    return numbers[k]", stub).body == "return numbers[k]"


def test_a_parameter_left_out_is_no_reason_to_reject(stub: Stub) -> None:
    assert clean("def f(numbers):\n    return numbers", stub).body == "return numbers"


def test_a_global_of_the_new_name_cannot_be_renamed(stub_in: StubIn) -> None:
    source = "def f(sum):\n    raise NotImplementedError\n"
    reason = refusal("def f(xs):\n    return sum(xs)", stub_in(source), source)
    assert reason == "parameters (xs) cannot be renamed to the stub's"


# --- kinds ------------------------------------------------------------------------------------


def test_a_whole_class_gives_the_method(stub_in: StubIn) -> None:
    text = (
        "class Stack:\n    def __init__(self):\n        self.x = []\n\n"
        "    def push(self, item):\n        self.x.append(item)\n\n"
        "    def pop(self):\n        return 1"
    )
    found = clean(text, stub_in(STACK, "Stack.push"), STACK)
    assert found.body == "self.x.append(x)"
    assert found.helpers == ()


def test_sibling_methods_after_a_continuation_are_dropped(stub_in: StubIn) -> None:
    text = "        self.items.append(x)\n\n    def pop(self):\n        return 1\n\nclass B: pass"
    found = clean(text, stub_in(STACK, "Stack.push"), STACK)
    assert found.body == "self.items.append(x)"


def test_getter_and_setter_are_told_apart(stub_in: StubIn) -> None:
    text = (
        "class Stack:\n    @property\n    def size(self):\n        return self._n\n\n"
        "    @size.setter\n    def size(self, value):\n        self._n = value\n"
    )
    assert clean(text, stub_in(STACK, "Stack.size"), STACK).body == "return self._n"
    assert clean(text, stub_in(STACK, "Stack.size.setter"), STACK).body == "self._n = value"


def test_a_class_around_a_plain_function_is_taken_off(stub: Stub) -> None:
    text = "class Solution:\n    def f(self, numbers, k):\n        return k"
    assert clean(text, stub).body == "return k"
    with_self = text.replace("return k", "return self.g(k)")
    assert refusal(with_self, stub) == "uses self, the stub is a plain function"


def test_a_nested_function_sees_its_surroundings(stub_in: StubIn) -> None:
    source = (
        "def outer(re):\n    count = 0\n    def inner(x):\n        raise NotImplementedError\n"
        "    return inner\n"
    )
    stub = stub_in(source, "outer.<locals>.inner")
    found = clean("        nonlocal count\n        count += 1\n        return re\n", stub, source)
    assert found.imports == ()
    assert found.body.startswith("nonlocal count")


def test_async_bodies(stub_in: StubIn) -> None:
    source = "async def f(x):\n    raise NotImplementedError\n"
    found = clean("async def f(x):\n    return await x", stub_in(source), source)
    assert found.body == "return await x"


def test_a_method_may_be_called_like_a_builtin_that_it_uses(stub_in: StubIn) -> None:
    source = "class C:\n    def sorted(self):\n        raise NotImplementedError\n"
    found = clean("        return sorted(self.x)", stub_in(source), source)
    assert (found.body, found.imports) == ("return sorted(self.x)", ())


def test_rendering_puts_imports_and_helpers_first(stub: Stub) -> None:
    text = "import re\ndef g(): return re\ndef f(numbers, k):\n    x = '''\n a'''\n    return g()"
    assert render_function(stub, clean(text, stub)) == (
        "import re\n\n\ndef g(): return re\n\n\n"
        "def f(numbers: list, k: int = 2) -> int:\n    x = '''\n a'''\n    return g()"
    )
