"""What of a model decides how much memory it needs, from the settings in its GGUF.

llama.cpp gives them as text and leaves out the lists among them, in which some models say what
differs from layer to layer. What is not known is taken at its upper bound: memory that is short
ends the process, memory left over harms nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from pytest_supercharger.exceptions import ModelUnavailable

_F16, _F32 = 2, 4  # bytes
# Bounds for what is a list, and so not told; models were met up to them.
_NARROWEST_HEAD, _WIDEST_HEAD = 64, 256
_WIDER = 2  # all heads together, in widths of the model
_INNER = 8  # the feed-forward part, in widths
_RECURRENT = ("mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7")  # nothing but state


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Sizes in bytes, tokens and numbers."""

    layers: int
    heads: int  # that attend; 0: none does
    width: int
    inner: int  # width of the feed-forward part
    kv_bytes_per_token: int
    state_bytes_per_sequence: int  # of recurrent and hybrid models
    weights_bytes: int
    trained_context: int  # tokens; 0: not said
    vocabulary: int  # tokens
    family: str = ""  # which models it is one of: "qwen2.5-coder"; "" when it does not say


def shape_of(meta: Mapping[str, str], *, file_bytes: int, tokens: int = 0) -> ModelShape:
    """Read a GGUF's settings, which llama.cpp gives as text and without the lists among them.

    ``file_bytes`` of all its parts; ``tokens`` of its vocabulary.

    :raises ModelUnavailable: a setting is missing that no model can do without.
    """
    settings = _Settings(meta)
    layers, width = settings.needed("block_count"), settings.needed("embedding_length")
    attending, keeping = _kinds_of_layers(settings, layers)
    heads = _heads(settings, width)
    return ModelShape(
        layers=layers,
        heads=heads if attending else 0,
        width=width,
        inner=_inner(settings, width),
        kv_bytes_per_token=attending * _kv_numbers(settings, width) * _F16,
        state_bytes_per_sequence=keeping * _state_numbers(settings, width, heads) * _F32,
        weights_bytes=file_bytes,
        trained_context=settings.number("context_length", 0),
        vocabulary=tokens or settings.number("vocab_size", 0),
        family=meta.get("general.basename", "").strip().lower().replace(" ", "-"),
    )


class _Settings:
    """Numbers of one architecture."""

    def __init__(self, meta: Mapping[str, str]) -> None:
        self.architecture = meta.get("general.architecture", "")
        self._meta = meta

    def number(self, name: str, default: int) -> int:
        """A setting; ``default`` where it is not there, or is a list with a number per layer."""
        text = self._meta.get(f"{self.architecture}.{name}", "")
        return int(text) if text.isdigit() else default

    def needed(self, name: str) -> int:
        """:raises ModelUnavailable: it is not there."""
        found = self.number(name, 0)
        if not found:
            raise ModelUnavailable(
                f"the model does not say its {self.architecture or 'architecture'}.{name}: its "
                "file is damaged, or no GGUF of a text model; fetch it again or give another"
            )
        return found


def _kinds_of_layers(settings: _Settings, layers: int) -> tuple[int, int]:
    """How many attend over cells and how many keep a state, at most."""
    if settings.architecture in _RECURRENT:
        return 0, layers
    interval = settings.number("full_attention_interval", 1)
    if interval > 1:
        return ceil(layers / interval), layers - layers // interval
    return layers, layers  # which do what is a list: both are taken for all


def _heads(settings: _Settings, width: int) -> int:
    return settings.number("attention.head_count", ceil(_WIDER * width / _NARROWEST_HEAD))


def _kv_numbers(settings: _Settings, width: int) -> int:
    """Numbers that one attending layer keeps of one token.

    A sliding window saves nothing here: llama.cpp keeps all cells where sequences are shared.
    """
    heads = settings.number("attention.head_count", -1)
    kv_heads = settings.number("attention.head_count_kv", heads)
    indexer = settings.number("attention.indexer.key_length", 0)
    if kv_heads < 0:
        return 2 * _WIDER * width + indexer
    usual = ceil(width / heads) if heads > 0 else _WIDEST_HEAD
    return kv_heads * sum(_head_width(settings, of, usual) for of in ("key", "value")) + indexer


def _head_width(settings: _Settings, of: str, usual: int) -> int:
    wider = settings.number(f"attention.{of}_length_swa", 0)  # where some layers have others
    return max(settings.number(f"attention.{of}_length", usual), wider)


def _state_numbers(settings: _Settings, width: int, heads: int) -> int:
    """Numbers that one recurrent layer keeps of one sequence, as llama.cpp allocates them."""
    wkv = settings.number("wkv.head_size", 0)
    if wkv:
        return width * (settings.number("token_shift_count", 2) + wkv)
    short = settings.number("shortconv.l_cache", 0)
    if short:
        return width * (short - 1)
    before = max(0, settings.number("ssm.conv_kernel", 0) - 1)
    delta = settings.number("kda.head_dim", 0)
    if delta:
        return heads * delta * (3 * (before or 3) + delta)
    state, inner = settings.number("ssm.state_size", 0), settings.number("ssm.inner_size", 0)
    groups = settings.number("ssm.group_count", 0)
    return state * inner + before * (inner + 2 * groups * state)


def _inner(settings: _Settings, width: int) -> int:
    experts = settings.number("expert_used_count", 0)
    of_experts = experts * settings.number("expert_feed_forward_length", 0)
    return max(
        of_experts, settings.number("feed_forward_length", 0 if of_experts else _INNER * width)
    )
