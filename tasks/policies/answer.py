"""From a completion to what is judged and to the tokens that wrote it: one way for all policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.policies.base import SamplingParams
from tasks.policies.extract import find_code, token_span
from tasks.policies.scaffold import scaffold_body
from tasks.problems.base import Problem


@dataclass(frozen=True)
class Answer:
    """The module that is judged, and the completion's tokens [first, last) that write its code."""

    source: str
    code_span: tuple[int, int] | None
    """None if the completion holds no code, or if nobody can tell its tokens apart."""


def read_answer(
    completion: str,
    problem: Problem,
    params: SamplingParams,
    *,
    n_tokens: int,
    decoded_length: Callable[[int], int] | None,
    thinking: bool = False,
) -> Answer:
    """What is judged of `completion`, and where it stands among its tokens.

    decoded_length: how many characters of `completion` its first i tokens make, for i from 0 to
        `n_tokens`; None if that is not known.
    thinking: the prompt ended inside a thought (`reasoning.opens_thought`).

    Raises RequestError if `body` mode meets a reference that cannot be scaffolded.
    """
    code = find_code(completion, thinking=thinking)
    span = None
    if decoded_length is not None:
        span = token_span(code.start, code.end, n_tokens, decoded_length)
    if params.mode == "body":
        return Answer(scaffold_body(problem, code.text, backend=params.backend), span)
    return Answer(code.text, span)
