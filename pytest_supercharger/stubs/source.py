"""What does a Python file say, in which encoding, and how does text become its bytes again?"""

from __future__ import annotations

import hashlib
import io
import re
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.exceptions import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A source file as it was read, and the way back to bytes."""

    path: Path
    data: bytes  # the whole file
    text: str  # decoded, without BOM, with its own line ends: mixed ones survive
    encoding: str  # a codec's name; "utf-8-sig" when there is a BOM
    digest: str  # sha256 of data

    @property
    def newline(self) -> str:
        """The line end that occurs most, for lines to be added."""
        counts = Counter(re.findall(r"\r\n|\n|\r", self.text))
        return counts.most_common(1)[0][0] if counts else "\n"

    def encode(self, text: str) -> bytes:
        """``text`` in this file's encoding, with its BOM; line ends as they are in ``text``.

        Raises SourceError when the encoding has no place for a character.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as exc:
            raise SourceError(
                f"{self.path}: the file's encoding {self.encoding} has no {text[exc.start]!r}:"
                f" save the file as UTF-8"
            ) from exc


def read_source(path: Path) -> SourceText:
    """Read a Python file in the encoding that its BOM or coding comment declares.

    Raises SourceError when it cannot be read, decoded, or written back byte for byte.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SourceError(f"cannot be read: {exc.strerror or exc}") from exc
    return decode(path, data)


def decode(path: Path, data: bytes) -> SourceText:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        same = text.encode(encoding) == data
    except (SyntaxError, UnicodeError, LookupError) as exc:
        raise SourceError(f"cannot be decoded: {exc}") from exc
    if not same:
        raise SourceError(f"cannot be written back unchanged in its encoding {encoding}")
    digest = hashlib.sha256(data).hexdigest()
    return SourceText(path=path, data=data, text=text, encoding=encoding, digest=digest)
