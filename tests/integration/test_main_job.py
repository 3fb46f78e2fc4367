"""``pytest --supercharge`` on a small project, from the outside."""

from __future__ import annotations

import json
from pathlib import Path

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
RIGHT = (
    "Here it is:\n```python\ndef total(prices: list[int]) -> int:\n    return sum(prices)\n```\n"
)


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


def test_the_rootdir_is_the_projects_wherever_the_values_of_our_options_lie(
    tmp_path: Path,
) -> None:
    project = SHOP.answering(code("src/shop.py::total", WRONG, RIGHT))
    report = tmp_path / "elsewhere.json"
    report.write_text("{}")
    run = project.run("--supercharge-state-dir", str(tmp_path), "--supercharge-report", str(report))
    assert run.returncode == 0, run.output
    assert json.loads(report.read_text())["stubs"][0]["id"] == "src/shop.py::total"


def test_a_body_that_waited_for_another_stub_is_counted_and_controlled_by_its_own_tests() -> None:
    project = SHOP.with_files(
        {
            "src/shop.py": """\
                def total(prices: list[int]) -> int:
                    raise NotImplementedError


                def mean(prices: list[int]) -> float:
                    raise NotImplementedError
                """,
            "tests/test_shop.py": """\
                from shop import mean, total


                def test_total():
                    assert total([1, 2, 3]) == 6
                    assert mean([1, 2, 3]) == 2


                def test_mean():
                    assert mean([1, 2]) == 1.5
                """,
        }
    ).answering(
        code("src/shop.py::total", RIGHT),
        code("src/shop.py::mean", "    return sum(prices) / len(prices)\n"),
    )
    run = project.run()
    assert run.returncode == 0, run.output
    for stub in ("::total", "::mean"):
        assert len(run.stub(stub)["project_tests"]) == 1
        assert run.stub(stub)["chosen"]["project_tests_passed"] == 1
        assert run.stub(stub)["chosen"]["control"] == "passed"
    assert "src/shop.py::total  waits for src/shop.py::mean" in run.output


COMMAND = SHOP.with_files(
    {
        "src/shop.py": '''\
            """A shop with a command."""

            import sys


            def total(prices: list[int]) -> int:
                """Sum of all prices."""
                raise NotImplementedError


            if __name__ == "__main__":
                print(total([int(word) for word in sys.argv[1:]]))
            ''',
        "tests/test_shop.py": """\
            import os
            import subprocess
            import sys


            def test_the_command():
                path = os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")])
                run = subprocess.run(
                    [sys.executable, "-m", "shop", "1", "2"],
                    env={**os.environ, "PYTHONPATH": path},
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert run.stdout == "3\\n"
            """,
    }
)


def test_a_test_that_starts_the_program_belongs_to_its_stub() -> None:
    run = COMMAND.answering(code("src/shop.py::total", WRONG, RIGHT)).run()
    assert run.stub("::total")["project_tests"] == ["tests/test_shop.py::test_the_command"]
    assert run.status("::total") == "verified", run.output
    assert "return sum(prices)" in run.project.files["src/shop.py"]
