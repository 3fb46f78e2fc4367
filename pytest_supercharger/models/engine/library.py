"""llama.cpp, through llama-cpp-python's low-level API: every call into it is in this file.

The low-level API, which follows llama.cpp's own, because ``llama_cpp.Llama`` decodes one sequence
at a time and cannot switch off extra buffer types: a build by GCC 12 for a CPU with AMX dies with
them at the first decode of a quantised model (llama.cpp issue 20824).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp as llama
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.engine.places import Place
from pytest_supercharger.prompts import Sampling

MOST_SEQUENCES: int = llama.llama_max_parallel_sequences()
_PENALTY_WINDOW = 64  # tokens
_MOST_DRAWERS = 8  # threads
_WORTH_A_THREAD = 200_000  # scores: a quarter of a millisecond
_LEAST_EXPONENT = -80  # exp of less is a denormal number: seven times as slow, nothing in the sum

ChatTemplate = Jinja2ChatFormatter
Scores = npt.NDArray[np.float32]


def start() -> None:
    """Make the library ready; once per process."""
    llama.llama_log_set(llama.llama_log_callback(), None)  # llama.cpp's own: to stderr
    llama.llama_backend_init()


def finds_gpu() -> bool:
    """Whether this build can use a GPU and one is there."""
    return bool(llama.llama_supports_gpu_offload())


def system_info() -> str:
    """What this build was made for, in llama.cpp's words."""
    return str(llama.llama_print_system_info().decode())


def build() -> str:
    """A name of this very build: its release, and its library's size and time."""
    folder = Path(llama.__file__).parent / "lib"
    files = [(each.name, each.stat()) for each in sorted(folder.glob("*ggml*"))]
    return f"{llama.__version__} " + " ".join(
        f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in files
    )


def package_folder() -> Path:
    """Where llama-cpp-python is installed."""
    return Path(llama.__file__).parent


# --- a model file


class Weights:
    """A GGUF that llama.cpp has opened: its vocabulary, and its weights unless left out."""

    def __init__(
        self,
        path: str,
        *,
        gpu_layers: int = 0,
        extra_buffers: bool = False,
        main_device: int | None = None,
        vocabulary_only: bool = False,
    ) -> None:
        """Open ``path``; ``gpu_layers`` -1: all; ``main_device``: the one GPU in use, None: all.

        :raises ModelUnavailable: llama.cpp cannot open it, or it does not generate text.
        """
        self.path = path
        self._model = _open(path, gpu_layers, extra_buffers, main_device, vocabulary_only)
        self._vocabulary = llama.llama_model_get_vocab(self._model)
        self.tokens: int = llama.llama_vocab_n_tokens(self._vocabulary)
        self._pieces: dict[int, bytes] = {}
        if not vocabulary_only:
            self._refuse_other_kinds()

    def close(self) -> None:
        """Free it; a ``Cells`` of it must be closed before."""
        llama.llama_model_free(self._model)

    @property
    def meta(self) -> Mapping[str, str]:
        """The file's settings; arrays are not among them."""
        count = llama.llama_model_meta_count(self._model)
        read = (llama.llama_model_meta_key_by_index, llama.llama_model_meta_val_str_by_index)
        return dict(
            tuple(_text(function, self._model, i) for function in read)  # type: ignore[misc]
            for i in range(count)
        )

    @property
    def layers(self) -> int:
        return int(llama.llama_model_n_layer(self._model))

    @property
    def trained_context(self) -> int:
        """Tokens; 0: not said."""
        return int(llama.llama_model_n_ctx_train(self._model))

    @property
    def template(self) -> str:
        """The chat template; "" for a base model."""
        found = llama.llama_model_chat_template(self._model, None)
        return found.decode("utf-8", "replace") if found else ""

    @property
    def can_be_cut(self) -> bool:
        """Whether a sequence can be taken over in part: not where the state is recurrent."""
        recurrent = llama.llama_model_is_recurrent(self._model)
        return not (recurrent or llama.llama_model_is_hybrid(self._model))

    # --- tokens

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The tokens of ``text``; control tokens are read as such only if ``special``.

        May be called while another thread decodes.

        :raises ModelUnavailable: the vocabulary cannot spell it.
        """
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        buffer = (llama.llama_token * size)()
        n: int = llama.llama_tokenize(self._vocabulary, raw, len(raw), buffer, size, False, special)
        if n < 0:
            raise ModelUnavailable(f"{self.path}: its tokenizer gave code {n} for a prompt")
        return list(buffer[:n])

    def piece(self, token: int) -> bytes:
        """The text of a token; of a control token none."""
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token, 256)
        return self._pieces[token]

    def name(self, token: int) -> str:
        """A token as the vocabulary writes it; "" for -1, which means there is none."""
        if token < 0:
            return ""
        return str(llama.llama_vocab_get_text(self._vocabulary, token).decode("utf-8", "replace"))

    def ends(self, token: int) -> bool:
        """Whether it ends an answer."""
        return bool(llama.llama_vocab_is_eog(self._vocabulary, token))

    @property
    def begin(self) -> int:
        """The token before all text; -1: none."""
        return int(llama.llama_vocab_bos(self._vocabulary))

    @property
    def end(self) -> int:
        """The token after all text; -1: none."""
        return int(llama.llama_vocab_eos(self._vocabulary))

    @property
    def wants_begin(self) -> bool:
        """Whether ``begin`` is to be put before every prompt."""
        return bool(llama.llama_vocab_get_add_bos(self._vocabulary)) and self.begin >= 0

    @property
    def infill(self) -> tuple[int, int, int] | None:
        """The tokens before prefix, suffix and middle; None: not made for filling in."""
        found = (
            int(llama.llama_vocab_fim_pre(self._vocabulary)),
            int(llama.llama_vocab_fim_suf(self._vocabulary)),
            int(llama.llama_vocab_fim_mid(self._vocabulary)),
        )
        return None if min(found) < 0 else found

    def control_tokens(self) -> Iterator[tuple[int, str]]:
        """Every control token and how it is written."""
        control = llama.LLAMA_TOKEN_ATTR_CONTROL
        for token in range(self.tokens):
            if llama.llama_vocab_get_attr(self._vocabulary, token) & control:
                yield token, self.name(token)

    def _read_piece(self, token: int, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        n = llama.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
        return buffer.raw[:n] if n >= 0 else self._read_piece(token, -n)

    def _refuse_other_kinds(self) -> None:
        encodes = llama.llama_model_has_encoder(self._model)
        if encodes or not llama.llama_model_has_decoder(self._model):
            raise ModelUnavailable(f"{self.path} is not a decoder-only text model: give another")


_NO_ROOM = ", or the GPU has no room for it (--supercharge-gpu=off)"


def _open(
    path: str,
    gpu_layers: int,
    extra_buffers: bool,
    main_device: int | None,
    vocabulary_only: bool,
) -> object:
    params = llama.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    params.use_extra_bufts = extra_buffers
    params.vocab_only = vocabulary_only
    if main_device is not None:
        params.split_mode = llama.LLAMA_SPLIT_MODE_NONE
        params.main_gpu = main_device
    model = llama.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise ModelUnavailable(
            f"llama.cpp cannot load {path} ({Path(path).stat().st_size:,} bytes): the file is cut "
            f"off or damaged (fetch it again), or llama-cpp-python {llama.__version__} does not "
            f"know its architecture (upgrade){_NO_ROOM if gpu_layers else ''}"
        )
    return model


def _text(function: Any, model: object, i: int, size: int = 512) -> str:
    buffer = ctypes.create_string_buffer(size)
    n = function(model, i, buffer, size)
    if n >= size:
        return _text(function, model, i, n + 1)
    return buffer.value.decode("utf-8", "replace")


# --- sequences in memory


class Cells:
    """The memory of sequences, and decoding: a llama.cpp context with one pool of cells."""

    def __init__(
        self,
        weights: Weights,
        *,
        cells: int,
        sequences: int,
        chunk: int,
        threads: int,
        on_gpu: bool,
    ) -> None:
        """Room for ``cells`` tokens in at most ``sequences`` sequences, ``chunk`` tokens a decode.

        :raises ModelUnavailable: there is no room for that.
        """
        self._weights = weights
        self._context = llama.llama_init_from_model(
            weights._model, _context_params(cells, sequences, chunk, threads, on_gpu)
        )
        if not self._context:
            raise ModelUnavailable(
                f"llama.cpp has no room for {cells} tokens in {sequences} sequences with "
                f"{weights.path}: lower --supercharge-context, or choose a smaller model"
            )
        self._memory = llama.llama_get_memory(self._context)
        self._batch = _Batch(max(chunk, sequences))
        self.cells = cells
        self.sequences = sequences
        self.chunk = chunk
        self._drawers = min(threads, _MOST_DRAWERS)
        self._pool = ThreadPoolExecutor(_MOST_DRAWERS)  # of threads that start when needed

    def close(self) -> None:
        self._pool.shutdown()
        llama.llama_free(self._context)

    def decode(self, places: Sequence[Place]) -> None:
        """Evaluate tokens, at most ``chunk``, of any sequences.

        :raises ModelUnavailable: llama.cpp refuses.
        """
        code = llama.llama_decode(self._context, self._batch.filled(places))
        if code:
            raise ModelUnavailable(
                f"llama.cpp cannot decode with {self._weights.path} (code {code}): lower "
                "--supercharge-context, or choose a smaller model"
            )

    def share(self, source: int, target: int, length: int | None = None) -> None:
        """Let ``target`` have the first ``length`` tokens of ``source``, None: all; no copy."""
        end = -1 if length is None else length
        llama.llama_memory_seq_cp(self._memory, source, target, -1 if end < 0 else 0, end)

    def cut(self, sequence: int, length: int) -> None:
        """Forget all but the first ``length`` tokens; not for models that keep a state."""
        llama.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def drop(self, sequence: int) -> None:
        """Forget a sequence; cells that another one shares stay."""
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def scores(self, row: int) -> Scores:
        """Next-token scores of the last decode's place ``row``, in llama.cpp's own memory.

        :raises ModelUnavailable: the model gives none.
        """
        found = llama.llama_get_logits_ith(self._context, row)
        if not found:
            path = self._weights.path
            raise ModelUnavailable(f"{path} gives no next-token scores: not a text model")
        return np.ctypeslib.as_array(found, (self._weights.tokens,))

    def draw(self, wanted: Sequence[tuple[object, int]]) -> list[tuple[int, float]]:
        """For samplers and rows of the last decode: a token and its log-probability.

        A vocabulary of 150,000 costs 0.3 ms a row, which for 32 rows is as long as a GPU takes to
        decode them: so several threads draw where it pays.
        """
        parts = min(self._drawers, len(wanted) * self._weights.tokens // _WORTH_A_THREAD)
        if parts < 2:
            return self._draw_some(wanted)
        self.scores(wanted[0][1])  # the first look at the scores puts them in order
        size = -(-len(wanted) // parts)
        slices = [wanted[i : i + size] for i in range(0, len(wanted), size)]
        drawn = self._pool.map(self._draw_some, slices)
        return [each for some in drawn for each in some]

    def _draw_some(self, wanted: Sequence[tuple[object, int]]) -> list[tuple[int, float]]:
        return [self._draw_one(sampler, row) for sampler, row in wanted]

    def _draw_one(self, sampler: object, row: int) -> tuple[int, float]:
        scores = self.scores(row)
        token = int(llama.llama_sampler_sample(sampler, self._context, row))
        return token, log_probability(scores, token)

    def new_sampler(self, sampling: Sampling, seed: int) -> object:
        """A chain of samplers; to be given to ``free_sampler`` in the end."""
        chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in _samplers(sampling, seed, self._weights.tokens):
            llama.llama_sampler_chain_add(chain, sampler)
        return chain

    def free_sampler(self, sampler: object) -> None:
        llama.llama_sampler_free(sampler)


def log_probability(scores: Scores, token: int) -> float:
    """Of ``token`` at temperature 1, before any filter, so that temperatures compare."""
    shifted = scores - scores.max()
    total = np.exp(np.maximum(shifted, _LEAST_EXPONENT)).sum()
    return float(shifted[token] - np.log(total))


def _context_params(cells: int, sequences: int, chunk: int, threads: int, on_gpu: bool) -> Any:
    params = llama.llama_context_default_params()
    params.n_ctx = cells
    params.n_batch = max(chunk, sequences)
    params.n_ubatch = params.n_batch
    params.n_seq_max = sequences
    # Below n_seq_max llama.cpp aborts; the default makes room for a whole chunk's scores.
    params.n_outputs_max = sequences
    params.kv_unified = True  # one pool: share() copies nothing
    params.n_threads = params.n_threads_batch = threads
    params.no_perf = True
    # On the CPU flash attention decodes a batch 2 to 4 times slower, and AUTO turns it on.
    params.flash_attn_type = (
        llama.LLAMA_FLASH_ATTN_TYPE_AUTO if on_gpu else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    return params


def _samplers(sampling: Sampling, seed: int, tokens: int) -> Iterator[object]:
    # top_k first: all that follow then sort 40 tokens and not the whole vocabulary, which costs
    # 0.2 ms a token instead of 1.4 to 3.6.
    greedy = sampling.temperature <= 0
    if sampling.top_k > 0:
        yield llama.llama_sampler_init_top_k(sampling.top_k)
    if sampling.repeat_penalty != 1.0:
        yield llama.llama_sampler_init_penalties(
            tokens, _PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0
        )
    if greedy:
        yield llama.llama_sampler_init_greedy()
        return
    if sampling.top_p < 1:
        yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    if sampling.min_p > 0:
        yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_temp(sampling.temperature)
    yield llama.llama_sampler_init_dist(seed)


_FIELDS: dict[str, Any] = {field[0]: field[1] for field in llama.llama_batch._fields_}


class _Batch:
    """A llama_batch over arrays that are written as a whole."""

    def __init__(self, size: int) -> None:
        self._tokens = np.zeros(size, np.int32)
        self._positions = np.zeros(size, np.int32)
        self._counts = np.ones(size, np.int32)
        self._sequences = np.zeros(size, np.int32)
        self._is_read = np.zeros(size, np.int8)
        first = self._sequences.ctypes.data
        self._pointers = (ctypes.c_void_p * size)(*(first + 4 * i for i in range(size)))
        self._raw = llama.llama_batch(n_tokens=0)
        self._point("token", self._tokens)
        self._point("pos", self._positions)
        self._point("n_seq_id", self._counts)
        self._point("logits", self._is_read)
        self._raw.seq_id = ctypes.cast(self._pointers, _FIELDS["seq_id"])

    def _point(self, field: str, array: npt.NDArray[Any]) -> None:
        setattr(self._raw, field, array.ctypes.data_as(_FIELDS[field]))

    def filled(self, places: Sequence[Place]) -> Any:
        n = len(places)
        self._tokens[:n] = [place.token for place in places]
        self._positions[:n] = [place.position for place in places]
        self._sequences[:n] = [place.sequence for place in places]
        self._is_read[:n] = [place.is_read for place in places]
        self._raw.n_tokens = n
        return self._raw


@contextmanager
def opened(weights: Weights) -> Iterator[Weights]:
    """Close it whatever happens."""
    try:
        yield weights
    finally:
        weights.close()
