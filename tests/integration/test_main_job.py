"""``pytest --supercharge`` on a small project, from the outside."""

from __future__ import annotations

from example_project import Project, code

SHOP = Project(
    {
        "pyproject.toml": """\
            [tool.pytest.ini_options]
            pythonpath = ["src"]
            """,
        "src/shop.py": '''\
            """A shop."""


            def total(prices: list[int]) -> int:
                """Sum of all prices."""
                raise NotImplementedError  # no generator expression, please
            ''',
        "tests/test_shop.py": """\
            from shop import total


            def test_total():
                assert total([1, 2, 3]) == 6
            """,
    }
)
WRONG = "    return prices[0]\n"
RIGHT = "Here it is:\n```python\ndef total(prices: list[int]) -> int:\n    return sum(prices)\n```\n"


def test_the_body_that_passes_the_tests_is_written() -> None:
    run = SHOP.answering(code("src/shop.py::total", WRONG, RIGHT)).run()
    assert run.returncode == 0, run.output
    assert run.status("::total") == "verified"
    assert run.project.files["src/shop.py"] == (
        '"""A shop."""\n\n\ndef total(prices: list[int]) -> int:\n'
        '    """Sum of all prices."""\n    return sum(prices)\n'
    )


def test_a_body_that_fails_the_tests_is_not_written() -> None:
    project = SHOP.answering(code("src/shop.py::total", WRONG))
    run = project.run()
    assert run.returncode == 1
    assert run.status("::total") == "unfilled"
    assert "raise NotImplementedError" in run.project.files["src/shop.py"]
