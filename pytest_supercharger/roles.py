"""Which models does a run ask: the one that writes, a bigger one after it, a judge?

All of them are looked for before the first is opened, so that a wrong name costs nothing. The
bigger one is loaded only once something is left for it, and gets the first one's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.config import Gpu, Settings
from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.ahead import AheadModel
from pytest_supercharger.models.base import Model, ModelInfo
from pytest_supercharger.models.open import Located, hardware_here, locate_model
from pytest_supercharger.models.recording import Recorder
from pytest_supercharger.models.spec import (
    JUDGE_OPTION,
    MODEL_OPTION,
    Source,
    Spec,
    parse_spec,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bigger:
    """A model for what the first one leaves open, not loaded yet."""

    info: ModelInfo  # as it would run
    open: Callable[[], Model]  # closes the first one where both need this machine's memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The models of one run."""

    writer: Model
    judge: Model | None  # None: whoever wrote judges as well
    judge_info: ModelInfo | None  # of the judge that was named, also where it is the writer
    bigger: Bigger | None
    notes: tuple[str, ...]  # what was chosen for ``auto``


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What the models of a run would be; nothing was loaded for it."""

    writer: ModelInfo | None
    bigger: ModelInfo | None
    judge: ModelInfo | None
    notes: tuple[str, ...]


@contextmanager
def open_roles(settings: Settings, rootdir: Path, brought: Model | None) -> Iterator[Roles]:
    """Open what a run needs from its start; everything is closed at the end.

    ``brought`` is a model that is there already: it writes, whatever ``settings.model`` says.

    :raises ModelUnavailable: a model is not there, or cannot be loaded.
    :raises SetupError: a GPU is required and stays unused, or a recording cannot be written.
    """
    with ExitStack() as stack:
        keep = _Keep(stack, settings.record)
        if brought:
            writer, notes, bigger = keep.brought(brought), _notes(), None
            judge, is_writer = _judge(settings, rootdir), False
        else:
            spec = parse_spec(settings.model)
            first = _located(spec, settings, rootdir)
            then = _then(spec, first, settings, rootdir)
            judge = _judge(settings, rootdir)
            notes = _notes(first, then, judge)
            info = then.preview() if then else None
            writer = keep.opened(first)
            bigger = _bigger(info, then, first, writer, keep) if info and then else None
            is_writer = judge is not None and then is None and judge.is_same(first)
        judging = keep.opened(judge) if judge and not is_writer else None
        named = writer if is_writer else judging
        yield Roles(
            writer=writer,
            judge=judging,
            judge_info=named.info if named else None,
            bigger=bigger,
            notes=notes,
        )


def foresee(settings: Settings, rootdir: Path, brought: ModelInfo | None = None) -> Foreseen:
    """What would run, and what llama.cpp has here; ``auto`` without a model is said in the notes.

    ``brought``: of a model that would write, whatever ``settings.model`` says.

    :raises ModelUnavailable: a model that was named is not there, or cannot be loaded.
    :raises SetupError: a GPU is required and would stay unused.
    """
    spec, judge = parse_spec(settings.model), _judge(settings, rootdir)
    here = _hardware(settings, () if brought else spec.models)
    judging = judge.preview() if judge else None
    if brought:
        return Foreseen(writer=brought, bigger=None, judge=judging, notes=here)
    try:
        first = _located(spec, settings, rootdir)
        writer = first.preview()
    except ModelUnavailable as error:
        if spec.source is not Source.AUTO:
            raise
        is_said = any(str(error) in note for note in here)
        notes = here if is_said else (*here, f"no model: {error}")
        return Foreseen(writer=None, bigger=None, judge=judging, notes=notes)
    then = _then(spec, first, settings, rootdir)
    here = tuple(note for note in here if note not in writer.remarks)
    return Foreseen(
        writer=writer,
        bigger=then.preview() if then else None,
        judge=judging,
        notes=(*here, *_notes(first, then, judge)),
    )


def _hardware(settings: Settings, asked: tuple[Spec, ...]) -> tuple[str, ...]:
    """What a model on this machine would have; nothing where all of them are elsewhere."""
    judge = parse_spec(settings.judge).models if settings.judge else ()
    if all(one.source in (Source.SERVERS, Source.RECORDING) for one in (*asked, *judge)):
        return ()
    try:
        return hardware_here(settings.gpu.value)
    except ModelUnavailable as error:
        if settings.gpu is Gpu.REQUIRE:
            raise
        return (f"llama.cpp: {error}",)


class _Keep:
    """Models that are open, each closed at the end, with a recorder where that is asked for."""

    def __init__(self, stack: ExitStack, record: Path | None) -> None:
        self._stack = stack
        self._record = record

    def brought(self, model: Model) -> Model:
        """As it is: nobody knows whether it may be asked from several threads."""
        return self._closed_at_the_end(self._heard(model))

    def opened(self, located: Located) -> Model:
        """One of ours, looking ahead where it decodes many together."""
        model = self._heard(located.open())
        looks_ahead = model.info.slots > 1
        return self._closed_at_the_end(AheadModel(model) if looks_ahead else model)

    def _heard(self, model: Model) -> Model:
        try:
            return Recorder(model, self._record) if self._record else model
        except BaseException:
            model.close()
            raise

    def _closed_at_the_end(self, model: Model) -> Model:
        self._stack.callback(model.close)
        return model


def _bigger(info: ModelInfo, then: Located, first: Located, writer: Model, keep: _Keep) -> Bigger:
    def open_it() -> Model:
        if first.takes_memory and then.takes_memory:
            writer.close()
        return keep.opened(then)

    return Bigger(info=info, open=open_it)


def _then(spec: Spec, first: Located, settings: Settings, rootdir: Path) -> Located | None:
    """The model to go on with; none where that is the bundled one again.

    So it is for ``auto`` without a preset on disk.
    """
    then = _located(spec.then, settings, rootdir) if spec.then else None
    is_again = then is not None and then.is_bundled and then.is_same(first)
    return None if is_again else then


def _judge(settings: Settings, rootdir: Path) -> Located | None:
    if settings.judge is None:
        return None
    located = _located(parse_spec(settings.judge), settings, rootdir, JUDGE_OPTION)
    if located.is_bundled:
        raise ModelUnavailable(
            f"the bundled model (tiny) writes and cannot judge: {JUDGE_OPTION} wants another "
            "model, or none"
        )
    return located


def _located(spec: Spec, settings: Settings, rootdir: Path, option: str = MODEL_OPTION) -> Located:
    return locate_model(
        spec,
        rootdir=rootdir,
        context=settings.context,
        gpu=settings.gpu.value,
        option=option,
    )


def _notes(*located: Located | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.note for one in located if one and one.note))
