"""What do we remember between runs, so that a killed run goes on and a written one is undone?

One SQLite file per rootdir, in the user's state directory. Completions and outcomes are
addressed by their content: a run that was killed is started again, asks the same questions,
and is answered from here until it comes to the first one that has no answer yet. Writes keep
the bytes that were replaced, for ``--supercharge-undo``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import threading
import time
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.base import Completion
from pytest_supercharger.prompts import Prompt
from pytest_supercharger.sandboxes.base import Check, Outcome, Verdict

APPLICATION_ID = 0x53757063  # "Supc", marks the file as one of ours
BUSY_SECONDS = 30.0  # how long one process waits while another one commits
SUFFIX = ".supercharge.sqlite"
_ELSEWHERE = "name another place with --supercharge-state-dir"

# One script per schema version, applied in order; user_version counts how many were.
MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started REAL NOT NULL,
        ended REAL,
        mode TEXT NOT NULL,
        arguments TEXT NOT NULL,
        model TEXT NOT NULL,
        sandbox TEXT NOT NULL,
        exit_code INTEGER
    );
    CREATE TABLE completions (
        key TEXT NOT NULL,
        position INTEGER NOT NULL,
        run INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (key, position, run)
    ) WITHOUT ROWID;
    CREATE TABLE outcomes (
        key TEXT NOT NULL,
        run INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (key, run)
    ) WITHOUT ROWID;
    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        at REAL NOT NULL,
        stub TEXT NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE INDEX decisions_of_run ON decisions (run);
    CREATE TABLE writes (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        path BLOB NOT NULL,
        before BLOB NOT NULL,
        after_digest TEXT NOT NULL,
        mode INTEGER NOT NULL,
        state TEXT NOT NULL
    );
    CREATE INDEX writes_of_run ON writes (run);
    """,
)

# Never part of what a test can depend on, or rewritten by every run.
_IGNORED = (
    *(".git", ".hg", ".svn", "__pycache__", "*.py[co]", ".*_cache", ".cache", ".tox", ".nox"),
    *(".hypothesis", ".coverage", ".coverage.*", "htmlcov", "node_modules", "*.egg-info"),
    *(".idea", ".vscode", "*.sw[po]", "*~", f"*{SUFFIX}*"),
)

_Encoded = TypeVar("_Encoded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that was decided about a stub, and when."""

    run: int
    stub: str  # Stub.id; "" for the run as a whole
    kind: str  # "chosen", "rejected", "dropped", "linked", "repaired", ...
    data: Mapping[str, object]  # as JSON gave it back: tuples have become lists
    at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One file that a run replaced, or was about to when it was killed."""

    run: int
    path: str  # posix, relative to the rootdir
    before: bytes
    after_digest: str  # sha256 of what was written
    mode: int  # permission bits of the file before
    written: bool  # False: killed around the replacement, the file may be either


def ledger_path(state_dir: Path | None, rootdir: Path) -> Path:
    """Where the ledger of ``rootdir`` is: in ``state_dir``, else in the user's state directory.

    The name is the directory's own and a hash over its real path; nothing is created.
    """
    real = Path(os.path.realpath(rootdir))
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
    label = re.sub(r"[^A-Za-z0-9._-]+", "-", real.name).strip("-.")[:60] or "root"
    folder = state_dir or Path(platformdirs.user_state_dir("pytest-supercharger", appauthor=False))
    return folder / f"{label}-{digest}{SUFFIX}"


def completion_key(model: str, prompt: Prompt, seed: int) -> str:
    """What a completion depends on: the model (digest, else name), the prompt and the seed."""
    asked = asdict(prompt)
    del asked["dropped"]  # what is not in the prompt cannot change the answer
    return _hash("completion/1", model, seed, asked)


def outcome_key(check: Check, tree: str) -> str:
    """What an outcome depends on: everything in the check but its id, and the tree's state.

    ``tree`` is :func:`tree_fingerprint`, with whatever else the caller finds decisive (the
    sandbox's Python) appended.
    """
    asked = asdict(check)
    del asked["id"]
    return _hash("outcome/1", tree, asked)


def tree_fingerprint(
    rootdir: Path, norecurse: Collection[str] = (), ignore: Collection[Path] = ()
) -> str:
    """A hash over path, size and modification time of every file under ``rootdir``.

    Left out: version control, caches, compiled files, virtual environments, ledgers, names
    that match a glob of ``norecurse``, and the files and folders in ``ignore`` (what this tool
    writes itself). A linked folder counts by its target's name only. Installed packages do
    not count.
    """
    names = re.compile("|".join(map(translate, (*_IGNORED, *norecurse))))
    skipped = frozenset(os.path.abspath(path) for path in ignore)
    digest = hashlib.sha256()
    for line in _stat_lines(os.path.abspath(rootdir), "", names, skipped):
        digest.update(os.fsencode(line))
    return digest.hexdigest()


def _stat_lines(
    folder: str, prefix: str, names: re.Pattern[str], skipped: frozenset[str]
) -> Iterator[str]:
    for entry in _entries(folder):
        if entry.path in skipped or names.match(entry.name):
            continue
        name = prefix + entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield f"{name}\0{_stamp(entry)}\n"
        elif not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
            yield from _stat_lines(entry.path, f"{name}/", names, skipped)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:  # not readable, or gone while we looked: no test can depend on it either
        return []


def _stamp(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_symlink() and entry.is_dir():
            return os.readlink(entry.path)
        stat = entry.stat()
    except OSError as exc:
        return f"errno {exc.errno}"
    return f"{stat.st_size} {stat.st_mtime_ns}"


class Ledger:
    """The open file. Every method may be called from any thread; each one commits.

    A commit survives the death of the process; a write's also a power cut. Raises SetupError
    when the file cannot be read or written (no permission, disk full, newer schema).
    """

    def __init__(self, path: Path, database: sqlite3.Connection, *, fresh: bool) -> None:
        self._path = path
        self._database = database
        self._lock = threading.RLock()
        self._floor = self._newest_run() if fresh else 0
        self.warnings: tuple[str, ...] = ()  # for the user, said once

    @classmethod
    def open(cls, path: Path, *, fresh: bool) -> Ledger:
        """Open or create the ledger; ``fresh`` hides what earlier runs stored (but not undo).

        A damaged file is renamed to ``.corrupt`` and a new one is begun; ``warnings`` says so.
        """
        with _translated(path, "opened"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds source code
            try:
                return cls(path, _connect(path), fresh=fresh)
            except sqlite3.DatabaseError as exc:
                if not _is_corruption(exc):
                    raise
                warning = f"{path} is damaged ({exc}): set aside as {_set_aside(path)}; "
            ledger = cls(path, _connect(path), fresh=fresh)
        ledger.warnings = (warning + "what earlier runs stored, undo data too, is not used",)
        return ledger

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self._path

    def close(self) -> None:
        """Give the file back; may be called twice."""
        with self._lock:
            self._database.close()

    def begin_run(self, mode: str, arguments: tuple[str, ...], model: str, sandbox: str) -> int:
        """A number for this run; later runs have greater ones."""
        return self._commit(
            "INSERT INTO runs (started, mode, arguments, model, sandbox) VALUES (?, ?, ?, ?, ?)",
            (time.time(), mode, json.dumps(arguments), _text(model), _text(sandbox)),
        )

    def end_run(self, run: int, exit_code: int) -> None:
        """The run came to its end; one that was killed has none."""
        self._commit(
            "UPDATE runs SET ended = ?, exit_code = ? WHERE id = ?", (time.time(), exit_code, run)
        )

    def recall_completions(self, key: str) -> list[Completion]:
        """What was stored under ``key``, by index; of several runs' answers the newest."""
        rows = self._select(
            "SELECT data, max(run) FROM completions WHERE key = ? AND run > ?"
            " GROUP BY position ORDER BY position",
            (key, self._floor),
        )
        return [_decode(Completion, json.loads(data)) for data, _ in rows]

    def record_completion(self, key: str, completion: Completion, *, run: int) -> None:
        self._commit(
            "INSERT OR REPLACE INTO completions (key, position, run, data) VALUES (?, ?, ?, ?)",
            (key, completion.index, run, _encode(completion)),
        )

    def recall_outcome(self, key: str) -> Outcome | None:
        """The newest outcome stored under ``key``; its ``check`` is the id of that time."""
        rows = self._select(
            "SELECT data FROM outcomes WHERE key = ? AND run > ? ORDER BY run DESC LIMIT 1",
            (key, self._floor),
        )
        return _decode(Outcome, json.loads(rows[0][0])) if rows else None

    def record_outcome(self, key: str, outcome: Outcome, *, run: int) -> None:
        """Remember an outcome, unless the sandbox went down: that says nothing of the check."""
        if Verdict.SANDBOX_DOWN in (outcome.verdict, *(item.verdict for item in outcome.items)):
            return
        self._commit(
            "INSERT OR REPLACE INTO outcomes (key, run, data) VALUES (?, ?, ?)",
            (key, run, _encode(outcome)),
        )

    def record_decision(self, run: int, stub: str, kind: str, data: Mapping[str, object]) -> None:
        """Remember why. ``data`` is anything that JSON can hold."""
        self._commit(
            "INSERT INTO decisions (run, at, stub, kind, data) VALUES (?, ?, ?, ?, ?)",
            (run, time.time(), _text(stub), kind, json.dumps(data)),
        )

    def decisions(self, run: int) -> tuple[Decision, ...]:
        """All decisions of a run, oldest first."""
        rows = self._select(
            "SELECT stub, kind, data, at FROM decisions WHERE run = ? ORDER BY id", (run,)
        )
        return tuple(
            Decision(run=run, stub=stub, kind=kind, data=json.loads(data), at=at)
            for stub, kind, data, at in rows
        )

    def record_write(
        self, run: int, path: str, before: bytes, after_digest: str, mode: int
    ) -> None:
        """Keep what is about to be replaced. To be called before the file is touched.

        On return it is on the disk itself, not in the system's memory only.
        """
        with self._lock, _translated(self._path, "written"):
            self._database.execute("PRAGMA synchronous = FULL")
            try:
                self._commit(
                    "INSERT INTO writes (run, path, before, after_digest, mode, state)"
                    " VALUES (?, ?, ?, ?, ?, 'pending')",
                    (run, os.fsencode(path), before, after_digest, mode),
                )
            finally:
                self._database.execute("PRAGMA synchronous = NORMAL")

    def mark_written(self, run: int, path: str) -> None:
        """The file has been replaced."""
        self._set_state("written", "pending", run, path)

    def drop_write(self, run: int, path: str) -> None:
        """The replacement failed and the file is as it was: there is nothing to undo."""
        self._set_state("dropped", "pending", run, path)

    def last_writes(self) -> tuple[Write, ...]:
        """Writes of the last run that has any not undone, newest first: the order to undo in."""
        rows = self._select(
            "SELECT run, path, before, after_digest, mode, state FROM writes"
            " WHERE state IN ('pending', 'written') AND run ="
            " (SELECT max(run) FROM writes WHERE state IN ('pending', 'written'))"
            " ORDER BY id DESC"
        )
        return tuple(
            Write(
                run=run,
                path=os.fsdecode(path),
                before=before,
                after_digest=digest,
                mode=mode,
                written=state == "written",
            )
            for run, path, before, digest, mode, state in rows
        )

    def mark_undone(self, run: int, path: str | None = None) -> None:
        """The run's writes, or those of one path, are put back or given up."""
        self._commit(
            "UPDATE writes SET state = 'undone' WHERE run = ? AND path = coalesce(?, path)"
            " AND state IN ('pending', 'written')",
            (run, None if path is None else os.fsencode(path)),
        )

    def _set_state(self, state: str, before: str, run: int, path: str) -> None:
        self._commit(
            "UPDATE writes SET state = ? WHERE run = ? AND path = ? AND state = ?",
            (state, run, os.fsencode(path), before),
        )

    def _newest_run(self) -> int:
        return int(self._database.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()[0])

    def _commit(self, statement: str, values: tuple[object, ...]) -> int:
        with self._lock, _translated(self._path, "written"):
            return self._database.execute(statement, values).lastrowid or 0

    def _select(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _translated(self._path, "read"):
            return self._database.execute(statement, values).fetchall()


def _connect(path: Path, migrations: tuple[str, ...] = MIGRATIONS) -> sqlite3.Connection:
    """Open, check and migrate. Raises sqlite3.DatabaseError as it comes."""
    database = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _use_wal(database)
        database.execute("PRAGMA synchronous = NORMAL")
        _migrate(path, database, migrations)
        _check_pages(database)
    except BaseException:
        database.close()
        raise
    return database


def _use_wal(database: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; where the file system has none, the old journal stays.

    SQLite does not wait for its busy timeout here, so two processes that create the same file
    must be made to wait by us.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _migrate(path: Path, database: sqlite3.Connection, migrations: tuple[str, ...]) -> None:
    if _pragma(database, "user_version") == len(migrations):
        return
    database.execute("BEGIN IMMEDIATE")  # another process may be here too: look again inside
    try:
        version = _pragma(database, "user_version")
        _refuse_foreign(path, database)
        if version > len(migrations):
            raise SetupError(
                f"{path} was written by a newer pytest-supercharger (schema {version}, this one "
                f"knows {len(migrations)}): upgrade it, or {_ELSEWHERE}"
            )
        for script in migrations[version:]:
            for statement in filter(str.strip, script.split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {len(migrations)}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _refuse_foreign(path: Path, database: sqlite3.Connection) -> None:
    empty = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not empty and _pragma(database, "application_id") != APPLICATION_ID:
        raise SetupError(f"{path} is a database of another program: {_ELSEWHERE}")


def _check_pages(database: sqlite3.Connection) -> None:
    """Look for damage, but only after a run that did not end: it reads the whole file."""
    last = database.execute("SELECT ended FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    if last is None or last[0] is not None:
        return
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _is_corruption(exc: sqlite3.DatabaseError) -> bool:
    """SQLITE_CORRUPT and SQLITE_NOTADB come as the bare class, all others as a subclass.

    (``sqlite_errorcode`` would say it outright, but only from Python 3.11 on.)
    """
    return type(exc) is sqlite3.DatabaseError


def _set_aside(path: Path) -> Path:
    """Rename the damaged file and what SQLite keeps beside it; the first free name."""
    number = 0
    target = path.with_name(f"{path.name}.corrupt")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.corrupt{number}")
    path.rename(target)
    for kind in ("-wal", "-shm"):  # left in place, they would be taken for the new file's
        beside = path.with_name(path.name + kind)
        if beside.exists():
            beside.rename(f"{target}{kind}")
    return target


@contextmanager
def _translated(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        if isinstance(exc, sqlite3.DatabaseError) and _is_corruption(exc):
            remedy = f"move it away, or {_ELSEWHERE}"
        else:
            remedy = f"make room or give permission there, or {_ELSEWHERE}"
        raise SetupError(f"the ledger {path} cannot be {verb} ({exc}): {remedy}") from exc


def _text(value: str) -> str:
    """SQLite takes no lone surrogates, as a file name that is not UTF-8 brings them."""
    return value.encode("utf-8", "backslashreplace").decode()


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _encode(value: Completion | Outcome) -> str:
    return json.dumps(asdict(value), separators=(",", ":"))


def _decode(type_: type[_Encoded], value: object) -> _Encoded:
    return typing.cast(_Encoded, _build(type_, value))


def _build(hint: Any, value: Any) -> Any:
    """Give JSON its types back: dataclasses, enums, tuples, optional ones of these.

    By the annotations, so that a field that is added later needs nothing here; a field that
    is gone is passed over.
    """
    if value is None or hint is Any:
        return value
    if is_dataclass(hint):
        return _build_dataclass(hint, value)
    if typing.get_origin(hint) is tuple:
        return tuple(map(_build, _item_hints(hint, len(value)), value))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (arm for arm in typing.get_args(hint) if arm is not type(None))
        return _build(hint, value)
    return hint(value) if issubclass(hint, Enum) else value


def _build_dataclass(made: Any, value: Mapping[str, Any]) -> Any:
    hints = _hints(made)
    names = [field.name for field in fields(made) if field.name in value]
    return made(**{name: _build(hints[name], value[name]) for name in names})


def _item_hints(hint: Any, length: int) -> tuple[Any, ...]:
    arms = typing.get_args(hint)
    return (arms[0],) * length if arms[-1] is Ellipsis else arms


@cache
def _hints(dataclass_: Any) -> dict[str, Any]:
    return typing.get_type_hints(dataclass_)
