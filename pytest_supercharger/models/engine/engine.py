"""A model, loaded as planned and ready to decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.builds import parts_of
from pytest_supercharger.models.engine import library, selfcheck
from pytest_supercharger.models.engine.batching import PROMPTS
from pytest_supercharger.models.engine.hardware import look
from pytest_supercharger.models.engine.library import Cells, Weights
from pytest_supercharger.models.engine.shape import shape_of
from pytest_supercharger.models.engine.sizing import CPU_CHUNK, GPU_CHUNK, Plan, make_plan
from pytest_supercharger.models.engine.threads import decoding_threads
from pytest_supercharger.models.engine.vocabulary import Vocabulary
from pytest_supercharger.prompts import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is to be opened."""

    path: str
    context: int | None  # tokens of one sequence; None: as the model, the memory and the slots say
    gpu: str  # "auto", "off" or "require"
    slots: int | None  # completions decoded together; None: as many as pay and fit
    extra_buffers: bool  # weights laid out anew for this CPU; some builds die of it
    batched: bool  # False: one sequence at a time
    checked: int | None  # layers on the GPU with which this build was seen to compute right


def plan(options: Options) -> Plan:
    """How the file would be opened on this machine; reads no weights.

    :raises ModelUnavailable: llama.cpp cannot read it, or it is too big for this machine.
    :raises SetupError: a GPU is required and would not be used.
    """
    header = Weights(options.path, vocabulary_only=True)
    try:
        shape = shape_of(header.meta, file_bytes=_size(Path(options.path)), tokens=header.tokens)
    finally:
        header.close()
    return make_plan(
        shape,
        look(library.system_info()),
        context=options.context,
        slots=options.slots if options.batched else 1,
        gpu=options.gpu,
    )


class Engine:
    """The Decoder of :mod:`.batching`."""

    def __init__(self, options: Options, *, loading: Callable[[], None]) -> None:
        """Open the file; ``loading`` is called once it is known that it fits.

        :raises ModelUnavailable: llama.cpp cannot load it, or it is no text model.
        :raises SetupError: a GPU is required and would not be used; the template is none.
        :raises Unfit: this build computes wrong.
        """
        self.plan = plan(options)
        loading()
        self._weights = Weights(
            options.path,
            gpu_layers=self.plan.gpu_layers,
            extra_buffers=options.extra_buffers,
            main_device=self.plan.main_device,
        )
        on_gpu = self.plan.gpu_layers != 0
        self._cells = Cells(
            self._weights,
            cells=self.plan.cells,
            sequences=self.plan.slots + PROMPTS,
            chunk=GPU_CHUNK if on_gpu else CPU_CHUNK,
            threads=decoding_threads(weights=_size(Path(options.path))),
            on_gpu=on_gpu,
        )
        if options.checked != self.plan.layers_on_gpu:
            self._check(options)
        self.vocabulary = Vocabulary(self._weights)
        self.cells = self._cells.cells
        self.chunk = self._cells.chunk
        self.can_be_cut = self._weights.can_be_cut
        # The last look-up is the fastest: these are called for every token.
        self.decode = self._cells.decode
        self.share = self._cells.share
        self.cut = self._cells.cut
        self.drop = self._cells.drop
        self.free_sampler = self._cells.free_sampler
        self.draw = self._cells.draw
        self.piece = self.vocabulary.piece
        self.ends = self._weights.ends

    def new_sampler(self, sampling: Sampling, seed: int) -> object:
        return self._cells.new_sampler(sampling, seed)

    def _check(self, options: Options) -> None:
        problem = selfcheck.check(self._weights, self._cells)
        if problem == selfcheck.NOT_NUMBERS and not options.extra_buffers:
            raise ModelUnavailable(
                f"{options.path} computes scores that are not numbers: the file is damaged, or "
                "this build of llama-cpp-python is; fetch the model again or reinstall "
                "llama-cpp-python"
            )
        if problem and (options.extra_buffers or options.batched):
            raise Unfit(problem)


class Unfit(SetupError):
    """This build computes wrong the way it was asked to."""


def _size(path: Path) -> int:
    """Bytes of a model file, all its parts included."""
    return sum(part.stat().st_size for part in parts_of(path))
