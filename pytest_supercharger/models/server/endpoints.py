"""Which servers does a SPEC name? Addresses, taken apart and checked; nothing is asked yet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pytest_supercharger.exceptions import ModelUnavailable

_WANTED = "write http://HOST:PORT/v1#MODEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model on one OpenAI-compatible server."""

    url: str  # its API, without a slash at the end: http://127.0.0.1:8080/v1
    model: str  # "": the only one it has

    def __str__(self) -> str:
        return f"{self.url}#{self.model}" if self.model else self.url

    @property
    def root(self) -> str:
        """Where what is not OpenAI's lies: llama-server's ``/props`` and the like."""
        return self.url.removesuffix("/v1")

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent to it stays on this machine."""
        host = urlsplit(self.url).hostname or ""
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False


def parse_endpoints(spec: str) -> tuple[Endpoint, ...]:
    """Take comma-separated addresses apart.

    :raises ModelUnavailable: one is none, or says something twice or too much; the message names
        it, a password in it left out.
    """
    endpoints = tuple(_parse(part.strip()) for part in spec.split(","))
    for number, endpoint in enumerate(endpoints):
        if endpoint in endpoints[:number]:
            raise ModelUnavailable(f"the server {endpoint} is named twice: name it once")
    return endpoints


def _parse(text: str) -> Endpoint:
    if not text:
        raise ModelUnavailable(f"an empty address stands in a list of servers: {_WANTED}")
    address, mark, model = text.partition("#")
    url = _split(address)
    if mark and not model:
        raise ModelUnavailable(
            f"{address}# names no model: write its name behind the #, or leave the # out where the "
            "server has only one"
        )
    return Endpoint(url=f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}", model=model)


def _split(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        _ = url.port  # raises where it is no number
    except ValueError as exc:
        # Not the address: what is wrong with it may be its password.
        raise ModelUnavailable(f"an address of a server is none ({exc}): {_WANTED}") from None
    if url.username is not None or url.password is not None:
        raise ModelUnavailable(
            f"the address of {url.hostname} holds a user name or a password: leave it out, and set "
            "SUPERCHARGE_API_KEY to the key that the server wants"
        )
    if url.scheme.lower() not in ("http", "https") or not url.hostname:
        raise ModelUnavailable(f"{address!r} is no address of a server: {_WANTED}")
    if url.query:
        raise ModelUnavailable(
            f"the address of {url.hostname} holds a ?query, which is not sent: {_WANTED}, and set "
            "SUPERCHARGE_API_KEY where the server wants a key"
        )
    return url._replace(scheme=url.scheme.lower(), netloc=url.netloc.lower())
