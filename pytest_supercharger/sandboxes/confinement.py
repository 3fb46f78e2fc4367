"""Is this place really confined? Asked once at start, before anything a model wrote.

A kernel, a distribution's policy or an engine's configuration can take back what the flags ask
for, so the flags are no proof. The self-test tries it from inside; here the answer is judged.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytest_supercharger.exceptions import SandboxError, SandboxUnavailable
from pytest_supercharger.sandboxes.base import Project
from pytest_supercharger.sandboxes.mounts import is_under

_SECONDS = 60.0  # for the self-test; it needs well under one
_LONGEST = 1 << 16  # bytes of its answer
_OVERFLOW = 65534  # what a gid without a mapping looks like


class Receiver(Protocol):
    """The half of a transport that the self-test needs."""

    def receive(self, size: int, deadline: float | None) -> bytes: ...

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """What a passed self-test tells."""

    python: str  # version inside


def test_confinement(
    start: Callable[[Sequence[str]], Receiver], project: Project, *, uid: int, gid: int
) -> Confined:
    """Run ``selftest.py`` through ``start`` (its arguments -> transport) and judge the answer.

    SandboxUnavailable, saying what leaked or what is missing, when it is not as it must be.
    """
    with _outside_file() as secret, _listening() as port:
        asked = _questions(project, secret, port)
        try:
            transport = start([json.dumps(asked)])
        except SandboxError as error:
            raise SandboxUnavailable(str(error)) from error
        try:
            facts = _answer(transport)
        finally:
            transport.kill()
    problems = list(_judge(facts, uid, gid))
    if problems:
        raise SandboxUnavailable("the sandbox is not what it must be: " + "; ".join(problems))
    return Confined(python=str(facts["python"]))


test_confinement.__test__ = False  # type: ignore[attr-defined]  # no test for pytest to collect


def _questions(project: Project, secret: Path, port: int) -> dict[str, Any]:
    shown = (project.rootdir, *project.mounts)
    outside = [str(secret), "/etc/shadow", os.path.expanduser("~/.ssh")]
    needed = [project.rootdir, *filter(None, [project.ini_file])]
    return {
        "outside": [path for path in outside if not any(is_under(path, top) for top in shown)],
        "needed": needed,
        "writable": ["/", "/etc", "/usr", "/dev", *shown],
        "port": port,
    }


def _answer(transport: Receiver) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    text = b""
    try:
        while (data := transport.receive(_LONGEST, deadline)) and len(text) < _LONGEST:
            text += data
            if text.endswith(b"\n"):
                break
        answer = json.loads(text)
    except TimeoutError:
        raise SandboxUnavailable(f"the sandbox said nothing for {_SECONDS:g} s") from None
    except SandboxError as error:
        raise SandboxUnavailable(f"the sandbox does not start: {error}") from error
    except ValueError as error:
        raise SandboxUnavailable(f"the sandbox does not start: it said {text!r:.500}") from error
    return dict(answer)


def _judge(facts: dict[str, Any], uid: int, gid: int) -> Iterator[str]:
    if set(facts["uids"]) != {uid} or set(facts["gids"]) != {gid}:
        yield f"it runs as uid {facts['uids']}, gid {facts['gids']}, not as {uid}:{gid}"
    # In a user namespace the caller's own groups stay, all seen as the overflow group.
    if not set(facts["groups"]) <= {gid, _OVERFLOW}:
        yield f"it is in the groups {facts['groups']}"
    for name, value in facts["status"].items():
        if int(value or "0", 16) != (name == "NoNewPrivs"):
            yield f"{name} is {value}"
    if facts["pid"] != 1:
        yield "it has no process namespace of its own"
    for path in facts["seen"]:
        yield f"{path} can be read"
    for path in facts["missing"]:
        yield (
            f"{path} cannot be read by uid {uid} inside (chmod -R go+rX on it, or start pytest "
            "as the files' owner; a Docker engine on another machine cannot see it at all)"
        )
    for path in facts["written"]:
        yield f"{path} can be written to"
    if not facts["scratch"]:
        yield "its scratch folder cannot be written to"
    if facts["network"] or facts["interfaces"]:
        yield f"it reaches a network {facts['interfaces']}"


@contextmanager
def _outside_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="supercharge-") as folder:
        secret = Path(folder, "outside")
        Path(folder).chmod(0o755)
        secret.write_text("seen")
        secret.chmod(0o644)
        yield secret


@contextmanager
def _listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
