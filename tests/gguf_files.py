"""Small GGUF files with random weights: real input for llama.cpp, made on the spot.

The vocabulary is one token for every byte, a few merges and three control tokens, so a text of n
bytes without ``def`` is n tokens. A control token's row of the output is zero: it is practically
never drawn, and a completion goes on to its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think></think>' }}{% endif %}"
)
# As Gemma 2's: a system turn is refused.
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
NO_SYSTEM += CHATML

F16 = gguf.GGMLQuantizationType.F16
Q8_0 = gguf.GGMLQuantizationType.Q8_0
Q4_0 = gguf.GGMLQuantizationType.Q4_0

_CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_MERGES = ["d e", "de f"]
_WIDTH, _HEADS, _LAYERS, _INNER = 64, 2, 2, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomModel:
    """What to write; ``write`` gives back the path."""

    weights: gguf.GGMLQuantizationType = F16
    template: str = ""
    context: int = 512  # tokens it claims to be trained for
    any_bytes: bool = False  # draw bytes that are no ASCII text, too
    broken: bool = False  # weights that are not numbers
    seed: int = 0

    def write(self, path: Path) -> Path:
        writer = gguf.GGUFWriter(path, "llama")
        self._write_settings(writer)
        tokens = _write_vocabulary(writer)
        self._write_tensors(writer, tokens)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    def _write_settings(self, writer: gguf.GGUFWriter) -> None:
        writer.add_block_count(_LAYERS)
        writer.add_context_length(self.context)
        writer.add_embedding_length(_WIDTH)
        writer.add_feed_forward_length(_INNER)
        writer.add_head_count(_HEADS)
        writer.add_head_count_kv(_HEADS)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_dimension_count(_WIDTH // _HEADS)
        if self.template:
            writer.add_chat_template(self.template)

    def _write_tensors(self, writer: gguf.GGUFWriter, tokens: int) -> None:
        rng = np.random.default_rng(self.seed)

        def matrix(name: str, rows: int, columns: int) -> None:
            values = rng.standard_normal((rows, columns), dtype=np.float32) * columns**-0.5
            self._add(writer, name, values)

        def ones(name: str) -> None:
            value = np.nan if self.broken else 1.0
            writer.add_tensor(name, np.full(_WIDTH, value, dtype=np.float32))

        matrix("token_embd.weight", tokens, _WIDTH)
        # 8 makes a peaked distribution, as a trained model's is
        output = rng.standard_normal((tokens, _WIDTH), dtype=np.float32) * 8 * _WIDTH**-0.5
        output[-len(_CONTROL) :] = 0
        if not self.any_bytes:
            output[:32] = output[127:256] = 0
        self._add(writer, "output.weight", output)
        ones("output_norm.weight")
        for i in range(_LAYERS):
            ones(f"blk.{i}.attn_norm.weight")
            ones(f"blk.{i}.ffn_norm.weight")
            for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
                matrix(f"blk.{i}.{name}.weight", _WIDTH, _WIDTH)
            matrix(f"blk.{i}.ffn_gate.weight", _INNER, _WIDTH)
            matrix(f"blk.{i}.ffn_up.weight", _INNER, _WIDTH)
            matrix(f"blk.{i}.ffn_down.weight", _WIDTH, _INNER)

    def _add(self, writer: gguf.GGUFWriter, name: str, values: npt.NDArray[np.float32]) -> None:
        if self.weights == F16:
            writer.add_tensor(name, values.astype(np.float16))
        else:
            writer.add_tensor(
                name, gguf.quants.quantize(values, self.weights), raw_dtype=self.weights
            )


def _write_vocabulary(writer: gguf.GGUFWriter) -> int:
    letters = [*_byte_letters(), *(merge.replace(" ", "") for merge in _MERGES)]
    tokens = [*letters, *_CONTROL]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([*[normal] * len(letters), *[control] * len(_CONTROL)])
    writer.add_token_merges(_MERGES)
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_vocab_size(len(tokens))
    return len(tokens)


def _byte_letters() -> list[str]:
    """The printable letter by which byte-level BPE writes each byte, as in GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = (byte for byte in range(256) if byte not in letters)
    letters |= {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]
