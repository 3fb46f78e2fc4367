"""Does a real library come back whole from its own test suite, once functions are taken out?

    python benchmarks/real_project.py [NAME==VERSION | FOLDER] [--functions 10] [--seed 0]
        [--sandbox auto] [--variants 5-8] [--keep FOLDER] [--plain 3] [-- PYTEST ARGUMENTS]

Fetches the source distribution with ``pip download`` (or copies an unpacked one), takes the bodies
out of functions that the suite covers, and writes a recording in which each original stands at a
random place among broken variants: off-by-one constants, swapped operators, removed statements,
syntax errors, endless loops. Then ``python -m pytest --supercharge`` fills them in, and what it
wrote is held against the original: every file by its syntax tree, and everything outside of the
bodies byte by byte. Half of the stubs are marked with ``@todo_llm``, half just raise
NotImplementedError.

A variant that passes the library's own suite as well is an honest answer, though not the
original: it is counted apart, as ``another``. The last line is one JSON object. Exit 1 unless all
functions were found and verified, and nothing outside of them changed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

DEFAULT = "cachetools==5.5.2"
IMPORT = "from pytest_supercharger import todo_llm"
MADE_BY_TOOLS = {"__pycache__", ".pytest_cache", ".hypothesis"}
LEFT_OUT = {"tests", "test", "testing", "docs", "doc", "examples", "build", "setup.py"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Place:
    """A function of the library, and where its body stands. Lines are 1-based, both included."""

    path: str
    qualname: str
    kind: str
    line: int  # of the def keyword
    first: int  # first line of the body, without the docstring
    last: int
    docstring_end: int  # 0: no docstring
    marked: bool = False  # to be decorated with todo_llm

    @property
    def id(self) -> str:
        return f"{self.path}::{self.qualname}"

    def overlaps(self, other: Place) -> bool:
        return self.path == other.path and self.line <= other.last and other.line <= self.last


def main() -> int:
    options = read_options()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="real-project-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result = measure(options, folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result))
    return 0 if is_whole(result) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("library", nargs="?", default=DEFAULT, help="NAME==VERSION or a folder")
    parser.add_argument("--functions", type=int, default=10)
    parser.add_argument("--variants", default="5-8", help="broken variants a function, as LOW-HIGH")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--plain", type=int, default=3, help="plain runs; the median counts")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave everything there")
    words = sys.argv[1:]
    behind = words.index("--") if "--" in words else len(words)
    return parser.parse_args(words[:behind], argparse.Namespace(pytest=words[behind + 1 :]))


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    original = fetch(options.library, folder / "original")
    arguments = list(options.pytest)
    if (original / "src").is_dir():
        arguments += ["-o", "pythonpath=src"]
    plain = time_suite(original, arguments, repeat=options.plain)
    chance = random.Random(options.seed)
    places = choose(original, covered_lines(original, arguments, folder), options, chance)
    project = folder / "project"
    shutil.copytree(original, project, ignore=shutil.ignore_patterns(*MADE_BY_TOOLS))
    for path in {place.path for place in places}:
        blank(project / path, [place for place in places if place.path == path])
    low, _, high = options.variants.partition("-")
    recording = folder / "recording.jsonl"
    recording.write_text(
        "".join(
            json.dumps(line) + "\n"
            for place in places
            for line in record(original, place, chance.randint(int(low), int(high or low)), chance)
        )
    )
    began = time.perf_counter()
    done = supercharge(project, recording, folder, options.sandbox, arguments)
    total = time.perf_counter() - began
    print(done.stdout)
    report = json.loads((folder / "report.json").read_text())
    return {
        "library": options.library,
        "seed": options.seed,
        "exit": done.returncode,
        "kinds": dict(Counter(place.kind for place in places)),
        **judge(report, places, original, project),
        **costs(report, done.stdout, plain, total),
    }


# --- the library


def fetch(library: str, target: Path) -> Path:
    """The unpacked source distribution, in ``target``."""
    if Path(library).is_dir():
        shutil.copytree(library, target, ignore=shutil.ignore_patterns(*MADE_BY_TOOLS))
        return target
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--no-binary", ":all:", "--dest", folder, library], check=True)
        (archive,) = Path(folder).iterdir()
        unpack(archive, Path(folder, "unpacked"))
        (top,) = Path(folder, "unpacked").iterdir()
        shutil.move(top, target)
    return target


def unpack(archive: Path, target: Path) -> None:
    if archive.suffix == ".zip":
        zipfile.ZipFile(archive).extractall(target)
        return
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")


def time_suite(project: Path, arguments: Sequence[str], *, repeat: int) -> float:
    """Median seconds of a plain run, start of Python included."""
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        done = run([sys.executable, "-m", "pytest", "-q", *arguments], project)
        seconds.append(time.perf_counter() - began)
        if done.returncode:
            raise SystemExit(f"the suite is not green as it is:\n{done.stdout[-2000:]}")
    return statistics.median(seconds)


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    pipe = subprocess.PIPE
    return subprocess.run(
        command, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True, check=False
    )


def covered_lines(project: Path, arguments: Sequence[str], folder: Path) -> dict[str, set[int]]:
    """Executed lines of each file of the library."""
    coverage = [sys.executable, "-m", "coverage"]
    data = [f"--data-file={folder / 'coverage'}", f"--rcfile={os.devnull}"]
    run([*coverage, "run", *data, "--source=.", "-m", "pytest", "-q", *arguments], project)
    report = folder / "coverage.json"
    done = run([*coverage, "json", *data, "-q", "-o", str(report)], project)
    if done.returncode:
        raise SystemExit(f"no coverage: {done.stdout}")
    files = json.loads(report.read_text())["files"]
    return {path: set(each["executed_lines"]) for path, each in files.items()}


# --- which functions


def choose(
    project: Path,
    covered: Mapping[str, set[int]],
    options: argparse.Namespace,
    chance: random.Random,
) -> list[Place]:
    """Functions whose bodies the suite enters, of as many kinds as there are."""
    by_kind: dict[str, list[Place]] = defaultdict(list)
    for path, lines in sorted(covered.items()):
        if LEFT_OUT & set(Path(path).parts) or re.search(r"(^|_)test|conftest", Path(path).name):
            continue
        for place in places_in((project / path).read_text(), path):
            if lines & set(range(place.first, place.last + 1)):
                by_kind[place.kind].append(place)
    for places in by_kind.values():
        chance.shuffle(places)
    chosen: list[Place] = []
    while len(chosen) < options.functions and any(by_kind.values()):
        for kind in sorted(by_kind):
            while by_kind[kind] and len(chosen) < options.functions:
                place = by_kind[kind].pop()
                if not any(map(place.overlaps, chosen)):
                    chosen.append(replace(place, marked=len(chosen) % 2 == 0))
                    break
    return chosen


def places_in(source: str, path: str) -> list[Place]:
    """Every function with a body of its own and a name that nothing else in the file has."""
    tree, lines = ast.parse(source), source.split("\n")
    found = [each for each in functions(tree) if not is_overload(each[1])]
    names = Counter(name for name, *_ in found)
    places = []
    for name, node, in_class in found:
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if names[name] > 1 or not body or is_no_work(body):
            continue
        place = Place(
            path=path,
            qualname=name,
            kind=kind_of(node, name, in_class=in_class),
            line=node.lineno,
            first=above_comments(starts(body[0]), lines),
            last=node.end_lineno or 0,
            docstring_end=(node.body[0].end_lineno or 0) if body is not node.body else 0,
        )
        if place.first > max(node.lineno, place.docstring_end):  # a body on lines of its own
            places.append(place)
    return places


def functions(
    parent: ast.AST, prefix: str = "", *, in_class: bool = False
) -> Iterator[tuple[str, Function, bool]]:
    """Qualified name, node, and whether it stands directly in a class."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name + accessor(node), node, in_class
            yield from functions(node, f"{prefix}{node.name}.<locals>.", in_class=False)
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.", in_class=True)
        else:
            yield from functions(node, prefix, in_class=in_class)


def accessor(node: Function) -> str:
    names = [each.attr for each in node.decorator_list if isinstance(each, ast.Attribute)]
    return next((f".{name}" for name in names if name in ("setter", "deleter")), "")


def is_overload(node: Function) -> bool:
    return any(ast.unparse(each).endswith("overload") for each in node.decorator_list)


def starts(statement: ast.stmt) -> int:
    """First line, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def above_comments(line: int, lines: Sequence[str]) -> int:
    """The first of the comment and empty lines directly above ``line``."""
    while not lines[line - 2].strip() or lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return line


def is_no_work(body: Sequence[ast.stmt]) -> bool:
    """``pass``, ``...`` or a bare raise: nothing that a test would miss, or a stub already."""
    only = body[0] if len(body) == 1 else None
    return isinstance(only, (ast.Pass, ast.Raise)) or (
        isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant)
    )


def kind_of(node: Function, name: str, *, in_class: bool) -> str:
    decorators = [ast.unparse(each) for each in node.decorator_list]
    if any("property" in each or each.endswith("setter") for each in decorators):
        return "property"
    if decorators:
        return "decorated"
    if "<locals>" in name:
        return "nested"
    if any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in ast.walk(node)):
        return "generator"
    return "method" if in_class else "function"


def blank(path: Path, places: Sequence[Place]) -> None:
    """Take the bodies out, from the last to the first."""
    source = path.read_bytes().decode()
    lines = source.split("\n")
    for place in sorted(places, key=lambda each: -each.line):
        definition = lines[place.line - 1]
        margin = definition[: len(definition) - len(definition.lstrip())]
        lines[place.first - 1 : place.last] = [f"{margin}    raise NotImplementedError"]
        if place.marked:
            lines.insert(place.line - 1, f"{margin}@todo_llm")
    if any(place.marked for place in places):
        lines.insert(line_for_import(ast.parse(source)), IMPORT)
    path.write_bytes("\n".join(lines).encode())


def line_for_import(tree: ast.Module) -> int:
    """Behind the docstring and ``from __future__``."""
    line = 0
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_docstring or is_future):
            break
        line = node.end_lineno or 0
    return line


# --- the recording


def record(
    project: Path, place: Place, variants: int, chance: random.Random
) -> list[dict[str, object]]:
    """Recorded completions of one stub, the original at a random place among the variants."""
    source = function_source((project / place.path).read_text(), place)
    texts = broken(source, variants, chance)
    right = chance.randint(0, len(texts))
    texts.insert(right, source)
    return [
        {
            "stub": place.id,
            "request": "code",
            "completion": chance.choice(SHAPES)(text),
            "seed": number,
            "original": number == right,
        }
        for number, text in enumerate(texts)
    ]


def function_source(source: str, place: Place) -> str:
    """The function without its decorators, dedented; its wording kept where that is safe."""
    lines = source.split("\n")[place.line - 1 : place.last]
    text = textwrap.dedent("\n".join(lines)) + "\n"
    bare = find(place, source)
    assert bare is not None
    bare.decorator_list = []
    try:
        if ast.dump(ast.parse(text).body[0]) == ast.dump(bare):
            return text
    except SyntaxError:
        pass
    return ast.unparse(bare) + "\n"  # a string over several lines that dedenting would change


def broken(source: str, count: int, chance: random.Random) -> list[str]:
    """Different variants of a function that are not the function."""
    tree = ast.parse(source)
    texts: dict[str, str] = {ast.dump(tree): source}
    certain = [raises, returns_none, breaks_syntax]
    ways = [off_by_one, swaps_operator, removes_statement, negates, *certain]
    if chance.random() < 0.3:
        loop = runs_forever(deepcopy(tree), chance)
        texts[loop] = loop
    for _ in range(50 * count):
        if len(texts) > count:
            break
        text = chance.choice(ways)(deepcopy(tree), chance)
        if text:
            texts.setdefault(_identity(text), text)
    variants = list(texts.values())[1:]
    chance.shuffle(variants)
    return variants


def _identity(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return text


def off_by_one(tree: ast.Module, chance: random.Random) -> str:
    numbers = [n for n in parts(tree) if isinstance(n, ast.Constant) and type(n.value) is int]
    if not numbers:
        return ""
    number = chance.choice(numbers)
    assert isinstance(number.value, int)
    number.value += chance.choice((-1, 1))
    return ast.unparse(tree)


_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def swaps_operator(tree: ast.Module, chance: random.Random) -> str:
    holders = [n for n in parts(tree) if isinstance(n, (ast.BinOp, ast.BoolOp, ast.Compare))]
    holders = [n for n in holders if type(operator_of(n)) in _SWAPS]
    if not holders:
        return ""
    holder = chance.choice(holders)
    swapped = _SWAPS[type(operator_of(holder))]()
    if isinstance(holder, ast.Compare):
        holder.ops[0] = swapped  # type: ignore[assignment]
    else:
        holder.op = swapped  # type: ignore[assignment]
    return ast.unparse(tree)


def operator_of(node: ast.BinOp | ast.BoolOp | ast.Compare) -> ast.AST:
    return node.ops[0] if isinstance(node, ast.Compare) else node.op


def negates(tree: ast.Module, chance: random.Random) -> str:
    tests = [n for n in parts(tree) if isinstance(n, (ast.If, ast.IfExp))]
    if not tests:
        return ""
    node = chance.choice(tests)
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return ast.unparse(ast.fix_missing_locations(tree))


def removes_statement(tree: ast.Module, chance: random.Random) -> str:
    body = body_of(tree)
    if len(body) < 2:
        return ""
    del body[chance.randrange(len(body))]
    return ast.unparse(tree)


def returns_none(tree: ast.Module, _: random.Random) -> str:
    return with_body(tree, "return None")


def raises(tree: ast.Module, chance: random.Random) -> str:
    error = chance.choice(("ValueError", "TypeError", "NotImplementedError"))
    return with_body(tree, f"raise {error}('not this time')")


def runs_forever(tree: ast.Module, _: random.Random) -> str:
    return with_body(tree, "while True:\n    pass")


def breaks_syntax(tree: ast.Module, chance: random.Random) -> str:
    """One bracket or colon of the body less."""
    head, body = ast.unparse(tree).split("\n", 1)
    marks = [match.start() for match in re.finditer(r"[)\]:]", body)]
    if not marks:
        return ""
    at = chance.choice(marks)
    return f"{head}\n{body[:at]}{body[at + 1 :]}"


def parts(tree: ast.Module) -> list[ast.AST]:
    """The nodes of the body."""
    return [part for statement in body_of(tree) for part in ast.walk(statement)]


def body_of(tree: ast.Module) -> list[ast.stmt]:
    """Without the docstring; what is deleted from it is gone from the tree as well."""
    (function,) = tree.body
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    if ast.get_docstring(function, clean=False) is not None:
        del function.body[0]
    return function.body


def with_body(tree: ast.Module, body: str) -> str:
    body_of(tree)[:] = ast.parse(body).body
    return ast.unparse(tree)


# How a model may put it. A bare continuation is everything behind the ``def`` line.


def in_a_fence(function: str) -> str:
    return f"Here is the implementation:\n\n```python\n{function}```\n\nIt follows the docstring.\n"


def with_an_example(function: str) -> str:
    return f"```python\n{function}\n\nif __name__ == '__main__':\n    print('done')\n```\n"


def as_it_is(function: str) -> str:
    return function


def continued(function: str) -> str:
    lines = function.split("\n")
    try:
        (node,) = ast.parse(function).body
    except SyntaxError:
        return f"```python\n{function}\n```"
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    docstring = ast.get_docstring(node, clean=False) is not None
    first = starts(node.body[docstring])
    return "\n".join(lines[above_comments(first, lines) - 1 :])


def continued_too_far(function: str) -> str:
    return continued(function) + "\n\ndef main():\n    print('and so on')\n\n\nmain("


SHAPES: list[Callable[[str], str]] = [
    in_a_fence, with_an_example, as_it_is, continued, continued_too_far,
]  # fmt: skip


# --- the run and what came of it


def supercharge(
    project: Path, recording: Path, folder: Path, sandbox: str, arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "pytest", "--supercharge", "--color=no"),
        *(f"--supercharge-model=replay:{recording}", f"--supercharge-sandbox={sandbox}"),
        *(f"--supercharge-report={folder / 'report.json'}",),
        *(f"--supercharge-state-dir={folder / 'state'}", *arguments),
    ]
    return run(command, project)


def judge(
    report: Mapping[str, Any],
    places: Sequence[Place],
    original: Path,
    project: Path,
) -> dict[str, object]:
    """What was found, verified and restored, and what else changed."""
    status = {stub["id"]: stub["status"] for stub in report["stubs"]}
    known = {*status, *(each["id"] for each in report["skipped"])}
    ids = [place.id for place in places]
    verified = [place for place in places if status.get(place.id) == "verified"]
    restored = [place for place in verified if is_restored(place, original, project)]
    return {
        "functions": len(places),
        "found": sum(name in known for name in ids),
        "filled": sum(status.get(name) in ("verified", "agreed") for name in ids),
        "verified": len(verified),
        "restored": len(restored),
        "another": [place.id for place in verified if place not in restored],
        "not_filled": [
            f"{stub['id']}: {stub['reason']}"
            for stub in report["stubs"]
            if stub["status"] == "unfilled"
        ],
        "same_files": same_trees(places, original, project),
        "bytes_outside": bytes_outside(places, original, project),
    }


def is_restored(place: Place, original: Path, project: Path) -> bool:
    trees = [find(place, (root / place.path).read_text()) for root in (original, project)]
    return None not in trees and len({ast.dump(tree) for tree in trees if tree}) == 1


def find(place: Place, source: str) -> Function | None:
    found = functions(ast.parse(source))
    named = (node for name, node, _ in found if name == place.qualname)
    return next((node for node in named if not is_overload(node)), None)


def same_trees(places: Sequence[Place], original: Path, project: Path) -> bool:
    """Whether every file that held a stub has the syntax tree that it had."""
    return all(
        ast.dump(ast.parse((original / path).read_bytes()))
        == ast.dump(ast.parse((project / path).read_bytes()))
        for path in {place.path for place in places}
    )


def bytes_outside(places: Sequence[Place], original: Path, project: Path) -> int:
    """Bytes that differ outside of the bodies, in files that came or went as well."""
    by_path = defaultdict(set)
    for place in places:
        by_path[place.path].add(place.qualname)
    changed = 0
    for path in sorted(files_of(original) | files_of(project)):
        texts = [read(root / path) for root in (original, project)]
        if path in by_path:
            texts = [without_bodies(text, path, by_path[path]) for text in texts]
        if texts[0] != texts[1]:
            changed += difference(*texts)
    return changed


def files_of(root: Path) -> set[str]:
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if not MADE_BY_TOOLS & set(path.parts)}


def read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def without_bodies(data: bytes, path: str, names: set[str]) -> bytes:
    lines = data.decode().split("\n")
    for place in sorted(places_in(data.decode(), path), key=lambda each: -each.line):
        if place.qualname in names:
            del lines[place.first - 1 : place.last]
    return "\n".join(lines).encode()


def difference(one: bytes, other: bytes) -> int:
    before, after = one.splitlines(keepends=True), other.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(
        sum(map(len, before[a:b])) + sum(map(len, after[c:d]))
        for tag, a, b, c, d in codes
        if tag != "equal"
    )


def costs(report: Mapping[str, Any], output: str, plain: float, total: float) -> dict[str, object]:
    found = re.search(r"tests? run in (?:(\d+)m )?([\d.]+)s", output)
    linking = 60 * int(found[1] or 0) + float(found[2]) if found else None
    checking = sum(stub["seconds"]["check"] for stub in report["stubs"])
    candidates = sum(stub["candidates"] for stub in report["stubs"])
    return {
        "seconds_plain": round(plain, 2),
        "seconds_linking": linking,
        "linking_to_plain": round(linking / plain, 2) if linking else None,
        "seconds_total": round(total, 2),
        "candidates": candidates,
        "checks_per_second": round(candidates / checking, 2) if checking else None,
    }


def is_whole(result: Mapping[str, object]) -> bool:
    all_verified = result["found"] == result["verified"] == result["functions"]
    return all_verified and result["bytes_outside"] == 0


if __name__ == "__main__":
    sys.exit(main())
