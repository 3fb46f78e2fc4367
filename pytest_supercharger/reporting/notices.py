"""What is said apart from a report: nothing to fill in, something put back, not loaded yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_supercharger.reporting.terminal import Writer, count
from pytest_supercharger.stubs import Found


def render_nothing(found: Found, writer: Writer) -> None:
    """No stub was found; files that could not be read might hold some."""
    writer.line(
        f"supercharge: no stubs in {count(found.files, 'Python file')} "
        "(a stub is marked @todo_llm, or its body is raise NotImplementedError)"
    )
    for unreadable in found.unreadable:
        writer.line(f"  {unreadable.path}: {unreadable.reason}", yellow=True)


def render_undo(
    restored: Sequence[str],
    refused: Sequence[tuple[str, str]],
    patch: Path | None,
    writer: Writer,
) -> None:
    """What ``--supercharge-undo`` has put back, and what it has left alone."""
    writer.sep("=", "supercharge")
    if not restored and not refused:
        writer.line("nothing to undo: no run has written a file here, or all is put back already")
    for path in restored:
        writer.line(f"put back  {path}", green=True)
    for path, reason in refused:
        writer.line(f"refused   {path}: {reason}", red=True)
    if patch:
        writer.line(f"the way back of the refused files is in {patch}: review and apply it by hand")


def conftest_not_loaded(path: Path, cause: BaseException) -> str:
    """Said before anything else: pytest may next complain of an option that only it declares."""
    return (
        f"supercharge: {path} cannot be imported yet ({type(cause).__name__}: {cause}); "
        "its options, hooks and plugins are unknown until it can"
    )
