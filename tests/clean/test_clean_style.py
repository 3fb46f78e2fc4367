"""The style of the user's project."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from stub_in_text import StubIn

from pytest_supercharger.clean.candidates import CodeCandidate, clean_code
from pytest_supercharger.clean.style import find_style, style_candidate

SOURCE = "class A:\n    class B:\n        def f(self, x):\n            raise NotImplementedError\n"
PEP8 = "{based_on_style: pep8}"


@pytest.fixture
def candidate(stub_in: StubIn) -> CodeCandidate:
    text = (
        "def helper( a ):\n  return {'a':a }\n\ndef f(self,x):\n  # why\n  if x :\n"
        "    y = '''\n at  the margin'''\n    return  helper( x )+y\n  return 2"
    )
    found = clean_code(text, stub_in(SOURCE), SOURCE)
    assert isinstance(found, CodeCandidate)
    return found


def test_body_and_helpers_are_formatted(candidate: CodeCandidate, stub_in: StubIn) -> None:
    styled = style_candidate(candidate, stub_in(SOURCE), PEP8)
    assert styled.body == (
        "# why\nif x:\n    y = '''\n at  the margin'''\n    return helper(x) + y\nreturn 2"
    )
    assert styled.helpers == ("def helper(a):\n    return {'a': a}",)
    assert styled.repairs == candidate.repairs
    assert styled.id != candidate.id
    assert ast.dump(ast.parse(styled.body)) == ast.dump(ast.parse(candidate.body))


def test_the_depth_of_the_method_counts_for_the_line_length(stub_in: StubIn) -> None:
    body = f"return x.first_of_all({'a' * 20}, {'b' * 20}, {'c' * 10})"
    assert len(body) == 77  # fits into 79 columns at the margin, not 12 further in
    found = clean_code(f"    {body}", stub_in(SOURCE), SOURCE)
    assert isinstance(found, CodeCandidate)
    styled = style_candidate(found, stub_in(SOURCE), PEP8)
    assert max(len(line) for line in styled.body.split("\n")) <= 79 - 12


def test_a_body_has_spaces_also_in_a_style_with_tabs(
    candidate: CodeCandidate, stub_in: StubIn
) -> None:
    styled = style_candidate(candidate, stub_in(SOURCE), "{based_on_style: pep8, use_tabs: true}")
    assert "\n    return helper(x) + y\n" in styled.body  # splicing lays out the levels
    assert ast.dump(ast.parse(styled.body)) == ast.dump(ast.parse(candidate.body))


def test_where_yapf_fails_the_text_stays_and_the_reason_is_recorded(
    candidate: CodeCandidate, stub_in: StubIn
) -> None:
    styled = style_candidate(candidate, stub_in(SOURCE), "{no_such_setting: 1}")
    assert styled.body == candidate.body
    assert styled.id == candidate.id
    assert styled.repairs[-1].startswith("not formatted: StyleConfigError: ")


def test_yapfs_own_settings_win(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 99\n")
    (tmp_path / "setup.cfg").write_text("[yapf]\nbased_on_style = google\n")
    assert find_style(str(tmp_path), str(tmp_path)) == str(tmp_path / "setup.cfg")


@pytest.mark.parametrize(
    ("name", "text", "style"),
    [
        ("pyproject.toml", "[tool.black]\nline-length = 99\n", "pep8, column_limit: 99"),
        ("pyproject.toml", "[tool.ruff]\nline-length = 120\n", "pep8, column_limit: 120"),
        ("pyproject.toml", "[tool.black]\n", "pep8, column_limit: 88"),
        ("ruff.toml", "line-length = 70\n", "pep8, column_limit: 70"),
        ("pyproject.toml", "[tool.mypy]\n", "pep8"),
        ("pyproject.toml", "no = toml = at all", "pep8"),
    ],
)
def test_the_line_length_of_black_or_ruff(name: str, text: str, style: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "src" / "package").mkdir(parents=True)
    found = find_style(str(tmp_path / "src" / "package"), str(tmp_path))
    assert found == f"{{based_on_style: {style}}}"


@pytest.mark.parametrize(
    ("indentation", "settings"),
    [("  ", ", indent_width: 2"), ("\t", ", use_tabs: true"), ("    ", "")],
)
def test_the_indentation_of_the_file(indentation: str, settings: str, tmp_path: Path) -> None:
    found = find_style(str(tmp_path), str(tmp_path), f"def f():\n{indentation}return 1\n")
    assert found == f"{{based_on_style: pep8{settings}}}"
