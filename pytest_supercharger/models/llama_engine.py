"""Decode with llama.cpp: every call into the library is in this file.

It works on llama-cpp-python's low-level API, which follows llama.cpp's own, because ``Llama()``
cannot set what must be set: without ``use_extra_bufts=False`` a build by GCC 12 for a CPU with AMX
dies with SIGSEGV at the first decode of a quantised model (llama.cpp issue 20824), and with several
sequences in a batch AMX gives wrong numbers for hybrid models.

Runs in the child process of :mod:`.llama_process` only.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import llama_cpp as llama
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import never
from pytest_supercharger.prompts import Message, Sampling

_DEFAULT_CONTEXT = 8192  # tokens; what long-context models are trained for would not fit in memory
_PENALTY_WINDOW = 64  # tokens
_CPU_CHUNK = 128  # prompt tokens a decode; larger chunks are slower on a CPU
_GPU_CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One completion as it was decoded."""

    text: str
    tokens: int  # without the end-of-generation token
    finish: str  # "stop", "length" or "cancelled"
    logprob: float | None  # mean over the drawn tokens, at temperature 1; None: nothing was drawn


class Engine:
    """A loaded model with one sequence in memory."""

    def __init__(
        self, path: str, *, context: int | None, gpu_layers: int | None, require_gpu: bool
    ) -> None:
        """Load ``path`` and decode one token with it, so that a build that crashes does so here.

        ``context`` is in tokens, None: the model's own, at most 8192; ``gpu_layers`` is a number of
        layers, -1 for all, None: all if there is a GPU.

        :raises ModelUnavailable: llama.cpp cannot load it or it does not generate text.
        :raises SetupError: a GPU is required and none is in use.
        """
        llama.llama_log_set(llama.llama_log_callback(), None)  # llama.cpp's own, to stderr
        llama.llama_backend_init()
        self._path = path
        gpu = llama.llama_supports_gpu_offload()
        if require_gpu and not (gpu and gpu_layers != 0):
            raise SetupError(_no_gpu())
        self.gpu_layers = (-1 if gpu else 0) if gpu_layers is None else gpu_layers
        self._on_gpu = gpu and self.gpu_layers != 0
        self._model = self._load()
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._n_vocab: int = llama.llama_vocab_n_tokens(self._vocab)
        self._chunk = _GPU_CHUNK if self._on_gpu else _CPU_CHUNK
        trained: int = llama.llama_model_n_ctx_train(self._model)
        asked = context or min(trained or _DEFAULT_CONTEXT, _DEFAULT_CONTEXT)
        self._ctx = self._new_context(asked)
        self.context: int = min(asked, llama.llama_n_ctx(self._ctx))  # llama.cpp rounds up
        self._memory = llama.llama_get_memory(self._ctx)
        self._batch = llama.llama_batch_init(self._chunk, 0, 1)
        self._held: list[int] = []  # the tokens whose keys and values are in memory
        self._check_that_it_decodes()
        self._pieces: dict[int, bytes] = {}
        self._control = self._control_texts()
        self._mark = secrets.token_hex(8)
        self._formatter = self._chat_formatter()

    # -- text to tokens ---------------------------------------------------------------------------

    def count(self, text: str) -> int:
        """How many tokens ``text`` is; may be called while another thread decodes."""
        return len(self._tokenize(text, special=False, bos=False))

    def encode(self, messages: Sequence[Message], continuation: str) -> list[int]:
        """The tokens of a prompt: by the model's chat template, else of the plain continuation.

        :raises SetupError: the template refuses the messages.
        """
        if self._formatter is None or not messages:
            return self._tokenize(continuation, special=False, bos=True) if continuation else []
        hidden: list[str] = []
        rendered = self._render([self._hide_control(message, hidden) for message in messages])
        tokens: list[int] = []
        for i, part in enumerate(re.split(f"\ue000{self._mark}:(\\d+)\ue001", rendered)):
            text = hidden[int(part)] if i % 2 else part
            tokens += self._tokenize(text, special=i % 2 == 0, bos=False)
        return self._with_bos(tokens)

    @property
    def has_template(self) -> bool:
        return self._formatter is not None

    def _tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        buffer = (llama.llama_token * size)()
        n: int = llama.llama_tokenize(self._vocab, raw, len(raw), buffer, size, bos, special)
        if n < 0:
            raise ModelUnavailable(f"{self._path}: its tokenizer gave code {n} for a prompt")
        return list(buffer[:n])

    def _with_bos(self, tokens: list[int]) -> list[int]:
        bos = llama.llama_vocab_bos(self._vocab)
        wanted = llama.llama_vocab_get_add_bos(self._vocab) and tokens[:1] != [bos]
        return [bos, *tokens] if wanted else tokens

    def _hide_control(self, message: Message, hidden: list[str]) -> Message:
        """Replace text that would read as a control token (``<|im_end|>`` in the user's source)."""
        if self._control is None:
            return message

        def mark(match: re.Match[str]) -> str:
            hidden.append(match.group())
            return f"\ue000{self._mark}:{len(hidden) - 1}\ue001"

        return Message(role=message.role, content=self._control.sub(mark, message.content))

    def _render(self, messages: list[Message]) -> str:
        try:
            return self._apply_template(messages)
        except (ValueError, jinja2.TemplateError) as exc:
            if messages[0].role != "system" or len(messages) < 2:
                raise self._refused(exc) from exc
        try:  # some templates know no system turn (Gemma 2, the first Mistrals)
            return self._apply_template(_without_system(messages))
        except (ValueError, jinja2.TemplateError) as exc:
            raise self._refused(exc) from exc

    def _apply_template(self, messages: list[Message]) -> str:
        assert self._formatter is not None
        turns: list[Any] = [{"role": each.role, "content": each.content} for each in messages]
        return str(self._formatter(messages=turns, enable_thinking=False).prompt)

    def _refused(self, exc: Exception) -> SetupError:
        return SetupError(
            f"the chat template in {self._path} refuses the prompt: {exc}; use another GGUF of "
            "this model, or one without a chat template"
        )

    # -- decoding ---------------------------------------------------------------------------------

    def answer(
        self,
        tokens: list[int],
        *,
        sampling: Sampling,
        stop: Sequence[str],
        seed: int,
        stopped: Callable[[object], bool] = never,
    ) -> Answer:
        """Continue ``tokens``, which must leave room for ``sampling.max_tokens`` in the context.

        ``stopped`` is asked before every decode, at latest every few hundred prompt tokens.
        """
        written = bytearray()
        drawn: list[int] = []
        logprobs: list[float] = []
        finish = "length"
        with self._sampler(sampling, seed) as sampler:
            waiting = self._keep_common_prefix(tokens)
            while len(drawn) < sampling.max_tokens:
                if not self._decode(waiting, stopped):
                    finish = "cancelled"
                    break
                token: int = llama.llama_sampler_sample(sampler, self._ctx, -1)
                logprobs.append(_log_probability(self._logits(), token))
                if llama.llama_vocab_is_eog(self._vocab, token):
                    finish = "stop"
                    break
                drawn.append(token)
                waiting = [token]
                if self._append(written, token, stop):
                    finish = "stop"
                    break
        return Answer(
            text=_decoded(written),
            tokens=len(drawn),
            finish=finish,
            logprob=sum(logprobs) / len(logprobs) if logprobs else None,
        )

    def _keep_common_prefix(self, tokens: list[int]) -> list[int]:
        """Forget what does not belong to ``tokens``; give back what is still to be decoded.

        The last token always is: its logits are needed.
        """
        n = _common_length(self._held, tokens[:-1])
        # Recurrent and hybrid models cannot cut their state back to an earlier token.
        if n and llama.llama_memory_seq_rm(self._memory, 0, n, -1):
            del self._held[n:]
        else:
            llama.llama_memory_clear(self._memory, True)
            self._held.clear()
        return tokens[len(self._held) :]

    def _decode(self, tokens: list[int], stopped: Callable[[object], bool]) -> bool:
        """Evaluate ``tokens`` after what is held, in chunks; False: stopped before the end."""
        for start in range(0, len(tokens), self._chunk):
            if stopped(None):
                return False
            chunk = tokens[start : start + self._chunk]
            self._fill_batch(chunk, wants_logits=start + self._chunk >= len(tokens))
            code = llama.llama_decode(self._ctx, self._batch)
            if code:
                raise ModelUnavailable(
                    f"llama.cpp cannot decode with {self._path} (code {code}): lower "
                    "--supercharge-context, or choose a smaller model"
                )
            self._held += chunk
        return True

    def _fill_batch(self, tokens: list[int], *, wants_logits: bool) -> None:
        batch = self._batch
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = len(self._held) + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = wants_logits and i == len(tokens) - 1
        batch.n_tokens = len(tokens)

    def _logits(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The last decoded token's raw scores over the vocabulary, in llama.cpp's memory."""
        row = llama.llama_get_logits_ith(self._ctx, -1)
        if not row:
            raise ModelUnavailable(f"{self._path} gives no next-token scores: not a text model")
        return np.ctypeslib.as_array(row, (self._n_vocab,))

    @contextmanager
    def _sampler(self, sampling: Sampling, seed: int) -> Iterator[object]:
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        try:
            for sampler in self._samplers(sampling, seed):
                llama.llama_sampler_chain_add(chain, sampler)
            yield chain
        finally:
            llama.llama_sampler_free(chain)

    def _samplers(self, sampling: Sampling, seed: int) -> Iterator[object]:
        # top_k first: all that follow then sort 40 tokens and not the whole vocabulary, which costs
        # 0.2 ms a token instead of 1.4 to 3.6.
        greedy = sampling.temperature <= 0
        if sampling.top_k > 0:
            yield llama.llama_sampler_init_top_k(sampling.top_k)
        if sampling.repeat_penalty != 1.0:
            yield llama.llama_sampler_init_penalties(
                self._n_vocab, _PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0
            )
        if sampling.top_p < 1 and not greedy:
            yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
        if sampling.min_p > 0 and not greedy:
            yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
        if not greedy:
            yield llama.llama_sampler_init_temp(sampling.temperature)
            yield llama.llama_sampler_init_dist(seed)
        else:
            yield llama.llama_sampler_init_greedy()

    def _append(self, written: bytearray, token: int, stop: Sequence[str]) -> bool:
        """Add the token's bytes; True: a stop string is there and was cut off."""
        piece = self._piece(token)
        written += piece
        hits = []
        for text in stop:
            raw = text.encode()
            at = written.find(raw, max(0, len(written) - len(piece) - len(raw) + 1))
            if at >= 0:
                hits.append(at)
        if hits:
            del written[min(hits) :]
        return bool(hits)

    def _piece(self, token: int) -> bytes:
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token, 256)
        return self._pieces[token]

    def _read_piece(self, token: int, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        n = llama.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
        return buffer.raw[:n] if n >= 0 else self._read_piece(token, -n)

    # -- loading ----------------------------------------------------------------------------------

    def _load(self) -> object:
        params = llama.llama_model_default_params()
        params.n_gpu_layers = self.gpu_layers
        if b"AMX_INT8 = 1" in llama.llama_print_system_info():
            params.use_extra_bufts = False
        model = llama.llama_model_load_from_file(os.fsencode(self._path), params)
        if not model:
            raise ModelUnavailable(
                f"llama.cpp cannot load {self._path} ({Path(self._path).stat().st_size:,} bytes): "
                "the file is cut off or damaged (fetch it again), or llama-cpp-python "
                f"{llama.__version__} does not know its architecture (upgrade)"
            )
        if llama.llama_model_has_encoder(model) or not llama.llama_model_has_decoder(model):
            raise ModelUnavailable(f"{self._path} is not a decoder-only text model: give another")
        return model

    def _new_context(self, tokens: int) -> object:
        params = llama.llama_context_default_params()
        params.n_ctx = tokens
        params.n_batch = params.n_ubatch = self._chunk
        params.n_seq_max = params.n_outputs_max = 1  # 0 would make room for a chunk's logits
        params.n_threads = params.n_threads_batch = _threads()
        params.no_perf = True
        # On the CPU backend flash attention decodes 2 to 4 times slower, and AUTO turns it on.
        params.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_AUTO
            if self._on_gpu
            else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        context = llama.llama_init_from_model(self._model, params)
        if not context:
            raise ModelUnavailable(
                f"llama.cpp has no room for a context of {tokens} tokens with {self._path}: lower "
                "--supercharge-context, or choose a smaller model"
            )
        return context

    def _check_that_it_decodes(self) -> None:
        self._decode([max(0, llama.llama_vocab_bos(self._vocab))], never)
        if not np.isfinite(self._logits()).all():
            raise ModelUnavailable(
                f"{self._path} computes scores that are not numbers: the file is damaged, or this "
                "build of llama-cpp-python is; fetch the model again or reinstall llama-cpp-python"
            )

    def _control_texts(self) -> re.Pattern[str] | None:
        control = llama.LLAMA_TOKEN_ATTR_CONTROL
        texts = [
            llama.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace")
            for token in range(self._n_vocab)
            if llama.llama_vocab_get_attr(self._vocab, token) & control
        ]
        longest_first = sorted(filter(None, texts), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def _chat_formatter(self) -> Jinja2ChatFormatter | None:
        template = llama.llama_model_chat_template(self._model, None)
        if not template:
            return None
        try:
            return Jinja2ChatFormatter(
                template=template.decode("utf-8", "replace"),
                eos_token=self._text_of(llama.llama_vocab_eos(self._vocab)),
                bos_token=self._text_of(llama.llama_vocab_bos(self._vocab)),
            )
        except jinja2.TemplateError as exc:
            raise self._refused(exc) from exc

    def _text_of(self, token: int) -> str:
        if token < 0:  # the vocabulary has no such token
            return ""
        return str(llama.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace"))


def _without_system(messages: list[Message]) -> list[Message]:
    system, first, *rest = messages
    joined = Message(role=first.role, content=f"{system.content}\n\n{first.content}")
    return [joined, *rest]


def _common_length(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _log_probability(row: np.ndarray[Any, np.dtype[np.float32]], token: int) -> float:
    shifted = row - row.max()
    # exp of less than -80 is a denormal number, seven times as slow and nothing in the sum
    total = np.exp(np.maximum(shifted, -80)).sum()
    return float(shifted[token] - np.log(total))


def _decoded(written: bytearray) -> str:
    """The text; the bytes of a character that the end cut in two are left out."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(written)


def _threads() -> int:
    """One less than the cores we may use: beside busy processes the last one makes all wait."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {*range(_all_cores())}
    siblings = {_first_sibling(core) for core in cores}
    return max(1, len(siblings) - 1)


def _all_cores() -> int:
    return os.cpu_count() or 1


def _first_sibling(core: int) -> str:
    """A name of the physical core: the logical ones that share it have the same."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        return path.read_text()
    except OSError:
        return str(core)


def _no_gpu() -> str:
    return (
        "--supercharge-gpu=require, but llama-cpp-python finds no GPU "
        f"({llama.llama_print_system_info().decode()}): install it with GPU support "
        '(CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir '
        "llama-cpp-python), or give --supercharge-gpu=auto"
    )
