"""Is a branch only for some platform or version?"""

from __future__ import annotations

import ast
import re

_PLATFORM_MODULES = frozenset({"sys", "os", "platform", "signal", "socket", "select", "time"})
_PLATFORM_ATTRIBUTES = frozenset(
    {"sys.platform", "sys.version_info", "sys.hexversion", "sys.implementation", "os.name"}
)
_PLATFORM_NAMES = re.compile(
    r"(IS_|ON_|_)*(PY\d+|PYPY|CPYTHON|WIN(DOWS|32|64)?|LINUX|MAC(OS)?|DARWIN|POSIX|CYGWIN"
    r"|ANDROID|EMSCRIPTEN|WASI)[A-Z0-9_]*|version_info|platform"
)


def platform_test(node: ast.AST) -> str:
    """The test of an ``if`` or ``match`` that asks for platform or version, as source; else ""."""
    test = {ast.If: "test", ast.Match: "subject"}.get(type(node))
    if test is None:
        return ""
    expression = getattr(node, test)
    if any(_asks_platform(part) for part in ast.walk(expression)):
        return ast.unparse(expression)
    return ""


def _asks_platform(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return _PLATFORM_NAMES.fullmatch(node.id) is not None
    if isinstance(node, ast.Attribute):
        text = ast.unparse(node)
        return text in _PLATFORM_ATTRIBUTES or text.startswith("platform.")
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "hasattr":
        return ast.unparse(node.args[0]) in _PLATFORM_MODULES
    return False
