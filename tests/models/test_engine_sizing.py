"""What is planned for real models on real machines, and that it never is more than there is."""

from __future__ import annotations

import bisect
import importlib.util
import itertools
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import Q8_0, HybridModel, RandomModel, Shape, Vocabulary
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.engine.batching import PROMPTS
from pytest_supercharger.models.engine.devices import Device, HostMemory
from pytest_supercharger.models.engine.rebuild import Hardware
from pytest_supercharger.models.engine.shape import ModelShape, shape_of
from pytest_supercharger.models.engine.sizing import (
    CPU_CHUNK,
    Memory,
    Plan,
    cells_for,
    make_plan,
    need_of,
)

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def settings_of(architecture: str, **values: object) -> dict[str, str]:
    """As llama.cpp tells them; ``__`` stands for the dot."""
    named = {f"{architecture}.{name.replace('__', '.')}": str(v) for name, v in values.items()}
    return {"general.architecture": architecture, **named}


QWEN_7B = settings_of(  # Qwen2.5-Coder-7B-Instruct, Q4_K_M
    "qwen2",
    block_count=28,
    embedding_length=3584,
    feed_forward_length=18944,
    context_length=32768,
    attention__head_count=28,
    attention__head_count_kv=4,
)
QWEN_30B = settings_of(  # Qwen3-Coder-30B-A3B-Instruct, Q4_K_M
    "qwen3moe",
    block_count=48,
    embedding_length=2048,
    feed_forward_length=5472,
    expert_used_count=8,
    expert_feed_forward_length=768,
    context_length=262144,
    attention__head_count=32,
    attention__head_count_kv=4,
    attention__key_length=128,
    attention__value_length=128,
)
QWEN_27B = settings_of(  # Qwen3.8-27B, a hybrid: every fourth layer attends
    "qwen35",
    block_count=64,
    embedding_length=5120,
    feed_forward_length=17408,
    context_length=262144,
    full_attention_interval=4,
    attention__head_count=24,
    attention__head_count_kv=4,
    attention__key_length=256,
    attention__value_length=256,
    ssm__conv_kernel=4,
    ssm__state_size=128,
    ssm__inner_size=6144,
    ssm__group_count=16,
)
SMALL = shape_of(QWEN_7B, file_bytes=4_683_073_536, tokens=152_064)
MIXTURE = shape_of(QWEN_30B, file_bytes=18_556_689_568, tokens=151_936)
HYBRID = shape_of(QWEN_27B, file_bytes=16_460_000_000, tokens=248_320)


def card(number: int, gib: float, *, kind: str = "gpu", backend: str = "CUDA") -> Device:
    """Of so many GiB; the driver keeps half of one."""
    return Device(
        name=f"{backend}{number}",
        description="NVIDIA H100",
        backend=backend,
        kind=kind,
        free=int((gib - 0.5) * GIB),
        total=int(gib * GIB),
    )


CPU = Device(name="CPU", description="AMD EPYC", backend="CPU", kind="cpu", free=0, total=0)
PLAIN = Hardware(platform="linux", machine="x86_64", build="CPU : AVX2 = 1 | ")


def machine(
    *gpus: Device, free: float = 28, total: float = 32, hardware: Hardware = PLAIN
) -> Memory:
    """Main memory in GiB."""
    host = HostMemory(free=int(free * GIB), total=int(total * GIB))
    return Memory(devices=(*gpus, CPU), host=host, hardware=hardware)


# --- the model


class TestShape:
    def test_keys_and_values_of_dense_models(self) -> None:
        assert SMALL.kv_bytes_per_token == 56 * KIB
        assert MIXTURE.kv_bytes_per_token == 96 * KIB
        assert SMALL.state_bytes_per_sequence == MIXTURE.state_bytes_per_sequence == 0

    def test_a_hybrid_keeps_a_state_and_few_keys(self) -> None:
        assert HYBRID.kv_bytes_per_token == 64 * KIB
        assert HYBRID.state_bytes_per_sequence == pytest.approx(150 * MIB, rel=0.01)

    def test_a_recurrent_model_has_no_keys(self) -> None:
        mamba = settings_of(
            "mamba",
            block_count=64,
            embedding_length=2560,
            attention__head_count=0,
            ssm__conv_kernel=4,
            ssm__inner_size=5120,
            ssm__state_size=16,
        )
        shape = shape_of(mamba, file_bytes=GIB)
        assert shape.kv_bytes_per_token == 0
        assert shape.state_bytes_per_sequence == 64 * 4 * (16 * 5120 + 3 * 5120)

    def test_other_kinds_of_state(self) -> None:
        rwkv = settings_of("rwkv7", block_count=2, embedding_length=64, wkv__head_size=16)
        assert shape_of(rwkv, file_bytes=1).state_bytes_per_sequence == 2 * 4 * 64 * (2 + 16)
        lfm = settings_of("lfm2", block_count=2, embedding_length=64, shortconv__l_cache=3)
        assert shape_of(lfm, file_bytes=1).state_bytes_per_sequence == 2 * 4 * 64 * 2
        kimi = settings_of(
            "kimi-linear",
            block_count=2,
            embedding_length=64,
            kda__head_dim=8,
            attention__head_count=4,
            ssm__conv_kernel=4,
        )
        state = 3 * 3 * 4 * 8 + 4 * 8 * 8
        assert shape_of(kimi, file_bytes=1).state_bytes_per_sequence == 2 * 4 * state

    @pytest.mark.parametrize(
        "unknown",
        [
            "attention.head_count_kv",
            "attention.head_count",
            "full_attention_interval",
            "feed_forward_length",
        ],
    )
    @pytest.mark.parametrize("meta", [QWEN_7B, QWEN_30B, QWEN_27B])
    def test_a_setting_that_is_a_list_is_not_taken_too_small(
        self, meta: dict[str, str], unknown: str
    ) -> None:
        """llama.cpp does not tell lists."""
        architecture = meta["general.architecture"]
        left = {name: text for name, text in meta.items() if name != f"{architecture}.{unknown}"}
        known, guessed = (shape_of(one, file_bytes=1) for one in (meta, left))
        assert guessed.kv_bytes_per_token >= known.kv_bytes_per_token
        assert guessed.state_bytes_per_sequence >= known.state_bytes_per_sequence
        assert guessed.heads >= known.heads
        assert guessed.inner >= known.inner

    def test_heads_of_a_model_that_lists_all_of_them(self) -> None:
        meta = {name: text for name, text in QWEN_30B.items() if ".attention." not in name}
        shape = shape_of(meta, file_bytes=1)
        assert shape.kv_bytes_per_token >= MIXTURE.kv_bytes_per_token
        assert shape.heads >= MIXTURE.heads

    def test_wider_heads_in_some_layers_count_for_all(self) -> None:
        meta = {**QWEN_7B, "qwen2.attention.key_length_swa": "512"}
        assert shape_of(meta, file_bytes=1).kv_bytes_per_token == 28 * 4 * (512 + 128) * 2

    @pytest.mark.parametrize("name", ["block_count", "embedding_length"])
    def test_a_model_without_layers_or_width_is_refused(self, name: str) -> None:
        meta = {key: text for key, text in QWEN_7B.items() if key != f"qwen2.{name}"}
        with pytest.raises(ModelUnavailable, match=rf"does not say its qwen2\.{name}"):
            shape_of(meta, file_bytes=1)


# --- what llama.cpp really allocates

_ALLOCATE = """
import sys
from pathlib import Path
from pytest_supercharger.models.engine import library
from pytest_supercharger.models.engine.shape import shape_of
library.start()
path, cells, sequences, chunk = sys.argv[1], *map(int, sys.argv[2:])
weights = library.Weights(path)
print(shape_of(weights.meta, file_bytes=Path(path).stat().st_size, tokens=weights.tokens))
library.Cells(
    weights, cells=cells, sequences=sequences, chunk=chunk, threads=1, on_gpu=False
)
"""


def allocated(path: Path, *, context: int, slots: int) -> tuple[ModelShape, dict[str, float]]:
    """The shape that is read from the file, and the sizes that llama.cpp prints, in bytes."""
    numbers = (cells_for(context, slots), slots + PROMPTS, CPU_CHUNK)
    done = subprocess.run(
        [sys.executable, "-c", _ALLOCATE, str(path), *map(str, numbers)],
        capture_output=True,
        text=True,
        check=True,
    )
    sizes = re.findall(r"CPU +(KV|RS|compute|output) buffer size = +([\d.]+) MiB", done.stderr)
    shape = eval(done.stdout, {"ModelShape": ModelShape})
    return shape, {name: float(size) * MIB for name, size in sizes}


@pytest.mark.llama
@pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None,
    reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
)
class TestAgainstLlama:
    @pytest.mark.parametrize(("context", "slots"), [(4096, 16), (2048, 1), (8192, 4)])
    def test_a_dense_model_takes_what_was_reckoned(
        self, tmp_path: Path, context: int, slots: int
    ) -> None:
        model = RandomModel(
            weights=Q8_0,
            shape=Shape(width=256, heads=8, kv_heads=4, layers=3, inner=1024),
            vocabulary=Vocabulary(size=8192),
            context=8192,
            repeat=True,
        )
        shape, real = allocated(model.write(tmp_path / "a.gguf"), context=context, slots=slots)
        need = need_of(shape, context=context, slots=slots, on_gpu=False)
        assert need.kv == real["KV"]
        assert need.state == 0
        self.assert_covers(need.compute, real)

    @pytest.mark.parametrize("slots", [1, 16])
    def test_a_hybrid_model_takes_what_was_reckoned(self, tmp_path: Path, slots: int) -> None:
        path = HybridModel(context=4096).write(tmp_path / "a.gguf")
        shape, real = allocated(path, context=4096, slots=slots)
        need = need_of(shape, context=4096, slots=slots, on_gpu=False)
        assert need.kv == real["KV"]
        assert need.state == pytest.approx(real["RS"], abs=MIB / 50)  # printed with two digits
        self.assert_covers(need.compute, real)

    @staticmethod
    def assert_covers(reckoned: int, real: dict[str, float]) -> None:
        """Never less than it is, and not far more."""
        used = real["compute"] + real["output"]
        assert used <= reckoned <= 1.25 * used + 8 * MIB


# --- real models on real machines


class TestOnTheCpu:
    def test_with_room_there_are_sixteen_slots_and_the_usual_context(self) -> None:
        plan = make_plan(SMALL, machine())
        assert (plan.context, plan.slots, plan.cells) == (8192, 16, 8192 + 16 * 1024)
        assert (plan.gpu_layers, plan.layers_total, plan.layers_on_gpu) == (0, 29, 0)
        assert (plan.split, plan.main_device, plan.devices) == ("none", None, ())
        assert plan.remarks == ()

    def test_a_laptop_of_8_gb_gets_a_7b_with_less_context_and_says_so(self) -> None:
        plan = make_plan(SMALL, machine(free=5.5, total=7.6))
        assert plan.context == 4096
        assert 4 <= plan.slots < 16
        assert plan.remarks == ("memory allows a context of 4096 tokens only",)

    def test_a_laptop_with_little_free_reads_the_weights_from_disk(self) -> None:
        plan = make_plan(SMALL, machine(free=2, total=7.6))
        assert plan.slots >= 1
        assert plan.remarks[0].startswith("5.0 GB are needed and 2.1 GB of memory are free")

    def test_a_file_bigger_than_the_memory_is_refused_with_both_numbers(self) -> None:
        with pytest.raises(ModelUnavailable) as caught:
            make_plan(MIXTURE, machine(free=14, total=15.5))
        message = str(caught.value)
        assert "needs 18.9 GB of memory (18.6 GB of weights" in message
        assert "16.6 GB is all the memory there is" in message
        assert "smaller model or quantisation, lower --supercharge-context" in message

    def test_a_context_that_does_not_fit_is_refused_with_both_numbers(self) -> None:
        with pytest.raises(ModelUnavailable, match=r"needs 26\.3 GB .* 65536 .*15\.0 GB are free"):
            make_plan(MIXTURE, machine(free=14, total=24), context=65536)

    def test_a_context_that_was_asked_for_is_kept_with_fewer_slots(self) -> None:
        plan = make_plan(SMALL, machine(free=10, total=16), context=32768)
        assert plan.context == 32768
        assert 4 <= plan.slots < 16
        assert plan.cells == cells_for(32768, plan.slots)

    def test_a_context_beyond_the_trained_one_is_remarked_on(self) -> None:
        (remark,) = make_plan(SMALL, machine(free=60, total=64), context=40000).remarks
        assert "40000 tokens is more than the 32768" in remark

    def test_a_model_trained_for_little_gets_no_more(self) -> None:
        meta = {**QWEN_7B, "qwen2.context_length": "512"}
        plan = make_plan(shape_of(meta, file_bytes=GIB), machine())
        assert (plan.context, plan.slots, plan.cells) == (512, 16, 512 + 16 * 512)
        assert plan.remarks == ()

    def test_slots_may_be_asked_for(self) -> None:
        assert make_plan(SMALL, machine(), slots=1).slots == 1
        assert make_plan(SMALL, machine(free=60, total=64), slots=40).slots == 40

    def test_the_gpu_is_left_alone_when_off(self) -> None:
        plan = make_plan(SMALL, machine(card(0, 80)), gpu="off")
        assert (plan.gpu_layers, plan.main_device, plan.remarks) == (0, -1, ())


class TestOnOneGpu:
    @pytest.mark.parametrize("shape", [SMALL, MIXTURE, HYBRID])
    def test_80_gb_hold_everything(self, shape: ModelShape) -> None:
        plan = make_plan(shape, machine(card(0, 80)))
        assert (plan.gpu_layers, plan.layers_on_gpu) == (-1, shape.layers + 1)
        assert (plan.context, plan.slots, plan.remarks) == (16384, 32, ())
        assert plan.devices == ("CUDA0 (NVIDIA H100)",)

    def test_24_gb_hold_the_30b_with_the_usual_context(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 24)))
        assert (plan.gpu_layers, plan.context, plan.slots) == (-1, 8192, 32)

    def test_states_cost_the_hybrid_slots(self) -> None:
        plan = make_plan(HYBRID, machine(card(0, 24)))
        assert plan.gpu_layers == -1
        assert 20 <= plan.slots < 32

    def test_half_of_the_30b_on_a_12_gb_card(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 12)))
        assert 20 <= plan.gpu_layers <= 30
        assert plan.layers_on_gpu == plan.gpu_layers
        assert plan.remarks[0].startswith(
            f"only {plan.gpu_layers} of 49 layers fit into the 12.3 GB"
        )

    def test_less_than_half_is_called_slow(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 8)))
        assert 0 < plan.gpu_layers < 24
        assert "slow, a smaller quantisation would be faster" in plan.remarks[0]

    def test_a_card_too_small_for_one_layer_is_not_used_and_named(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 1)))
        assert (plan.gpu_layers, plan.main_device, plan.devices) == (0, -1, ())
        assert "no layer of the model fits on the GPU" in plan.remarks[0]
        assert "0.5 GB on CUDA0" in plan.remarks[0]

    def test_a_huge_context_is_kept_rather_than_all_layers(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 24)), context=65536)
        assert plan.context == 65536
        assert 24 < plan.gpu_layers < 49

    def test_an_integrated_gpu_has_no_more_than_the_host_has_free(self) -> None:
        igpu = card(0, 24, kind="igpu", backend="Vulkan")
        plan = make_plan(SMALL, machine(igpu, free=5, total=32))
        assert 0 < plan.layers_on_gpu < 29

    def test_an_integrated_gpu_is_used_only_where_there_is_no_other(self) -> None:
        memory = machine(card(0, 24, kind="igpu", backend="Vulkan"), card(0, 24))
        assert [gpu.name for gpu in memory.gpus] == ["CUDA0"]

    def test_a_driver_that_does_not_say_its_memory_has_the_hosts(self) -> None:
        silent = Device(
            name="MTL0", description="Apple M4", backend="Metal", kind="gpu", free=0, total=0
        )
        assert make_plan(SMALL, machine(silent)).gpu_layers == -1


class TestOnSeveralGpus:
    def test_a_model_that_fits_one_card_uses_the_emptiest(self) -> None:
        plan = make_plan(MIXTURE, machine(card(0, 12), card(1, 24)))
        assert (plan.split, plan.main_device) == ("none", 1)
        assert plan.devices == ("CUDA1 (NVIDIA H100)",)

    def test_a_model_that_does_not_is_split_by_layers(self) -> None:
        big = shape_of(QWEN_30B, file_bytes=30_000_000_000, tokens=151_936)
        plan = make_plan(big, machine(card(0, 24), card(1, 24)))
        assert (plan.gpu_layers, plan.split, plan.main_device) == (-1, "layer", None)
        assert len(plan.devices) == 2

    def test_a_tiny_second_card_does_not_spoil_the_first(self) -> None:
        """llama.cpp would fill both in proportion, and the tiny one has no room to work in."""
        big = shape_of(QWEN_30B, file_bytes=30_000_000_000, tokens=151_936)
        plan = make_plan(big, machine(card(0, 24), card(1, 1.2), free=60, total=64))
        assert (plan.split, plan.main_device) == ("none", 0)
        assert 24 < plan.gpu_layers < 49

    def test_the_same_cards_under_a_second_backend_count_once(self) -> None:
        memory = machine(card(0, 24), card(0, 24, backend="Vulkan"))
        assert [gpu.name for gpu in memory.gpus] == ["CUDA0"]


class TestRequired:
    NVIDIA = Hardware(
        platform="linux", machine="x86_64", hints=("NVIDIA",), build="CPU : AVX2 = 1 | "
    )

    def test_without_a_gpu_it_is_an_error_with_the_command(self) -> None:
        with pytest.raises(SetupError, match=r"finds no GPU.*CPU : AVX2.*DGGML_CUDA=on"):
            make_plan(SMALL, machine(hardware=self.NVIDIA), gpu="require")

    def test_without_a_layer_on_it_it_is_an_error_with_the_numbers(self) -> None:
        with pytest.raises(SetupError, match=r"no layer .* one needs 0\.4 GB .* 0\.5 GB on CUDA0"):
            make_plan(MIXTURE, machine(card(0, 1)), gpu="require")

    def test_some_layers_are_enough(self) -> None:
        assert make_plan(MIXTURE, machine(card(0, 12)), gpu="require").gpu_layers > 0

    def test_too_big_for_everything_is_said_as_that(self) -> None:
        with pytest.raises(ModelUnavailable, match="is all the memory there is"):
            make_plan(MIXTURE, machine(card(0, 4), free=6, total=8), gpu="require")

    def test_automatic_uses_the_cpu_and_remarks_on_the_build(self) -> None:
        (remark,) = make_plan(SMALL, machine(hardware=self.NVIDIA)).remarks
        assert "GPU by NVIDIA, but llama.cpp finds no GPU" in remark

    def test_off_remarks_on_nothing(self) -> None:
        assert make_plan(SMALL, machine(hardware=self.NVIDIA), gpu="off").remarks == ()


# --- whatever the machine


shapes = st.builds(
    ModelShape,
    layers=st.integers(1, 100),
    heads=st.integers(0, 128),
    width=st.integers(64, 16384),
    inner=st.integers(0, 65536),
    kv_bytes_per_token=st.integers(0, 4 * MIB),
    state_bytes_per_sequence=st.integers(0, 400 * MIB),
    weights_bytes=st.integers(MIB, 200 * GIB),
    trained_context=st.one_of(st.just(0), st.integers(128, 1 << 20)),
    vocabulary=st.integers(100, 300_000),
)
sizes = st.floats(0.6, 200)
hosts = st.tuples(st.floats(0.1, 400), st.floats(1, 2)).map(
    lambda pair: (pair[0], pair[0] * pair[1])
)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    free, total = draw(hosts)
    cards = [card(i, size) for i, size in enumerate(draw(st.lists(sizes, max_size=4)))]
    return machine(*cards, free=free, total=total)


@settings(max_examples=300, deadline=None)
@given(
    shape=shapes,
    memory=memories(),
    context=st.one_of(st.none(), st.integers(1, 200_000)),
    slots=st.one_of(st.none(), st.integers(1, 300)),
    gpu=st.sampled_from(["auto", "off", "require"]),
)
def test_a_plan_keeps_within_the_memory(
    shape: ModelShape, memory: Memory, context: int | None, slots: int | None, gpu: str
) -> None:
    try:
        plan = make_plan(shape, memory, context=context, slots=slots, gpu=gpu)
    except ModelUnavailable:
        return
    except SetupError:
        if gpu != "require":
            raise
        return
    assert 1 <= plan.slots <= min(slots or 32, 256 - PROMPTS)
    assert plan.cells >= plan.context >= 1
    assert plan.context == context or context is None
    assert -1 <= plan.gpu_layers < plan.layers_total == shape.layers + 1
    assert (plan.gpu_layers == 0) == (not plan.devices)
    assert gpu != "off" or plan.gpu_layers == 0
    assert gpu != "require" or plan.gpu_layers != 0
    assert_fits(plan, shape, memory)


def assert_fits(plan: Plan, shape: ModelShape, memory: Memory) -> None:
    """Each card holds its part of what it was given; the host holds all cells and states.

    Weights in main memory are mapped: they are not held against what is free.
    """
    whole = shape.layers + 1
    need = need_of(shape, context=plan.context, slots=plan.slots, on_gpu=bool(plan.devices))
    used = [gpu for gpu in memory.gpus if any(name.startswith(gpu.name) for name in plan.devices)]
    assert (plan.main_device is None) == (len(used) != 1) or not used
    layers = plan.layers_on_gpu
    layer = (shape.weights_bytes + need.kv + need.state) / whole
    for gpu, part in zip(used, parts(layers, [each.free for each in used]), strict=True):
        assert part * layer + need.compute <= gpu.free
    if layers < whole:
        on_host = need_of(shape, context=plan.context, slots=plan.slots, on_gpu=False)
        assert on_host.total <= memory.host.free
        assert shape.weights_bytes * (whole - layers) / whole <= memory.host.total + 1


def parts(layers: int, free: list[int]) -> list[int]:
    """How many layers llama.cpp puts on each card (``load_tensors`` in its llama-model.cpp)."""
    ends = [end / sum(free) for end in itertools.accumulate(free)]
    cards = [bisect.bisect_right(ends, layer / layers) for layer in range(layers)]
    return [cards.count(i) for i in range(len(free))]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), shape=shapes, gib=st.lists(st.floats(3, 48), min_size=2, max_size=4))
def test_each_of_several_cards_holds_its_part(
    data: st.DataObject, shape: ModelShape, gib: list[float]
) -> None:
    weights = int(data.draw(st.floats(0.3, 1.1)) * sum(gib) * GIB)
    memory = machine(*(card(i, size) for i, size in enumerate(gib)), free=400, total=400)
    shape = replace(shape, weights_bytes=weights)
    assert_fits(make_plan(shape, memory), shape, memory)


# --- the table in the documentation

FILES = {"Qwen2.5-Coder-7B": SMALL, "Qwen3-Coder-30B-A3B": MIXTURE, "Qwen3.8-27B": HYBRID}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "models.md"


@pytest.mark.parametrize("name", FILES)
def test_the_documented_plans_are_the_ones_made(name: str) -> None:
    row = re.search(
        rf"^\| {re.escape(name)} Q4_K_M .*\|$", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    assert row
    for cell, gib in zip(row[0].split("|")[2:-1], (8, 12, 24, 80), strict=True):
        plan = make_plan(FILES[name], machine(card(0, gib)))
        layers = re.search(r"(\d+) of (\d+) layers", cell)
        if layers:
            assert (plan.gpu_layers, plan.layers_total) == (int(layers[1]), int(layers[2]))
            continue
        numbers = tuple(int(number) for number in re.findall(r"\d+", cell))
        assert (plan.context, plan.slots, plan.gpu_layers) == (*numbers, -1)
