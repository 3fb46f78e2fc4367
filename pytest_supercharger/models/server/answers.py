"""What a server sends, piece by piece, put together to answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_supercharger.models.endings import Answer, Ends
from pytest_supercharger.models.thoughts import Thinking, Thoughts

_THINKING = Thinking(
    opening="<think>", closing="</think>", is_open=False, limit=0, closing_tokens=()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is new of one choice: a token, or a whole answer where the server does not stream."""

    choice: int
    text: str
    thought: str  # what the server itself has told apart from the answer
    logprobs: tuple[float, ...]  # of the tokens in it; (): not given
    finish: str  # "": it goes on

    @property
    def tokens(self) -> int:
        """As far as it can be told: servers send token by token."""
        return len(self.logprobs) or int(bool(self.text or self.thought))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a whole request."""

    prompt: int
    completion: int


def read_pieces(frame: object) -> Iterator[Piece]:
    """The choices of a chat's or a completion's frame, streamed or whole.

    :raises ValueError: it is neither.
    """
    if not isinstance(frame, dict) or not isinstance(frame.get("choices"), list):
        raise ValueError(f"no choices are in {_short(frame)}")
    yield from (_piece(choice) for choice in frame["choices"])


def read_usage(frame: object) -> Usage | None:
    """What the request has cost so far; None: the frame does not say."""
    usage = frame.get("usage") if isinstance(frame, dict) else None
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(prompt=max(0, prompt), completion=max(0, completion))


def _piece(choice: object) -> Piece:
    if not isinstance(choice, dict):
        raise ValueError(f"{_short(choice)} is no choice")
    said = choice.get("delta") or choice.get("message") or {}
    if not isinstance(said, dict):
        raise ValueError(f"{_short(said)} is no message")
    index, finish = choice.get("index") or 0, choice.get("finish_reason") or ""
    text = said.get("content") or choice.get("text") or ""
    thought = said.get("reasoning_content") or said.get("reasoning") or ""
    if not (isinstance(index, int) and all(isinstance(x, str) for x in (text, thought, finish))):
        raise ValueError(f"{_short(choice)} is no choice")
    logprobs = tuple(_logprobs(choice.get("logprobs")))
    return Piece(choice=index, text=text, thought=thought, logprobs=logprobs, finish=finish)


def _logprobs(given: object) -> Iterator[float]:
    """Chats list what belongs to each token, completions have a list of numbers."""
    if not isinstance(given, dict):
        return
    tokens = given.get("content") or given.get("token_logprobs") or ()
    for token in tokens if isinstance(tokens, list) else ():
        value = token.get("logprob") if isinstance(token, dict) else token
        if isinstance(value, (int, float)):
            yield float(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


class Choice:
    """One answer that is being received."""

    def __init__(self, ends: Ends, max_tokens: int) -> None:
        self.finish = ""  # "": it goes on; else as in Completion
        self.tokens = 0  # of the answer
        self.spent = 0  # with thoughts
        self._answer = Answer(ends)
        self._max_tokens = max_tokens
        self._thoughts = Thoughts(_THINKING)
        self._told = 0  # tokens of thoughts that the server told apart
        self._held = 0  # of those that began the answer, or seemed to
        self._logprob = 0.0
        self._scored = 0

    @property
    def text(self) -> str:
        return self._answer.text

    @property
    def logprob(self) -> float | None:
        """Mean of the answer's tokens."""
        return self._logprob / self._scored if self._scored else None

    def take(self, piece: Piece) -> None:
        """Add a piece; nothing is added to an answer that has ended."""
        if self.finish:
            return
        self.spent += piece.tokens
        if piece.thought:
            self._told += piece.tokens
        elif piece.text:
            self._read(piece)
        if piece.finish:
            self.end("length" if piece.finish == "length" else "stop")
        elif self.spent >= 2 * self._max_tokens:
            self.end("length")  # a server that knows no cap would go on for ever

    def end(self, finish: str) -> None:
        """Nothing more comes; an answer that has ended stays as it ended."""
        if not self.finish and not self._thoughts.are_over:
            self.finish = self._answer.feed(self._thoughts.rest())
        self.finish = self.finish or finish

    def settle(self, spent: int) -> None:
        """Take over what the server says that it has spent."""
        self.spent = spent
        self.tokens = max(0, spent - self._told - self._held)

    def _read(self, piece: Piece) -> None:
        text = self._thoughts.feed(piece.text.encode("utf-8", "surrogatepass"))
        if not self._thoughts.are_over:
            self._held += piece.tokens
            return
        if not self._thoughts.were_had:
            self._held = 0
        self.tokens = self.spent - self._told - self._held
        self._logprob += sum(piece.logprobs)
        self._scored += len(piece.logprobs)
        self.finish = self._answer.feed(text)
