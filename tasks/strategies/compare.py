"""Paired comparisons: is one strategy better than another on the same problems, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.statistics import (
    DIFFERENCE,
    Difference,
    Resampling,
    bootstrap_mean,
    cohens_h,
    holm,
    mcnemar_exact,
    problems_needed,
    wilcoxon_signed_rank,
)
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Applicability
from tasks.strategies.study import Study

_SAME = 1e-9
"""Differences of probabilities below this are rounding, not outcomes."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Strategy a against b at one k, over the problems that define both; positive favours a."""

    a: str
    b: str
    k: int
    problems: int
    applicable: int
    """Problems on which neither abstains."""
    difference: Floats
    """a − b of fast_1: mean, low, high."""
    difference_at_most: Floats
    """The same, were every unsettled kernel faster than the reference."""
    effect: float
    """Cohen's h of the two mean fast_1."""
    a_better: int
    b_better: int
    discordant: Difference
    """Exact McNemar over problems; where outcomes are probabilities (k < n, or averaged seeds), the
    exact sign test on which side has the higher one."""
    discordant_holm: float
    log_ratio: Floats
    """log speedup of a − of b where both sides are correct: mean, low, high."""
    wilcoxon: Difference
    wilcoxon_holm: float
    test: str
    """"mcnemar" where all outcomes are 0 or 1, else "sign"."""
    problems_needed: int | None
    """For 80 % power at the difference seen."""
    exploratory: bool


def pairs(study: Study) -> list[tuple[str, str]]:
    """Every strategy against its control, and surprisal against confidence, the paper's question.

    The oracle is left out: it knows the answer.
    """
    names = [one.name for one in study.strategies]
    listed = [
        (one.name, one.control)
        for one in study.strategies
        if one.control in names and one.name not in ("oracle", one.control)
    ]
    rivals = [("surprisal", "confidence"), ("surprisal-top3", "confidence-top3")]
    return listed + [pair for pair in rivals if set(pair) <= set(names)]


def compare(study: Study, how: Resampling) -> list[Comparison]:
    """All pairs at `Study.deepest`; p-values also adjusted by Holm, each test over its family.

    The exploratory strategies' pairs are a family of their own, so that looking at more scores does
    not blunt the questions that were there before. None without a problem.
    """
    if not study.problems:
        return []
    k = study.deepest
    at = study.ks.index(k)
    found = []
    for exploratory in (False, True):
        raw = [
            _compare(study, a, b, at, how, exploratory)
            for a, b in pairs(study)
            if _exploratory(study, a, b) is exploratory
        ]
        discordant = holm([one.discordant.p for one in raw])
        wilcoxon = holm([one.wilcoxon.p for one in raw])
        found += [
            replace(one, discordant_holm=float(d), wilcoxon_holm=float(w))
            for one, d, w in zip(raw, discordant, wilcoxon, strict=True)
        ]
    return found


def _exploratory(study: Study, a: str, b: str) -> bool:
    return any(one.exploratory for one in study.strategies if one.name in (a, b))


def _compare(
    study: Study, a: str, b: str, at: int, how: Resampling, exploratory: bool
) -> Comparison:
    first, second = (study.values["fast_1"][name][:, at] for name in (a, b))
    change = first - second
    high = np.subtract(*(study.values["fast_1_at_most"][name][:, at] for name in (a, b)))
    log_ratio = np.subtract(*(study.values["log_speedup_mean"][name][:, at] for name in (a, b)))
    log_ratio = np.where(np.abs(log_ratio) < _SAME, 0.0, log_ratio)
    known = ~np.isnan(change)
    a_better, b_better = int((change > _SAME).sum()), int((change < -_SAME).sum())
    able = [
        x is Applicability.APPLICABLE and y is Applicability.APPLICABLE
        for x, y in zip(study.applicability[a], study.applicability[b], strict=True)
    ]
    outcomes = np.concatenate([first[known], second[known]])
    decided = bool((np.minimum(np.abs(outcomes), np.abs(outcomes - 1)) < _SAME).all())
    means = (np.mean(side[known]) if known.any() else np.nan for side in (first, second))
    return Comparison(
        a=a,
        b=b,
        k=study.ks[at],
        problems=int(known.sum()),
        applicable=int((np.array(able) & known).sum()),
        difference=bootstrap_mean(change[:, None], how, DIFFERENCE)[:, 0],
        difference_at_most=bootstrap_mean(high[:, None], how, DIFFERENCE)[:, 0],
        effect=float(cohens_h(*means)),
        a_better=a_better,
        b_better=b_better,
        discordant=mcnemar_exact(a_better, b_better),
        discordant_holm=float("nan"),
        log_ratio=bootstrap_mean(log_ratio[:, None], how)[:, 0],
        wilcoxon=wilcoxon_signed_rank(log_ratio),
        wilcoxon_holm=float("nan"),
        test="mcnemar" if decided else "sign",
        problems_needed=problems_needed(change),
        exploratory=exploratory,
    )
