"""Write the trained network as GGUF: architecture llama, matrices in F16, norms in F32.

F16 rather than a quantised type: llama.cpp decodes it on every processor with the same code, and
a file of this size gains nothing from being smaller.
"""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import torch

from training import FAMILY
from training.network import Shape
from training.tokenizer import BEGIN, END, PAD, SPECIAL

_BLOCK_NAMES = {
    "attention_norm": "attn_norm",
    "feed_norm": "ffn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "output": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}


def write_gguf(
    path: Path, *, shape: Shape, weights: dict[str, torch.Tensor], tokenizer: Path, name: str
) -> None:
    """Write the file, or none; ``weights`` are those of training.network.Network."""
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "llama")
    writer.add_name(name)
    writer.add_basename(FAMILY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_shape(writer, shape)
    _add_vocabulary(writer, json.loads(tokenizer.read_text(encoding="utf-8")))
    for ours, theirs in _tensor_names(shape):
        values = weights[ours].float().numpy()
        writer.add_tensor(theirs, values.astype(np.float16) if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)


def _add_shape(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_vocab_size(shape.vocabulary)


def _add_vocabulary(writer: gguf.GGUFWriter, saved: dict) -> None:
    ids = saved["model"]["vocab"]
    tokens = sorted(ids, key=ids.__getitem__)
    kinds = dict.fromkeys(SPECIAL, gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in tokens])
    merges = saved["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(ids[BEGIN])
    writer.add_eos_token_id(ids[END])
    writer.add_pad_token_id(ids[PAD])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def _tensor_names(shape: Shape) -> list[tuple[str, str]]:
    """Names here and in the file. No output matrix: llama.cpp then takes the embedding."""
    names = [("embedding.weight", "token_embd.weight"), ("norm.weight", "output_norm.weight")]
    for number in range(shape.layers):
        names += [
            (f"blocks.{number}.{ours}.weight", f"blk.{number}.{theirs}.weight")
            for ours, theirs in _BLOCK_NAMES.items()
        ]
    return names
