"""Is every problem filled that one of the recorded completions solves, and nothing wrong written?

    python benchmarks/humaneval.py [DATA] [--candidates 32] [--tests 100] [--limit N]
                                   [--sandbox auto] [--with-tests | --without-tests]

DATA is a project of HumanEval problems as stubs, with completions recorded once from a model:

    src/humaneval/pNNN.py    the prompt of a problem, its body ``raise NotImplementedError``
    truth/test_pNNN.py       ``from humaneval.pNNN import NAME``, HumanEval's own ``check``, and
                             ``def test_pNNN(): check(NAME)``
    recording.jsonl.gz       ``{"stub": "src/humaneval/pNNN.py::NAME", "request": "code",
                             "completion": "    return ..."}``, also with the request ``tests``
    pyproject.toml           pytest's ``pythonpath = ["src"]``

Anyone can make it: the problems are in github.com/openai/human-eval, and github.com/microsoft/CodeT
publishes 100 bodies and 100 test completions of CodeGen-Mono-16B for each of them, with the
examples taken out of the prompts (both MIT-licensed).

With tests, the truth is put in as the project's tests. Every problem that one of the first
completions solves must end verified: what is not verified is judged again from the raw
completions, cut off the way CodeT does it, past our own cleaning. Nothing may be verified that
fails: the truth runs once more on the written tree in a fresh sandbox. Without tests, the truth is
kept aside and says how many of the chosen bodies are right.

No candidate runs outside a sandbox. The last line is one JSON object; the exit code is 1 when a
problem was missed or something wrong was verified.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_supercharger.options import ini_options
from pytest_supercharger.sandboxes.base import Check, CheckKind, Project, Sandbox, Verdict
from pytest_supercharger.sandboxes.choose import choose_sandbox_launcher
from pytest_supercharger.sandboxes.worker import PooledSandbox

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "humaneval"
STUB_BODY = "    raise NotImplementedError\n"
RECORDING = "recording.jsonl.gz"
END_OF_BODY = re.compile(r"\n(?:class|def|#|if|print)")  # as CodeT cuts a continuation
JUDGING_SECONDS = 5.0  # limit of one truth test on one body


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What ``pytest --supercharge`` did to a copy of the project."""

    root: Path
    seconds: float  # wall clock, start-up and confirmation included
    stubs: Mapping[str, Mapping[str, Any]]  # problem to its entry in the JSON report


def main() -> int:
    options = read_options()
    facts: dict[str, Any] = {"candidates": options.candidates, "tests": options.tests}
    with tempfile.TemporaryDirectory(prefix="humaneval-") as name:
        if not options.without_tests:
            facts["with_tests"] = with_tests(options, Path(name) / "with")
        if not options.with_tests:
            facts["without_tests"] = without_tests(options, Path(name) / "without")
    print(json.dumps(facts))
    wrong = facts.get("with_tests", {})
    return 1 if wrong.get("missed") or wrong.get("wrongly_verified") else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT_DATA, metavar="DATA")
    parser.add_argument("--candidates", type=int, default=32, help="first completions used")
    parser.add_argument("--tests", type=int, default=100, help="test completions used")
    parser.add_argument("--limit", type=int, help="only the first so many problems")
    parser.add_argument("--sandbox", default="auto", choices=("auto", "docker", "bubblewrap"))
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--with-tests", action="store_true", help="only the run with tests")
    part.add_argument("--without-tests", action="store_true", help="only the run without tests")
    options = parser.parse_args()
    if not (options.data / RECORDING).is_file():
        parser.error(f"{options.data} holds no {RECORDING}: see --help for what is needed")
    return options


# --- the two runs


def with_tests(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    copy_project(options.data, root, options.limit)
    (root / "truth").rename(root / "tests")
    impossible = {path.stem[5:]: missing_names(path) for path in (root / "tests").glob("test_*")}
    impossible = {problem: names for problem, names in impossible.items() if names}
    run = supercharge(options, root)
    for problem, names in sorted(impossible.items()):
        status = run.stubs[problem]["status"]
        print(f"{problem}: {status}; its truth uses {names[0]} without importing it: cannot pass")
    verified = [name for name, stub in run.stubs.items() if stub["status"] == "verified"]
    with open_sandbox(root, options.sandbox) as sandbox:
        confirmed = confirm(sandbox, root, verified)
    others = [name for name in run.stubs if name not in verified and name not in impossible]
    missed = list(solved(options, root, others))
    return {
        **figures(run),
        "checks": (checks := sum(stub["candidates"] for stub in run.stubs.values())),
        "checks_per_second": round(checks / run.seconds, 1),
        "wrongly_verified": sorted(set(verified) - confirmed),
        "missed": missed,
        "impossible": sorted(impossible),
        "verified_with_an_added_import": {
            name: added for name in verified if (added := imports_added(run.stubs[name]))
        },
    }


def without_tests(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    copy_project(options.data, root, options.limit)
    (root / "truth").rename(truth := root.parent / "truth")
    run = supercharge(options, root)
    chosen = {name: stub for name, stub in run.stubs.items() if stub["status"] == "agreed"}
    nearest = {
        name: with_function(original(options.data, name), stub["nearest"]["source"])
        for name, stub in run.stubs.items()
        if stub["nearest"]
    }
    add_mended_truth(truth, root / "tests")
    with open_sandbox(root, options.sandbox) as sandbox:
        right = judge(sandbox, [check_of(name) for name in chosen])
        near = judge(sandbox, [check_of(name, text) for name, text in nearest.items()])
    singles = sum(stub["candidates"] * stub["generated_tests"] for stub in run.stubs.values())
    return {
        **figures(run),
        "checks": singles,  # pairs of a candidate and a generated check
        "checks_per_second": round(singles / run.seconds, 1),
        "agreed_right": len(right),
        "precision": round(len(right) / len(chosen), 3) if chosen else None,
        "nearest_of_unfilled": len(nearest),
        "nearest_right": len(near),
        "right_by_agreement": by_agreement(chosen, right),
    }


def figures(run: Run) -> dict[str, Any]:
    counts = Counter(str(stub["status"]) for stub in run.stubs.values())
    return {
        "problems": len(run.stubs),
        **counts,
        "wall_seconds": round(run.seconds, 1),
        "check_seconds": round(sum(stub["seconds"]["check"] for stub in run.stubs.values()), 1),
    }


def by_agreement(
    chosen: Mapping[str, Mapping[str, Any]], right: Iterable[str]
) -> dict[str, list[int]]:
    """Lower end of an interval of agreement to how many bodies are right, of how many."""
    found: dict[str, list[int]] = {}
    for name, stub in sorted(chosen.items(), key=lambda each: each[1]["chosen"]["agreement"]):
        counts = found.setdefault(f"{int(stub['chosen']['agreement'] * 5) / 5:.1f}", [0, 0])
        counts[0] += name in right
        counts[1] += 1
    return found


def imports_added(stub: Mapping[str, Any]) -> list[str]:
    """What cleaning had to import: the completion alone would have failed."""
    repairs = stub["chosen"]["repairs"]
    return [text for text in repairs if text.startswith(("added import ", "added from "))]


def supercharge(options: argparse.Namespace, root: Path) -> Run:
    """Run the plugin in a process of its own, as a user does."""
    report = root.parent / f"{root.name}.json"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--supercharge", "--supercharge-rounds=1"),
        f"--supercharge-model=replay:{RECORDING}",
        f"--supercharge-candidates={options.candidates}",
        f"--supercharge-tests={options.tests}",
        f"--supercharge-sandbox={options.sandbox}",
        f"--supercharge-report={report}",
        f"--supercharge-state-dir={root.parent / 'state'}",
    ]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    stubs = json.loads(report.read_text())["stubs"]
    return Run(root=root, seconds=seconds, stubs={problem_of(stub["id"]): stub for stub in stubs})


# --- the project


def copy_project(data: Path, root: Path, limit: int | None) -> None:
    """A copy to write to; of the first ``limit`` problems where that is given."""
    shutil.copytree(data, root, copy_function=shutil.copyfile)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    problems = sorted(root.glob("src/humaneval/p*.py"))
    for path in problems[limit:] if limit is not None else ():
        path.unlink()
        (root / "truth" / f"test_{path.name}").unlink()


def problem_of(stub: str) -> str:
    """``src/humaneval/p000.py::name`` to ``p000``."""
    return Path(stub.partition("::")[0]).stem


def original(data: Path, problem: str) -> str:
    return (data / "src" / "humaneval" / f"{problem}.py").read_text()


def with_function(source: str, function: str) -> str:
    """The stub, which comes last in its file, replaced by a whole function."""
    return source[: source.rindex("\ndef ") + 1] + function + "\n"


def missing_names(test: Path) -> list[str]:
    """Names that a test file reads and nobody there binds: its test fails whatever the body."""
    nodes = list(ast.walk(ast.parse(test.read_text())))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return sorted({node.id for node in names if isinstance(node.ctx, ast.Load)} - bound)


def add_mended_truth(truth: Path, tests: Path) -> None:
    """The truth as tests, with what it uses of the problem's file imported."""
    tests.mkdir()
    for test in truth.glob("test_*.py"):
        names = missing_names(test)
        line = f"from humaneval.{test.stem[5:]} import {', '.join(names)}\n" if names else ""
        (tests / test.name).write_text(line + test.read_text())


# --- the truth, in a sandbox


@contextmanager
def open_sandbox(root: Path, setting: str) -> Iterator[Sandbox]:
    project = Project(
        rootdir=str(root),
        invocation_dir=str(root),
        ini_file=str(root / "pyproject.toml"),
        args=(),
        cwd_on_path=False,
        python_path=(str(root / "src"),),
        options=ini_options(),
        mounts=(),
        env=(),
    )
    launcher = choose_sandbox_launcher(setting, project)
    with closing(PooledSandbox(launcher, project, workers=2)) as sandbox:
        yield sandbox


def confirm(sandbox: Sandbox, root: Path, problems: Sequence[str]) -> set[str]:
    """The problems whose truth passes on the tree as it is, by stock pytest."""
    if not problems:
        return set()
    check = Check(
        id="confirm",
        kind=CheckKind.CONFIRM,
        args=tuple(f"{root}/tests/test_{problem}.py" for problem in problems),
        timeout=60.0,
    )
    (outcome,) = sandbox.run([check])
    passed = {item.id for item in outcome.items if item.verdict is Verdict.PASSED}
    return {name for name in problems if f"tests/test_{name}.py::test_{name}" in passed}


def check_of(problem: str, text: str | None = None, name: str = "") -> Check:
    """The truth of a problem on its file as it is, or with ``text`` in its place."""
    path = f"src/humaneval/{problem}.py"
    return Check(
        id=name or problem,
        kind=CheckKind.PROJECT,
        files=() if text is None else ((path, text),),
        args=(f"tests/test_{problem}.py",),
        timeout=JUDGING_SECONDS,
    )


def judge(sandbox: Sandbox, checks: Iterable[Check]) -> set[str]:
    """Ids of the checks that pass."""
    outcomes = sandbox.run(checks)
    return {outcome.check for outcome in outcomes if outcome.verdict is Verdict.PASSED}


def solved(options: argparse.Namespace, root: Path, problems: Sequence[str]) -> Iterator[str]:
    """Those of ``problems`` that one of the raw completions solves, past our own cleaning."""
    raw = raw_completions(options.data, options.candidates)
    with open_sandbox(root, options.sandbox) as sandbox:
        for problem in problems:
            source = original(options.data, problem)
            bodies = dict.fromkeys(END_OF_BODY.split(text)[0] for text in raw[problem])
            checks = [
                check_of(problem, source.replace(STUB_BODY, f"{body}\n"), str(number))
                for number, body in enumerate(bodies)
            ]
            if judge(sandbox, checks):
                print(f"{problem}: a completion solves it, but it is not verified")
                yield problem


def raw_completions(data: Path, first: int) -> dict[str, list[str]]:
    """Problem to its first recorded bodies."""
    found: dict[str, list[str]] = {}
    with gzip.open(data / RECORDING, "rt") as lines:
        for line in map(json.loads, lines):
            bodies = found.setdefault(problem_of(line["stub"]), [])
            if line["request"] == "code" and len(bodies) < first:
                bodies.append(line["completion"])
    return found


if __name__ == "__main__":
    sys.exit(main())
