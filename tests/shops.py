"""A little shop in several states: projects with known answers for the runs from the outside."""

from __future__ import annotations

from example_project import Project, code

TOTAL, DOUBLE = "src/shop.py::total", "src/shop.py::double"
SETTINGS = '[tool.pytest.ini_options]\npythonpath = ["src"]\n'

SHOP = Project(
    {
        "pyproject.toml": SETTINGS,
        "src/shop.py": '''\
            """A shop."""


            def total(prices: list[int]) -> int:
                """Sum of all prices."""
                raise NotImplementedError


            def double(number: int) -> int:
                """Twice the number.

                >>> double(4)
                8
                """
                raise NotImplementedError
            ''',
        "tests/test_shop.py": """\
            from shop import total


            def test_total():
                assert total([1, 2, 3]) == 6


            def test_one_price():
                assert total([5]) == 5
            """,
    }
)
FILLED = '''\
"""A shop."""


def total(prices: list[int]) -> int:
    """Sum of all prices."""
    return sum(prices)


def double(number: int) -> int:
    """Twice the number.

    >>> double(4)
    8
    """
    return 2 * number
'''
OPEN = FILLED.replace("return sum(prices)", "raise NotImplementedError").replace(
    "return 2 * number", "raise NotImplementedError"
)
WRONG, RIGHT, TWICE = (
    "    return prices[0]\n",
    "    return sum(prices)\n",
    "    return 2 * number\n",
)

GOOD = SHOP.answering(code(TOTAL, WRONG, RIGHT), code(DOUBLE, TWICE))
HALF = SHOP.answering(code(TOTAL, WRONG), code(DOUBLE, TWICE))  # of total nothing right is known

ONE = Project(  # the cheapest project: one stub, one test
    {
        "shop.py": "def total(prices):\n    raise NotImplementedError\n",
        "test_shop.py": """\
            from shop import total


            def test_total():
                assert total([1, 2, 3]) == 6
            """,
    }
).answering(code("shop.py::total", RIGHT))
