"""One JSON object after another over a pipe, each behind its length in four bytes."""

from __future__ import annotations

import json
import struct
import threading
from typing import IO, Any

Frame = dict[str, Any]

# Exit codes of the process that answers.
IDLE = 75  # nothing was asked for so long that its memory is given back
FAILED = 70  # it cannot go on, and who asked was told

_LENGTH = struct.Struct(">I")


class FrameWriter:
    """Writes frames from any thread, each whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, frame: Frame) -> None:
        """Send ``frame`` at once.

        :raises OSError: nobody reads any more.
        """
        data = json.dumps(frame).encode()
        with self._lock:
            self._file.write(_LENGTH.pack(len(data)) + data)
            self._file.flush()


def read_frame(file: IO[bytes]) -> Frame | None:
    """The next frame, or None when the other end is gone, also in the middle of a frame."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = file.read(length)
    return None if len(data) < length else json.loads(data)
