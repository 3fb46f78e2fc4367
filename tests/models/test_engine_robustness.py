"""What models do in the wild, done on purpose: by files that say what they are told to.

From a prompt of the product to the text that it gets back, through real llama.cpp.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gguf_files import (
    ALWAYS_THINKS,
    CHATML,
    CONTROL,
    FIM,
    THINK,
    THINKS_UNLESS_TOLD,
    RandomModel,
    Vocabulary,
    cut,
    with_version,
)
from gguf_parrot import Answer, Parrot

from pytest_supercharger.exceptions import ModelUnavailable
from pytest_supercharger.models.base import Completion, Request
from pytest_supercharger.models.llama import LlamaModel
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

CODE = "def add(a, b):\n    return a + b\n"
BLOCK = f"```python\n{CODE}```"
PLAIN, SPECIAL = Vocabulary(plain=THINK), Vocabulary(control=(*CONTROL, *THINK))

Open = Callable[[Parrot], LlamaModel]


@pytest.fixture
def open_parrot(tmp_path: Path) -> Iterator[Open]:
    opened: list[LlamaModel] = []

    def open_(parrot: Parrot) -> LlamaModel:
        path = parrot.write(tmp_path / f"{len(opened)}.gguf")
        opened.append(LlamaModel(path, gpu="off", cache=tmp_path))
        return opened[-1]

    yield open_
    for model in opened:
        model.close()


def parrot(*answers: str | bytes | Answer, **settings: object) -> Parrot:
    made = (each if isinstance(each, Answer) else Answer(text=each) for each in answers)
    return Parrot(answers=tuple(made), **settings)  # type: ignore[arg-type]


def ask(
    text: str = "def add(a, b):\n",
    *,
    n: int = 1,
    max_tokens: int = 200,
    stop: tuple[str, ...] = (),
    wanted: str = "",
    level: int | None = None,
    suffix: str = "",
) -> Request:
    prompt = Prompt(
        kind=RequestKind.CODE,
        messages=(Message(role="user", content=text),),
        continuation=text,
        stop=stop,
        wanted=wanted,
        level=level,
        suffix=suffix,
        sampling=Sampling(max_tokens=max_tokens),
    )
    return Request(stub=text, kind=RequestKind.CODE, prompt=prompt, n=n, seed=1)


def answer(model: LlamaModel, request: Request) -> Completion:
    (only,) = model.generate([request])
    return only


# -- ends -----------------------------------------------------------------------------------------


def test_an_answer_that_ends_by_itself_is_whole(open_parrot: Open) -> None:
    got = answer(open_parrot(parrot(BLOCK + "\n", template=CHATML)), ask())
    assert (got.text, got.finish) == (BLOCK + "\n", "stop")
    assert got.spent == got.tokens + 1  # the token that ends it


def test_the_wanted_block_ends_an_answer_that_would_go_on_for_ever(open_parrot: Open) -> None:
    chatter = Answer(text=f"Sure!\n{BLOCK}\n", again="Let me explain it once more.\n")
    got = answer(open_parrot(parrot(chatter, template=CHATML)), ask(wanted=r"def add\b"))
    assert (got.text, got.finish) == (f"Sure!\n{BLOCK}", "stop")
    assert got.spent < 30


def test_a_block_without_what_is_wanted_does_not_end_it(open_parrot: Open) -> None:
    text = f"```\npip install adder\n```\nand then\n{BLOCK}\nand more\n"
    got = answer(open_parrot(parrot(text, template=CHATML)), ask(wanted=r"def add\b"))
    assert got.text == text.partition("\nand more")[0]


def test_a_base_model_ends_where_the_next_function_begins(open_parrot: Open) -> None:
    text = "    total = a + b\n\n    return total\n\n\ndef sub(a, b):\n    return a - b\n"
    got = answer(open_parrot(parrot(text)), ask(level=0))
    assert (got.text.rstrip(), got.finish) == ("    total = a + b\n\n    return total", "stop")


@pytest.mark.parametrize("piece", [2, 3, 5, 9])
def test_a_stop_string_is_found_however_tokens_cut_it(open_parrot: Open, piece: int) -> None:
    text = "    return a + b\n\n\nif __name__ == '__main__':\n    main()\n"
    got = answer(open_parrot(parrot(text, piece=piece)), ask(stop=("\nif __name__",)))
    assert (got.text, got.finish) == ("    return a + b\n\n", "stop")


def test_a_model_that_repeats_itself_is_cut_off(open_parrot: Open) -> None:
    loop = Answer(text="    x = 0\n", again="    x = x + 1  # one more\n")
    got = answer(open_parrot(parrot(loop)), ask(max_tokens=4000))
    assert got.finish == "loop"
    assert got.text.count("# one more") == 1
    assert got.spent < 400


def test_an_answer_without_an_end_is_cut_at_the_cap(open_parrot: Open) -> None:
    got = answer(open_parrot(parrot(BLOCK * 3, template=CHATML)), ask(max_tokens=10))
    assert (got.finish, got.tokens) == ("length", 10)
    assert (BLOCK * 3).startswith(got.text)


def test_a_model_with_nothing_to_say_says_nothing(open_parrot: Open) -> None:
    model = open_parrot(parrot(Answer(text=CODE, when=("no such thing",)), template=CHATML))
    got = answer(model, ask())
    assert (got.text, got.finish, got.tokens) == ("", "stop", 0)


# -- bytes ----------------------------------------------------------------------------------------


def test_characters_that_tokens_cut_come_out_whole(open_parrot: Open) -> None:
    text = "    return 'äöü€😀' + 'ελλάς' * 2  # 日本語\n"
    assert answer(open_parrot(parrot(text, piece=2)), ask()).text == text


def test_half_a_character_at_the_end_is_left_out_and_inside_it_is_marked(
    open_parrot: Open,
) -> None:
    assert answer(open_parrot(parrot(b"    x = '\xe2\x82")), ask()).text == "    x = '"
    got = answer(open_parrot(parrot(b"    x = '\xe2\x82' + '\xff'")), ask())
    assert got.text == "    x = '\ufffd' + '\ufffd'"


# -- thinking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", [PLAIN, SPECIAL], ids=["plain", "control"])
def test_a_model_that_may_be_told_not_to_think_is_told(
    open_parrot: Open, vocabulary: Vocabulary
) -> None:
    answers = (
        Answer(text=f"<think>Let me see.</think>\n\n{BLOCK}"),
        Answer(text=f"At once: {BLOCK}", when=("</think>",)),
    )
    model = open_parrot(parrot(*answers, template=THINKS_UNLESS_TOLD, vocabulary=vocabulary))
    assert answer(model, ask()).text == f"At once: {BLOCK}"


@pytest.mark.parametrize("vocabulary", [PLAIN, SPECIAL, Vocabulary()], ids=["plain", "control", ""])
def test_thoughts_that_cannot_be_switched_off_are_not_the_answer(
    open_parrot: Open, vocabulary: Vocabulary
) -> None:
    thought = "Maybe ```python\ndef add(a, b): return b\n```? No: wrong.\n"
    text = f"{thought}</think>\n\n{BLOCK}"
    model = open_parrot(parrot(text, template=ALWAYS_THINKS, vocabulary=vocabulary))
    got = answer(model, ask(wanted=r"def add\b"))
    assert (got.text.lstrip("\n"), got.finish) == (BLOCK, "stop")
    assert 0 < got.tokens < got.spent


@pytest.mark.parametrize("vocabulary", [PLAIN, SPECIAL], ids=["plain", "control"])
def test_thoughts_without_an_end_are_closed_by_force(
    open_parrot: Open, vocabulary: Vocabulary
) -> None:
    answers = (
        Answer(text="Let me see. ", again="But wait, there is more. "),
        Answer(text=BLOCK, when=("</think>",)),
    )
    model = open_parrot(parrot(*answers, template=ALWAYS_THINKS, vocabulary=vocabulary))
    got = answer(model, ask())
    assert (got.text, got.finish) == (BLOCK, "stop")


# -- filling in the middle ------------------------------------------------------------------------


def test_a_model_made_for_it_fills_in_between_before_and_after(open_parrot: Open) -> None:
    before, after, middle = FIM
    answers = (
        Answer(text="    from above\n"),
        Answer(text="    in between\n", when=(middle, after, before)),
    )
    model = open_parrot(parrot(*answers, vocabulary=Vocabulary(control=(*CONTROL, *FIM))))
    assert answer(model, ask(suffix="\n\ndef sub(a, b):\n")).text == "    in between\n"
    assert answer(model, ask()).text == "    from above\n"


# -- many at once ---------------------------------------------------------------------------------


def test_every_request_of_a_full_batch_gets_its_own_answer(open_parrot: Open) -> None:
    names = [f"scale_{i:02}" for i in range(40)]
    answers = [Answer(text=f"    return '{n}' * 2\n", when=(f"def {n}(",)) for n in names]
    model = open_parrot(parrot(*answers))
    head = "import math\n" * 30
    requests = [ask(f"{head}def {name}(a, b):\n", n=3) for name in names]
    got = [(completion.stub, completion.text) for completion in model.generate(requests)]
    expected = [
        (request.stub, f"    return '{name}' * 2\n")
        for name, request in zip(names, requests, strict=True)
    ]
    assert sorted(got) == sorted(expected * 3)


def test_different_answers_are_drawn_together(open_parrot: Open) -> None:
    texts = [f"    return a + b + {i}\n" for i in range(4)]
    got = open_parrot(parrot(*texts)).generate([ask(n=48)])
    assert {completion.text for completion in got} == set(texts)


# -- broken files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.02, 0.5, 0.999])
def test_a_download_that_broke_off_is_refused(tmp_path: Path, share: float) -> None:
    whole = RandomModel().write(tmp_path / "whole.gguf")
    with pytest.raises(ModelUnavailable, match=r"part\.gguf"):
        LlamaModel(cut(whole, tmp_path / "part.gguf", share=share), gpu="off", cache=tmp_path)


def test_a_version_of_the_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    whole = RandomModel().write(tmp_path / "whole.gguf")
    with pytest.raises(ModelUnavailable, match=r"new\.gguf"):
        LlamaModel(with_version(whole, tmp_path / "new.gguf", 99), gpu="off", cache=tmp_path)


def test_a_file_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    path = RandomModel(tokenizer=False).write(tmp_path / "mute.gguf")
    with pytest.raises(ModelUnavailable, match=r"mute\.gguf"):
        LlamaModel(path, gpu="off", cache=tmp_path)
