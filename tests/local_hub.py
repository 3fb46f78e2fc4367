"""A Hugging Face hub on localhost: the few addresses that a fetch needs, and ways to misbehave.

Files come by a redirect to a second port, as from the hub's own file servers: what is shown to
the one must not be shown to the other.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40
_RESOLVE = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/[\w.-]+/(.+)")
_INFO = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/revision/[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a file's content."""

    file: str
    range: str  # "" when all was asked for
    authorization: str


@dataclass(kw_only=True)
class LocalHub:
    """What it offers, how it behaves, and what it was asked."""

    repositories: dict[str, dict[str, bytes]]
    address: str = ""
    files_address: str = ""
    token: str = ""  # without it everything is refused
    gated: bool = False  # files are for those who accepted the terms
    small: bool = False  # files are listed without sha256, as git keeps small ones
    checksum: str = ""  # listed instead of each file's own
    listed: Callable[[bytes], bytes] = bytes  # the content that size and checksum are told of
    cuts: list[int] = field(default_factory=list)  # bytes of the next answers, then cut off
    statuses: list[int] = field(default_factory=list)  # of the next answers with content
    stall: float = 0.0  # seconds of silence in the middle of the next answer
    slice: int = 1 << 20  # bytes sent at once
    pause: float = 0.0  # seconds between two
    ignores_range: bool = False
    announces: bool = True  # says the length beforehand
    page: bytes = b""  # instead of every answer of the hub itself, as a captive portal does
    asked: list[Asked] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # path of each request to the hub itself
    sent: threading.Event = field(default_factory=threading.Event)  # set when content flows


@contextmanager
def local_hub(repositories: dict[str, dict[str, bytes]]) -> Iterator[LocalHub]:
    """Serve ``repositories`` (files by name, by ORG/REPO) until the block ends."""
    hub = LocalHub(repositories=repositories)
    with _serving(_Front, hub) as hub.address, _serving(_Files, hub) as hub.files_address:
        yield hub


@contextmanager
def _serving(handler: type[_Answers], hub: LocalHub) -> Iterator[str]:
    bound = type(handler.__name__, (handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(hub: LocalHub | None, home: Path, **more: str) -> dict[str, str]:
    """Variables under which huggingface_hub talks to ``hub`` alone and keeps all in ``home``."""
    return {
        "HF_ENDPOINT": hub.address if hub else "http://127.0.0.1:9",
        "HF_HOME": str(home / "hf"),
        "HF_TOKEN_PATH": str(home / "no-token"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "XDG_CONFIG_HOME": str(home / "config"),
        "HOME": str(home),
        "NO_PROXY": "*",
        **more,
    }


class _Answers(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None: ...

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Front(_Answers):
    """The hub itself: what there is, and where its content comes from."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.hub.seen.append(self.path)
        path = self.path.partition("?")[0]
        info, resolve = _INFO.fullmatch(path), _RESOLVE.fullmatch(path)
        match = info or resolve
        repository = self.hub.repositories.get(match[1]) if match else None
        if self.hub.page:
            self.answer(200, {"Content-Type": "text/html"}, self.hub.page)
        elif self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self.answer(401, {"X-Error-Message": "Invalid username or password."})
        elif repository is None:
            self.answer(404, {"X-Error-Code": "RepoNotFound"})
        elif info:
            self.answer(200, {"Content-Type": "application/json"}, self._info(info[1]))
        elif resolve:
            self._resolve(resolve[1], resolve[2])

    def _info(self, repo: str) -> bytes:
        siblings = []
        for name, served in self.hub.repositories[repo].items():
            content = self.hub.listed(served)
            sibling: dict[str, object] = {"rfilename": name, "size": len(content)}
            sibling["blobId"] = git_sha1(content)
            if not self.hub.small:
                oid = self.hub.checksum or hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": oid, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode()

    def _resolve(self, repo: str, name: str) -> None:
        served = self.hub.repositories[repo].get(name)
        if self.hub.gated:
            self.answer(403, {"X-Error-Code": "GatedRepo"})
        elif served is None:
            self.answer(404, {"X-Error-Code": "EntryNotFound"})
        else:
            content = self.hub.listed(served)
            digest = hashlib.sha256(content).hexdigest()
            tag = git_sha1(content) if self.hub.small else digest
            headers = {
                "Location": f"{self.hub.files_address}/{repo}/{name}",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{tag}"',
                "X-Linked-Size": str(len(content)),
            }
            self.answer(302, headers)


class _Files(_Answers):
    """Where the content comes from."""

    def do_HEAD(self) -> None:
        self.answer(200, {})

    def do_GET(self) -> None:
        org, repo, name = self.path.strip("/").split("/", 2)
        content = self.hub.repositories[f"{org}/{repo}"][name]
        asked = self.headers.get("Range", "")
        authorization = self.headers.get("Authorization", "")
        self.hub.asked.append(Asked(file=name, range=asked, authorization=authorization))
        if self.hub.statuses:
            self.answer(self.hub.statuses.pop(0), {})
            return
        start = 0 if self.hub.ignores_range or not asked else int(asked[6:-1])
        if start >= len(content) and start:
            self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        self._send_head(start, len(content))
        self._send_body(content[start:])

    def _send_head(self, start: int, total: int) -> None:
        self.send_response(206 if start else 200)
        if self.hub.announces:
            self.send_header("Content-Length", str(total - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, body: bytes) -> None:
        self.close_connection = True
        cut = self.hub.cuts.pop(0) if self.hub.cuts else len(body)
        stall, self.hub.stall = self.hub.stall, 0.0
        try:
            for at in range(0, min(cut, len(body)), self.hub.slice):
                self.wfile.write(body[at : min(at + self.hub.slice, cut)])
                self.wfile.flush()
                self.hub.sent.set()
                time.sleep(stall or self.hub.pause)
                stall = 0.0
        except OSError:  # the client has gone
            pass


def git_sha1(content: bytes) -> str:
    """The name that git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
