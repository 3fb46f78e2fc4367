"""Servers: one of ours that misbehaves, and llama-cpp-python's own with a small GGUF."""

from __future__ import annotations

import base64
import gc
import importlib.util
import itertools
import json
import logging
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from email.utils import formatdate

import llama_server as llama_servers
import misbehaving_server as server
import pytest
from llama_server import free_port
from misbehaving_server import CODE, Behaviour, MisbehavingServer, refuses, speaks

from pytest_supercharger.exceptions import ModelUnavailable, SetupError
from pytest_supercharger.models.base import Completion, Request, derive_seed
from pytest_supercharger.prompts import Message, Prompt, RequestKind, Sampling

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="needs the openai package"
)
if importlib.util.find_spec("openai") is not None:
    from pytest_supercharger.models.server.model import Endpoint, ServerModel, parse_endpoints

KEY = "sk-not-to-be-shown"
FENCED = CODE.removesuffix("\n")
SHORT = "x = 1\n"  # ends by itself, not by a fence


def prompt(
    *, wanted: str = r"def f", continuation: str = "def f():\n", max_tokens: int = 64
) -> Prompt:
    return Prompt(
        kind=RequestKind.CODE,
        messages=(Message(role="user", content="Write f."),),
        continuation=continuation,
        stop=("\nclass ",),
        sampling=Sampling(max_tokens=max_tokens, temperature=0.7, top_p=0.9, top_k=30, min_p=0.1),
        wanted=wanted,
        level=0,
    )


def request(n: int = 1, *, stub: str = "a.py::f", start: int = 0, **kwargs: object) -> Request:
    return Request(
        stub=stub,
        kind=RequestKind.CODE,
        prompt=prompt(**kwargs),  # type: ignore[arg-type]
        n=n,
        seed=1,
        start=start,
    )


def seed_of(index: int, stub: str = "a.py::f") -> int:
    return derive_seed(1, stub, "code", index)


@pytest.fixture
def model_of() -> Iterator[Callable[..., ServerModel]]:
    """Opens a model on servers, and closes it."""
    opened: list[ServerModel] = []

    def open_it(*servers: MisbehavingServer | str, **kwargs: object) -> ServerModel:
        urls = [one if isinstance(one, str) else f"{one.url}#tiny" for one in servers]
        patience = {"pause": 0.01, "out": 0.05, "timeout": 5.0, "busy": 0.05, "gone": 0.05}
        options = {**patience, **kwargs}
        opened.append(ServerModel(parse_endpoints(",".join(urls)), **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_it
    for model in opened:
        model.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., MisbehavingServer]]:
    """Starts servers, and stops them."""
    started: list[MisbehavingServer] = []

    def start(*behaviours: Behaviour, **kwargs: object) -> MisbehavingServer:
        one = MisbehavingServer(behaviours=behaviours, **kwargs)  # type: ignore[arg-type]
        started.append(one.__enter__())
        return one

    yield start
    for one in started:
        one.__exit__()


Serve = Callable[..., MisbehavingServer]
ModelOf = Callable[..., "ServerModel"]


def by_index(completions: Sequence[Completion]) -> list[Completion]:
    return sorted(completions, key=lambda completion: completion.index)


# --- addresses


def test_an_address_names_a_server_and_its_model() -> None:
    assert parse_endpoints("http://127.0.0.1:8080/v1#org/Name:Q4") == (
        Endpoint(url="http://127.0.0.1:8080/v1", model="org/Name:Q4"),
    )


def test_several_addresses_are_separated_by_commas() -> None:
    first, second = parse_endpoints("http://a:1/v1#x, HTTPS://B/v1/#y")
    assert (str(first), str(second)) == ("http://a:1/v1#x", "https://b/v1#y")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("http://a/v1#x,", "empty address"),
        ("ftp://a/v1", "'ftp://a/v1' is no address"),
        ("http://", "is no address"),
        ("http://a:x/v1", "Port"),
        ("http://a/v1#", "names no model"),
        ("http://a/v1?k=v#x", "?query"),
        ("http://a/v1#x,http://a/v1#x", "named twice"),
    ],
)
def test_what_is_no_address_is_named(spec: str, words: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        parse_endpoints(spec)
    assert words in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ModelUnavailable, match="SUPERCHARGE_API_KEY") as caught:
        parse_endpoints("http://me:hunter2@example.org/v1#x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.8.0.1/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://localhost/v1", True),
        ("http://localhost.example.org/v1", False),
        ("http://192.168.0.2/v1", False),
        ("http://127.0.0.1.example.org/v1", False),
    ],
)
def test_loopback_is_told_by_the_host(url: str, is_loopback: bool) -> None:
    assert parse_endpoints(f"{url}#x")[0].is_loopback is is_loopback


# --- what is asked, and what comes


def test_a_prompt_goes_to_the_chat_with_its_sampling(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks())
    (completion,) = model_of(one).generate([request()])
    assert (completion.text, completion.finish) == (FENCED, "stop")
    assert completion.seed == seed_of(0)
    (seen,) = one.completions
    assert seen.path == "/v1/chat/completions"
    assert seen.body["messages"] == [{"role": "user", "content": "Write f."}]
    wanted = {"model": "tiny", "temperature": 0.7, "top_p": 0.9, "max_tokens": 64}
    assert seen.body.items() >= {**wanted, "seed": seed_of(0), "stream": True}.items()
    assert "top_k" not in seen.body
    assert "n" not in seen.body


def test_usage_tells_the_tokens(serve: Serve, model_of: ModelOf) -> None:
    (completion,) = model_of(serve(speaks(SHORT))).generate([request()])
    assert (completion.prompt_tokens, completion.tokens, completion.spent) == (11, 2, 2)


def test_a_server_that_gives_n_is_asked_once(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(SHORT))
    completions = by_index(list(model_of(one).generate([request(4, start=8)])))
    assert [c.index for c in completions] == [8, 9, 10, 11]
    assert {c.text for c in completions} == {SHORT}
    assert {c.seed for c in completions} == {None}
    assert sum(c.spent for c in completions) == 8
    (seen,) = one.completions
    assert (seen.body["n"], seen.body["seed"]) == (4, seed_of(8))


def test_a_server_that_gives_fewer_is_asked_for_as_many_from_then_on(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(speaks(SHORT, most=2))
    model = model_of(one)
    completions = by_index(list(model.generate([request(6)])))
    assert [c.index for c in completions] == [0, 1, 2, 3, 4, 5]
    assert [seen.body["n"] for seen in one.completions] == [4, 2, 2]


@pytest.mark.parametrize("text", [SHORT, CODE])
def test_a_server_without_n_is_asked_one_by_one_each_with_its_seed(
    serve: Serve, model_of: ModelOf, text: str
) -> None:
    one = serve(speaks(text, most=1))
    model = model_of(one)
    completions = by_index(list(model.generate([request(6)])))
    assert [c.index for c in completions] == [0, 1, 2, 3, 4, 5]
    assert [c.seed for c in completions[1:]] == [seed_of(i) for i in range(1, 6)]
    assert [seen.body.get("n", 1) for seen in one.completions] == [4, 1, 1, 1, 1, 1]
    list(model.generate([request(2)]))
    assert ["n" in seen.body for seen in one.completions[-2:]] == [False, False]


def test_a_server_that_refuses_n_is_asked_one_by_one(serve: Serve, model_of: ModelOf) -> None:
    only_one = refuses(400, "Only one completion choice is allowed", when=lambda b: b.get("n"))
    one = serve(only_one)
    assert len(list(model_of(one).generate([request(3)]))) == 3
    assert [seen.body.get("n", 1) for seen in one.completions] == [3, 1, 1, 1]


def test_single_requests_run_beside_each_other(serve: Serve, model_of: ModelOf) -> None:
    meeting = threading.Barrier(4)  # breaks, and so fails, unless four are there at once

    def meets(exchange: server.Exchange) -> None:
        meeting.wait(10)
        speaks(SHORT, most=1)(exchange)

    one = serve(meets, owned_by="library")
    assert len(list(model_of(one).generate([request(4)]))) == 4
    assert not any("n" in seen.body for seen in one.completions)


def test_a_closed_fence_ends_the_request(serve: Serve, model_of: ModelOf) -> None:
    def goes_on_after_it(exchange: server.Exchange) -> None:
        exchange.stream()
        exchange.event({"choices": [server.choice(exchange, 0, f"{CODE}Now I explain ")]})
        exchange.wait_for_client_to_leave()

    one = serve(goes_on_after_it)
    (completion,) = model_of(one).generate([request()])
    assert (completion.text, completion.finish) == (FENCED, "stop")
    assert one.wait_for(lambda: one.leavers == 1)


def test_a_loop_is_broken_off(serve: Serve, model_of: ModelOf) -> None:
    (completion,) = model_of(serve(server.goes_on("x = 0\n"))).generate([request(max_tokens=4096)])
    assert completion.finish == "loop"
    assert completion.text == "x = 0\n"
    assert completion.spent > completion.text.count("\n")


def test_a_loop_is_broken_off_where_n_is_ignored(serve: Serve, model_of: ModelOf) -> None:
    one = serve(server.goes_on("x = 0\n"))
    completions = list(model_of(one).generate([request(3, max_tokens=4096)]))
    assert [c.finish for c in completions] == ["loop"] * 3


def test_an_answer_at_its_cap_is_marked(serve: Serve, model_of: ModelOf) -> None:
    (completion,) = model_of(serve(speaks(SHORT, finish="length"))).generate([request()])
    assert (completion.text, completion.finish) == (SHORT, "length")


def test_a_server_that_knows_no_cap_is_stopped(serve: Serve, model_of: ModelOf) -> None:
    counter = iter(range(10**9))

    def counts(exchange: server.Exchange) -> None:
        exchange.stream()
        while True:
            exchange.event({"choices": [server.choice(exchange, 0, f"a{next(counter)} = 7\n")]})

    one = serve(counts)
    (completion,) = model_of(one).generate([request()])
    assert completion.finish == "length"
    assert completion.spent == 128
    assert one.wait_for(lambda: one.leavers == 1)


def test_logprobs_give_the_mean(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(SHORT, logprob=-0.5))
    (completion,) = model_of(one).generate([request()])
    assert completion.logprob == -0.5
    assert one.completions[0].body["logprobs"] is True


def test_without_logprobs_there_is_none(serve: Serve, model_of: ModelOf) -> None:
    (completion,) = model_of(serve(speaks())).generate([request()])
    assert completion.logprob is None


def test_a_server_that_does_not_stream_is_understood(serve: Serve, model_of: ModelOf) -> None:
    completions = list(model_of(serve(server.does_not_stream)).generate([request(3)]))
    assert [(c.text, c.finish, c.spent) for c in completions] == [(FENCED, "stop", 8)] * 3


def test_a_stream_under_another_type_is_understood(serve: Serve, model_of: ModelOf) -> None:
    def speaks_plainly(exchange: server.Exchange) -> None:
        exchange.stream("text/plain")
        exchange.event({"choices": [server.choice(exchange, 0, SHORT, finish="stop")]})
        exchange.done()

    (completion,) = model_of(serve(speaks_plainly)).generate([request()])
    assert completion.text == SHORT


def test_thoughts_are_left_out(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(f"<think>```def f```\nso</think>\n\n{SHORT}", usage=False))
    (completion,) = model_of(one).generate([request()])
    assert completion.text == SHORT
    assert 0 < completion.tokens < completion.spent


def test_thoughts_that_the_server_tells_apart_are_spent_and_not_used(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(speaks(SHORT, thought="hm", usage=False))
    (completion,) = model_of(one).generate([request()])
    assert (completion.text, completion.tokens, completion.spent) == (SHORT, 2, 3)


def test_thoughts_at_the_cap_leave_nothing(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks("<think>for ever", finish="length"))
    (completion,) = model_of(one).generate([request()])
    assert (completion.text, completion.finish) == ("", "length")


# --- what a server refuses


def test_a_parameter_that_is_refused_by_name_is_left_out_for_good(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(refuses(422, "seed: extra inputs are not permitted", when=lambda b: "seed" in b))
    model = model_of(one)
    for _ in range(2):
        (completion,) = model.generate([request()])
        assert completion.seed is None
    assert ["seed" in seen.body for seen in one.completions] == [True, False, False]
    assert all("logprobs" in seen.body for seen in one.completions)


def test_logprobs_that_break_a_server_are_left_out(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(500, "logprobs need logits_all", when=lambda b: "logprobs" in b))
    assert len(list(model_of(one).generate([request()]))) == 1
    assert len(one.completions) == 2


def test_after_a_refusal_without_a_name_all_that_can_be_is_left_out(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(refuses(400, "bad request", when=lambda b: "stream_options" in b))
    assert len(list(model_of(one).generate([request()]))) == 1
    assert one.completions[-1].path == "/v1/chat/completions"
    assert one.completions[-1].body["temperature"] == 0.7


def test_another_name_for_the_cap_is_taken_over(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(400, "use max_completion_tokens", when=lambda b: "max_tokens" in b))
    assert len(list(model_of(one).generate([request()]))) == 1
    assert one.completions[-1].body["max_completion_tokens"] == 64


@pytest.mark.parametrize("status", [400, 404])
def test_a_server_without_chats_is_given_the_continuation(
    serve: Serve, model_of: ModelOf, status: int
) -> None:
    body = "    return 1\n\nclass A:\n    pass\n"
    no_chats = refuses(status, "no chat template", when=lambda b: "messages" in b)

    def behaviour(exchange: server.Exchange) -> None:
        (no_chats if exchange.is_chat else speaks(body))(exchange)

    one = serve(behaviour)
    model = model_of(one)
    (completion,) = model.generate([request()])
    assert (completion.text, completion.finish) == ("    return 1\n\n", "stop")
    assert one.completions[-1].body["prompt"] == "def f():\n"
    assert one.completions[-1].body["stop"] == ["\nclass "]
    before = len(one.completions)
    assert len(list(model.generate([request()]))) == 1
    assert len(one.completions) == before + 1  # the chat is not tried again
    assert list(model.generate([request(continuation="")])) == []


def test_a_prompt_that_does_not_fit_is_an_error_in_the_servers_words(
    serve: Serve, model_of: ModelOf
) -> None:
    words = "This model's maximum context length is 512 tokens"
    model = model_of(serve(refuses(400, words)))
    with pytest.raises(SetupError, match=words) as caught:
        list(model.generate([request()]))
    assert "supercharge_context" in str(caught.value)
    assert not isinstance(caught.value, ModelUnavailable)


def test_a_server_that_refuses_by_an_empty_stream_is_asked_why(
    serve: Serve, model_of: ModelOf
) -> None:
    def says_nothing_in_streams(exchange: server.Exchange) -> None:
        if not exchange.body.get("stream"):
            exchange.say_no(400, "longer than 512 tokens")
            return
        exchange.stream()
        exchange.done()

    one = serve(says_nothing_in_streams)
    with pytest.raises(SetupError, match="longer than 512 tokens"):
        list(model_of(one).generate([request()]))
    assert one.completions[-1].body["max_tokens"] == 1


def test_a_refusal_of_one_prompt_leaves_nothing_switched_off(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(refuses(400, "too long", when=lambda b: b["model"]))
    model = model_of(one)
    with pytest.raises(SetupError):
        list(model.generate([request(2)]))
    before = len(one.completions)
    one.behaviours = (speaks(),)
    assert len(list(model.generate([request(2)]))) == 2
    assert one.completions[before].body["n"] == 2
    assert one.completions[before].body["logprobs"] is True


# --- kinds of servers


def test_llama_server_tells_slots_and_context(serve: Serve, model_of: ModelOf) -> None:
    props = {"total_slots": 3, "default_generation_settings": {"n_ctx": 4096}}
    one = serve(speaks(SHORT), owned_by="llamacpp", props=props)
    model = model_of(one)
    info = model.info
    assert (info.backend, info.slots, info.context) == ("server (llama-server)", 3, 4096)
    assert (info.name, info.source) == ("tiny", f"{one.url}#tiny")
    assert len(list(model.generate([request(7)]))) == 7
    assert sorted(seen.body.get("n", 1) for seen in one.completions) == [1, 3, 3]
    body = one.completions[0].body
    assert body.items() >= {"top_k": 30, "min_p": 0.1, "repeat_penalty": 1.0}.items()
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


def test_vllm_tells_its_context(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(SHORT), owned_by="vllm", details={"max_model_len": 8192})
    model = model_of(one)
    assert (model.info.backend, model.info.context) == ("server (vLLM)", 8192)
    assert len(list(model.generate([request(16)]))) == 16
    (seen,) = one.completions
    assert (seen.body["n"], seen.body["repetition_penalty"]) == (16, 1.0)


def test_a_smaller_context_is_kept_to(serve: Serve, model_of: ModelOf) -> None:
    one = serve(owned_by="vllm", details={"max_model_len": 8192})
    assert model_of(one, context=2048).info.context == 2048
    assert model_of(one, context=10_000).info.context == 8192


def test_a_context_that_no_server_tells_is_the_given_one(serve: Serve, model_of: ModelOf) -> None:
    assert model_of(serve(), context=2048).info.context == 2048
    assert model_of(serve()).info.context == 0


def test_tokens_are_counted_by_the_server_each_text_once(serve: Serve, model_of: ModelOf) -> None:
    one = serve(
        owned_by="llamacpp",
        props={},
        tokenizer=lambda body: {"tokens": list(range(len(body["content"].split())))},
    )
    model = model_of(one)
    assert [model.count_tokens("a b c") for _ in range(3)] == [3, 3, 3]
    assert sum(seen.path == "/tokenize" for seen in one.seen) == 1


def test_vllms_tokenizer_is_asked_in_its_words(serve: Serve, model_of: ModelOf) -> None:
    one = serve(owned_by="vllm", tokenizer=lambda body: {"count": len(body["prompt"])})
    assert model_of(one).count_tokens("abcde") == 5
    assert one.seen[-1].body["model"] == "tiny"


@pytest.mark.parametrize("owned_by", ["somebody", "vllm"])
def test_without_a_tokenizer_four_bytes_are_a_token(
    serve: Serve, model_of: ModelOf, owned_by: str
) -> None:
    model = model_of(serve(owned_by=owned_by))
    assert model.count_tokens("12345") == 2
    assert model.count_tokens("ääää") == 2
    assert model.count_tokens("") == 0


def test_the_only_model_needs_no_name(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(), models=("the-one",))
    model = model_of(one.url)
    assert model.info.name == "the-one"
    list(model.generate([request()]))
    assert one.completions[0].body["model"] == "the-one"


def test_of_several_models_the_names_are_listed(serve: Serve, model_of: ModelOf) -> None:
    with pytest.raises(ModelUnavailable, match="one behind a # \\(small, large\\)"):
        model_of(serve(models=("small", "large")).url)


def test_a_model_that_the_server_does_not_list_is_named(serve: Serve, model_of: ModelOf) -> None:
    with pytest.raises(ModelUnavailable, match="has no model tiny, but other"):
        model_of(serve(models=("other",), owned_by="vllm"))


def test_ollamas_latest_is_the_model_without_a_tag(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(), models=("tiny:latest",), owned_by="library")
    assert model_of(one).info.backend == "server (Ollama)"


# --- trouble


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (server.breaks_off, "without sending complete"),
        (server.ends_without_a_finish, "the answer broke off"),
        (server.sends_broken_json, "sent what is no JSON"),
        (server.sends_other_json, "sent what is no completion"),
        (server.sends_a_page, "sent text/html"),
        (server.shows_an_error_page, "502 Bad Gateway nginx"),
        (server.floods, "sent more than"),
        (server.floods_with_an_error, "500 yyy"),
        (refuses(500, "out of memory"), "500 out of memory"),
        (refuses(429, "slow down", Retry_After="0"), "429 slow down"),
        (refuses(404, "model not found"), "has it the model tiny"),
        (refuses(307, "", Location="http://elsewhere.invalid/v1"), "elsewhere.invalid"),
    ],
)
def test_a_server_that_keeps_failing_ends_with_the_cause(
    serve: Serve, model_of: ModelOf, behaviour: Behaviour, words: str
) -> None:
    one = serve(behaviour)
    model = model_of(one)
    with pytest.raises(ModelUnavailable) as caught:
        list(model.generate([request(continuation="")]))
    message = str(caught.value)
    assert words in message
    assert one.url in message
    assert len(message) < 700
    assert len(one.completions) <= 3 * 3  # each retry may leave out what is refused


@pytest.mark.parametrize(
    "behaviour",
    [
        server.breaks_off,
        server.ends_without_a_finish,
        server.sends_broken_json,
        server.shows_an_error_page,
        refuses(500, "out of memory"),
        refuses(503, "loading", Retry_After="0"),
    ],
)
def test_what_goes_wrong_once_is_asked_again(
    serve: Serve, model_of: ModelOf, behaviour: Behaviour
) -> None:
    one = serve(behaviour, speaks())
    (completion,) = model_of(one).generate([request()])
    assert completion.text == FENCED
    assert len(one.completions) == 2


def test_choices_that_had_ended_before_the_break_are_not_asked_again(
    serve: Serve, model_of: ModelOf
) -> None:
    def gives_two_of_three(exchange: server.Exchange) -> None:
        exchange.stream()
        for i in (2, 0):
            exchange.event({"choices": [server.choice(exchange, i, f"x = {i}\n", finish="stop")]})
        exchange.event({"choices": [server.choice(exchange, 1, "x =")]})
        exchange.hang_up()

    one = serve(gives_two_of_three, speaks("x = 1\n"))
    completions = by_index(list(model_of(one).generate([request(3)])))
    assert [c.text for c in completions] == ["x = 0\n", "x = 1\n", "x = 2\n"]
    assert "n" not in one.completions[1].body


def test_a_server_says_how_long_to_wait(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(429, "slow down", Retry_After="0.3"), speaks())
    begin = time.monotonic()
    assert len(list(model_of(one).generate([request()]))) == 1
    assert time.monotonic() - begin >= 0.3


def test_a_server_says_in_words_how_long_to_wait(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(429, "Limit reached. Please try again in 0.3s."), speaks())
    begin = time.monotonic()
    assert len(list(model_of(one).generate([request()]))) == 1
    assert time.monotonic() - begin >= 0.3


def test_a_date_to_wait_for_is_understood(serve: Serve, model_of: ModelOf) -> None:
    date = formatdate(time.time() - 60, usegmt=True)
    one = serve(refuses(503, "loading", Retry_After=date), speaks())
    begin = time.monotonic()
    assert len(list(model_of(one, pause=30.0).generate([request()]))) == 1
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(("status", "words"), [(429, "slow down"), (503, "Loading model")])
def test_a_busy_server_is_waited_for_however_often_it_says_so(
    serve: Serve, model_of: ModelOf, status: int, words: str
) -> None:
    one = serve(*[refuses(status, words)] * 6, speaks())
    (completion,) = model_of(one, retries=0, busy=5.0).generate([request()])
    assert completion.text == FENCED
    assert len(one.completions) == 7


def test_a_busy_server_is_asked_ever_more_rarely(serve: Serve, model_of: ModelOf) -> None:
    times: list[float] = []

    def notes(exchange: server.Exchange) -> None:
        times.append(time.monotonic())
        (speaks() if len(times) == 6 else refuses(503, "busy"))(exchange)

    list(model_of(serve(notes), pause=0.02, busy=5.0).generate([request()]))
    pauses = [later - before for before, later in itertools.pairwise(times)]
    assert all(pause >= 0.02 * 2**i for i, pause in enumerate(pauses))


def test_a_server_that_stays_busy_is_given_up_with_the_time_it_was_waited_for(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(refuses(429, "slow down"))
    begin = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"429 slow down, after 0\.3 s of waiting"):
        list(model_of(one, pause=0.1, busy=0.2).generate([request()]))
    assert 0.3 <= time.monotonic() - begin < 5
    assert len(one.completions) == 3


def test_one_that_says_to_come_back_at_once_is_not_asked_without_a_pause(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(refuses(429, "slow down", Retry_After="0"))
    with pytest.raises(ModelUnavailable, match="429 slow down"):
        list(model_of(one, pause=0.05, busy=0.2).generate([request()]))
    assert len(one.completions) == 4


def test_patience_is_new_for_who_asks_next(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(503, "busy"))
    model = model_of(one, pause=0.05, out=0.0, busy=0.1)
    asked = []
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            list(model.generate([request()]))
        asked.append(len(one.completions))
    assert asked[1] >= asked[0] + 2


def test_what_is_waited_for_can_be_cancelled(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(503, "busy"))
    model = model_of(one, pause=60.0, busy=600.0)
    stream = model.generate([request()], cancelled=lambda _: bool(model.info.remarks))
    begin = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - begin < 5


def test_a_server_that_is_loading_at_the_start_is_waited_for(
    serve: Serve, model_of: ModelOf
) -> None:
    one = serve(speaks(), look=refuses(503, "Loading model"))

    def load() -> None:
        assert one.wait_for(lambda: len(one.seen) >= 3)
        one.look = None

    loading = threading.Thread(target=load)
    loading.start()
    model = model_of(one, busy=5.0)
    loading.join()
    assert model.info.remarks == ()
    assert len(list(model.generate([request()]))) == 1


def test_a_server_that_goes_on_loading_ends_the_start(serve: Serve, model_of: ModelOf) -> None:
    with pytest.raises(ModelUnavailable, match=r"503 Loading model, after .* s of waiting"):
        model_of(serve(look=refuses(503, "Loading model")))


def test_the_only_server_may_be_started_again_meanwhile(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(SHORT, most=1), server.dies)
    model = model_of(one, pause=0.1, gone=10.0)
    stream = model.generate([request(), request(stub="a.py::g")])
    assert next(stream).stub == "a.py::f"

    def start_again() -> None:
        assert one.wait_for(lambda: len(one.completions) == 2)
        time.sleep(0.5)
        serve(speaks(SHORT), port=one.port)

    starting = threading.Thread(target=start_again)
    starting.start()
    assert [completion.stub for completion in stream] == ["a.py::g"]
    starting.join()
    assert model.info.remarks == ()


def test_the_only_server_that_stays_away_is_given_up(serve: Serve, model_of: ModelOf) -> None:
    one = serve(server.dies)
    model = model_of(one, pause=0.1, gone=0.2)
    with pytest.raises(ModelUnavailable, match=r"Connection refused, after 0\.3 s of waiting"):
        list(model.generate([request()]))


def test_a_server_that_never_answers_is_given_up(serve: Serve, model_of: ModelOf) -> None:
    model = model_of(serve(server.never_answers), timeout=0.2)
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.2 s"):
        list(model.generate([request()]))


def test_a_server_that_stalls_is_given_up(serve: Serve, model_of: ModelOf) -> None:
    model = model_of(serve(server.begins_and_stalls), timeout=0.2)
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.2 s"):
        list(model.generate([request()]))


def test_a_server_that_does_not_answer_at_start_is_given_up(
    serve: Serve, model_of: ModelOf
) -> None:
    with pytest.raises(ModelUnavailable, match=r"no answer within 0\.2 s"):
        model_of(serve(look=server.never_answers), timeout=0.2)


def test_no_server_at_all_is_an_error_at_once(model_of: ModelOf) -> None:
    ports = [free_port(), free_port()]
    with pytest.raises(ModelUnavailable) as caught:
        model_of(*(f"http://127.0.0.1:{port}/v1#m" for port in ports))
    assert all(f":{port}/v1#m: Connection refused" in str(caught.value) for port in ports)
    assert "--supercharge" not in str(caught.value)  # it may be the judge that is missing


def test_what_is_no_such_server_is_an_error_at_once(serve: Serve, model_of: ModelOf) -> None:
    with pytest.raises(ModelUnavailable, match="end in /v1"):
        model_of(serve(look=server.sends_a_page))


def test_a_server_that_is_back_is_asked_again(serve: Serve, model_of: ModelOf) -> None:
    one = serve(refuses(500, "ill"), refuses(500, "ill"), refuses(500, "ill"), speaks())
    model = model_of(one, out=0.2)
    with pytest.raises(ModelUnavailable, match="500 ill"):
        list(model.generate([request()]))
    assert model.info.remarks == (f"left out: {one.url}#tiny: 500 ill",)
    time.sleep(0.25)
    assert len(list(model.generate([request()]))) == 1
    assert model.info.remarks == ()


# --- several servers


def test_several_servers_share_the_load(serve: Serve, model_of: ModelOf) -> None:
    both = threading.Barrier(2)  # breaks, and so fails, unless both are at work at once

    def behaviour(exchange: server.Exchange) -> None:
        both.wait(10)
        speaks(SHORT)(exchange)

    servers = serve(behaviour), serve(behaviour)
    model = model_of(*servers)
    completions = by_index(list(model.generate([request(8)])))
    assert [c.index for c in completions] == list(range(8))
    assert [sum(s.body.get("n", 1) for s in one.completions) for one in servers] == [4, 4]
    assert model.info.slots == 8


def test_a_server_that_dies_in_mid_run_leaves_its_work_to_the_other(
    serve: Serve, model_of: ModelOf
) -> None:
    dying = serve(speaks(SHORT, most=1), speaks(SHORT, most=1), server.dies)
    other = serve(speaks(SHORT, most=1))
    model = model_of(dying, other, retries=1)
    requests = [request(6, stub=f"a.py::f{i}") for i in range(5)]
    completions = list(model.generate(requests))
    assert sorted((c.stub, c.index) for c in completions) == sorted(
        (one.stub, i) for one in requests for i in range(6)
    )
    assert {c.text for c in completions} == {SHORT}
    assert model.info.remarks[0].startswith(f"left out: {dying.url}#tiny")


def test_a_server_that_is_not_there_at_start_is_a_remark_and_comes_in_later(
    serve: Serve, model_of: ModelOf
) -> None:
    late = serve(speaks(SHORT), look=refuses(503, "Loading model"))
    there = serve(speaks(SHORT))
    model = model_of(late, there, pause=0.0)
    assert model.info.remarks == (f"left out: {late.url}#tiny: 503 Loading model",)
    assert model.info.slots == 4
    late.look = None
    assert len(list(model.generate([request(8)]))) == 8
    assert late.completions
    assert model.info.remarks == ()
    assert model.info.slots == 8


def test_one_server_refusing_the_key_does_not_end_the_run(serve: Serve, model_of: ModelOf) -> None:
    strict, open_one = serve(refuses(401, "who are you")), serve(speaks(SHORT))
    assert len(list(model_of(strict, open_one).generate([request(8)]))) == 8
    assert len(strict.completions) == 1  # it will not change its mind


# --- keys


def test_the_key_goes_to_the_server_and_nothing_else_from_the_environment_does(
    serve: Serve, model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-another-service")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of-another-service")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid/v1")
    one = serve(speaks())
    assert len(list(model_of(one, key=KEY).generate([request()]))) == 1
    for seen in one.seen:
        assert seen.headers["authorization"] == f"Bearer {KEY}"
        assert "of-another-service" not in str(seen.headers)


def test_without_a_key_none_is_sent(
    serve: Serve, model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-service")
    one = serve(speaks())
    list(model_of(one).generate([request()]))
    assert not any("authorization" in seen.headers for seen in one.seen)


def test_a_key_that_is_sent_back_is_not_shown(
    serve: Serve, model_of: ModelOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model = model_of(serve(server.echoes_the_key), key=KEY)
    with pytest.raises(ModelUnavailable, match=r"not understood: Bearer \*\*\*") as caught:
        list(model.generate([request()]))
    trace = "".join(traceback.format_exception(caught.value))
    shown = [trace, repr(model), repr(model.info), repr(vars(model)), caplog.text]
    contexts = [caught.value.__context__, caught.value.__cause__]
    assert not any(KEY in text for text in [*shown, *map(repr, contexts)])
    assert base64.b64encode(KEY.encode()).decode() not in caplog.text


@pytest.mark.parametrize(
    ("key", "words"), [(None, "set SUPERCHARGE_API_KEY"), (KEY, "does not take the key")]
)
def test_a_server_that_wants_a_key_says_where_to_put_it(
    serve: Serve, model_of: ModelOf, key: str | None, words: str
) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        model_of(serve(look=refuses(401, "Invalid API key")), key=key)
    assert KEY not in str(caught.value)


def test_what_cannot_be_a_key_is_refused_without_showing_it() -> None:
    with pytest.raises(SetupError, match="SUPERCHARGE_API_KEY") as caught:
        ServerModel(parse_endpoints("http://127.0.0.1:9/v1#m"), key=f"{KEY}\n")
    assert KEY not in str(caught.value)


# --- where it is sent


def test_a_proxy_is_not_shown_what_is_meant_for_this_machine(
    serve: Serve, model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(speaks("from the proxy"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (completion,) = model_of(serve(speaks())).generate([request()])
    assert completion.text == FENCED
    assert not proxy.seen


def test_other_hosts_are_asked_through_the_proxy(
    serve: Serve, model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(speaks())
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    (completion,) = model_of("http://elsewhere.invalid/v1#tiny").generate([request()])
    assert completion.text == FENCED
    assert proxy.completions[0].path == "http://elsewhere.invalid/v1/chat/completions"


def test_a_redirect_is_not_followed(serve: Serve, model_of: ModelOf) -> None:
    elsewhere = serve(speaks())
    target = f"{elsewhere.url}/chat/completions"
    model = model_of(serve(refuses(307, "", Location=target)), key=KEY)
    with pytest.raises(ModelUnavailable, match="give the address that answers"):
        list(model.generate([request()]))
    assert not elsewhere.seen


# --- giving up


def test_closing_the_generator_closes_its_connections(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks(SHORT, most=1), server.begins_and_stalls)
    stream = model_of(one).generate([request(5)])
    next(stream)
    assert one.wait_for(lambda: len(one.completions) >= 5)
    begin = time.monotonic()
    stream.close()
    assert one.wait_for(lambda: one.leavers == 4)
    assert time.monotonic() - begin < 1


def test_a_cancelled_request_gives_what_there_is_of_it(serve: Serve, model_of: ModelOf) -> None:
    one = serve(server.begins_and_stalls)
    model = model_of(one)
    begun = lambda _: one.wait_for(lambda: bool(one.completions), 0) and time.sleep(0.1) is None  # noqa: E731
    completions = list(model.generate([request(2)], cancelled=begun))
    assert [(c.text, c.finish) for c in completions] == [("begun", "cancelled")] * 2
    assert {c.spent for c in completions} == {1}
    assert one.wait_for(lambda: one.leavers == 1)


def test_a_request_that_is_cancelled_before_is_never_sent(serve: Serve, model_of: ModelOf) -> None:
    one = serve(speaks())
    assert list(model_of(one).generate([request(4)], cancelled=lambda _: True)) == []
    assert not one.completions


def test_threads_are_gone_after_close(serve: Serve, model_of: ModelOf) -> None:
    before = set(threading.enumerate())
    one = serve(server.begins_and_stalls)
    model = model_of(one)
    stream = model.generate([request(3)], cancelled=lambda _: False)
    raised: list[BaseException] = []

    def read() -> None:
        with pytest.raises(ModelUnavailable, match="closed") as caught:
            list(stream)
        raised.append(caught.value)

    reader = threading.Thread(target=read)
    reader.start()
    assert one.wait_for(lambda: bool(one.completions))
    model.close()
    reader.join(10)
    assert not reader.is_alive()
    assert raised
    assert one.wait_for(lambda: one.leavers == 1)
    left = {thread for thread in set(threading.enumerate()) - before if "serve" not in thread.name}
    assert not [t for t in left if "process_request" not in t.name]
    model.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        list(model.generate([request()]))


def test_a_model_that_is_no_longer_referenced_leaves_no_thread(serve: Serve) -> None:
    model = ServerModel(parse_endpoints(f"{serve().url}#tiny"))
    assert "supercharge-servers" in {thread.name for thread in threading.enumerate()}
    del model
    gc.collect()
    assert "supercharge-servers" not in {thread.name for thread in threading.enumerate()}


def test_several_threads_ask_at_once(serve: Serve, model_of: ModelOf) -> None:
    model = model_of(serve(speaks(SHORT)), serve(speaks(SHORT, most=1)))
    got: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        completions = model.generate([request(5, stub=f"{number}") for _ in range(4)])
        got[number] = sorted(c.index for c in completions if c.stub == f"{number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == {number: sorted([*range(5)] * 4) for number in range(6)}


# --- llama-cpp-python's own server


@pytest.fixture(scope="module")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a llama_cpp.server that serves a random model."""
    if lacking := llama_servers.missing():
        pytest.skip(f"llama_cpp.server lacks {lacking}")
    from gguf_files import CHATML, RandomModel

    folder = tmp_path_factory.mktemp("llama_server")
    path = RandomModel(template=CHATML).write(folder / "random.gguf")
    with llama_servers.llama_server(path, key=KEY, context=512, log=folder / "log") as server:
        yield server.url


def test_llama_cpps_server_is_recognised_and_counts(llama_server: str, model_of: ModelOf) -> None:
    model = model_of(llama_server, key=KEY)
    assert (model.info.name, model.info.backend) == ("random", "server (llama_cpp.server)")
    assert model.info.slots == 1
    assert model.count_tokens("return 1") == 8


def test_llama_cpps_server_gives_every_completion_by_its_seed(
    llama_server: str, model_of: ModelOf
) -> None:
    model = model_of(llama_server, key=KEY, timeout=60.0)
    first, second = (
        [(c.index, c.text) for c in by_index(list(model.generate([request(4, max_tokens=12)])))]
        for _ in range(2)
    )
    assert [index for index, _ in first] == [0, 1, 2, 3]
    assert first == second
    assert len({text for _, text in first}) == 4


def test_llama_cpps_server_marks_the_cap(llama_server: str, model_of: ModelOf) -> None:
    model = model_of(llama_server, key=KEY, timeout=60.0)
    (completion,) = model.generate([request(max_tokens=10, wanted="")])
    assert completion.finish == "length"
    assert 1 <= completion.tokens <= 10


def test_llama_cpps_server_stops_when_it_is_cancelled(llama_server: str, model_of: ModelOf) -> None:
    model = model_of(llama_server, key=KEY, timeout=60.0)
    stream = model.generate([request(2, max_tokens=400)], cancelled=lambda _: False)
    next(stream)
    stream.close()
    begin = time.monotonic()
    (completion,) = model.generate([request(max_tokens=4)])
    assert completion.finish == "length"
    assert time.monotonic() - begin < 30


def test_llama_cpps_server_refuses_what_does_not_fit(llama_server: str, model_of: ModelOf) -> None:
    model = model_of(llama_server, key=KEY, timeout=60.0)
    long = request(max_tokens=16)
    messages = (Message(role="user", content="x = 1\n" * 500),)
    long = replace(long, prompt=replace(long.prompt, messages=messages, continuation=""))
    with pytest.raises(SetupError, match="512"):
        list(model.generate([long]))


def test_llama_cpps_server_wants_its_key(llama_server: str, model_of: ModelOf) -> None:
    with pytest.raises(ModelUnavailable, match="set SUPERCHARGE_API_KEY"):
        model_of(llama_server)
    with pytest.raises(ModelUnavailable, match="does not take the key"):
        model_of(llama_server, key="sk-wrong")


def test_the_misbehaving_server_speaks_like_the_real_one(llama_server: str, serve: Serve) -> None:
    """What is tried against ours must be tried against frames of the same form."""

    def keys_of(url: str) -> set[str]:
        body = {"model": "random", "messages": [{"role": "user", "content": "x"}], "stream": True}
        asked = urllib.request.Request(
            f"{url}/chat/completions",
            json.dumps({**body, "max_tokens": 3}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
        )
        with urllib.request.urlopen(asked, timeout=60) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in response.read().decode().splitlines() if line]
        assert lines[-1] == "data: [DONE]"
        frames = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
        return {key for frame in frames for choice in frame["choices"] for key in choice}

    assert {"index", "delta", "finish_reason"} <= keys_of(serve(speaks()).url) & keys_of(
        llama_server
    )
