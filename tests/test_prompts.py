"""What does a model read, is it within its limit, and does a broken prompt file say where?"""

from __future__ import annotations

import ast
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_supercharger.bundled import prompts_dir
from pytest_supercharger.context import Context, LinkedTest, PartKind, gather_context
from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.endings import Ends, trim
from pytest_supercharger.prompts import (
    Failure,
    Feedback,
    Prompt,
    Prompts,
    RequestKind,
    Sampling,
    context_budget,
    describe,
    load_prompts,
    prompt_tokens,
    render,
)
from pytest_supercharger.stubs import Stub, find_stubs

KINDS = [kind for kind in RequestKind if kind is not RequestKind.PLAN]
CODE_KINDS = [RequestKind.CODE, RequestKind.IMPROVE_CODE, RequestKind.REPAIR_CODE]
FEEDBACK = Feedback(
    source="def total(self, n):\n    return n",
    failures=(
        Failure(
            test="test_m.py::test_total",
            detail="assert 3 == 4\n +  where",
            exception="AssertionError",
        ),
    ),
    notes="Mind the discount.",
    tests="assert Basket().total(1) == 2",
)
MODULE = '''import math
from pytest_supercharger import todo_llm

LIMIT = 10

class Basket:
    """What is bought."""

    def __init__(self):
        self.items = []

    def total(self, n):
        """Sum of n things."""
        # mind the limit
        raise NotImplementedError

def plain(x: int) -> int:
    """One more {{ x }} {% raise %} than `x`: ```no```."""
    raise NotImplementedError

async def fetch(url):
    raise NotImplementedError

class Views:
    class Inner:
        @property
        def size(self):
            """How many \\\\ there are."""
            raise NotImplementedError
        @classmethod
        def make(cls):
            yield raise_
'''
TESTS = """import pytest
from m import Basket, plain

@pytest.mark.parametrize("n, total", [
    (1111, 1), (2222, 2), (3333, 3),
])
def test_total(n, total):
    assert Basket().total(n) == total
"""


def count(text: str) -> int:
    return -(-len(text) // 4)


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return load_prompts(prompts_dir())


@pytest.fixture
def stubs(tmp_path: Path) -> dict[str, Stub]:
    (tmp_path / "m.py").write_text(MODULE)
    (tmp_path / "test_m.py").write_text(TESTS)
    found = find_stubs(tmp_path, norecurse=(), python_files=("test_*.py",)).stubs
    return {stub.qualname: stub for stub in found}


@pytest.fixture
def contexts(tmp_path: Path, stubs: dict[str, Stub]) -> dict[str, Context]:
    return {
        name: gather_context(
            stub,
            rootdir=tmp_path,
            tests=[LinkedTest(id="test_m.py::test_total", belongs=True)],
            all_stubs=tuple(stubs.values()),
            budget=4000,
            count=count,
        )
        for name, stub in stubs.items()
    }


def gather(root: Path, module: str, *tests: str) -> Context:
    """The context of a module's only stub."""
    (root / "m.py").write_text(module)
    (stub,) = find_stubs(root, norecurse=(), python_files=("test_*.py",)).stubs
    return gather_context(
        stub,
        rootdir=root,
        tests=[LinkedTest(id=test, belongs=True) for test in tests],
        all_stubs=(stub,),
        budget=4000,
        count=count,
    )


def ask(prompt: Prompt) -> str:
    """The last turn: what is asked about this stub."""
    return prompt.messages[-1].content


def fill(kind: RequestKind, context: Context, prompts: Prompts, **changes: object) -> Prompt:
    feedback = None if kind in (RequestKind.CODE, RequestKind.TESTS) else FEEDBACK
    return render(kind, context, prompts=prompts, feedback=feedback, **changes)  # type: ignore[arg-type]


# --- the wording ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_chat_that_ends_with_the_stub(kind, contexts, prompts):
    prompt = fill(kind, contexts["Basket.total"], prompts)
    roles = [message.role for message in prompt.messages]
    assert roles == ["system", *["user", "assistant"] * (len(roles) // 2 - 1), "user"]
    assert "the method `total` of the class `Basket`" in ask(prompt)
    assert '    """Sum of n things."""\n    # mind the limit\n    ...' in ask(prompt)
    assert "class Basket:" in ask(prompt)
    assert "LIMIT = 10" in ask(prompt)
    assert prompt.kind is kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_answers_of_the_form_that_is_asked_for(kind, prompts):
    answers = [m.content for m in prompts.files[kind].examples if m.role == "assistant"]
    assert answers
    for answer in answers:
        if kind is RequestKind.JUDGE:
            assert re.fullmatch(r"[^\n]+\nSCORE: [01]\.\d\d", answer)
            continue
        code = re.fullmatch(r"```python\n(.*)\n```", answer, re.DOTALL)
        assert code
        last = ast.parse(code.group(1)).body[-1]
        wanted = ast.Assert if "tests" in kind.value else ast.FunctionDef
        assert isinstance(last, wanted)


def test_the_examples_read_like_the_question(prompts, stubs, contexts):
    """A few-shot example in other words than the template's would teach nothing."""
    first = prompts.files[RequestKind.CODE].examples[0].content
    question = ask(fill(RequestKind.CODE, contexts["plain"], prompts))
    for shared in ("Write the function `", "Answer with the complete function in one Python"):
        assert shared in first
        assert shared in question


def test_code_examples_cover_a_function_a_method_and_an_import(prompts):
    answers = [m.content for m in prompts.files[RequestKind.CODE].examples if m.role == "assistant"]
    assert any(a.startswith("```python\ndef ") and "self" not in a for a in answers)
    assert any("(self" in a for a in answers)
    assert any(a.startswith(("```python\nfrom ", "```python\nimport ")) for a in answers)


@pytest.mark.parametrize("kind", KINDS)
def test_held_back_cases_are_in_no_prompt(kind, contexts, prompts):
    context = contexts["Basket.total"]
    prompt = fill(kind, context, prompts)
    for text in ("".join(m.content for m in prompt.messages), prompt.continuation):
        absent = [value for value in ("1111", "2222", "3333") if value not in text]
        if kind is RequestKind.JUDGE and text is prompt.continuation:
            assert len(absent) == 3
        else:
            assert len(absent) == context.held_back[0].held == 1


def test_what_the_user_wrote_is_no_template_and_closes_no_fence(contexts, prompts):
    prompt = fill(RequestKind.CODE, contexts["plain"], prompts)
    assert "One more {{ x }} {% raise %} than `x`: ```no```." in ask(prompt)
    assert "````python\ndef plain(x: int) -> int:" in ask(prompt)
    assert "{{ x }} {% raise %}" in prompt.continuation


def test_async_is_said(contexts, prompts):
    assert "the async function `fetch`" in ask(fill(RequestKind.CODE, contexts["fetch"], prompts))


def test_kinds_are_described_in_words(stubs):
    assert describe(stubs["Views.Inner.size"]) == "the property `size` of the class `Inner`"


# --- base models ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Basket.total", "plain", "fetch", "Views.Inner.size"])
def test_the_continuation_ends_where_the_body_begins(name, contexts, prompts):
    context = contexts[name]
    text = fill(RequestKind.CODE, context, prompts).continuation
    assert text.endswith("\n")
    assert text.startswith("import math\n")
    tree = ast.parse(text + "    " * (context.depth + 1) + "return 41\n")
    node = tree.body[-1]
    for _ in range(context.depth):
        node = node.body[-1]
    assert node.name == context.stub.name
    assert ast.unparse(node.body[-1]) == "return 41"


def test_a_method_also_stops_at_the_next_method(contexts, prompts):
    assert "\n    def " in fill(RequestKind.CODE, contexts["Basket.total"], prompts).stop
    assert "\n        def " in fill(RequestKind.CODE, contexts["Views.Inner.size"], prompts).stop
    stop = fill(RequestKind.CODE, contexts["plain"], prompts).stop
    assert {"\ndef ", "\nclass ", "\n@", "\nif __name__", "\n#", "\nprint"} <= set(stop)
    assert len(stop) == len(set(stop))
    assert not [s for s in stop if s.startswith("\n ")]


@pytest.mark.parametrize("name", ["Basket.total", "plain", "Views.Inner.size"])
def test_the_continuation_for_tests_ends_with_assert(name, contexts, prompts):
    text = fill(RequestKind.TESTS, contexts[name], prompts).continuation
    assert text.endswith(f"pass\n\n# check the correctness of {contexts[name].stub.name}\nassert")
    ast.parse(text + " True")


@pytest.mark.parametrize("kind", [RequestKind.REPAIR_CODE, RequestKind.IMPROVE_CODE])
def test_a_base_model_sees_the_earlier_version_as_a_comment(kind, contexts, prompts):
    text = fill(kind, contexts["Basket.total"], prompts).continuation
    assert "# def total(self, n):\n#     return n\n" in text
    ast.parse(text + "        return 1\n")


@pytest.mark.parametrize("kind", CODE_KINDS)
@pytest.mark.parametrize("name", ["Basket.total", "plain", "fetch", "Views.Inner.size"])
def test_the_level_is_the_column_of_the_def_line_in_the_continuation(kind, name, contexts, prompts):
    prompt = fill(kind, contexts[name], prompts)
    defined = rf"(?m)^( *)(?:async )?def {contexts[name].stub.name}\b"
    assert prompt.level == len(re.findall(defined, prompt.continuation)[-1])


@pytest.mark.parametrize("name", ["Basket.total", "plain", "Views.Inner.size"])
def test_of_a_base_models_answer_the_body_is_kept(name, contexts, prompts):
    prompt = fill(RequestKind.CODE, contexts[name], prompts)
    inner, outer = " " * (prompt.level + 4), " " * prompt.level
    body = f"{inner}if x:\n\n{inner}    return [\n1,\n]\n{inner}return 2\n\n"
    assert trim(f"{body}{outer}x = 1\n", Ends(level=prompt.level)) == body


@pytest.mark.parametrize("kind", CODE_KINDS)
def test_what_follows_the_stub_in_its_file_is_the_suffix(kind, contexts, prompts):
    prompt = fill(kind, contexts["Basket.total"], prompts)
    assert prompt.suffix.startswith("\ndef plain(x: int) -> int:\n")
    assert MODULE.endswith(prompt.suffix)
    nested = fill(kind, contexts["Views.Inner.size"], prompts)
    assert nested.suffix.startswith("        @classmethod\n        def make(cls):\n")


def test_the_suffix_is_cut_at_whole_lines(tmp_path, prompts):
    stub = "def f():\n    raise NotImplementedError\n"
    following = "".join(f"X{i} = {i}\n" for i in range(1000))
    suffix = fill(RequestKind.CODE, gather(tmp_path, stub + following), prompts).suffix
    assert following.startswith(suffix)
    assert suffix.endswith("\n")
    assert 1400 < len(suffix) <= 1500


@pytest.mark.parametrize("following", ["", "\n\n", "x" * 2000])
def test_without_a_line_that_fits_there_is_no_suffix(following, tmp_path, prompts):
    stub = "def f():\n    raise NotImplementedError\n"
    assert fill(RequestKind.CODE, gather(tmp_path, stub + following), prompts).suffix == ""


def test_a_file_that_changed_since_has_no_suffix(tmp_path, stubs, prompts):
    (tmp_path / "m.py").write_text("\n" + MODULE)
    context = gather_context(
        stubs["plain"], rootdir=tmp_path, tests=[], all_stubs=(), budget=4000, count=count
    )
    assert fill(RequestKind.CODE, context, prompts).suffix == ""


def test_held_back_cases_in_the_stubs_own_file_are_in_no_suffix(tmp_path, prompts):
    stub = "def total(n):\n    raise NotImplementedError\n"
    test = TESTS.replace("from m import Basket, plain\n", "").replace("Basket().total", "total")
    context = gather(tmp_path, f"import pytest\n{stub}{test}", "m.py::test_total")
    assert context.held_back
    assert fill(RequestKind.CODE, context, prompts).suffix == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in CODE_KINDS])
def test_only_code_has_a_level_and_a_suffix(kind, contexts, prompts):
    prompt = fill(kind, contexts["Basket.total"], prompts)
    assert (prompt.level, prompt.suffix) == (None, "")


# --- what is wanted ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not RequestKind.JUDGE])
def test_the_answers_of_the_examples_end_where_they_are_complete(kind, contexts, prompts):
    context = contexts["plain"]
    for message in prompts.files[kind].examples:
        if message.role == "assistant":
            name = (re.findall(r"def (\w+)", message.content) or ["plain"])[-1]
            asked = replace(context, stub=replace(context.stub, name=name))
            answer = f"```sh\npip install {name}\n```\n{message.content}"
            wanted = fill(kind, asked, prompts).wanted
            assert trim(f"{answer}\nThat is it.\n", Ends(wanted=wanted)) == answer


def test_no_block_ends_a_judgement(contexts, prompts):
    assert fill(RequestKind.JUDGE, contexts["plain"], prompts).wanted == ""


@pytest.mark.parametrize(
    ("name", "code", "is_answer"),
    [
        ("Basket.total", "class Basket:\n    def total(self, n):", True),
        ("Basket.total", "def totals(self, n):", False),
        ("Basket.total", "x = 1  # def total(self, n):", False),
        ("fetch", "async def fetch(url):", True),
        ("fetch", "async  def\tfetch (url):", True),
        ("fetch", "fetch = None", False),
    ],
)
def test_code_that_defines_the_stub_is_wanted(name, code, is_answer, contexts, prompts):
    wanted = fill(RequestKind.CODE, contexts[name], prompts).wanted
    assert bool(re.search(wanted, f"import re\n\n{code}\n    pass\n")) is is_answer


# --- feedback ---------------------------------------------------------------------------


def test_repair_tells_the_failing_test_with_its_values(contexts, prompts):
    text = ask(fill(RequestKind.REPAIR_CODE, contexts["Basket.total"], prompts))
    assert "test_m.py::test_total failed with AssertionError:\n```\nassert 3 == 4\n" in text
    assert "def total(self, n):\n    return n" in text
    assert "Mind the discount." in text


def test_failures_of_held_back_cases_are_told_without_values(contexts, prompts):
    context = contexts["Basket.total"]
    absent = context.held_back[0].ids[0]
    (shown,) = (
        {"1111-1", "2222-2", "3333-3"} - {absent} - {"3333-3" if absent != "3333-3" else "1111-1"}
    )
    failures = tuple(
        Failure(test=f"test_m.py::test_total[{i}]", detail=f"assert 0 == {i}", exception="KeyError")
        for i in (shown, absent)
    )
    feedback = Feedback(source="def total(self, n):\n    return 0", failures=failures)
    prompt = render(RequestKind.REPAIR_CODE, context, prompts=prompts, feedback=feedback)
    for text in (ask(prompt), prompt.continuation):
        assert f"assert 0 == {shown}" in text
        assert absent.split("-")[0] not in text
        assert "1 further case that you are not shown: KeyError" in text


def test_endless_messages_and_many_failures_are_cut(contexts, prompts):
    failures = tuple(Failure(test=f"t.py::test_{i}", detail="x" * 50_000) for i in range(50))
    feedback = Feedback(source="y = 1\n" * 20_000, failures=failures)
    prompt = render(RequestKind.REPAIR_CODE, contexts["plain"], prompts=prompts, feedback=feedback)
    assert len(ask(prompt)) < 15_000
    assert "characters left out" in ask(prompt)


def test_going_on_from_nothing_is_a_mistake_of_the_caller(contexts, prompts):
    with pytest.raises(ValueError, match="needs feedback"):
        render(RequestKind.JUDGE, contexts["plain"], prompts=prompts)


def test_a_kind_without_a_file_is_said(contexts, prompts):
    with pytest.raises(SetupError, match="no prompt file for the request 'plan'"):
        render(RequestKind.PLAN, contexts["plain"], prompts=prompts)


def test_the_temperature_of_the_caller_wins(contexts, prompts):
    file = prompts.files[RequestKind.CODE]
    assert fill(RequestKind.CODE, contexts["plain"], prompts).sampling == file.sampling
    hot = fill(RequestKind.CODE, contexts["plain"], prompts, temperature=1.3).sampling
    assert hot == replace(file.sampling, temperature=1.3)


# --- limits -----------------------------------------------------------------------------


def test_a_prompt_counts_its_longer_form(contexts, prompts):
    prompt = fill(RequestKind.CODE, contexts["plain"], prompts)
    longer = replace(prompt, continuation="x" * 100_000, suffix="y" * 1_000)
    assert prompt_tokens(longer, count) == 25_250
    assert prompt_tokens(prompt, count) > count(ask(prompt))


def test_at_a_limit_the_suffix_goes_first(contexts, prompts):
    context = contexts["Basket.total"]
    alone = replace(context, after="")
    room = prompt_tokens(fill(RequestKind.CODE, alone, prompts), count)
    longer = replace(context, after="y = 1\n" * room)
    whole = fill(RequestKind.CODE, longer, prompts, limit=10 * room, count=count)
    assert whole.suffix == longer.after
    smaller = fill(RequestKind.CODE, longer, prompts, limit=room, count=count)
    assert smaller == fill(RequestKind.CODE, alone, prompts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_is_kept_by_leaving_out_the_farthest_parts_first(kind, contexts, prompts):
    context = replace(contexts["Basket.total"], after="")
    whole = fill(kind, context, prompts)
    limit = prompt_tokens(whole, count) - 1
    smaller = fill(kind, context, prompts, limit=limit, count=count)
    assert prompt_tokens(smaller, count) <= limit
    assert smaller.dropped[0] == context.parts[-1].title
    assert whole.dropped == ()


def test_the_examples_go_last(contexts, prompts):
    context = contexts["Basket.total"]
    alone = replace(context, parts=context.parts[:1])
    limit = prompt_tokens(fill(RequestKind.CODE, alone, prompts), count)
    kept = fill(RequestKind.CODE, context, prompts, limit=limit, count=count)
    assert len(kept.messages) > 2
    bare = fill(RequestKind.CODE, context, prompts, limit=limit - 1, count=count)
    assert len(bare.messages) == 2
    assert "def total(self, n):" in ask(bare)


def test_a_limit_that_cannot_be_kept_says_both_numbers_and_both_ways_out(contexts, prompts):
    with pytest.raises(SetupError) as caught:
        fill(RequestKind.CODE, contexts["plain"], prompts, limit=50, count=count)
    message = str(caught.value)
    assert re.search(r"m\.py::plain: .*needs \d{3} tokens.*room for 50", message)
    assert "supercharge_context" in message
    assert "shorten" in message


def test_a_context_within_the_budget_fits_prompt_and_answer(tmp_path, stubs, prompts):
    window = 2200
    context = gather_context(
        stubs["Basket.total"],
        rootdir=tmp_path,
        tests=[LinkedTest(id="test_m.py::test_total", belongs=True)],
        all_stubs=(),
        budget=context_budget(prompts, window, count),
        count=count,
    )
    for kind in (RequestKind.CODE, RequestKind.TESTS):
        prompt = fill(kind, context, prompts)
        assert prompt_tokens(prompt, count) + prompt.sampling.max_tokens <= window


# --- the files --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(prompts_dir(), tmp_path / "prompts"))


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "implement.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('system = """', 'system = """"""" ', r"implement\.toml: not valid TOML: .*line 4"),
        ("continuation = '''", "continuum = '''", r"implement\.toml: continuum: unknown key"),
        ("{{ part.title }}", "{{ part.title }", r"implement\.toml: user: "),
        ("{{ part.title }}", "{{ parts.titles }}x{{ tilte }}", r"user: unknown name 'tilte'"),
        ("| fence", "| fancy", r"implement\.toml: user: .*fancy"),
        ("top_k = 40", "top_k = 0.5", r"implement\.toml: sampling\.top_k: 0\.5"),
        ("top_k = 40", "top = 40", r"implement\.toml: sampling\.top: unknown \(known: temperature"),
        ("temperature = 0.8", "temperature = true", r"sampling\.temperature: True"),
        ('"\\ndef "', "3", r"implement\.toml: stop: a list of strings"),
        ('"\\n@"', '"{% if %}"', r"implement\.toml: stop\[3\]: "),
        ("assistant = '''", "model = '''", r"implement\.toml: examples: number 1 wants"),
    ],
)
def test_a_broken_file_is_named_with_its_key(folder, old, new, said):
    change(folder, old, new)
    with pytest.raises(SetupError, match=said):
        load_prompts(folder)


def test_a_missing_key_is_named(folder):
    (folder / "implement.toml").write_text("system = 'x'\nuser = 'y'\n")
    with pytest.raises(SetupError, match=r"implement\.toml: continuation: missing"):
        load_prompts(folder)


def test_a_wrong_type_is_named(folder):
    (folder / "implement.toml").write_text("system = 5\n")
    with pytest.raises(SetupError, match=r"implement\.toml: system: int where str is wanted"):
        load_prompts(folder)


def test_a_missing_file_is_named(folder):
    (folder / "judge_pair.toml").unlink()
    with pytest.raises(SetupError, match=r"judge_pair\.toml: cannot be read: No such file"):
        load_prompts(folder)


def test_a_template_that_fails_when_filled_is_named_with_its_key(folder, contexts):
    change(folder, "{{ part.title }}", "{{ part.tilte }}")
    with pytest.raises(SetupError, match=r"implement\.toml: user: .*tilte"):
        render(RequestKind.CODE, contexts["plain"], prompts=load_prompts(folder))


def test_a_template_cannot_reach_into_python(folder, contexts):
    change(folder, "{{ part.title }}", "{{ part.__class__.__mro__ }}")
    with pytest.raises(SetupError, match=r"implement\.toml: user: "):
        render(RequestKind.CODE, contexts["plain"], prompts=load_prompts(folder))


def test_settings_left_out_are_the_defaults(folder):
    change(folder, "top_p = 0.95\n", "")
    assert load_prompts(folder).files[RequestKind.CODE].sampling.top_p == Sampling().top_p


def test_a_change_of_wording_changes_the_digest(folder, prompts):
    assert load_prompts(folder).digest == prompts.digest
    change(folder, "Rules:", "Some rules:")
    assert load_prompts(folder).digest != prompts.digest


def test_parts_are_shown_with_the_nearest_last(contexts, prompts):
    context = contexts["Basket.total"]
    text = ask(fill(RequestKind.CODE, context, prompts))
    places = [text.index(f"{part.title}:\n") for part in context.parts[1:]]
    assert places == sorted(places, reverse=True)
    assert context.parts[1].kind is PartKind.AROUND


# --- families of models

TINY = "supercharger-tiny"
BASKET = '''import math

class Basket:
    """What is bought."""

    def __init__(self, items):
        self.items = items

    def total(self, n):
        """Sum of n things."""
        # mind the limit
        raise NotImplementedError
'''


def test_a_family_without_a_folder_has_the_general_wording(prompts):
    assert prompts.of("") is prompts
    assert prompts.of("qwen2.5-coder") is prompts
    assert prompts.trusts_tests
    assert set(prompts.files) == set(KINDS)


def test_the_bundled_model_is_asked_for_what_it_can_do(prompts):
    tiny = prompts.of(TINY)
    assert set(tiny.files) == {RequestKind.CODE, RequestKind.TESTS}
    assert not tiny.trusts_tests


def test_the_bundled_model_reads_imports_asserts_and_what_is_around(tmp_path, prompts):
    (tmp_path / "test_m.py").write_text(
        "from m import Basket\n\n\n"
        "def test_total():\n"
        "    assert Basket([1, 2]).total(1) == 1, 'why'\n"
        "    assert Basket([1]).total(count) == 0\n"
    )
    context = gather(tmp_path, BASKET, "test_m.py::test_total")
    head, _, stub = BASKET.partition("class Basket")
    stub = f"class Basket{stub}".replace("        raise NotImplementedError\n", "")
    asked = fill(RequestKind.CODE, context, prompts.of(TINY))
    assert asked.continuation == f"{head}assert Basket([1, 2]).total(1) == 1\n\n{stub}"
    asked = fill(RequestKind.TESTS, context, prompts.of(TINY))
    assert asked.continuation == f"{head}{stub}        ...\n\nassert"


@pytest.mark.parametrize("name", ["plain", "fetch", "Basket.total"])
def test_the_bundled_model_goes_on_where_the_body_begins(name, contexts, prompts):
    context = contexts[name]
    prompt = fill(RequestKind.CODE, context, prompts.of(TINY))
    assert prompt.continuation.endswith("\n")
    body = "    " * (context.depth + 1) + "pass\n"
    ast.parse(prompt.continuation + body)


def test_there_is_room_for_a_prompt_in_the_bundled_models_context(prompts):
    assert context_budget(prompts.of(TINY), 1024, count) > 600


def family(folder: Path, about: str, **files: str) -> Path:
    place = folder / "some-coder"
    place.mkdir()
    (place / "family.toml").write_text(about)
    for name, text in files.items():
        (place / f"{name}.toml").write_text(text)
    return place


def test_a_file_of_a_family_stands_for_the_one_above(folder, contexts):
    family(folder, "", implement="system = 'Be short.'\nuser = '{{ source }}'\ncontinuation = ''")
    prompts = load_prompts(folder)
    own = fill(RequestKind.CODE, contexts["plain"], prompts.of("some-coder"))
    assert own.messages[0].content == "Be short."
    assert fill(RequestKind.CODE, contexts["plain"], prompts).messages[0].content != "Be short."
    assert prompts.of("some-coder").files[RequestKind.TESTS] == prompts.files[RequestKind.TESTS]
    assert prompts.of("some-coder").trusts_tests


def test_a_change_in_a_family_changes_the_digest(folder, prompts):
    place = family(folder, "")
    before = load_prompts(folder).digest
    assert before == prompts.digest  # an empty file says nothing
    (place / "family.toml").write_text("trusts_tests = false\n")
    assert load_prompts(folder).digest != before


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("trust = true", r"family\.toml: trust: unknown key \(known: requests, trusts_tests\)"),
        ("trusts_tests = 1", r"family\.toml: trusts_tests: int where bool is wanted"),
        ("requests = 'code'", r"family\.toml: requests: a list of strings"),
        ("requests = ['code', 'poem']", r"family\.toml: requests: 'poem' is none of code, "),
        ("requests = ['tests']", r"family\.toml: requests: without 'code' nothing is filled"),
        ("requests = [", r"family\.toml: not valid TOML"),
    ],
)
def test_a_broken_family_is_named_with_its_key(folder, about, said):
    family(folder, about)
    with pytest.raises(SetupError, match=said):
        load_prompts(folder)


def test_a_broken_file_of_a_family_is_named(folder):
    family(folder, "", implement="system = 5")
    with pytest.raises(SetupError, match=r"some-coder.implement\.toml: system: int"):
        load_prompts(folder)
