"""Log-probabilities of completions that were written before, by this policy or by another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from tasks.policies.base import Policy
from tasks.problems.base import Problem


@dataclass(frozen=True)
class Written:
    """A stored completion. `token_ids`: as whoever drew it counted, end token included."""

    text: str
    token_ids: tuple[int, ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True)
class Score:
    """Log-probabilities of one completion's tokens, in nats, end token included.

    raw: before temperature. processed: after it; None where the scorer cannot tell, and at
    temperature 0, where all but one token have none.
    tokens: `stored` if they are the very tokens that were drawn, `retokenised` if the text was cut
        into tokens anew (another tokenizer, or no token ids stored).
    """

    token_ids: tuple[int, ...]
    raw: tuple[float, ...]
    processed: tuple[float, ...] | None
    tokens: Literal["stored", "retokenised"]


@runtime_checkable
class ScoringPolicy(Policy, Protocol):
    """A policy that tells how likely it is to write a given completion."""

    def score(self, problem: Problem, written: Sequence[Written]) -> list[Score]:
        """One score per completion, in order, behind the policy's own prompt for `problem`.

        Raises RequestError if a completion does not fit the context behind its prompt.
        """
        ...


def raw_scores(
    completions: Sequence[Sequence[int]], found: Sequence[Sequence[float]], temperature: float
) -> list[Score]:
    """Of tokens whose log-probabilities (nats) are known before temperature only: at temperature 1
    they are the same after it."""
    return [
        Score(tuple(tokens), tuple(raw), tuple(raw) if temperature == 1 else None, "stored")
        for tokens, raw in zip(completions, found, strict=True)
    ]


def tokens_of(
    written: Written,
    *,
    decode: Callable[[Sequence[int]], str],
    encode: Callable[[str], list[int]],
    end_ids: Collection[int],
) -> tuple[list[int], Literal["stored", "retokenised"]]:
    """The tokens to score: the stored ones if this tokenizer reads the same text from them."""
    ids = list(written.token_ids)
    body = ids[:-1] if ids and ids[-1] in end_ids else ids
    if ids and decode(body) == written.text:
        return ids, "stored"
    anew = encode(written.text)
    if written.finish_reason == "stop" and end_ids:
        anew.append(min(end_ids))
    return anew, "retokenised"
