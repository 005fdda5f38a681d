"""Paired comparisons: is one strategy better than another on the same problems, and by how much?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.statistics import (
    DIFFERENCE,
    Difference,
    PairedDifference,
    Resampling,
    cohens_h,
    holm,
    mcnemar_exact,
    paired_difference,
    problems_needed,
    wilcoxon_signed_rank,
)
from tasks.statistics.arrays import Floats
from tasks.strategies.base import Applicability, Strategy
from tasks.strategies.chance import Chance, change_places, random_scores
from tasks.strategies.study import Study
from tasks.strategies.verdict import FEWEST_PROBLEMS, SURE, Verdict, verdict

_SAME = 1e-9
"""Differences of probabilities below this are rounding, not outcomes."""

_NO_TEST = Difference(0, float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Strategy a against b at one k, over the problems that define both; positive favours a."""

    a: str
    b: str
    k: int
    problems: int
    applicable: int
    """Problems on which neither abstains."""
    difference: PairedDifference
    """a − b of fast_1."""
    difference_at_most: PairedDifference
    """The same, were every unsettled kernel faster than the reference."""
    effect: float
    """Cohen's h of the two mean fast_1."""
    a_better: int
    b_better: int
    log_ratio: PairedDifference
    """log speedup of a − of b where both sides are correct."""
    control: bool
    """Whether b picks at random what a picks by its score; the law of a is then known."""
    decided: bool
    """Whether all outcomes are 0 or 1."""
    mcnemar: Difference
    """Exact; NaN where outcomes are not all 0 or 1, or b is a's control (see `no_mcnemar`)."""
    wilcoxon: Difference
    """On log ratios; NaN where b is a's control."""
    needed: int | None
    """Problems for 80 % power at the difference seen, by the adjusted test."""
    exploratory: bool
    chance: Chance
    """The law of a's fast_1, were there no difference."""
    change: Floats
    """a − b of fast_1 on the problems that define both."""
    rules: int = 1
    """How many rules stand against the same control; p is adjusted for the choice among them."""
    p_holm: float = float("nan")
    p_at_most_holm: float = float("nan")
    log_p_holm: float = float("nan")
    mcnemar_holm: float = float("nan")
    wilcoxon_holm: float = float("nan")

    @property
    def test(self) -> str:
        """What p is by, given the problems."""
        if self.control:
            return "random-scores"
        return "mcnemar-mid-p" if self.decided else "sign-flip"

    @property
    def verdict(self) -> Verdict:
        """What it settles of fast_1."""
        return verdict(self.difference, self.p_holm, self.difference_at_most, self.p_at_most_holm)


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
    """All pairs at `Study.deepest`. None without a problem.

    A reader takes the best of the rules that stand against one control. So p is adjusted among
    them (`adjusted`). The exploratory strategies are a family of their own, so that looking at more
    scores does not blunt the questions that were there before, and a pair of rivals is one.
    """
    if not study.problems:
        return []
    at = study.ks.index(study.deepest)
    raw = [_compare(study, a, b, at, how, _exploratory(study, a, b)) for a, b in pairs(study)]
    families: dict[tuple[str, ...], list[int]] = {}
    for i, one in enumerate(raw):
        key = (one.b, str(one.exploratory)) if one.control else (one.a, one.b)
        families.setdefault(key, []).append(i)
    found = list(raw)
    for members in families.values():
        group = [raw[i] for i in members]
        rules = sum(one.difference.informative > 0 for one in group)
        columns = zip(
            adjusted([one.difference for one in group]),
            adjusted([one.difference_at_most for one in group]),
            adjusted([one.log_ratio for one in group]),
            strict=True,
        )
        for i, adjusted_ps in zip(members, columns, strict=True):
            own = (raw[i].difference, raw[i].difference_at_most, raw[i].log_ratio)
            told, ps = zip(*map(_as_settled, own, adjusted_ps), strict=True)
            found[i] = replace(
                raw[i],
                difference=told[0],
                difference_at_most=told[1],
                log_ratio=told[2],
                p_holm=ps[0],
                p_at_most_holm=ps[1],
                log_p_holm=ps[2],
                rules=max(rules, 1),
                needed=_needed(raw[i], max(rules, 1)),
            )
    for exploratory in (False, True):
        members = [i for i, one in enumerate(found) if one.exploratory is exploratory]
        mcnemar = holm([found[i].mcnemar.p for i in members])
        wilcoxon = holm([found[i].wilcoxon.p for i in members])
        for i, m, w in zip(members, mcnemar.tolist(), wilcoxon.tolist(), strict=True):
            found[i] = replace(found[i], mcnemar_holm=m, wilcoxon_holm=w)
    return found


def _as_settled(seen: PairedDifference, p: float) -> tuple[PairedDifference, float]:
    """The difference and its adjusted p as they are told: an interval leaves out 0 only where p
    settles it, and of too few problems there is no p."""
    if seen.problems < FEWEST_PROBLEMS:
        return seen.unsettled(tested=False), float("nan")
    return (seen, p) if p < SURE else (seen.unsettled(tested=True), p)


def adjusted(group: Sequence[PairedDifference]) -> list[float]:
    """p of each rule of a family, for being chosen as the best of them (or the worst).

    To say that a rule is better than chance is to reject that it is no better, a one-sided question
    to every rule of the family: Holm's adjustment over those one-sided p. So of R rules none is
    wrongly called better in more than 5 % of studies. It is never less than the rule's own
    two-sided p; with two rules, as by default, choosing between them costs more than that only
    where outcomes are so rare that the two-sided p is all of one side.
    Rules that nowhere differ from the control are not among the R.
    """
    asked = [one.informative > 0 for one in group]
    better, worse = (
        holm([p if use else float("nan") for p, use in zip(side, asked, strict=True)])
        for side in ([one.p_greater for one in group], [one.p_less for one in group])
    )
    return [
        max(one.p, float(up if one.mean > 0 else down)) if use else one.p
        for one, use, up, down in zip(group, asked, better, worse, strict=True)
    ]


def _exploratory(study: Study, a: str, b: str) -> bool:
    return any(one.exploratory for one in study.strategies if one.name in (a, b))


def _compare(
    study: Study, a: str, b: str, at: int, how: Resampling, exploratory: bool
) -> Comparison:
    first, second = (study.values["fast_1"][name][:, at] for name in (a, b))
    change = first - second
    known = ~np.isnan(change)
    outcomes = np.concatenate([first[known], second[known]])
    decided = bool((np.minimum(np.abs(outcomes), np.abs(outcomes - 1)) < _SAME).all())
    control = _strategy(study, a).control == b
    able = [
        x is Applicability.APPLICABLE and y is Applicability.APPLICABLE
        for x, y in zip(study.applicability[a], study.applicability[b], strict=True)
    ]
    means = (np.mean(side[known]) if known.any() else np.nan for side in (first, second))

    def difference(measure: str, chance: Chance) -> PairedDifference:
        bounds = None if measure == "log_speedup_mean" else DIFFERENCE
        one, other = (study.values[measure][name][:, at] for name in (a, b))
        return paired_difference(one, other, chance.parts, bounds=bounds, level=how.level)

    chance = _chance(study, a, b, "fast_1", at)
    low = difference("fast_1", chance)
    settled = all(
        np.array_equal(study.values["fast_1"][name], study.values["fast_1_at_most"][name], True)
        for name in (a, b)
    )
    high = low
    if not settled:
        high = difference("fast_1_at_most", _chance(study, a, b, "fast_1_at_most", at))
    log_ratio = np.subtract(*(study.values["log_speedup_mean"][name][:, at] for name in (a, b)))
    log_ratio = np.where(np.abs(log_ratio) < _SAME, 0.0, log_ratio)
    a_better, b_better = int((change > _SAME).sum()), int((change < -_SAME).sum())
    return Comparison(
        a=a,
        b=b,
        k=study.ks[at],
        problems=int(known.sum()),
        applicable=int((np.array(able) & known).sum()),
        difference=low,
        difference_at_most=high,
        effect=float(cohens_h(*means)),
        a_better=a_better,
        b_better=b_better,
        log_ratio=difference("log_speedup_mean", _chance(study, a, b, "log_speedup_mean", at)),
        control=control,
        decided=decided,
        mcnemar=mcnemar_exact(a_better, b_better) if decided and not control else _NO_TEST,
        wilcoxon=_NO_TEST if control else wilcoxon_signed_rank(log_ratio),
        needed=None,
        exploratory=exploratory,
        chance=chance,
        change=change[known],
    )


def _chance(study: Study, a: str, b: str, measure: str, at: int) -> Chance:
    first, second = (study.values[measure][name][:, at] for name in (a, b))
    known = np.flatnonzero(~np.isnan(first - second))
    if _strategy(study, a).control == b:
        return random_scores(study, _strategy(study, a), measure, at, known, second[known])
    change = (first - second)[known]
    return change_places(np.where(np.abs(change) < _SAME, 0.0, change))


def _strategy(study: Study, name: str) -> Strategy:
    return next(one for one in study.strategies if one.name == name)


def _needed(one: Comparison, rules: int) -> int | None:
    """By the test that is printed: of the best of more than two rules it asks more than 5 %."""
    return problems_needed(
        one.change,
        one.chance.variances(),
        one.chance.skews(),
        level=2 * SURE / max(rules, 2),
    )
