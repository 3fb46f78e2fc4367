"""How a model is laid out in this machine's memory: context, slots, layers on the GPU.

Pure: the model and the memory come in as numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.engine.batching import PROMPTS
from pytest_supercharger.models.engine.devices import Device, HostMemory
from pytest_supercharger.models.engine.rebuild import Hardware, no_gpu, unused_gpu
from pytest_supercharger.models.engine.shape import ModelShape

CPU_CHUNK = 128  # prompt tokens a decode; larger chunks are slower on a CPU
GPU_CHUNK = 512
ANSWER = 1024  # tokens that each slot gets beside the prompts
_CPU_SLOTS = 16  # more are slower: each token attends over the cells of all
_GPU_SLOTS = 32
_LEAST_SLOTS = 4  # below that a smaller context, or fewer layers on the GPU, is the lesser evil
_MOST_SEQUENCES = 256  # LLAMA_MAX_SEQ
_CONTEXT = 8192  # tokens, where nobody asks for more
_PLENTY = 16384  # the same where memory is plentiful
_ROUNDING = 256  # llama.cpp rounds cells up to a multiple
_GPU_RESERVE = 1 << 30  # bytes of each GPU for intermediate results and the driver
_SLACK = 1.05  # weights take a little more than their file
_TESTS_SHARE = 2  # half of what the weights leave is for the tests and their sandbox
_LEAST_SHARE = 4  # mapped weights give way, so a quarter of what is free can always be had
_WIDTHS = 16  # intermediate results of one token besides attention's, in widths of the model
_F32 = 4  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where a model can be put."""

    devices: tuple[Device, ...]  # as find_devices lists them
    host: HostMemory
    hardware: Hardware  # for what is said about a GPU that is not used

    @property
    def gpus(self) -> tuple[Device, ...]:
        """Those that llama.cpp takes, in its order: integrated ones only where there is no other.

        Of two backends the first: the second would list the same cards again.
        """
        found = [each for each in self.devices if each.kind == "gpu"]
        found = found or [each for each in self.devices if each.kind == "igpu"]
        return tuple(each for each in found if each.backend == found[0].backend)

    def free(self, gpu: Device) -> int:
        """Bytes; the host's where the driver does not say or the memory is the host's own."""
        if not gpu.total:
            return self.host.free
        return min(gpu.free, self.host.free) if gpu.kind == "igpu" else gpu.free


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What llama.cpp is told."""

    gpu_layers: int  # -1: all
    layers_total: int  # as llama.cpp counts them: the output is one
    context: int  # tokens that one sequence may have
    slots: int  # completions decoded together
    cells: int  # tokens that there is room for, all sequences together
    split: str  # how GPUs are used: "none" (one at most), "layer"
    main_device: int | None  # the one GPU in use; None: all there are; -1: none of them
    devices: tuple[str, ...]  # GPUs in use, as they are called: "CUDA0 (NVIDIA H200)"
    remarks: tuple[str, ...]
    family: str = ""  # which models it is one of, see ModelShape

    @property
    def layers_on_gpu(self) -> int:
        return self.layers_total if self.gpu_layers < 0 else self.gpu_layers


# --- what it needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes besides the weights."""

    kv: int
    state: int
    compute: int  # intermediate results of one decode, and the scores

    @property
    def total(self) -> int:
        return self.kv + self.state + self.compute


def cells_for(context: int, slots: int) -> int:
    """Tokens to have room for: a prompt as long as the context allows, and every slot's answer."""
    return ceil((context + slots * min(ANSWER, context)) / _ROUNDING) * _ROUNDING


def need_of(shape: ModelShape, *, context: int, slots: int, on_gpu: bool) -> Need:
    """What llama.cpp allocates for one pool of f16 cells, with flash attention on a GPU only."""
    cells, sequences = cells_for(context, slots), slots + PROMPTS
    together = max(GPU_CHUNK if on_gpu else CPU_CHUNK, sequences) + sequences  # it rounds up
    # Without flash attention every head's scores over all cells are there at once, and the mask.
    attention = cells * (2 if on_gpu else shape.heads + 1)
    per_token = attention + shape.inner + _WIDTHS * shape.width
    scores = 2 * sequences * shape.vocabulary
    return Need(
        kv=cells * shape.kv_bytes_per_token,
        state=sequences * shape.state_bytes_per_sequence,
        compute=(together * per_token + scores) * _F32,
    )


# --- the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """One choice of context and slots."""

    context: int
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What was asked for; None: what suits."""

    shape: ModelShape
    context: int | None
    slots: int | None

    def need(self, layout: _Layout, *, on_gpu: bool) -> Need:
        return need_of(self.shape, context=layout.context, slots=layout.slots, on_gpu=on_gpu)

    def largest(self, fits: Callable[[_Layout], bool], *, on_gpu: bool) -> _Layout | None:
        """The best layout that fits: long contexts first, each with as many slots as fit."""
        for context, least in self._rungs(on_gpu=on_gpu):
            for slots in range(self.most_slots(on_gpu=on_gpu), least - 1, -1):
                layout = _Layout(context=context, slots=slots)
                if fits(layout):
                    return layout
        return None

    def most_slots(self, *, on_gpu: bool) -> int:
        wanted = self.slots or (_GPU_SLOTS if on_gpu else _CPU_SLOTS)
        return min(wanted, _MOST_SEQUENCES - PROMPTS)

    def largest_of_all(self) -> _Layout:
        """The best that a CPU is given."""
        context, _ = next(self._rungs(on_gpu=False))
        return _Layout(context=context, slots=self.most_slots(on_gpu=False))

    def smallest(self) -> _Layout:
        """What a CPU has to have room for."""
        context, least = list(self._rungs(on_gpu=False))[-1]
        return _Layout(context=context, slots=least)

    def _rungs(self, *, on_gpu: bool) -> Iterator[tuple[int, int]]:
        """Contexts with the fewest slots that each is worth, best first."""
        most = self.most_slots(on_gpu=on_gpu)
        least = min(_LEAST_SLOTS, most)
        last = least if on_gpu else 1  # without a GPU there is no other way out
        if self.context is not None:
            yield self.context, last
            return
        rungs = [(_CONTEXT, least), (_CONTEXT // 2, least), (_CONTEXT // 4, last)]
        if on_gpu:
            rungs = [(_PLENTY, most), *rungs[:-1]]
        trained = self.shape.trained_context or _CONTEXT
        yield from ((min(context, trained), slots) for context, slots in rungs)


def make_plan(
    shape: ModelShape,
    memory: Memory,
    *,
    context: int | None = None,
    slots: int | None = None,
    gpu: str = "auto",
) -> Plan:
    """Choose what is not asked for: ``context`` in tokens, ``slots``; ``gpu`` as its option.

    All layers go to one GPU where they fit, else to all GPUs, else as many as fit. On a GPU up to
    32 slots and 16384 tokens, on a CPU 16 and 8192; fewer where memory is short.

    :raises ModelUnavailable: it is too big for this machine's memory.
    :raises SetupError: a GPU is required and would not be used.
    """
    wish = _Wish(shape=shape, context=context, slots=slots)
    gpus = () if gpu == "off" else memory.gpus
    if gpu == "require" and not gpus:
        raise SetupError(no_gpu(memory.hardware))
    plan = _on_gpus(wish, memory, gpus) if gpus else None
    if plan is None:
        plan = _on_cpu(wish, memory, _why_not(wish, memory, gpus, gpu))
        if gpu == "require":
            raise SetupError(_no_layer(wish, memory, gpus))
    return plan


def _on_gpus(wish: _Wish, memory: Memory, gpus: Sequence[Device]) -> Plan | None:
    """All layers or as many as fit, on one card rather than on several; None: not one fits."""
    best = max(gpus, key=memory.free)
    cards = [_Cards(wish, memory, [best], gpus.index(best))]
    if len(gpus) > 1:
        cards.append(_Cards(wish, memory, gpus, None))
    for each in cards:
        layout = wish.largest(each.fits, on_gpu=True)
        if layout:
            return each.plan(layout, -1, ())
    return max((each.partial() for each in cards), key=_layers_of, default=None)


def _layers_of(plan: Plan | None) -> int:
    return plan.layers_on_gpu if plan else 0


class _Cards:
    """One GPU, or all with the layers split among them by free memory, as llama.cpp does it."""

    def __init__(
        self, wish: _Wish, memory: Memory, gpus: Sequence[Device], main: int | None
    ) -> None:
        self._wish = wish
        self._memory = memory
        self._gpus = gpus
        self._main = main
        self._total = wish.shape.layers + 1

    def fits(self, layout: _Layout) -> bool:
        return self._layers(layout) >= self._total

    def partial(self) -> Plan | None:
        """What of it fits, the rest on the CPU; None: nothing does, or the rest is too big."""
        # With the cells of the largest layout the fewest layers fit: no layout leaves more outside.
        host = self._host(self._layers(self._wish.largest_of_all()))
        layout = host.layout()
        layers = min(self._layers(layout), self._total) if layout else 0
        if not layout or layers < 1:
            return None
        if layers == self._total:
            return self.plan(layout, -1, ())
        crowded = _crowded(self._host(layers), layout)
        return self.plan(layout, layers, (self._partly(layers), *crowded))

    def _host(self, layers: int) -> _Host:
        """Main memory when so many layers are on the GPU."""
        outside = max(0, self._total - layers)
        weights = ceil(self._wish.shape.weights_bytes * outside / self._total)
        return _Host(self._wish, self._memory.host, weights)

    def plan(self, layout: _Layout, layers: int, remarks: Sequence[str]) -> Plan:
        wish = self._wish
        return Plan(
            gpu_layers=layers,
            layers_total=self._total,
            context=layout.context,
            slots=layout.slots,
            cells=cells_for(layout.context, layout.slots),
            split="none" if self._main is not None else "layer",
            main_device=self._main,
            devices=tuple(_called(gpu) for gpu in self._gpus),
            remarks=(*remarks, *_shortages(wish, layout, on_gpu=layers < 0)),
            family=wish.shape.family,
        )

    def _layers(self, layout: _Layout) -> int:
        """How many fit with their part of the cells and states."""
        need = self._wish.need(layout, on_gpu=True)
        whole = self._wish.shape.weights_bytes * _SLACK + need.kv + need.state
        each = max(1, ceil(whole / self._total))
        # A layer is not cut: of several cards each may get one more than its share.
        aside = max(need.compute, _GPU_RESERVE) + (each if len(self._gpus) > 1 else 0)
        return max(0, self._room(aside)) // each

    def _room(self, aside: int) -> int:
        """Bytes for layers when every card keeps ``aside`` and they are filled in proportion."""
        free = [max(1, self._memory.free(gpu)) for gpu in self._gpus]
        return sum(free) * (min(free) - aside) // min(free)

    def _partly(self, layers: int) -> str:
        slow = "" if layers * 2 >= self._total else ": slow, a smaller quantisation would be faster"
        free = sum(self._memory.free(gpu) for gpu in self._gpus)
        names = " and ".join(gpu.name for gpu in self._gpus)
        return (
            f"only {layers} of {self._total} layers fit into the {_gb(free)} free on {names}{slow}"
        )


@dataclass(frozen=True, slots=True)
class _Host:
    """Main memory, with so many bytes of weights in it."""

    wish: _Wish
    memory: HostMemory
    weights: int

    def layout(self) -> _Layout | None:
        """What leaves the tests their part, else the least there is if it fits at all."""
        smallest = self.wish.smallest()
        return self.wish.largest(self._fits_well, on_gpu=False) or (
            smallest if self._need(smallest) <= self.room else None
        )

    @property
    def room(self) -> int:
        """Bytes for all but the weights, which are mapped and may be read from disk again."""
        if self.weights > self.memory.total:
            return -1
        return max(self.memory.free - self.weights, self.memory.free // _LEAST_SHARE)

    def needed(self, layout: _Layout) -> int:
        return self.weights + self._need(layout)

    def _fits_well(self, layout: _Layout) -> bool:
        return self._need(layout) <= self.room // _TESTS_SHARE

    def _need(self, layout: _Layout) -> int:
        return self.wish.need(layout, on_gpu=False).total


def _on_cpu(wish: _Wish, memory: Memory, remarks: Sequence[str]) -> Plan:
    host = _Host(wish, memory.host, wish.shape.weights_bytes)
    layout = host.layout()
    if layout is None:
        raise ModelUnavailable(_too_big(wish, host))
    return Plan(
        gpu_layers=0,
        layers_total=wish.shape.layers + 1,
        context=layout.context,
        slots=layout.slots,
        cells=cells_for(layout.context, layout.slots),
        split="none",
        main_device=-1 if memory.gpus else None,
        devices=(),
        remarks=(*remarks, *_crowded(host, layout), *_shortages(wish, layout, on_gpu=False)),
        family=wish.shape.family,
    )


# --- what is said


def _why_not(wish: _Wish, memory: Memory, gpus: Sequence[Device], gpu: str) -> tuple[str, ...]:
    """Why the CPU is used, where somebody might wonder."""
    if gpus:
        return (f"{_no_room(wish, memory, gpus)}: the CPU is used",)
    if gpu == "off":
        return ()
    said = unused_gpu(memory.hardware)
    return (said,) if said else ()


def _no_layer(wish: _Wish, memory: Memory, gpus: Sequence[Device]) -> str:
    return (
        f"--supercharge-gpu=require, but {_no_room(wish, memory, gpus)}: end what else uses the "
        "GPU, choose a smaller model or quantisation, lower --supercharge-context, or give "
        "--supercharge-gpu=auto or off"
    )


def _no_room(wish: _Wish, memory: Memory, gpus: Sequence[Device]) -> str:
    each = int(wish.shape.weights_bytes * _SLACK) // (wish.shape.layers + 1)
    free = ", ".join(f"{_gb(memory.free(gpu))} on {gpu.name}" for gpu in gpus)
    return (
        f"no layer of the model fits on the GPU: one needs {_gb(each)} and its part of the "
        f"context, besides {_gb(_GPU_RESERVE)} to work in, and free are {free}"
    )


def _too_big(wish: _Wish, host: _Host) -> str:
    smallest = wish.smallest()
    weights, memory = host.weights, host.memory
    need = host.needed(smallest) - weights
    if weights > memory.total:
        problem = f"{_gb(memory.total)} is all the memory there is"
    else:
        problem = f"{_gb(memory.free)} are free, {_gb(host.room)} of them besides the weights"
    return (
        f"the model needs {_gb(weights + need)} of memory ({_gb(weights)} of weights and "
        f"{_gb(need)} for a context of {smallest.context} tokens), but {problem}: choose a smaller "
        "model or quantisation, lower --supercharge-context, or end what else uses memory"
    )


def _crowded(host: _Host, layout: _Layout) -> Iterator[str]:
    needed = host.needed(layout)
    if needed > host.memory.free:
        yield (
            f"{_gb(needed)} are needed and {_gb(host.memory.free)} of memory are free: weights "
            "will be read from disk again and again, which is slow"
        )


def _shortages(wish: _Wish, layout: _Layout, *, on_gpu: bool) -> Iterator[str]:
    trained = wish.shape.trained_context
    if trained and layout.context > trained:
        yield (
            f"a context of {layout.context} tokens is more than the {trained} that the model was "
            "trained for: what is beyond them it reads badly"
        )
    if wish.context is None and layout.context < min(_CONTEXT, trained or _CONTEXT):
        yield f"memory allows a context of {layout.context} tokens only"
    wanted = wish.most_slots(on_gpu=on_gpu)
    if layout.slots < min(_LEAST_SLOTS, wanted):
        yield f"memory allows only {layout.slots} of {wanted} slots"


def _called(gpu: Device) -> str:
    return f"{gpu.name} ({gpu.description})" if gpu.description else gpu.name


def _gb(size: int) -> str:
    return f"{max(0, size) / 1e9:.1f} GB"
