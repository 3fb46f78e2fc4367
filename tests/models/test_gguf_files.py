"""The files that other tests feed to the engine: llama.cpp reads them, and they do as they say.

Through ``llama_cpp.Llama`` in a process of its own, not through the package: what is wrong with a
file is not to be confused with what is wrong with the engine.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import pytest
from gguf_files import (
    CONTROL,
    F16,
    FIM,
    MIXTURES,
    THINK,
    HybridModel,
    RandomModel,
    Shape,
    Vocabulary,
    byte_letters,
    cut,
    quantize,
    with_version,
)
from gguf_parrot import Answer, Parrot

pytestmark = [
    pytest.mark.llama,
    pytest.mark.skipif(
        importlib.util.find_spec("llama_cpp") is None,
        reason='needs llama-cpp-python: pip install "pytest-supercharger[llama]"',
    ),
]

SMALL = Shape(width=256, heads=4, kv_heads=2, layers=1, inner=256)

_COMPLETE = """
import json, sys, llama_cpp
answers = []
for path, prompts, options in json.load(sys.stdin):
    try:
        model = llama_cpp.Llama(path, n_ctx=8192, n_threads=1, verbose=False)
    except ValueError as error:
        answers.append(str(error))
        continue
    for prompt in prompts:
        for seed in range(options.pop("seeds", 1)):
            got = model.create_completion(prompt, seed=seed, **options)
            choice = got["choices"][0]
            answers.append([choice["text"], choice["finish_reason"], got["usage"]])
print(json.dumps(answers))
"""


def complete(*jobs: tuple[Path, Sequence[str], dict[str, Any]]) -> list[Any]:
    """Text, finish and token counts for each prompt, or why the file was not loaded."""
    # One thread that waits passively: a job on a busy machine, not a contest.
    told = json.dumps([(str(path), prompts, options) for path, prompts, options in jobs])
    command = [sys.executable, "-W", "ignore", "-c", _COMPLETE]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def said(parrot: Path, *prompts: str, **options: Any) -> list[str]:
    """The text after each prompt."""
    return [text for text, *_ in complete((parrot, prompts, {"max_tokens": 100, **options}))]


# -- random weights -------------------------------------------------------------------------------


def test_every_mixture_decodes_and_is_what_its_name_says(tmp_path: Path) -> None:
    source = RandomModel(weights=F16, shape=SMALL).write(tmp_path / "random.gguf")
    paths = quantize(source, tmp_path)
    assert set(paths) == set(MIXTURES)
    for name, path in paths.items():
        kinds = Counter(tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors)
        assert max(kinds, key=lambda kind: (kind != "F32", kinds[kind])) in (name, *_base(name))
    got = complete(*((path, ["x = "], {"max_tokens": 8}) for path in paths.values()))
    assert [(finish, usage["completion_tokens"]) for _, finish, usage in got] == [
        ("length", 8)
    ] * len(MIXTURES)


def _base(mixture: str) -> tuple[str, ...]:
    """The type most of a mixture is made of."""
    return () if mixture == "F32" else (mixture.removesuffix("_M"), mixture.removesuffix("_MOE"))


def test_a_vocabulary_is_padded_to_its_size_and_a_text_is_read_as_before(tmp_path: Path) -> None:
    few = RandomModel().write(tmp_path / "few.gguf")
    many = RandomModel(vocabulary=Vocabulary(size=5000)).write(tmp_path / "many.gguf")
    fields = gguf.GGUFReader(many).fields
    assert fields["llama.vocab_size"].contents() == 5000
    assert len(set(fields["tokenizer.ggml.tokens"].contents())) == 5000
    got = complete(*((path, ["bcdf def x"], {"max_tokens": 1}) for path in (few, many)))
    assert [usage["prompt_tokens"] for *_, usage in got] == [len("bcdf ") + 1 + len(" x")] * 2


def test_repeated_layers_hold_as_many_weights(tmp_path: Path) -> None:
    plain = RandomModel(vocabulary=Vocabulary(size=3000), tied=True)
    again = RandomModel(vocabulary=Vocabulary(size=3000), tied=True, repeat=True)
    paths = [model.write(tmp_path / f"{model.repeat}.gguf") for model in (plain, again)]
    sizes = [
        sum(int(t.n_elements) for t in gguf.GGUFReader(path).tensors if t.n_elements > 64)
        for path in paths
    ]
    assert sizes == [plain.parameters] * 2
    assert all(finish == "length" for _, finish, _ in complete((paths[1], ["x"], {"seeds": 3})))


def test_a_hybrid_model_decodes(tmp_path: Path) -> None:
    path = HybridModel().write(tmp_path / "hybrid.gguf")
    ((text, finish, _),) = complete((path, ["def f(x):"], {"max_tokens": 20}))
    assert (len(text), finish) == (20, "length")


def test_broken_files_are_refused(tmp_path: Path) -> None:
    whole = RandomModel().write(tmp_path / "whole.gguf")
    broken = [
        cut(whole, tmp_path / "header.gguf", share=0.01),
        cut(whole, tmp_path / "tensors.gguf", share=0.7),
        with_version(whole, tmp_path / "version.gguf", 999),
        RandomModel(architecture="unheard-of").write(tmp_path / "architecture.gguf"),
        RandomModel(tokenizer=False).write(tmp_path / "mute.gguf"),
    ]
    answers = complete(*((path, ["x"], {}) for path in broken))
    assert [str(path) in answer for path, answer in zip(broken, answers, strict=True)] == [True] * 5
    assert isinstance(complete((whole, ["x"], {"max_tokens": 1}))[0], list)


# -- parrots --------------------------------------------------------------------------------------


def test_a_parrot_recites_its_answer_to_any_prompt_and_ends(tmp_path: Path) -> None:
    text = 'def f(x):\n    """ä€😀"""\n    return [x, x, x]\n\n' * 3
    path = Parrot(answers=(Answer(text=text),), piece=2).write(tmp_path / "p.gguf")
    got = complete((path, ["x", "def f(x):\n", "<|im_end|>", "ä" * 999], {"max_tokens": 999}))
    assert [(answer, finish) for answer, finish, _ in got] == [(text, "stop")] * 4


def test_a_piece_may_hold_half_a_character(tmp_path: Path) -> None:
    parrot = Parrot(answers=(Answer(text="aä€😀b" * 5),), piece=2)
    (only,) = parrot.answers
    letters = {letter: byte for byte, letter in enumerate(byte_letters())}
    pieces = [bytes(letters[letter] for letter in token) for token in parrot.tokens(only)]
    assert b"".join(pieces) == only.data
    assert any(_is_cut(piece) for piece in pieces)


def _is_cut(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return True
    return False


def test_an_answer_may_be_no_text_at_all(tmp_path: Path) -> None:
    path = Parrot(answers=(Answer(text=b"half \xe2\x82"),)).write(tmp_path / "p.gguf")
    ((text, finish, usage),) = complete((path, ["x"], {}))
    assert (text, finish, usage["completion_tokens"]) == ("half ", "stop", 2)


def test_an_answer_may_never_end(tmp_path: Path) -> None:
    path = Parrot(answers=(Answer(text="x = ", again="1 + "),)).write(tmp_path / "p.gguf")
    ((text, finish, _),) = complete((path, ["x"], {"max_tokens": 50}))
    assert (text, finish) == ("x = " + "1 + " * 49, "length")


def test_the_seed_chooses_among_answers(tmp_path: Path) -> None:
    texts = {f"answer number {i}" for i in range(4)}
    answers = tuple(Answer(text=text) for text in sorted(texts))
    path = Parrot(answers=answers).write(tmp_path / "p.gguf")
    drawn = [text for text, *_ in complete((path, ["x"], {"seeds": 40, "temperature": 0.8}))]
    assert set(drawn) == texts
    assert set(said(path, "x", "y", "z", temperature=0)) < texts


FAR = "a word and another one, " * 250


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("def add(a, b):", "a + b"),
        ("def add(a, b):" + FAR, "a + b"),
        ("def add(" + FAR + "def sub(", "a - b"),
        ("def sub(" + FAR + "def add(" + "and nothing more", "a + b"),
        ("def sub(a): pass\n\n" + "def add(", "a + b"),
        ("def mul(", "pass"),
        ("", "pass"),
        ("def sub(a, b): ... Write tests, please", "assert sub(2, 1) == 1"),
        ("Write tests. Now def sub(a, b): ...", "assert sub(2, 1) == 1"),
        ("def add(a, b): ... Write tests, please", "a + b"),
        ("Write tests", "pass"),
    ],
)
def test_the_last_key_in_the_prompt_chooses(choosy: Path, prompt: str, answer: str) -> None:
    assert set(said(choosy, "x " + prompt, seeds=3, temperature=1)) == {answer}


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parrot = Parrot(
        answers=(
            Answer(text="pass"),
            Answer(text="a + b", when=("def add(",)),
            Answer(text="a - b", when=("def sub(",)),
            Answer(text="assert sub(2, 1) == 1", when=("def sub(", "Write tests")),
        )
    )
    return parrot.write(tmp_path_factory.mktemp("parrot") / "choosy.gguf")


def test_where_no_answer_fits_it_ends_at_once(tmp_path: Path) -> None:
    answers = (Answer(text="a + b", when=("def add(",)),)
    path = Parrot(answers=answers).write(tmp_path / "p.gguf")
    got = complete((path, ["def sub(", "def add("], {}))
    assert [(text, finish) for text, finish, _ in got] == [("", "stop"), ("a + b", "stop")]


@pytest.mark.parametrize("kind", ["plain", "control"])
def test_thoughts_are_tokens_of_their_own(tmp_path: Path, kind: str) -> None:
    vocabulary = (
        Vocabulary(plain=THINK) if kind == "plain" else Vocabulary(control=(*CONTROL, *THINK))
    )
    parrot = Parrot(
        answers=(
            Answer(text="<think>plus?</think>a + b", when=("add",)),
            Answer(text="<think>minus?</think>a - b", when=("sub",)),
        ),
        vocabulary=vocabulary,
    )
    assert parrot.tokens(parrot.answers[0])[0] == "<think>"
    got = said(parrot.write(tmp_path / "p.gguf"), "please add", "please sub")
    marks = THINK if kind == "plain" else ("", "")  # Llama leaves control tokens out of a text
    assert got == [
        "{}plus?{}a + b".format(*marks),
        "{}minus?{}a - b".format(*marks),
    ]


def test_tokens_to_fill_in_the_middle_are_keys_too(tmp_path: Path) -> None:
    before, after, middle = FIM
    path = Parrot(
        answers=(Answer(text="from above"), Answer(text="in between", when=(middle,))),
        vocabulary=Vocabulary(control=(*CONTROL, *FIM)),
    ).write(tmp_path / "p.gguf")
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens[fields["tokenizer.ggml.fim_mid_token_id"].contents()] == middle
    assert said(path, f"{before}a{after}b{middle}", "a") == ["in between", "from above"]


def test_a_text_that_cannot_be_unique_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be cut into pieces that no other answer holds"):
        Parrot(answers=(Answer(text="ab"), Answer(text="ab"))).tokens(Answer(text="ab"))
