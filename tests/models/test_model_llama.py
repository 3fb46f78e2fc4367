"""Real llama.cpp on GGUF files with random weights: what the engine promises its callers."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import pytest
from gguf_files import CHATML, F16, NO_SYSTEM, Q4_0, Q8_0, RandomModel

from pytest_supercharger.exceptions import ModelUnavailable, PromptRefused, SetupError
from pytest_supercharger.models.base import Completion, Request, derive_seed
from pytest_supercharger.models.llama import LlamaModel, preview
from pytest_supercharger.models.open import open_model
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = {"f16": F16, "q8_0": Q8_0, "q4_0": Q4_0}
STUB = "src/a.py::f"


def ask(
    n: int = 1,
    *,
    user: str = "hello",
    system: str = "",
    continuation: str = "pass ",
    stop: tuple[str, ...] = (),
    seed: int = 5,
    start: int = 0,
    max_tokens: int = 24,
    **sampling: float,
) -> Request:
    messages = [Message(role="user", content=user)]
    if system:
        messages.insert(0, Message(role="system", content=system))
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=tuple(messages),
        continuation=continuation,
        stop=stop,
        sampling=Sampling(max_tokens=max_tokens, **sampling),  # type: ignore[arg-type]
    )
    return Request(stub=STUB, kind=RequestKind.CODE, prompt=prompt, n=n, seed=seed, start=start)


def texts(model: LlamaModel, *requests: Request) -> list[str]:
    return [completion.text for completion in model.generate(requests)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gguf")


@pytest.fixture(scope="module")
def base_path(folder: Path) -> Path:
    return RandomModel().write(folder / "base.gguf")


@pytest.fixture(scope="module")
def chat_path(folder: Path) -> Path:
    return RandomModel(template=CHATML).write(folder / "chat.gguf")


@pytest.fixture(scope="module")
def base(base_path: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(base_path)
    yield model
    model.close()


@pytest.fixture(scope="module")
def chat(chat_path: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(chat_path)
    yield model
    model.close()


def child_of(model: LlamaModel) -> int:
    assert model.pid is not None
    return model.pid


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


# -- what comes out -------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_usual_weight_format_decodes(folder: Path, weights: str) -> None:
    path = RandomModel(weights=WEIGHTS[weights], seed=1).write(folder / f"{weights}.gguf")
    model = LlamaModel(path)
    got = list(model.generate([ask(2)]))
    model.close()
    assert [(c.index, c.tokens, c.finish) for c in got] == [(0, 24, "length"), (1, 24, "length")]


def test_info_says_what_really_runs(base: LlamaModel, base_path: Path) -> None:
    info = base.info
    assert (info.name, info.source, info.context, info.slots) == ("base", str(base_path), 512, 16)
    assert info.digest == hashlib.sha256(base_path.read_bytes()).hexdigest()
    assert info.backend.startswith("llama.cpp ")


def test_a_completion_carries_its_figures(base: LlamaModel) -> None:
    (got,) = base.generate([ask(continuation="pass ", start=3)])
    assert (got.stub, got.kind, got.index) == (STUB, RequestKind.CODE, 3)
    assert got.seed == derive_seed(5, STUB, "code", 3)
    assert got.prompt_tokens == len("pass ")
    assert got.logprob is not None
    assert -10 < got.logprob < 0


def test_tokens_are_counted_by_the_models_own_vocabulary(base: LlamaModel) -> None:
    counts = [base.count_tokens(text) for text in ("", "x", "def", "ä", "<|im_end|>")]
    assert counts == [0, 1, 1, 2, len("<|im_end|>")]


def test_seeds_reproduce_and_differ(base: LlamaModel) -> None:
    first = texts(base, ask(4, temperature=1.5))
    assert texts(base, ask(4, temperature=1.5)) == first
    assert len(set(first)) == 4
    assert not set(texts(base, ask(4, temperature=1.5, seed=6))) & set(first)


def test_start_goes_on_where_an_earlier_process_stopped(base: LlamaModel) -> None:
    whole = texts(base, ask(4, temperature=1.5))
    assert texts(base, ask(2, start=2, temperature=1.5)) == whole[2:]


def test_what_is_asked_beside_it_does_not_change_an_answer(base: LlamaModel) -> None:
    (alone,) = base.generate([ask(continuation="def f(x):", temperature=0)])
    others = ("def f(y): return y + 1", "import", "def f(x): pass", "x" * 200)
    beside = base.generate(
        ask(2, continuation=text, temperature=0) for text in ("def f(x):", *others, "def f(x):")
    )
    same = [c for c in beside if c.prompt_tokens == alone.prompt_tokens]
    # Other sequences in memory change the last bits of the scores, and with them near ties.
    assert [c.text[:8] for c in same] == [alone.text[:8]] * 4


def test_a_prompt_longer_than_a_chunk_is_read_whole(base: LlamaModel) -> None:
    tail = "".join(chr(65 + i % 26) for i in range(300))
    (one,) = base.generate([ask(continuation="a" + tail, temperature=0)])
    (other,) = base.generate([ask(continuation="b" + tail, temperature=0)])
    (again,) = base.generate([ask(continuation="a" + tail, temperature=0)])
    assert one.prompt_tokens == 301
    assert one.text == again.text
    assert one.logprob == pytest.approx(again.logprob, rel=1e-3)
    assert one.logprob != other.logprob


def test_temperature_zero_is_greedy(base: LlamaModel) -> None:
    assert len(set(texts(base, ask(3, temperature=0)))) == 1


def test_a_repeat_penalty_changes_what_is_drawn(base: LlamaModel) -> None:
    plain = texts(base, ask(temperature=0, max_tokens=200))
    assert texts(base, ask(temperature=0, max_tokens=200, repeat_penalty=1.8)) != plain


def test_top_k_of_one_is_greedy_and_top_p_narrows(base: LlamaModel) -> None:
    greedy = texts(base, ask(temperature=0))
    assert texts(base, ask(temperature=2, top_k=1)) == greedy
    assert texts(base, ask(temperature=2, top_k=0, top_p=1e-6)) == greedy
    assert texts(base, ask(temperature=1, top_k=0, top_p=1, min_p=1)) == greedy
    assert texts(base, ask(temperature=2)) != greedy


def test_half_a_character_at_the_end_is_left_out(folder: Path) -> None:
    model = LlamaModel(RandomModel(any_bytes=True).write(folder / "any_bytes.gguf"))
    (whole,) = texts(model, ask(max_tokens=60, temperature=2))
    cut = [texts(model, ask(max_tokens=n, temperature=2))[0] for n in range(1, 60)]
    model.close()
    letters = set(whole) - {"\ufffd"}
    assert any(len(letter.encode()) > 1 for letter in letters)
    # Half a letter, were it written, would not be how the whole text goes on.
    assert [text for text in cut if not whole.startswith(text)] == []


# -- base models and chat models ------------------------------------------------------------------


def test_a_base_model_stops_at_the_first_stop_string(base: LlamaModel) -> None:
    (whole,) = texts(base, ask(temperature=0))
    late, early = whole[12:14], whole[5:7]
    (got,) = base.generate([ask(temperature=0, stop=(late, "never", early))])
    assert got.text == whole[: whole.index(early)]
    assert got.finish == "stop"


def test_a_stop_string_may_span_tokens(base: LlamaModel) -> None:
    (whole,) = texts(base, ask(temperature=0))
    long = whole[2:12]  # a token is one byte here
    assert texts(base, ask(temperature=0, stop=(long,))) == [whole[: whole.index(long)]]


def test_of_two_stop_strings_that_end_together_the_longer_one_is_cut_off(
    base: LlamaModel,
) -> None:
    (whole,) = texts(base, ask(temperature=0))
    short, long = whole[6:8], whole[3:8]
    (got,) = texts(base, ask(temperature=0, stop=(short, long)))
    assert whole.index(short) == 6
    assert got == whole[:3]


def test_a_base_model_has_no_answer_to_a_prompt_without_a_continuation(base: LlamaModel) -> None:
    assert texts(base, ask(3, continuation="")) == []


def test_a_chat_model_gets_its_own_template(chat: LlamaModel) -> None:
    (got,) = chat.generate([ask(user="hello", system="be brief")])
    special = 1
    system = special + len("system\nbe brief") + special + len("\n")
    user = special + len("user\nhello") + special + len("\n")
    thinking_is_off = len("<think></think>")
    assert got.prompt_tokens == system + user + special + len("assistant\n") + thinking_is_off


def test_a_chat_model_does_not_stop_at_a_base_models_stop(chat: LlamaModel) -> None:
    (whole,) = texts(chat, ask(temperature=0))
    assert texts(chat, ask(temperature=0, stop=(whole[3:6],))) == [whole]


def test_control_tokens_in_the_users_source_are_plain_text(chat: LlamaModel) -> None:
    plain, control = chat.generate([ask(user="<?im_end?>\n"), ask(user="<|im_end|>\n")])
    assert control.prompt_tokens == plain.prompt_tokens


def test_a_template_without_a_system_turn_gets_it_in_the_first_user_turn(folder: Path) -> None:
    path = RandomModel(template=NO_SYSTEM).write(folder / "no_system.gguf")
    model = LlamaModel(path)
    got = list(model.generate([ask(user="hello", system="be"), ask(user="be\n\nhello")]))
    model.close()
    assert got[0].prompt_tokens == got[1].prompt_tokens
    assert got[0].logprob == pytest.approx(got[1].logprob, rel=1e-3)


def test_a_template_that_refuses_everything_is_a_set_up_error(folder: Path) -> None:
    path = RandomModel(template="{{ raise_exception('only tools') }}").write(folder / "no.gguf")
    model = LlamaModel(path)
    with pytest.raises(SetupError, match=r"no\.gguf refuses the prompt: only tools"):
        texts(model, ask(system="x"))
    model.close()


def test_a_template_that_is_no_template_is_a_set_up_error(folder: Path) -> None:
    path = RandomModel(template="{% for %}").write(folder / "bad_template.gguf")
    with pytest.raises(SetupError, match=r"bad_template\.gguf refuses the prompt"):
        LlamaModel(path)


# -- streams and stops ----------------------------------------------------------------------------


def test_completions_come_one_by_one(base: LlamaModel) -> None:
    stream = base.generate([ask(1000, max_tokens=100)])
    start = time.monotonic()
    next(stream)
    first = time.monotonic() - start
    for _ in range(20):
        next(stream)
    assert first < time.monotonic() - start
    stream.close()


def test_requests_are_read_when_there_is_room(base: LlamaModel) -> None:
    read: list[int] = []

    def requests() -> Iterator[Request]:
        for i in range(30):
            read.append(i)
            yield ask(8, seed=i)

    stream = base.generate(requests())
    next(stream)
    assert len(read) == 2 * base.info.slots / 8
    assert len(list(stream)) == 30 * 8 - 1


def test_cancelling_stops_in_the_middle_and_gives_back_what_there_is(base: LlamaModel) -> None:
    asked: list[Request] = []

    def cancelled(request: Request) -> bool:
        asked.append(request)
        return request.seed == 1 and len(asked) > 4

    requests = [ask(500, seed=1, max_tokens=450), ask(2, seed=2, max_tokens=5)]
    got = list(base.generate(requests, cancelled=cancelled))
    cut = [c for c in got if c.finish == "cancelled"]
    assert 0 < len(cut) <= base.info.slots
    assert all(c.tokens < 450 and c.spent >= c.tokens for c in cut)
    assert len([c for c in got if c.tokens == 450]) < 100
    assert [c.tokens for c in got if c.tokens == 5][-2:] == [5, 5]


def test_an_abandoned_iterator_frees_the_engine(base: LlamaModel) -> None:
    stream = base.generate([ask(100_000, max_tokens=450)])
    next(stream)
    stream.close()
    start = time.monotonic()
    assert len(texts(base, ask(2))) == 2
    assert time.monotonic() - start < 10


def test_a_request_cancelled_from_the_start_decodes_nothing(base: LlamaModel) -> None:
    assert list(base.generate([ask(3)], cancelled=lambda _: True)) == []


def test_two_streams_may_be_open_at_once(base: LlamaModel) -> None:
    one, two = base.generate([ask(3, seed=1)]), base.generate([ask(3, seed=2)])
    mixed: list[Completion] = []
    for a, b in zip(one, two, strict=True):
        mixed += [a, b]
    assert [c.text for c in mixed[::2]] == texts(base, ask(3, seed=1))
    assert [c.text for c in mixed[1::2]] == texts(base, ask(3, seed=2))


def test_tokens_are_counted_while_a_completion_is_decoded(base: LlamaModel) -> None:
    stream = base.generate([ask(1000, max_tokens=450)])
    next(stream)
    assert base.count_tokens("abc") == 3
    stream.close()


# -- context --------------------------------------------------------------------------------------


def test_the_context_may_be_chosen(base_path: Path) -> None:
    model = open_model("base.gguf", rootdir=base_path.parent, context=100, gpu="off")
    assert (model.info.context, model.info.gpu_layers) == (100, 0)
    assert len(list(model.generate([ask(continuation="x" * 76, max_tokens=24)]))) == 1
    with pytest.raises(SetupError):
        list(model.generate([ask(continuation="x" * 77, max_tokens=24)]))
    model.close()


def test_a_long_context_is_capped_when_none_is_asked_for(folder: Path) -> None:
    model = LlamaModel(RandomModel(context=100_000).write(folder / "long.gguf"))
    assert model.info.context == 8192
    model.close()


def test_a_prompt_that_does_not_fit_names_both_numbers_and_both_ways_out(base: LlamaModel) -> None:
    with pytest.raises(PromptRefused) as caught:
        texts(base, ask(continuation="x" * 600))
    message = str(caught.value)
    assert f"{STUB}: prompt needs 600 tokens and its answer up to 24" in message
    assert "the model's context is 512: raise --supercharge-context to 624" in message
    assert "lower max_tokens" in message
    assert len(texts(base, ask(2))) == 2  # the engine goes on


def test_a_gpu_that_is_required_must_be_there(base_path: Path) -> None:
    if _a_gpu_is_found():
        model = LlamaModel(base_path, gpu="require")
        assert model.info.gpu_layers > 0
        model.close()
        return
    with pytest.raises(SetupError, match=r"--supercharge-gpu=require, but .* finds no GPU"):
        LlamaModel(base_path, gpu="require")


def _a_gpu_is_found() -> bool:
    code = "import sys, llama_cpp; sys.exit(llama_cpp.llama_supports_gpu_offload())"
    return bool(subprocess.run([sys.executable, "-c", code], check=False).returncode)


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_truncated_file_is_explained_in_llama_cpps_words(folder: Path, base_path: Path) -> None:
    path = folder / "cut.gguf"
    path.write_bytes(base_path.read_bytes()[:-5000])
    with pytest.raises(ModelUnavailable) as caught:
        LlamaModel(path)
    assert f"llama.cpp cannot load {path}" in str(caught.value)
    assert "cut off or damaged" in str(caught.value)
    assert "llama.cpp said: " in str(caught.value)


def test_a_file_cut_in_its_header_is_explained(folder: Path, base_path: Path) -> None:
    path = folder / "head.gguf"
    path.write_bytes(base_path.read_bytes()[:700])
    with pytest.raises(ModelUnavailable, match="cut off or damaged"):
        LlamaModel(path)


def test_an_unknown_architecture_is_explained(folder: Path) -> None:
    path = folder / "new.gguf"
    writer = gguf.GGUFWriter(path, "brandnew")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelUnavailable, match=r"does not know its architecture.*brandnew"):
        LlamaModel(path)


def test_a_file_bigger_than_all_memory_is_refused_with_both_numbers(
    folder: Path, base_path: Path
) -> None:
    path = folder / "huge.gguf"
    path.write_bytes(base_path.read_bytes())
    os.truncate(path, 1 << 42)  # sparse: it takes no room on the disk
    with pytest.raises(ModelUnavailable, match=r"needs 4398.*but .* GB is all") as caught:
        LlamaModel(path)
    assert "choose a smaller model" in str(caught.value)


def test_what_is_printed_before_the_process_is_ready_does_no_harm(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from here', flush=True)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model = LlamaModel(base_path)
    assert model.count_tokens("abc") == 3
    model.close()


def test_weights_that_are_no_numbers_are_found_at_the_start(folder: Path) -> None:
    path = RandomModel(broken=True).write(folder / "nan.gguf")
    with pytest.raises(ModelUnavailable, match="scores that are not numbers"):
        LlamaModel(path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_process_that_dies_once_is_started_again_and_nothing_is_lost(
    base_path: Path, number: int
) -> None:
    model = LlamaModel(base_path)
    stream = model.generate([ask(40, temperature=1.5)])
    got = [next(stream)]
    os.kill(child_of(model), number)
    got += stream
    assert sorted(completion.index for completion in got) == list(range(40))
    name = signal.Signals(number).name
    assert f"llama.cpp was started again after {name}" in model.info.remarks
    assert model.info.slots == (8 if number == signal.SIGKILL else 16)  # it may have been memory
    assert model.count_tokens("abc") == 3
    model.close()


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (signal.SIGKILL, "want of memory.*--supercharge-context"),
        (signal.SIGSEGV, "does not suit this CPU.*-mno-amx-tile"),
        (signal.SIGABRT, "try another GGUF"),
    ],
)
def test_a_process_that_dies_again_is_an_error_that_names_the_signal(
    base_path: Path, number: int, way_out: str
) -> None:
    model = LlamaModel(base_path)
    name = signal.Signals(number).name
    over = threading.Event()

    def kill_all() -> None:
        while not over.wait(0.002):
            if pid := model.pid:
                os.kill(pid, number)

    killer = threading.Thread(target=kill_all)
    killer.start()
    with pytest.raises(ModelUnavailable, match=rf"base\.gguf was ended by {name}: .*{way_out}"):
        list(model.generate([ask(64, max_tokens=450)]))
    over.set()
    killer.join()
    model.close()


def test_a_process_that_is_not_needed_ends_and_comes_back(base_path: Path) -> None:
    model = LlamaModel(base_path, idle_seconds=0.1)
    pid = child_of(model)
    assert wait_until_gone(pid)
    assert len(texts(model, ask(2))) == 2
    assert wait_until_gone(child_of(model))
    assert model.count_tokens("abc") == 3
    assert model.info.remarks == ()
    model.close()


def test_a_process_may_end_while_what_it_has_done_waits_to_be_taken(base_path: Path) -> None:
    model = LlamaModel(base_path, slots=1, idle_seconds=0.1)
    stream = model.generate([ask(2), ask(2, seed=6)])
    got = [next(stream)]
    assert wait_until_gone(child_of(model))
    got += stream
    assert sorted(completion.index for completion in got) == [0, 0, 1, 1]
    model.close()


def test_a_file_in_parts_is_read_whole_and_another_ones_parts_are_not_its_own(
    base: LlamaModel, tmp_path: Path
) -> None:
    path = RandomModel(part=8).write(tmp_path / "base.gguf")
    other = tmp_path / path.name.replace("base", "base-other")
    with other.open("wb") as file:
        file.truncate(1 << 42)  # more than any memory
    model = LlamaModel(path)
    assert texts(model, ask(temperature=0)) == texts(base, ask(temperature=0))
    model.close()


def test_a_template_that_fails_in_its_own_way_ends_with_what_it_said(folder: Path) -> None:
    template = "{{ messages[0]['content'] + 1 }}"  # a TypeError, which jinja2 passes on
    model = LlamaModel(RandomModel(template=template).write(folder / "adds.gguf"))
    with pytest.raises(ModelUnavailable, match=r"exit code 1: .*TypeError"):
        texts(model, ask())
    model.close()


def test_a_closed_model_leaves_no_process_and_says_so(base_path: Path) -> None:
    model = LlamaModel(base_path)
    pid = child_of(model)
    model.close()
    model.close()
    assert not is_alive(pid)
    with pytest.raises(ModelUnavailable, match="is closed"):
        model.count_tokens("x")


def test_a_model_that_is_closed_while_it_starts_again_leaves_no_process(base_path: Path) -> None:
    others = children_of_this_process()
    model = LlamaModel(base_path)
    for _ in range(3):
        os.kill(child_of(model), signal.SIGKILL)
        thread = threading.Thread(target=count_until_it_is_closed, args=(model,))
        thread.start()
        time.sleep(0.1)
        model.close()
        thread.join(10)
        assert not thread.is_alive()
        assert children_of_this_process() == others
        model = LlamaModel(base_path)
    model.close()


def count_until_it_is_closed(model: LlamaModel) -> None:
    with contextlib.suppress(ModelUnavailable):
        model.count_tokens("x")


def children_of_this_process() -> set[str]:
    code = "pytest_supercharger.models.engine.process"
    found = set()
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            try:
                if code in Path(f"/proc/{pid}/cmdline").read_text():
                    found.add(pid)
            except OSError:
                continue  # it has ended meanwhile
    return found


def test_a_forgotten_model_leaves_no_process(base_path: Path) -> None:
    model = LlamaModel(base_path)
    pid = child_of(model)
    del model
    gc.collect()
    assert not is_alive(pid)


OWNER = """
import sys, time
from pathlib import Path
from pytest_supercharger.models.base import Request
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import Prompt, RequestKind, Sampling
prompt = Prompt(kind=RequestKind.CODE, messages=(), continuation="x", stop=(),
                sampling=Sampling(max_tokens=450))
request = Request(stub="s", kind=RequestKind.CODE, prompt=prompt, n=10**6, seed=0)
model = LlamaModel(Path(sys.argv[1]))
print(model.pid, flush=True)
for _ in model.generate([request]):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphan_is_left_when_the_parent_is_ended(base_path: Path, number: int) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(base_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    # Ctrl-C reaches the whole group; kill means the parent alone
    (os.killpg if number == signal.SIGINT else os.kill)(owner.pid, number)
    _, err = owner.communicate(timeout=20)
    assert wait_until_gone(pid)
    assert owner.returncode == -number
    assert number == signal.SIGINT or err == b""


def test_llama_cpp_prints_nothing_and_is_not_imported_here(base_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from pytest_supercharger.models.llama import LlamaModel; "
        "model = LlamaModel(Path(sys.argv[1])); model.close(); "
        "assert 'llama_cpp' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(base_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_missing_llama_cpp_python_is_named_with_the_command(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'llama_cpp'\", name='llama_cpp')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r'pip install "pytest-supercharger\[llama\]"'):
        LlamaModel(base_path)


def test_a_llama_cpp_python_that_does_not_load_is_told_apart(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llama_cpp.py").write_text("raise RuntimeError('libcudart.so.13: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"does not load \(libcudart\.so\.13"):
        LlamaModel(base_path)


def test_modules_in_the_current_folder_are_not_imported(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "llama_cpp", "jinja2"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    LlamaModel(base_path).close()


# -- long sessions --------------------------------------------------------------------------------


def test_memory_does_not_grow_over_500_requests(base: LlamaModel) -> None:
    def rss() -> int:
        fields = Path(f"/proc/{child_of(base)}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def some(first: int, n: int) -> int:
        requests = [ask(2, user="", continuation=f"{i} " * 40, seed=i) for i in range(first, n)]
        return len(texts(base, *requests))

    some(0, 100)
    before = rss()
    assert some(100, 600) == 1000
    assert rss() - before < 4 << 20


def test_many_threads_may_ask_at_once(base: LlamaModel) -> None:
    got: dict[int, list[Completion]] = {}

    def one(seed: int) -> None:
        got[seed] = list(base.generate([ask(6, seed=seed, temperature=1.5)]))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, completions in got.items():
        assert [c.seed for c in sorted(completions, key=lambda c: c.index)] == [
            derive_seed(seed, STUB, "code", i) for i in range(6)
        ]


def test_the_time_in_which_it_decodes_is_counted(base_path: Path) -> None:
    model = LlamaModel(base_path)
    assert model.busy_seconds == 0
    began = time.monotonic()
    texts(model, ask(20, max_tokens=200))
    took = time.monotonic() - began
    assert took / 2 < model.busy_seconds <= took
    model.close()


@pytest.mark.parametrize(
    ("named", "family"),
    [("", ""), ("supercharger-tiny", "supercharger-tiny"), ("Qwen2.5 Coder", "qwen2.5-coder")],
)
def test_the_family_is_what_the_file_says(tmp_path: Path, named: str, family: str) -> None:
    path = RandomModel(family=named).write(tmp_path / "model.gguf")
    assert preview(path).family == family
    model = LlamaModel(path)
    try:
        assert model.info.family == family
    finally:
        model.close()
