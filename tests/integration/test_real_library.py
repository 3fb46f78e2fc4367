"""A library that others use, with the bodies of some functions taken out, filled in again.

``benchmarks/real_project.py`` does the same with source distributions; here the library is the one
that pytest itself reads its ini files with, and the tests stand below.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import iniconfig
import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "real_project.py"
FUNCTIONS = 6
TESTS = """\
    import unittest

    import pytest

    from inifiles import IniConfig, ParseError, iscommentline
    from inifiles._parse import parse_lines

    TEXT = (
        "# a comment\\n[zoo]\\nlion = 3\\nape: 7  ; not so many\\n"
        "food = hay\\n    leaves\\n\\n[aviary]\\ncrow=2\\n"
    )


    @pytest.fixture
    def config():
        return IniConfig("zoo.ini", TEXT)


    @pytest.fixture
    def bare():
        return IniConfig.parse("zoo.ini", TEXT)


    @pytest.mark.parametrize("line", ["# x", "; x", "  # x", ""])
    def test_comment_lines(line):
        assert iscommentline(line)


    @pytest.mark.parametrize("line", ["a = 1 # x", "[s]", "x"])
    def test_other_lines(line):
        assert not iscommentline(line)


    def test_sections_come_in_the_order_of_their_lines(config):
        assert [section.name for section in config] == ["zoo", "aviary"]


    def test_names_come_in_the_order_of_their_lines(config):
        assert list(config["zoo"]) == ["lion", "ape", "food"]
        assert config["zoo"].items is not None
        assert dict(config["zoo"].items())["lion"] == "3"


    def test_values(config):
        assert config["zoo"]["lion"] == "3"
        assert config["zoo"]["ape"] == "7  ; not so many"
        assert config["zoo"]["food"] == "hay\\nleaves"
        assert config["aviary"]["crow"] == "2"


    def test_values_without_comments(bare):
        assert bare["zoo"]["ape"] == "7"
        assert bare.path == "zoo.ini"


    def test_get(config):
        assert config.get("zoo", "lion") == "3"
        assert config.get("zoo", "lion", convert=int) == 3
        assert config.get("zoo", "bear") is None
        assert config.get("desert", "camel", 5) == 5
        assert config["zoo"].get("ape", convert=len) == 16
        assert config["zoo"].get("bear", "none") == "none"


    def test_lines(config):
        assert config.lineof("zoo") == 2
        assert config.lineof("zoo", "ape") == 4
        assert config["aviary"].lineof("crow") == 9
        assert config["zoo"].lineof("bear") is None


    def test_membership(config):
        assert "zoo" in config
        assert "desert" not in config
        with pytest.raises(KeyError):
            config["desert"]


    def test_from_a_file(tmp_path):
        path = tmp_path / "zoo.ini"
        path.write_text(TEXT, encoding="utf-8")
        for config in (IniConfig(path), IniConfig.parse(path)):
            assert config["zoo"]["lion"] == "3"
            assert config.path == str(path)


    def test_parsed_lines():
        lines = parse_lines("x", ["[a]\\n", "b = 1\\n", " 2\\n", "c =\\n"])
        assert [tuple(line) for line in lines] == [
            (0, "a", None, None), (1, "a", "b", ["1", "2"]), (3, "a", "c", []),
        ]


    class Mistakes(unittest.TestCase):
        def check(self, text, line, message):
            with self.assertRaises(ParseError) as caught:
                IniConfig("x.ini", text)
            self.assertEqual(caught.exception.lineno, line)
            self.assertIn(message, str(caught.exception))
            self.assertTrue(str(caught.exception).startswith(f"x.ini:{line + 1}: "))

        def test_no_section(self):
            self.check("a = 1", 0, "no section header")

        def test_empty_section(self):
            self.check("\\n[]", 1, "empty section name")

        def test_duplicates(self):
            self.check("[a]\\n[a]", 1, "duplicate section 'a'")
            self.check("[a]\\nb = 1\\nb = 2", 2, "duplicate name 'b'")

        def test_unexpected_lines(self):
            self.check("[a]\\nb", 1, "unexpected line: 'b'")
            self.check("[a]\\n  b", 1, "unexpected value continuation")
    """


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    library = tmp_path_factory.mktemp("library")
    shutil.copytree(
        Path(iniconfig.__file__).parent,
        library / "inifiles",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (library / "tests").mkdir()
    (library / "tests" / "test_inifiles.py").write_text(dedent(TESTS))
    (library / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARK), str(library), f"--functions={FUNCTIONS}"),
            *("--plain=1", "--sandbox=bubblewrap", "--variants=4-6"),
            *("--", "--supercharge-timeout=2"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    print(done.stdout)
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_every_function_is_found_and_verified_by_the_tests(result: dict[str, Any]) -> None:
    assert result["functions"] == FUNCTIONS
    assert result["found"] == result["verified"] == FUNCTIONS, result["not_filled"]
    assert result["exit"] == 0


def test_what_comes_back_is_what_was_taken_out(result: dict[str, Any]) -> None:
    assert result["another"] == []
    assert result["same_files"]


def test_not_a_byte_outside_of_the_bodies_has_changed(result: dict[str, Any]) -> None:
    assert result["bytes_outside"] == 0
