"""The type of the fixture ``stub_in``."""

from __future__ import annotations

from typing import Protocol

from pytest_supercharger.stubs import Stub


class StubIn(Protocol):
    """Finds the stub of a qualified name (the first by default) in the text of a module."""

    def __call__(self, source: str, qualname: str = "") -> Stub: ...
