"""Fill a prompt file with a Context.

The wording, its examples and its sampling settings are in the TOML files of ``prompts/``; here
is only how they are read and filled. What the user wrote enters as values, never as template.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_supercharger.context import Context, PartKind, asserts_about, stub_source
from pytest_supercharger.exceptions import SetupError

if TYPE_CHECKING:
    import jinja2

    from pytest_supercharger.stubs import Stub


class RequestKind(str, Enum):
    """What the model is asked for; the value is the ``request`` of a recording's line."""

    CODE = "code"
    TESTS = "tests"
    IMPROVE_CODE = "improve_code"
    IMPROVE_TESTS = "improve_tests"
    REPAIR_CODE = "repair_code"
    JUDGE = "judge"
    PLAN = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn; from the prompt file, the command line wins."""

    temperature: float = 0.8
    rise: float = 0.0  # of the temperature with each round that asks for the same again
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    max_tokens: int = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One filled prompt, in both forms a model may need."""

    kind: RequestKind
    messages: tuple[Message, ...]  # for models with a chat template
    continuation: str  # for base models: source text that ends where the model goes on
    stop: tuple[str, ...]  # for base models: strings that end the answer
    sampling: Sampling
    wanted: str = ""  # regular expression: a closed code block that it is found in ends the answer
    level: int | None = None  # base models: column of the def line; back at it the answer ends
    suffix: str = ""  # what follows the stub in its file: for models that fill in
    dropped: tuple[str, ...] = ()  # titles of context parts left out to fit the budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One test or check that the previous candidate failed."""

    test: str  # node id, or the source of a generated check
    detail: str  # pytest's short message with its values
    exception: str = ""  # type name of what was raised, or "timeout" and the like


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What came of an earlier answer: for the kinds that go on from one."""

    source: str  # the function, or the checks, as they were
    failures: tuple[Failure, ...] = ()
    notes: str = ""  # what else is known, in words
    tests: str = ""  # the checks it passed (JUDGE), or that are there already (IMPROVE_TESTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """One file of ``prompts/``, checked."""

    name: str  # implement.toml
    system: str
    user: Template
    continuation: Template
    stop: tuple[Template, ...]
    examples: tuple[Message, ...]  # user and assistant in turn
    sampling: Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """All prompt files for one family of models."""

    files: Mapping[RequestKind, PromptFile]  # a kind without one is not asked of the family
    digest: str  # sha256 over all files: a stored completion names the wording it came from
    trusts_tests: bool = True  # False: of a test that it writes only the call counts
    families: Mapping[str, Prompts] = field(default_factory=dict)  # those with wording of their own

    def of(self, family: str) -> Prompts:
        """The wording for a family of models, by the name that ``ModelInfo`` gives."""
        return self.families.get(family, self)


_FILES = {
    RequestKind.CODE: "implement.toml",
    RequestKind.TESTS: "write_tests.toml",
    RequestKind.IMPROVE_CODE: "improve_code.toml",
    RequestKind.IMPROVE_TESTS: "improve_tests.toml",
    RequestKind.REPAIR_CODE: "repair_code.toml",
    RequestKind.JUDGE: "judge_pair.toml",
}
_TEMPLATE_NAMES = {
    "stub",
    "what",
    "source",
    "parts",
    "imports",
    "surroundings",
    "enclosing",
    "around",
    "asserts",
    "indent",
    "feedback",
}
_ABOUT = "family.toml"
_WITHOUT_FEEDBACK = {RequestKind.CODE, RequestKind.TESTS}
_CODE_KINDS = {RequestKind.CODE, RequestKind.IMPROVE_CODE, RequestKind.REPAIR_CODE}
_TEST_KINDS = {RequestKind.TESTS, RequestKind.IMPROVE_TESTS}
_KEYS = {"system", "user", "continuation", "stop", "sampling", "examples"}
PREAMBLE_TOKENS = 96  # what a chat template may put before all messages, as gpt-oss's does
_TOKENS_PER_MESSAGE = 8  # what a chat template puts around a message; 4 to 7 in those we looked at
_MAX_FAILURES = 4
_MAX_DETAIL_CHARS = 900
_MAX_SOURCE_CHARS = 6_000

_T = TypeVar("_T")


def load_prompts(folder: Path) -> Prompts:
    """Read and check every prompt file. SetupError names the file and the key at fault.

    A folder inside is the wording for the family of models that it is named for: a file there
    stands for the one of the same name above, and family.toml says what else is different.
    """
    digest = hashlib.sha256()
    files = _read_prompt_files([folder / name for name in _FILES.values()], digest)
    abouts = sorted(folder.glob(f"*/{_ABOUT}"))
    return Prompts(
        files=files,
        families={about.parent.name: _read_family(about, files, digest) for about in abouts},
        digest=digest.hexdigest(),
    )


def _read_prompt_files(
    paths: Sequence[Path], digest: hashlib._Hash
) -> dict[RequestKind, PromptFile]:
    return {_kind_of(path): _read_prompt_file(path, _bytes(path, digest)) for path in paths}


def _kind_of(path: Path) -> RequestKind:
    return next(kind for kind, name in _FILES.items() if name == path.name)


def _bytes(path: Path, digest: hashlib._Hash) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SetupError(f"{path}: cannot be read: {exc.strerror}") from exc
    digest.update(data)
    return data


def _read_family(
    about: Path, general: Mapping[RequestKind, PromptFile], digest: hashlib._Hash
) -> Prompts:
    """The wording of one family, over the general one."""
    table = _parse_toml(about, _bytes(about, digest))
    for key in table:
        if key not in ("requests", "trusts_tests"):
            raise SetupError(f"{about}: {key}: unknown key (known: requests, trusts_tests)")
    own = [about.parent / name for name in _FILES.values() if (about.parent / name).is_file()]
    files = {**general, **_read_prompt_files(own, digest)}
    known = [kind.value for kind in files]
    asked = _strings(about, "requests", table.get("requests", known))
    for name in asked:
        if name not in known:
            raise SetupError(f"{about}: requests: {name!r} is none of {', '.join(known)}")
    if RequestKind.CODE.value not in asked:
        raise SetupError(f"{about}: requests: without {RequestKind.CODE.value!r} nothing is filled")
    trusts = _get(about, {"trusts_tests": True, **table}, "trusts_tests", bool)
    return Prompts(
        files={kind: file for kind, file in files.items() if kind.value in asked},
        digest=digest.hexdigest(),
        trusts_tests=trusts,
    )


def render(
    kind: RequestKind,
    context: Context,
    *,
    prompts: Prompts,
    feedback: Feedback | None = None,
    temperature: float | None = None,
    limit: int | None = None,
    count: Callable[[str], int] | None = None,
) -> Prompt:
    """Fill the prompt file of ``kind``.

    With ``limit`` and ``count`` the prompt is at most ``limit`` tokens long: what follows the
    stub in its file goes first, then the farthest parts of the context, then the few-shot
    examples; SetupError when that is not enough.
    A failure in a case that the context holds back is told without its values. Every kind but
    CODE and TESTS goes on from an earlier answer and needs ``feedback``.
    """
    if kind not in prompts.files:
        raise SetupError(f"there is no prompt file for the request {kind.value!r}")
    if feedback is None and kind not in _WITHOUT_FEEDBACK:
        raise ValueError(f"a prompt of kind {kind.value!r} needs feedback")
    file = prompts.files[kind]
    if temperature is not None:
        file = replace(file, sampling=replace(file.sampling, temperature=temperature))
    seen = _visible(feedback, context) if feedback else None
    if limit is None or count is None:
        return _fill(kind, file, context, seen)
    for smaller_file, smaller_context in _ever_smaller(file, context):
        prompt = _fill(kind, smaller_file, smaller_context, seen)
        if prompt_tokens(prompt, count) <= limit:
            return prompt
    raise SetupError(_too_long(kind, context, prompt_tokens(prompt, count), limit))


def prompt_tokens(prompt: Prompt, count: Callable[[str], int]) -> int:
    """Tokens of the prompt in its longer form, a chat template's own included."""
    chat = sum(count(message.content) + _TOKENS_PER_MESSAGE for message in prompt.messages)
    return max(chat, count(prompt.continuation) + count(prompt.suffix))


def context_budget(prompts: Prompts, context_tokens: int, count: Callable[[str], int]) -> int:
    """Tokens left for a Context when a model has ``context_tokens`` for prompt and answer.

    Room is kept for the longest wording, its examples and the longest answer; below 1 when
    there is none, and ``gather_context`` then says so.
    """
    return (
        context_tokens
        - PREAMBLE_TOKENS
        - max(
            file.sampling.max_tokens
            + sum(count(text) + _TOKENS_PER_MESSAGE for text in (file.system, file.user.source))
            + sum(count(message.content) + _TOKENS_PER_MESSAGE for message in file.examples)
            for kind, file in prompts.files.items()
        )
    )


# --- filling --------------------------------------------------------------------------------


def _fill(kind: RequestKind, file: PromptFile, context: Context, seen: Feedback | None) -> Prompt:
    values = _values(context, seen)
    is_code = kind in _CODE_KINDS
    return Prompt(
        kind=kind,
        messages=(
            Message(role="system", content=file.system),
            *file.examples,
            Message(role="user", content=file.user.fill(values).strip()),
        ),
        continuation=file.continuation.fill(values),
        stop=tuple(dict.fromkeys(stop.fill(values) for stop in file.stop)),
        sampling=file.sampling,
        wanted=_wanted(kind, context.stub),
        level=len(_indent(context)) if is_code else None,
        suffix=context.after if is_code else "",
        dropped=context.dropped,
    )


def _wanted(kind: RequestKind, stub: Stub) -> str:
    """What a code block holds that is an answer; "" where none is asked for."""
    if kind in _CODE_KINDS:
        return rf"(?m)^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(stub.name)}\b"
    return "assert" if kind in _TEST_KINDS else ""


def _indent(context: Context) -> str:
    """What stands before the def line in a continuation."""
    return "    " * context.depth


def _values(context: Context, feedback: Feedback | None) -> dict[str, object]:
    """What a template may name."""
    stub = context.stub
    return {
        "stub": stub,
        "what": describe(stub),
        "source": stub_source(stub),
        # The nearest comes last: right above the question is where a small model looks.
        "parts": tuple(reversed(context.parts[1:])),
        "imports": "\n".join(part.text for part in context.of(PartKind.IMPORTS)),
        "surroundings": tuple(
            part
            for part in reversed(context.parts)
            if part.kind not in (PartKind.STUB, PartKind.IMPORTS)
        ),
        "enclosing": context.enclosing,
        "around": next((part.text for part in context.of(PartKind.AROUND)), context.enclosing),
        "asserts": asserts_about(
            stub.name,
            (part.text for part in context.of(PartKind.TESTS)),
            is_method=bool(stub.classes),
        ),
        "indent": _indent(context),
        "feedback": feedback,
    }


def describe(stub: Stub) -> str:
    """The stub in words: ``the async method `fetch` of the class `Client```."""
    words = {"classmethod": "class method", "staticmethod": "static method"}
    kind = words.get(stub.kind.value, stub.kind.value)
    shape = "async " * stub.is_async + "generator " * stub.is_generator
    where = f" of the class `{stub.classes[-1]}`" if stub.classes else ""
    return f"the {shape}{kind} `{stub.name}`{where}"


def _visible(feedback: Feedback, context: Context) -> Feedback:
    """The feedback without the values of held-back cases, at most a screen of each thing."""
    shown = [failure for failure in feedback.failures if not context.hides(failure.test)]
    hidden = [failure for failure in feedback.failures if context.hides(failure.test)]
    kept = [
        replace(failure, detail=_middle_out(failure.detail, _MAX_DETAIL_CHARS))
        for failure in shown[:_MAX_FAILURES]
    ]
    if hidden:
        kinds = ", ".join(dict.fromkeys(f.exception for f in hidden if f.exception))
        words = f"{len(hidden)} further case{'s' * (len(hidden) > 1)} that you are not shown"
        detail = f"{words}: {kinds}" if kinds else words
        test = hidden[0].test.partition("[")[0]
        kept.append(Failure(test=test, detail=detail))
    source = _middle_out(feedback.source, _MAX_SOURCE_CHARS)
    return replace(feedback, source=source, failures=tuple(kept))


def _middle_out(text: str, most: int) -> str:
    """The text without its middle where it is too long: what matters is at both ends."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"


def _ever_smaller(file: PromptFile, context: Context) -> Iterator[tuple[PromptFile, Context]]:
    """The same with less and less: what follows goes first, then far parts, then the examples."""
    yield file, context
    if context.after:
        context = replace(context, after="")
        yield file, context
    while len(context.parts) > 1:
        title = context.parts[-1].title
        dropped = (*context.dropped, title)
        context = replace(context, parts=context.parts[:-1], dropped=dropped)
        yield file, context
    yield replace(file, examples=()), context


def _too_long(kind: RequestKind, context: Context, needed: int, limit: int) -> str:
    return (
        f"{context.stub.id}: the shortest prompt for {kind.value!r} needs {needed} tokens, but "
        f"there is room for {limit}: raise supercharge_context (the model must have been made "
        f"for it), or shorten the stub's docstring and comments"
    )


# --- reading the files ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A Jinja2 template that knows where it stands."""

    place: str  # "prompts/implement.toml: user", for messages
    source: str
    compiled: jinja2.Template

    def fill(self, values: Mapping[str, object]) -> str:
        """The text with these values. SetupError when the template asks for anything else."""
        from jinja2 import TemplateError

        try:
            return self.compiled.render(values)
        except (TemplateError, TypeError, ValueError) as exc:
            raise SetupError(f"{self.place}: {exc}") from exc


def _read_prompt_file(path: Path, data: bytes) -> PromptFile:
    table = _parse_toml(path, data)
    for key in table:
        if key not in _KEYS:
            raise SetupError(f"{path}: {key}: unknown key (known: {', '.join(sorted(_KEYS))})")
    stops = _strings(path, "stop", table.get("stop", []))
    return PromptFile(
        name=path.name,
        system=_get(path, table, "system", str).strip(),
        user=_compile(path, "user", _get(path, table, "user", str)),
        continuation=_compile(path, "continuation", _get(path, table, "continuation", str)),
        stop=tuple(_compile(path, f"stop[{i}]", stop) for i, stop in enumerate(stops)),
        examples=tuple(_read_examples(path, table.get("examples", []))),
        sampling=_read_sampling(path, table.get("sampling", {})),
    )


def _parse_toml(path: Path, data: bytes) -> dict[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return dict(tomllib.loads(data.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SetupError(f"{path}: not valid TOML: {exc}") from exc


def _get(path: Path, table: Mapping[str, object], key: str, kind: type[_T]) -> _T:
    if key not in table:
        raise SetupError(f"{path}: {key}: missing")
    value = table[key]
    if not isinstance(value, kind):
        raise SetupError(f"{path}: {key}: {type(value).__name__} where {kind.__name__} is wanted")
    return value


def _strings(path: Path, key: str, value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise SetupError(f"{path}: {key}: a list of strings is wanted")
    return value


def _read_examples(path: Path, value: object) -> Iterator[Message]:
    if not isinstance(value, list):
        raise SetupError(f"{path}: examples: a list of tables is wanted")
    for number, table in enumerate(value, start=1):
        if not isinstance(table, dict) or set(table) != {"user", "assistant"}:
            raise SetupError(f"{path}: examples: number {number} wants keys user and assistant")
        for role in ("user", "assistant"):
            yield Message(role=role, content=_get(path, table, role, str).strip())


def _read_sampling(path: Path, value: object) -> Sampling:
    if not isinstance(value, dict):
        raise SetupError(f"{path}: sampling: a table is wanted")
    defaults = {field.name: getattr(Sampling(), field.name) for field in fields(Sampling)}
    for key, given in value.items():
        if key not in defaults:
            raise SetupError(f"{path}: sampling.{key}: unknown (known: {', '.join(defaults)})")
        allowed = (int,) if isinstance(defaults[key], int) else (int, float)
        if not isinstance(given, allowed) or isinstance(given, bool) or given < 0:
            raise SetupError(f"{path}: sampling.{key}: {given!r} is no fitting number")
    return Sampling(**value)


def _compile(path: Path, key: str, source: str) -> Template:
    """Compile a template; a name that no prompt is given is found now, not at the first use."""
    from jinja2 import StrictUndefined, TemplateError, meta
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(fence=_fence, comment=_comment)
    place = f"{path}: {key}"
    try:
        unknown = meta.find_undeclared_variables(environment.parse(source)) - _TEMPLATE_NAMES
        if unknown:
            raise SetupError(f"{place}: unknown name {min(unknown)!r}")
        compiled = environment.from_string(source)
    except TemplateError as exc:
        raise SetupError(f"{place}: {exc}") from exc
    return Template(place=place, source=source, compiled=compiled)


def _fence(source: str, language: str = "python") -> str:
    """A fenced block; its fence is longer than any run of backticks inside."""
    runs = [len(run) for run in re.findall(r"`{3,}", source)]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return f"{fence}{language}\n{source.strip(chr(10))}\n{fence}"


def _comment(text: str) -> str:
    """The text as Python comment lines."""
    return "\n".join(f"# {line}".rstrip() for line in text.strip("\n").split("\n"))
