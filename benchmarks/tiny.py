"""How much does the bundled model fill in by itself, and how fast is it?

    python benchmarks/tiny.py [--model PATH.gguf] [--data FOLDER] [--only SET ...] [--quick]
                              [--candidates 16] [--rounds 4] [--names]

Each set is a project of stubs with tests. A copy of it is filled by ``pytest --supercharge`` as a
user starts it, and what counts is how many stubs the report calls verified:

    first        DATA/first_stubs: what the catalogue was developed by
    fresh        benchmarks/tiny_stubs/fresh: of the same kind, written without the catalogue
    novel        benchmarks/tiny_stubs/novel: outside of the catalogue
    wording      families that are taught, in words that are not
    composition  parts that are taught, put together in ways that are not
    family       families that are not taught
    agreed       first, fresh and novel without their tests: how much of what is written is right
    humaneval    DATA/humaneval: HumanEval's problems with even numbers, its own tests
    speed        no project: size, loading, and 64 candidates for a short stub on one core

DATA/first_stubs is a project as in benchmarks/tiny_stubs; how DATA/humaneval is made, and from
what, stands in benchmarks/humaneval.py. ``wording``, ``composition`` and ``family`` are drawn from
``training/``: what a catalogue keeps back belongs to weights that were trained on this catalogue.
A set whose folder is not there is left out, and named as such.

A stub is verified when all its tests pass, and it is right as far as they tell. In ``agreed`` the
tests are put back behind the run, and only a sandbox runs them on what was written. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from humaneval import add_mended_truth, copy_project, judge, open_sandbox
from tiny_held import write_held_project

from pytest_supercharger.sandboxes.base import Check, CheckKind

HERE = Path(__file__).resolve().parent
DEFAULT_DATA = HERE.parents[1] / "shared" / "data"
OPEN_BOOK = {"first"}  # sets to learn from: which stubs are not verified is told without --names
WRITTEN = ("first", "fresh", "novel")  # their tests are named for the stubs
HELD = ("wording", "composition", "family")
AGREED, HUMANEVAL, SPEED = "agreed", "humaneval", "speed"
SETS = (*WRITTEN, *HELD, AGREED, HUMANEVAL, SPEED)
ROW = "{:<12}{:>6}{:>10}{:>8}{:>10}"

Make = Callable[[Path], None]  # writes the project to a folder that is not there yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the project of a set comes from."""

    make: Make
    data: Path | None = None  # folder that it needs; None: nothing

    @property
    def is_there(self) -> bool:
        return self.data is None or self.data.is_dir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What ``pytest --supercharge`` did to a project."""

    stubs: Sequence[Mapping[str, Any]]  # entries of the JSON report
    seconds: float  # wall clock, start-up and confirmation included

    @property
    def open(self) -> list[str]:
        """Names of the stubs that are not verified."""
        return [
            stub["id"].partition("::")[2] for stub in self.stubs if stub["status"] != "verified"
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A stub that was to be filled without its tests."""

    has_example: bool  # ``>>>`` in its docstring
    is_agreed: bool
    is_right: bool  # agreed, and its tests pass


def main() -> None:
    options = read_options()
    facts: dict[str, Any] = {**about(options.model), **asked(options)}
    print(ROW.format("set", "stubs", "verified", "share", "seconds"), flush=True)
    with tempfile.TemporaryDirectory(prefix="tiny-") as name:
        for each in options.only:
            if each == SPEED:
                facts[each] = measure_speed(options, Path(name))
            elif each == AGREED:
                written = {key: options.sources[key] for key in WRITTEN}
                facts[each] = measure_agreed(written, options, Path(name) / each)
            else:
                facts[each] = measure(each, options, Path(name) / each)
    print(json.dumps(facts))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a GGUF file (default: the bundled model)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DATA")
    parser.add_argument("--only", nargs="+", metavar="SET", help="these sets (default: all)")
    parser.add_argument("--quick", action="store_true", help="the set `first` alone")
    parser.add_argument("--candidates", type=int, default=16, help="samples of a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--held", type=int, default=60, help="stubs of what was kept back")
    parser.add_argument("--seed", type=int, default=1, help="draws what was kept back")
    parser.add_argument("--repeat", type=int, default=5, help="of a measurement of speed")
    parser.add_argument("--names", action="store_true", help="name what is not verified anywhere")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("auto", "docker", "bubblewrap"))
    options = parser.parse_args()
    options.model = (options.model or bundled()).resolve()
    if not options.model.is_file():
        parser.error(f"there is no model file {options.model}: give one with --model")
    options.sources = sources(options)
    for name in options.only or ():
        if name not in SETS:
            parser.error(f"--only: {name!r} is none of {', '.join(SETS)}")
        if name in options.sources and not options.sources[name].is_there:
            parser.error(f"{options.sources[name].data} is not there: see --help for what it holds")
    options.only = options.only or (["first"] if options.quick else SETS)
    return options


def bundled() -> Path:
    from pytest_supercharger.bundled import tiny_model

    return tiny_model()


def about(model: Path) -> dict[str, Any]:
    data = model.read_bytes()
    return {
        "model": model.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "megabytes": round(len(data) / 1e6, 2),
    }


def asked(options: argparse.Namespace) -> dict[str, int]:
    return {"candidates": options.candidates, "rounds": options.rounds, "seed": options.seed}


# --- the sets


def sources(options: argparse.Namespace) -> dict[str, Source]:
    """By name: of the sets that are a project of their own."""
    written = {name: HERE / "tiny_stubs" / name for name in WRITTEN}
    written["first"] = options.data / "first_stubs"
    copied = {name: Source(make=partial(copy, data), data=data) for name, data in written.items()}
    held = {split: Source(make=partial(draw, split, options.held, options.seed)) for split in HELD}
    humaneval = options.data / "humaneval"
    problems = Source(make=partial(copy_problems, humaneval), data=humaneval)
    return {**copied, **held, HUMANEVAL: problems}


def copy(data: Path, root: Path) -> None:
    """A copy to write to, even of files that are not."""
    made_by_tools = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(data, root, copy_function=shutil.copyfile, ignore=made_by_tools)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def draw(split: str, count: int, seed: int, root: Path) -> None:
    write_held_project(root, split, count, seed=seed)


def copy_problems(data: Path, root: Path) -> None:
    """The truth becomes the tests. What one of them forgets to import, it imports."""
    copy_project(data, root, None)
    (root / "truth").rename(truth := root.parent / "truth")
    (root / "recording.jsonl.gz").unlink(missing_ok=True)
    add_mended_truth(truth, root / "tests")


# --- filling them


def measure(name: str, options: argparse.Namespace, scratch: Path) -> dict[str, Any] | None:
    """Figures of one set; None where it is not there."""
    source = options.sources[name]
    if is_left_out(name, source):
        return None
    scratch.mkdir()
    source.make(scratch / "project")
    run = supercharge(options, scratch)
    stubs, verified = len(run.stubs), len(run.stubs) - len(run.open)
    share = verified / stubs if stubs else 0.0
    seconds = f"{run.seconds:.1f}"
    print(ROW.format(name, stubs, verified, f"{share:.1%}", seconds), flush=True)
    return {
        "stubs": stubs,
        "verified": verified,
        "share": round(share, 3),
        "wall_seconds": round(run.seconds, 1),
        "candidates": sum(stub["candidates"] for stub in run.stubs),
        "untested": sum(not stub["project_tests"] for stub in run.stubs),  # cannot be verified
        "not_verified": run.open if options.names or name in OPEN_BOOK else len(run.open),
    }


def is_left_out(name: str, source: Source) -> bool:
    """Whether there is nothing to measure, which is said then."""
    if not source.is_there:
        print(f"{name:<12}left out: {source.data} is not there", flush=True)
    return not source.is_there


def supercharge(options: argparse.Namespace, scratch: Path) -> Run:
    """Run the plugin in a process of its own, as a user does. SystemExit when it gives up."""
    report = scratch / "report.json"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--supercharge"),
        f"--supercharge-model={options.model}",
        f"--supercharge-candidates={options.candidates}",
        f"--supercharge-rounds={options.rounds}",
        f"--supercharge-sandbox={options.sandbox}",
        f"--supercharge-report={report}",
        f"--supercharge-state-dir={scratch / 'state'}",
    ]
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=scratch / "project", capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1) or not report.is_file():
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    found = json.loads(report.read_text())
    if found.get("error") or found["collection_errors"] or found["interrupted"]:
        raise SystemExit(f"the run is not whole:\n{done.stdout}\n{done.stderr}")
    return Run(stubs=found["stubs"], seconds=seconds)


# --- what is written where nothing tests it


def measure_agreed(
    written: Mapping[str, Source], options: argparse.Namespace, scratch: Path
) -> dict[str, Any]:
    """Figures of each of these projects, None where it is not there, and of all together."""
    scratch.mkdir()
    facts: dict[str, Any] = {}
    everything: list[Judged] = []
    seconds = 0.0
    for name, source in written.items():
        if is_left_out(name, source):
            facts[name] = None
            continue
        judged, took = fill_without_tests(source, options, scratch / name)
        facts[name] = agreed_figures(name, judged, took)
        everything += judged
        seconds += took
    return {**facts, "all": agreed_figures("all", everything, seconds)}


def fill_without_tests(
    source: Source, options: argparse.Namespace, scratch: Path
) -> tuple[list[Judged], float]:
    """What became of each stub, and the seconds of the run.

    :raises SystemExit: a stub has no test that is named for it, or as :func:`supercharge`.
    """
    scratch.mkdir()
    source.make(root := scratch / "project")
    with_example = functions_with_example(root)
    (root / "tests").rename(scratch / "tests")
    run = supercharge(options, scratch)
    (scratch / "tests").rename(root / "tests")
    agreed = [stub["id"] for stub in run.stubs if stub["status"] == "agreed"]
    right = passing_in_sandbox(root, agreed, options.sandbox)
    judged = [
        Judged(
            has_example=stub["id"] in with_example,
            is_agreed=stub["id"] in agreed,
            is_right=stub["id"] in right,
        )
        for stub in run.stubs
    ]
    return judged, run.seconds


def functions_with_example(root: Path) -> set[str]:
    """Ids of the functions, as the report has them."""
    return {
        f"{path.relative_to(root).as_posix()}::{node.name}"
        for path in (root / "src").rglob("*.py")
        for node in functions(path)
        if ">>>" in (ast.get_docstring(node) or "")
    }


def passing_in_sandbox(root: Path, stubs: Sequence[str], setting: str) -> set[str]:
    """Those of the stubs, by id, whose test passes on the tree as it is."""
    tests = {
        node.name.removeprefix("test_"): f"{path.relative_to(root).as_posix()}::{node.name}"
        for path in (root / "tests").rglob("test_*.py")
        for node in functions(path)
    }
    untested = [stub for stub in stubs if stub.partition("::")[2] not in tests]
    if untested:
        raise SystemExit(f"{root.parent.name}: {len(untested)} stubs have no test of their name")
    with open_sandbox(root, setting) as sandbox:
        return judge(
            sandbox,
            [
                Check(id=stub, kind=CheckKind.PROJECT, args=(tests[stub.partition("::")[2]],))
                for stub in stubs
            ],
        )


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of a file that stand in no class and in no function."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def agreed_figures(name: str, judged: Sequence[Judged], seconds: float) -> dict[str, Any]:
    total = count_agreed(judged)
    with_example = count_agreed([each for each in judged if each.has_example])
    without_example = count_agreed([each for each in judged if not each.has_example])
    print(
        f"{AGREED:<12}{name}: {in_words(total)}; with >>> {in_words(with_example)}; "
        f"without {in_words(without_example)}; {seconds:.1f} s",
        flush=True,
    )
    return {
        **total,
        "with_example": with_example,
        "without_example": without_example,
        "wall_seconds": round(seconds, 1),
    }


def in_words(counts: Mapping[str, int]) -> str:
    written = f"{counts['agreed']} of {counts['stubs']} written"
    return f"{written} ({counts['agreed_right']} right, {counts['agreed_wrong']} wrong)"


def count_agreed(judged: Sequence[Judged]) -> dict[str, int]:
    agreed = [each for each in judged if each.is_agreed]
    right = sum(each.is_right for each in agreed)
    return {
        "stubs": len(judged),
        "agreed": len(agreed),
        "agreed_right": right,
        "agreed_wrong": len(agreed) - right,
    }


# --- speed


def measure_speed(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Medians from a process that is kept to one core from its start."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode cached
    command = [sys.executable, str(HERE / "tiny_speed.py"), str(options.model)]
    command += [f"--repeat={options.repeat}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"speed was not measured:\n{done.stdout}\n{done.stderr}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"one core: ready after {facts['ready_seconds']} s (llama.cpp alone loads the file in "
        f"{facts['load_seconds']} s), 64 candidates in {facts['candidates_seconds']} s",
        flush=True,
    )
    return facts


if __name__ == "__main__":
    main()
