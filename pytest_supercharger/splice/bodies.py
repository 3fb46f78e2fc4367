"""How does a new body replace the old one?"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_supercharger.exceptions import SourceError
from pytest_supercharger.splice.additions import Target
from pytest_supercharger.splice.indentation import indented
from pytest_supercharger.splice.layout import Layout, Site
from pytest_supercharger.splice.text import BLANK, Edit, Text


def body_edit(layout: Layout, target: Target, imports: Sequence[str]) -> Edit:
    text, site = layout.text, target.site
    if not target.new.body.strip():
        raise SourceError(f"{target.stub.id}: the new body is empty")
    indent, unit = _body_indent(layout, site)
    start = site.docstring if site.docstring >= 0 else site.colon
    newline = text.newline(start)
    body = indented("\n".join([*imports, target.new.body]), indent, unit, newline)
    if site.one_line:
        return _unfolded(text, site, f"{newline}{indent}", f"{newline}{body}")
    if text.text[start : text.line_end(start)].lstrip(BLANK).startswith(";"):
        return Edit(start, site.end, newline + body)
    old = text.next_line(start)
    while old < site.end and not text.line(old).strip(BLANK):
        old = text.next_line(old)
    if old >= site.end:
        return Edit(text.line_end(start), site.end, newline + body)
    return Edit(old, site.end, body)


def _body_indent(layout: Layout, site: Site) -> tuple[str, str]:
    """The indentation of a body, and one more level of it."""
    outer = layout.text.indent(layout.text.start(site.node))
    if site.one_line:
        return outer + layout.unit, layout.unit
    inner = layout.text.indent(layout.text.start(site.node.body[0]))
    return inner, inner.removeprefix(outer) if inner.startswith(outer) else layout.unit


def _unfolded(text: Text, site: Site, line: str, body: str) -> Edit:
    """A body that stood on the line of its def becomes a block; a comment stays on the line."""
    docstring = ""
    if site.docstring >= 0:
        docstring = line + text.text[text.start(site.node.body[0]) : site.docstring]
    tail = text.text[text.end(site.node.body[-1]) : site.end]
    before, sign, comment = tail.partition("#")
    kept = before.replace(";", "") + sign + comment if sign else ""
    return Edit(site.colon, site.end, kept + docstring + body)
