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

_BEGIN = b"\x00supercharge\x00"
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
        text = json.dumps(frame).encode()
        data = _LENGTH.pack(len(text)) + text
        with self._lock:
            self._file.write(data)
            self._file.flush()

    def begin(self) -> None:
        """Mark where the frames begin: libraries may have printed something before."""
        with self._lock:
            self._file.write(_BEGIN)
            self._file.flush()


def skip_to_frames(file: IO[bytes]) -> None:
    """Read up to the mark, or to the end where there is none."""
    seen = b""
    while not seen.endswith(_BEGIN) and (byte := file.read(1)):
        seen = (seen + byte)[-len(_BEGIN) :]


def read_frame(file: IO[bytes]) -> Frame | None:
    """The next frame, or None when the other end is gone, also in the middle of a frame."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = file.read(length)
    return None if len(data) < length else json.loads(data)
