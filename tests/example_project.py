"""An immutable little project: every run happens in a folder of its own and returns a new one."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

RECORDING = "recording.jsonl"


@cache
def _room() -> str:
    """A folder for all projects of this process, gone with it."""
    room = tempfile.mkdtemp(prefix="examples-")
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return room


def code(stub: str, *completions: str, kind: str = "code") -> list[dict[str, str]]:
    """Lines of a recording: these completions for one stub."""
    return [
        {"stub": stub, "request": kind, "completion": textwrap.dedent(text)} for text in completions
    ]


@dataclass(frozen=True)
class Run:
    """What ``pytest --supercharge`` did."""

    returncode: int
    output: str
    report: dict[str, Any]  # the JSON report; {} when none was written
    project: Project  # with the files as they are now
    folder: Path

    def stub(self, name: str) -> dict[str, Any]:
        """The report's entry of the stub whose id ends so."""
        assert self.report, self.output
        (found,) = [stub for stub in self.report["stubs"] if stub["id"].endswith(name)]
        assert isinstance(found, dict)
        return found

    def status(self, name: str) -> str:
        return str(self.stub(name)["status"])


@dataclass(frozen=True)
class Project:
    """Files by path (text or bytes), and what the recorded model answers."""

    files: Mapping[str, str | bytes]
    recording: Sequence[Mapping[str, str]] = field(default=())

    def with_files(self, files: Mapping[str, str | bytes]) -> Project:
        return replace(self, files={**self.files, **files})

    def answering(self, *recordings: Sequence[Mapping[str, str]]) -> Project:
        return replace(self, recording=[line for lines in recordings for line in lines])

    def write(self, folder: Path) -> Path:
        """Put the files and the recording into ``folder``."""
        for path, content in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else textwrap.dedent(content).encode()
            target.write_bytes(data)
        lines = [json.dumps(line) + "\n" for line in self.recording]
        (folder / RECORDING).write_text("".join(lines))
        return folder

    def run(
        self,
        *arguments: str,
        folder: Path | None = None,
        sandbox: str = "bubblewrap",
        model: str = f"replay:{RECORDING}",
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
        python: str | Path = sys.executable,
        start_in: str = ".",
    ) -> Run:
        """Run ``python -m pytest --supercharge`` in a folder of its own.

        The state directory lies beside the folder, so two runs in one folder share it;
        ``start_in``: the folder below it to start in.
        """
        folder = folder or Path(tempfile.mkdtemp(dir=_room())) / "project"
        if not folder.exists():
            folder.mkdir(parents=True)
            self.write(folder)
        report = folder.parent / "report.json"
        report.unlink(missing_ok=True)
        command = [
            *(str(python), "-m", "pytest", "--supercharge", f"--supercharge-model={model}"),
            *(f"--supercharge-sandbox={sandbox}", f"--supercharge-report={report}"),
            *(f"--supercharge-state-dir={folder.parent / 'state'}", *arguments),
        ]
        done = subprocess.run(
            command,
            cwd=folder / start_in,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(
            returncode=done.returncode,
            output=done.stdout,
            report=json.loads(report.read_text()) if report.exists() else {},
            project=replace(self, files=_read(folder, self.files)),
            folder=folder,
        )


def _read(folder: Path, files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """The same files as they are now, text as text; new files are not looked for."""
    return {
        path: (folder / path).read_bytes() if isinstance(content, bytes) else _text(folder / path)
        for path, content in files.items()
        if (folder / path).is_file()
    }


def _text(path: Path) -> str:
    return path.read_bytes().decode()
