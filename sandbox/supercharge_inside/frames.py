"""Length-prefixed JSON over file descriptors, in both directions."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from typing import Any

MAX_FRAME = 64 << 20  # bytes; nothing honest comes near it


def write_frame(fd: int, message: Any) -> None:
    """Send one message; blocks until it is out."""
    body = json.dumps(message, separators=(",", ":")).encode()
    data = memoryview(struct.pack("!I", len(body)) + body)
    while data:
        data = data[os.write(fd, data) :]


def read_frame(fd: int) -> Any:
    """Receive one message; EOFError at the end of the stream."""
    (size,) = struct.unpack("!I", _read_exactly(fd, 4))
    if size > MAX_FRAME:
        raise ValueError(f"a frame of {size} bytes is over the limit of {MAX_FRAME}")
    return json.loads(_read_exactly(fd, size))


def _read_exactly(fd: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(fd, min(1 << 16, size - len(parts)))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


class FrameBuffer:
    """Frames out of bytes that arrive in pieces from a process that may lie."""

    def __init__(self, limit: int) -> None:
        self._data = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> Iterator[Any]:
        """The messages completed by ``data``; ValueError at what is no frame of ours."""
        self._data += data
        while len(self._data) >= 4:
            (size,) = struct.unpack_from("!I", self._data)
            if size > self._limit:
                raise ValueError(f"a frame of {size} bytes is over the limit of {self._limit}")
            if len(self._data) < 4 + size:
                return
            frame = bytes(self._data[4 : 4 + size])
            del self._data[: 4 + size]
            try:
                message = json.loads(frame)
            except RecursionError as error:
                raise ValueError("a frame that is nested too deeply") from error
            yield message
