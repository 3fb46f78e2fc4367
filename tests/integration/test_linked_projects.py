"""Which tests belong to which stub, and what becomes of the others, in a real sandbox."""

from __future__ import annotations

import textwrap

import pytest
from example_project import Project, Run, code

from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.docker import connect

pytestmark = pytest.mark.bubblewrap

SRC = {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n'}
RIGHT = "    return value + 1\n"
WRONG = "    return value + 2\n"

BELONGING = (
    "plain", "label", "in_function", "in_module", "in_session", "in_teardown", "deep",
    "other_exception", "other_message",
)  # fmt: skip
NOT_BELONGING = ("swallowed", "raises", "assert_raises", "xfail")
AT_IMPORT = ("at_import", "at_parametrize", "by_module")


def skip_without_docker() -> None:
    try:
        connect().close()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def stub(name: str) -> str:
    """A function of one value that is not there yet, with an example for the untested ones."""
    return f'''
def {name}(value):
    """One more.

    >>> {name}(1)
    2
    """
    raise NotImplementedError
'''


KINDS = Project(
    {
        **SRC,
        "src/shop.py": "".join(map(stub, BELONGING + NOT_BELONGING))
        + """

def label_or_default(value):
    try:
        return label(value)
    except NotImplementedError:
        return "?"


def wrapped(value):
    try:
        return deep(value)
    except NotImplementedError as error:
        raise RuntimeError("not today") from error
""",
        "src/early.py": "".join(map(stub, AT_IMPORT)),
        "src/prices.py": "from early import by_module\n\nBASE = by_module(4)\n",
        "tests/test_kinds.py": """\
            import pytest

            import shop


            def test_plain():
                assert shop.plain(1) == 2


            def test_swallows():
                try:
                    shop.swallowed(1)
                except NotImplementedError:
                    pass


            def test_raises():
                with pytest.raises(NotImplementedError):
                    shop.raises(1)


            @pytest.mark.xfail(strict=True)
            def test_xfail():
                assert shop.xfail(1) == 2


            def test_other_exception():
                with pytest.raises(TypeError):
                    shop.other_exception("a")


            def test_other_message():
                with pytest.raises((NotImplementedError, TypeError), match="str"):
                    shop.other_message("a")


            def test_caught_by_the_code():
                assert shop.label_or_default(1) == 2


            def test_wrapped():
                assert shop.wrapped(1) == 2


            def test_red():
                assert 1 == 2


            def test_green():
                assert shop
            """,
        "tests/test_cases.py": """\
            import unittest

            import shop


            class Cases(unittest.TestCase):
                def test_assert_raises(self):
                    with self.assertRaises(NotImplementedError):
                        shop.assert_raises(1)

                def test_plain(self):
                    self.assertEqual(shop.plain(3), 4)
            """,
        "tests/test_fixtures.py": """\
            import pytest

            import shop


            @pytest.fixture
            def function():
                return shop.in_function(1)


            @pytest.fixture(scope="module")
            def module():
                return shop.in_module(1)


            @pytest.fixture(scope="session")
            def session():
                return shop.in_session(1)


            @pytest.fixture
            def teardown():
                yield 2
                assert shop.in_teardown(1) == 2


            def test_function(function):
                assert function == 2


            def test_module_1(module):
                assert module == 2


            def test_module_2(module):
                assert module == 2


            def test_session_1(session):
                assert session == 2


            def test_session_2(session):
                assert session == 2


            def test_teardown(teardown):
                assert teardown == 2
            """,
        "tests/test_at_import.py": """\
            from early import at_import

            LIMIT = at_import(1)


            def test_limit():
                assert LIMIT == 2
            """,
        "tests/test_at_parametrize.py": """\
            import pytest
            from early import at_parametrize


            @pytest.mark.parametrize("number", [at_parametrize(1), at_parametrize(3)])
            def test_number(number):
                assert number in (2, 4)
            """,
        "tests/test_by_module.py": """\
            from prices import BASE


            def test_base():
                assert BASE == 5
            """,
    }
)


@pytest.fixture(scope="module")
def kinds() -> Run:
    """One run over all kinds of links."""
    shop = [code(f"src/shop.py::{name}", WRONG, RIGHT) for name in BELONGING]
    shop += [code(f"src/shop.py::{name}", WRONG, RIGHT) for name in NOT_BELONGING]
    early = [code(f"src/early.py::{name}", WRONG, RIGHT) for name in AT_IMPORT]
    return KINDS.answering(*shop, *early).run()


@pytest.mark.parametrize(
    ("stub", "tests"),
    [
        ("plain", ["test_cases.py::Cases::test_plain", "test_kinds.py::test_plain"]),
        ("label", ["test_kinds.py::test_caught_by_the_code"]),
        ("deep", ["test_kinds.py::test_wrapped"]),
        ("in_function", ["test_fixtures.py::test_function"]),
        ("in_module", ["test_fixtures.py::test_module_1", "test_fixtures.py::test_module_2"]),
        ("in_session", ["test_fixtures.py::test_session_1", "test_fixtures.py::test_session_2"]),
        ("in_teardown", ["test_fixtures.py::test_teardown"]),
        ("at_import", ["test_at_import.py"]),
        ("at_parametrize", ["test_at_parametrize.py"]),
        ("by_module", ["test_by_module.py"]),
    ],
)
def test_a_test_that_fails_because_of_a_stub_belongs_to_it(
    kinds: Run, stub: str, tests: list[str]
) -> None:
    found = kinds.stub(f"::{stub}")
    assert found["project_tests"] == [f"tests/{test}" for test in tests]
    assert found["status"] == "verified"
    assert found["chosen"]["source"].endswith("return value + 1")


@pytest.mark.parametrize("stub", ["other_exception", "other_message"])
def test_a_test_that_wants_another_exception_belongs(kinds: Run, stub: str) -> None:
    assert kinds.stub(f"::{stub}")["project_tests"] == [f"tests/test_kinds.py::test_{stub}"]
    assert kinds.stub(f"::{stub}")["expecting"] == []


def test_a_test_that_passes_all_the_same_is_vacuous(kinds: Run) -> None:
    found = kinds.stub("::swallowed")
    assert found["vacuous"] == ["tests/test_kinds.py::test_swallows"]
    assert (found["project_tests"], found["status"]) == ([], "agreed")


@pytest.mark.parametrize(
    ("stub", "test"),
    [
        ("raises", "test_kinds.py::test_raises"),
        ("xfail", "test_kinds.py::test_xfail"),
        ("assert_raises", "test_cases.py::Cases::test_assert_raises"),
    ],
)
def test_a_test_that_expects_the_exception_is_named_and_does_not_count(
    kinds: Run, stub: str, test: str
) -> None:
    found = kinds.stub(f"::{stub}")
    assert found["expecting"] == [f"tests/{test}"]
    assert (found["project_tests"], found["vacuous"]) == ([], [])
    assert found["status"] == "agreed"


def test_neither_they_nor_what_was_red_before_make_the_run_red(kinds: Run) -> None:
    assert kinds.report["already_failing"] == ["tests/test_kinds.py::test_red"]
    assert kinds.report["final"]["green"]
    assert kinds.report["final"]["failed"] == 4  # red before, and three that want the exception
    assert kinds.returncode == 0, kinds.output


# --- tests that stop at another open stub

CHAIN = Project(
    {
        **SRC,
        "src/chain.py": """\
            def first(value):
                raise NotImplementedError


            def second(value):
                raise NotImplementedError


            def third(value):
                raise NotImplementedError


            def fourth(value):
                raise NotImplementedError
            """,
        "tests/test_chain.py": """\
            from chain import first, second, third, fourth


            def test_first_and_second():
                assert second(first(1)) == 5


            def test_third_and_fourth():
                assert fourth(third(1)) == 5
            """,
    }
)


def test_stubs_that_wait_for_each_other_are_filled_together_or_kept_as_a_patch() -> None:
    run = CHAIN.answering(
        code("src/chain.py::first", RIGHT),
        code("src/chain.py::second", WRONG, "    return value + 3\n"),
        code("src/chain.py::third", RIGHT),
        code("src/chain.py::fourth", WRONG),
    ).run()
    assert run.returncode == 1
    assert [run.status(f"::{name}") for name in ("first", "second", "third", "fourth")] == [
        *("verified", "verified", "unfilled", "unfilled")
    ]
    reason = "stop at src/chain.py::fourth, not filled; the nearest body is kept as a patch"
    assert reason in run.stub("third")["reason"]
    shown = run.project.run("--supercharge-mode=diff")
    assert shown.stub("third")["reason"] == "its tests stop at src/chain.py::fourth, not filled"
    patch = (run.folder / "supercharge.patch").read_text()
    assert "+    return value + 1" in patch
    assert patch.count("\n+ ") == 1
    source = run.project.files["src/chain.py"]
    assert source.count("raise NotImplementedError") == 2


CART = Project(
    {
        **SRC,
        "src/cart.py": """\
            class Cart:
                def __init__(self):
                    self.prices = []

                def add(self, price):
                    raise NotImplementedError

                def total(self):
                    raise NotImplementedError

                def receipt(self):
                    raise NotImplementedError

                def unused(self):
                    raise NotImplementedError
            """,
        "tests/test_cart.py": """\
            from cart import Cart


            def test_receipt():
                cart = Cart()
                cart.add(3)
                cart.add(4)
                assert cart.total() == 7
                assert cart.receipt() == "7 EUR"
            """,
    }
).answering(
    code(
        "src/cart.py::Cart.add",
        "def add(self, price):\n    self.prices = [price]\n",
        "def add(self, price):\n    self.prices.append(price)\n",
    ),
    code("src/cart.py::Cart.total", "    return sum(self.prices)\n"),
    code("src/cart.py::Cart.receipt", "    return f'{self.total()} EUR'\n"),
)


@pytest.mark.parametrize(
    ("arguments", "sandbox"),
    [
        ((), "bubblewrap"),
        (("tests/test_cart.py::test_receipt",), "bubblewrap"),
        pytest.param((), "docker", marks=pytest.mark.docker),
    ],
)
def test_a_test_that_needs_several_methods_fills_them_all(
    arguments: tuple[str, ...], sandbox: str
) -> None:
    if sandbox == "docker":
        skip_without_docker()
    run = CART.run(*arguments, sandbox=sandbox)
    assert run.returncode == 0, run.output
    assert {stub["id"].split(".")[-1] for stub in run.report["stubs"]} == {
        *("add", "total", "receipt")
    }
    for stub in run.report["stubs"]:
        assert stub["status"] == "verified"
        assert stub["project_tests"] == ["tests/test_cart.py::test_receipt"]
    assert "self.prices.append(price)" in run.project.files["src/cart.py"]
    assert run.project.files["src/cart.py"].count("raise NotImplementedError") == 1


# --- tests that cannot run here

ENVIRONMENT = Project(
    {
        **SRC,
        **{
            f"src/{name}.py": stub(name.removeprefix("shop/"))
            for name in ("shop/online", "on_disk", "with_driver", "denied", "both")
        },
        "src/shop/__init__.py": "from .online import online\n",
        "tests/test_online.py": """\
            import socket

            from both import both
            from shop import online


            def test_online():
                with socket.create_connection(("192.0.2.1", 80), timeout=3):
                    assert online(1) == 2


            def test_both_online():
                with socket.create_connection(("192.0.2.1", 80), timeout=3):
                    assert both(1) == 2
            """,
        "tests/test_disk.py": """\
            import pathlib

            from both import both
            from on_disk import on_disk


            def test_on_disk():
                pathlib.Path("/home/nobody-knows/data.csv").read_text()
                assert on_disk(1) == 2
            """,
        "tests/test_both.py": """\
            from both import both


            def test_both():
                assert both(1) == 2
            """,
        "tests/test_driver.py": """\
            import driver_of_a_printer
            from with_driver import with_driver


            def test_driver():
                assert with_driver(1) == 2
            """,
        "tests/test_denied.py": """\
            import socket

            from denied import denied


            def test_denied():
                socket.sethostname("shop")
                assert denied(1) == 2
            """,
    }
)


@pytest.fixture(scope="module")
def environment() -> Run:
    return ENVIRONMENT.answering(
        code("src/shop/online.py::online", RIGHT),
        *(
            code(f"src/{name}.py::{name}", RIGHT)
            for name in ("on_disk", "with_driver", "denied", "both")
        ),
    ).run()


@pytest.mark.parametrize(
    ("stub", "why"),
    [
        ("online", "Network is unreachable"),
        ("on_disk", "No such file or directory: '/home/nobody-knows/data.csv'"),
        ("with_driver", "No module named 'driver_of_a_printer'"),
        ("denied", "PermissionError"),
    ],
)
def test_a_stub_whose_tests_cannot_run_here_is_never_agreed(
    environment: Run, stub: str, why: str
) -> None:
    found = environment.stub(f"::{stub}")
    assert found["status"] == "unfilled"
    assert found["reason"].startswith("its tests cannot run here: ")
    assert why in found["reason"]
    assert found["candidates"] == 0


def test_a_stub_with_one_test_that_can_run_is_filled_by_it(environment: Run) -> None:
    assert environment.stub("::both")["project_tests"] == ["tests/test_both.py::test_both"]
    assert environment.status("::both") == "verified"
    assert environment.returncode == 1


def test_tests_that_cannot_run_here_are_listed_with_the_reason(environment: Run) -> None:
    listed = {each["id"]: each["message"] for each in environment.report["environment_failures"]}
    assert set(listed) == {
        "tests/test_online.py::test_online",
        "tests/test_online.py::test_both_online",
        "tests/test_disk.py::test_on_disk",
        "tests/test_driver.py",
        "tests/test_denied.py::test_denied",
    }
    assert environment.report["already_failing"] == []


def test_a_package_of_the_project_that_is_not_on_the_path_is_explained() -> None:
    run = SHAPES.with_files({"pyproject.toml": "[tool.pytest.ini_options]\n"}).run()
    (listed,) = run.report["environment_failures"]
    assert listed["id"] == "tests/test_shapes.py"
    assert "it is in src/shapes.py: install the project in editable mode" in listed["message"]
    assert run.report["stubs"] == []


# --- conftest files that reach a stub

HOME = {
    **SRC,
    "src/home.py": "def home(value):\n    raise NotImplementedError\n",
    "tests/test_home.py": "import home\n\n\ndef test_home(base):\n    assert base == 2\n",
}
HOME_CONFTEST = """\
    import pytest
    from home import home

    BASE = home(1)


    @pytest.fixture
    def base():
        return BASE
    """


@pytest.mark.parametrize("conftest", ["conftest.py", "tests/conftest.py"])
def test_a_conftest_that_reaches_a_stub_at_import_is_no_obstacle(conftest: str) -> None:
    project = Project({**HOME, conftest: HOME_CONFTEST}).answering(
        code("src/home.py::home", WRONG, RIGHT)
    )
    run = project.run("tests")
    assert run.status("::home") == "verified", run.output
    assert "return value + 1" in run.project.files["src/home.py"]
    assert run.returncode == 0
    assert f"{run.folder / conftest} cannot be imported yet (NotImplementedError" in run.output


def test_an_option_of_a_conftest_that_reaches_a_stub_is_explained() -> None:
    option = '\n\ndef pytest_addoption(parser):\n    parser.addoption("--shop")\n'
    conftest = textwrap.dedent(HOME_CONFTEST) + option
    run = Project({**HOME, "conftest.py": conftest}).run("--shop=open")
    assert run.returncode == 4
    assert "its options, hooks and plugins are unknown" in run.output
    assert "unrecognized arguments: --shop=open" in run.output


def test_a_conftest_below_the_initial_ones_is_linked_with_its_folder() -> None:
    project = Project(
        {
            **HOME,
            "tests/test_home.py": "def test_other():\n    pass\n",
            "tests/deep/conftest.py": HOME_CONFTEST,
            "tests/deep/test_deep.py": HOME["tests/test_home.py"],
        }
    )
    run = project.answering(code("src/home.py::home", WRONG, RIGHT)).run()
    assert run.status("::home") == "verified", run.output
    assert "return value + 1" in run.project.files["src/home.py"]
    assert run.returncode == 0


# --- perhaps stubs

SHAPES = Project(
    {
        **SRC,
        "src/shapes.py": """\
            class Shape:
                def area(self):
                    raise NotImplementedError

                def name(self):
                    raise NotImplementedError


            class Square(Shape):
                def area(self):
                    return 4
            """,
        "tests/test_shapes.py": """\
            from shapes import Shape, Square


            def test_area():
                assert Square().area() == 4


            def test_name():
                assert Square().name() == "Square"
            """,
    }
).answering(
    code("src/shapes.py::Shape.name", "    return type(self).__name__\n"),
    code("src/shapes.py::Shape.area", "    return 0\n"),
)


def test_a_method_is_filled_only_where_a_test_fails_because_of_it() -> None:
    run = SHAPES.run()
    assert run.status("::Shape.name") == "verified", run.output
    (skipped,) = run.report["skipped"]
    assert skipped["id"] == "src/shapes.py::Shape.area"
    assert skipped["reason"]
    assert run.returncode == 0


def test_a_method_that_is_named_is_no_longer_left_alone() -> None:
    run = SHAPES.run("--supercharge-only=src/shapes.py::Shape.area", "--supercharge-mode=list")
    assert [stub["id"] for stub in run.report["stubs"]] == ["src/shapes.py::Shape.area"]
    assert run.report["skipped"] == []
    other = SHAPES.run("--supercharge-only=src/shapes.py", "--supercharge-mode=list")
    assert [stub["id"] for stub in other.report["stubs"]] == ["src/shapes.py::Shape.name"]


# --- tests that are not always green

WEATHER = Project(
    {
        **SRC,
        "src/shop.py": "def total(prices):\n    raise NotImplementedError\n",
        "weather.txt": "sun",
        "conftest.py": """\
            from pathlib import Path


            def pytest_supercharge_filled(config, stub, result):
                Path(config.rootpath, "weather.txt").write_text("rain")
            """,
        "tests/test_shop.py": """\
            from pathlib import Path

            from shop import total


            def test_total():
                assert total([1, 2, 3]) == 6


            def test_weather():
                assert Path("weather.txt").read_text() == "sun"
            """,
    }
).answering(code("src/shop.py::total", "    return sum(prices)\n"))


def test_a_test_that_turns_red_without_any_body_is_flaky() -> None:
    run = WEATHER.run()
    assert run.status("::total") == "verified", run.output
    assert run.returncode == 0
    assert any("flaky" in note and "test_weather" in note for note in run.report["notes"])


def test_a_body_that_breaks_what_was_green_is_not_written() -> None:
    project = WEATHER.with_files(
        {
            "conftest.py": "",
            "src/shop.py": "TOLD = []\n\n\ndef total(prices):\n    raise NotImplementedError\n",
            "tests/test_weather.py": """\
                import shop


                def test_told():
                    assert not shop.TOLD
                """,
        }
    )
    body = "    TOLD.append(1)\n    return sum(prices)\n"
    run = project.answering(code("src/shop.py::total", body)).run()
    assert run.status("::total") == "unfilled"
    assert run.stub("::total")["reason"].startswith("it breaks tests/test_weather.py::test_told")
    assert run.returncode == 1
    assert "raise NotImplementedError" in run.project.files["src/shop.py"]
