"""Methods and properties of small classes, as tasks: a class as it stands, one method open.

    python -m training.classes [--show N]      check the whole folder, print N examples

A class of ``catalogue/classes/*.txt``::

    == stack
    n: Stack|SimpleStack                        names of the class, ``$C``
    c: A {simple |}stack                        docstrings of the class; it may have none
    k: LIMIT = 10                               a class attribute
    f: items|_items:list[int] = None => list($p or [])      fields, see below
    i: if self.$a is None:                      further lines of __init__ (or __post_init__)
    i:     self.$a = []
    x: $C([1, 2]) || $C(); _.@push(<i>)         instances to try methods with
    o: _.$a                                     what to look at after a method that returns nothing
    m: push|add(item|value:int) -> None         a method; its first name is its key
    d: {Put|Push} $0 on {top of |}the stack     wordings, one a line
    b: self.$a.append($0)                       the body
    s: 5 || <i>                                 arguments, or statements with ``_`` and a value

Fields are separated by ``;`` and are ``$a``, ``$b``... in that order: ``name:type = default`` is a
parameter of __init__ kept as it is (so the class may be a dataclass too); with ``=> expression`` it
is kept as that, ``$p`` being the parameter; ``name:type := value`` is no parameter. A method is
``property``, ``static`` or ``class`` when that word comes before its names. ``@push`` is what the
method of that key is called, ``$0`` a parameter, ``@R`` a local name. A key that occurs again is
the same method in another way, ``pop2``: only one of them is in a class. A scene with ``_`` or that
begins with ``!`` is statements and a value, after ``=>`` what to look at then; any other is the
arguments of a call. ``<i> <I> <w> <n>`` are a number, a larger one, a word and a person.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import keyword
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pytest_supercharger.context.outlines import docstring_literal
from pytest_supercharger.context.surroundings import around_drafts
from training.families import CATALOGUE, LOCALS
from training.inputs import NAMES, WORDS
from training.modules import NAMESPACE
from training.tasks import Param, Task
from training.wording import expand, tidy

FOLDER = CATALOGUE / "classes"
SCOPE = NAMESPACE | {"dataclass": dataclass, "field": field, "pytest": pytest}
_VARIANTS = 4  # of a scene with drawn values
_MAX_SHOWN = 70  # characters of a value in a check
_DECORATORS = {"property": "@property", "static": "@staticmethod", "class": "@classmethod"}
_CALLS = {
    "__len__": "len(_)", "__str__": "str(_)", "__repr__": "repr(_)", "__iter__": "list(_)",
    "__bool__": "bool(_)", "__abs__": "abs(_)", "__neg__": "-_", "__hash__": "hash(_)",
    "__int__": "int(_)", "__float__": "float(_)", "__reversed__": "list(reversed(_))",
}  # fmt: skip
_FACTORIES = {"[]": "list", "{}": "dict", "set()": "set", "deque()": "deque"}
_PLACE = re.compile(r"\$([A-Za-z0-9])|(?<!\w)@(__\w+__|\w{2,})|(?<!\w)@([A-Za-z])\b")
_INSTANCE = re.compile(r"(?<![\w.])_(?!\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A field: what it is called, and where its value comes from."""

    names: tuple[str, ...]
    annotation: str
    default: str = ""
    kept_as: str = ""  # expression over ``$p``
    value: str = ""  # no parameter: its first value

    @property
    def is_plain(self) -> bool:
        """Whether a dataclass can have it."""
        return not self.kept_as and (self.value in _FACTORIES or "$" not in self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    key: str
    kind: str  # "", "property", "static", "class"
    names: tuple[str, ...]
    params: tuple[tuple[tuple[str, ...], str, str], ...]  # names, annotation, default
    returns: str
    docs: tuple[str, ...]
    body: str
    scenes: tuple[str, ...]
    instances: tuple[str, ...]  # (): those of the class

    @property
    def group(self) -> str:
        return self.key.rstrip("23456789")


@dataclass(frozen=True, slots=True)
class ClassFamily:
    """One entry of the catalogue."""

    key: str
    file: str
    names: tuple[str, ...]
    docs: tuple[str, ...]
    constants: tuple[str, ...]
    fields: tuple[Attribute, ...]
    init: tuple[str, ...]
    instances: tuple[str, ...]
    observed: tuple[str, ...]
    methods: dict[str, Method]

    @property
    def may_be_dataclass(self) -> bool:
        return bool(self.fields) and all(attribute.is_plain for attribute in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a class is written this time."""

    names: dict[str, str]  # "C", "a", "b", ..., "I" and keys of methods
    as_dataclass: bool
    annotated: bool
    docs: dict[str, str]  # by key of method; "" for the class
    params: dict[str, list[str]]  # by key of method
    init_params: list[str]
    locals: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A task and the whole class it is taken from."""

    task: Task
    source: str


# --- reading --------------------------------------------------------------------------------


def parse(text: str, file: str) -> list[ClassFamily]:
    """The classes of one file. ValueError names the class and what is wrong with it."""
    found: list[ClassFamily] = []
    for entry in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        key, _, rest = entry.partition("\n")
        try:
            found.append(_family(key.strip(), rest, file))
        except (ValueError, KeyError, IndexError) as exc:
            raise ValueError(f"{file}: {key}: {exc!r}") from exc
    return found


def _family(key: str, text: str, file: str) -> ClassFamily:
    head: dict[str, list[str]] = {}
    drafts: list[dict[str, list[str]]] = []
    in_body = False
    for line in text.splitlines():
        if marked := re.match(r"([nckfixomdbs]):(?: |$)(.*)$", line):
            mark, rest = marked.groups()
            if mark == "m":
                drafts.append({})
            where = drafts[-1] if drafts else head
            in_body = mark == "b"
            where.setdefault(mark, []).extend([rest] if rest.strip() else [])
        elif in_body and line.strip():
            drafts[-1]["b"].append(line)
        elif line.strip() and not line.startswith("#"):
            raise ValueError(line)
    methods: dict[str, Method] = {}
    for draft in drafts:
        method = _method(draft, methods)
        methods[method.key] = method
    fields = [f for line in head.get("f", []) for f in line.split("; ") if f.strip()]
    return ClassFamily(
        key=key,
        file=file,
        names=tuple(head["n"][0].split("|")),
        docs=tuple(head.get("c", [])),
        constants=tuple(head.get("k", [])),
        fields=tuple(_attribute(f) for f in fields),
        init=tuple(head.get("i", [])),
        instances=_split(head["x"]),
        observed=_split(head.get("o", [])),
        methods=methods,
    )


def _split(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for line in lines for part in re.split(r" \|\|(?: |$)", line))


def _attribute(text: str) -> Attribute:
    names, _, rest = text.strip().partition(":")
    rest, _, value = rest.partition(" := ")
    rest, _, kept_as = rest.partition(" => ")
    annotation, _, default = rest.partition(" = ")
    return Attribute(
        names=tuple(names.split("|")),
        annotation=annotation.strip(),
        default=default.strip(),
        kept_as=kept_as.strip(),
        value=value.strip(),
    )


def _method(draft: dict[str, list[str]], others: dict[str, Method]) -> Method:
    found = re.match(
        r"(?:(property|static|class) )?([\w|]+)\((.*)\)\s*(?:->\s*(.*))?$", draft["m"][0]
    )
    if not found or not draft.get("b") or not draft.get("d"):
        raise ValueError(f"{draft['m'][0]}: no method, no body or no wording")
    kind, names, params, returns = found.groups()
    key = first = names.split("|")[0]
    for number in itertools.count(2):
        if key not in others:
            break
        key = f"{first}{number}"
    return Method(
        key=key,
        kind=kind or "",
        names=tuple(names.split("|")),
        params=tuple(_param(p) for p in params.split("; ") if p.strip()),
        returns=(returns or "").strip(),
        docs=tuple(draft["d"]),
        body="\n".join(draft["b"]),
        scenes=_split(draft.get("s", [])) or (_CALLS.get(first, ""),),
        instances=_split(draft.get("x", [])),
    )


def _param(text: str) -> tuple[tuple[str, ...], str, str]:
    names, _, rest = text.strip().partition(":")
    annotation, _, default = rest.partition(" = ")
    return tuple(names.split("|")), annotation.strip(), default.strip()


@cache
def all_classes() -> tuple[ClassFamily, ...]:
    """The whole folder. ValueError when a key occurs twice."""
    found: dict[str, ClassFamily] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for family in parse(path.read_text(encoding="utf-8"), path.name):
            if family.key in found:
                raise ValueError(f"{family.key} is in {path.name} and {found[family.key].file}")
            found[family.key] = family
    return tuple(found.values())


@cache
def _all_methods() -> tuple[tuple[ClassFamily, str], ...]:
    return tuple((family, key) for family in all_classes() for key in family.methods)


# --- writing a class ------------------------------------------------------------------------


def _put(text: str, look: Look, params: Sequence[str] = ()) -> str:
    """Names in the places of a text."""

    def name(found: re.Match[str]) -> str:
        place, key, local = found.groups()
        if local:
            return look.locals.get(local, found[0])
        if place and place.isdigit():
            return params[int(place)]
        return look.names.get(place or key, found[0])

    return _PLACE.sub(name, text)


def _method_lines(method: Method, look: Look, *, doc: str, body: str) -> list[str]:
    params = ", ".join(str(param) for param in _method_params(method, look))
    arrow = f" -> {_put(method.returns, look)}" if look.annotated and method.returns else ""
    lines = [_DECORATORS[method.kind]] if method.kind else []
    lines.append(f"def {look.names[method.key]}({params}){arrow}:")
    lines += [f"    {docstring_literal(doc)}"] if doc else []
    return lines + [f"    {line}" for line in body.splitlines()]


def _method_params(method: Method, look: Look) -> list[Param]:
    first = {"static": [], "class": [Param(name="cls")]}.get(method.kind, [Param(name="self")])
    return first + [
        Param(name=name, annotation=_put(ann, look) if look.annotated else "", default=default)
        for name, (_, ann, default) in zip(look.params[method.key], method.params, strict=True)
    ]


def _init_lines(family: ClassFamily, look: Look) -> list[str]:
    params, sets = ["self"], []
    for place, attribute, param in zip("abcdefgh", family.fields, look.init_params, strict=False):
        value = attribute.value or attribute.kept_as or "$p"
        if not attribute.value:
            annotation = _put(attribute.annotation, look) if look.annotated else ""
            if attribute.default == "None" and annotation and "None" not in annotation:
                annotation += " | None"
            params.append(str(Param(name=param, annotation=annotation, default=attribute.default)))
        sets.append(f"self.{look.names[place]} = {_put(value.replace('$p', param), look)}")
    return [f"def __init__({', '.join(params)}):", *(f"    {line}" for line in sets)] + [
        f"    {_put(line, look)}" for line in family.init
    ]


def _dataclass_lines(family: ClassFamily, look: Look) -> list[str]:
    lines = []
    for place, attribute in zip("abcdefgh", family.fields, strict=False):
        value = attribute.value or attribute.default
        if value in _FACTORIES:
            value = f"field(default_factory={_FACTORIES[value]})"
        annotation = _put(attribute.annotation, look) or "int"
        if value == "None" and "None" not in annotation:
            annotation += " | None"
        lines.append(f"{look.names[place]}: {annotation}" + (f" = {value}" if value else ""))
    if family.init:
        lines += ["", "def __post_init__(self):"]
        lines += [f"    {_put(line, look)}" for line in family.init]
    return lines


def _source(family: ClassFamily, look: Look, keys: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The class, and the bodies of its methods."""
    lines = [docstring_literal(look.docs[""]), ""] if look.docs.get("") else []
    if family.constants:
        lines += [*(_put(line, look) for line in family.constants), ""]
    if look.as_dataclass:
        lines += _dataclass_lines(family, look)
    elif family.fields:
        lines += _init_lines(family, look)
    bodies = {}
    for key in keys:
        method = family.methods[key]
        bodies[key] = _put(method.body, look, look.params[key])
        lines += ["", *_method_lines(method, look, doc=look.docs.get(key, ""), body=bodies[key])]
    head = ["@dataclass"] if look.as_dataclass else []
    head.append(f"class {look.names['C']}:")
    return "\n".join(head + [f"    {line}" if line else "" for line in lines]) + "\n", bodies


# --- trying it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A check with places for names, and the methods that it needs."""

    text: str
    needs: frozenset[str]


def _plain_look(family: ClassFamily, *, as_dataclass: bool) -> Look:
    names = {place: f"q_{place}_" for place, _ in zip("abcdefgh", family.fields, strict=False)}
    names |= {k: k if k.startswith("__") else f"q_{k}_" for k in family.methods}
    return Look(
        names=names | {"C": "Q_C_", "I": "q_I_"},
        as_dataclass=as_dataclass,
        annotated=False,
        docs={},
        params={k: [f"q{i}_" for i in range(len(m.params))] for k, m in family.methods.items()},
        init_params=[f"q_{place}_" for place in "abcdefgh"[: len(family.fields)]],
        locals={mark: f"r_{mark}_" for mark in LOCALS},
    )


def _needed(family: ClassFamily, text: str) -> set[str]:
    """Methods that a text names, and those that their bodies name."""
    found: set[str] = set()
    left = [text]
    while left:
        for key in re.findall(r"@(__\w+__|\w{2,})", left.pop()):
            if key in family.methods and key not in found:
                found.add(key)
                left.append(family.methods[key].body)
    return found


@cache
def _scenes(key: str, method_key: str, as_dataclass: bool) -> tuple[Scene, ...]:
    family = _by_key()[key]
    method = family.methods[method_key]
    look = _plain_look(family, as_dataclass=as_dataclass)
    rng = Random(f"{key}.{method_key}")
    found: dict[str, Scene] = {}
    for instance in method.instances or family.instances:
        for scene in method.scenes:
            drawn = _VARIANTS if "<" in instance + scene else 1
            for _ in range(drawn):
                statements, call, observed = _worded(method, instance, scene, family, rng)
                whole = "; ".join([*statements, call, observed])
                own = _needed(family, whole + method.body) | {method_key}
                text = _outcome(family, look, own, statements, call, observed)
                full = _outcome(family, look, set(family.methods), statements, call, observed)
                if text != full:
                    own |= {k for k in family.methods if k.startswith("__")} | own
                    text = _outcome(family, look, own, statements, call, observed)
                found[text] = Scene(text=text, needs=frozenset(own - {method_key}))
    return tuple(found.values())


@cache
def _by_key() -> dict[str, ClassFamily]:
    return {family.key: family for family in all_classes()}


def _worded(
    method: Method, instance: str, scene: str, family: ClassFamily, rng: Random
) -> tuple[list[str], str, str]:
    """Statements before, the call itself, and what to look at afterwards ("" for nothing)."""
    scene, _, observed = scene.partition(" => ")
    scene = scene.strip().removesuffix("=>").strip()
    if method.kind in ("static", "class") and not _INSTANCE.search(scene) and scene[:1] != "!":
        statements, call = [], f"$C.@{method.key}({scene})"
    elif scene.startswith("!"):
        *statements, call = scene[1:].strip().split("; ")
    else:
        if not _INSTANCE.search(scene):
            scene = f"_.@{method.key}" + ("" if method.kind == "property" else f"({scene})")
        *statements, call = scene.split("; ")
        made, *more = instance.split("; ")
        if not observed and method.returns in ("None", "") and family.observed:
            observed = rng.choice(family.observed)
        uses = len(_INSTANCE.findall("; ".join([*statements, call, observed])))
        if more or uses > 1 or statements:
            statements = [f"_ = {made}", *more, *statements]
        else:
            call = _INSTANCE.sub(lambda _: made, call)

    def value(mark: re.Match[str]) -> str:
        return {
            "i": lambda: str(rng.randint(1, 12)),
            "I": lambda: str(rng.randint(10, 99)),
            "w": lambda: f'"{rng.choice(WORDS[:70])}"',
            "n": lambda: f'"{rng.choice(NAMES)}"',
        }[mark[1]]()

    texts = [re.sub(r"<([iIwn])>", value, text) for text in [*statements, call, observed]]
    *statements, call, observed = [_INSTANCE.sub("$I", text) for text in texts]
    return statements, call, observed


def _outcome(
    family: ClassFamily,
    look: Look,
    keys: set[str],
    statements: Sequence[str],
    call: str,
    observed: str,
) -> str:
    """The check as it would be written, with places for names."""
    source, _ = _source(family, look, [key for key in family.methods if key in keys])
    scope = dict(SCOPE)
    exec(_compiled(source), scope)
    before = "".join(f"{line}\n" for line in statements)
    exec(_put(before, look), scope)
    try:
        value = eval(_put(call, look), scope)
    except Exception as exc:
        return f"{before}with pytest.raises({type(exc).__name__}):\n    {call}"
    after = ""
    if observed:
        after = _claim(observed, eval(_put(observed, look), scope))
        if value is None:
            return f"{before}{call}\n{after}"
        after = f"\n{after}"
    return f"{before}{_claim(call, value)}{after}"


@cache
def _compiled(source: str) -> Any:
    return compile(source, "<class>", "exec")


def _claim(expression: str, value: Any) -> str:
    """An assert statement that says what the value is."""
    compares = re.search(r" (==|in|<|<=|>|>=) ", re.sub(r"\([^()]*\)", "", expression))
    if value is True:
        return f"assert {expression}"
    if value is False and compares and compares[1] in ("==", "in"):
        return f"assert {expression.replace(*_opposite(compares[1]), 1)}"
    if value is False:
        return f"assert not {expression}"
    if value is None:
        return f"assert {expression} is None"
    text = re.sub(r"datetime\.(?=date|time)", "", repr(value))
    if '"' not in text:
        text = re.sub(r"'([^'\\]*)'", r'"\1"', text)
    if isinstance(value, float) and len(text) > 9:
        text = f"pytest.approx({float(format(value, '.8g'))!r})"
    text = re.sub(r"\bQ_C_", "$C", text)
    text = re.sub(r"\bq_([a-h])_(?!\w)", r"$\1", text)
    return f"assert {expression} == {text}"


def _opposite(sign: str) -> tuple[str, str]:
    return (" == ", " != ") if sign == "==" else (" in ", " not in ")


# --- drawing --------------------------------------------------------------------------------


def method(rng: Random) -> Task:
    """A method of a class to be written."""
    return draw(rng).task


def draw(rng: Random, where: tuple[ClassFamily, str] | None = None) -> Drawn:
    """The same with the source of the class; ``where`` is the class and the method's key."""
    family, key = where or rng.choice(_all_methods())
    task_method = family.methods[key]
    as_dataclass = family.may_be_dataclass and rng.random() < 0.5
    if as_dataclass and _hidden(family, task_method):
        as_dataclass = False
    scenes = _scenes(family.key, key, as_dataclass)
    chosen = rng.sample(scenes, min(len(scenes), rng.choice((2, 3, 4, 5, 5))))
    needs = frozenset().union(*(scene.needs for scene in chosen))
    share = rng.choice((0.0, 0.3, 0.6, 1.0))
    keys, groups = [], {task_method.group}
    wanted = needs | {key}
    groups |= {family.methods[k].group for k in wanted}
    for other_key, other in family.methods.items():
        if other_key in wanted or (other.group not in groups and rng.random() < share):
            groups.add(other.group)
            keys.append(other_key)
    look = _drawn_look(family, keys, key, needs, as_dataclass, rng)
    keys = [other for other in keys if other in look.names]
    source, bodies = _source(family, look, keys)
    task = Task(
        kind=f"class:{family.key}.{key}",
        name=look.names[key],
        params=tuple(_method_params(task_method, look)),
        returns=_put(task_method.returns, look) if look.annotated else "",
        doc=_doc(task_method, look, rng),
        body=bodies[key],
        decorators=(_DECORATORS[task_method.kind],) if task_method.kind else (),
        around=_around(source, look.names[key]),
        checks=tuple(_put(scene.text, look) for scene in chosen),
    )
    return Drawn(task=task, source=source)


def _hidden(family: ClassFamily, task_method: Method) -> bool:
    """Whether the method would be called like a field once that has no underscore."""
    plain = {name.lstrip("_") for attribute in family.fields for name in attribute.names}
    return any(name in plain for name in task_method.names)


def _drawn_look(
    family: ClassFamily,
    keys: Sequence[str],
    task_key: str,
    needs: frozenset[str],
    as_dataclass: bool,
    rng: Random,
) -> Look:
    names = {"C": rng.choice(family.names)}
    used: set[str] = set()
    init_params = []
    words = set(re.findall(r"(?<![$@\w])[a-z]\w*", "\n".join(family.init)))
    only = {m.names[0] for k, m in family.methods.items() if k in needs and len(m.names) == 1}
    for place, attribute in zip("abcdefgh", family.fields, strict=False):
        options = [
            n for n in attribute.names if n.lstrip("_") not in used | words and n not in only
        ]
        name = rng.choice(options or attribute.names)
        name = name.lstrip("_") if as_dataclass else name
        names[place] = name
        init_params.append(name.lstrip("_"))
        used |= {name, name.lstrip("_")} if as_dataclass else {name}
    order = [task_key, *(k for k in keys if k in needs), *(k for k in keys if k not in needs)]
    for key in dict.fromkeys(order):
        free = [name for name in family.methods[key].names if name not in used]
        if not free and (key in needs or key == task_key):
            free = [f"{family.methods[key].names[0]}_value"]
        if free:
            names[key] = free[0] if rng.random() < 0.5 else rng.choice(free)
            used.add(names[key])
    names["I"] = _instance_name(names["C"], rng)
    chosen = {mark: rng.choice(options) for mark, options in LOCALS.items()}
    params = {k: _param_names(family.methods[k], set(chosen.values()), rng) for k in keys}
    look = Look(
        names=names,
        as_dataclass=as_dataclass,
        annotated=rng.random() < 0.6,
        docs={},
        params=params,
        init_params=init_params,
        locals=chosen,
    )
    share = rng.choice((0.0, 0.7, 1.0, 1.0))
    stop = "." if rng.random() < 0.8 else ""

    def ended(text: str) -> str:
        return text if text.endswith("?") else text + stop

    for key in keys:
        if key in names and (key == task_key or rng.random() < share):
            look.docs[key] = ended(_doc(family.methods[key], look, rng))
    if family.docs and rng.random() < 0.6:
        look.docs[""] = ended(tidy(_put(expand(rng.choice(family.docs), rng), look)))
    return look


def _instance_name(name: str, rng: Random) -> str:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    short = "".join(part[0] for part in snake.split("_") if part)
    names = (snake, snake, snake.rpartition("_")[2], short, "obj")
    taken = {"set", "list", "dict", "range", "l", *SCOPE}
    free = [name for name in names if not keyword.iskeyword(name) and name not in taken]
    return rng.choice(free or ["obj"])


def _param_names(method: Method, locals_: set[str], rng: Random) -> list[str]:
    taken = set(re.findall(r"(?<![$@\w.\"'])[A-Za-z_]\w*", method.body))
    if "@" in method.body:
        taken |= locals_
    names: list[str] = []
    for alternatives, _, _ in method.params:
        free = [n for n in alternatives if n not in taken and n not in names]
        names.append(rng.choice(free or [f"{alternatives[0]}_{len(names)}"]))
    return names


def _doc(method: Method, look: Look, rng: Random) -> str:
    params = look.params[method.key]
    if rng.random() < 0.08:
        params = [f"`{name}`" for name in params]
    return tidy(_put(expand(rng.choice(method.docs), rng), look, params))


def _around(source: str, name: str) -> str:
    """What a prompt shows of the class, as ``pack`` joins it."""
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.ClassDef)
    (own,) = [c for c in node.body if isinstance(c, ast.FunctionDef) and c.name == name]
    (draft,) = around_drafts(None, None, (node, own))  # type: ignore[arg-type]
    return "\n\n".join(draft.texts)


# --- checking -------------------------------------------------------------------------------


def faults_of(family: ClassFamily, key: str, rng: Random) -> Iterator[str]:
    """What is wrong with a method, in words."""
    task_method = family.methods[key]
    for doc in task_method.docs:
        text = expand(doc, rng)
        if doc.count("{") != doc.count("}") or re.search(r"[{}|]", text):
            yield f"braces: {doc}"
            return
        if text.rstrip().endswith("."):
            yield f"full stop: {doc}"
        for place in re.findall(r"\$(\d)", text):
            if int(place) >= len(task_method.params):
                yield f"no parameter ${place}: {doc}"
                return
    if len({expand(doc, rng) for doc in task_method.docs for _ in range(8)}) < 3:
        yield "fewer than 3 wordings"
    for as_dataclass in {False, family.may_be_dataclass}:
        scenes = _scenes(family.key, key, as_dataclass)
        yield from _scene_faults([scene.text for scene in scenes])
    for _ in range(12):
        drawn = draw(rng, (family, key))
        scope = dict(SCOPE)
        try:
            exec(drawn.source, scope)
            assert not re.search(r"[$]\w", drawn.task.body + drawn.task.doc), "a place is left"
            for check in drawn.task.checks:
                exec(check, dict(scope))
        except Exception as exc:
            yield f"{type(exc).__name__}: {exc}\n{drawn.source}\n" + "\n".join(drawn.task.checks)
            return


_ACCIDENTS = ("NameError", "AttributeError", "UnboundLocalError", "SyntaxError", "TypeError")


def _scene_faults(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if re.search(r" object at 0x| at 0x|<function", text):
            yield f"no value to compare with: {text}"
        if any(f"raises({name})" in text for name in _ACCIDENTS):
            yield f"accident: {text}"
        if any(len(line) > 60 + _MAX_SHOWN for line in text.splitlines()):
            yield f"long: {text}"
    if len(texts) < 2:
        yield f"only {len(texts)} check"


def differences(rng: Random, count: int) -> Iterator[str]:
    """Where ``around`` is not what ``gather_context`` shows for the same class in a file."""
    from pytest_supercharger.context import gather_context
    from pytest_supercharger.context.parts import PartKind
    from pytest_supercharger.stubs.finding import find_stubs_in

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(count):
            drawn = draw(rng)
            path = root / f"module{number}.py"
            text = _with_stub(drawn)
            path.write_text(text, encoding="utf-8")
            stubs = [s for s in find_stubs_in(text, path.name) if s.name == drawn.task.name]
            context = gather_context(
                stubs[0], rootdir=root, tests=(), all_stubs=stubs, budget=10**6, count=len
            )
            (part,) = context.of(PartKind.AROUND)
            if part.text != drawn.task.around:
                yield f"{drawn.task.kind}: {part.text}\n---\n{drawn.task.around}"


def _with_stub(drawn: Drawn) -> str:
    tree = ast.parse(drawn.source)
    node = tree.body[0]
    assert isinstance(node, ast.ClassDef)
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == drawn.task.name:
            child.body = [*child.body[:1], ast.parse("raise NotImplementedError").body[0]]
    return ast.unparse(tree) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--only", default="", help="classes whose key contains this")
    options = parser.parse_args()
    rng = Random(0)
    bad = count = 0
    for family in all_classes():
        for key in family.methods if options.only in family.key else ():
            count += 1
            try:
                faults = list(dict.fromkeys(faults_of(family, key, rng)))
            except Exception as exc:
                faults = [f"{type(exc).__name__}: {exc}"]
            for fault in faults[:2]:
                print(f"{family.file}: {family.key}.{key}: {fault}")
            bad += len(faults)
    for difference in [] if bad else differences(rng, 40):
        print(difference)
        bad += 1
    for _ in range(options.show):
        task = draw(rng).task
        params = ", ".join(map(str, task.params))
        print("-" * 80, *task.decorators, task.around, "", sep="\n")
        print(f"{task.name}({params}) -> {task.returns}: {task.doc}\n{task.body}")
        print(*task.checks, sep="\n")
    print(f"{len(all_classes())} classes, {count} methods, {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
