"""Which model does a SPEC mean, is it there, and how is it opened? The one place that names
concrete ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.bundled import is_damaged, is_tiny, tiny_model
from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import Model, ModelInfo
from pytest_supercharger.models.spec import MODEL_OPTION, Source, Spec, parse_spec

KEY = "SUPERCHARGE_API_KEY"  # environment variable: what servers are shown
_WHAT_WORKS = (
    "takes auto, tiny (the bundled model), a preset or hf:ORG/REPO (fetched beforehand with "
    "`python -m pytest_supercharger fetch NAME`), PATH.gguf (a GGUF file on this machine), "
    "http://HOST:PORT/v1#MODEL (a server) or replay:PATH (a recording)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A model that is there, and not opened yet."""

    source: Source  # FILE, TINY, SERVERS or RECORDING
    value: str  # absolute path, or addresses
    context: int | None  # tokens; None: the model's own
    gpu: str
    note: str = ""  # what was chosen for ``auto``, and what a better one would be

    @property
    def takes_memory(self) -> bool:
        """Whether its weights are loaded on this machine."""
        return self.source in (Source.FILE, Source.TINY)

    def is_same(self, other: Located) -> bool:
        """Whether it is the same file, or the same servers."""
        are_files = self.takes_memory and other.takes_memory
        return (are_files or self.source is other.source) and self._place() == other._place()

    @property
    def is_bundled(self) -> bool:
        """Whether it is the bundled model, also where its path was given."""
        return self.source is Source.TINY or (self.takes_memory and is_tiny(self._place()))

    def open(self) -> Model:
        """Load it.

        :raises ModelUnavailable: it cannot be loaded, or no server answers.
        :raises SetupError: ``gpu`` is ``require`` and no GPU is in use.
        """
        if self.source is Source.RECORDING:
            from pytest_supercharger.models.replay import ReplayModel

            return ReplayModel(Path(self.value))
        if self.source is Source.SERVERS:
            return self._servers()
        from pytest_supercharger.models.llama import LlamaModel

        with self._damage_told():
            return LlamaModel(Path(self.value), context=self.context, gpu=self._gpu)

    def preview(self) -> ModelInfo:
        """What would run, without loading weights; raises as ``open``."""
        if self.takes_memory:
            from pytest_supercharger.models.llama import preview

            with self._damage_told():
                return preview(Path(self.value), context=self.context, gpu=self._gpu)
        model = self.open()
        try:
            return model.info
        finally:
            model.close()

    @property
    def _gpu(self) -> str:
        """So small a model is slower on a GPU, and would take memory from who needs one."""
        return "off" if self.source is Source.TINY and self.gpu == "auto" else self.gpu

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        """What llama.cpp says of a file is of no use where the file came with the package."""
        try:
            yield
        except ModelUnavailable as error:
            if self.source is Source.TINY and is_damaged(Path(self.value)):
                raise ModelUnavailable(
                    f"the bundled model {self.value} is damaged, it is not the file that its "
                    "model card describes: install pytest-supercharger again"
                ) from error
            raise

    def _place(self) -> str:
        return self.value if self.source is Source.SERVERS else os.path.realpath(self.value)

    def _servers(self) -> Model:
        from pytest_supercharger.models.server.endpoints import parse_endpoints
        from pytest_supercharger.models.server.model import ServerModel

        endpoints = parse_endpoints(self.value)
        return ServerModel(endpoints, key=os.environ.get(KEY) or None, context=self.context)


def open_model(spec: str, *, rootdir: Path, context: int | None = None, gpu: str = "auto") -> Model:
    """Open the one model that ``spec`` names; relative paths are relative to ``rootdir``.

    ``context`` is in tokens, None: the model's own. ``gpu`` is ``auto``, ``off`` or ``require``.

    :raises ModelUnavailable: it is not there, cannot be loaded, or ``spec`` means nothing.
    :raises SetupError: ``gpu`` is ``require`` and no GPU is in use.
    """
    parsed = parse_spec(spec, is_file=lambda text: _path(text, rootdir).is_file())
    if parsed.then:
        raise ModelUnavailable(f"{spec!r} names two models where one is wanted: name one of them")
    return locate_model(parsed, rootdir=rootdir, context=context, gpu=gpu).open()


def locate_model(
    spec: Spec,
    *,
    rootdir: Path,
    context: int | None = None,
    gpu: str = "auto",
    option: str = MODEL_OPTION,
) -> Located:
    """Find the first model of ``spec`` on this machine; nothing is fetched and nothing loaded.

    ``option`` is the one that gave ``spec``: errors name it.

    :raises ModelUnavailable: it is not there; the message says how to come by it.
    """
    source, value, note = spec.source, spec.value, ""
    if source is Source.AUTO:
        source, value, note = _best(gpu, option)
    elif source is Source.TINY:
        value = str(tiny_model())
    elif source is Source.PRESET:
        source, value = Source.FILE, _fetched(value, option)
    elif source is not Source.SERVERS:
        value = str(_path(value, rootdir))
    return Located(source=source, value=value, context=context, gpu=gpu, note=note)


def hardware_here(gpu: str) -> tuple[str, ...]:
    """What the installed llama.cpp computes on, and what to say of a GPU that it does not use.

    :raises ModelUnavailable: llama-cpp-python is missing or broken.
    :raises SetupError: ``gpu`` is ``require`` and llama.cpp finds none.
    """
    from pytest_supercharger.models.llama import hardware

    found = hardware(gpu)
    return (found.summary, found.remark) if found.remark else (found.summary,)


def _path(text: str, rootdir: Path) -> Path:
    return rootdir / Path(text).expanduser()


def _best(gpu: str, option: str) -> tuple[Source, str, str]:
    """The best preset on disk, else the bundled model: source, path, and a line about it."""
    from pytest_supercharger.models.hub.cache import missing_message
    from pytest_supercharger.models.hub.presets import recommended
    from pytest_supercharger.models.machine import memory_for_models

    memory = memory_for_models(gpu)
    better = recommended(memory)
    name, path, none = _on_disk(memory)
    fetch = missing_message(better) if better and better.name != name else ""
    if path:
        note = f"auto: {name} is the best preset on disk for this machine's memory"
        return Source.FILE, str(path), f"{note}; a better one: {fetch}" if fetch else note
    try:
        tiny = tiny_model()
    except SetupError as error:
        others = f"{fetch}; or name" if fetch else "name"
        raise ModelUnavailable(
            f"{none}, and {error}; {others} another model: {option} {_WHAT_WORKS}"
        ) from error
    note = f"auto: {none}; the bundled model (tiny) is taken"
    return Source.TINY, str(tiny), f"{note}; a better one: {fetch}" if fetch else note


def _on_disk(memory: int) -> tuple[str, Path | None, str]:
    """Name and path of the best preset that is there, or else why none is."""
    from pytest_supercharger.models.hub.cache import locate
    from pytest_supercharger.models.hub.presets import best_on_disk

    try:
        found = best_on_disk(memory)
        path = locate(found) if found else None
    except ModelUnavailable as error:  # the hub's library is missing: nothing was fetched
        return "", None, str(error)
    none = f"no preset is on disk that fits this machine ({memory / 1e9:.0f} GB for a model)"
    return found.name if found else "", path, none


def _fetched(name: str, option: str) -> str:
    """Path of a preset or of a file on the hub."""
    from pytest_supercharger.models.hub.cache import locate, missing_message, parse_hub_spec
    from pytest_supercharger.models.hub.presets import load_presets

    presets = load_presets()
    if not name.startswith("hf:") and name not in presets:
        raise ModelUnavailable(
            f"unknown model {name!r}: presets are {', '.join(presets)}; {option} {_WHAT_WORKS}"
        )
    wanted = parse_hub_spec(name) if name.startswith("hf:") else presets[name]
    path = locate(wanted)
    if path is None:
        raise ModelUnavailable(missing_message(wanted))
    return str(path)
