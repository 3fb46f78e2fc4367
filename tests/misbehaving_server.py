"""A server with OpenAI's interface on localhost that does what it is told, mostly the wrong thing.

Real HTTP over real sockets. Each completion is answered by the next of its behaviours, the last one
for ever; a behaviour is a function of the :class:`Exchange`.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CODE = "```python\ndef f():\n    return 1\n```\n"
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def is_completion(self) -> bool:
        return self.path.endswith("/completions")


class Exchange:
    """A request, and the ways to answer it."""

    def __init__(self, handler: _Handler, body: dict[str, Any]) -> None:
        self.body = body
        self.headers = handler.headers
        self.server = handler.owner
        self.is_chat = "messages" in body
        self._handler = handler

    def send(
        self, status: int, content: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole response."""
        self.begin(status, kind, **headers, **{"Content-Length": str(len(content))})
        self._handler.wfile.write(content)

    def say_no(self, status: int, message: str, **headers: str) -> None:
        self.send(status, json.dumps({"error": {"message": message}}).encode(), **headers)

    def stream(self, kind: str = "text/event-stream") -> None:
        self.begin(200, kind, **{"Transfer-Encoding": "chunked"})

    def event(self, frame: object) -> None:
        self.chunk(b"data: " + json.dumps(frame).encode() + b"\n\n")

    def chunk(self, data: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def done(self) -> None:
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def hang_up(self) -> None:
        """Close the connection, whatever was sent."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)

    def wait_for_client_to_leave(self, seconds: float = 60.0) -> bool:
        """Whether it closed the connection within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.server.is_closing.is_set():
            readable, _, _ = select.select([self._handler.connection], [], [], _LOOK_SECONDS)
            if readable and not self._handler.connection.recv(1, socket.MSG_PEEK):
                self.server.count_leaver()
                return True
        return False

    def begin(self, status: int, kind: str, **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()


Behaviour = Callable[[Exchange], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: MisbehavingServer

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self.owner.handle(self, {})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.owner.handle(self, json.loads(self.rfile.read(length)))


@dataclass(kw_only=True)
class MisbehavingServer:
    """Runs from ``with`` on, on a free port."""

    behaviours: Sequence[Behaviour] = ()
    models: tuple[str, ...] = ("tiny",)
    owned_by: str = "somebody"
    details: dict[str, Any] = field(default_factory=dict)  # of each model in /v1/models
    props: dict[str, Any] | None = None
    tokenizer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    look: Behaviour | None = None  # for /v1/models
    port: int = 0  # 0: any that is free
    seen: list[Seen] = field(default_factory=list)
    leavers: int = 0  # clients that closed a connection on which something was to come

    def __post_init__(self) -> None:
        self.is_closing = threading.Event()
        self._lock = threading.Condition()
        self._answered = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._httpd = _Server(("127.0.0.1", self.port), handler)
        self.port = self._httpd.server_address[1]
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.01,))

    def __enter__(self) -> MisbehavingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._httpd.server_address[1]}/v1"

    @property
    def completions(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.is_completion]

    @property
    def open_connections(self) -> int:
        return len(self._httpd.connections)

    def die(self) -> None:
        """Listen no more, and close every connection."""
        self.is_closing.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self._httpd.close_connections()

    def wait_for(self, what: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Until something is so that changes with a request or a client that leaves."""
        with self._lock:
            return self._lock.wait_for(what, seconds)

    def count_leaver(self) -> None:
        with self._lock:
            self.leavers += 1
            self._lock.notify_all()

    def handle(self, handler: _Handler, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        exchange = Exchange(handler, body)
        with self._lock:
            self.seen.append(Seen(path=handler.path, headers=headers, body=body))
            behaviour = self._behaviour(handler.path)
            self._lock.notify_all()
        try:
            behaviour(exchange)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
            self.count_leaver()

    def _behaviour(self, path: str) -> Behaviour:
        if path.endswith("/models"):
            return self.look or self._list_models
        if path.endswith("/props") and self.props is not None:
            return lambda exchange: exchange.send(200, json.dumps(self.props).encode())
        if path.endswith("/tokenize") and self.tokenizer is not None:
            tokenizer = self.tokenizer
            return lambda exchange: exchange.send(
                200, json.dumps(tokenizer(exchange.body)).encode()
            )
        if not path.endswith("/completions"):
            return lambda exchange: exchange.say_no(404, "no such place")
        self._answered += 1
        behaviours = self.behaviours or (speaks(),)
        return behaviours[min(self._answered, len(behaviours)) - 1]

    def _list_models(self, exchange: Exchange) -> None:
        models = [{"id": m, "owned_by": self.owned_by, **self.details} for m in self.models]
        exchange.send(200, json.dumps({"object": "list", "data": models}).encode())


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that they can be closed from outside."""

    request_queue_size = 64
    daemon_threads = True
    block_on_close = False  # one of its own threads may close it

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        super().__init__(address, handler)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was first

    def server_close(self) -> None:
        self.close_connections()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was closed under a handler is what is tried here."""


# --- behaviours -----------------------------------------------------------------------------


def speaks(
    text: str = CODE,
    *,
    most: int = 64,  # choices that it gives for one request
    logprob: float | None = None,
    usage: bool = True,
    finish: str = "stop",
    thought: str = "",
) -> Behaviour:
    """An answer as it should be, a few letters at a time, all choices in turn."""

    def behaviour(exchange: Exchange) -> None:
        n = min(most, exchange.body.get("n", 1))
        exchange.stream()
        for piece in [thought] if thought else []:
            exchange.event({"choices": [{"index": 0, "delta": {"reasoning_content": piece}}]})
        for piece in pieces(text):
            for i in range(n):
                exchange.event({"choices": [choice(exchange, i, piece, logprob=logprob)]})
        for i in range(n):
            exchange.event({"choices": [choice(exchange, i, "", finish=finish)]})
        if usage:
            tokens = len(list(pieces(text))) * n
            given = {"prompt_tokens": 11, "completion_tokens": tokens}
            exchange.event({"choices": [], "usage": given})
        exchange.done()

    return behaviour


def pieces(text: str) -> Iterator[str]:
    """The tokens of :func:`speaks`."""
    for start in range(0, len(text), 4):
        yield text[start : start + 4]


def choice(
    exchange: Exchange,
    index: int,
    text: str,
    *,
    finish: str | None = None,
    logprob: float | None = None,
) -> dict[str, Any]:
    """One choice of a streamed frame."""
    said: dict[str, Any] = {"delta": {"content": text}} if exchange.is_chat else {"text": text}
    if logprob is not None and exchange.body.get("logprobs"):
        token = {"token": text, "logprob": logprob}
        chat = {"content": [token]}
        said["logprobs"] = chat if exchange.is_chat else {"token_logprobs": [logprob]}
    return {"index": index, "finish_reason": finish, **said}


def refuses(
    status: int,
    message: str,
    *,
    when: Callable[[dict[str, Any]], object] = lambda _: True,
    **headers: str,
) -> Behaviour:
    """Says no to requests of a kind, and speaks to the others."""

    def behaviour(exchange: Exchange) -> None:
        if when(exchange.body):
            exchange.say_no(status, message, **headers)
        else:
            speaks()(exchange)

    return behaviour


def never_answers(exchange: Exchange) -> None:
    exchange.wait_for_client_to_leave()


def begins_and_stalls(exchange: Exchange) -> None:
    """Some letters, and no more."""
    exchange.stream()
    for i in range(exchange.body.get("n", 1)):
        exchange.event({"choices": [choice(exchange, i, "begun")]})
    exchange.wait_for_client_to_leave()


def goes_on(text: str) -> Behaviour:
    """Says the same for ever, as soon as it can."""

    def behaviour(exchange: Exchange) -> None:
        exchange.stream()
        while not exchange.server.is_closing.is_set():
            exchange.event({"choices": [choice(exchange, 0, text)]})

    return behaviour


def floods(exchange: Exchange) -> None:
    """Bytes without a line's end."""
    exchange.stream()
    while not exchange.server.is_closing.is_set():
        exchange.chunk(b"x" * 65536)


def floods_with_an_error(exchange: Exchange) -> None:
    exchange.begin(500, "text/plain", **{"Transfer-Encoding": "chunked"})
    while not exchange.server.is_closing.is_set():
        exchange.chunk(b"y" * 65536)


def breaks_off(exchange: Exchange) -> None:
    """The connection closes in mid-answer."""
    exchange.stream()
    exchange.event({"choices": [choice(exchange, 0, "half of it")]})
    exchange.hang_up()


def ends_without_a_finish(exchange: Exchange) -> None:
    """As a server that breaks one request off for the next."""
    exchange.stream()
    exchange.event({"choices": [choice(exchange, 0, "half of it")]})
    exchange.done()


def sends_broken_json(exchange: Exchange) -> None:
    exchange.stream()
    exchange.chunk(b'data: {"choices": [{"index": 0, "delta": {"content": "a\n\n')
    exchange.done()


def sends_other_json(exchange: Exchange) -> None:
    exchange.stream()
    exchange.event({"choices": [{"index": 0, "delta": {"content": 5}}]})
    exchange.done()


def sends_a_page(exchange: Exchange) -> None:
    page = b"<html><head><style>b {}</style></head><body><h1>Hello</h1></body></html>"
    exchange.send(200, page, "text/html; charset=utf-8")


def shows_an_error_page(exchange: Exchange) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    exchange.send(502, page, "text/html")


def echoes_the_key(exchange: Exchange) -> None:
    exchange.say_no(500, f"not understood: {exchange.headers.get('Authorization')}")


def does_not_stream(exchange: Exchange) -> None:
    """Sends the whole answer as one JSON object."""
    n = exchange.body.get("n", 1)
    choices = [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": CODE}}
        for i in range(n)
    ]
    usage = {"prompt_tokens": 11, "completion_tokens": 8 * n}
    exchange.send(200, json.dumps({"choices": choices, "usage": usage}).encode())


def dies(exchange: Exchange) -> None:
    """The whole server goes down in mid-answer."""
    exchange.stream()
    exchange.event({"choices": [choice(exchange, 0, "half of it")]})
    exchange.server.die()
