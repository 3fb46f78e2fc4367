"""Projects as people have them: every layout, setting and plugin must reach the sandbox alive."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from example_project import Project, Run, code

import pytest_supercharger
from pytest_supercharger.exceptions import SandboxUnavailable
from pytest_supercharger.sandboxes.docker_engine import connect

pytestmark = pytest.mark.bubblewrap

SRC = {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n'}
TOTAL = "def total(prices):\n    raise NotImplementedError\n"
TEST_TOTAL = """\
    from shop import total


    def test_total():
        assert total([1, 2, 3]) == 6
    """
SUM = "    return sum(prices)\n"
LAST = "    return prices[-1] * 2 + 1\n"
SHOP = Project({**SRC, "src/shop.py": TOTAL, "tests/test_shop.py": TEST_TOTAL}).answering(
    code("src/shop.py::total", LAST, SUM)
)


def assert_filled(run: Run, path: str = "src/shop.py") -> None:
    """The right one of the two answers is in place."""
    assert run.returncode == 0, run.output
    assert run.status("::total") == "verified", run.output
    assert "return sum(prices)" in run.project.files[path]


def with_ini(*lines: str) -> Project:
    """The shop with further lines in its ini section."""
    return SHOP.with_files({"pyproject.toml": SRC["pyproject.toml"] + "\n".join(lines) + "\n"})


def environment(folder: Path, *paths: Path) -> Path:
    """The Python of a virtual environment: what this one has, and ``paths`` as if installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    package = Path(pytest_supercharger.__file__).parents[1]
    lines = [sysconfig.get_path("purelib"), package, *paths]
    Path(site.stdout.strip(), "all.pth").write_text("".join(f"{line}\n" for line in lines))
    return python


# --- layouts


def test_a_flat_repository_without_any_settings() -> None:
    project = Project({"shop.py": TOTAL, "test_shop.py": TEST_TOTAL})
    assert_filled(project.answering(code("shop.py::total", LAST, SUM)).run(), "shop.py")


def test_an_src_layout_that_is_installed_in_editable_mode(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    python = environment(tmp_path / "env", folder / "src")
    project = SHOP.with_files({"pyproject.toml": "[tool.pytest.ini_options]\n"})
    folder.mkdir()
    project.write(folder)
    assert_filled(project.run(folder=folder, python=python))


def test_a_copy_in_site_packages_that_hides_the_tree_is_explained(tmp_path: Path) -> None:
    copy = tmp_path / "site"
    copy.mkdir()
    (copy / "shop.py").write_text(TOTAL)
    python = environment(tmp_path / "env", copy)
    run = SHOP.with_files({"pyproject.toml": "[tool.pytest.ini_options]\n"}).run(python=python)
    assert run.status("::total") == "unfilled"
    (note,) = [note for note in run.report["notes"] if "hides" in note]
    assert str(copy / "shop.py") in note
    assert "pythonpath" in note


def test_a_conftest_that_imports_the_package() -> None:
    conftest = (
        "from shop import total\n\n\ndef pytest_report_header():\n    return total.__name__\n"
    )
    assert_filled(SHOP.with_files({"conftest.py": conftest}).run())


def test_no_tests_at_all() -> None:
    stub = 'def total(prices):\n    """Sum.\n\n    >>> total([1, 2])\n    3\n    """\n' + (
        "    raise NotImplementedError\n"
    )
    project = Project({"shop.py": stub}).answering(code("shop.py::total", LAST[:-4], SUM))
    run = project.run()
    assert run.status("::total") == "agreed", run.output
    assert run.returncode == 0
    assert "return sum(prices)" in run.project.files["shop.py"]


@pytest.mark.parametrize("arguments", [(), ("../tests",), ("../tests/test_shop.py::test_total",)])
def test_started_in_a_subdirectory(arguments: tuple[str, ...]) -> None:
    project = SHOP.with_files({"tests/__init__.py": "", "docs/index.md": "# Shop\n"})
    start_in = "docs" if arguments else "tests"
    run = project.run(*arguments, start_in=start_in, model="replay:../recording.jsonl")
    assert_filled(run)


def test_another_ini_file() -> None:
    other = "[pytest]\npythonpath = ../src\nsupercharge_candidates = 1\n"
    project = SHOP.with_files({"pyproject.toml": "", "settings/other.ini": other})
    run = project.run("-c", "settings/other.ini", "--rootdir=.")
    assert run.status("::total") == "verified", run.output
    assert run.stub("::total")["candidates"] == 2  # in two rounds


def test_a_rootdir_below_the_ini_file_and_one_above() -> None:
    ini = '[tool.pytest.ini_options]\npythonpath = ["shop/src"]\n'
    project = Project(
        {"pyproject.toml": ini, "shop/src/shop.py": TOTAL, "shop/tests/test_shop.py": TEST_TOTAL}
    )
    below = project.answering(code("src/shop.py::total", LAST, SUM))
    run = below.run("--rootdir=shop", "shop/tests")
    assert [stub["id"] for stub in run.report["stubs"]] == ["src/shop.py::total"], run.output
    assert_filled(run, "shop/src/shop.py")


# --- settings

NEUTRALISED = """\
addopts = [
    "--cov=shop", "--cov-report=term", "--cov-fail-under=100", "-n", "2", "-x", "--maxfail=1",
    "--strict-markers", "--strict-config", "-q", "--durations=3", "--tb=short", "-ra",
    "--random-order",
]
filterwarnings = ["error"]
"""
INSIDE = """\
    def pytest_addoption(parser):
        parser.addoption("--random-order", action="store_true")


    def pytest_collection_modifyitems(config):
        option = config.option
        assert not option.random_order
        assert option.maxfail != 1
        assert not getattr(option, "cov_source", None)
        assert not getattr(option, "numprocesses", None)
        assert option.strict_markers
    """


def test_options_that_measure_parallelise_or_stop_early_are_without_effect_and_named() -> None:
    test = """\
        import pytest


        def test_red():
            assert 1 == 2


        @pytest.mark.xdist_group("one")
        def test_group():
            pass
        """
    project = with_ini(NEUTRALISED).with_files({"tests/test_a_red.py": test, "conftest.py": INSIDE})
    run = project.run()
    assert run.report["already_failing"] == ["tests/test_a_red.py::test_red"]
    assert_filled(run)
    (note,) = [note for note in run.report["notes"] if note.startswith("without effect")]
    for option in ("--cov=shop", "--cov-fail-under=100", "-n 2", "-x", "--random-order"):
        assert option in note
    assert "--strict-markers" not in note


def test_options_from_the_environment_and_the_command_line() -> None:
    environment = {"PYTEST_ADDOPTS": "--cov=shop --cov-fail-under=100 -x"}
    run = SHOP.run("-n", "2", "-p", "no:doctest", env=environment)
    assert_filled(run)
    (note,) = [note for note in run.report["notes"] if note.startswith("without effect")]
    assert "-n 2" in note
    assert "--cov=shop" in note


def test_a_worker_of_xdist_stands_aside() -> None:
    run = SHOP.with_files({"src/shop.py": "def total(prices):\n    return sum(prices)\n"}).run(
        "-n2"
    )
    assert run.returncode == 0, run.output
    assert "1 passed" in run.output
    assert run.output.count("supercharge: ") == 1, run.output


def test_warnings_that_are_errors() -> None:
    warns = "import warnings\n\n\ndef test_warns():\n    warnings.warn('old')\n"
    run = with_ini('filterwarnings = ["error"]').with_files({"tests/test_warns.py": warns}).run()
    assert run.report["already_failing"] == ["tests/test_warns.py::test_warns"]
    assert_filled(run)


CUSTOM = {
    "conftest.py": """\
        import pytest

        pytest_plugins = ["shop_fixtures"]


        def pytest_addoption(parser):
            parser.addoption("--shop", choices=("open", "closed"))
            parser.addini("opening_hours", "when", type="args")


        def pytest_configure(config):
            config.addinivalue_line("markers", "slow: takes long")


        def pytest_collection_modifyitems(config, items):
            assert config.getini("opening_hours") == ["9", "17"]
            items.reverse()
        """,
    "src/shop_fixtures.py": """\
        import pytest
        import shop


        @pytest.fixture
        def six(request):
            assert request.config.getoption("--shop") == "open"
            return shop.total([1, 2, 3])
        """,
    "tools/shop_plugin.py": """\
        import pytest


        @pytest.fixture
        def expected():
            return 6
        """,
    "tests/test_shop.py": """\
        import pytest


        @pytest.mark.slow
        def test_total(six, expected):
            assert six == expected
        """,
}


def test_options_markers_fixtures_and_plugins_of_the_projects_own() -> None:
    settings = """\
addopts = ["--shop", "open", "--strict-markers", "--strict-config", "-p", "shop_plugin"]
opening_hours = "9 17"
pythonpath = ["src", "tools"]
filterwarnings = ["error"]
"""
    ini = "[tool.pytest.ini_options]\n" + settings
    run = SHOP.with_files({**CUSTOM, "pyproject.toml": ini}).run()
    assert run.stub("::total")["project_tests"] == ["tests/test_shop.py::test_total"], run.output
    assert_filled(run)


# --- kinds of tests


def test_async_tests_without_a_plugin_do_not_block_and_unittest_has_its_own() -> None:
    test = """\
        import asyncio
        import unittest

        from shop import total


        async def test_async():
            assert total([1, 2, 3]) == 6


        def test_by_hand():
            async def add():
                await asyncio.sleep(0)
                return total([1, 2, 3])

            assert asyncio.run(add()) == 6


        class Cases(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.six = total([1, 2, 3])

            async def test_total(self):
                self.assertEqual(self.six, 6)


        class ClassSetUp(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.six = total([1, 2, 3])

            def test_total(self):
                self.assertEqual(self.six, 6)
        """
    run = SHOP.with_files({"tests/test_shop.py": test}).run()
    assert run.stub("::total")["project_tests"] == [
        "tests/test_shop.py::test_by_hand",
        "tests/test_shop.py::Cases::test_total",
        "tests/test_shop.py::ClassSetUp::test_total",
    ], run.output
    assert run.report["already_failing"] == ["tests/test_shop.py::test_async"]
    assert_filled(run)


def test_doctests_of_modules_belong_to_their_stubs() -> None:
    stub = 'def total(prices):\n    """Sum.\n\n    >>> total([1, 2])\n    3\n    """\n' + (
        "    raise NotImplementedError\n"
    )
    files = {"src/shop.py": stub, "README.md": ">>> import shop\n>>> shop.total([2, 2])\n4\n"}
    ini = 'addopts = ["--doctest-modules", "--doctest-glob=*.md"]'
    run = with_ini(ini).with_files(files).run()
    assert run.stub("::total")["project_tests"] == [
        "README.md::README.md",
        "src/shop.py::shop.total",
        "tests/test_shop.py::test_total",
    ]
    assert_filled(run)


def test_a_test_file_with_a_syntax_error_takes_no_other_with_it() -> None:
    run = SHOP.with_files({"tests/test_broken.py": "def test_broken(:\n    pass\n"}).run()
    (broken,) = run.report["collection_errors"]
    assert broken["id"] == "tests/test_broken.py"
    assert "SyntaxError" in broken["message"]
    assert_filled(run)


def test_fixtures_and_markers_that_are_missing_are_red_before() -> None:
    test = "def test_missing(no_such_fixture):\n    pass\n"
    run = SHOP.with_files({"tests/test_missing.py": test}).run()
    assert run.report["already_failing"] == ["tests/test_missing.py::test_missing"]
    assert_filled(run)


# --- the other place


@pytest.mark.docker
@pytest.mark.parametrize(
    "project",
    [
        pytest.param(with_ini(NEUTRALISED).with_files({"conftest.py": INSIDE}), id="neutralised"),
        pytest.param(
            Project({"shop.py": TOTAL, "test_shop.py": TEST_TOTAL}).answering(
                code("shop.py::total", LAST, SUM)
            ),
            id="flat",
        ),
    ],
)
def test_in_docker(project: Project) -> None:
    try:
        connect().close()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    run = project.run(sandbox="docker")
    assert run.report["sandbox"]["backend"] == "docker"
    assert_filled(run, "shop.py" if "shop.py" in project.files else "src/shop.py")
