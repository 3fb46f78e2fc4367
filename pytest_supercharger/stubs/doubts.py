"""Why may a function that is not implemented be meant to stay so?"""

from __future__ import annotations

import ast
import re

from pytest_supercharger.stubs.definitions import Function, sole_raise
from pytest_supercharger.stubs.hierarchy import Hierarchy
from pytest_supercharger.stubs.module import Module
from pytest_supercharger.stubs.places import Place

_FOR_OTHERS = re.compile(
    r"\bsub-?class|\bchild class|\bderived\b|\boverrid|\binherit"
    r"|\bnot\s+(currently\s+|yet\s+)?(supported|available)|\bunsupported|\bunavailable"
    r"|n[o']t\s+support|\bno support|\black(s|ing)?\b.*\bsupport",
    re.IGNORECASE,
)


def why_perhaps(module: Module, place: Place, hierarchy: Hierarchy) -> str:
    """Why an unmarked function may be meant to stay as it is; "" when nothing says so."""
    message = _message(place.node)
    if _FOR_OTHERS.search(message):
        return f"its message speaks of subclasses or lack of support: {message!r}"
    if place.scope.branch:
        return f"it stands under a platform or version branch: {place.scope.branch}"
    if place.scope.in_class:
        abstract = hierarchy.abstract_base(module, place.scope.classes[-1])
        of = f" of a class derived from {abstract}" if abstract else ""
        return f"it is an unmarked method{of}: subclasses may be meant to override it"
    return ""


def _message(node: Function) -> str:
    raised = sole_raise(node)
    if raised is None or not isinstance(raised.exc, ast.Call):
        return ""
    constants = (part for part in ast.walk(raised.exc) if isinstance(part, ast.Constant))
    return "".join(part.value for part in constants if isinstance(part.value, str))
