"""What does the model get to know about a stub, and what is kept from it?"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_supercharger.context import (
    Context,
    LinkedTest,
    PartKind,
    ProjectFiles,
    gather_context,
    hold_back,
    parse_source,
    split_node_id,
    stub_source,
)
from pytest_supercharger.context.cases import _case_id, _case_lists
from pytest_supercharger.context.outlines import docstring_literal
from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.stubs import Stub, find_stubs


def count(text: str) -> int:
    """A tokenizer's stand-in: four characters a token."""
    return -(-len(text) // 4)


class Project:
    """A project tree in a folder, made of path and source."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root = root
        for path, source in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source).lstrip("\n"), encoding="utf-8")

    def stubs(self) -> list[Stub]:
        return list(find_stubs(self.root, norecurse=(), python_files=("test_*.py",)).stubs)

    def gather(self, qualname: str, *tests: str, budget: int = 4000, vacuous: str = "") -> Context:
        (stub,) = [stub for stub in self.stubs() if stub.qualname == qualname]
        linked = [LinkedTest(id=test, belongs=True) for test in tests]
        linked += [LinkedTest(id=vacuous, belongs=False)] if vacuous else []
        return gather_context(
            stub,
            rootdir=self.root,
            tests=linked,
            all_stubs=self.stubs(),
            budget=budget,
            count=count,
        )


def told(context: Context, *kinds: PartKind) -> str:
    """Text of the parts of these kinds, of all without any."""
    return "\n".join(part.text for part in context.parts if not kinds or part.kind in kinds)


SHOP = {
    "src/shop/__init__.py": "",
    "src/shop/money.py": '''
        from dataclasses import dataclass

        RATE = 0.2
        SECRET = "not used by the basket"

        @dataclass
        class Money:
            """An amount of money.
            In the smallest unit.

            A paragraph that is left out.
            """
            amount: int
            currency: str = "EUR"

            def plus(self, other: "Money") -> "Money":
                """Sum of two."""
                return Money(self.amount + other.amount, self.currency)

            def _private(self): ...
    ''',
    "src/shop/basket.py": '''
        from collections.abc import Iterable
        from pytest_supercharger import todo_llm

        from shop import money
        from shop.money import Money

        LIMIT = 10

        def discount(amount: int) -> int:
            """What is taken off.

            More about it."""
            return amount // LIMIT

        class Basket:
            """What is bought.

            Nothing is paid yet."""

            kind: str = "basket"

            def __init__(self, items: Iterable[str]) -> None:
                self.items = list(items)
                local = 1
                self._total: int | None = None

            @property
            def size(self) -> int:
                """How many."""
                return len(self.items)

            def total(self, rate: float = money.RATE) -> Money:
                """Price of it all,
                taxes included."""
                # round down
                raise NotImplementedError

            @todo_llm("join with commas")
            def label(self) -> str:
                raise NotImplementedError

        def show(basket: Basket) -> str:
            amount = basket.total()
            return str(amount)
    ''',
    "tests/conftest.py": """
        import pytest
        from shop.basket import Basket

        @pytest.fixture
        def basket():
            return Basket(["apple"])

        @pytest.fixture
        def unrelated():
            return 77777
    """,
    "tests/test_basket.py": """
        import os
        from shop.money import Money

        PRICE = 314

        def check(value):
            assert value == Money(PRICE)

        def test_total(basket):
            check(basket.total())

        def test_other():
            assert os.sep != "unrelated test"

        class TestLabel:
            def setup_method(self):
                self.wanted = "apple, pear"

            def test_label(self, basket):
                assert basket.label() == self.wanted
    """,
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return Project(tmp_path, SHOP)


# --- what is in -------------------------------------------------------------------------


def test_the_stub_comes_first_with_docstring_and_comments(shop):
    context = shop.gather("Basket.total")
    assert context.parts[0].kind is PartKind.STUB
    assert context.parts[0].text == (
        "def total(self, rate: float = money.RATE) -> Money:\n"
        '    """Price of it all,\n    taxes included.\n    """\n'
        "    # round down"
    )


def test_the_hint_of_the_decorator_is_told_and_the_decorator_is_not(shop):
    context = shop.gather("Basket.label")
    assert "# hint: join with commas" in context.parts[0].text
    assert "todo_llm" not in told(context)


def test_of_the_class_its_attributes_and_the_signatures_of_siblings_are_told(shop):
    around = told(shop.gather("Basket.total"), PartKind.AROUND)
    assert "class Basket:" in around
    assert "Nothing is paid yet." in around
    assert "kind: str = 'basket'" in around
    assert "self.items = list(items)" in around
    assert "self._total: int | None = None" in around
    assert "local" not in around
    assert "@property\n    def size(self) -> int:" in around
    assert "def total" not in around


def test_of_a_class_too_big_for_the_budget_the_beginning_is_told(tmp_path):
    methods = "".join(f"    def method_{i}(self, argument): ...\n" for i in range(200))
    source = (
        f'class Big:\n    """Huge."""\n{methods}    def __init__(self):\n        self.a = 1\n'
        "    def f(self):\n        raise NotImplementedError\n"
    )
    context = Project(tmp_path, {"m.py": source}).gather("Big.f", budget=200)
    around = told(context, PartKind.AROUND)
    assert around.startswith('class Big:\n    """Huge."""\n\n    def __init__(self):')
    assert "self.a = 1" in around
    assert re.match(r"The class `Big` around it: 1\d\d of 202", context.dropped[0])


def test_the_headers_of_the_classes_around_are_known_for_base_models(tmp_path):
    project = Project(
        tmp_path,
        {
            "m.py": '''
                class Outer(dict):
                    """Outermost."""
                    class Inner:
                        @staticmethod
                        def f():
                            raise NotImplementedError
            '''
        },
    )
    context = project.gather("Outer.Inner.f")
    assert context.enclosing == 'class Outer(dict):\n    """Outermost."""\n    class Inner:'
    assert context.depth == 2


def test_the_function_around_a_nested_stub_is_told_whole(tmp_path):
    project = Project(
        tmp_path,
        {
            "m.py": """
                def outer(scale):
                    factor = scale * 2
                    def inner(x):
                        raise NotImplementedError
                    return inner
            """
        },
    )
    context = project.gather("outer.<locals>.inner")
    assert "factor = scale * 2" in told(context, PartKind.AROUND)
    assert context.enclosing == "def outer(scale):"


def test_a_marked_stub_shows_its_present_body(tmp_path):
    project = Project(
        tmp_path,
        {
            "m.py": """
                from pytest_supercharger import todo_llm

                @todo_llm
                def f(x):
                    slow = x + 1
                    return slow
            """
        },
    )
    assert "slow = x + 1" in told(project.gather("f"), PartKind.BODY)


def test_the_test_is_told_with_what_it_uses_and_nothing_else(shop):
    tests = told(shop.gather("Basket.total", "tests/test_basket.py::test_total"), PartKind.TESTS)
    for needed in (
        "check(basket.total())",
        "def check(value):",
        "PRICE = 314",
        "from shop.money import Money",
        "# tests/conftest.py\n@pytest.fixture\ndef basket():",
        "from shop.basket import Basket",
    ):
        assert needed in tests
    for foreign in ("unrelated", "import os", "test_other"):
        assert foreign not in tests


def test_a_test_method_is_told_with_its_class_and_set_up(shop):
    test = "tests/test_basket.py::TestLabel::test_label"
    tests = told(shop.gather("Basket.label", test), PartKind.TESTS)
    assert 'self.wanted = "apple, pear"' in tests
    assert "class TestLabel:\n    def test_label(self, basket):" in tests


def test_support_that_two_tests_share_is_told_once(shop):
    file = shop.root / "tests/test_basket.py"
    file.write_text(file.read_text() + "\ndef test_again(basket):\n    check(basket.total())\n")
    context = shop.gather(
        "Basket.total", "tests/test_basket.py::test_total", "tests/test_basket.py::test_again"
    )
    assert told(context).count("def check(value):") == 1
    assert len(context.of(PartKind.TESTS)) == 2


def test_an_inherited_test_is_found_in_the_base_class(tmp_path):
    project = Project(
        tmp_path,
        {
            "m.py": "def f():\n    raise NotImplementedError\n",
            "test_m.py": """
                from m import f
                class Base:
                    def test_it(self):
                        assert f() == 5
                class TestDerived(Base):
                    pass
            """,
        },
    )
    context = project.gather("f", "test_m.py::TestDerived::test_it")
    assert "assert f() == 5" in told(context, PartKind.TESTS)


def test_a_test_without_source_is_named(shop):
    context = shop.gather("Basket.total", "tests/data.yaml::case one")
    assert context.dropped == ("tests/data.yaml::case one (source not found)",)


def test_the_file_offers_its_imports_constants_and_signatures(shop):
    context = shop.gather("Basket.total")
    imports = told(context, PartKind.IMPORTS)
    assert "from shop.money import Money" in imports
    assert "pytest_supercharger" not in imports
    module = told(context, PartKind.MODULE)
    assert "LIMIT = 10" in module
    assert 'def discount(amount: int) -> int:\n    """What is taken off."""' in module
    assert "More about it" not in module
    assert "class Basket" not in module


def test_another_open_stub_is_told_as_not_written_yet(tmp_path):
    source = "def f():\n    raise NotImplementedError\n\ndef g():\n    raise NotImplementedError\n"
    context = Project(tmp_path, {"m.py": source}).gather("f")
    assert "# not written yet\ndef g(): ..." in told(context, PartKind.MODULE)


def test_imports_from_the_project_are_told_as_signatures(shop):
    library = told(shop.gather("Basket.total"), PartKind.LIBRARY)
    assert '"""An amount of money.\n    In the smallest unit.\n    """' in library
    assert "def plus(self, other: 'Money') -> 'Money': ..." in library
    assert "RATE = 0.2" in library  # reached as money.RATE
    for foreign in ("SECRET", "left out", "_private", "self.amount + other.amount"):
        assert foreign not in library


@pytest.mark.parametrize(
    "statement",
    [
        "from pkg import thing",
        "from . import thing",
        "from .api import thing",
        "from .api import *",
    ],
)
def test_reexports_and_relative_imports_are_followed(tmp_path, statement):
    project = Project(
        tmp_path,
        {
            "pkg/__init__.py": "from pkg.api import thing\n",
            "pkg/api.py": "from ._impl import thing\ndef thing2(): ...\n",
            "pkg/_impl.py": "def thing(a, b):\n    '''The thing.'''\n",
            "pkg/m.py": f"{statement}\ndef f():\n    raise NotImplementedError\n",
        },
    )
    library = told(project.gather("f"), PartKind.LIBRARY)
    assert ("def thing2(): ..." if "*" in statement else "def thing(a, b):") in library


def test_a_sibling_in_a_package_is_not_taken_for_the_standard_library(tmp_path):
    project = Project(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/json.py": "def ours(): ...\n",
            "pkg/m.py": "import json\ndef f():\n    raise NotImplementedError\n",
        },
    )
    assert "ours" not in told(project.gather("f"))


def test_callers_are_told_and_tests_are_not_callers(shop):
    callers = told(shop.gather("Basket.total"), PartKind.CALLERS)
    assert "amount = basket.total()" in callers
    assert "check(" not in callers


@pytest.mark.parametrize(
    ("stub", "use"),
    [
        ("Basket.size", "@register(basket.size)\ndef g(): ..."),
        ("Basket.size", "one = (\n    basket\n    .size\n)"),
        ("f", "x = [y for y in map(str, [f\n (1)])]"),
        ("Basket.__init__", "if Basket(1): ..."),
    ],
)
def test_uses_of_every_sort_are_found(tmp_path, stub, use):
    source = """
        class Basket:
            def __init__(self, n):
                raise NotImplementedError
            @property
            def size(self):
                raise NotImplementedError
        def f(x):
            raise NotImplementedError
    """
    user = f"from m import *  # Basket, basket\n\n\n{use}\n"
    project = Project(tmp_path, {"m.py": source, "user.py": user})
    assert use.split("\n")[0] in told(project.gather(stub), PartKind.CALLERS)


def test_a_call_of_the_same_name_in_an_unrelated_file_is_no_caller(shop):
    (shop.root / "src/other.py").write_text("def g(frame):\n    return frame.total()\n")
    assert "frame" not in told(shop.gather("Basket.total"))


def test_a_test_that_passes_without_the_stub_comes_last(shop):
    context = shop.gather("Basket.total", vacuous="tests/test_basket.py::test_other")
    assert context.parts[-1].kind is PartKind.OTHER_TESTS


def test_a_test_that_expects_the_stub_is_left_out(shop):
    file = shop.root / "tests/test_open.py"
    file.write_text(
        "import pytest\ndef test_open(basket):\n"
        "    with pytest.raises(NotImplementedError):\n        basket.total()\n"
    )
    context = shop.gather("Basket.total", vacuous="tests/test_open.py::test_open")
    assert "NotImplementedError" not in told(context)


# --- files as they are ------------------------------------------------------------------


def test_nothing_is_imported(shop):
    bomb = "raise SystemExit('imported')\n"
    for path in ("src/shop/money.py", "tests/conftest.py"):
        file = shop.root / path
        file.write_text(file.read_text() + bomb)
    before = set(sys.modules)
    assert "def plus" in told(shop.gather("Basket.total", "tests/test_basket.py::test_total"))
    assert not [name for name in set(sys.modules) - before if name.startswith("shop")]


@pytest.mark.parametrize(
    "content", [b"def broken(:\n", b"\xff\xfe\x00", b"# coding: no-such\n", b"x = '\0'\n"]
)
def test_files_that_do_not_parse_add_nothing(shop, content):
    for path in ("src/shop/money.py", "tests/test_basket.py", "tests/conftest.py"):
        (shop.root / path).write_bytes(content)
    context = shop.gather("Basket.total", "tests/test_basket.py::test_total")
    assert context.of(PartKind.AROUND)
    assert not context.of(PartKind.TESTS)
    assert not context.of(PartKind.LIBRARY)


def test_a_file_that_changed_since_leaves_the_stub_as_it_was_read(shop):
    (stub,) = [stub for stub in shop.stubs() if stub.qualname == "Basket.total"]
    (shop.root / stub.path).write_text("x = 1\n")
    context = gather_context(
        stub, rootdir=shop.root, tests=(), all_stubs=(), budget=500, count=count
    )
    assert "def total" in context.parts[0].text
    assert (context.enclosing, context.depth) == ("class Basket:", 1)


def test_windows_line_ends_and_a_byte_order_mark_are_read(shop):
    for path in ("src/shop/basket.py", "tests/test_basket.py"):
        file = shop.root / path
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    context = shop.gather("Basket.total", "tests/test_basket.py::test_total")
    assert context.of(PartKind.TESTS)
    assert "\r" not in told(context)
    assert "\ufeff" not in told(context)


def test_virtual_environments_are_not_searched(shop):
    Project(shop.root, {"env/pyvenv.cfg": "", "env/lib/a.py": "", "node_modules/b.py": ""})
    assert not [p for p in ProjectFiles(shop.root).paths() if p.startswith(("env", "node"))]


def test_every_file_is_read_once_for_all_stubs(shop):
    files = ProjectFiles(shop.root)
    assert files.read("src/shop/money.py") is files.read("src/shop/money.py")


# --- the budget -------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [120, 200, 300, 400, 600, 1000])
def test_the_parts_never_exceed_the_budget_and_the_rest_is_named(shop, budget):
    test = "tests/test_basket.py::test_total"
    everything = shop.gather("Basket.total", test)
    context = shop.gather("Basket.total", test, budget=budget)
    assert context.tokens <= budget
    missing = {part.title for part in everything.parts} - {part.title for part in context.parts}
    assert missing <= set(context.dropped)
    assert bool(context.dropped) == (context.tokens < everything.tokens)


def test_the_nearest_parts_stay_when_room_is_short(shop):
    context = shop.gather("Basket.total", "tests/test_basket.py::test_total", budget=260)
    assert [part.kind for part in context.parts[:2]] == [PartKind.STUB, PartKind.AROUND]
    assert context.of(PartKind.TESTS)
    assert "From src/shop/money.py" in " ".join(context.dropped)


def test_a_list_of_signatures_is_cut_with_the_mentioned_ones_kept(tmp_path):
    others = "".join(f"def other_{i}(argument_one, argument_two):\n    ...\n" for i in range(100))
    source = (
        others + "def wanted(a): ...\n"
        'def f():\n    """Like wanted, but better."""\n    raise NotImplementedError\n'
    )
    context = Project(tmp_path, {"m.py": source}).gather("f", budget=300)
    assert "def wanted(a): ..." in told(context, PartKind.MODULE)
    assert any(title.startswith("Also in m.py: ") for title in context.dropped)


def test_tests_leave_half_of_the_room_for_what_the_file_offers(tmp_path):
    tests = "from m import f\n" + "".join(
        f"def test_{i}():\n    assert f({i}) == {i * 111111}\n" for i in range(200)
    )
    source = "def helper(a): ...\ndef f(x):\n    raise NotImplementedError\n"
    project = Project(tmp_path, {"m.py": source, "test_m.py": tests})
    context = project.gather("f", *(f"test_m.py::test_{i}" for i in range(200)), budget=600)
    assert "def helper(a): ..." in told(context)
    assert 3 < len(context.of(PartKind.TESTS)) < 200
    shown = len(context.of(PartKind.TESTS))
    assert len([t for t in context.dropped if t.startswith("Test ")]) == 200 - shown


def test_a_stub_that_does_not_fit_says_both_numbers_and_both_ways_out(shop):
    with pytest.raises(SetupError) as caught:
        shop.gather("Basket.total", budget=20)
    message = str(caught.value)
    assert message.startswith("src/shop/basket.py::Basket.total: ")
    assert "room for 20" in message
    assert "need 37 tokens" in message
    assert "supercharge_context" in message
    assert "shorten" in message


# --- cases held back --------------------------------------------------------------------

STUB = "def f(x):\n    raise NotImplementedError\n"


def parametrised(cases: str, names: str = '"x, y"', more: str = "") -> str:
    return (
        "import pytest\nfrom m import f\n"
        f"@pytest.mark.parametrize({names}, {cases}{more})\n"
        "def test_f(x, y):\n    assert f(x) == y\n"
    )


def held_values(context: Context, values: list[str]) -> list[str]:
    return [value for value in values if value not in told(context)]


@pytest.mark.parametrize("n", range(2, 12))
@pytest.mark.parametrize("layout", ["[{}]", "({},)", "[\n    {},\n]"])
def test_some_cases_are_shown_and_some_are_held_back(tmp_path, n, layout):
    values = [f"9{i:02}9" for i in range(n)]
    joiner = ",\n    " if "\n" in layout else ", "
    cases = layout.format(joiner.join(f"({value}, {i})" for i, value in enumerate(values)))
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": parametrised(cases)})
    context = project.gather("f", *(f"test_m.py::test_f[{v}-{i}]" for i, v in enumerate(values)))
    (held,) = context.held_back
    absent = held_values(context, values)
    assert 1 <= len(absent) < n
    assert (held.shown, held.held) == (n - len(absent), len(absent))
    assert f"# ... {len(absent)} more case" in told(context)
    hidden = [v for i, v in enumerate(values) if context.hides(f"test_m.py::test_f[{v}-{i}]")]
    assert hidden == absent
    ast.parse(told(context, PartKind.TESTS))


def test_the_choice_is_the_same_every_time(tmp_path):
    cases = "[" + ", ".join(f"({i}, {i})" for i in range(9)) + "]"
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": parametrised(cases)})
    first, second = (project.gather("f", "test_m.py::test_f") for _ in range(2))
    assert first == second


def test_a_single_case_is_shown(tmp_path):
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": parametrised("[(4711, 5)]")})
    context = project.gather("f", "test_m.py::test_f[4711-5]")
    assert "4711" in told(context)
    assert context.held_back == ()


def test_cases_in_a_constant_are_held_back_for_every_test_that_uses_it(tmp_path):
    source = (
        "import pytest\nfrom m import f\n"
        "CASES = [('aaaa', 1), ('bbbb', 2), ('cccc', 3)]\n"
        "@pytest.mark.parametrize('x,y', CASES)\ndef test_f(x, y):\n    assert f(x) == y\n"
        "@pytest.mark.parametrize('x,y', CASES)\ndef test_g(x, y):\n    assert f(x) > y\n"
        "def test_loop():\n    for x, y in CASES:\n        assert f(x) == y\n"
    )
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", *(f"test_m.py::test_{n}" for n in ("f", "g", "loop")))
    (absent,) = held_values(context, ["aaaa", "bbbb", "cccc"])
    assert {held.test for held in context.held_back} == {"test_m.py::test_f", "test_m.py::test_g"}
    number = ["aaaa", "bbbb", "cccc"].index(absent) + 1
    assert context.hides(f"test_m.py::test_g[{absent}-{number}]")


def test_a_literal_loop_is_left_alone(tmp_path):
    source = (
        "from m import f\ndef test_f():\n"
        "    for x, y in [(1111, 1), (2222, 2), (3333, 3)]:\n        assert f(x) == y\n"
    )
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::test_f")
    assert held_values(context, ["1111", "2222", "3333"]) == []


def test_ids_go_with_their_cases(tmp_path):
    source = parametrised("[(1, 1), (2, 2)]", more=', ids=["first-one", "second-one"]')
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::test_f")
    (absent,) = held_values(context, ["first-one", "second-one"])
    assert context.hides(f"test_m.py::test_f[{absent}]")
    assert sum(context.hides(f"test_m.py::test_f[{i}]") for i in ("first-one", "second-one")) == 1


def test_where_ids_cannot_be_foretold_every_case_counts_as_hidden(tmp_path):
    source = parametrised("[(1, 1), (2, 2)]", more=", ids=repr")
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::test_f")
    assert context.hides("test_m.py::test_f[whatever]")
    assert not context.hides("test_m.py::test_f")
    assert not context.hides("test_m.py::test_g[whatever]")


def test_a_class_that_is_parametrised_holds_back_for_all_its_tests(tmp_path):
    source = (
        "import pytest\nfrom m import f\n"
        "@pytest.mark.parametrize('x', ['pppp', 'qqqq'])\nclass TestF:\n"
        "    def test_a(self, x):\n        assert f(x)\n"
    )
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::TestF::test_a")
    (absent,) = held_values(context, ["pppp", "qqqq"])
    assert context.hides(f"test_m.py::TestF::test_a[{absent}]")


def test_the_foretold_ids_are_those_of_pytest(tmp_path):
    source = """
        import pytest
        @pytest.mark.parametrize("x, y", [
            (1, "a b"), (-2.5, None), (True, ""), ("tab\\t", "é"), ([1], {}), (b"x\\xff", 1j),
            pytest.param(3, 4, id="named"), pytest.param(5, "six", marks=pytest.mark.skip),
        ])
        def test_f(x, y): ...
        @pytest.mark.parametrize(["x"], [(7,), (8,), (9,)])
        def test_g(x): ...
        @pytest.mark.parametrize(ids=["u", "v"], argnames="x", argvalues=("p", pytest.param("q")))
        def test_h(x): ...
    """
    project = Project(tmp_path, {"test_m.py": source})
    file = ProjectFiles(project.root).read("test_m.py")
    assert file
    foretold = [
        f"{found.test}[{_case_id(found, index)}]"
        for found in _case_lists(file)
        for index in range(len(found.cases.elts))
    ]
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", "test_m.py"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if "::" in line] == foretold


def test_stacked_parameters_are_hidden_by_the_held_one(tmp_path):
    source = (
        "import pytest\nfrom m import f\n"
        "@pytest.mark.parametrize('x', ['pp', 'qq'])\n@pytest.mark.parametrize('y', ['one'])\n"
        "def test_f(x, y):\n    assert f(x) == y\n"
    )
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::test_f")
    (absent,) = held_values(context, ["pp", "qq"])
    hidden = [x for x in ("pp", "qq") if context.hides(f"test_m.py::test_f[one-{x}]")]
    assert hidden == [absent]


def test_a_case_that_only_running_would_tell_is_never_shown_by_its_id(tmp_path):
    source = parametrised("[(a.b, 1), (a.b, 2), (a.b, 3)]")
    project = Project(tmp_path, {"m.py": STUB, "test_m.py": source})
    context = project.gather("f", "test_m.py::test_f")
    assert context.held_back[0].ids == ()
    assert context.hides("test_m.py::test_f[x0-1]")


@given(
    st.lists(
        st.one_of(
            st.integers().map(repr),
            st.text(max_size=6).map(repr),
            st.tuples(st.integers(), st.text(max_size=3)).map(repr),
            st.sampled_from(["f(1)", "(1 +\n 2)", "pytest.param(1,\n  id='x')", "'''a\nb'''"]),
        ),
        min_size=2,
        max_size=9,
    ),
    st.sampled_from([", ", ",\n        ", ",  # é ]\n    "]),
)
def test_a_trimmed_file_parses_and_holds_fewer_cases(elements, joiner):
    text = (
        "class TestÄ:\n    'é'; @pytest.mark.parametrize('ä', [".replace("'é'; ", "")
        + joiner.join(elements)
        + "])\n    def test_f(self, ä): ...\n"
    )
    file = parse_source("t.py", text)
    if file is None:
        return
    trimmed, (held,) = hold_back(file)
    assert trimmed is not None
    function = trimmed.tree.body[0].body[0]
    shown = function.decorator_list[0].args[1].elts
    assert (len(shown), held.shown + held.held) == (held.shown, len(elements))
    assert {ast.dump(node) for node in shown} <= {
        ast.dump(ast.parse(e).body[0].value) for e in elements
    }


def test_node_ids_split_at_the_parameters():
    assert split_node_id("t.py::T::test_a[x[1]-::]") == ("t.py::T::test_a", "x[1]-::")
    assert split_node_id("te[st].py::test_a") == ("te[st].py::test_a", "")


@given(st.text(st.sampled_from("ab\\\"'\n \t{é"), max_size=30).map(str.strip))
def test_a_docstring_literal_keeps_its_value(text):
    import inspect

    text = inspect.cleandoc(text)
    value = ast.literal_eval(docstring_literal(text)) if text else ""
    assert inspect.cleandoc(value) == text


def test_the_stub_source_parses_with_a_body(shop):
    for stub in shop.stubs():
        ast.parse(stub_source(stub) + "\n    pass\n")
