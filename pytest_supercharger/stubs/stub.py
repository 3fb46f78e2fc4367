"""What is known of an unimplemented function, and of a search for them?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What sort of function a stub is; decides how a candidate is called and spliced."""

    FUNCTION = "function"
    METHOD = "method"
    CLASSMETHOD = "classmethod"
    STATICMETHOD = "staticmethod"
    PROPERTY = "property"  # getter, setter or deleter


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """One unimplemented function, as it was read.

    Lines are 1-based, columns are 0-based and count characters of the decoded text, as in
    libcst. All texts keep the user's own wording, with line ends as ``\\n``.
    """

    id: str  # path/relative/to/rootdir.py::Qual.name, the name used everywhere
    path: str  # posix, relative to the rootdir
    qualname: str  # Qual.name: C.x, C.x.setter, outer.<locals>.inner, and #2 for a redefinition
    name: str  # the function's own name
    kind: Kind
    is_async: bool
    is_generator: bool  # the body yields, or the return annotation says iterator or generator
    marked: bool  # decorated with todo_llm
    perhaps: str  # why it is only perhaps a stub; "" when it is one
    hint: str  # from todo_llm(...)
    examples: tuple[str, ...]  # from todo_llm(examples=[...])
    comments: tuple[str, ...]  # comments inside the body, without the "#"
    signature: str  # decorators (todo_llm left out) and def line(s) to the colon, dedented
    parameters: tuple[str, ...]  # names, without * and **
    docstring: str  # its value, cleaned by inspect.cleandoc; "" when there is none
    body: str  # source of an existing body (marked stubs), dedented; "" for a plain stub
    classes: tuple[str, ...]  # names of the classes around it, outermost first
    line: int  # of the def keyword
    end_line: int  # last line of the body
    digest: str  # sha256 of the file's bytes as they were read


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that may hold stubs but cannot be read or parsed; listed, never guessed at."""

    path: str
    reason: str  # "syntax error at line 3: ..." and the like


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search brought to light."""

    stubs: tuple[Stub, ...]  # perhaps-stubs included, by path and line
    unreadable: tuple[Unreadable, ...]  # by path
    files: int  # Python files looked at
