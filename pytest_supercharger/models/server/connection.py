"""One server: what it is, what it can do, and how it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_supercharger.models.endings import Ends
from pytest_supercharger.models.server.endpoints import Endpoint
from pytest_supercharger.models.server.http import Line, Trouble
from pytest_supercharger.prompts import Prompt, Sampling

_LOOK_SECONDS = 5.0  # for what a server answers without a model
_MOST_STOPS = 4  # strings that OpenAI's interface takes; the answer is cut here at all of them
_BYTES_PER_TOKEN = 2048  # of a stream, with its JSON around and log-probabilities
_BYTES_BESIDE = 1 << 20
# Nothing is lost without them but speed or a figure.
_EXTRA = (
    *("top_k", "min_p", "repeat_penalty", "repetition_penalty", "chat_template_kwargs"),
    *("logprobs", "top_logprobs", "stream_options"),
)
_DROPPABLE = (*_EXTRA, "seed", "top_p", "temperature", "stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known of a server by its name."""

    name: str
    slots: int = 4  # completions at a time, where it does not say
    most: int | None = None  # choices of one request; None: to be found out
    penalty: str = ""  # its word for the repetition penalty; "": takes none, nor top_k and min_p
    logprobs: bool = True
    can_skip_thoughts: bool = False  # hands arguments on to the chat template
    checks_name: bool = False  # refuses a model that it does not list


# By ``owned_by`` in /v1/models.
_KINDS = {
    "llamacpp": Kind(name="llama-server", penalty="repeat_penalty", can_skip_thoughts=True),
    "vllm": Kind(
        name="vLLM",
        slots=32,
        penalty="repetition_penalty",
        can_skip_thoughts=True,
        checks_name=True,
    ),
    "sglang": Kind(
        name="SGLang",
        slots=32,
        penalty="repetition_penalty",
        can_skip_thoughts=True,
        checks_name=True,
    ),
    "library": Kind(name="Ollama", most=1, checks_name=True),
    # One request at a time: a second one breaks the first one's stream off (interrupt_requests).
    # Log-probabilities need logits_all there, which makes each token ten times as slow.
    "me": Kind(name="llama_cpp.server", slots=1, most=1, penalty="repeat_penalty", logprobs=False),
}
_ANY = Kind(name="OpenAI-compatible")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a server is asked; what it refused is left out from then on."""

    chats: bool = True
    many: bool = True  # several choices of one request
    without: frozenset[str] = field(default_factory=frozenset)


class Reply:
    """What comes of one request, as it comes."""

    def __init__(self, line: Line, stream: Any, *, n: int, ends: Ends, is_seeded: bool) -> None:
        self._type = stream.response.headers.get("content-type", "")
        self.n = n  # choices asked for
        self.is_whole = "json" in self._type  # the server does not stream
        self.ends = ends
        self.is_seeded = is_seeded
        self._line = line
        self._stream = stream

    async def frames(self) -> AsyncGenerator[object, None]:
        """JSON values: of a stream, or the one that a server sends that does not stream.

        :raises Trouble: it broke off, or it is none.
        """
        try:
            if "html" in self._type:
                raise Trouble(f"sent {self._type}, no completion: does its address end in /v1?")
            if self.is_whole:
                yield json.loads(await self._stream.response.aread())
                return
            async for frame in self._stream:
                yield frame
            return
        except self._line.errors as exc:
            trouble = self._line.trouble(exc)
        raise trouble

    async def close(self) -> None:
        """Break the connection where something is still to come: the server stops then."""
        await self._stream.close()


class Connection:
    """One server as it is found. Belongs to the loop it was made in."""

    def __init__(self, endpoint: Endpoint, line: Line) -> None:
        self.endpoint = endpoint
        self.kind = _ANY
        self.model = endpoint.model
        self.context = 0  # tokens; 0: it does not say
        self.slots = _ANY.slots
        self.most: int | None = None  # choices that it gives for one request; None: not known yet
        self.is_known = False
        self._line = line
        self._manner = Manner()
        self._counts = True

    @property
    def gives_one(self) -> bool:
        """Whether several choices are several requests."""
        return self.most == 1 or not self._manner.many

    async def close(self) -> None:
        await self._line.close()

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return self._line.redacted(text)

    # --- what it is

    async def look(self) -> None:
        """Find out what it is, which model it has and what it can do.

        :raises Trouble: it cannot be reached, or has no such model.
        """
        models = await self._models()
        listed = [str(model["id"]) for model in models]
        mine = next((m for m in models if self._is_name(str(m["id"]))), models[0] if models else {})
        self.kind = _KINDS.get(str(mine.get("owned_by", "")).lower(), _ANY)
        self.model = self.model or self._only(listed)
        if self.kind.checks_name and not any(map(self._is_name, listed)):
            raise self._no_such_model(listed)
        self.slots, self.most = self.kind.slots, self.kind.most
        self.context = _positive(mine.get("max_model_len"))
        if self.kind.name == "llama-server":
            await self._look_at_slots()
        self.is_known = True

    async def _models(self) -> list[Mapping[str, Any]]:
        try:
            found = await self._line.fetch("/models", timeout=_LOOK_SECONDS)
        except Trouble as trouble:
            if self.model and trouble.status in (404, 405, 501):
                return []  # it has no list: the first completion tells
            raise
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, list):
            raise Trouble(
                "is no OpenAI-compatible server: its /models is no list of models; does its "
                "address end in /v1?"
            )
        return [model for model in data if isinstance(model, dict) and model.get("id")]

    def _is_name(self, listed: str) -> bool:
        return bool(self.model) and listed in (self.model, f"{self.model}:latest")

    def _only(self, listed: list[str]) -> str:
        if len(listed) == 1:
            return listed[0]
        raise Trouble(
            f"has {len(listed)} models: write one behind a # "
            f"({self._line.redacted(', '.join(listed[:20])) or 'it lists none'})",
            lasting=True,
        )

    def _no_such_model(self, listed: list[str]) -> Trouble:
        names = self._line.redacted(", ".join(listed[:20]))
        return Trouble(f"has no model {self.model}, but {names or 'none'}", lasting=True)

    async def _look_at_slots(self) -> None:
        try:
            props = await self._line.fetch(f"{self.endpoint.root}/props", timeout=_LOOK_SECONDS)
        except Trouble:
            return  # it may be switched off: the defaults do
        if isinstance(props, dict):
            self.slots = _positive(props.get("total_slots")) or self.slots
            settings = props.get("default_generation_settings")
            if isinstance(settings, dict):
                self.context = _positive(settings.get("n_ctx"))

    # --- tokens

    async def count_tokens(self, text: str) -> int | None:
        """By the server's tokenizer; None: it has none to ask."""
        question = self._question(text)
        if question is None or not self._counts:
            return None
        path, body = question
        try:
            answer = await self._line.fetch(
                f"{self.endpoint.root}{path}", body, timeout=_LOOK_SECONDS
            )
        except Trouble:
            answer = None
        if isinstance(answer, dict):
            if isinstance(answer.get("count"), int):
                return int(answer["count"])
            if isinstance(answer.get("tokens"), list):
                return len(answer["tokens"])
        self._counts = False
        return None

    def _question(self, text: str) -> tuple[str, dict[str, object]] | None:
        name = self.kind.name
        if name == "llama-server":
            return "/tokenize", {"content": text, "add_special": False}
        if name in ("vLLM", "SGLang"):
            body = {"model": self.model, "prompt": text, "add_special_tokens": False}
            return "/tokenize", body
        if name == "llama_cpp.server":
            return "/extras/tokenize/count", {"input": text}
        return None

    # --- completions

    async def ask(self, prompt: Prompt, *, n: int, seed: int) -> Reply | None:
        """Ask for ``n`` choices; None: it needs a continuation, and the prompt has none.

        What it refuses is left out, and it is asked again: parameters that it names, several
        choices at once, all that is not needed, at last the chat.

        :raises Trouble: of all that was refused, the first.
        """
        manner, first = self._manner, None
        while manner.chats or prompt.continuation:
            n = n if manner.many else 1
            body = self._body(prompt, manner, n=n, seed=seed)
            path = "/chat/completions" if manner.chats else "/completions"
            most = _BYTES_BESIDE + n * prompt.sampling.max_tokens * _BYTES_PER_TOKEN
            try:
                stream = await self._line.stream(path, body, most_bytes=most)
            except Trouble as trouble:
                first = first or trouble
                other = _other_manner(manner, trouble, body, prompt)
            else:
                if first:
                    self._manner = manner
                ends = _ends(prompt, is_chat=manner.chats)
                return Reply(self._line, stream, n=n, ends=ends, is_seeded="seed" in body)
            if other is None:
                raise self._final(first)
            manner = other
        return None

    async def complain(self, prompt: Prompt) -> None:
        """Ask for one token, not streamed: some servers can say only so why a stream was empty.

        :raises Trouble: what it says; nothing is raised where it gives the token.
        """
        body = self._body(prompt, self._manner, n=1, seed=0)
        body = {k: v for k, v in body.items() if k not in ("stream", "stream_options")}
        body["max_tokens"] = 1
        path = "/chat/completions" if self._manner.chats else "/completions"
        try:
            await self._line.fetch(path, body, timeout=_LOOK_SECONDS)
        except Trouble as trouble:
            if trouble.status:
                raise
            # It has closed the connection of the stream, and this one had no time to hear of it.
            await self._line.fetch(path, body, timeout=_LOOK_SECONDS)

    def _final(self, trouble: Trouble) -> Trouble:
        if trouble.status != 404:
            return trouble
        return Trouble(f"{trouble.cause}: has it the model {self.model}?", status=404, lasting=True)

    def _body(self, prompt: Prompt, manner: Manner, *, n: int, seed: int) -> dict[str, Any]:
        sampling = prompt.sampling
        body: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed,
            **({"n": n} if n > 1 else {}),
            **self._extras(sampling),
        }
        body |= self._chat(prompt) if manner.chats else self._continuation(prompt)
        if "max_tokens" in manner.without:
            body["max_completion_tokens"] = body["max_tokens"]
        return {name: value for name, value in body.items() if name not in manner.without}

    def _chat(self, prompt: Prompt) -> dict[str, Any]:
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        body: dict[str, Any] = {"messages": messages}
        if self.kind.logprobs:
            body |= {"logprobs": True, "top_logprobs": 1}
        if self.kind.can_skip_thoughts:
            body["chat_template_kwargs"] = {"enable_thinking": False}
        return body

    def _continuation(self, prompt: Prompt) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": prompt.continuation}
        if prompt.stop:
            body["stop"] = list(prompt.stop[:_MOST_STOPS])
        if self.kind.logprobs:
            body["logprobs"] = 1
        return body

    def _extras(self, sampling: Sampling) -> dict[str, float]:
        """What is not in OpenAI's interface."""
        if not self.kind.penalty:
            return {}
        return {
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            self.kind.penalty: sampling.repeat_penalty,
        }


def _other_manner(
    manner: Manner, trouble: Trouble, body: Mapping[str, Any], prompt: Prompt
) -> Manner | None:
    """How to ask after a refusal; None: there is no other way."""
    if trouble.status == 400 or trouble.status == 422 or trouble.status == 500:
        named = _named(trouble.cause, body)
        if named:
            return replace(manner, without=manner.without | named)
    if trouble.status in (400, 422):
        if "n" in body:
            return replace(manner, many=False)
        extra = frozenset(_EXTRA) & body.keys()
        if extra:
            return replace(manner, without=manner.without | extra)
    if trouble.status in (400, 404, 405, 422, 501) and manner.chats and prompt.continuation:
        return replace(manner, chats=False)
    return None


def _named(cause: str, body: Mapping[str, Any]) -> frozenset[str]:
    """Parameters that a refusal speaks of, of those that can be left out."""
    if "max_completion_tokens" in cause and "max_tokens" in body:
        return frozenset({"max_tokens"})
    named = {name for name in _DROPPABLE if name in body and re.search(rf"\b{name}\b", cause)}
    return frozenset(named | ({"top_logprobs"} if "logprobs" in named else set()))


def _ends(prompt: Prompt, *, is_chat: bool) -> Ends:
    if is_chat:
        return Ends(wanted=prompt.wanted)
    return Ends(stop=prompt.stop, level=prompt.level)


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
