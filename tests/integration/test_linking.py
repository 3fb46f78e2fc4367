"""Who reaches which stub, and what becomes of it: projects of many shapes, in a real sandbox."""

from __future__ import annotations

import pytest
from example_project import Project, Run, code

pytestmark = pytest.mark.bubblewrap

SRC = {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n'}
TOTAL = """\
    def total(prices):
        raise NotImplementedError
    """
TEST_TOTAL = """\
    from shop import total


    def test_total():
        assert total([1, 2, 3]) == 6
    """
SUM = "    return sum(prices)\n"


def stubs(*names: str, argument: str = "value") -> str:
    """Source of functions that are not there yet."""
    return "\n\n".join(
        f"def {name}({argument}):\n    raise NotImplementedError\n" for name in names
    )


def bodies(path: str, **body: str) -> list[dict[str, str]]:
    """One answer for each function of a file."""
    return [line for name, text in body.items() for line in code(f"{path}::{name}", text)]


# --- the kinds of links

KINDS = Project(
    {
        **SRC,
        "src/shop.py": stubs(
            "plain", "swallowed", "raises", "assert_raises", "xfail", "label", "in_function",
            "in_module", "in_session", "in_teardown", "deep",
        )
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
        "src/early.py": stubs("at_import", "at_parametrize", "by_module"),
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
                shop.in_teardown(1)


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
)  # fmt: skip
RIGHT = "    return value + 1\n"
WRONG = "    return value + 2\n"


@pytest.fixture(scope="module")
def kinds() -> Run:
    shop = [name for name in KINDS.files["src/shop.py"].split() if name.endswith("(value):")]
    early = ["at_import", "at_parametrize", "by_module"]
    names = [name.removesuffix("(value):") for name in shop]
    recording = [
        *(line for name in names for line in code(f"src/shop.py::{name}", WRONG, RIGHT)),
        *(line for name in early for line in code(f"src/early.py::{name}", WRONG, RIGHT)),
    ]
    return KINDS.answering(recording).run("-vv")


def test_x(kinds):
    import json
    print(kinds.output)
    for s in kinds.report["stubs"]: print(s["id"], s["status"], s["reason"], s["project_tests"], s["vacuous"], s["expecting"],s["chosen"] and s["chosen"]["source"])
    print({k: v for k, v in kinds.report.items() if k!="stubs"})
    assert 0
