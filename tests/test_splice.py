"""Is the user's file the same but for the body, the imports and the mark?"""

from __future__ import annotations

import ast
import builtins
import random
import re
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import pytest

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.exceptions import SourceChanged, SourceError
from pytest_supercharger.splice import instrument, splice
from pytest_supercharger.stubs import Stub, find_stubs_in


def candidate(
    body: str, *, imports: tuple[str, ...] = (), helpers: tuple[str, ...] = ()
) -> CodeCandidate:
    return CodeCandidate(id="0" * 16, stub="", body=body, imports=imports, helpers=helpers)


def stub_of(source: str, qualname: str) -> Stub:
    stubs = {stub.qualname: stub for stub in find_stubs_in(source.removeprefix("\ufeff"), "m.py")}
    return stubs[qualname]


def fill(
    source: str,
    body: str,
    *,
    name: str = "f",
    imports: tuple[str, ...] = (),
    helpers: tuple[str, ...] = (),
) -> str:
    new = candidate(body, imports=imports, helpers=helpers)
    return splice(source, [(stub_of(source, name), new)])


# --- the standard library's own files --------------------------------------------------------

STDLIB = Path(sysconfig.get_paths()["stdlib"])


def some_files() -> list[Path]:
    files = [
        path
        for path in sorted(STDLIB.glob("*.py")) + sorted(STDLIB.glob("[a-z]*/*.py"))
        if "test" not in path.as_posix().removeprefix(str(STDLIB))
        and "site-packages" not in path.parts
        and path.stat().st_size < 150_000
        and b"def " in path.read_bytes()
    ]
    return random.Random(20).sample(files, 60)


def quiet_parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def inside_strings(tree: ast.Module) -> set[int]:
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)
    }


def with_tabs(source: str) -> str:
    """Four leading spaces to a tab, in statements only."""
    kept = inside_strings(quiet_parse(source))

    def converted(number: int, line: str) -> str:
        white = re.match(" *", line)
        if number in kept or not white:
            return line
        return "\t" * (len(white[0]) // 4) + " " * (len(white[0]) % 4) + line[len(white[0]) :]

    lines = source.split("\n")
    return "\n".join(converted(number, line) for number, line in enumerate(lines, 1))


def blanked_out(source: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, str, str]:
    """The text before and behind a function's body, and the body as a model would give it."""
    lines = source.splitlines(keepends=True)
    has_docstring = ast.get_docstring(node, clean=False) is not None
    body = node.body[1:] if has_docstring else node.body
    first, last = body[0], body[-1]
    start = sum(map(len, lines[: first.lineno - 1]))
    start += len(lines[first.lineno - 1].encode()[: first.col_offset].decode())
    end = sum(map(len, lines[: (last.end_lineno or 0) - 1]))
    end += len(lines[(last.end_lineno or 0) - 1].encode()[: last.end_col_offset].decode())
    return source[:start], source[end:], "\n".join(ast.unparse(each) for each in body)


def is_plain(source: str, node: ast.AST) -> bool:
    """Whether its body is more than a docstring and starts on a line of its own."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    body = node.body[1:] if ast.get_docstring(node) else node.body
    if not body or isinstance(body[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    line = re.split(r"\r\n|\n", source)[body[0].lineno - 1].encode()
    return not line[: body[0].col_offset].strip()


def without_hints(before: str) -> str:
    """Comments between the head of a function and its first statement go with the body."""
    lines = before.splitlines(keepends=True)[:-1]
    rest = list(lines)
    while not rest[-1].strip() or rest[-1].lstrip().startswith("#"):
        rest.pop()
    while len(rest) < len(lines) and not lines[len(rest)].strip():
        rest.append(lines[len(rest)])
    return "".join(rest)


def without_comments(behind: str, indent: str) -> str:
    """So do the one on the last line and those below that are indented like it."""
    lines = re.split(r"(?<=\n)", behind)
    lines[0] = lines[0].lstrip(" \t;")
    if lines[0].startswith("#"):
        lines[0] = re.sub(r"[^\r\n]", "", lines[0])
    below = 1
    for number, line in enumerate(lines[1:], 2):
        if line.startswith(f"{indent}") and line.lstrip().startswith("#"):
            below = number
        elif line.strip():
            break
    if below == 1:
        return "".join(lines)
    return re.sub(r"[^\r\n]", "", lines[below - 1]) + "".join(lines[below:])


@pytest.mark.parametrize("path", some_files(), ids=lambda path: path.relative_to(STDLIB).as_posix())
def test_a_body_taken_out_and_put_back_leaves_every_other_byte(path: Path) -> None:
    chance = random.Random(path.name)
    style = chance.choice(["as it is", "CRLF", "tabs"])
    source = path.read_bytes().decode()
    if style == "tabs":
        source = with_tabs(source)
    if style == "CRLF":
        source = source.replace("\n", "\r\n")
    tree = quiet_parse(source)
    chosen = [node for node in ast.walk(tree) if is_plain(source, node)]
    done = 0
    for node in chance.sample(chosen, min(4, len(chosen))):
        before, behind, body = blanked_out(source, node)
        stubbed = f"{before}raise NotImplementedError{behind}"
        stub = next(
            (each for each in find_stubs_in(stubbed, "m.py") if each.line == node.lineno), None
        )
        if stub is None:  # an overload or the like
            continue
        result = splice(stubbed, [(stub, candidate(body))])
        assert result.startswith(without_hints(before))
        assert result.endswith(without_comments(behind, before.splitlines()[-1]))
        assert ast.dump(quiet_parse(result)) == ast.dump(tree)
        done += 1
    assert done or not chosen


# --- the body --------------------------------------------------------------------------------

BODY = "if a:\n    return 1\nreturn 2"
STUB_A = "def f(a):\n    raise NotImplementedError\n"
DONE_A = "def f(a):\n    if a:\n        return 1\n    return 2\n"
BODIES = {
    "a plain stub": (STUB_A, DONE_A),
    "comments inside go, those around stay": (
        "# above\n\n# on it\ndef f(a):  # head: x\n    # hint\n"
        "    raise NotImplementedError  # now\n    # inside\n\n# below\nx = 1\n",
        "# above\n\n# on it\ndef f(a):  # head: x\n    if a:\n        return 1\n    return 2\n"
        "\n# below\nx = 1\n",
    ),
    "the docstring, comments before it and the blank line below it stay": (
        'def f(a):\n    # first\n\n    """Doc.\n\n  odd\n    """  # doc\n\n    # hint\n'
        "    raise NotImplementedError\n",
        'def f(a):\n    # first\n\n    """Doc.\n\n  odd\n    """  # doc\n\n    if a:\n'
        "        return 1\n    return 2\n",
    ),
    "a docstring on the line of the raise": (
        'def f(a):\n    """Doc."""; raise NotImplementedError  # hint\n',
        'def f(a):\n    """Doc."""\n    if a:\n        return 1\n    return 2\n',
    ),
    "a body on the line of the def": (
        "def f(a): raise NotImplementedError\nx = 1\n",
        f"{DONE_A}x = 1\n",
    ),
    "a body on the line of the def, with a comment": (
        "def f(a):raise NotImplementedError('x;#') ;  # say: why\n",
        "def f(a):   # say: why\n    if a:\n        return 1\n    return 2\n",
    ),
    "a docstring and a body on the line of the def": (
        'class f:\n\tdef f(a): """D\n  d"""; raise NotImplementedError\n',
        'class f:\n\tdef f(a):\n\t\t"""D\n  d"""\n\t\tif a:\n\t\t\treturn 1\n\t\treturn 2\n',
    ),
    "a body behind a backslash": ("def f(a): \\\n  raise NotImplementedError\n", DONE_A),
    "a def over several lines with colons in it": (
        "async def f(\n    a: 'int' = {1: 2}[1],  # a: b\n) -> (lambda: 3):\n"
        "  raise NotImplementedError()\n",
        "async def f(\n    a: 'int' = {1: 2}[1],  # a: b\n) -> (lambda: 3):\n"
        "  if a:\n    return 1\n  return 2\n",
    ),
    "two spaces": (
        "def f(a):\n  raise NotImplementedError\n",
        "def f(a):\n  if a:\n    return 1\n  return 2\n",
    ),
    "tabs": (
        "def f(a):\n\traise NotImplementedError\n",
        "def f(a):\n\tif a:\n\t\treturn 1\n\treturn 2\n",
    ),
    "CRLF": (
        f"x = 1\n{STUB_A}y = 1\n".replace("\n", "\r\n"),
        f"x = 1\n{DONE_A}y = 1\n".replace("\n", "\r\n"),
    ),
    "mixed line ends: that of the def line": (
        "x = 1\r\ndef f(a):\n    raise NotImplementedError\r\ny = 1\n",
        "x = 1\r\ndef f(a):\n    if a:\n        return 1\n    return 2\r\ny = 1\n",
    ),
    "lone carriage returns": (
        f"x = 1\n{STUB_A}y = 1\n".replace("\n", "\r"),
        f"x = 1\n{DONE_A}y = 1\n".replace("\n", "\r"),
    ),
    "no final newline": (STUB_A.rstrip(), DONE_A.rstrip()),
    "one line, no final newline": (
        "x = 1\r\ndef f(a): raise NotImplementedError",
        "x = 1\r\ndef f(a):\r\n    if a:\r\n        return 1\r\n    return 2",
    ),
    "a byte order mark": (f"\ufeff{STUB_A}", f"\ufeff{DONE_A}"),
    "form feeds": (
        f"x = 1\n\f{STUB_A}\f\ny = 1\n",
        f"x = 1\n\f{DONE_A}\f\ny = 1\n",
    ),
    "letters that take several bytes": (
        "é = 'ü€😀'; ö = 1\ndef f(a, ß='😀'): 'ä😀'; raise NotImplementedError('😀') # é😀\n",
        "é = 'ü€😀'; ö = 1\ndef f(a, ß='😀'): # é😀\n    'ä😀'\n    if a:\n        return 1\n"
        "    return 2\n",
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_only_the_body_changes(case: str) -> None:
    before, after = BODIES[case]
    name = "f.f" if before.startswith("class") else "f"
    assert fill(before, BODY, name=name) == after


PLAIN = "def f(a):\n{}raise NotImplementedError\n"
LAYOUTS = {
    "text in strings stays where it is": 'x = """\n  a\nb\n"""\nreturn f"""\n{x}\n  c"""',
    "a string behind a backslash": "if a:\n  x = 'a\\\n   b'\n  return x",
    "brackets over several lines": "return [\n    1,\n  # c\n\n    2,\n]",
    "a hanging operator": "return 1 + \\\n    2",
    "comments at every depth": "# a\nif a:\n    # b\n    x = 1\n    # c\n# d\nelse:\n    x = 2\n#",
    "a nested function": 'def g(x):\n\n    """D\n\n    d"""\n    return x\nreturn g(a)',
    "tabs": "for i in a:\n\tif i:\n\t\treturn i",
    "one space": "for i in a:\n if i:\n  return i",
    "uneven depths": "if a:\n  if a:\n       return 1\n  return 2\nreturn 3",
    "CRLF in the candidate": "if a:\r\n    return 1\r\nreturn 2\r\n",
    "blank lines around": "\n\nreturn 1\n\n",
    "a generator": "yield 1\nyield from a",
}


@pytest.mark.parametrize("indent", ["    ", "\t", "  "], ids=["4", "tab", "2"])
@pytest.mark.parametrize("case", LAYOUTS)
def test_a_body_of_any_layout_keeps_its_meaning(case: str, indent: str) -> None:
    body = LAYOUTS[case]
    result = fill(PLAIN.format(indent), body)
    function = quiet_parse(result).body[0]
    assert isinstance(function, ast.FunctionDef)
    wanted = quiet_parse(body.replace("\r\n", "\n"))
    assert ast.dump(ast.Module(body=function.body, type_ignores=[])) == ast.dump(wanted)
    assert result.splitlines()[1].startswith(indent)


def test_continuation_and_comment_lines_move_with_their_statement() -> None:
    body = "if a:\n    # note\n    x = [\n        1,\n    ]\n    # end\nreturn x"
    assert fill(PLAIN.format("\t"), body) == (
        "def f(a):\n\tif a:\n\t\t# note\n\t\tx = [\n\t\t    1,\n\t\t]\n\t\t# end\n\treturn x\n"
    )


SEVERAL = """\
class C:
    @property
    def x(self):
        raise NotImplementedError

    @x.setter
    def x(self, value): raise NotImplementedError

    class D:
        async def m(self):
            raise NotImplementedError

def outer():
    def inner():
        raise NotImplementedError
    return inner

if outer:
    def g():
        raise NotImplementedError
else:
    def g():
        raise NotImplementedError
"""


def test_several_stubs_of_one_file_are_filled_at_once() -> None:
    stubs = find_stubs_in(SEVERAL, "m.py")
    changes = [(stub, candidate(f"return {number}")) for number, stub in enumerate(stubs)]
    random.Random(1).shuffle(changes)
    result = splice(SEVERAL, changes)
    assert re.findall(r"^ +return (\d)$", result, re.MULTILINE) == list("012345")
    assert "NotImplementedError" not in result
    assert [stub.qualname for stub in stubs] == [
        *("C.x", "C.x.setter", "C.D.m", "outer.<locals>.inner", "g", "g#2")
    ]


def test_a_stub_is_found_by_name_when_its_line_has_moved() -> None:
    stub = stub_of(STUB_A, "f")
    moved = f"def g(): pass\n\n\n{STUB_A}"
    assert splice(moved, [(stub, candidate(BODY))]) == f"def g(): pass\n\n\n{DONE_A}"


@pytest.mark.parametrize("now", [STUB_A.replace("f(", "g("), DONE_A, "x = 1\n"])
def test_a_stub_that_is_gone_or_filled_in_is_a_change(now: str) -> None:
    with pytest.raises(SourceChanged, match=r"m\.py::f"):
        splice(now, [(stub_of(STUB_A, "f"), candidate("return 1"))])


def test_a_stub_is_filled_once() -> None:
    stub = stub_of(STUB_A, "f")
    with pytest.raises(SourceError, match="overlaps"):
        splice(STUB_A, [(stub, candidate("return 1")), (stub, candidate("return 2"))])


def test_what_stands_inside_a_marked_function_goes_with_its_body() -> None:
    source = f"{FROM}\n@todo_llm\ndef f():\n    @todo_llm\n    def g(): ...\n    return g\n"
    assert fill(source, "return 1") == DONE


@pytest.mark.parametrize("body", ["return (", "x = '", "  return 1\n x", "", "# nothing", "break"])
def test_a_body_that_is_no_python_is_refused(body: str) -> None:
    with pytest.raises(SourceError, match=r"m\.py::f|new code"):
        fill(STUB_A, body)


def test_an_invalid_escape_in_the_file_is_not_our_news() -> None:
    assert fill(f"x = '\\d'\n{STUB_A}", "return '\\w'").endswith("return '\\w'\n")


# --- imports ---------------------------------------------------------------------------------

STUB = "def f():\n    raise NotImplementedError\n"
DONE = "def f():\n    return 1\n"
IMPORTS = {
    "below the others of its group": (
        f'"""Doc."""\n\nimport os\n\nimport pytest\n\n\n{STUB}',
        ("import re", "import numpy as np", "from . import x"),
        '"""Doc."""\n\nimport os\nimport re\n\nimport pytest\nimport numpy as np\n\n'
        f"from . import x\n\n\n{DONE}",
    ),
    "above imports of a later group": (
        f"import pytest\n\n\n{STUB}",
        ("import re",),
        f"import re\n\nimport pytest\n\n\n{DONE}",
    ),
    "below a docstring": (
        f'"""Doc."""\n\n\n{STUB}',
        ("import re",),
        f'"""Doc."""\n\nimport re\n\n\n{DONE}',
    ),
    "below a docstring that touches the code": (
        f'"""Doc."""\n{STUB}',
        ("import re",),
        f'"""Doc."""\n\nimport re\n\n\n{DONE}',
    ),
    "into an empty head": (STUB, ("import re",), f"import re\n\n\n{DONE}"),
    "below the first two comment lines": (
        f"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# on f\n{STUB}",
        ("import re",),
        f"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\nimport re\n\n\n# on f\n{DONE}",
    ),
    "below a licence": (
        f"# Licence\n\n\n# on f\n{STUB}",
        ("import re",),
        f"# Licence\n\n\nimport re\n\n\n# on f\n{DONE}",
    ),
    "__future__ first": (
        f'"""Doc."""\n\nimport os\n\n\n{STUB}',
        ("from __future__ import annotations", "import re"),
        '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\nimport re\n\n\n' + DONE,
    ),
    "below __future__": (
        f"from __future__ import annotations\n\n\n{STUB}",
        ("from __future__ import annotations", "import re"),
        f"from __future__ import annotations\n\nimport re\n\n\n{DONE}",
    ),
    "among dunder names": (
        f'__all__ = ["f"]\nimport os\n__version__ = "1"\nprint(1)\nimport sys\n{STUB}',
        ("import re",),
        f'__all__ = ["f"]\nimport os\nimport re\n__version__ = "1"\nprint(1)\nimport sys\n{DONE}',
    ),
    "not again": (
        f"import os.path, re as r\nfrom typing import (\n    List,\n)\n{STUB}",
        ("import os", "import os.path", "import re as r", "from typing import List"),
        f"import os.path, re as r\nfrom typing import (\n    List,\n)\n{DONE}",
    ),
    "only the names that are missing": (
        f"from typing import List\n{STUB}",
        ("from typing import Dict, List, Set as S",),
        f"from typing import List\nfrom typing import Dict, Set as S\n{DONE}",
    ),
    "a submodule of what is imported": (
        f"import os\n{STUB}",
        ("import os.path",),
        f"import os\nimport os.path\n{DONE}",
    ),
    "not where a try binds it": (
        f"try:\n    import re\nexcept ImportError:\n    re = None\n{STUB}",
        ("import re",),
        f"try:\n    import re\nexcept ImportError:\n    re = None\n{DONE}",
    ),
    "not where both branches bind it": (
        f"if print:\n    import json\nelse:\n    import simplejson as json\n{STUB}",
        ("import json",),
        f"if print:\n    import json\nelse:\n    import simplejson as json\n{DONE}",
    ),
    "although it is there for type checkers": (
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from re import Pattern\n{STUB}",
        ("from re import Pattern",),
        "from typing import TYPE_CHECKING\nfrom re import Pattern\nif TYPE_CHECKING:\n"
        f"    from re import Pattern\n{DONE}",
    ),
    "although it is there at times": (
        f"import sys\nif sys.argv:\n    import re\n{STUB}",
        ("import re",),
        f"import sys\nimport re\nif sys.argv:\n    import re\n{DONE}",
    ),
    "into the body where its name means something else": (
        f"from datetime import datetime\n{STUB}",
        ("import datetime",),
        "from datetime import datetime\ndef f():\n    import datetime\n    return 1\n",
    ),
    "into the body where the module deletes the name": (
        f"import re\ndel re\n{STUB}",
        ("import re",),
        "import re\ndel re\ndef f():\n    import re\n    return 1\n",
    ),
    "into the body where it would hide a builtin": (
        STUB,
        ("from math import pow, sqrt",),
        "from math import sqrt\n\n\ndef f():\n    from math import pow\n    return 1\n",
    ),
    "with the line ends around": (
        f"import os\r\n\n{STUB}",
        ("import re",),
        f"import os\r\nimport re\r\n\n{DONE}",
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_imports_go(case: str) -> None:
    before, imports, after = IMPORTS[case]
    assert fill(before, "return 1", imports=imports) == after


def test_two_candidates_share_an_import_and_disagree_on_another() -> None:
    source = STUB + STUB.replace("f()", "g()")
    first = candidate("return 1", imports=("import re", "import datetime"))
    second = candidate("return 2", imports=("import re", "from datetime import datetime"))
    result = splice(source, [(stub_of(source, "f"), first), (stub_of(source, "g"), second)])
    assert result == (
        f"import datetime\nimport re\n\n\n{DONE}"
        "def g():\n    from datetime import datetime\n    return 2\n"
    )


@pytest.mark.parametrize("text", ["from math import *", "x = 1", "import ("])
def test_what_is_no_plain_import_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match=r"m\.py::f"):
        fill(STUB, "return 1", imports=(text,))


# --- helpers ---------------------------------------------------------------------------------

HELPERS = {
    "above the function and the comments on it": (
        f"x = 1\n\n\n# far\n\n# on it\n@print\n{STUB}",
        "f",
        ("_A = 1\n", "_B = 2", "def _g():\n  return 1"),
        "x = 1\n\n\n# far\n\n_A = 1\n_B = 2\n\n\ndef _g():\n    return 1\n\n\n"
        f"# on it\n@print\n{DONE}",
    ),
    "above the outermost class": (
        "class A:\n  class B:\n    def f(self):\n      raise NotImplementedError\n",
        "A.B.f",
        ("def _g():\n    if 1:\n        return 1",),
        "def _g():\n  if 1:\n    return 1\n\n\n"
        "class A:\n  class B:\n    def f(self):\n      return 1\n",
    ),
    "above the outermost function": (
        "def o():\n    def f():\n        raise NotImplementedError\n    return f\n",
        "o.<locals>.f",
        ("_A = 1",),
        "_A = 1\n\n\ndef o():\n    def f():\n        return 1\n    return f\n",
    ),
    "beside a function in a branch": (
        "if 1:\n    x = 1\n    def f():\n        raise NotImplementedError\n",
        "f",
        ('_A = """\nx"""',),
        'if 1:\n    x = 1\n    _A = """\nx"""\n\n    def f():\n        return 1\n',
    ),
    "not again when it is there already": (
        f"def _g(x):  # the same\n    return (x)\n{STUB}",
        "f",
        ("def _g(x):\n    return x",),
        f"def _g(x):  # the same\n    return (x)\n{DONE}",
    ),
    "not into a string that looks like a comment": (
        f'x = """\n# y"""\n{STUB}',
        "f",
        ("_A = 1",),
        f'x = """\n# y"""\n_A = 1\n\n\n{DONE}',
    ),
}


@pytest.mark.parametrize("case", HELPERS)
def test_helpers_go(case: str) -> None:
    before, name, helpers, after = HELPERS[case]
    assert fill(before, "return 1", name=name, helpers=helpers) == after


def test_two_candidates_share_a_helper_or_are_refused() -> None:
    source = STUB + STUB.replace("f()", "g()")
    same = candidate("return 1", helpers=("def _h(): pass",))
    other = candidate("return 1", helpers=("def _h(): return 1",))
    f, g = find_stubs_in(source, "m.py")
    assert splice(source, [(f, same), (g, same)]).count("_h") == 1
    with pytest.raises(SourceError, match="_h"):
        splice(source, [(f, same), (g, other)])


@pytest.mark.parametrize(
    "head",
    ["def _h(): return 2\n", "import os as _h\n", "for _h in (): pass\n", "_h: int\n_h = 1\n"],
)
def test_a_helper_whose_name_is_taken_is_refused(head: str) -> None:
    with pytest.raises(SourceError, match="_h"):
        fill(head + STUB, "return 1", helpers=("def _h(): return 1",))


def test_a_helper_that_would_hide_a_builtin_is_refused() -> None:
    with pytest.raises(SourceError, match="sum"):
        fill(f"x = sum([])\n{STUB}", "return 1", helpers=("def sum(): return 1",))


def test_a_helper_that_needs_an_import_of_the_body_is_refused() -> None:
    with pytest.raises(SourceError, match="datetime"):
        fill(
            f"from datetime import datetime\n{STUB}",
            "return _h()",
            imports=("import datetime",),
            helpers=("def _h(): return datetime.date.min",),
        )


# --- the mark --------------------------------------------------------------------------------

FROM = "from pytest_supercharger import todo_llm"
MARKED = "@todo_llm\ndef f(): ...\n"
MARKS = {
    "with the blank lines that were for its import": (
        f'"""Doc."""\n\n{FROM}\n\n\n{MARKED}',
        f'"""Doc."""\n\n\n{DONE}',
    ),
    "at the start of a file": (f"{FROM}\n\n\n@todo_llm('x')\ndef f(): ...\n", DONE),
    "its place goes to a new import": (
        f"{FROM}\n\n\n@todo_llm\ndef f():\n    re.x\n",
        f"import re\n\n\n{DONE}",
    ),
    "over several lines, among other decorators": (
        f"import os\n{FROM}  # x\n# a\n@print\n# b\n@todo_llm(\n    hint=')',  # c\n)  # d\n"
        "# e\n@print\ndef f(): ...\n",
        f"import os\n# a\n@print\n# b\n# e\n@print\n{DONE}",
    ),
    "by another name": (f"{FROM} as t\n@t\ndef f(): ...\n", DONE),
    "through its module": (
        "import os, pytest_supercharger\n@pytest_supercharger.todo_llm\ndef f(): ...\n",
        f"import os\n{DONE}",
    ),
    "through its module by another name": (
        "import pytest_supercharger as p, os\n@(p.todo_llm)\ndef f(): ...\n",
        f"import os\n{DONE}",
    ),
    "but not a module that is used otherwise": (
        "import pytest_supercharger as p\n@p.todo_llm\ndef f(): ...\nprint(p)\n",
        f"import pytest_supercharger as p\n{DONE}print(p)\n",
    ),
    "first of several": (
        f"{FROM}, Stub\n{MARKED}",
        f"from pytest_supercharger import Stub\n{DONE}",
    ),
    "in the middle": (
        f"from pytest_supercharger import (\n    A,\n    todo_llm,  # x\n    B,\n)\n{MARKED}",
        f"from pytest_supercharger import (\n    A,\n    B,\n)\n{DONE}",
    ),
    "last": (
        f"from pytest_supercharger import (\n    A,\n    todo_llm,\n)\n{MARKED}",
        f"from pytest_supercharger import (\n    A,\n)\n{DONE}",
    ),
    "between semicolons": (
        f"import os; {FROM}; import re\n{MARKED}",
        f"import os; import re\n{DONE}",
    ),
    "behind a semicolon": (f"import os; {FROM}\n{MARKED}", f"import os\n{DONE}"),
    "alone in a block": (
        f"try:\n    {FROM}\nexcept ImportError: x = 1\n{MARKED}",
        f"try:\n    pass\nexcept ImportError: x = 1\n{DONE}",
    ),
    "not while another stub has it": (
        f"{FROM}\n{MARKED}@todo_llm\ndef g(): ...\n",
        f"{FROM}\n{DONE}@todo_llm\ndef g(): ...\n",
    ),
    "not while __all__ has it": (
        f"{FROM}\n__all__ = ['todo_llm']\n{MARKED}",
        f"{FROM}\n__all__ = ['todo_llm']\n{DONE}",
    ),
    "a page break stays": (f"{FROM}\nx = 1\n\f{MARKED}", f"x = 1\n\f{DONE}"),
}


@pytest.mark.parametrize("case", MARKS)
def test_the_mark_goes(case: str) -> None:
    before, after = MARKS[case]
    imports = ("import re",) if "re.x" in before else ()
    assert fill(before, "return 1", imports=imports) == after


def test_an_unmarked_stub_leaves_an_unused_import_alone() -> None:
    assert fill(f"{FROM}\n{STUB}", "return 1") == f"{FROM}\n{DONE}"


# --- instrumenting ---------------------------------------------------------------------------


def instrumented(source: str) -> str:
    return instrument(source, find_stubs_in(source.removeprefix("\ufeff"), "m.py"))


CALL = '__supercharge_reached__("m.py::f")'
HEAD = f"{FROM}\n@todo_llm\n"
INSTRUMENTED = {
    "a plain stub": (STUB, f"def f():\n    {CALL}; raise NotImplementedError\n"),
    "one line, CRLF": (
        "def f(): raise NotImplementedError  # x\r\n",
        f"def f(): {CALL}; raise NotImplementedError  # x\r\n",
    ),
    "tabs and a docstring": (
        "def f():\n\t'd'; raise NotImplementedError",
        f"def f():\n\t'd'; {CALL}; raise NotImplementedError",
    ),
    "marked, with a simple statement first": (
        f"{HEAD}async def f():\n    # c\n    x = 1\n    yield x\n",
        f"{HEAD}async def f():\n    # c\n    raise {CALL}; x = 1\n    yield x\n",
    ),
    "marked, on one line": (f"{HEAD}def f(): ...\n", f"{HEAD}def f(): raise {CALL}; ...\n"),
    "marked, raising something else": (
        f"{HEAD}def f():\n    raise KeyError(1)\n",
        f"{HEAD}def f():\n    raise {CALL}; raise KeyError(1)\n",
    ),
    "marked, raising the same": (
        f"{HEAD}def f():\n    raise NotImplementedError()\n",
        f"{HEAD}def f():\n    {CALL}; raise NotImplementedError()\n",
    ),
    "marked, with a docstring": (
        f"{HEAD}def f():\n    'd'  # x\n    for x in y:\n        yield\n",
        f"{HEAD}def f():\n    'd'; raise {CALL}  # x\n    for x in y:\n        yield\n",
    ),
    "marked, with a docstring only": (
        f"{HEAD}def f(): 'd'\n",
        f"{HEAD}def f(): 'd'; raise {CALL}\n",
    ),
    "marked, with a block first": (
        f"{HEAD}def f():\n    # c\n    for x in y:\n        return\nz = 1\n",
        f"{HEAD}def f():\n    # c\n    raise {CALL}\n\nz = 1\n",
    ),
    "marked, a generator with a block first": (
        f"{HEAD}def f():\n    with x:\n        yield 1\n\n    yield 2\nz = 1\n",
        f"{HEAD}def f():\n    raise {CALL}; yield\n\n\n\nz = 1\n",
    ),
    "marked, with a decorated class first": (
        f"{HEAD}def f():\n    @x\n    class C: pass\n",
        f"{HEAD}def f():\n    raise {CALL}\n\n",
    ),
    "marked, with a stub inside": (
        f"{HEAD}def f():\n    def g():\n        raise NotImplementedError\n",
        f"{HEAD}def f():\n    raise {CALL}\n\n",
    ),
    "a byte order mark": (
        f"\ufeff{STUB}",
        f"\ufeffdef f():\n    {CALL}; raise NotImplementedError\n",
    ),
}


@pytest.mark.parametrize("case", INSTRUMENTED)
def test_a_stub_says_that_it_was_reached(case: str) -> None:
    before, after = INSTRUMENTED[case]
    result = instrumented(before)
    assert result == after
    assert len(result.splitlines()) == len(before.splitlines())
    quiet_parse(result.removeprefix("\ufeff"))


KINDS = """\
class C:
    @property
    def x(self):
        raise NotImplementedError
    @x.setter
    def x(self, value): raise NotImplementedError
    @staticmethod
    def s(): raise NotImplementedError("s")
    @todo_llm
    def marked(self):
        if self:
            yield 1
"""


def test_every_kind_of_stub_reports_and_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []

    def mark(stub: str) -> NotImplementedError:
        reached.append(stub)
        return NotImplementedError("mark")

    monkeypatch.setattr(builtins, "__supercharge_reached__", mark, raising=False)
    space: dict[str, Any] = {"todo_llm": lambda function: function}
    exec(compile(instrumented(KINDS), "m.py", "exec"), space)
    c = space["C"]()
    generator = c.marked()
    assert reached == []
    for use in (lambda: c.x, lambda: setattr(c, "x", 1), c.s, lambda: next(generator)):
        with pytest.raises(NotImplementedError):
            use()
    assert reached == ["m.py::C.x", "m.py::C.x.setter", "m.py::C.s", "m.py::C.marked"]


def test_filled_and_missing_stubs_are_passed_over() -> None:
    source = STUB + STUB.replace("f()", "g()")
    stubs = find_stubs_in(source, "m.py")
    filled = splice(source, [(stubs[0], candidate("return 1"))])
    assert instrument(filled, stubs) == DONE + (
        'def g():\n    __supercharge_reached__("m.py::g"); raise NotImplementedError\n'
    )
    assert instrument("x = 1\n", stubs) == "x = 1\n"


def test_a_candidate_goes_into_a_file_whose_other_stubs_are_instrumented() -> None:
    source = STUB + STUB.replace("f()", "g()")
    first, second = find_stubs_in(source, "m.py")
    chosen = [(first, candidate("return 1"))]
    assert splice(instrument(source, [second]), chosen) == instrument(
        splice(source, chosen), [second]
    )


def test_an_awkward_id_is_quoted() -> None:
    (stub,) = find_stubs_in(STUB, 'it\'s "é".py')
    called = quiet_parse(instrument(STUB, [stub]))
    strings = [node.value for node in ast.walk(called) if isinstance(node, ast.Constant)]
    assert strings == [stub.id]
    assert instrument(STUB, [stub]).isascii()
