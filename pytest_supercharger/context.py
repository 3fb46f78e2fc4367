"""What may the model know about a stub, within a token budget?

Nearest things first: the stub, what is around it, the tests that need it, what its file
offers and imports, who calls it. Files are read and parsed, never imported. Some cases of each
parametrised test are held back, so that a body which only repeats the shown answers fails.
"""

from __future__ import annotations

import ast
import bisect
import copy
import hashlib
import io
import itertools
import os
import re
import textwrap
import time
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pytest_supercharger.exceptions import SetupError

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub

_MAX_FILE_BYTES = 400_000
_MAX_SEARCHED_FILES = 3_000
_SEARCH_SECONDS = 1.0
_MAX_CALLS, _MAX_CALLS_PER_FILE = 6, 2
_MAX_SUPPORT_LINES = 40
_MAX_CONSTANT_CHARS = 300
_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"}
_PLUGIN = "pytest_supercharger"

_Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
_Definition: TypeAlias = "_Function | ast.ClassDef"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


class PartKind(str, Enum):
    """What a part tells, nearest first."""

    STUB = "stub"  # signature, docstring, hints, comments
    BODY = "body"  # what a marked stub does at present
    AROUND = "around"  # the classes and functions it is in
    TESTS = "tests"  # the tests that need it
    IMPORTS = "imports"  # import statements of its file
    MODULE = "module"  # what else its file offers
    LIBRARY = "library"  # what its file imports from the project
    CALLERS = "callers"  # lines around its calls
    OTHER_TESTS = "other tests"  # tests that run it and pass without it


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedTest:
    """One of the project's tests that reaches the stub."""

    id: str  # node id, with or without the parameter part
    belongs: bool  # it fails because of the stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of what the model is told."""

    kind: PartKind
    title: str  # in words; also what the ledger names when it was dropped
    text: str  # Python source, without indentation of its own
    tokens: int  # of title and text as they are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Cases of a parametrised test that the model is not shown."""

    test: str  # node id of the function, or of the class that is parametrised
    shown: int
    held: int
    ids: tuple[str, ...]  # their parts of the parameter id; () where they cannot be foretold


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that the model is told about a stub; the same for every request."""

    stub: Stub
    parts: tuple[Part, ...]  # nearest first; parts[0] is the stub itself
    enclosing: str  # headers of the classes and functions around it, as source; "" for none
    depth: int  # how many there are
    held_back: tuple[HeldBack, ...]
    budget: int  # tokens the parts had to fit in
    dropped: tuple[str, ...]  # titles of what did not fit, or was not found

    @property
    def tokens(self) -> int:
        """Tokens of all parts together."""
        return sum(part.tokens for part in self.parts)

    def of(self, kind: PartKind) -> tuple[Part, ...]:
        """The parts of one kind, in order."""
        return tuple(part for part in self.parts if part.kind is kind)

    def hides(self, node_id: str) -> bool:
        """Whether this test item is, or may be, a case that the model is not shown."""
        test, parameters = split_node_id(node_id)
        return bool(parameters) and any(_holds(held, test, parameters) for held in self.held_back)


def split_node_id(node_id: str) -> tuple[str, str]:
    """Node id without its parameter part, and that part without brackets; "" for none."""
    path, colons, rest = node_id.partition("::")
    name, bracket, parameters = rest.partition("[")
    return path + colons + name, parameters.removesuffix("]") if bracket else ""


def gather_context(
    stub: Stub,
    *,
    rootdir: Path,
    tests: Sequence[LinkedTest],
    all_stubs: Sequence[Stub],
    budget: int,
    count: Callable[[str], int],
    files: ProjectFiles | None = None,
) -> Context:
    """Collect what is known about a stub, at most ``budget`` tokens as ``count`` counts them.

    Hand the same ``files`` to every call of a run: each file is then read once. Raises
    SetupError when the stub itself does not fit. Files that cannot be parsed add nothing.
    """
    files = files or ProjectFiles(rootdir)
    home = files.read(stub.path)
    chain = _find_chain(home, stub) if home else ()
    linked = _LinkedTests(stub, files)
    near = linked.drafts(tests, belongs=True)
    drafts = [*_own_drafts(stub), *_around_drafts(stub, home, chain), *near]
    if home:
        words = _words(draft_text for draft in drafts for draft_text in draft.texts)
        drafts += _file_drafts(home, chain, all_stubs, words)
        drafts += _library_drafts(home, files, words)
        drafts += _caller_drafts(stub, home, files, {test.id for test in tests})
    drafts += linked.drafts(tests, belongs=False)
    parts, dropped = _pack(stub, drafts, budget, count)
    return Context(
        stub=stub,
        parts=parts,
        enclosing=_enclosing(chain[:-1]) if chain else _bare_headers(stub.classes),
        depth=len(chain) - 1 if chain else len(stub.classes),
        held_back=tuple(linked.held_back),
        budget=budget,
        dropped=(*dropped, *linked.missing),
    )


def stub_source(stub: Stub) -> str:
    """The stub as source, without a body: def line, docstring, hints and comments."""
    lines = [stub.signature]
    if stub.docstring:
        lines.append(textwrap.indent(_docstring_literal(stub.docstring), "    "))
    remarks = [f"hint: {stub.hint}"] if stub.hint else []
    remarks += [f"example: {example}" for example in stub.examples]
    remarks += [comment.strip() for comment in stub.comments]
    lines += [f"    # {line}" for remark in remarks for line in remark.splitlines()]
    return "\n".join(lines)


# --- reading --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A Python file as text and tree."""

    path: str  # posix, relative to the rootdir
    text: str  # line ends as \n
    tree: ast.Module

    def lines(self, first: int, last: int) -> str:
        """Source of these 1-based lines, both included."""
        return "\n".join(self.text.split("\n")[first - 1 : last])


class ProjectFiles:
    """The project's Python files, each read and parsed once. Nothing is imported or written."""

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._texts: dict[str, str | None] = {}
        self._parsed: dict[str, SourceFile | None] = {}
        self._paths: tuple[str, ...] | None = None

    def text(self, path: str) -> str | None:
        """The decoded text; None when it is missing, too big or in no known encoding."""
        if path not in self._texts:
            self._texts[path] = _decode(self._rootdir / path)
        return self._texts[path]

    def read(self, path: str) -> SourceFile | None:
        """The file with its tree; None when it cannot be read or parsed."""
        if path not in self._parsed:
            text = self.text(path)
            self._parsed[path] = None if text is None else parse_source(path, text)
        return self._parsed[path]

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self._rootdir / path).is_file()

    def paths(self) -> tuple[str, ...]:
        """Paths of the project's Python files, at most _MAX_SEARCHED_FILES of them."""
        if self._paths is None:
            found = itertools.islice(self._walk(), _MAX_SEARCHED_FILES)
            self._paths = tuple(found)
        return self._paths

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self._rootdir):
            if "pyvenv.cfg" in names:
                folders.clear()
                continue
            folders[:] = sorted(f for f in folders if f not in _NOT_OURS and f[0] != ".")
            relative = Path(folder).relative_to(self._rootdir)
            yield from ((relative / n).as_posix() for n in sorted(names) if n.endswith(".py"))


def parse_source(path: str, text: str) -> SourceFile | None:
    """Text with its tree; None when it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the user's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return SourceFile(path=path, text=text, tree=tree)


def _decode(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            return None
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --- parts and the budget -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A part before it is known whether it fits."""

    kind: PartKind
    title: str
    texts: tuple[str, ...]  # pieces; one that an earlier part already shows is left out
    divisible: bool = False  # some of the pieces are better than none


class _Packing:
    """Takes drafts while they fit."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._shown: set[str] = set()
        self.parts: list[Part] = []
        self.dropped: list[str] = []

    def take(self, draft: _Draft, room: int) -> int:
        """Show as much of the draft as fits in ``room`` tokens; the tokens it took."""
        pieces = [text for text in draft.texts if text not in self._shown]
        wanted = len(pieces)
        if draft.divisible:
            pieces = self._first_that_fit(pieces, room)
        part = self._part(draft, pieces)
        while draft.divisible and len(pieces) > 1 and part.tokens > room:
            pieces.pop()
            part = self._part(draft, pieces)
        if not pieces or part.tokens > room:
            self.dropped += [draft.title] if wanted else []
            return 0
        if len(pieces) < wanted:
            self.dropped.append(f"{draft.title}: {wanted - len(pieces)} of {wanted}")
        self._shown.update(pieces)
        self.parts.append(part)
        return part.tokens

    def _first_that_fit(self, pieces: list[str], room: int) -> list[str]:
        """A quick guess from the sum of the pieces: the whole is counted once, after."""
        sums = itertools.accumulate(self._count(piece) for piece in pieces)
        return [piece for piece, total in zip(pieces, sums, strict=True) if total <= room]

    def _part(self, draft: _Draft, pieces: Sequence[str]) -> Part:
        text = "\n\n".join(pieces)
        shown = f"{draft.title}:\n```python\n{text}\n```\n\n"
        tokens = self._count(shown)
        return Part(kind=draft.kind, title=draft.title, text=text, tokens=tokens)


def _pack(
    stub: Stub, drafts: Sequence[_Draft], budget: int, count: Callable[[str], int]
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Parts that fit, in order, and the titles of the others.

    Tests take half of the room at most, so that a large suite does not push everything else
    out; the first one may take all of it.
    """
    packing = _Packing(count)
    left = budget
    for kind, group in itertools.groupby(drafts, key=lambda draft: draft.kind):
        room = left // 2 if kind is PartKind.TESTS else left
        for draft in group:
            first_test = kind is PartKind.TESTS and packing.parts[-1].kind is not kind
            taken = packing.take(draft, left if first_test else room)
            left, room = left - taken, room - taken
        if kind is PartKind.STUB and not packing.parts:
            raise SetupError(_too_long(stub, drafts[0], budget, count))
    return tuple(packing.parts), tuple(packing.dropped)


def _too_long(stub: Stub, draft: _Draft, budget: int, count: Callable[[str], int]) -> str:
    needed = _Packing(count)._part(draft, draft.texts).tokens
    return (
        f"{stub.id}: its signature, docstring and comments need {needed} tokens, but there is "
        f"room for {max(budget, 0)}: raise supercharge_context (the model must have been made "
        f"for it), or shorten what is written there"
    )


# --- the stub and what is around it ---------------------------------------------------------


def _own_drafts(stub: Stub) -> Iterator[_Draft]:
    yield _Draft(kind=PartKind.STUB, title="The stub", texts=(stub_source(stub),))
    if re.sub(r"raise NotImplementedError.*|\.\.\.|pass|\s", "", stub.body):
        title = f"Present body of `{stub.qualname}`, to be replaced"
        yield _Draft(kind=PartKind.BODY, title=title, texts=(stub.body.rstrip(),))


def _find_chain(home: SourceFile, stub: Stub) -> tuple[_Definition, ...]:
    """Definitions from the outermost one around the stub to its own; () when it moved."""

    def descend(node: ast.AST, above: tuple[_Definition, ...]) -> tuple[_Definition, ...]:
        for child in ast.iter_child_nodes(node):
            here = (*above, child) if isinstance(child, _DEFINITIONS) else above
            if isinstance(child, _FUNCTIONS) and child.lineno == stub.line:
                return here
            if found := descend(child, here):
                return found
        return ()

    chain = descend(home.tree, ())
    return chain if chain and chain[-1].name == stub.name else ()


def _enclosing(chain: Sequence[_Definition]) -> str:
    """Headers and docstrings of the definitions, each inside the one before."""
    lines: list[str] = []
    for depth, node in enumerate(chain):
        lines.append(textwrap.indent(_signature(node), "    " * depth))
        if isinstance(node, ast.ClassDef) and (summary := _summary(node)):
            literal = _docstring_literal(summary)
            lines.append(textwrap.indent(literal, "    " * (depth + 1)))
    return "\n".join(lines)


def _bare_headers(classes: Sequence[str]) -> str:
    """What can be said of the classes around a stub when its file is not what was read."""
    return "\n".join(f"{'    ' * depth}class {name}:" for depth, name in enumerate(classes))


def _around_drafts(
    stub: Stub, home: SourceFile | None, chain: Sequence[_Definition]
) -> Iterator[_Draft]:
    """The innermost class or function around the stub first."""
    for node in reversed(chain[:-1]):
        if isinstance(node, ast.ClassDef):
            title = f"The class `{node.name}` around it"
            texts = _class_pieces(node, chain[-1])
        elif home:
            title = f"The function `{node.name}` around it"
            texts = (textwrap.dedent(_source(home, node)),)
        else:
            continue
        yield _Draft(kind=PartKind.AROUND, title=title, texts=texts, divisible=True)


def _class_pieces(node: ast.ClassDef, left_out: ast.AST) -> tuple[str, ...]:
    """Header, docstring and attributes of a class; then its methods, __init__ first."""
    doc = ast.get_docstring(node)
    lines = [_signature(node)]
    lines += [textwrap.indent(_docstring_literal(doc), "    ")] if doc else []
    members = [child for child in _flat(node.body) if child is not left_out]
    for child in members:
        if isinstance(child, (ast.Assign, ast.AnnAssign)):
            lines.append("    " + _short(ast.unparse(child)))
        elif isinstance(child, ast.ClassDef):
            lines.append(f"    class {child.name}: ...")
    methods = [child for child in members if isinstance(child, _FUNCTIONS)]
    methods.sort(key=lambda method: method.name != "__init__")
    return ("\n".join(lines), *(textwrap.indent(_method(method), "    ") for method in methods))


def _method(node: _Function) -> str:
    if node.name != "__init__":
        return _outline(node)
    assigned = [
        textwrap.indent(_short(ast.unparse(statement)), "    ")
        for statement in ast.walk(node)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and _sets_attribute(statement)
    ]
    return "\n".join([_signature(node), *assigned]) if assigned else _outline(node)


def _sets_attribute(statement: ast.Assign | ast.AnnAssign) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        for target in targets
        for node in ast.walk(target)
    )


# --- outlines of definitions ----------------------------------------------------------------


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body, those under if, try and with included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for field in ("body", "handlers", "orelse", "finalbody"):
                for child in getattr(statement, field, ()):
                    yield from _flat(
                        child.body if isinstance(child, ast.ExceptHandler) else [child]
                    )


def _signature(node: _Definition) -> str:
    """Decorators and header up to the colon; our own marker is left out."""
    shell = copy.copy(node)
    shell.body = []
    shell.decorator_list = [d for d in node.decorator_list if not _is_marker(d)]
    return ast.unparse(shell).strip()


def _is_marker(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return "todo_llm" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def _summary(node: _Definition, *, paragraph: bool = False) -> str:
    """First line, or first paragraph, of the docstring."""
    doc = ast.get_docstring(node) or ""
    return doc.split("\n\n" if paragraph else "\n", maxsplit=1)[0].strip()


def _outline(node: _Definition, *, paragraph: bool = False) -> str:
    """Signature and the beginning of the docstring; of a class also its public interface."""
    lines = [_signature(node)]
    if doc := _summary(node, paragraph=paragraph):
        lines.append(textwrap.indent(_docstring_literal(doc), "    "))
    if isinstance(node, ast.ClassDef):
        for child in _flat(node.body):
            if isinstance(child, (ast.Assign, ast.AnnAssign)):
                lines.append("    " + _short(ast.unparse(child)))
            elif isinstance(child, _FUNCTIONS) and _is_public_method(child):
                lines.append(textwrap.indent(_signature(child) + " ...", "    "))
    if len(lines) == 1:
        lines[0] += " ..."
    return "\n".join(lines)


def _is_public_method(node: _Function) -> bool:
    return node.name == "__init__" or not node.name.startswith("_")


def _short(source: str) -> str:
    """The source, cut where it is long."""
    if len(source) <= _MAX_CONSTANT_CHARS:
        return source
    return f"{source.splitlines()[0][: _MAX_CONSTANT_CHARS // 2]} ...  # {len(source)} characters"


def _docstring_literal(text: str) -> str:
    """Source of a docstring with this value, at column 0, its lines kept as lines."""
    quotes = '"""' if '"""' not in text or "'''" in text else "'''"
    escaped = quotes in text or (text.endswith("\\") and "\n" not in text)
    prefix = "r" if "\\" in text and not escaped else ""
    if escaped:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    end = "\n" if "\n" in text or text.endswith(quotes[0]) else ""
    return f"{prefix}{quotes}{text}{end}{quotes}"


def _source(file: SourceFile, node: ast.stmt) -> str:
    """The lines of a statement, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return file.lines(first, node.end_lineno or node.lineno)


def _bound_names(statement: ast.stmt) -> list[str]:
    """Names that a statement at module level defines."""
    if isinstance(statement, _DEFINITIONS):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = [node for target in statement.targets for node in ast.walk(target)]
        return [node.id for node in targets if isinstance(node, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text)}


# --- what the file offers -------------------------------------------------------------------


def _file_drafts(
    home: SourceFile, chain: Sequence[_Definition], all_stubs: Sequence[Stub], words: set[str]
) -> Iterator[_Draft]:
    """Import statements of the file, then outlines of what it defines."""
    imports = [s for statement in _flat(home.tree.body) if (s := _import_source(statement))]
    if imports:
        title = f"Imports of {home.path}"
        text = "\n".join(dict.fromkeys(imports))
        yield _Draft(kind=PartKind.IMPORTS, title=title, texts=(text,))
    open_lines = {stub.line for stub in all_stubs if stub.path == home.path}
    offers = [
        (not words.intersection(names), _offer(statement, open_lines))
        for statement in _flat(home.tree.body)
        if (names := _bound_names(statement)) and statement not in chain[:1]
        if not names[0].startswith("__")
    ]
    texts = tuple(text for _, text in sorted(offers, key=lambda offer: offer[0]))
    title = f"Also in {home.path}"
    yield _Draft(kind=PartKind.MODULE, title=title, texts=texts, divisible=True)


def _offer(statement: ast.stmt, open_lines: Iterable[int]) -> str:
    if not isinstance(statement, _DEFINITIONS):
        return _short(ast.unparse(statement))
    unwritten = statement.lineno in open_lines
    return "# not written yet\n" * unwritten + _outline(statement)


def _import_source(statement: ast.stmt) -> str:
    """An import statement as source, without our own marker; "" for anything else."""
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return ""
    module = getattr(statement, "module", "") or ""
    names = [a for a in statement.names if not f"{module}.{a.name}".lstrip(".").startswith(_PLUGIN)]
    if not names:
        return ""
    shell = copy.copy(statement)
    shell.names = names
    return ast.unparse(shell)


# --- what the file imports from the project -------------------------------------------------


def _library_drafts(home: SourceFile, files: ProjectFiles, words: set[str]) -> Iterator[_Draft]:
    """One part for each file of the project that the file imports from."""
    found: dict[str, dict[str, bool]] = {}
    for path, statement in _imported_definitions(home, files):
        if path != home.path:
            near = bool(words.intersection(_bound_names(statement)))
            found.setdefault(path, {})[_library_outline(statement)] = near
    for path, outlines in sorted(found.items(), key=lambda item: not any(item[1].values())):
        texts = sorted(outlines, key=lambda text, near=outlines: not near[text])  # type: ignore[misc]
        title = f"From {path}"
        yield _Draft(kind=PartKind.LIBRARY, title=title, texts=tuple(texts), divisible=True)


def _library_outline(statement: ast.stmt) -> str:
    if isinstance(statement, _DEFINITIONS):
        return _outline(statement, paragraph=True)
    return _short(ast.unparse(statement))


def _imported_definitions(home: SourceFile, files: ProjectFiles) -> Iterator[tuple[str, ast.stmt]]:
    """Path and statement of each definition that the file imports from the project."""
    for statement in _flat(home.tree.body):
        if isinstance(statement, ast.ImportFrom):
            yield from _from_imported(home, statement, files)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                path = _module_path(files, home.path, alias.name, 0)
                bound = alias.asname or alias.name
                yield from _used_of_module(home, path, bound, files)


def _from_imported(
    home: SourceFile, statement: ast.ImportFrom, files: ProjectFiles
) -> Iterator[tuple[str, ast.stmt]]:
    module, level = statement.module or "", statement.level
    for alias in statement.names:
        inner = f"{module}.{alias.name}".lstrip(".")
        submodule = _module_path(files, home.path, inner, level)
        path = _module_path(files, home.path, module, level)
        if submodule:
            yield from _used_of_module(home, submodule, alias.asname or alias.name, files)
        elif path and alias.name == "*":
            yield from _public_definitions(files, path)
        elif path and (found := _definition(files, path, alias.name)):
            yield found


def _used_of_module(
    home: SourceFile, path: str | None, bound: str, files: ProjectFiles
) -> Iterator[tuple[str, ast.stmt]]:
    """What the file uses of a module bound to this dotted name; all of it if nothing yet."""
    if not path:
        return
    used = re.findall(rf"(?<![\w.]){re.escape(bound)}\.(\w+)", home.text)
    found = [d for name in dict.fromkeys(used) if (d := _definition(files, path, name))]
    yield from found or _public_definitions(files, path)


def _public_definitions(files: ProjectFiles, path: str) -> Iterator[tuple[str, ast.stmt]]:
    file = files.read(path)
    for statement in _flat(file.tree.body) if file else ():
        if any(not name.startswith("_") for name in _bound_names(statement)):
            yield path, statement


def _definition(
    files: ProjectFiles, path: str, name: str, hops: int = 4
) -> tuple[str, ast.stmt] | None:
    """Where a name of a module is defined, through at most ``hops`` re-exports."""
    file = files.read(path)
    if not file or not hops:
        return None
    for statement in _flat(file.tree.body):
        if name in _bound_names(statement):
            return path, statement
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if name in (alias.asname or alias.name, alias.name) and alias.name != "*":
                    source = _module_path(files, path, statement.module or "", statement.level)
                    if source and source != path:
                        return _definition(files, source, alias.name, hops - 1)
    return None


def _module_path(files: ProjectFiles, importer: str, module: str, level: int) -> str | None:
    """Path of a module of the project, as seen from the importing file; None for others'."""
    parents = [parent.as_posix() for parent in Path(importer).parents]
    if level > len(parents):
        return None
    bases = parents[level - 1 : level] if level else _import_roots(files, parents)
    relative = module.replace(".", "/")
    for base in bases:
        for name in (f"{relative}.py", f"{relative}/__init__.py") if module else ("__init__.py",):
            path = (Path(base) / name).as_posix()
            if files.exists(path):
                return path
    return None


def _import_roots(files: ProjectFiles, parents: Sequence[str]) -> list[str]:
    """Folders that absolute imports may start from: those above that are no packages, and src."""
    roots = [folder for folder in parents if not files.exists(f"{folder}/__init__.py")]
    return [*roots, "src"]


# --- who calls it ---------------------------------------------------------------------------


def _caller_drafts(
    stub: Stub, home: SourceFile, files: ProjectFiles, test_ids: Iterable[str]
) -> Iterator[_Draft]:
    """A few lines around each call: its own file first, then its neighbours, then the rest."""
    wanted = stub.classes[-1] if stub.name == "__init__" and stub.classes else stub.name
    if wanted.startswith("__"):
        return
    test_files = {test_id.partition("::")[0] for test_id in test_ids}
    folder = Path(stub.path).parent
    paths = [p for p in files.paths() if p not in test_files and not _is_test_path(p)]
    paths.sort(key=lambda p: (p != stub.path, Path(p).parent != folder))
    deadline = time.monotonic() + _SEARCH_SECONDS
    texts: list[str] = []
    for path in paths:
        if len(texts) >= _MAX_CALLS or time.monotonic() > deadline:
            break
        texts += _calls_in(stub, wanted, path, files)
    if texts:
        yield _Draft(
            kind=PartKind.CALLERS,
            title=f"Where `{stub.qualname}` is used",
            texts=tuple(texts[:_MAX_CALLS]),
            divisible=True,
        )


def _is_test_path(path: str) -> bool:
    *folders, name = path.split("/")
    return (
        name.startswith(("test_", "conftest."))
        or name.endswith("_test.py")
        or not {"tests", "test", "testing"}.isdisjoint(folders)
    )


def _calls_in(stub: Stub, wanted: str, path: str, files: ProjectFiles) -> list[str]:
    text = files.text(path) or ""
    if wanted not in text or not (path == stub.path or _may_know(stub, text)):
        return []
    own = range(stub.line, stub.end_line + 1) if path == stub.path else range(0)
    lines = [line for line in _lines_with(stub, wanted, text) if line not in own]
    file = files.read(path) if lines else None
    if not file:
        return []
    uses = {node.lineno for node in _nodes_at(file.tree, lines) if _is_use(stub, wanted, node)}
    return [_around_line(file, line) for line in sorted(uses)[:_MAX_CALLS_PER_FILE]]


def _lines_with(stub: Stub, wanted: str, text: str) -> list[int]:
    """1-based lines on which the text looks like a use, in order."""
    name = re.escape(wanted)
    pattern = rf"\.\s*{name}\b" if stub.kind.value == "property" else rf"\b{name}\s*\("
    lines, line, end = [], 1, 0
    for match in re.finditer(pattern, text):
        line += text.count("\n", end, match.start())
        end = match.start()
        lines.append(line)
    return lines


def _nodes_at(node: ast.AST, lines: Sequence[int]) -> Iterator[ast.Call | ast.Attribute]:
    """Calls and attributes that touch one of these lines, without a walk over all the rest."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.expr, ast.stmt)):
            first = min([child.lineno, *(d.lineno for d in getattr(child, "decorator_list", ()))])
            after = bisect.bisect_left(lines, first)
            if after == len(lines) or lines[after] > (child.end_lineno or child.lineno):
                continue
        if isinstance(child, (ast.Call, ast.Attribute)):
            yield child
        yield from _nodes_at(child, lines)


def _may_know(stub: Stub, text: str) -> bool:
    """Whether a file names the stub's module or class: the name alone says too little."""
    module = Path(stub.path).stem
    known = {Path(stub.path).parent.name if module == "__init__" else module, *stub.classes}
    return any(name in text and re.search(rf"\b{re.escape(name)}\b", text) for name in known)


def _is_use(stub: Stub, wanted: str, node: ast.Call | ast.Attribute) -> bool:
    if stub.kind.value == "property":
        return isinstance(node, ast.Attribute) and node.attr == wanted
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        return called.attr == wanted
    by_name = not stub.classes or stub.name == "__init__"
    return by_name and isinstance(called, ast.Name) and called.id == wanted


def _around_line(file: SourceFile, line: int) -> str:
    first = max(line - 2, 1)
    shown = textwrap.dedent(file.lines(first, line + 2)).strip("\n")
    return f"# {file.path}, line {line}\n{shown}"


# --- the linked tests -----------------------------------------------------------------------


class _LinkedTests:
    """Source of the tests that reach a stub, some of their cases held back."""

    def __init__(self, stub: Stub, files: ProjectFiles) -> None:
        self._stub = stub
        self._files = files
        self._trimmed: dict[str, tuple[SourceFile | None, tuple[HeldBack, ...]]] = {}
        self.held_back: list[HeldBack] = []
        self.missing: list[str] = []

    def drafts(self, tests: Sequence[LinkedTest], *, belongs: bool) -> list[_Draft]:
        """One draft for each test function; those that name the stub come first."""
        functions = dict.fromkeys(split_node_id(t.id)[0] for t in tests if t.belongs == belongs)
        if not belongs:
            nearer = {split_node_id(t.id)[0] for t in tests if t.belongs}
            functions = {test: None for test in functions if test not in nearer}
        drafts = [draft for test in functions if (draft := self._draft(test, belongs))]
        return sorted(drafts, key=lambda draft: self._stub.name not in _words(draft.texts[-1:]))

    def _draft(self, test: str, belongs: bool) -> _Draft | None:
        path, _, name = test.partition("::")
        file = self._read(path)
        found = _find_test(file, name.split("::")) if file and name else None
        if not file or not found:
            if path != self._stub.path:  # a docstring example needs no second showing
                self.missing.append(f"{test} (source not found)")
            return None
        self.held_back += [held for held in self._trimmed[path][1] if _covers(held, test)]
        texts = (*self._support(file, found), _test_source(file, found))
        if not belongs and "NotImplementedError" in _words(texts):
            return None  # it says what the stub does while it is open
        kind = PartKind.TESTS if belongs else PartKind.OTHER_TESTS
        return _Draft(kind=kind, title=f"Test {test}", texts=texts)

    def _read(self, path: str) -> SourceFile | None:
        if path not in self._trimmed:
            file = self._files.read(path)
            self._trimmed[path] = hold_back(file) if file else (None, ())
        return self._trimmed[path][0]

    def _support(self, file: SourceFile, found: Sequence[_Definition]) -> list[str]:
        """Imports, constants, helpers and fixtures that a test uses, in that order."""
        shown = [*_setup_methods(found), found[-1]]
        texts = self._definitions(file, _used_names(shown))
        own = [_source(file, node) for node in shown[:-1]]
        header = _enclosing(found[:-1])
        return [*texts, "\n".join([header, *own])] if own else texts

    def _definitions(self, file: SourceFile, used: set[str]) -> list[str]:
        """Sources of what these names stand for, and of what that uses in turn."""
        imports: list[str] = []
        others: list[str] = []
        todo, done = set(used), set[str]()
        while todo - done:
            name = min(todo - done)
            done.add(name)
            home, statement = self._lookup(file, name)
            if not home or not statement:
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                imports.append(_import_source(statement))
            else:
                others.append(_support_source(home, statement, of=file))
                todo |= _used_names([statement])
        lines = "\n".join(dict.fromkeys(line for line in imports if line))
        return [*([lines] if lines else []), *dict.fromkeys(reversed(others))]

    def _lookup(self, file: SourceFile, name: str) -> tuple[SourceFile | None, ast.stmt | None]:
        """What binds a name in a test file or, as a fixture uses it, in a conftest above."""
        for statement in _flat(file.tree.body):
            if name in _bound_names(statement) or name in _imported_names(statement):
                return file, statement
        for folder in Path(file.path).parents:
            conftest = self._read((folder / "conftest.py").as_posix())
            for statement in _flat(conftest.tree.body) if conftest else ():
                fixture = isinstance(statement, _FUNCTIONS) and _is_fixture(statement, name)
                if fixture or name in (*_bound_names(statement), *_imported_names(statement)):
                    return conftest, statement
        return None, None


def _find_test(file: SourceFile, names: Sequence[str]) -> tuple[_Definition, ...] | None:
    """The test function with the classes around it; looked for in base classes too."""
    found: list[_Definition] = []
    body: Sequence[ast.stmt] = file.tree.body
    for name in names:
        node = _child(file, body, name, found[-1] if found else None)
        if node is None:
            return None
        found.append(node)
        body = node.body
    return tuple(found) if isinstance(found[-1], _FUNCTIONS) else None


def _child(
    file: SourceFile, body: Sequence[ast.stmt], name: str, parent: ast.stmt | None
) -> _Definition | None:
    for statement in _flat(body):
        if isinstance(statement, _DEFINITIONS) and statement.name == name:
            return statement
    bases = parent.bases if isinstance(parent, ast.ClassDef) else []
    for base in bases:
        for statement in _flat(file.tree.body):
            named = isinstance(base, ast.Name) and base.id in _bound_names(statement)
            if named and isinstance(statement, ast.ClassDef) and statement is not parent:
                return _child(file, statement.body, name, statement)
    return None


def _test_source(file: SourceFile, found: Sequence[_Definition]) -> str:
    """A test, inside the header of its class."""
    source = _source(file, found[-1])
    header = _enclosing(found[:-1])
    return f"{header}\n{source}" if header else source


def _setup_methods(found: Sequence[_Definition]) -> list[_Function]:
    """Set-up methods and fixtures of the classes around a test."""
    names = {"setUp", "setUpClass", "setup_method", "setup_class", "__init__"}
    return [
        child
        for node in found[:-1]
        for child in _flat(node.body)
        if isinstance(child, _FUNCTIONS)
        if child.name in names or any("fixture" in ast.unparse(d) for d in child.decorator_list)
    ]


def _used_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names a test reads, its parameters (which ask for fixtures) included."""
    inner = [child for node in nodes for child in ast.walk(node)]
    names = {node.id for node in inner if isinstance(node, ast.Name)}
    return names | {node.arg for node in inner if isinstance(node, ast.arg)}


def _imported_names(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]


def _is_fixture(node: _Function, name: str) -> bool:
    for decorator in node.decorator_list:
        if "fixture" in ast.unparse(decorator):
            named = re.search(r"name=['\"](\w+)['\"]", ast.unparse(decorator))
            return (named.group(1) if named else node.name) == name
    return False


def _support_source(home: SourceFile, statement: ast.stmt, *, of: SourceFile) -> str:
    """Source of what a test uses, in outline when it is long, with its file when another."""
    source = _source(home, statement)
    if source.count("\n") >= _MAX_SUPPORT_LINES:
        source = _library_outline(statement)
    return source if home.path == of.path else f"# {home.path}\n{source}"


# --- cases held back ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseList:
    """A literal list of cases, and who is parametrised with it."""

    test: str
    names: tuple[str, ...]  # of the parameters
    unpacked: bool  # each case is a sequence of values, one for each parameter
    cases: ast.List | ast.Tuple
    ids: ast.expr | None


def hold_back(file: SourceFile) -> tuple[SourceFile | None, tuple[HeldBack, ...]]:
    """A test file without about every third case of each literal parametrised list.

    At least one case is shown and, of two or more, one held back; which ones depends on the
    test's name alone. None for the file when it cannot be shown without them.
    """
    edits: dict[int, tuple[int, str]] = {}
    held_back: list[HeldBack] = []
    for found in _case_lists(file):
        chosen = _held_indices(found, file)
        if not chosen:
            continue
        held_back.append(_describe_held(found, chosen))
        for literal in (found.cases, found.ids):
            if isinstance(literal, (ast.List, ast.Tuple)) and literal.elts:
                start, end = _span(file, literal)
                edits[start] = end, _without(file, literal, chosen)
    text = file.text
    for start in sorted(edits, reverse=True):
        end, new = edits[start]
        text = text[:start] + new + text[end:]
    return parse_source(file.path, text), tuple(held_back)


def _case_lists(file: SourceFile) -> Iterator[_CaseList]:
    constants = {
        name: statement.value
        for statement in _flat(file.tree.body)
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for name in _bound_names(statement)
    }
    for test, decorator in _decorators(file.tree, file.path):
        if not isinstance(decorator, ast.Call) or not _is_parametrize(decorator.func):
            continue
        given = dict(
            zip(("argnames", "argvalues", "indirect", "ids"), decorator.args, strict=False)
        )
        given |= {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
        cases = given.get("argvalues")
        if isinstance(cases, ast.Name):
            cases = constants.get(cases.id)
        if isinstance(cases, (ast.List, ast.Tuple)):
            names, unpacked = _parameter_names(given.get("argnames"))
            yield _CaseList(
                test=test, names=names, unpacked=unpacked, cases=cases, ids=given.get("ids")
            )


def _decorators(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.expr]]:
    """Node id and decorator, for each decorator of each function and class of a test file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            name = f"{prefix}::{child.name}"
            yield from ((name, decorator) for decorator in child.decorator_list)
            yield from _decorators(child, name)
        elif isinstance(child, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
            yield from _decorators(child, prefix)


def _is_parametrize(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "parametrize"


def _parameter_names(argnames: ast.expr | None) -> tuple[tuple[str, ...], bool]:
    """The names, and whether a case is unpacked: pytest does so but for one name in a string."""
    value = _literal(argnames)
    if isinstance(value, str):
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        return names, len(names) > 1
    return (tuple(map(str, value)), True) if isinstance(value, (list, tuple)) else ((), True)


def _literal(node: ast.expr | None) -> object:
    """Value of a literal; Ellipsis for anything that only running it would tell."""
    try:
        return ast.literal_eval(node) if node is not None else ...
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...


def _held_indices(found: _CaseList, file: SourceFile) -> frozenset[int]:
    total = len(found.cases.elts)
    if total < 2 or any(isinstance(case, ast.Starred) for case in found.cases.elts):
        return frozenset()
    # By the list, not by the test: two tests that share one list must hide the same cases.
    key = f"{file.path}:{ast.unparse(found.cases)}"
    offset = hashlib.sha256(key.encode("utf-8", "replace")).digest()[0] % 3
    return frozenset(range(2 - offset, total, 3)) or frozenset({total - 1})


def _describe_held(found: _CaseList, chosen: frozenset[int]) -> HeldBack:
    ids = [_case_id(found, index) for index in range(len(found.cases.elts))]
    hidden = [case_id for i in sorted(chosen) if (case_id := ids[i]) is not None]
    # pytest numbers equal ids.
    foretold = len(hidden) == len(chosen) and all(ids.count(case_id) == 1 for case_id in hidden)
    return HeldBack(
        test=found.test,
        shown=len(ids) - len(chosen),
        held=len(chosen),
        ids=tuple(hidden) if foretold else (),
    )


def _case_id(found: _CaseList, index: int) -> str | None:
    """The id that pytest gives to a case; None where it cannot be read from the source."""
    case = found.cases.elts[index]
    wrapped = isinstance(case, ast.Call) and ast.unparse(case.func) in ("pytest.param", "param")
    values: Sequence[ast.expr] = [case]
    if isinstance(case, ast.Call) and wrapped:
        given = [_literal(keyword.value) for keyword in case.keywords if keyword.arg == "id"]
        if given:
            return given[0] if isinstance(given[0], str) else None
        values = case.args
    elif found.unpacked and isinstance(case, (ast.Tuple, ast.List)):
        values = case.elts
    if found.ids is not None:
        ids = _literal(found.ids)
        chosen = ids[index] if isinstance(ids, (list, tuple)) and index < len(ids) else None
        return chosen if isinstance(chosen, str) else None
    if len(values) != len(found.names):
        return None
    parts = [
        _value_id(value, f"{name}{index}") for name, value in zip(found.names, values, strict=True)
    ]
    return "-".join(part for part in parts if part is not None) if None not in parts else None


def _value_id(node: ast.expr, otherwise: str) -> str | None:
    """pytest's id of one literal value: its text, or ``otherwise``; None for what is no literal."""
    value = _literal(node)
    if isinstance(value, str):
        return value.encode("unicode_escape").decode("ascii")
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    if value is None or isinstance(value, (bool, int, float, complex)):
        return str(value)
    return None if value is ... else otherwise


def _holds(held: HeldBack, test: str, parameters: str) -> bool:
    if not _covers(held, test):
        return False
    return not held.ids or any(f"-{case_id}-" in f"-{parameters}-" for case_id in held.ids)


def _covers(held: HeldBack, test: str) -> bool:
    return test == held.test or test.startswith(f"{held.test}::")


def _without(file: SourceFile, literal: ast.List | ast.Tuple, chosen: frozenset[int]) -> str:
    """Source of a literal list without some of its elements, a comment in their place."""
    start, _ = _span(file, literal)
    line = file.text[file.text.rfind("\n", 0, start) + 1 :]
    indent = line[: len(line) - len(line.lstrip())]
    kept = [
        file.text[slice(*_span(file, element))]
        for index, element in enumerate(literal.elts)
        if index not in chosen
    ]
    more = f"# ... {len(chosen)} more case{'s' * (len(chosen) > 1)}"
    opening, closing = "[]" if isinstance(literal, ast.List) else "()"
    if literal.lineno == literal.end_lineno:
        return f"{opening}{', '.join(kept)},  {more}\n{indent}{closing}"
    rows = [*(f"{indent}    {element}," for element in kept), f"{indent}    {more}"]
    return "\n".join([opening, *rows, indent + closing])


def _span(file: SourceFile, node: ast.expr) -> tuple[int, int]:
    """Offsets of an expression in the file's text."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return (
        _offset(file.text, node.lineno, node.col_offset),
        _offset(file.text, end_line, end_column),
    )


def _offset(text: str, line: int, column: int) -> int:
    """Character offset of a 1-based line and a column in UTF-8 bytes, as ast counts them."""
    lines = text.split("\n")
    before = sum(len(earlier) + 1 for earlier in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode())
