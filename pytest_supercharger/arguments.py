"""What of the user's pytest arguments goes into the sandbox, and what is left out.

Inside, pytest is used to learn one thing: which tests pass. Options that report, measure,
parallelise, reorder or stop early are dropped by the lists below, said once to the user; all
others, known to us or not, go in as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Dropped; the number says whether a value follows: 0 never, 1 always, 2 perhaps (--cov src).
NEUTRALISED = {
    "--cov": 2, "--cov-report": 1, "--cov-config": 1, "--cov-fail-under": 1, "--cov-append": 0,
    "--cov-branch": 0, "--cov-context": 1, "--cov-precision": 1, "--cov-reset": 0, "--no-cov": 0,
    "--no-cov-on-fail": 0,
    "-n": 1, "--numprocesses": 1, "--maxprocesses": 1, "--dist": 1, "--tx": 1, "-d": 0,
    "--max-worker-restart": 1, "--maxschedchunk": 1, "-f": 0, "--looponfail": 0,
    "--random-order": 0, "--random-order-bucket": 1, "--random-order-seed": 1,
    "--randomly-seed": 1, "--randomly-dont-reorganize": 0, "--randomly-dont-reset-seed": 0,
    "--reruns": 1, "--reruns-delay": 1, "--only-rerun": 1, "--rerun-except": 1,
    "--timeout": 1, "--timeout-method": 1, "--session-timeout": 1,
    "--junitxml": 1, "--junit-xml": 1, "--junit-prefix": 1, "--html": 1, "--css": 1,
    "--self-contained-html": 0, "--report-log": 1, "--json-report": 0, "--json-report-file": 1,
    "--pastebin": 1, "--durations": 1, "--durations-min": 1, "--tb": 1, "--color": 1,
    "--code-highlight": 1, "--show-capture": 1, "-r": 1, "--verbosity": 1, "--no-header": 0,
    "--no-summary": 0, "-x": 0, "--exitfirst": 0, "--maxfail": 1, "--sw": 0, "--stepwise": 0,
    "--sw-skip": 0, "--stepwise-skip": 0, "--sw-reset": 0, "--ff": 0, "--failed-first": 0,
    "--nf": 0, "--new-first": 0, "--pdb": 0, "--pdbcls": 1, "--trace": 0, "--capture": 1,
    "--basetemp": 1, "--cache-clear": 0, "--cache-show": 2, "--co": 0, "--collect-only": 0,
    "--strict-config": 0, "--log-file": 1, "--debug": 2, "--verbose": 0, "--quiet": 0,
    "--showlocals": 0,
}  # fmt: skip
NEUTRALISED_FAMILIES = ("--benchmark-", "--supercharge")
_CLUSTER = re.compile(r"-[qvxsl]+$")  # -q, -vv, -xvs: how much is shown, and when to stop
_LEADING_FLAGS = re.compile(r"^-[qvxsl]+(?=[kmnrpocW])")  # -xk EXPR, -vrA: the rest is its own

# Kept apart: they choose tests. The number as above.
SELECTING = {
    "-k": 1, "-m": 1, "--lf": 0, "--last-failed": 0, "--lfnf": 1, "--last-failed-no-failures": 1,
    "--deselect": 1, "--ignore": 1, "--ignore-glob": 1,
}  # fmt: skip
_GLUED = ("-k", "-m", "-n", "-r")  # -kEXPR and the like
_MODE_LIST = ("--co", "--collect-only")  # heard already: nothing to say about them
_OUR_FLAGS = ("--supercharge", "--supercharge-fresh", "--supercharge-undo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """One list of pytest arguments, taken apart."""

    options: tuple[str, ...]  # for every run inside
    selecting: tuple[str, ...]  # options that choose tests
    positional: tuple[str, ...]  # paths and node ids
    dropped: tuple[str, ...]  # neutralised, as they were written; ours are not named


def take_apart(arguments: Iterable[str], positional: Sequence[str] = ()) -> Arguments:
    """Sort ``arguments``; ``positional`` are those that pytest itself took for paths."""
    kept = _Sorted()
    paths = set(positional)
    waiting = list(arguments)
    while waiting:
        word = _LEADING_FLAGS.sub("-", waiting.pop(0))
        name, value = _name(word)
        words = [word]
        if value is None and waiting and _takes_next(name, waiting[0], paths):
            words.append(waiting.pop(0))
        kept.add(name, words, is_path=word in paths)
    return kept.arguments()


def without_ours(arguments: Iterable[str]) -> tuple[str, ...]:
    """The user's arguments as they are, but for the options of this plugin."""
    kept = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, value = _name(word)
        if not name.startswith("--supercharge"):
            kept.append(word)
        elif value is None and waiting and _takes_next(name, waiting[0], set()):
            waiting.pop(0)
    return tuple(kept)


def join_ours(arguments: Iterable[str]) -> tuple[str, ...]:
    """The same arguments with each option of this plugin and its value in one word."""
    joined: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, value = _name(word)
        ours = name.startswith("--supercharge") and value is None
        if ours and waiting and _takes_next(name, waiting[0], set()):
            word = f"{word}={waiting.pop(0)}"
        joined.append(word)
    return tuple(joined)


class _Sorted:
    def __init__(self) -> None:
        self._options: list[str] = []
        self._selecting: list[str] = []
        self._positional: list[str] = []
        self._dropped: list[str] = []

    def add(self, name: str, words: list[str], *, is_path: bool) -> None:
        if not name.startswith("-"):
            (self._positional if is_path else self._options).extend(words)
        elif name.startswith(NEUTRALISED_FAMILIES[1]) or name in _MODE_LIST:
            return
        elif name in NEUTRALISED or name.startswith(NEUTRALISED_FAMILIES):
            self._dropped.append(" ".join(words))
        elif name in SELECTING:
            self._selecting.extend(words)
        elif not _CLUSTER.match(name):
            self._options.extend(words)

    def arguments(self) -> Arguments:
        return Arguments(
            options=tuple(self._options),
            selecting=tuple(self._selecting),
            positional=tuple(self._positional),
            dropped=tuple(self._dropped),
        )


def _name(word: str) -> tuple[str, str | None]:
    """The option in a word, and its value where the word holds both."""
    if word.startswith("--"):
        name, sign, value = word.partition("=")
        return name, value if sign else None
    for short in _GLUED:
        if word.startswith(short) and len(word) > 2:
            return short, word[2:]
    return word, None


def _takes_next(name: str, following: str, paths: set[str]) -> bool:
    """Whether the next word is the value of option ``name``."""
    if name.startswith("--supercharge"):
        return name not in _OUR_FLAGS
    takes = NEUTRALISED.get(name, SELECTING.get(name, 0))
    if takes == 2:
        return not following.startswith("-") and following not in paths
    return takes == 1
