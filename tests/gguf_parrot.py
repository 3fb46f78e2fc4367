"""GGUF files that say what they are told to: a known text out of real llama.cpp.

A :class:`Parrot` is an ordinary llama network of one layer whose weights are not trained but set.
It recites one of its answers, whatever the prompt, so all that lies between a prompt and an answer
can be tried end to end: tokens that hold half a character, stop strings over several tokens,
thoughts, answers that never end, fill-in-the-middle, many sequences in one batch. A project can be
filled by it, with an answer for each stub.

How it works:

* An answer is cut into pieces, and each piece is a token of its own that occurs once in the whole
  model. So the last token alone tells what comes next: a piece's embedding is one number at a place
  of its own, and the output's row of the next piece is large at that place. No prompt holds a
  piece, because no merge makes one.
* After any other token an answer begins. Several answers that fit are equally likely, so the seed
  chooses, and greedy decoding takes any of them, always the same one.
* ``Answer.when`` makes the choice depend on the prompt. A key is a token that is found in any text.
  Attention head i looks for the i-th keys of all answers and sees the **last** one in the prompt:
  its score falls with the distance, through a slow pair of the rotary embedding. What it sees adds
  to the first pieces of the answers with that key. An answer whose keys are not all seen is never
  given; where no answer fits, the model ends at once.
* Special tokens (``<think>``) may occur in an answer, once. They cannot belong to one answer, so
  what follows one is chosen as at the beginning, among the answers that hold it.

A prompt may be 7000 tokens long, and different keys of one head must stand 16 tokens apart.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import gguf
import numpy as np
from gguf_files import F16, F32, Floats, Vocabulary, byte_letters, finish

_END = "<|im_end|>"
_OTHER = "other"  # the state after any token that is no part of an answer
# Logits before the last norm, which divides them by at most 2 (up to four places hold a number).
_LINK = 800.0
_SEEN = 160.0
_UNSEEN = 0.75 * _SEEN  # below 0 for one key missing, above for all there, up to three keys
_NOTHING = 0.25 * _SEEN
_SHARPNESS = 1000.0  # length of queries and keys: the nearest key takes all the attention
_SLOWNESS = 1e-4  # radians per token
_PHASE = np.pi / 4  # where the cosine falls steeply
_LEAST_HEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text, and when it is given."""

    text: str | bytes
    when: tuple[str, ...] = ()  # keys; the i-th one must be the last of all i-th keys in the prompt
    again: str | bytes = b""  # said for ever after the text

    @property
    def data(self) -> bytes:
        return self.text.encode() if isinstance(self.text, str) else self.text

    @property
    def loop(self) -> bytes:
        return self.again.encode() if isinstance(self.again, str) else self.again


@dataclass(frozen=True, kw_only=True)
class Parrot:
    """What to recite; ``write`` gives back the path."""

    answers: tuple[Answer, ...]
    template: str = ""
    context: int = 8192
    piece: int = 4  # bytes of a piece, at least; more where it would occur twice
    inner: int = 32  # width of the feed-forward part: it adds nothing but work
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def write(self, path: Path) -> Path:
        """Write the file.

        :raises ValueError: a text cannot be cut into pieces that occur nowhere else.
        """
        writer = gguf.GGUFWriter(path, "llama")
        self._write_settings(writer)
        self._vocabulary.write(writer)
        for name, values in self._tensors():
            kind = F16 if values.ndim == 2 else F32
            writer.add_tensor(name, values.astype(np.float16 if kind == F16 else np.float32))
        return finish(writer, path)

    def tokens(self, answer: Answer) -> list[str]:
        """The tokens of an answer as they are written in the file, its end not included."""
        once, again = self._paths[self.answers.index(answer)]
        return [*once, *again]

    # -- places -----------------------------------------------------------------------------------

    @cached_property
    def _paths(self) -> list[tuple[list[str], list[str]]]:
        """Tokens of each answer and of what it says for ever."""
        keys = {key for answer in self.answers for key in answer.when}
        special = [*self.vocabulary.special]
        taken = {*special, *keys, *(merge.replace(" ", "") for merge in self.vocabulary.merges)}
        return [
            (
                list(_tokens(answer.data, special, self.piece, taken)),
                list(_tokens(answer.loop, special, self.piece, taken)),
            )
            for answer in self.answers
        ]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        special = self.vocabulary.special
        said = dict.fromkeys(token for once, again in self._paths for token in (*once, *again))
        keys = dict.fromkeys(key for keys in self._keys for key in keys)
        return replace(
            self.vocabulary,
            words=tuple(token for token in said if token not in special),
            plain=(*self.vocabulary.plain, *(key for key in keys if key not in special)),
        )

    @cached_property
    def _keys(self) -> list[list[str]]:
        """The keys of each head."""
        heads = max(1, *(len(answer.when) for answer in self.answers))
        return [
            list(dict.fromkeys(a.when[i] for a in self.answers if len(a.when) > i))
            for i in range(heads)
        ]

    @cached_property
    def _places(self) -> dict[object, int]:
        """Where in the hidden state: the last token's state, keys at a token, keys seen."""
        said = [token for once, again in self._paths for token in (*once, *again)]
        keys = [(head, key) for head, keys in enumerate(self._keys) for key in keys]
        places = [_OTHER, *said, *keys, *(("seen", *key) for key in keys)]
        return {place: number for number, place in enumerate(dict.fromkeys(places))}

    @property
    def _width(self) -> int:
        return -len(self._places) // 32 * -32

    @property
    def _head(self) -> int:
        return max(_LEAST_HEAD, *(-len(keys) // 32 * -32 for keys in self._keys))

    # -- weights ----------------------------------------------------------------------------------

    def _write_settings(self, writer: gguf.GGUFWriter) -> None:
        writer.add_block_count(1)
        writer.add_context_length(self.context)
        writer.add_embedding_length(self._width)
        writer.add_feed_forward_length(self.inner)
        writer.add_head_count(len(self._keys))
        writer.add_head_count_kv(len(self._keys))
        writer.add_key_length(self._head)
        writer.add_value_length(self._head)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_dimension_count(self._head)
        # The last pair of a head's numbers turns by base ** -((head - 2) / head) a token.
        writer.add_rope_freq_base(_SLOWNESS ** -(self._head / (self._head - 2)))
        if self.template:
            writer.add_chat_template(self.template)

    def _tensors(self) -> Iterator[tuple[str, Floats]]:
        width, ones = self._width, np.ones(self._width, dtype=np.float32)
        yield "token_embd.weight", self._embedding()
        yield "output.weight", self._output()
        yield "output_norm.weight", ones
        yield "blk.0.attn_norm.weight", ones
        yield "blk.0.ffn_norm.weight", ones
        yield from self._attention()
        work = np.full((self.inner, width), width**-0.5, dtype=np.float32)
        yield "blk.0.ffn_gate.weight", work
        yield "blk.0.ffn_up.weight", work
        yield "blk.0.ffn_down.weight", np.zeros((width, self.inner), dtype=np.float32)

    def _embedding(self) -> Floats:
        tokens = self._vocabulary.tokens
        rows = np.zeros((len(tokens), self._width), dtype=np.float32)
        for number, token in enumerate(tokens):
            rows[number, self._places.get(token, self._places[_OTHER])] = 1
            for head, keys in enumerate(self._keys):
                if token in keys:
                    rows[number, self._places[head, token]] = 1
        return rows

    def _attention(self) -> Iterator[tuple[str, Floats]]:
        heads, size, width = len(self._keys), self._head, self._width
        unit = width**-0.5  # the norm makes a lone 1 the root of the width
        queries, keys, values = (np.zeros((heads, size, width), dtype=np.float32) for _ in range(3))
        out = np.zeros((width, heads, size), dtype=np.float32)
        queries[:, -2] = _SHARPNESS * unit * np.cos(_PHASE)
        queries[:, -1] = _SHARPNESS * unit * np.sin(_PHASE)
        for head, names in enumerate(self._keys):
            for number, key in enumerate(names):
                place = self._places[head, key]
                keys[head, -2, place] = _SHARPNESS * unit
                values[head, number, place] = unit * 2**0.5  # a key's token holds two numbers
                out[self._places["seen", head, key], head, number] = 1
        yield "blk.0.attn_q.weight", queries.reshape(-1, width)
        yield "blk.0.attn_k.weight", keys.reshape(-1, width)
        yield "blk.0.attn_v.weight", values.reshape(-1, width)
        yield "blk.0.attn_output.weight", out.reshape(width, -1)

    def _output(self) -> Floats:
        numbers = {token: number for number, token in enumerate(self._vocabulary.tokens)}
        rows = np.zeros((len(numbers), self._width), dtype=np.float32)
        rows[numbers[_END], self._places[_OTHER]] = _LINK - _NOTHING
        for answer, (once, again) in zip(self.answers, self._paths, strict=True):
            for before, after in self._links(once, again):
                chosen = before == _OTHER or before in self.vocabulary.special
                strength = _LINK - _UNSEEN * len(answer.when) * chosen
                rows[numbers[after], self._places[before]] = strength
                if chosen:
                    for head, key in enumerate(answer.when):
                        rows[numbers[after], self._places["seen", head, key]] = _SEEN
        rows *= self._width**-0.5
        return rows

    def _links(self, once: Sequence[str], again: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Each token with the one after it."""
        path = [_OTHER, *once, *again, again[0] if again else _END]
        return itertools.pairwise(path)


def _tokens(data: bytes, special: Sequence[str], least: int, taken: set[str]) -> Iterator[str]:
    """The tokens that spell ``data``; new ones are added to ``taken``."""
    marks = b"|".join(re.escape(token.encode()) for token in special)
    seen: list[str] = []
    for part in re.split(b"(" + marks + b")", data):
        if part.decode("utf-8", "replace") in special:
            seen.append(part.decode())
            yield seen[-1]
        elif part:
            yield from _cut(part, least, taken)
    if len(set(seen)) < len(seen):
        raise ValueError(f"a special token occurs twice in {data!r}")


def _cut(data: bytes, least: int, taken: set[str]) -> list[str]:
    """Cut into pieces of at least ``least`` bytes that are not taken yet."""
    pieces: list[bytes] = []
    start = 0
    while start < len(data):
        end = start + max(2, least)
        while end < len(data) and _written(data[start:end]) in taken:
            end += 1
        piece = data[start:end]
        while pieces and (len(piece) < 2 or _written(piece) in taken):
            taken.discard(_written(pieces[-1]))
            piece = pieces.pop() + piece
        if len(piece) < 2 or _written(piece) in taken:
            raise ValueError(f"{data!r} cannot be cut into pieces that no other answer holds")
        pieces.append(piece)
        taken.add(_written(piece))
        start = end
    return [_written(piece) for piece in pieces]


def _written(data: bytes) -> str:
    """Bytes as byte-level BPE writes them."""
    letters = byte_letters()
    return "".join(letters[byte] for byte in data)
