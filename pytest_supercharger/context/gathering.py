"""What is known about a stub, in which order?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_supercharger.context.callers import caller_drafts
from pytest_supercharger.context.files import ProjectFiles, SourceFile
from pytest_supercharger.context.library import library_drafts
from pytest_supercharger.context.linked_tests import LinkedTests
from pytest_supercharger.context.offers import file_drafts
from pytest_supercharger.context.outlines import enclosing_headers
from pytest_supercharger.context.packing import pack, words_of
from pytest_supercharger.context.parts import Context, HeldBack, LinkedTest
from pytest_supercharger.context.surroundings import (
    around_drafts,
    bare_headers,
    find_chain,
    own_drafts,
)

if TYPE_CHECKING:
    from pytest_supercharger.stubs import Stub

_MAX_AFTER_CHARS = 1_500


def gather_context(
    stub: Stub,
    *,
    rootdir: Path,
    tests: Sequence[LinkedTest],
    all_stubs: Sequence[Stub],
    budget: int,
    count: Callable[[str], int],
    files: ProjectFiles | None = None,
) -> Context:
    """Collect what is known about a stub, at most ``budget`` tokens as ``count`` counts them.

    Hand the same ``files`` to every call of a run: each file is then read once. Raises
    SetupError when the stub itself does not fit. Files that cannot be parsed add nothing.
    """
    files = files or ProjectFiles(rootdir)
    home = files.read(stub.path)
    chain = find_chain(home, stub) if home else ()
    linked = LinkedTests(stub, files)
    near = linked.drafts(tests, belongs=True)
    drafts = [*own_drafts(stub), *around_drafts(stub, home, chain), *near]
    if home:
        words = words_of(draft_text for draft in drafts for draft_text in draft.texts)
        drafts += file_drafts(home, chain, all_stubs, words)
        drafts += library_drafts(home, files, words)
        drafts += caller_drafts(stub, home, files, {test.id for test in tests})
    drafts += linked.drafts(tests, belongs=False)
    parts, dropped = pack(stub, drafts, budget, count)
    return Context(
        stub=stub,
        parts=parts,
        enclosing=enclosing_headers(chain[:-1]) if chain else bare_headers(stub.classes),
        depth=len(chain) - 1 if chain else len(stub.classes),
        held_back=tuple(linked.held_back),
        budget=budget,
        dropped=(*dropped, *linked.missing),
        after=_after(home, stub, linked.held_back) if home and chain else "",
    )


def _after(home: SourceFile, stub: Stub, held_back: Sequence[HeldBack]) -> str:
    """The lines after the stub; none of a file that also has the cases that are held back."""
    if any(held.test.partition("::")[0] == home.path for held in held_back):
        return ""
    rest = "".join(home.text.split("\n", stub.end_line)[stub.end_line :])
    if len(rest) > _MAX_AFTER_CHARS:
        rest = rest[: rest.rfind("\n", 0, _MAX_AFTER_CHARS) + 1]
    return rest if rest.strip() else ""
