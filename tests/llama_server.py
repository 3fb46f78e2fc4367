"""llama-cpp-python's own OpenAI-compatible server, on localhost with a file of the test's."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("llama_cpp", "fastapi", "uvicorn", "sse_starlette", "starlette_context", "gguf")


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaServer:
    """It listens."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def answered(self) -> int:
        """Completions so far."""
        return self.log.read_text("utf-8", "replace").count('/completions HTTP/1.1" 200')


def missing() -> str:
    """What it lacks here; "": nothing."""
    return ", ".join(name for name in NEEDED if importlib.util.find_spec(name) is None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def llama_server(
    model: str | Path, *, key: str, context: int, log: Path, alias: str = "random"
) -> Iterator[LlamaServer]:
    """Start it, and stop it at the end; its output goes to the file ``log``."""
    port = free_port()
    options = {"model": model, "port": port, "n_ctx": context, "api_key": key, "n_threads": 1}
    arguments = [part for k, v in options.items() for part in (f"--{k}", str(v))]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *arguments, "--model_alias", alias],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"},
        )
    try:
        _wait_until_it_listens(port, process, log)
        yield LlamaServer(url=f"http://127.0.0.1:{port}/v1", process=process, log=log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    said = log.read_text("utf-8", "replace")[-2000:]
    raise AssertionError(f"llama_cpp.server does not listen: {said}")
