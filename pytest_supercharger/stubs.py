"""Which functions are not implemented? Files of the rootdir to :class:`Stub` records.

Raw bytes are searched first, then ``ast`` reads the structure and ``tokenize`` the wording.
Not libcst, which comes in where source is changed: finding the 13 stubs of ``mailbox.py`` (2,151
lines) takes 30 ms this way, libcst with positions 450 ms.
"""

from __future__ import annotations

import ast
import hashlib
import io
import os
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from pytest_supercharger.exceptions import SourceError


class Kind(Enum):
    """What sort of function a stub is; decides how a candidate is called and spliced."""

    FUNCTION = "function"
    METHOD = "method"
    CLASSMETHOD = "classmethod"
    STATICMETHOD = "staticmethod"
    PROPERTY = "property"  # getter, setter or deleter


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """One unimplemented function, as it was read.

    Lines are 1-based, columns are 0-based and count characters of the decoded text, as in
    libcst. All texts keep the user's own wording, with line ends as ``\\n``.
    """

    id: str  # path/relative/to/rootdir.py::Qual.name, the name used everywhere
    path: str  # posix, relative to the rootdir
    qualname: str  # Qual.name: C.x, C.x.setter, outer.<locals>.inner, and #2 for a redefinition
    name: str  # the function's own name
    kind: Kind
    is_async: bool
    is_generator: bool  # the body yields, or the return annotation says iterator or generator
    marked: bool  # decorated with todo_llm
    perhaps: str  # why it is only perhaps a stub; "" when it is one
    hint: str  # from todo_llm(...)
    examples: tuple[str, ...]  # from todo_llm(examples=[...])
    comments: tuple[str, ...]  # comments inside the body, without the "#"
    signature: str  # decorators (todo_llm left out) and def line(s) to the colon, dedented
    parameters: tuple[str, ...]  # names, without * and **
    docstring: str  # its value, cleaned by inspect.cleandoc; "" when there is none
    body: str  # source of an existing body (marked stubs), dedented; "" for a plain stub
    classes: tuple[str, ...]  # names of the classes around it, outermost first
    line: int  # of the def keyword
    end_line: int  # last line of the body
    digest: str  # sha256 of the file's bytes as they were read


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that may hold stubs but cannot be read or parsed; listed, never guessed at."""

    path: str
    reason: str  # "syntax error at line 3: ..." and the like


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search brought to light."""

    stubs: tuple[Stub, ...]  # perhaps-stubs included, by path and line
    unreadable: tuple[Unreadable, ...]  # by path
    files: int  # Python files looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A source file as it was read, and the way back to bytes."""

    path: Path
    data: bytes  # the whole file
    text: str  # decoded, without BOM, with its own line ends: mixed ones survive
    encoding: str  # a codec's name; "utf-8-sig" when there is a BOM
    digest: str  # sha256 of data

    @property
    def newline(self) -> str:
        """The line end that occurs most, for lines to be added."""
        counts = Counter(re.findall(r"\r\n|\n|\r", self.text))
        return counts.most_common(1)[0][0] if counts else "\n"

    def encode(self, text: str) -> bytes:
        """``text`` in this file's encoding, with its BOM; line ends as they are in ``text``.

        Raises SourceError when the encoding has no place for a character.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as exc:
            raise SourceError(
                f"{self.path}: the file's encoding {self.encoding} has no {text[exc.start]!r}:"
                f" save the file as UTF-8"
            ) from exc


def read_source(path: Path) -> SourceText:
    """Read a Python file in the encoding that its BOM or coding comment declares.

    Raises SourceError when it cannot be read, decoded, or written back byte for byte.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SourceError(f"cannot be read: {exc.strerror or exc}") from exc
    return _decode(path, data)


def _decode(path: Path, data: bytes) -> SourceText:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        same = text.encode(encoding) == data
    except (SyntaxError, UnicodeError, LookupError) as exc:
        raise SourceError(f"cannot be decoded: {exc}") from exc
    if not same:
        raise SourceError(f"cannot be written back unchanged in its encoding {encoding}")
    digest = hashlib.sha256(data).hexdigest()
    return SourceText(path=path, data=data, text=text, encoding=encoding, digest=digest)


_MAYBE = re.compile(rb"raise[\s\\(]+NotImplementedError|todo_llm")
_ALWAYS_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", ".git", ".hg", ".svn"})


def find_stubs(rootdir: Path, *, norecurse: Sequence[str], python_files: Sequence[str]) -> Found:
    """Find the stubs of every Python file under ``rootdir``.

    ``norecurse`` and ``python_files`` are pytest's settings ``norecursedirs`` and
    ``python_files``: directories left out, and test files, where only marked functions count.
    Virtual environments are left out, and symbolic links are not followed: what they point to
    is found at its own place, or is not the project's.
    """
    stubs: list[Stub] = []
    unreadable: list[Unreadable] = []
    files = 0
    hierarchy = _Hierarchy(rootdir)
    for file in _python_files(rootdir, norecurse):
        files += 1
        path = file.relative_to(rootdir).as_posix()
        try:
            only_marked = _is_test_file(path, python_files)
            stubs += _find_in_file(file, path, hierarchy, only_marked=only_marked)
        except SourceError as exc:
            unreadable.append(Unreadable(path=path, reason=str(exc)))
    return Found(
        stubs=tuple(sorted(stubs, key=lambda stub: (stub.path, stub.line))),
        unreadable=tuple(sorted(unreadable, key=lambda each: each.path)),
        files=files,
    )


def find_stubs_in(
    source: str, path: str, digest: str = "", *, only_marked: bool = False
) -> list[Stub]:
    """Find the stubs of one decoded source text, by line; any line ends.

    ``path`` is posix and relative to the rootdir. With ``only_marked``, as in a file that
    carries a generated-code marker, only functions decorated with ``todo_llm`` count. Raises
    SourceError when the source does not parse.
    """
    module = _read_module(source, path)
    return _find(module, digest, _Hierarchy(None), only_marked=only_marked)


def _find_in_file(file: Path, path: str, hierarchy: _Hierarchy, *, only_marked: bool) -> list[Stub]:
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise SourceError(f"cannot be read: {exc.strerror or exc}") from exc
    if not (b"todo_llm" in data if only_marked else _MAYBE.search(data)):
        return []
    source = _decode(file, data)
    module = _read_module(source.text, path)
    return _find(module, source.digest, hierarchy, only_marked=only_marked)


def _python_files(top: Path, norecurse: Sequence[str]) -> Iterator[Path]:
    """Every ``.py`` file below ``top``, without following links."""
    pending = [os.fspath(top)]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:  # pytest cannot collect from an unreadable directory either
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not _is_skipped(entry, norecurse):
                    pending.append(entry.path)
            elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _is_skipped(directory: os.DirEntry[str], norecurse: Sequence[str]) -> bool:
    if directory.name in _ALWAYS_SKIPPED:
        return True
    if any(_matches(directory.path, pattern) for pattern in norecurse):
        return True
    environment = ("pyvenv.cfg", os.path.join("conda-meta", "history"))
    return any(os.path.exists(os.path.join(directory.path, name)) for name in environment)


def _is_test_file(path: str, python_files: Sequence[str]) -> bool:
    name = PurePosixPath(path).name
    return name == "conftest.py" or any(_matches("/" + path, each) for each in python_files)


def _matches(path: str, pattern: str) -> bool:
    """pytest's rule: a pattern without a slash is for the last part of the path."""
    if "/" not in pattern:
        return fnmatch(os.path.basename(path), pattern)
    return fnmatch(path, pattern if pattern.startswith("/") else f"*/{pattern}")


_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_GENERATED = re.compile(
    r"@generated\b"
    r"|\bdo not (edit|modify|change)\b"
    r"|^\W*((this|the) )?((file|module|code) )?((is|was|has been) )?"
    r"(auto-?|automatically |machine-?)?generated (by|from|with|using)\b"
    r"|^\W*((this|the) )?(file|module|code) (is|was|has been) (auto-?|automatically )generated\b"
    r"|^\W*auto-?generated\b",
    re.IGNORECASE,
)
_HEAD_LINES = 10
_RENAMED = re.compile(r"\b(todo_llm|Protocol|overload|abstract\w+)\s+as\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """One parsed file."""

    path: str
    lines: list[str]  # without line ends
    tree: ast.Module
    aliases: dict[str, str]  # alias: name, from every "from x import name as alias"


def _read_module(source: str, path: str) -> _Module:
    text = re.sub(r"\r\n?", "\n", source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in the user's file is not our news
        try:
            tree = ast.parse(text)
        except SyntaxError as exc:
            raise SourceError(f"syntax error at line {exc.lineno}: {exc.msg}") from exc
        except (ValueError, RecursionError, MemoryError) as exc:
            raise SourceError(f"cannot be parsed: {exc}") from exc
    return _Module(path=path, lines=text.split("\n"), tree=tree, aliases=_aliases(tree, text))


def _aliases(tree: ast.Module, text: str) -> dict[str, str]:
    if not _RENAMED.search(text):  # a walk over the whole tree takes as long as parsing it
        return {}
    return {
        alias.asname: alias.name
        for node in _all_statements(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }


def _is_generated(module: _Module) -> bool:
    """Whether the comments and docstring at the top say that a program wrote the file."""
    comments = []
    for line in module.lines:
        if line.strip() and not line.startswith("#"):
            break
        comments.append(line)
    docstring = ast.get_docstring(module.tree) or ""
    head = [line for line in (*comments, *docstring.split("\n")) if line.strip()]
    return any(_GENERATED.search(line) for line in head[:_HEAD_LINES])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """What stands around a statement."""

    prefix: str = ""  # of the names in it: "C.", "outer.<locals>."
    classes: tuple[ast.ClassDef, ...] = ()
    in_class: bool = False  # directly: a function here is a method
    branch: str = ""  # the platform or version test it stands under


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A function and where it stands."""

    node: _Function
    scope: _Scope
    qualname: str  # with "#2" and so on


def _places(module: _Module) -> Iterator[_Place]:
    """Every function of the file, in order. ``@overload`` declarations have no name to spend."""
    names: Counter[str] = Counter()
    for node, scope in _functions(module.tree, _Scope()):
        name = scope.prefix + node.name + _accessor(node)
        if not _is_declaration(module, node, scope):
            names[name] += 1
        number = f"#{names[name]}" if names[name] > 1 else ""
        yield _Place(node=node, scope=scope, qualname=name + number)


def _functions(parent: ast.AST, scope: _Scope) -> Iterator[tuple[_Function, _Scope]]:
    for node in _statements(parent):
        if isinstance(node, _FUNCTIONS):
            yield node, scope
            inner = f"{scope.prefix}{node.name}.<locals>."
            yield from _functions(node, replace(scope, prefix=inner, in_class=False))
        elif isinstance(node, ast.ClassDef):
            yield from _functions(
                node,
                replace(
                    scope,
                    prefix=f"{scope.prefix}{node.name}.",
                    classes=(*scope.classes, node),
                    in_class=True,
                ),
            )
        else:
            branch = scope.branch or _platform_test(node)
            yield from _functions(node, replace(scope, branch=branch) if branch else scope)


def _statements(parent: ast.AST) -> Iterator[ast.AST]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        children = getattr(parent, name, ())
        if isinstance(children, list):  # the body of a lambda or of "a if b else c" is none
            yield from children


def _all_statements(parent: ast.AST) -> Iterator[ast.AST]:
    for node in _statements(parent):
        yield node
        yield from _all_statements(node)


_PLATFORM_MODULES = frozenset({"sys", "os", "platform", "signal", "socket", "select", "time"})
_PLATFORM_ATTRIBUTES = frozenset(
    {"sys.platform", "sys.version_info", "sys.hexversion", "sys.implementation", "os.name"}
)
_PLATFORM_NAMES = re.compile(
    r"(IS_|ON_|_)*(PY\d+|PYPY|CPYTHON|WIN(DOWS|32|64)?|LINUX|MAC(OS)?|DARWIN|POSIX|CYGWIN"
    r"|ANDROID|EMSCRIPTEN|WASI)[A-Z0-9_]*|version_info|platform"
)


def _platform_test(node: ast.AST) -> str:
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


def _find(module: _Module, digest: str, hierarchy: _Hierarchy, *, only_marked: bool) -> list[Stub]:
    found = []
    only_marked = only_marked or _is_generated(module)
    inside = 0  # last line of the stub around
    try:
        places = list(_places(module))
    except RecursionError as exc:  # an "elif" is nested in the one before
        raise SourceError("cannot be searched: its statements are nested too deeply") from exc
    for place in places:
        if place.node.lineno > inside and _is_stub(module, place, only_marked=only_marked):
            inside = place.node.end_lineno or 0
            found.append(_describe(module, place, digest, hierarchy))
    return found


def _is_stub(module: _Module, place: _Place, *, only_marked: bool) -> bool:
    if _mark(module, place.node):
        return True
    if only_marked or not _raised(place.node):
        return False
    return not _is_declaration(module, place.node, place.scope)


def _is_declaration(module: _Module, node: _Function, scope: _Scope) -> bool:
    """Whether it has no body of its own on purpose: abstract, ``@overload``, in a Protocol."""
    if any(name == "overload" or name.startswith("abstract") for name in _decorators(module, node)):
        return True
    return scope.in_class and "Protocol" in _base_names(module, scope.classes[-1])


def _raised(node: _Function) -> ast.Raise | None:
    """The ``raise NotImplementedError`` that is the whole body after the docstring."""
    body = _without_docstring(node)
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return None
    exception = body[0].exc
    if isinstance(exception, ast.Call):
        exception = exception.func
    is_it = isinstance(exception, ast.Name) and exception.id == "NotImplementedError"
    return body[0] if is_it else None


def _without_docstring(node: _Function) -> list[ast.stmt]:
    return node.body if ast.get_docstring(node, clean=False) is None else node.body[1:]


def _decorators(module: _Module, node: _Function) -> list[str]:
    """Last parts of the decorators' names, in order, import aliases resolved."""
    return [_last_name(module, decorator) for decorator in node.decorator_list]


def _last_name(module: _Module, expression: ast.expr) -> str:
    while isinstance(expression, (ast.Call, ast.Subscript)):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    if isinstance(expression, ast.Attribute):
        return expression.attr
    if isinstance(expression, ast.Name):
        return module.aliases.get(expression.id, expression.id)
    return ""


def _base_names(module: _Module, node: ast.ClassDef) -> list[str]:
    return [_last_name(module, base) for base in node.bases]


def _mark(module: _Module, node: _Function) -> ast.expr | None:
    """Its ``todo_llm`` decorator."""
    for decorator in node.decorator_list:
        if _last_name(module, decorator) == "todo_llm":
            return decorator
    return None


def _accessor(node: _Function) -> str:
    """``.setter`` where the decorator is ``@x.setter``; "" for a getter or no property."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter"):
            return f".{decorator.attr}"
    return ""


def _describe(module: _Module, place: _Place, digest: str, hierarchy: _Hierarchy) -> Stub:
    node, mark = place.node, _mark(module, place.node)
    texts = _read_texts(module, node)
    hint, examples = _hint_and_examples(mark)
    return Stub(
        id=f"{module.path}::{place.qualname}",
        path=module.path,
        qualname=place.qualname,
        name=node.name,
        kind=_kind(module, place),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_generator=_is_generator(module, node),
        marked=mark is not None,
        perhaps="" if mark else _perhaps(module, place, hierarchy),
        hint=hint,
        examples=examples,
        comments=texts.comments,
        signature=texts.signature,
        parameters=_parameters(node.args),
        docstring=ast.get_docstring(node) or "",
        body=texts.body,
        classes=tuple(each.name for each in place.scope.classes),
        line=node.lineno,
        end_line=texts.end_line,
        digest=digest,
    )


_KINDS = {
    "classmethod": Kind.CLASSMETHOD,
    "staticmethod": Kind.STATICMETHOD,
    "property": Kind.PROPERTY,
    "cached_property": Kind.PROPERTY,
    "getter": Kind.PROPERTY,
    "setter": Kind.PROPERTY,
    "deleter": Kind.PROPERTY,
    "__new__": Kind.STATICMETHOD,
    "__init_subclass__": Kind.CLASSMETHOD,
    "__class_getitem__": Kind.CLASSMETHOD,
}


def _kind(module: _Module, place: _Place) -> Kind:
    if not place.scope.in_class:
        return Kind.FUNCTION
    for name in (*_decorators(module, place.node), place.node.name):
        if name in _KINDS:
            return _KINDS[name]
    return Kind.METHOD


_YIELDING = re.compile(r"\b(Async)?(Iterator|Generator)\b")


def _is_generator(module: _Module, node: _Function) -> bool:
    if any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in _own_nodes(node)):
        return True
    if {"contextmanager", "asynccontextmanager"} & set(_decorators(module, node)):
        return True
    return bool(node.returns and _YIELDING.match(_outer_type(node.returns)))


def _outer_type(annotation: ast.expr) -> str:
    """``Iterator[int]`` for ``"collections.abc.Iterator[int]"``, quoted or not."""
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    text = annotation.value if is_text else ast.unparse(annotation)  # type: ignore[attr-defined]
    return re.sub(r"^(\w+\.)+", "", text.strip())


def _own_nodes(function: _Function) -> Iterator[ast.AST]:
    """The nodes of a body that run when it runs: nothing of nested functions."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    ordered = (
        *arguments.posonlyargs,
        *arguments.args,
        arguments.vararg,
        *arguments.kwonlyargs,
        arguments.kwarg,
    )
    return tuple(each.arg for each in ordered if each)


def _hint_and_examples(mark: ast.expr | None) -> tuple[str, tuple[str, ...]]:
    """The literal arguments of ``todo_llm(...)``; anything that is no literal is left out."""
    if not isinstance(mark, ast.Call):
        return "", ()
    given = {keyword.arg: keyword.value for keyword in mark.keywords}
    hint = _strings(mark.args[0] if mark.args else given.get("hint"))
    return "".join(hint), _strings(given.get("examples"))


def _strings(node: ast.expr | None) -> tuple[str, ...]:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [node]
    constants = (part for part in parts if isinstance(part, ast.Constant))
    return tuple(part.value for part in constants if isinstance(part.value, str))


_FOR_OTHERS = re.compile(
    r"\bsub-?class|\bchild class|\bderived\b|\boverrid|\binherit"
    r"|\bnot\s+(currently\s+|yet\s+)?(supported|available)|\bunsupported|\bunavailable"
    r"|n[o']t\s+support|\bno support|\black(s|ing)?\b.*\bsupport",
    re.IGNORECASE,
)


def _perhaps(module: _Module, place: _Place, hierarchy: _Hierarchy) -> str:
    """Why an unmarked function may be meant to stay as it is; "" when nothing says so."""
    message = _message(place.node)
    if _FOR_OTHERS.search(message):
        return f"its message speaks of subclasses or lack of support: {message!r}"
    if place.scope.branch:
        return f"it stands under a platform or version branch: {place.scope.branch}"
    if place.scope.in_class:
        abstract = hierarchy.abstract_base(module, place.scope.classes[-1])
        of = f" of a class derived from {abstract}" if abstract else ""
        return f"it is an unmarked method{of}: subclasses may be meant to override it"
    return ""


def _message(node: _Function) -> str:
    raised = _raised(node)
    if raised is None or not isinstance(raised.exc, ast.Call):
        return ""
    constants = (part for part in ast.walk(raised.exc) if isinstance(part, ast.Constant))
    return "".join(part.value for part in constants if isinstance(part.value, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The user's own wording around and in a stub."""

    signature: str
    comments: tuple[str, ...]
    body: str
    end_line: int


_Position: TypeAlias = tuple[int, int]  # line of the file, 1-based, and column in characters
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
_DIRECTIVE = re.compile(r"(noqa|type:|pragma|pylint|pyright|mypy|fmt:|ruff|yapf|isort|nosec)")


def _read_texts(module: _Module, node: _Function) -> _Texts:
    first = _first_line(module, node)
    end_line = _last_line(module, node)
    indent = _indent(module.lines[node.lineno - 1])
    tokens = _tokens(module.lines[first - 1 : end_line], first)
    heads, colon = _heads(tokens)
    marked = [name == "todo_llm" for name in _decorators(module, node)] + [False]
    kept = [head for head, is_mark in zip(heads, marked, strict=True) if not is_mark]
    comments = (
        each.string for each in tokens if each.type == tokenize.COMMENT and each.start > colon
    )
    hints = tuple(text.lstrip("#").strip() for text in comments)
    return _Texts(
        signature="\n".join(_between(module, *head, indent) for head in kept),
        comments=tuple(text for text in hints if text and not _DIRECTIVE.match(text)),
        body=_existing_body(module, node, colon, end_line),
        end_line=end_line,
    )


def _first_line(module: _Module, node: _Function) -> int:
    """The line of the first ``@``, which may stand above the decorator's expression."""
    line = min((each.lineno for each in node.decorator_list), default=node.lineno)
    while node.decorator_list and not module.lines[line - 1].lstrip().startswith("@"):
        line -= 1
    return line


def _last_line(module: _Module, node: _Function) -> int:
    """The body's last line; comments after it that are indented like it belong to it."""
    last = node.end_lineno or node.lineno
    indent = _indent(module.lines[node.body[0].lineno - 1])
    if len(indent) < node.body[0].col_offset:  # it shares its line with the def
        return last
    for number in range(last + 1, len(module.lines) + 1):
        line = module.lines[number - 1]
        if line.startswith(indent) and line.lstrip().startswith("#"):
            last = number
        elif line.strip():
            break
    return last


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _tokens(lines: list[str], first: int) -> list[tokenize.TokenInfo]:
    """The tokens of some lines, with the positions they have in the file."""
    reader = io.StringIO("".join(f"{line}\n" for line in lines)).readline
    try:
        tokens = list(tokenize.generate_tokens(reader))
    except (tokenize.TokenError, SyntaxError) as exc:
        raise SourceError(f"cannot be read from line {first}: {exc}") from exc
    return [
        each._replace(
            start=(each.start[0] + first - 1, each.start[1]),
            end=(each.end[0] + first - 1, each.end[1]),
        )
        for each in tokens
    ]


def _heads(
    tokens: list[tokenize.TokenInfo],
) -> tuple[list[tuple[_Position, _Position]], _Position]:
    """From where to where each decorator and, last, the def line reach; where its colon is."""
    heads: list[tuple[_Position, _Position]] = []
    start: tokenize.TokenInfo | None = None
    end: _Position = (0, 0)
    depth = 0
    for token in tokens:
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.NEWLINE and start:
            heads.append((start.start, end))
            start = None
            continue
        start = start or token
        end = token.end
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0 and start.string != "@":
                return [*heads, (start.start, end)], token.start
    raise SourceError("has a def line without a colon")  # ast would not have parsed it


def _between(module: _Module, start: _Position, end: _Position, indent: str) -> str:
    lines = module.lines[start[0] - 1 : end[0]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return "\n".join([lines[0], *(line.removeprefix(indent) for line in lines[1:])])


def _existing_body(module: _Module, node: _Function, colon: _Position, end_line: int) -> str:
    """What a marked stub has as its body already; "" when that is a placeholder."""
    body = _without_docstring(node)
    if not body or _raised(node) or all(_is_placeholder(each) for each in body):
        return ""
    before = node.body[0].end_lineno or 0 if body is not node.body else colon[0]
    if body[0].lineno == before:  # on the line of the def, or after a docstring and a semicolon
        return "\n".join(ast.unparse(each) for each in body)
    indent = _indent(module.lines[body[-1].lineno - 1])
    fixed = {line for each in body for line in _inside_strings(each)}
    lines = [
        module.lines[number - 1]
        if number in fixed
        else module.lines[number - 1].removeprefix(indent)
        for number in range(before + 1, end_line + 1)
    ]
    return "\n".join(lines).strip("\n")


def _is_placeholder(statement: ast.stmt) -> bool:
    is_value = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_value or isinstance(statement, ast.Pass)


def _inside_strings(statement: ast.stmt) -> Iterator[int]:
    """Lines that begin inside a string: their indentation is part of a value."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.Constant, ast.JoinedStr)):
            yield from range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)


class _Hierarchy:
    """Bases of classes that hold a stub, followed through the files of the project."""

    def __init__(self, rootdir: Path | None) -> None:
        self.rootdir = rootdir  # None: only what stands in the same file
        self._modules: dict[str, _Module | None] = {}

    def abstract_base(self, module: _Module, node: ast.ClassDef) -> str:
        """``ABC`` or ``Protocol``, where the class or one of its bases derives from it."""
        seen: set[tuple[str, int]] = set()
        pending = [(module, node)]
        while pending:
            module, node = pending.pop()
            if (module.path, node.lineno) in seen:
                continue
            seen.add((module.path, node.lineno))
            metaclasses = [_last_name(module, each.value) for each in node.keywords]
            names = {*_base_names(module, node), *metaclasses}
            for name in ("Protocol", "ABC", "ABCMeta"):
                if name in names:
                    return name.removesuffix("Meta")
            pending += self._bases(module, node)
        return ""

    def _bases(self, module: _Module, node: ast.ClassDef) -> Iterator[tuple[_Module, ast.ClassDef]]:
        for base in node.bases:
            if isinstance(base, ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                yield from self._class(module, base.id)

    def _class(self, module: _Module, name: str) -> Iterator[tuple[_Module, ast.ClassDef]]:
        for node in _all_statements(module.tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                yield module, node
                return
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        yield from self._imported(module, node, alias.name)

    def _imported(
        self, module: _Module, node: ast.ImportFrom, name: str
    ) -> Iterator[tuple[_Module, ast.ClassDef]]:
        """The class ``name`` where the file it is imported from defines it."""
        here = PurePosixPath(module.path)
        tops = [here.parents[node.level - 1]] if 0 < node.level <= len(here.parents) else []
        tops = tops if node.level else list(here.parents)
        parts = (node.module or "").split(".") if node.module else []
        for top in tops:
            for path in (
                top.joinpath(*parts, "__init__.py"),
                top.joinpath(*parts).with_suffix(".py"),
            ):
                target = self._load(path.as_posix())
                for each in target.tree.body if target else ():
                    if target and isinstance(each, ast.ClassDef) and each.name == name:
                        yield target, each
                        return

    def _load(self, path: str) -> _Module | None:
        if path not in self._modules:
            self._modules[path] = None
            file = self.rootdir / path if self.rootdir else None
            if file and file.is_file():
                try:
                    self._modules[path] = _read_module(read_source(file).text, path)
                except SourceError:  # the reason stays without the base's name
                    pass
        return self._modules[path]
