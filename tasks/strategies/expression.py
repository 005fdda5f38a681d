"""A score written as SQL over `results`: `bon strategies RUN --score "mean_logprob / n_tokens"`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tasks.errors import RequestError
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, Score, Strategy

_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(?!=)(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ScoreExpression:
    """A name and a DuckDB expression over the columns of `results`; higher is preferred."""

    name: str
    sql: str


def score_expression(text: str) -> ScoreExpression:
    """`NAME=EXPRESSION`, or an expression, which is its own name. Raises RequestError."""
    named = _NAMED.fullmatch(text.strip())
    name, sql = (named[1], named[2]) if named else (text, text)
    if not sql.strip():
        raise RequestError(
            f"--score {text!r} is empty; write an expression over results, as in "
            '"mean_logprob / n_tokens"'
        )
    return ScoreExpression(name.strip(), sql.strip())


def scored(expressions: Sequence[ScoreExpression]) -> tuple[Strategy, ...]:
    """For each expression the strategy that takes its best, and that which times its best three."""
    return tuple(
        Strategy(name, _column(one.name), top=top, needs=(one.name,))
        for one in expressions
        for name, top in ((one.name, 1), (f"{one.name}-top3", 3))
    )


@cache
def _column(name: str) -> Score:
    """The same function for the same name: what follows from a score is worked out once."""

    def score(draws: Draws) -> Floats:
        return draws.column(name)

    return score
