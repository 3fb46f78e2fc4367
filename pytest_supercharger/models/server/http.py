"""The connection to one server: what goes out, how much may come in, and what went wrong.

The ``openai`` client sends and takes streams apart; what it would take from the environment
(headers, keys, and for this machine's own addresses proxies) is left behind here.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.server.endpoints import Endpoint

KEY = "SUPERCHARGE_API_KEY"
_CONNECT_SECONDS = 5.0
_LONGEST_WAIT = 60.0  # seconds, whatever a server asks for
_MOST_BYTES = 16 << 20  # of one response, unless its reader says otherwise
_MOST_BYTES_OF_AN_ERROR = 1 << 16
_MOST_WORDS = 300  # characters of what a server says of an error
_SENT = {
    *("host", "accept", "accept-encoding", "connection", "content-length", "content-type"),
    *("transfer-encoding", "user-agent"),
}
_BUSY = (429, 503)
_REFUSED = (400, 404, 405, 413, 415, 422, 501)  # the request, by a server that is well


class Trouble(Exception):
    """A server did not do what it was asked; what it says holds no key."""

    def __init__(
        self,
        cause: str,
        *,
        status: int = 0,  # HTTP's; 0: it did not come to that
        again: bool = False,  # the same may work in a moment
        wait: float | None = None,  # seconds that the server asks for
        unreachable: bool = False,  # there was no connection
        lasting: bool = False,  # it will not work later either
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.status = status
        self.again = again
        self.wait = wait
        self.unreachable = unreachable
        self.lasting = lasting

    @property
    def is_busy(self) -> bool:
        """Whether the server is well, and has too much to do, or not begun yet."""
        return self.status in _BUSY

    @property
    def is_refusal(self) -> bool:
        """Whether it is about the request, and not about the server."""
        return self.status in _REFUSED and not self.lasting


class _TooMuch(Exception):
    """A response is longer than any answer to the request."""


class Line:
    """Sends requests to one server. Belongs to the loop it was made in."""

    def __init__(self, endpoint: Endpoint, *, key: str | None, timeout: float) -> None:
        """``timeout``: seconds without a byte.

        :raises ModelUnavailable: the openai package is missing.
        """
        self._endpoint = endpoint
        self._key = key or ""
        self._timeout = timeout
        openai = import_openai()
        self._http = _http_of(openai)
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            # Not the key: what holds it can print it. It is put in where a request goes out.
            api_key="unused",
            max_retries=0,  # ours know of other servers
            http_client=self._open(openai),
        )
        self._stream = openai.AsyncStream[object]
        self.errors = (
            openai.OpenAIError,
            self._http.HTTPError,
            self._http.StreamError,
            self._http.InvalidURL,
            ValueError,
            _TooMuch,
        )

    async def close(self) -> None:
        await self._client.close()

    async def stream(self, path: str, body: dict[str, Any], *, most_bytes: int) -> Any:
        """Post to a path of the API; what comes is an ``openai.AsyncStream`` of JSON values.

        :raises Trouble: it could not be asked, or said no.
        """
        try:
            stream = await self._client.post(
                path, cast_to=object, body=body, stream=True, stream_cls=self._stream
            )
        except self.errors as exc:
            trouble = self.trouble(exc)
        else:
            stream.response.stream.most = most_bytes
            return stream
        raise trouble  # outside: an exception in its context could hold the key

    async def fetch(self, address: str, body: object = None, *, timeout: float) -> Any:
        """Get an address, or post to it; what comes is one JSON value.

        :raises Trouble: as ``stream``.
        """
        seconds = min(timeout, self._timeout)
        options = {"timeout": self._http.Timeout(seconds)}
        try:
            if body is None:
                return await self._client.get(address, cast_to=object, options=options)
            return await self._client.post(address, cast_to=object, body=body, options=options)
        except self.errors as exc:
            trouble = self.trouble(exc, seconds)
        raise trouble

    def redacted(self, text: str) -> str:
        """The text without the key, should the server have sent it back."""
        return text.replace(self._key, "***") if self._key else text

    def trouble(self, exc: BaseException, seconds: float = 0.0) -> Trouble:
        """What one of ``errors`` means; ``seconds`` were waited for a byte, 0: as for a stream."""
        status = getattr(exc, "status_code", None)
        if isinstance(status, int):
            return self._of_status(status, exc)
        if isinstance(exc, _TooMuch):
            return Trouble(str(exc))
        if "Timeout" in type(exc).__name__:
            if any("ConnectTimeout" in type(each).__name__ for each in _chain(exc)):
                return Trouble(f"no connection within {_CONNECT_SECONDS:g} s", unreachable=True)
            return Trouble(f"no answer within {seconds or self._timeout:g} s")
        if isinstance(exc, ValueError):
            return Trouble(f"sent what is no JSON: {self._short(str(exc))}", again=True)
        unreachable = any("ConnectError" in type(each).__name__ for each in _chain(exc))
        return Trouble(self._short(_root_cause(exc)), again=True, unreachable=unreachable)

    def _of_status(self, status: int, exc: Any) -> Trouble:
        words = self._short(_words(exc.response.text)).removeprefix(str(status)).lstrip()
        cause = f"{status} {words}".rstrip()
        if status in (401, 403):
            remedy = f"it does not take the key in {KEY}" if self._key else f"set {KEY} to its key"
            return Trouble(f"{cause}: {remedy}", status=status, lasting=True)
        if 300 <= status < 400:
            target = self._short(exc.response.headers.get("location", "nowhere"))
            return Trouble(
                f"{status} it sends on to {target}: give the address that answers",
                status=status,
                lasting=True,
            )
        wait = _wanted_wait(exc.response.headers, words) if status in _BUSY else None
        return Trouble(cause, status=status, again=status >= 500 or status in _BUSY, wait=wait)

    def _short(self, text: str) -> str:
        text = " ".join(self.redacted(text).split())
        return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}..."

    def _open(self, openai: Any) -> Any:
        return openai.DefaultAsyncHttpxClient(
            # A proxy elsewhere would be shown what is meant for this machine alone.
            trust_env=not self._endpoint.is_loopback,
            follow_redirects=False,  # they may lead to any host
            timeout=self._http.Timeout(self._timeout, connect=_CONNECT_SECONDS),
            limits=self._http.Limits(max_connections=None, max_keepalive_connections=32),
            event_hooks={"request": [self._leave_behind], "response": [self._bound]},
        )

    async def _leave_behind(self, request: Any) -> None:
        """Send what a request needs, and nothing else that was found in the environment."""
        for name in [name for name in request.headers if name.lower() not in _SENT]:
            del request.headers[name]
        request.headers["accept-encoding"] = "identity"
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"

    async def _bound(self, response: Any) -> None:
        is_error = response.status_code >= 300
        response.stream = _bounded_type(self._http)(
            response.stream, _MOST_BYTES_OF_AN_ERROR if is_error else _MOST_BYTES, is_error
        )


def import_openai() -> Any:
    """The openai package, from the first server on.

    :raises ModelUnavailable: it is not there.
    """
    try:
        import openai
    except ImportError as exc:
        raise ModelUnavailable(
            "servers are asked with the openai package, which cannot be imported "
            f'({exc}): run `pip install "pytest-supercharger[server]"`'
        ) from exc
    return openai


def _http_of(openai: Any) -> Any:
    """The HTTP library that this openai uses: httpx, from its version 3 on httpx2."""
    client = openai.DefaultAsyncHttpxClient.__mro__[1]
    return sys.modules[client.__module__.partition(".")[0]]


def _bounded_type(http: Any) -> Any:
    """A stream of bytes as the HTTP library wants it, that ends or breaks at a number of them."""

    class Bounded(http.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, most: int, cut: bool) -> None:
            self.most = most
            self._inner = inner
            self._cut = cut

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for chunk in self._inner:
                seen += len(chunk)
                if seen > self.most and self._cut:
                    return
                if seen > self.most:
                    raise _TooMuch(f"sent more than {self.most} bytes, no answer is that long")
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Bounded


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _root_cause(exc: BaseException) -> str:
    """What the operating system says where it says something, else the innermost message."""
    for each in _chain(exc):
        if isinstance(each, OSError) and each.errno:
            known = each.errno > 0  # below are those of name resolution
            return os.strerror(each.errno) if known else str(each.strerror)
    said = [str(each) for each in _chain(exc) if str(each)]
    return said[-1] if said else type(exc).__name__


def _words(text: str) -> str:
    """What an error's body says: the message of a JSON object, or a page without its tags."""
    found = re.search(r'"(?:message|detail)"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    if found:
        return found[1].replace('\\"', '"').replace("\\n", " ")
    return re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)


def _wanted_wait(headers: Any, words: str) -> float | None:
    """Seconds of a Retry-After header, a number or a date, or as in words: "try again in 6s"."""
    text = headers.get("retry-after", "")
    said = re.search(r"(?i)try again in (\d+(?:\.\d+)?) ?s", words)
    try:
        seconds = float(text or (said[1] if said else ""))
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
