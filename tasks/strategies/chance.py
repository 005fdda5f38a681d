"""What a strategy's picks would be worth if its scores said nothing, problem by problem."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Floats, Ints
from tasks.statistics.fastest import beaten_by
from tasks.statistics.random_scores import Law, Rule, log_none, random_scores_law
from tasks.statistics.sum_law import Outcomes, coins, flips, outcomes_of
from tasks.strategies.base import Draws, Strategy
from tasks.strategies.study import Study

_EACH = 2_000
"""Problems up to which every law is worked out. With more, coins of the control's chances stand for
the rates', which are at least as wide, and signs for the logarithms': the spread over so many
problems decides."""

_CERTAIN = 1e-9


@dataclass(frozen=True, eq=False)
class Chance:
    """The law of a comparison's first arm, were there no difference."""

    parts: Outcomes
    """Runs within problems, each divided by the runs of its problem."""
    problem: Ints
    """(parts,): place among the problems that both arms define."""
    problems: int

    def variances(self) -> Floats:
        """(problems,)"""
        return self._by_problem(self.parts.variances)

    def skews(self) -> Floats:
        """Third central moments, (problems,)."""
        off = self.parts.values - self.parts.means[:, None]
        return self._by_problem((off**3 * self.parts.chances).sum(axis=1))

    def _by_problem(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.problem, values, self.problems), np.float64)


def change_places(change: Floats) -> Chance:
    """Two arms that may change places on every problem; `change`: (problems,), no NaN."""
    return Chance(flips(change), np.arange(len(change)), len(change))


def random_scores(
    study: Study, strategy: Strategy, measure: str, at: int, known: Ints, control: Floats
) -> Chance:
    """The strategy's outcome on the `known` problems, had its scores been handed out at random.

    `measure`: "fast_1", "fast_1_at_most" or "log_speedup_mean"; `at`: place of k in the study's ks;
    `control`: the control's values on the known problems.
    """
    if len(known) > _EACH:
        places = np.arange(len(known))
        if measure == "log_speedup_mean":
            change = study.values[measure][strategy.name][known, at] - control
            return Chance(flips(change), places, len(known))
        return Chance(coins(np.clip(control, 0, 1)), places, len(known))
    place = {int(row): i for i, row in enumerate(known)}
    laws: list[tuple[int, Law]] = []
    for row, draws in zip(study.rows.tolist(), study.draws, strict=True):
        if row in place:
            law = _law(strategy, draws, measure, study.ks[at])
            if law is not None:
                laws.append((place[row], law))
    runs = Counter(where for where, _ in laws)
    problem = np.array([where for where, _ in laws], np.int64)
    parts = [(values / runs[where], chances) for where, (values, chances) in laws]
    return Chance(outcomes_of(parts, problem), problem, len(known))


def _law(strategy: Strategy, draws: Draws, measure: str, k: int) -> Law | None:
    """None where the run does not define the measure."""
    correct = draws.correct
    c = int(correct.sum())
    if draws.n < k or (measure == "log_speedup_mean" and not c):
        return None
    speedup = draws.speedup[correct]
    rule = Rule(draws.n, k, strategy.top)
    if measure == "log_speedup_mean":
        timed = ~np.isnan(speedup)
        if not timed.all():
            return None
        # Given that there is a pick: its expectation is divided by the chance of one.
        missed = np.exp(log_none(draws.n, c, k))
        values = np.log(speedup) / max(1 - missed, _CERTAIN)
    else:
        chosen = draws.fast_1 if measure == "fast_1" else draws.fast_at_most
        values = chosen[correct].astype(np.float64)
    everything = strategy.all_scores(draws)
    scores = np.zeros(c) if np.isnan(everything).any() else everything[correct]
    ties = tuple(np.unique(-scores, return_counts=True)[1].tolist())
    one = np.arange(c)[None], np.ones((1, c), bool)
    beaten = beaten_by(speedup[None], *one)[0] if strategy.top > 1 else np.zeros(c, np.int64)
    return random_scores_law(values, beaten, ties, rule)
