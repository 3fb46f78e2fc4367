"""Real isolated places for the tests of this folder, with a runner that obeys."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_supercharger.bundled import sandbox_dir
from pytest_supercharger.sandboxes.base import Project
from pytest_supercharger.sandboxes.worker import Launcher, Transport

# In place of the real runner: the length of a program on a line, then the program.
OBEDIENT_RUNNER = """
stdin = open(0, "rb", buffering=0, closefd=False)  # what follows the program stays unread
size, source = int(stdin.readline()), b""
while len(source) < size:
    source += stdin.read(size - len(source))
exec(compile(source, "inside", "exec"), {"__name__": "inside"})
"""


def obedient_folder(folder: Path) -> Path:
    """A copy of ``sandbox/`` whose runner runs what it is sent."""
    folder.mkdir()
    folder.chmod(0o755)
    for name in ("enter.py", "selftest.py", "hidden"):
        shutil.copy(sandbox_dir() / name, folder / name)
    (folder / "runner.py").write_text(OBEDIENT_RUNNER)
    return folder


def project_at(rootdir: Path, **changes: Any) -> Project:
    values: dict[str, Any] = {
        "rootdir": str(rootdir),
        "invocation_dir": str(rootdir),
        "ini_file": "",
        "args": (),
        "cwd_on_path": False,
        "python_path": (),
        "options": (),
        "mounts": (),
        "env": (),
    }
    return Project(**(values | changes))


@dataclass
class Place:
    """One back end over one project."""

    launcher: Launcher
    rootdir: Path
    started: list[Transport] = field(default_factory=list)

    def start(self, program: str, replaced: Mapping[str, Path] | None = None) -> Transport:
        transport = self.launcher.launch(replaced or {})
        self.started.append(transport)
        source = textwrap.dedent(program).encode()
        transport.send(b"%d\n%s" % (len(source), source))
        return transport

    def tell(self, program: str, replaced: Mapping[str, Path] | None = None) -> Any:
        """What ``program`` prints, which is JSON."""
        return json.loads(read_all(self.start(program, replaced)))

    def close(self) -> None:
        for transport in self.started:
            transport.kill()
        self.launcher.close()


def read_all(transport: Transport, seconds: float = 30.0) -> bytes:
    text, deadline = b"", time.monotonic() + seconds
    while data := transport.receive(1 << 16, deadline):
        text += data
    return text
