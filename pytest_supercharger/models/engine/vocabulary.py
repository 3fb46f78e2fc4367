"""From a prompt to tokens as this model was trained to read them, and from tokens to text."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jinja2

from pytest_supercharger.exceptions import SetupError
from pytest_supercharger.models.engine.library import ChatTemplate, Weights
from pytest_supercharger.models.thoughts import Thinking
from pytest_supercharger.prompts import Message

# What thinking stands between; a template names one of the two where its model thinks.
_MARKERS = (
    ("<think>", "</think>"),  # Qwen, DeepSeek, GLM
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss: Harmony
)
_HARMONY = "<|channel|>"
_OTHER = "\x07"  # a message that no prompt begins with
_MOST_THINKING = 2048  # tokens, of a model that cannot be kept from it
_SOME_THINKING = 256  # tokens, of one that was told not to


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A prompt in tokens."""

    tokens: list[int]
    lasting: int  # of these, tokens that do not depend on the last message
    is_chat: bool
    thinking: Thinking | None


class Vocabulary:
    """Words a model's prompts its own way: chat template, fill-in-the-middle, or plain text."""

    def __init__(self, weights: Weights) -> None:
        """:raises SetupError: the chat template is none."""
        self._weights = weights
        self._formatter = self._new_formatter()
        named = dict(weights.control_tokens()) if self._formatter else {}
        self._control = _any_of(named.values())
        self._mark = secrets.token_hex(8)
        self._markers = _markers_of(weights.template)
        shown = {} if self._markers is None else named
        self._shown = {
            token: name.encode()
            for token, name in shown.items()
            if name and any(name in marker for marker in self._markers or ())
        }
        self._thinking_limit = _SOME_THINKING if self._obeys() else _MOST_THINKING

    @property
    def has_template(self) -> bool:
        return self._formatter is not None

    def count(self, text: str) -> int:
        """How many tokens ``text`` is; may be called while another thread decodes."""
        return len(self._weights.tokenize(text, special=False))

    def piece(self, token: int) -> bytes:
        """The text of a token; control tokens have none, unless thinking begins or ends there."""
        return self._shown.get(token) or self._weights.piece(token)

    def encode(self, messages: Sequence[Message], continuation: str, suffix: str) -> Encoded | None:
        """The tokens of a prompt: by the chat template, else source to be continued or filled in.

        None: a base model, and a prompt that has only the chat form.

        :raises SetupError: the template refuses the messages.
        """
        if self._formatter is not None and messages:
            return self._encode_chat(messages)
        if not continuation:
            return None
        tokens = self._encode_source(continuation, suffix)
        return Encoded(tokens=tokens, lasting=0, is_chat=False, thinking=None)

    # --- source

    def _encode_source(self, continuation: str, suffix: str) -> list[int]:
        before = self._weights.tokenize(continuation, special=False)
        infill = self._weights.infill
        if infill is None or not suffix.strip():
            return self._after_begin(before)
        after = self._weights.tokenize(suffix, special=False)
        prefix_token, suffix_token, middle_token = infill
        return self._after_begin([prefix_token, *before, suffix_token, *after, middle_token])

    def _after_begin(self, tokens: list[int]) -> list[int]:
        begin = self._weights.begin
        wanted = self._weights.wants_begin and tokens[:1] != [begin]
        return [begin, *tokens] if wanted else tokens

    # --- chat

    def _encode_chat(self, messages: Sequence[Message]) -> Encoded:
        tokens, rendered = self._render_tokens(messages)
        other, _ = self._render_tokens([*messages[:-1], replace(messages[-1], content=_OTHER)])
        pairs = enumerate(zip(tokens, other, strict=False))
        return Encoded(
            tokens=tokens,
            lasting=next((i for i, (one, two) in pairs if one != two), len(other)),
            is_chat=True,
            thinking=self._thinking(rendered),
        )

    def _render_tokens(self, messages: Sequence[Message]) -> tuple[list[int], str]:
        hidden: list[str] = []
        rendered = self._render([self._hide_control(message, hidden) for message in messages])
        tokens: list[int] = []
        for i, part in enumerate(re.split(f"\ue000{self._mark}:(\\d+)\ue001", rendered)):
            text = hidden[int(part)] if i % 2 else part
            tokens += self._weights.tokenize(text, special=i % 2 == 0)
        return self._after_begin(tokens), rendered

    def _hide_control(self, message: Message, hidden: list[str]) -> Message:
        """Replace text that would read as a control token (``<|im_end|>`` in the user's source)."""
        if self._control is None:
            return message

        def mark(match: re.Match[str]) -> str:
            hidden.append(match.group())
            return f"\ue000{self._mark}:{len(hidden) - 1}\ue001"

        return Message(role=message.role, content=self._control.sub(mark, message.content))

    def _render(self, messages: Sequence[Message]) -> str:
        try:
            return self._apply_template(messages)
        except (ValueError, jinja2.TemplateError) as exc:
            if messages[0].role != "system" or len(messages) < 2:
                raise self._refused(exc) from exc
        try:  # some templates know no system turn (Gemma 2, the first Mistrals)
            return self._apply_template(_without_system(messages))
        except (ValueError, jinja2.TemplateError) as exc:
            raise self._refused(exc) from exc

    def _apply_template(self, messages: Sequence[Message], *, thinks: bool = False) -> str:
        assert self._formatter is not None
        turns: list[Any] = [{"role": each.role, "content": each.content} for each in messages]
        return str(
            self._formatter(messages=turns, enable_thinking=thinks, reasoning_effort="low").prompt
        )

    def _new_formatter(self) -> ChatTemplate | None:
        if not self._weights.template:
            return None
        try:
            return ChatTemplate(
                template=self._weights.template,
                eos_token=self._weights.name(self._weights.end),
                bos_token=self._weights.name(self._weights.begin),
            )
        except jinja2.TemplateError as exc:
            raise self._refused(exc) from exc

    def _refused(self, exc: Exception) -> SetupError:
        return SetupError(
            f"the chat template in {self._weights.path} refuses the prompt: {exc}; use another "
            "GGUF of this model, or one without a chat template"
        )

    # --- thinking

    def _obeys(self) -> bool:
        """Whether the template does something when thinking is switched off."""
        if self._formatter is None or self._markers is None:
            return True
        messages = [Message(role="user", content="x")]
        try:
            off = self._apply_template(messages)
            return off != self._apply_template(messages, thinks=True)
        except (ValueError, jinja2.TemplateError):
            return False

    def _thinking(self, rendered: str) -> Thinking | None:
        if self._markers is None:
            return None
        opening, closing = self._markers
        forced = "<|end|><|start|>assistant" if _HARMONY in opening else "\n"
        return Thinking(
            opening=opening,
            closing=closing,
            is_open=rendered.rstrip().endswith(opening),
            limit=self._thinking_limit,
            closing_tokens=tuple(self._weights.tokenize(f"{forced}{closing}\n\n", special=True)),
        )


def _markers_of(template: str) -> tuple[str, str] | None:
    for opening, closing in _MARKERS:
        marks = (_HARMONY,) if _HARMONY in opening else (opening, closing)
        if any(mark in template for mark in marks):
            return opening, closing
    return None


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(filter(None, texts), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _without_system(messages: Sequence[Message]) -> list[Message]:
    system, first, *rest = messages
    joined = Message(role=first.role, content=f"{system.content}\n\n{first.content}")
    return [joined, *rest]
