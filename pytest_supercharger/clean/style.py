"""How does the user's project format its code?

Only the chosen candidate is formatted, by yapf, and only its own text: what the user wrote is
never touched. Where yapf fails or would change the meaning the text stays as the model gave it.
"""

from __future__ import annotations

import ast
import configparser
import sys
import threading
import tokenize
import warnings
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

from yapf.yapflib.errors import YapfError
from yapf.yapflib.file_resources import GetDefaultStyleForDir
from yapf.yapflib.yapf_api import FormatCode

from pytest_supercharger.clean.candidates import CodeCandidate, with_id
from pytest_supercharger.clean.pruning import take_body
from pytest_supercharger.clean.syntax import Parsed, indent, parse
from pytest_supercharger.stubs import Stub

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_YAPF = threading.Lock()  # yapf keeps its style in a global
_BLACK_AND_RUFF = 88  # columns, the default of both


def find_style(project_file_dir: str, rootdir: str, source: str = "") -> str:
    """The style for a file in ``project_file_dir``, as yapf takes it.

    What yapf itself would read for that folder; else the line length of black or ruff in the
    nearest pyproject.toml or ruff.toml up to ``rootdir``; else PEP 8. Outside of yapf's own
    settings the indentation is that of ``source``, the file's text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = str(GetDefaultStyleForDir(project_file_dir, default_style=""))
        except (YapfError, OSError, ValueError, configparser.Error):
            found = ""  # a setup.cfg or pyproject.toml that cannot be read
    if found:
        return found
    settings = {"based_on_style": "pep8", **_indentation(source)}
    columns = _line_length(Path(project_file_dir), Path(rootdir))
    if columns:
        settings["column_limit"] = str(columns)
    return "{" + ", ".join(f"{key}: {value}" for key, value in settings.items()) + "}"


def _line_length(folder: Path, rootdir: Path) -> int:
    """Columns that black or ruff are set to; 0 when neither is set up."""
    for place in (folder, *folder.parents):
        for name in ("ruff.toml", ".ruff.toml", "pyproject.toml"):
            columns = _read_line_length(place / name)
            if columns:
                return columns
        if place == rootdir:
            break
    return 0


def _read_line_length(path: Path) -> int:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    if path.name != "pyproject.toml":
        return _columns(settings)
    tools = settings.get("tool", {})
    return next((_columns(tools[name]) for name in ("black", "ruff") if name in tools), 0)


def _columns(settings: Mapping[str, object]) -> int:
    columns = settings.get("line-length", _BLACK_AND_RUFF)
    return columns if isinstance(columns, int) else _BLACK_AND_RUFF


def _indentation(source: str) -> dict[str, str]:
    try:
        tokens = tokenize.generate_tokens(StringIO(source).readline)
        first = next((token.string for token in tokens if token.type == tokenize.INDENT), "    ")
    except (tokenize.TokenError, SyntaxError):
        first = "    "
    if first.startswith("\t"):
        return {"use_tabs": "true"}
    return {"indent_width": str(len(first))} if len(first) != 4 else {}


def style_candidate(candidate: CodeCandidate, stub: Stub, style: str) -> CodeCandidate:
    """The candidate formatted in ``style``; where that fails as it was, with the reason."""
    try:
        body = _style_body(candidate.body, stub, style)
        helpers = tuple(_format(helper, style) for helper in candidate.helpers)
    except _StyleError as problem:
        return replace(candidate, repairs=(*candidate.repairs, f"not formatted: {problem}"))
    return with_id(replace(candidate, body=body, helpers=helpers))


class _StyleError(Exception):
    """yapf failed, or what it gave means something else."""


def _style_body(body: str, stub: Stub, style: str) -> str:
    # Under a def line as deep as the user's, so that the column limit is the right one.
    depth = len(stub.classes) + stub.qualname.count("<locals>")
    is_async = "async " if stub.is_async else ""
    lines = [f"{'    ' * level}class Outer{level}:" for level in range(depth)]
    lines.append(f"{'    ' * depth}{is_async}def {stub.name}({', '.join(stub.parameters)}):")
    code = "\n".join((*lines, indent(body, "    " * (depth + 1)))) + "\n"
    parsed = parse(_format(code, style) + "\n")
    assert isinstance(parsed, Parsed)
    node: ast.AST = parsed.tree
    while not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        node = node.body[0]  # type: ignore[attr-defined]
    taken = take_body(parsed, node)
    assert taken is not None
    return taken.code


def _format(code: str, style: str) -> str:
    with _YAPF, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            formatted = str(FormatCode(code, style_config=style)[0])
        except Exception as error:  # yapf's parser raises what it likes
            raise _StyleError(f"{type(error).__name__}: {error}") from error
    before, after = parse(code), parse(formatted)
    if not (isinstance(before, Parsed) and isinstance(after, Parsed)):
        raise _StyleError("yapf's text does not parse")
    if ast.dump(before.tree) != ast.dump(after.tree):
        raise _StyleError("yapf's text means something else")
    return formatted.rstrip("\n")
