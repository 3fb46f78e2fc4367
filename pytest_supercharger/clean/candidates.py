"""One completion to candidates, or the reason why there are none."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pytest_supercharger.clean.checks import find_checks
from pytest_supercharger.clean.examples import find_examples
from pytest_supercharger.clean.fences import Region, clean_answer, find_regions
from pytest_supercharger.clean.imports import (
    BUILTINS,
    choose_imports,
    missing_imports,
    read_all_names,
    read_module,
)
from pytest_supercharger.clean.pruning import (
    Body,
    FunctionNode,
    body_names,
    body_problem,
    find_function,
    find_helpers,
    free_names,
    function_source,
    has_result,
    match_parameters,
    needed_helpers,
    parameter_names,
    rename_parameters,
    take_body,
)
from pytest_supercharger.clean.syntax import (
    Broken,
    Parsed,
    indent,
    parse,
    parse_answer,
    parse_continuation,
)
from pytest_supercharger.stubs import Stub

CHECKS_PER_COMPLETION = 40
_OWN = ((("", "self"),), (("", "cls"),))  # of a class that an answer put around a function


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCandidate:
    """A body for a stub, and what it needs around it. The def line is the user's."""

    id: str  # first 16 hex digits of the sha256 over body, imports and helpers
    stub: str
    body: str  # statements at column 0, no docstring, line ends as \n
    imports: tuple[str, ...]  # one import statement each, needed at module level
    helpers: tuple[str, ...]  # source of module-level helpers (def, class, constant), in order
    origin: str = "sampled"  # "improved", "repaired", "kept" (from an earlier run)
    repairs: tuple[str, ...] = ()  # what cleaning did to the text, in words
    seed: int | None = None
    logprob: float | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCandidate:
    """One generated check: a single statement run in the namespace of the stub's module."""

    __test__ = False  # not for pytest to collect

    id: str  # first 16 hex digits of the sha256 over source
    stub: str
    source: str  # imports it needs, then one assert statement (or one small test function's body)
    trusted: bool = False  # from the docstring or todo_llm(examples=...): written by the user


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A completion that holds nothing to check, and why."""

    reason: str


def clean_code(
    text: str,
    stub: Stub,
    module_source: str,
    *,
    origin: str = "sampled",
    seed: int | None = None,
    logprob: float | None = None,
    tokens: int = 0,
    cut_off: str = "",
) -> CodeCandidate | Rejected:
    """Take the body for ``stub`` out of a completion, with the imports and helpers it uses.

    ``cut_off`` says how a completion ended that did not come to its end; it joins the repairs.
    ``module_source`` is the stub's file as it is; names that it binds are the user's and win
    over an answer's copies of them. Any text is fine, none raises.
    """
    answer = clean_answer(text)
    refusals: list[Rejected] = []
    for region in find_regions(answer.text, stub.name):
        found = _read_region(region, stub, module_source)
        if isinstance(found, Rejected):
            refusals.append(found)
            continue
        repairs = (cut_off, *answer.repairs, *region.repairs, *found.repairs)
        return replace(
            with_id(found),
            repairs=tuple(dict.fromkeys(filter(None, repairs))),
            origin=origin,
            seed=seed,
            logprob=logprob,
            tokens=tokens,
        )
    return refusals[0]


def with_id(candidate: CodeCandidate) -> CodeCandidate:
    """The candidate with the id that its body, imports and helpers give it."""
    parts = (candidate.body, *candidate.imports, *candidate.helpers)
    return replace(candidate, id=_digest("\0".join(parts)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _read_region(region: Region, stub: Stub, module_source: str) -> CodeCandidate | Rejected:
    parsed = _parse_region(region.code, stub)
    if isinstance(parsed, Rejected):
        return parsed
    node = find_function(parsed.tree, stub.qualname, stub.name)
    if node is None:
        return Rejected(reason=f"does not define {stub.name}")
    body = _fitting_body(parsed, node, stub)
    if isinstance(body, Rejected):
        return body
    problem = "" if "<locals>" in stub.qualname else body_problem(_header(stub), body.code)
    if problem:
        return Rejected(reason=f"does not compile: {problem}")
    return _gather(parsed, body, stub, module_source)


def _parse_region(code: str, stub: Stub) -> Parsed | Rejected:
    if not code.strip():
        return Rejected(reason="empty")
    if all(not line.strip() or line.lstrip().startswith("#") for line in code.split("\n")):
        return Rejected(reason="still a stub: only comments")
    wanted = _definition_of(stub.name)
    first = code.lstrip("\n")
    definition = wanted.search(code)
    is_body = first[0].isspace() and not _begins_definition(first, stub.name)
    if definition and not is_body:
        parsed = parse_answer(code, wanted)
    else:
        parsed = parse_continuation(_header(stub, stub.name), code)
    if isinstance(parsed, Broken):
        if parsed.message.startswith("expected an indented block after function definition"):
            return Rejected(reason="still a stub: no statement in the body")
        where = f" (line {parsed.line})" if parsed.line else ""
        return Rejected(reason=f"does not parse: {parsed.message}{where}")
    if not definition and not first[0].isspace() and not has_result(parsed.tree.body[0]):
        return Rejected(reason=f"neither defines {stub.name} nor continues it")
    return parsed


@lru_cache(maxsize=256)
def _definition_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(async[ \t]+)?def[ \t]+{re.escape(name)}[ \t]*\(", re.MULTILINE)


def _begins_definition(code: str, name: str) -> bool:
    """Whether indented code is a whole definition that only stands too far right."""
    text = code.lstrip()
    while text.startswith(("@", "#")):
        text = text.partition("\n")[2].lstrip()
    return _definition_of(name).match(text) is not None


def _header(stub: Stub, name: str = "__body__") -> str:
    # Not the stub's own name by default: a method may be called like a builtin it uses.
    is_async = "async " if stub.is_async else ""
    return f"{is_async}def {name}({', '.join(stub.parameters)}):"


def _fitting_body(parsed: Parsed, node: FunctionNode, stub: Stub) -> Body | Rejected:
    theirs = parameter_names(node)
    ours = _stub_parameters(stub.signature) or tuple(("", name) for name in stub.parameters)
    if theirs[:1] in _OWN and theirs[0] not in ours:
        if _reads(node, theirs[0][1]):
            return Rejected(reason=f"uses {theirs[0][1]}, the stub is a plain function")
        theirs = theirs[1:]
    renames = match_parameters(theirs, ours)
    if renames is None:
        return Rejected(reason=f"takes {_list(theirs)}, the stub takes {_list(ours)}")
    if renames:
        renamed = _rename(parsed, node, renames)
        if renamed is None:
            return Rejected(reason=f"parameters {_list(theirs)} cannot be renamed to the stub's")
        parsed, node = renamed
    body = take_body(parsed, node)
    if body is None:
        return Rejected(reason="still a stub")
    words = tuple(f"renamed parameter {old} to {new}" for old, new in renames.items())
    return replace(body, repairs=(*words, *body.repairs))


def _reads(node: FunctionNode, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


@lru_cache(maxsize=256)
def _stub_parameters(signature: str) -> tuple[tuple[str, str], ...]:
    parsed = parse(f"{signature}\n    pass")
    if isinstance(parsed, Broken):
        return ()
    node = parsed.tree.body[-1]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return parameter_names(node)
    return ()


def _list(parameters: Sequence[tuple[str, str]]) -> str:
    return f"({', '.join(star + name for star, name in parameters)})"


def _rename(
    parsed: Parsed, node: FunctionNode, names: dict[str, str]
) -> tuple[Parsed, FunctionNode] | None:
    renamed = rename_parameters(function_source(parsed, node), names)
    again = parse(renamed) if renamed is not None else None
    if not isinstance(again, Parsed):
        return None
    function = again.tree.body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    return again, function


def _gather(parsed: Parsed, body: Body, stub: Stub, module_source: str) -> CodeCandidate:
    module = read_module(module_source)
    taken = module.names | {stub.name} | BUILTINS
    if "<locals>" in stub.qualname:
        taken |= read_all_names(module_source)
    used = set(body_names(_header(stub), body.code))
    helpers = needed_helpers(used, find_helpers(parsed), taken)
    for helper in helpers:
        used |= free_names(helper.code)
    used -= {name for helper in helpers for name in helper.binds}
    chosen = choose_imports(used, parsed.tree.body, module)
    used -= taken | chosen.names
    code = "\n".join((body.code, *(helper.code for helper in helpers)))
    added = missing_imports(used, code)
    return CodeCandidate(
        id="",
        stub=stub.id,
        body="\n".join((*chosen.local, body.code)),
        imports=(*chosen.module, *added),
        helpers=tuple(helper.code for helper in helpers),
        repairs=(
            *parsed.repairs,
            *body.repairs,
            *chosen.repairs,
            *(f"added {statement}" for statement in added),
        ),
    )


def clean_tests(
    text: str, stub: Stub, module_source: str, *, limit: int = CHECKS_PER_COMPLETION
) -> list[TestCandidate] | Rejected:
    """Take single checks of ``stub`` out of a completion, at most ``limit``, each once."""
    answer = clean_answer(text)
    sources = find_checks(answer.text, stub, read_module(module_source))
    found = dict.fromkeys(sources)
    if not found:
        return Rejected(reason=f"no check of {stub.name} that compiles")
    return [_check(source, stub, trusted=False) for source in list(found)[:limit]]


def example_checks(stub: Stub) -> list[TestCandidate]:
    """The user's own examples as checks: doctests, ``f(1) == 2`` lines, todo_llm(examples=...)."""
    return [_check(source, stub, trusted=True) for source in dict.fromkeys(find_examples(stub))]


def _check(source: str, stub: Stub, *, trusted: bool) -> TestCandidate:
    return TestCandidate(id=_digest(source), stub=stub.id, source=source, trusted=trusted)


def render_function(stub: Stub, candidate: CodeCandidate) -> str:
    """The function as it would read: imports and helpers first, then signature and body."""
    function = f"{stub.signature}\n{indent(candidate.body, '    ')}"
    return "\n\n\n".join(
        part for part in ("\n".join(candidate.imports), *candidate.helpers, function) if part
    )
