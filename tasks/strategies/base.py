"""What a strategy is, and the registry of strategies: adding one is one file with one decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from tasks.errors import RequestError
from tasks.statistics.arrays import Bools, Floats, Ints

LEAST_SPREAD = 0.15
"""Nats per token: below it lie 7 of the 20 problems of arXiv 2602.07670, and there selection was no
better than a random choice. Shown beside the spreads and nothing more: what log-probabilities are
worth on the data at hand is what they predict there, since a rank knows no nats."""


@dataclass(frozen=True, eq=False)
class Draws:
    """The judged draws of one problem in one run, in order of sample index; arrays of shape (n,).

    Draws without a verdict, or with a harness error as theirs, are not among them.
    """

    run_id: str
    suite: str
    level: int
    problem_id: int
    sample_index: Ints
    n_tokens: Floats
    """NaN where unknown, as in the next two."""
    sum_logprob: Floats
    """Nats."""
    mean_logprob: Floats
    """Nats per token; surprisal is its negative."""
    correct: Bools
    fast_1: Bools
    speedup: Floats
    """Reference time over candidate time; NaN where incorrect or untimed."""
    flagged: Bools | None = None
    """Correct, but the judge's findings hold a warning: what a person should look at."""
    unsettled: Bools | None = None
    """Correct and not fast_1, but the interval of the speedup holds 1: noise hides which."""
    judge_seconds: Floats | None = None
    """What judging this draw's source took; NaN where unknown."""
    columns: Mapping[str, Floats] = field(default_factory=lambda: MappingProxyType({}))
    """Further columns that strategies declare in `needs`: statistics of the token
    log-probabilities, and the user's own scores; NaN where unknown."""

    @property
    def n(self) -> int:
        return len(self.sample_index)

    def column(self, name: str) -> Floats:
        """A column of `columns`, all NaN where these draws have none of that name."""
        known = self.columns.get(name)
        return np.full(self.n, np.nan) if known is None else known

    @property
    def fast_at_most(self) -> Bools:
        """fast_1, were every unsettled kernel faster than the reference."""
        return self.fast_1 if self.unsettled is None else self.fast_1 | self.unsettled

    @property
    def problem(self) -> tuple[str, int, int]:
        """(suite, level, problem id)"""
        return self.suite, self.level, self.problem_id

    @property
    def logprob_std(self) -> float:
        """Standard deviation (n − 1) of the finite `mean_logprob`; NaN for fewer than two."""
        known = self.mean_logprob[np.isfinite(self.mean_logprob)]
        return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")


class Applicability(StrEnum):
    """Whether a strategy's scores say anything on a problem, and why not."""

    APPLICABLE = "applicable"
    MISSING = "missing"
    """A draw has no score: the strategy abstains, and all draws of the problem tie."""
    TIED = "tied"
    """The log-probabilities of all draws are one and the same: there is nothing to rank by."""


Score = Callable[[Draws], Floats]
"""One number per draw, shape (n,): higher is preferred, NaN where the draw cannot be scored."""


@dataclass(frozen=True)
class Strategy:
    """Of the correct draws keep the `top` with the highest score, and of these take the fastest."""

    name: str
    score: Score
    top: int = 1
    uses_logprobs: bool = False
    """Says what it needs: log-probabilities that differ."""
    needs: tuple[str, ...] = ()
    """Columns of `Draws.columns` that have to be loaded for it."""
    after_timing: bool = False
    """Whether its score is known only once everything is timed, as the oracle's is."""
    ceiling: bool = False
    """Whether it stands for what any choice can reach: in each measure the best of all k draws,
    though no single draw may be best in all of them."""
    exploratory: bool = False
    """Beyond the strategies that every report compares; its tests are a family of their own."""

    @property
    def control(self) -> str:
        """The strategy with as many kernels to time but no idea which: what it must beat."""
        return "random" if self.top == 1 else f"random-top{self.top}"

    @property
    def wants(self) -> str:
        """What it ranks by, for the sentence that says why it abstains."""
        return ", ".join(self.needs) or ("log-probabilities" if self.uses_logprobs else "scores")

    def all_scores(self, draws: Draws) -> Floats:
        """Scores of all draws, shape (n,), NaN where a draw has none.

        One draw without a score is enough to abstain, correct or not: before the check nobody knows
        which it is, and what a pick costs must be the cost of that pick.
        """
        return np.asarray(self.score(draws), np.float64)


_STRATEGIES: dict[str, Strategy] = {}


def register_strategy(
    name: str,
    *,
    top: int = 1,
    uses_logprobs: bool = False,
    needs: Sequence[str] = (),
    after_timing: bool = False,
    ceiling: bool = False,
    exploratory: bool = False,
) -> Callable[[Score], Score]:
    """Make a score known as strategy `name`; registering a name again replaces it.

    Raises ValueError for `top` below 1.
    """
    if top < 1:
        raise ValueError(f"strategy {name!r}: top must be at least 1, got {top}")

    def keep(score: Score) -> Score:
        _STRATEGIES[name] = Strategy(
            name, score, top, uses_logprobs, tuple(needs), after_timing, ceiling, exploratory
        )
        return score

    return keep


def strategies(*, exploratory: bool = False) -> tuple[Strategy, ...]:
    """The registered strategies, in order of registration; the exploratory ones if asked for."""
    return tuple(one for one in _STRATEGIES.values() if exploratory or not one.exploratory)


def strategy(name: str) -> Strategy:
    """The strategy of that name. Raises RequestError, naming the known ones."""
    if name not in _STRATEGIES:
        raise RequestError(f"no strategy {name!r}; known: {', '.join(_STRATEGIES)}")
    return _STRATEGIES[name]
