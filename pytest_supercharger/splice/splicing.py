"""How do chosen bodies get into the text of a file?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pytest_supercharger.clean.candidates import CodeCandidate
from pytest_supercharger.exceptions import SourceChanged, SourceError
from pytest_supercharger.splice.additions import Additions, Target
from pytest_supercharger.splice.bodies import body_edit
from pytest_supercharger.splice.layout import Layout, Site, no_warnings, read_layout
from pytest_supercharger.splice.placing import helper_edits, import_edits
from pytest_supercharger.splice.removal import (
    import_removal,
    mark_edit,
    removed_nodes,
    unused_imports,
)
from pytest_supercharger.splice.text import BOM, Edit, apply_edits
from pytest_supercharger.stubs import Stub


def splice(source: str, changes: Sequence[tuple[Stub, CodeCandidate]]) -> str:
    """Put each candidate's body in place of its stub's, all in one file.

    ``source`` is decoded with its own line ends; a stub is looked up in it by its qualname, so
    lines may have moved since it was found. Nothing changes but the bodies, imports and helpers
    that are added, and the ``todo_llm`` decorators and their import.

    Raises SourceChanged when a stub is not there or no longer a stub, SourceError when the
    result would not be valid Python or would give a name of the module a second meaning.
    """
    text = source.removeprefix(BOM)
    layout = read_layout(text)
    targets = [Target(site=_find_site(layout, stub), stub=stub, new=new) for stub, new in changes]
    _refuse_overlap(targets)
    result = apply_edits(text, _edits(layout, targets))
    _check(result, targets)
    return source[: len(source) - len(text)] + result


def _find_site(layout: Layout, stub: Stub) -> Site:
    site = layout.sites.get(stub.qualname)
    if site is None:
        raise SourceChanged(
            f"{stub.id}: no such stub in the file any more: it was renamed, removed or filled in"
        )
    return site


def _refuse_overlap(targets: Sequence[Target]) -> None:
    ordered = sorted(targets, key=lambda target: target.site.colon)
    for above, below in pairwise(ordered):
        if below.site.colon <= above.site.end:
            raise SourceError(
                f"{below.stub.id} overlaps {above.stub.id}: only one of them can be filled"
            )


def _edits(layout: Layout, targets: Sequence[Target]) -> list[Edit]:
    additions = Additions(layout)
    bodies: list[Edit] = []
    helpers: list[Edit] = []
    for target in targets:
        local = additions.add_imports(target)
        helpers += helper_edits(layout, target.site, additions.add_helpers(target))
        bodies.append(body_edit(layout, target, local))
    marks = [mark_edit(layout, *lines) for target in targets for lines in target.site.marks]
    unused = unused_imports(layout, [*bodies, *marks], targets)
    places = import_edits(layout, additions.imports, removed_nodes(unused))
    filled = {place.start for place in places}
    removals = [edit for each in unused for edit in import_removal(layout, each, filled)]
    return [*places, *helpers, *bodies, *marks, *removals]


def _check(result: str, targets: Sequence[Target]) -> None:
    try:
        with no_warnings():
            compile(result, "source", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        names = ", ".join(target.stub.id for target in targets)
        where = f" at line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
        reason = exc.msg if isinstance(exc, SyntaxError) else exc
        raise SourceError(f"{names}: the file would not compile{where}: {reason}") from exc
