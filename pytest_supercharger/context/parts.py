"""What is a context made of?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub


class PartKind(str, Enum):
    """What a part tells, nearest first."""

    STUB = "stub"  # signature, docstring, hints, comments
    BODY = "body"  # what a marked stub does at present
    AROUND = "around"  # the classes and functions it is in
    TESTS = "tests"  # the tests that need it
    IMPORTS = "imports"  # import statements of its file
    MODULE = "module"  # what else its file offers
    LIBRARY = "library"  # what its file imports from the project
    CALLERS = "callers"  # lines around its calls
    OTHER_TESTS = "other tests"  # tests that run it and pass without it


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedTest:
    """One of the project's tests that reaches the stub."""

    id: str  # node id, with or without the parameter part
    belongs: bool  # it fails because of the stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of what the model is told."""

    kind: PartKind
    title: str  # in words; also what the ledger names when it was dropped
    text: str  # Python source, without indentation of its own
    tokens: int  # of title and text as they are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Cases of a parametrised test that the model is not shown."""

    test: str  # node id of the function, or of the class that is parametrised
    shown: int
    held: int
    ids: tuple[str, ...]  # their parts of the parameter id; () where they cannot be foretold


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that the model is told about a stub; the same for every request."""

    stub: Stub
    parts: tuple[Part, ...]  # nearest first; parts[0] is the stub itself
    enclosing: str  # headers of the classes and functions around it, as source; "" for none
    depth: int  # how many there are
    held_back: tuple[HeldBack, ...]
    budget: int  # tokens the parts had to fit in
    dropped: tuple[str, ...]  # titles of what did not fit, or was not found
    after: str = ""  # whole lines that follow it in its file, as they are; "" for not known

    @property
    def tokens(self) -> int:
        """Tokens of all parts together."""
        return sum(part.tokens for part in self.parts)

    def of(self, kind: PartKind) -> tuple[Part, ...]:
        """The parts of one kind, in order."""
        return tuple(part for part in self.parts if part.kind is kind)

    def hides(self, node_id: str) -> bool:
        """Whether this test item is, or may be, a case that the model is not shown."""
        test, parameters = split_node_id(node_id)
        return bool(parameters) and any(_holds(held, test, parameters) for held in self.held_back)


def split_node_id(node_id: str) -> tuple[str, str]:
    """Node id without its parameter part, and that part without brackets; "" for none."""
    path, colons, rest = node_id.partition("::")
    name, bracket, parameters = rest.partition("[")
    return path + colons + name, parameters.removesuffix("]") if bracket else ""


def _holds(held: HeldBack, test: str, parameters: str) -> bool:
    if not covers(held, test):
        return False
    return not held.ids or any(f"-{case_id}-" in f"-{parameters}-" for case_id in held.ids)


def covers(held: HeldBack, test: str) -> bool:
    return test == held.test or test.startswith(f"{held.test}::")
