"""GGUF files made on the spot: real input for llama.cpp, of any shape and weight type.

The weights are random; ``gguf_parrot`` makes files that say what they are told to. The vocabulary
is one token for every byte, a few merges, as much padding as asked for, and control tokens, so a
text of n bytes without ``def`` is n tokens. A control token's row of the output is zero: it is
practically never drawn, and a completion goes on to its limit.
"""

from __future__ import annotations

import glob
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import gguf
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think></think>' }}{% endif %}"
)
# As Gemma 2's: a system turn is refused.
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
NO_SYSTEM += CHATML
_TURNS = CHATML.partition("{% if enable_thinking")[0]
# As Qwen3's: the model opens its thoughts itself, unless an empty pair stands there already.
THINKS_UNLESS_TOLD = _TURNS + (
    "{% if add_generation_prompt and enable_thinking is defined and not enable_thinking %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}"
)
# As DeepSeek-R1's: it opens the thoughts whatever it is told; earlier ones are left out.
ALWAYS_THINKS = _TURNS.replace("m['content']", "m['content'].split('</think>')[-1]")
ALWAYS_THINKS += "{% if add_generation_prompt %}{{ '<think>\n' }}{% endif %}"

F32 = gguf.GGMLQuantizationType.F32
F16 = gguf.GGMLQuantizationType.F16
Q8_0 = gguf.GGMLQuantizationType.Q8_0
Q4_0 = gguf.GGMLQuantizationType.Q4_0

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
THINK = ("<think>", "</think>")
_MERGES = ("d e", "de f")
_ROWS_DRAWN = 1024  # of a matrix whose rows repeat

# Number of a mixture in llama.cpp's enum llama_ftype, by the name in published files' names.
# Left out: IQ1, IQ2, IQ3_XXS, IQ3_XS and Q2_K_S; the quantizer refuses them without an importance
# matrix.
MIXTURES: Mapping[str, int] = MappingProxyType(
    {
        "F32": 0,
        "F16": 1,
        "Q4_0": 2,
        "Q4_1": 3,
        "Q8_0": 7,
        "Q5_0": 8,
        "Q5_1": 9,
        "Q2_K": 10,
        "Q3_K_M": 12,
        "Q4_K_M": 15,
        "Q5_K_M": 17,
        "Q6_K": 18,
        "IQ4_NL": 25,
        "IQ3_S": 26,
        "IQ4_XS": 30,
        "BF16": 32,
        "MXFP4_MOE": 38,
    }
)
# As a mixture it makes MXFP4 of experts' matrices only, and no shape here has experts.
_EVERY_MATRIX = ("MXFP4_MOE",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a llama-like network. K-quants want widths that are multiples of 256."""

    width: int = 64
    heads: int = 2
    kv_heads: int = 2
    layers: int = 2
    inner: int = 128

    @property
    def head(self) -> int:
        return self.width // self.heads

    def layer_matrices(self) -> dict[str, tuple[int, int]]:
        """Name, rows and columns of a layer's matrices."""
        kv = self.head * self.kv_heads
        return {
            "attn_q": (self.width, self.width),
            "attn_k": (kv, self.width),
            "attn_v": (kv, self.width),
            "attn_output": (self.width, self.width),
            "ffn_gate": (self.inner, self.width),
            "ffn_up": (self.inner, self.width),
            "ffn_down": (self.width, self.inner),
        }

    @property
    def layer_parameters(self) -> int:
        return sum(rows * columns for rows, columns in self.layer_matrices().values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Byte letters, merges, padding, then what is not drawn."""

    size: int = 0  # at least so many tokens: padded with words that no text holds
    control: tuple[str, ...] = CONTROL
    words: tuple[str, ...] = ()  # as they are written in the file; no merge makes them
    plain: tuple[str, ...] = ()  # found in any text as one token, as <think> in Qwen3's
    merges: tuple[str, ...] = _MERGES

    @property
    def tokens(self) -> list[str]:
        letters = [*byte_letters(), *(merge.replace(" ", "") for merge in self.merges)]
        padding = max(0, self.size - len(letters) - len(self.words) - len(self.special))
        unused = (word for word in _padding_words() if word not in self.words)
        return [*letters, *self.words, *itertools.islice(unused, padding), *self.special]

    @property
    def special(self) -> tuple[str, ...]:
        return (*self.plain, *self.control)

    def write(self, writer: gguf.GGUFWriter) -> None:
        tokens = self.tokens
        kinds = [
            *[gguf.TokenType.NORMAL] * (len(tokens) - len(self.special)),
            *[gguf.TokenType.USER_DEFINED] * len(self.plain),
            *[gguf.TokenType.CONTROL] * len(self.control),
        ]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(tokens)
        writer.add_token_types(kinds)
        writer.add_token_merges(list(self.merges))
        writer.add_bos_token_id(tokens.index("<|endoftext|>"))
        writer.add_eos_token_id(tokens.index("<|im_end|>"))
        writer.add_add_bos_token(False)
        writer.add_vocab_size(len(tokens))
        if set(FIM) <= set(tokens):
            for part, token in zip(("pre", "suf", "mid"), FIM, strict=True):
                writer.add_uint32(f"tokenizer.ggml.fim_{part}_token_id", tokens.index(token))


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomModel:
    """What to write; ``write`` gives back the path."""

    weights: gguf.GGMLQuantizationType = F16
    shape: Shape = field(default_factory=Shape)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    template: str = ""
    context: int = 512  # tokens it claims to be trained for
    architecture: str = "llama"
    any_bytes: bool = False  # draw bytes that are no ASCII text, too
    broken: bool = False  # weights that are not numbers
    tokenizer: bool = True
    tied: bool = False  # the embedding is the output, too, as in most small models
    # 8: a distribution as peaked as a trained model's; 2: so flat that no text repeats itself
    peak: float = 8
    family: str = ""  # its general.basename
    part: int = 0  # tensors of one file; 0: all in one
    repeat: bool = False  # one layer's numbers for all, few rows: billions of weights in seconds
    seed: int = 0

    def write(self, path: Path) -> Path:
        writer = gguf.GGUFWriter(path, self.architecture, split_max_tensors=self.part)
        _write_settings(writer, self.shape, self.context)
        if self.family:
            writer.add_basename(self.family)
        if self.template:
            writer.add_chat_template(self.template)
        if self.tokenizer:
            self.vocabulary.write(writer)
        for name, values, kind in self._tensors():
            writer.add_tensor(name, values, raw_dtype=kind)
        finish(writer, path)
        return min(path.parent.glob(f"{glob.escape(path.stem)}-*")) if self.part else path

    @property
    def parameters(self) -> int:
        """How many weights there are in matrices, embedding and output included."""
        ends = 1 if self.tied else 2
        return (
            self.shape.layer_parameters * self.shape.layers
            + ends * len(self.vocabulary.tokens) * self.shape.width
        )

    def _tensors(self) -> Iterator[tuple[str, npt.NDArray[np.generic], gguf.GGMLQuantizationType]]:
        draw = self._matrices()
        tokens = len(self.vocabulary.tokens)
        ones = np.full(self.shape.width, np.nan if self.broken else 1.0, dtype=np.float32)
        if not self.tied:
            yield "output.weight", self._output(draw, tokens), self.weights
        embedding = self._output(draw, tokens) if self.tied else draw(tokens, self.shape.width, 1)
        yield "token_embd.weight", embedding, self.weights
        yield "output_norm.weight", ones, F32
        layer = self._layer(draw)
        for i in range(self.shape.layers):
            yield f"blk.{i}.attn_norm.weight", ones, F32
            yield f"blk.{i}.ffn_norm.weight", ones, F32
            for name, values in layer.items():
                yield f"blk.{i}.{name}.weight", values, self.weights
            if not self.repeat:
                layer = self._layer(draw)

    def _layer(self, draw: _Draw) -> dict[str, npt.NDArray[np.generic]]:
        return {name: draw(*size, 1) for name, size in self.shape.layer_matrices().items()}

    def _output(self, draw: _Draw, tokens: int) -> npt.NDArray[np.generic]:
        output = draw(tokens, self.shape.width, self.peak)
        # Zero bytes are zero in every type used here: the scales are among them.
        output[-len(self.vocabulary.special) :] = 0
        if not self.any_bytes:
            output[:32] = output[127:256] = 0
        return output

    def _matrices(self) -> _Draw:
        """Draws matrices in the file's type, with rows of about the length ``scale``."""
        rng = np.random.default_rng(self.seed)

        def draw(rows: int, columns: int, scale: float) -> npt.NDArray[np.generic]:
            drawn = min(rows, _ROWS_DRAWN) if self.repeat else rows
            values = rng.standard_normal((drawn, columns), dtype=np.float32) * scale * columns**-0.5
            stored = as_type(values, self.weights)
            return np.resize(stored, (rows, stored.shape[1]))

        return draw


_Draw = Callable[[int, int, float], npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridModel:
    """Of Qwen3.5's kind: three layers in four keep a state (gated delta net), one attends."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    template: str = ""
    context: int = 512
    weights: gguf.GGMLQuantizationType = Q8_0
    shape: Shape = field(
        default_factory=lambda: Shape(width=256, heads=4, kv_heads=2, layers=4, inner=512)
    )
    state: int = 64
    groups: int = 2
    rank: int = 4
    seed: int = 0

    def write(self, path: Path) -> Path:
        writer = gguf.GGUFWriter(path, "qwen35")
        _write_settings(writer, self.shape, self.context)
        self._write_state_settings(writer)
        self.vocabulary.write(writer)
        if self.template:
            writer.add_chat_template(self.template)
        for name, values in self._tensors():
            kind = self.weights if values.ndim == 2 and "conv1d" not in name else F32
            writer.add_tensor(name, as_type(values, kind), raw_dtype=kind)
        return finish(writer, path)

    def _write_state_settings(self, writer: gguf.GGUFWriter) -> None:
        writer.add_key_length(self.shape.head)
        writer.add_value_length(self.shape.head)
        writer.add_rope_dimension_sections([self.shape.head // 8] * 4)
        writer.add_ssm_conv_kernel(4)
        writer.add_ssm_state_size(self.state)
        writer.add_ssm_group_count(self.groups)
        writer.add_ssm_time_step_rank(self.rank)
        writer.add_ssm_inner_size(self.state * self.rank)
        writer.add_full_attention_interval(4)

    def _tensors(self) -> Iterator[tuple[str, Floats]]:
        rng = np.random.default_rng(self.seed)
        width, tokens = self.shape.width, len(self.vocabulary.tokens)

        def draw(rows: int, columns: int, scale: float = 1) -> Floats:
            drawn = rng.standard_normal((rows, columns), dtype=np.float32)
            drawn *= scale * columns**-0.5
            return drawn

        output = draw(tokens, width, 8)
        output[-len(self.vocabulary.special) :] = 0
        output[:32] = output[127:256] = 0
        yield "token_embd.weight", draw(tokens, width)
        yield "output.weight", output
        yield "output_norm.weight", _same(width)
        for i in range(self.shape.layers):
            layer = self._attending(draw) if i % 4 == 3 else self._keeping_state(draw)
            inner = self.shape.inner
            layer |= {
                "attn_norm.weight": _same(width),
                "post_attention_norm.weight": _same(width),
                "ffn_gate.weight": draw(inner, width),
                "ffn_up.weight": draw(inner, width),
                "ffn_down.weight": draw(width, inner),
            }
            yield from ((f"blk.{i}.{name}", values) for name, values in layer.items())

    def _attending(self, draw: Callable[..., Floats]) -> dict[str, Floats]:
        shape = self.shape
        all_heads, kv = shape.head * shape.heads, shape.head * shape.kv_heads
        return {
            "attn_q.weight": draw(2 * all_heads, shape.width),  # each query with its gate
            "attn_k.weight": draw(kv, shape.width),
            "attn_v.weight": draw(kv, shape.width),
            "attn_output.weight": draw(shape.width, all_heads),
            "attn_q_norm.weight": _same(shape.head),
            "attn_k_norm.weight": _same(shape.head),
        }

    def _keeping_state(self, draw: Callable[..., Floats]) -> dict[str, Floats]:
        keys, values = self.state * self.groups, self.state * self.rank
        width = self.shape.width
        return {
            "attn_qkv.weight": draw(2 * keys + values, width),
            "attn_gate.weight": draw(values, width),
            "ssm_conv1d.weight": draw(2 * keys + values, 4),
            "ssm_dt.bias": _same(self.rank, 0.1),
            "ssm_a": _same(self.rank, -0.5),
            "ssm_beta.weight": draw(self.rank, width),
            "ssm_alpha.weight": draw(self.rank, width),
            "ssm_norm.weight": _same(self.state),
            "ssm_out.weight": draw(width, values),
        }


# -- other weight types ---------------------------------------------------------------------------

_QUANTIZE = """
import json, sys, llama_cpp
llama_cpp.llama_backend_init()
source, jobs = json.loads(sys.argv[1])
for number, target, pure in jobs:
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.pure = number, 1, pure
    params.allow_requantize = True
    if llama_cpp.llama_model_quantize(source.encode(), target.encode(), params):
        sys.exit(f"refused: {target}")
"""


def quantize(source: Path, folder: Path, mixtures: Iterable[str] = MIXTURES) -> dict[str, Path]:
    """Write ``source``, in F16 or F32, again as each of ``MIXTURES``, by llama.cpp's own quantizer.

    In a process of its own, as the quantizer may end the process where it fails.

    :raises ValueError: with llama.cpp's last words.
    """
    targets = {name: folder / f"{source.stem}.{name}.gguf" for name in mixtures}
    jobs = [
        (MIXTURES[name], str(target), name in _EVERY_MATRIX) for name, target in targets.items()
    ]
    command = [sys.executable, "-c", _QUANTIZE, json.dumps((str(source), jobs))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{source} is not quantized: {done.stderr[-600:]}")
    return targets


def as_type(values: Floats, kind: gguf.GGMLQuantizationType) -> npt.NDArray[np.generic]:
    """The values as they lie in a file: one row of blocks for every row."""
    if kind == F32:
        return values
    if kind == F16:
        return values.astype(np.float16)
    return gguf.quants.quantize(values, kind)


# -- broken files ---------------------------------------------------------------------------------


def cut(source: Path, target: Path, *, share: float) -> Path:
    """The first ``share`` of a file, as an interrupted download leaves it."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def with_version(source: Path, target: Path, version: int) -> Path:
    """The file under another number of the format's version."""
    data = source.read_bytes()
    target.write_bytes(data[:4] + version.to_bytes(4, "little") + data[8:])
    return target


# -- parts of a file ------------------------------------------------------------------------------


def _write_settings(writer: gguf.GGUFWriter, shape: Shape, context: int) -> None:
    writer.add_block_count(shape.layers)
    writer.add_context_length(context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(shape.head)


def finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    """Write what the writer was given; the path."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _same(length: int, value: float = 1.0) -> Floats:
    return np.full(length, value, dtype=np.float32)


def byte_letters() -> list[str]:
    """The printable letter by which byte-level BPE writes each byte, as in GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = (byte for byte in range(256) if byte not in letters)
    letters |= {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def _padding_words(letters: Sequence[str] = "bcdfghjklmnpqrstvwxz") -> Iterator[str]:
    """Words of four letters: no merge makes them, so no text is read as one."""
    return ("".join(word) for word in itertools.product(letters, repeat=4))
