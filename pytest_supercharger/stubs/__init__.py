"""Which functions are not implemented? Files of the rootdir to :class:`Stub` records.

Raw bytes are searched first, then ``ast`` reads the structure and ``tokenize`` the wording.
Not libcst, which comes in where source is changed: finding the 13 stubs of ``mailbox.py`` (2,151
lines) takes 30 ms this way, libcst with positions 450 ms.
"""

from pytest_supercharger.stubs.finding import find_stubs, find_stubs_in
from pytest_supercharger.stubs.source import SourceText, read_source
from pytest_supercharger.stubs.stub import Found, Kind, Stub

__all__ = [
    "Found",
    "Kind",
    "SourceText",
    "Stub",
    "find_stubs",
    "find_stubs_in",
    "read_source",
]
