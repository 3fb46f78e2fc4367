"""Which tests and which stubs a command line chooses."""

from __future__ import annotations

import json

import pytest
from example_project import Project, Run, code

pytestmark = pytest.mark.bubblewrap

SHOP = Project(
    {
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\nmarkers = ["slow"]\n',
        "src/shop/__init__.py": "",
        "src/shop/cart.py": "def total(prices):\n    raise NotImplementedError\n",
        "src/shop/text.py": "def shout(text):\n    raise NotImplementedError\n",
        "src/shop/other.py": "def untested(text):\n    raise NotImplementedError\n",
        "tests/test_cart.py": """\
            import pytest
            from shop.cart import total


            @pytest.mark.slow
            def test_total():
                assert total([1, 2, 3]) == 6


            def test_nothing():
                assert total([]) == 0
            """,
        "tests/test_text.py": """\
            from shop.text import shout


            def test_shout():
                assert shout("a") == "A"
            """,
    }
).answering(
    code("src/shop/cart.py::total", "    return sum(prices)\n"),
    code("src/shop/text.py::shout", "    return text.upper()\n"),
)
TOTAL, NOTHING = "tests/test_cart.py::test_total", "tests/test_cart.py::test_nothing"
SHOUT = "tests/test_text.py::test_shout"


def listed(run: Run) -> dict[str, list[str]]:
    """Name of each stub that would be filled, and the tests that belong to it."""
    assert run.report["mode"] == "list", run.output
    return {stub["id"].split("::")[1]: stub["project_tests"] for stub in run.report["stubs"]}


def test_without_any_choice_every_stub_is_meant() -> None:
    run = SHOP.run("--supercharge-mode=list")
    assert listed(run) == {"total": [TOTAL, NOTHING], "shout": [SHOUT], "untested": []}
    assert run.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["-k", "shout or nothing"], {"total": [NOTHING], "shout": [SHOUT]}),
        (["-mslow"], {"total": [TOTAL]}),
        (["tests/test_text.py"], {"shout": [SHOUT]}),
        ([NOTHING], {"total": [NOTHING]}),
        ([TOTAL, "tests/test_text.py"], {"total": [TOTAL], "shout": [SHOUT]}),
    ],
)
def test_chosen_tests_narrow_the_stubs_to_those_they_reach(
    arguments: list[str], chosen: dict[str, list[str]]
) -> None:
    assert listed(SHOP.run("--supercharge-mode=list", *arguments)) == chosen


@pytest.mark.parametrize("arguments", [["."], ["--supercharge-mode=list", "tests"]])
def test_naming_all_tests_is_no_choice(arguments: list[str]) -> None:
    project = SHOP.with_files(
        {"tox.ini": "[pytest]\npythonpath = src\ntestpaths = tests\nmarkers =\n    slow\n"}
    )
    run = project.run("-c", "tox.ini", "--supercharge-mode=list", *arguments)
    assert listed(run) == {"total": [TOTAL, NOTHING], "shout": [SHOUT], "untested": []}


def test_paths_in_addopts_and_in_a_file_of_arguments_count() -> None:
    project = SHOP.with_files({"arguments.txt": "tests/test_text.py\n--supercharge-mode=list\n"})
    assert listed(project.run("@arguments.txt")) == {"shout": [SHOUT]}
    always = project.run("--supercharge-mode=list", env={"PYTEST_ADDOPTS": "tests/test_text.py"})
    assert listed(always) == {"total": [], "shout": [SHOUT], "untested": []}


@pytest.mark.parametrize(
    ("argument", "chosen"),
    [
        ("src/shop/text.py", {"shout": [SHOUT]}),
        ("src/shop", {"total": [TOTAL, NOTHING], "shout": [SHOUT], "untested": []}),
    ],
)
def test_a_source_file_or_package_narrows_the_stubs(
    argument: str, chosen: dict[str, list[str]]
) -> None:
    assert listed(SHOP.run("--supercharge-mode=list", argument)) == chosen


def test_collect_only_means_mode_list() -> None:
    run = SHOP.run("--co", "-k", "shout")
    assert listed(run) == {"shout": [SHOUT]}
    assert run.project.files["src/shop/text.py"] == SHOP.files["src/shop/text.py"]


def test_only_and_a_choice_of_tests_go_together() -> None:
    run = SHOP.run("--supercharge-only=shop.text", "-k", "nothing or shout")
    assert [stub["id"] for stub in run.report["stubs"]] == ["src/shop/text.py::shout"]
    assert run.returncode == 0, run.output
    assert "text.upper()" in run.project.files["src/shop/text.py"]
    assert run.project.files["src/shop/cart.py"] == SHOP.files["src/shop/cart.py"]


def test_the_tests_that_failed_last_are_a_choice_too() -> None:
    last = json.dumps({NOTHING: True})
    project = SHOP.with_files({".pytest_cache/v/cache/lastfailed": last})
    run = project.run("--lf")
    assert {stub["id"]: stub["project_tests"] for stub in run.report["stubs"]} == {
        "src/shop/cart.py::total": [NOTHING]
    }
    assert run.status("::total") == "verified", run.output
    assert run.returncode == 0
    assert run.project.files[".pytest_cache/v/cache/lastfailed"] == last


def test_a_choice_that_reaches_no_stub_leaves_all_as_it_is() -> None:
    run = SHOP.with_files({"tests/test_other.py": "def test_other():\n    pass\n"}).run(
        "-k", "other"
    )
    assert run.report["stubs"] == []
    assert run.returncode == 0
    assert run.project.files["src/shop/cart.py"] == SHOP.files["src/shop/cart.py"]
