"""Read and write recordings: JSON Lines, one completion a line.

A line is ``{"stub": ..., "request": ..., "completion": ...}`` with optional ``seed``, ``tokens``,
``prompt_tokens``, ``finish``, ``index``, ``logprob`` and ``family``, the model's
``ModelInfo.family``. A path that ends in ``.gz`` is gzipped.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BufferedIOBase, FileIO
from pathlib import Path
from typing import Any

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import Completion, Model, ModelInfo, Request, never
from pytest_supercharger.prompts import RequestKind

_KINDS = {kind.value: kind for kind in RequestKind}
_REQUIRED = ("stub", "request", "completion")
_OPTIONAL: dict[str, tuple[type, ...]] = {
    "seed": (int,),
    "tokens": (int,),
    "prompt_tokens": (int,),
    "index": (int,),
    "finish": (str,),
    "logprob": (int, float),
    "family": (str,),
}
_KNOWN = tuple(_OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One line of a recording."""

    stub: str
    kind: RequestKind
    text: str  # the completion, raw
    seed: int | None = None
    tokens: int = 0  # 0: not recorded
    prompt_tokens: int = 0  # 0: not recorded
    finish: str = "stop"
    index: int | None = None
    logprob: float | None = None
    family: str = ""  # of the model that wrote it; "": not recorded
    extra: Mapping[str, object]  # keys we do not know, as they were


def read_recording(path: Path) -> Iterator[Recorded]:
    """Yield the lines of ``path`` in file order; blank lines are skipped.

    :raises ModelUnavailable: the file cannot be read, or a line is not a recording's: the message
        names the file, the line and what is wrong with it.
    """
    number = 0
    try:
        with _open(path) as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield _parse(line)
    except _LineError as exc:
        raise ModelUnavailable(
            f"{path}, line {number}: {exc}; mend or delete this line of the recording"
        ) from exc
    except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise ModelUnavailable(
            f"{path}, line {number + 1}: the gzip data is cut off or damaged ({exc}); "
            "copy the recording again, or record it anew with --supercharge-record"
        ) from exc
    except OSError as exc:
        raise ModelUnavailable(
            f"cannot read the recording {path}: {exc.strerror}; give an existing .jsonl or "
            ".jsonl.gz file as replay:PATH"
        ) from exc


class Recorder:
    """A model that answers as ``model`` does and appends each completion to ``path``."""

    def __init__(self, model: Model, path: Path) -> None:
        """Open ``path`` for appending.

        :raises SetupError: it cannot be written.
        """
        self._model = model
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = _open_for_appending(path)
        except OSError as exc:
            raise self._cannot_write(exc) from exc

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def generate(
        self, requests: Iterable[Request], *, cancelled: Callable[[Request], bool] = never
    ) -> Generator[Completion, None, None]:
        """Yield the model's completions, each after its line is on disk.

        :raises SetupError: a line cannot be written any more.
        """
        with closing(self._model.generate(requests, cancelled=cancelled)) as completions:
            for completion in completions:
                if completion.finish != "cancelled":  # half an answer would be replayed as a whole
                    self._append(completion)
                yield completion

    def close(self) -> None:
        self._file.close()
        self._model.close()

    def _append(self, completion: Completion) -> None:
        record = _as_line(completion, self.info.family)
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        try:
            # A gzip member for every line: a run that is killed leaves a file that still reads.
            with self._lock:
                _write(self._file, gzip.compress(line) if _is_gzip(self._path) else line)
        except OSError as exc:
            raise self._cannot_write(exc) from exc

    def _cannot_write(self, exc: OSError) -> SetupError:
        return SetupError(
            f"cannot write the recording {self._path}: {exc.strerror}; give "
            "--supercharge-record a path in an existing, writable folder with room left"
        )


class _LineError(Exception):
    """What is wrong with one line."""


def _is_gzip(path: Path) -> bool:
    return path.suffix == ".gz"


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path) if _is_gzip(path) else path.open("rb")


def _open_for_appending(path: Path) -> FileIO:
    file = path.open("ab+", buffering=0)
    if not _is_gzip(path) and file.tell():
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":  # a killed run's last line must not swallow our first
            _write(file, b"\n")
    return file


def _write(file: FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def _parse(line: bytes) -> Recorded:
    record = _as_object(line)
    for key in _REQUIRED:
        if not isinstance(record.get(key), str):
            raise _LineError(f'"{key}" is missing or not a string')
    if record["request"] not in _KINDS:
        raise _LineError(f'unknown request "{record["request"]}": one of {", ".join(_KINDS)}')
    return Recorded(
        stub=record["stub"],
        kind=_KINDS[record["request"]],
        # JSON can spell half a surrogate pair, which no file or parser downstream takes.
        text=record["completion"].encode("utf-8", "replace").decode(),
        extra={key: value for key, value in record.items() if key not in _REQUIRED + _KNOWN},
        **{key: _typed(key, record[key]) for key in _KNOWN if record.get(key) is not None},
    )


def _as_object(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise _LineError(f"not valid JSON ({exc})") from exc
    if not isinstance(record, dict):
        raise _LineError("not a JSON object")
    return record


def _typed(key: str, value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, _OPTIONAL[key]):
        raise _LineError(f'"{key}" is {value!r}, which is not {_OPTIONAL[key][-1].__name__}')
    return value


def _as_line(completion: Completion, family: str) -> dict[str, object]:
    line: dict[str, object] = {
        "stub": completion.stub,
        "request": completion.kind.value,
        "completion": completion.text,
        "seed": completion.seed,
        "tokens": completion.tokens,
        "prompt_tokens": completion.prompt_tokens,
        "finish": completion.finish,
        "index": completion.index,
        "logprob": completion.logprob,
        "family": family or None,
    }
    return {key: value for key, value in line.items() if value is not None}
