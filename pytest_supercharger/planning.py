"""Which stubs are filled, and in which order."""

from __future__ import annotations

import fnmatch
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from pytest_supercharger.linking import Links
from pytest_supercharger.stubs import Stub


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """A stub that is not filled, and why."""

    stub: Stub
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The stubs to fill, in order, and those to leave alone."""

    order: tuple[Stub, ...]
    left_alone: tuple[LeftAlone, ...]
    further: tuple[Stub, ...] = ()  # the chosen tests may come to them once others are filled

    @property
    def optional(self) -> tuple[Stub, ...]:
        """Stubs that are filled only where a test stops at them after all."""
        return (*(each.stub for each in self.left_alone), *self.further)

    def joined_by(self, stubs: Container[str]) -> Plan:
        """With the optional ones at which a test has stopped after all, by id."""
        return Plan(
            order=(*self.order, *(stub for stub in self.optional if stub.id in stubs)),
            left_alone=tuple(each for each in self.left_alone if each.stub.id not in stubs),
        )


def make_plan(stubs: Sequence[Stub], links: Links, *, only: Sequence[str], narrowed: bool) -> Plan:
    """Decide for every stub.

    ``only``: targets of ``--supercharge-only``; ``narrowed``: the user chose tests, and only
    stubs that they reach count. Stubs with tests come first: a stub that is reached only
    through another one gets its tests from there.
    """
    wanted = [
        stub for stub in stubs if not only or any(matches(t, stub, links.modules) for t in only)
    ]
    further = [stub for stub in wanted if narrowed and stub.id not in links.reached]
    wanted = [stub for stub in wanted if not narrowed or stub.id in links.reached]
    left_alone = [
        LeftAlone(stub=stub, reason=stub.perhaps)
        for stub in wanted
        if stub.perhaps
        and not links.tests.get(stub.id)
        and not _is_named(stub, only, links.modules)
    ]
    alone = {each.stub.id for each in left_alone}
    order = [stub for stub in wanted if stub.id not in alone]
    return Plan(
        order=tuple(_in_order(order, links)), left_alone=tuple(left_alone), further=tuple(further)
    )


def _in_order(stubs: Sequence[Stub], links: Links) -> list[Stub]:
    """With tests first; among those, one that another one speaks of comes before it."""
    covered = [stub for stub in stubs if links.tests.get(stub.id)]
    return [*_mentioned_first(covered), *(stub for stub in stubs if stub not in covered)]


def _mentioned_first(stubs: Sequence[Stub]) -> list[Stub]:
    ordered: list[Stub] = []
    visiting: set[str] = set()

    def visit(stub: Stub) -> None:
        if stub.id in visiting:
            return
        visiting.add(stub.id)
        for other in stubs:
            if other.id != stub.id and _speaks_of(stub, other):
                visit(other)
        ordered.append(stub)

    for stub in stubs:
        visit(stub)
    return ordered


def _speaks_of(stub: Stub, other: Stub) -> bool:
    words = " ".join((stub.docstring, stub.hint, stub.body, *stub.comments))
    return len(other.name) > 3 and f"{other.name}(" in words


def _is_named(stub: Stub, only: Sequence[str], modules: Mapping[str, str]) -> bool:
    """Whether a target names this stub itself rather than a file or package that holds it."""
    dotted = f"{_module(stub, modules)}.{stub.qualname}"
    return any(
        _fits(stub.id, target) if "::" in target else target in (stub.qualname, dotted)
        for target in only
    )


def matches(target: str, stub: Stub, modules: Mapping[str, str]) -> bool:
    """Whether a target of ``--supercharge-only`` covers a stub.

    A target is a path (a file or a folder), a dotted module or package, a dotted name inside
    one, a stub's name, or a glob over any of them.
    """
    path = target.rstrip("/").removeprefix("./")
    module = _module(stub, modules)
    names = (stub.id, stub.path, stub.qualname, module, f"{module}.{stub.qualname}")
    if any(_fits(name, path) for name in names):
        return True
    return (
        stub.path.startswith(f"{path}/")
        or module.startswith(f"{target}.")
        or (f".{module}".endswith(f".{target}"))
    )


def _module(stub: Stub, modules: Mapping[str, str]) -> str:
    """The dotted name under which the tests import a stub's file."""
    return modules.get(stub.path) or dotted_path(stub.path)


def _fits(name: str, target: str) -> bool:
    return name == target or fnmatch.fnmatchcase(name, target)


def dotted_path(path: str) -> str:
    """The dotted form of a path; a leading ``src`` or ``lib`` is no package."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts[1:] if parts[0] in ("src", "lib") and len(parts) > 1 else parts)
