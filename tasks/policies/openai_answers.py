"""What a server answers, checked and typed: chat and completions alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from tasks.policies.openai_client import BadAnswerError

_MOST = 1 << 31


@dataclass(frozen=True)
class Token:
    """One token of the completion. `top`: the most likely ones instead of it, where asked for.

    logprob: as the server says it, which need not be one (see `logprobs.usable`); NaN for none.
    """

    raw: bytes
    logprob: float
    top: Mapping[str, float]


@dataclass(frozen=True)
class Answer:
    """One completion. `token_ids` only from servers that tell them."""

    text: str
    tokens: tuple[Token, ...]
    token_ids: tuple[int, ...]
    n_prompt_tokens: int
    n_tokens: int
    finish_reason: Literal["stop", "length"]

    def decoded_length(self) -> Callable[[int], int] | None:
        """Characters of `text` that the first i tokens make; None if the tokens are not the text's
        (a server that cuts the thoughts out of what it returns)."""
        text = self.text.encode()
        joined = b"".join(token.raw for token in self.tokens)
        if not self.tokens or not joined.startswith(text):
            return None
        ends = [0, *accumulate(len(token.raw) for token in self.tokens)]

        def length(count: int) -> int:
            return len(text[: min(ends[count], len(text))].decode(errors="ignore"))

        return length


def read_answer(document: Any) -> Answer:
    """Raises BadAnswerError for a document that is not the whole answer to one request."""
    try:
        choice, usage = document["choices"][0], document["usage"]
        text, tokens = _chat(choice) if "message" in choice else _completion(choice)
        reason = choice["finish_reason"]
        if reason in (None, "abort", "error"):
            raise BadAnswerError(f"an answer that ended by {reason!r}")
        ids = [_count(one) for one in choice.get("token_ids") or ()]
        return Answer(
            text=text,
            tokens=tokens,
            token_ids=tuple(ids) if len(ids) == len(tokens) else (),
            n_prompt_tokens=_count(usage["prompt_tokens"]),
            n_tokens=_count(usage["completion_tokens"]),
            finish_reason="length" if reason == "length" else "stop",
        )
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BadAnswerError(
            f"an answer without usable fields ({type(error).__name__}: {error})"
        ) from None


def _chat(choice: Mapping[str, Any]) -> tuple[str, tuple[Token, ...]]:
    message = choice["message"]
    text = _text(message.get("content"))
    thought = _text(message.get("reasoning") or message.get("reasoning_content"))
    if thought:  # a server with a reasoning parser; what was drawn is both
        text = f"<think>{thought}</think>{text}"
    given: Sequence[Mapping[str, Any]] = (choice.get("logprobs") or {}).get("content") or ()
    tokens = tuple(
        Token(
            bytes(list(one["bytes"])) if one.get("bytes") is not None else _raw(one["token"]),
            _number(one["logprob"]),
            {other["token"]: _number(other["logprob"]) for other in one.get("top_logprobs") or ()},
        )
        for one in given
    )
    return text, tokens


def _completion(choice: Mapping[str, Any]) -> tuple[str, tuple[Token, ...]]:
    given = choice.get("logprobs") or {}
    texts, logprobs = given.get("tokens") or (), given.get("token_logprobs") or ()
    tops = given.get("top_logprobs") or [None] * len(texts)
    tokens = tuple(
        Token(_raw(token), _number(logprob), {k: _number(v) for k, v in (top or {}).items()})
        for token, logprob, top in zip(texts, logprobs, tops, strict=True)
    )
    return _text(choice["text"]), tokens


def _text(given: object) -> str:
    """Also of the parts that some servers cut a message into. Half a surrogate pair, which JSON can
    hold and no file, becomes the sign for that. Raises TypeError."""
    if given is None:
        return ""
    if isinstance(given, list):
        return "".join(_text(part.get("text")) for part in given)
    if not isinstance(given, str):
        raise TypeError(f"a text that is {type(given).__name__}")
    return given.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _raw(token: str) -> bytes:
    return token.encode(errors="replace")


def _number(given: Any) -> float:
    return math.nan if given is None else float(given)


def _count(given: Any) -> int:
    count = int(given)
    if not 0 <= count < _MOST:
        raise ValueError(f"a count of {given}")
    return count
