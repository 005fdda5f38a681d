"""What the first screen may say, decided once: `answer` puts these into words and decides nothing.

Whether a rule picks better than chance is the comparison's verdict (`tasks.strategies.verdict`),
which follows from one test and the interval that inverts it. Where more samples stop paying follows
from the gains by doubling with their intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.report.curves import Curve, Interval
from tasks.report.statistics import Statistics
from tasks.strategies.verdict import Verdict

ENOUGH = 0.03
"""More samples have stopped paying when no further doubling adds this much to fast_1."""

Arm = tuple[str, Interval]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rule to pick by, of those that time equally many kernels."""

    control: Arm | None
    """The random choice."""
    rules: tuple[Arm, ...]
    """Those with scores to go by on some problem, the one that came out best first."""
    verdicts: Mapping[str, Verdict]
    """Of every rule against the control."""
    rivals: Mapping[tuple[str, str], Verdict]

    def of(self, *wanted: Verdict) -> list[Arm]:
        """The rules with such a verdict, in order."""
        return [arm for arm in self.rules if self.verdicts.get(arm[0]) in wanted]

    @property
    def better(self) -> list[Arm]:
        """The rules that are settled to pick better than at random, the best first."""
        return self.of(Verdict.BETTER)

    @property
    def best(self) -> Arm | None:
        """The one to pick by: settled to be better than at random, and than every other rule that
        is not settled to be worse than that."""
        if not self.better or self.better[0] != self.rules[0]:
            return None
        first = self.better[0]
        others = [arm for arm in self.rules[1:] if self.verdicts.get(arm[0]) is not Verdict.WORSE]
        beaten = all(
            self.rivals.get((first[0], other)) is Verdict.BETTER
            or self.rivals.get((other, first[0])) is Verdict.WORSE
            for other, _ in others
        )
        return first if beaten else None

    @property
    def doubtful(self) -> Arm | None:
        """The rule that picks better as measured, if unsettled kernels could undo it."""
        noisy = self.of(Verdict.NOISE)
        return noisy[0] if noisy and noisy[0] == self.leading else None

    @property
    def leading(self) -> Arm | None:
        """The rule that came out above the control, though these data do not settle it."""
        arms = self.of(Verdict.OPEN, Verdict.NOISE)
        if not arms or self.control is None:
            return None
        return arms[0] if round(arms[0][1].mean - self.control[1].mean, 9) > 0 else None


def choice(statistics: Statistics, *, timed: bool) -> Choice:
    """Among the rules that time nothing before they choose, or among those that time a few."""
    k, known = statistics.deepest, statistics.strategies
    arms = [
        (name, end)
        for name, one in known.items()
        if name != "oracle" and (one.top > 1) == timed and (end := statistics.at(name, k))
    ]
    arms.sort(key=lambda arm: (-round(arm[1].mean, 9), arm[0]))
    control = "random" if not timed else next((n for n in known if n.startswith("random-")), "")
    rules = tuple(arm for arm in arms if arm[0] != control and known[arm[0]].applicable)
    names = [name for name, _ in rules]
    return Choice(
        next((arm for arm in arms if arm[0] == control), None),
        rules,
        {one.a: Verdict(one.verdict) for one in statistics.comparisons if one.b == control},
        {
            (one.a, one.b): Verdict(one.verdict)
            for one in statistics.comparisons
            if one.a in names and one.b in names
        },
    )


@dataclass(frozen=True, slots=True)
class Stop:
    """From where on more samples no longer pay."""

    k: int | None
    """The least k from which no doubling added `ENOUGH`, whatever the unsettled kernels are; None
    where the last one still did, or unsettled kernels decide."""
    disputed: bool
    """Whether it depends on the unsettled kernels."""
    at_most: float | None
    """The most that a doubling from there on may add over problems like these: the highest end of
    the intervals. None where it is not known."""

    @property
    def shown(self) -> bool:
        """Whether the data show it, and not only that it came out so on these problems."""
        return self.k is not None and self.at_most is not None and self.at_most < ENOUGH


def stop(statistics: Statistics) -> Stop:
    """By the best of k up to K, where every point is over the same problems."""
    measured = enough(shared(statistics))
    at_most = enough(shared_at_most(statistics))
    k = None if measured is None or at_most is None else max(measured, at_most)
    later = [
        end.high
        for at, end in statistics.fast_1_gain.items()
        if k is not None and k < at <= statistics.deepest
    ]
    known = [high for high in later if high is not None]
    return Stop(k, k != measured, max(known) if known and len(known) == len(later) else None)


def enough(curve: Curve) -> int | None:
    """The least k from which no further doubling adds `ENOUGH`; None while the last still did."""
    ks = sorted(curve)
    for position, k in enumerate(ks[:-1]):
        later = ks[position:]
        gains = [curve[b].mean - curve[a].mean for a, b in pairwise(later)]
        if max(gains) < ENOUGH:
            return k
    return None


def shared(statistics: Statistics) -> Curve:
    """The best of k up to K."""
    return {k: end for k, end in statistics.fast_1_at_k.items() if k <= statistics.deepest}


def shared_at_most(statistics: Statistics) -> Curve:
    """The same, were every unsettled kernel faster."""
    known = statistics.fast_1_at_k_at_most.items()
    return {k: Interval(mean, None, None) for k, mean in known if k <= statistics.deepest}


def by_log_probability(choices: Sequence[Choice]) -> list[str]:
    """The rules by log-probabilities that are settled to pick better than at random."""
    return [
        name
        for one in choices
        for name, _ in one.better
        if name.startswith(("surprisal", "confidence"))
    ]
