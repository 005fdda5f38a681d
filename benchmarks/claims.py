"""Do comparisons claim only what is there? Simulated studies, beside the method before.

A study has 10, 20 or 50 problems with 64 draws each, half of them correct on average; of the
correct ones a share is fast that differs from problem to problem. Scores are noise (the nulls), or
go with speed by a correlation of normal scores. Counted are, at a nominal 5 %:

- false claims: p < 0.05 where scores are noise;
- coverage: how often the 95 % interval of the paired difference holds the population's;
- power, beside the exact Poisson-binomial test alone and beside the method before (a BCa interval
  that leaves out 0, and the sign test);
- the same at K < n, with ties, with unequal n, for the best of three, for speedups, for two arms
  without a control;
- the power reached with as many problems as were said to settle it, and how unsure that is when
  it is said from 20 problems;
- every sentence of the first screen, true or false of the population, and pairs of sentences that
  contradict each other;
- how much of the studies any interval must keep the truth in, outcomes being few; and every cell
  outside the bar (false claims at most 5.5 %, coverage 93 to 98 %) once more, of twice as many
  studies.

Writes benchmarks/records/claims.json. About half an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from tasks.report.answer import Answer
from tasks.statistics import (
    DIFFERENCE,
    PairedDifference,
    bootstrap_mean,
    expected_at,
    mcnemar_exact,
    needed_at_least,
    paired_difference,
    pass_at_k,
    problems_needed,
    rank_values,
)
from tasks.statistics.fastest import beaten_by
from tasks.statistics.random_scores import Rule, random_scores_law
from tasks.statistics.sum_law import coins, outcomes_of, sum_test
from tests.tasks.report.simulated import Kind, document, problem, screen

RECORD = Path(__file__).parent / "records" / "claims.json"
SAMPLES, LEVEL = 64, 0.05
MOST_CLAIMS, COVERED = 0.055, (0.93, 0.98)
"""The bar, where nothing is there to claim and everywhere."""
SIZES = (10, 20, 50)
Floats: TypeAlias = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""(generator, problems) → share of correct draws that are fast, and correlation, by problem."""


def noise(share: Callable[[np.random.Generator, int], Floats]) -> Draw:
    return lambda rng, size: (share(rng, size), np.zeros(size))


def beta(a: float, b: float, rho: float = 0.0) -> Draw:
    return lambda rng, size: (rng.beta(a, b, size), np.full(size, rho))


def constant(share: float, rho: float = 0.0) -> Draw:
    return lambda _, size: (np.full(size, share), np.full(size, rho))


def _coin(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    return rng.random(size) < 0.5


def _halves(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    return np.where(_coin(rng, size), 0.02, 0.6), np.full(size, 0.4)


def _opposed(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    return np.full(size, 0.3), np.where(_coin(rng, size), 0.8, -0.8)


def _crossed(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    first = _coin(rng, size)
    return np.where(first, 0.7, 0.3), np.where(first, -0.97, 0.97)


def _nothing(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    kind = rng.random(size)
    share = np.where(kind < 0.4, 1e-9, np.where(kind < 0.8, 1 - 1e-9, 0.5))
    return share, np.full(size, 0.7)


NULLS: dict[str, Draw] = {
    "2 % for all": constant(0.02),
    "5 % for all": constant(0.05),
    "Beta(1, 9)": beta(1, 9),
    "Beta(9, 1)": beta(9, 1),
    "95 % for all": constant(0.95),
    "Beta(1, 1)": beta(1, 1),
}
POPULATIONS: dict[str, Draw] = {
    "5 % for all, correlation 0.5": constant(0.05, 0.5),
    "Beta(9, 1), correlation 0.5": beta(9, 1, 0.5),
    "half 2 %, half 60 %, correlation 0.4": _halves,
    "30 %, correlation 0.8 on half of them and -0.8 on the others": _opposed,
    "70 % with correlation -0.97, 30 % with 0.97: no difference on average": _crossed,
    "nothing to choose on 80 % of problems, correlation 0.7 on the others": _nothing,
}


@dataclass(frozen=True)
class Studies:
    """Picks by score among all draws, and the control's chances; shape (studies, problems)."""

    picked: Floats
    chance: Floats

    @property
    def change(self) -> Floats:
        return self.picked - self.chance


def studies(draw: Draw, count: int, problems: int, rng: np.random.Generator) -> Studies:
    """At K = n: the pick is the correct draw with the highest score."""
    picked, chance = np.zeros((2, count, problems))
    for j in range(problems):
        share, rho = draw(rng, count)
        score = rng.normal(size=(count, SAMPLES))
        other = rng.normal(size=score.shape)
        speed = rho[:, None] * score + np.sqrt(1 - rho[:, None] ** 2) * other
        fast = speed > -ndtri(np.clip(share, 1e-9, 1 - 1e-9))[:, None]
        correct = rng.random(score.shape) < 0.5
        c = correct.sum(axis=1)
        best = np.where(correct, score, -np.inf).argmax(axis=1)
        picked[:, j] = fast[np.arange(count), best] & (c > 0)
        chance[:, j] = (fast & correct).sum(axis=1) / np.maximum(c, 1)
    return Studies(picked, chance)


def truth_of(draw: Draw, rng: np.random.Generator) -> float:
    made = studies(draw, 2000, 100, rng)
    return float(made.change.mean())


def judged(made: Studies) -> list[PairedDifference]:
    return [
        paired_difference(a, b, coins(b)) for a, b in zip(made.picked, made.chance, strict=True)
    ]


def rates(found: list[PairedDifference], truth: float) -> dict[str, float]:
    low, high, p = (
        np.array([getattr(one, name) for one in found]) for name in ("low", "high", "p")
    )
    return {
        "claims": share(p < LEVEL),
        "covered": share((low <= truth + 1e-12) & (truth - 1e-12 <= high)),
        "low_end_above": share(low > truth + 1e-12),
        "high_end_below": share(high < truth - 1e-12),
        "width": round(float((high - low).mean()), 3),
    }


def share(hits: NDArray[np.bool_]) -> float:
    return round(float(np.mean(hits)), 4)


def before(made: Studies, truth: float) -> dict[str, float]:
    """The method before: BCa over problems, and the exact sign test."""
    _, low, high = bootstrap_mean(made.change.T, bounds=DIFFERENCE)
    sign = np.array(
        [mcnemar_exact(int((one > 1e-9).sum()), int((one < -1e-9).sum())).p for one in made.change]
    )
    out = (low > 0) | (high < 0)
    return {
        "bca_leaves_out_0": share(out),
        "sign_test": share(np.nan_to_num(sign, nan=1.0) < LEVEL),
        "both": share(out & (np.nan_to_num(sign, nan=1.0) < LEVEL)),
        "bca_covered": share((low <= truth + 1e-12) & (truth - 1e-12 <= high)),
    }


def at_all_draws(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """K = n, no ties: the issue's nulls, and populations with an effect."""
    found: dict[str, Any] = {"nulls": {}, "populations": {}}
    for group, draws in (("nulls", NULLS), ("populations", POPULATIONS)):
        for name, draw in draws.items():
            truth = 0.0 if group == "nulls" else truth_of(draw, rng)
            found[group][name] = {"truth": round(truth, 4)}
            for problems in SIZES:
                made = studies(draw, count, problems, rng)
                row = rates(judged(made), truth)
                found[group][name][str(problems)] = row | {"before": before(made, truth)}
    return found


def must_keep(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """How many of the studies any interval has to keep the truth in, by enumeration of outcomes.

    Given the problems' shares a sum of picks has few values, each with a known chance. An interval
    without a coin of its own leaves out the truth at some of them, from either end inwards, or not;
    where those have a chance of at most 5 % whatever the shares are, it covers at least the rest.
    Mid-P asks 5 % of the average over studies and not of every set of shares. For two arms of 0 and
    1 the same, given on how many problems they differ.
    """
    found: dict[str, Any] = {}
    for name, draw in (NULLS | POPULATIONS).items():
        chance_of = (lambda share: share) if name in NULLS else _given_share(draw, rng)
        found[name] = {}
        for problems in SIZES:
            laws = _laws(chance_of(studies(draw, count, problems, rng).chance))
            found[name][str(problems)] = _kept(laws)
    for name, gain, n in TWO_ARMS:
        if n == 8 and not gain:
            for problems in SIZES:
                arms = (_arms(problems, gain, n, rng) for _ in range(count))
                differ = np.array([a != b for a, b in arms])
                found.setdefault(name, {})[str(problems)] = _kept(_laws(differ / 2))
    return found


def _given_share(draw: Draw, rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """P(the pick is fast) of a problem of which that share of correct draws is fast; to a
    hundredth, between which no share but 0 and 1 is told apart from its neighbours."""
    made = studies(draw, 8_000, 50, rng)
    place = np.round(100 * made.chance).astype(int).ravel()
    problems = np.bincount(place, minlength=101)
    fast = np.bincount(place, made.picked.ravel(), 101) / np.maximum(problems, 1)
    return lambda share: fast[np.round(100 * share).astype(int)]


def _kept(laws: Floats) -> float:
    """Of laws of shape (studies, sums): what lies between two tails of at most 5 % together."""
    none = np.zeros((len(laws), 1))
    below = np.c_[none, np.cumsum(laws, axis=1)]
    above = np.c_[np.cumsum(laws[:, ::-1], axis=1)[:, ::-1], none]
    # The two do not meet: what is below ends where what is above begins, or before.
    apart = np.tri(below.shape[1], dtype=np.bool_).T
    both = np.where(apart, below[:, :, None] + above[:, None, :], 1.0)
    left_out = np.where(both <= LEVEL, both, 0.0).max(axis=(1, 2))
    return round(float(1 - left_out.mean()), 4)


def _laws(chance: Floats) -> Floats:
    """P(0, 1, …, n hits) of every study; (studies, problems) → (studies, problems + 1)."""
    law = np.zeros((len(chance), chance.shape[1] + 1))
    law[:, 0] = 1
    for p in chance.T[:, :, None]:
        law[:, 1:] = law[:, 1:] * (1 - p) + law[:, :-1] * p
        law[:, :1] *= 1 - p
    return law


def power(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """20 problems; beside the exact Poisson-binomial test alone (no mid-P), and the one before."""
    found = {}
    for name, a, b in (("Beta(2, 2)", 2, 2), ("Beta(1, 1)", 1, 1), ("Beta(1, 9)", 1, 9)):
        for rho in (0.2, 0.3, 0.5):
            draw = beta(a, b, rho)
            truth, made = truth_of(draw, rng), studies(draw, count, 20, rng)
            row = rates(judged(made), truth)
            exact = [_exact(x, p) < LEVEL for x, p in zip(made.picked, made.chance, strict=True)]
            found[f"{name}, correlation {rho}"] = row | {
                "truth": round(truth, 4),
                "exact_poisson_binomial": share(np.array(exact)),
                "before": before(made, truth),
            }
    return found


def _exact(picked: Floats, chance: Floats) -> float:
    """Two-sided, without mid-P: P(as many or more), by the law just above and just below."""
    above = sum_test(coins(chance), float(picked.sum()) - 0.5).above
    below = sum_test(coins(chance), float(picked.sum()) + 0.5).below
    # Between two lattice points the mid-P tail is the mean of the two neighbours' tails, so the
    # exact tails are read half a step away.
    return min(1.0, 2 * min(above, below))


@dataclass(frozen=True)
class Setting:
    """Another way to pick: K of n, the best of `top`, with or without ties, n by problem."""

    name: str
    k: int
    top: int = 1
    ties: bool = False
    sizes: tuple[int, ...] = (SAMPLES,)


SETTINGS = (
    Setting("K = 4 of 64", 4),
    Setting("K = 32 of 64", 32),
    Setting("K = 64 of 64, ties", 64, ties=True),
    Setting("K = 16 of 64, ties", 16, ties=True),
    Setting("K = 16 of 16 to 100", 16, sizes=(16, 24, 64, 100)),
    Setting("best of 3, K = 64 of 64", 64, top=3),
    Setting("best of 3, K = 32 of 64", 32, top=3),
    Setting("best of 3, K = 16 of 16 to 100, ties", 16, top=3, ties=True, sizes=(16, 24, 100)),
)


OTHER_WORLDS: dict[str, Draw] = {
    "5 % for all": constant(0.05),
    "Beta(9, 1)": beta(9, 1),
    "Beta(2, 2), correlation 0.3": beta(2, 2, 0.3),
}


def other_settings(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """20 problems: two nulls, and an effect."""
    return {
        f"{setting.name}; {name}": _setting(setting, name, count, rng)
        for setting in SETTINGS
        for name in OTHER_WORLDS
    }


POOL = 8_000
"""Problems of a setting that its studies draw 20 of each, since their laws take time. Their mean
difference, where scores are noise, is a twentieth of a study's standard error off 0."""


def _setting(setting: Setting, name: str, count: int, rng: np.random.Generator) -> dict[str, float]:
    pool = [_values(setting, OTHER_WORLDS[name], rng) for _ in range(POOL)]
    truth = float(np.mean([a - b for a, b, _ in pool])) if "correlation" in name else 0.0
    tests = []
    for _ in range(count):
        rows = [pool[i] for i in rng.integers(POOL, size=20)]
        laws = outcomes_of([law for _, _, law in rows])
        a, b = (np.array([row[i] for row in rows]) for i in (0, 1))
        tests.append(paired_difference(a, b, laws))
    return rates(tests, truth) | {"truth": round(truth, 4)}


def _values(
    setting: Setting, draw: Draw, rng: np.random.Generator
) -> tuple[float, float, tuple[Floats, Floats]]:
    """One problem: the rule's value, the control's, and the law of the first by chance."""
    n = int(rng.choice(setting.sizes))
    fast_share, rho = (float(one[0]) for one in draw(rng, 1))
    c = int(rng.binomial(n, 0.5))
    score = rng.normal(size=c)
    speed = rho * score + np.sqrt(1 - rho**2) * rng.normal(size=c)
    if setting.ties:
        score = np.round(score)
    fast = (speed > -ndtri(np.clip(fast_share, 1e-9, 1 - 1e-9))).astype(np.float64)
    wide = np.zeros((2, 2, n))
    wide[0, 0, :c], wide[1, :, :c] = score, speed  # the second row is the control's
    values = np.zeros((1, 2, n))
    values[0, :, :c] = fast
    correct = np.tile(np.arange(n) < c, (2, 1))
    ranked = rank_values(values, wide[0], wide[1], correct, top=setting.top)
    a, b = expected_at(ranked, [setting.k])[0, :, 0].tolist()
    ties = tuple(np.unique(-score, return_counts=True)[1].tolist())
    rule = Rule(n, setting.k, setting.top)
    return (
        a,
        b,
        random_scores_law(
            fast, beaten_by(speed[None], np.arange(c)[None], np.ones((1, c), bool))[0], ties, rule
        ),
    )


TWO_ARMS = (
    ("no difference, pass@8 of 32", 0.0, 32),
    ("no difference, 0 or 1", 0.0, 8),
    ("gain 0.5, pass@8 of 32", 0.5, 32),
    ("gain 0.5, 0 or 1", 0.5, 8),
)
"""Name, gain, draws of a problem."""


def two_arms(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Two arms with draws of their own and no control between them: pass@8 of 32 draws each, and
    outcomes of 0 and 1; arm a gains `gain` in log-odds, by problem ± 0.5."""
    return {
        f"{name}; {problems} problems": _two(gain, n, problems, count, rng)
        for name, gain, n in TWO_ARMS
        for problems in SIZES
    }


def _two(
    gain: float, n: int, problems: int, count: int, rng: np.random.Generator
) -> dict[str, float]:
    truth = float(np.mean(np.subtract(*_arms(200_000, gain, n, rng)))) if gain else 0.0
    tests = [paired_difference(*_arms(problems, gain, n, rng)) for _ in range(count)]
    return rates(tests, truth) | {"truth": round(truth, 4)}


def _arms(problems: int, gain: float, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    base = rng.normal(-2.5, 1.5, problems)
    lift = base + gain + rng.normal(0, 0.5, problems)
    other = base + rng.normal(0, 0.5, problems)
    passed = (rng.binomial(n, 1 / (1 + np.exp(-one))) for one in (lift, other))
    a, b = (pass_at_k(n, one, 8) for one in passed)
    return a, b


def speedups(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """log speedup of a pick over that of a random one, and a mean over problems of which one kind
    in eight runs thirty times faster: no interval knows a kind that is not there."""
    found: dict[str, Any] = {}
    for problems in SIZES:
        tests = []
        for _ in range(count):
            logs = [
                rng.normal(0, 0.3, 32) + np.where(rng.random(32) < 0.03, 2.0, 0.0)
                for _ in range(problems)
            ]
            a, b = np.array([one[0] for one in logs]), np.array([one.mean() for one in logs])
            law = outcomes_of([(one, np.full(32, 1 / 32)) for one in logs])
            tests.append(paired_difference(a, b, law, bounds=None))
        found[f"noise, rare fast draws; {problems} problems"] = rates(tests, 0.0)
        kind = rng.random((problems, count)) < 1 / 8
        values = rng.normal(0.1, 0.3, (problems, count)) + kind * np.log(30)
        _, low, high = bootstrap_mean(values)
        truth = 0.1 + np.log(30) / 8
        found[f"one kind in eight thirty times faster; {problems} problems"] = {
            "covered_by_the_geometric_means_interval": share((low <= truth) & (truth <= high)),
            "studies_without_that_kind": share(~kind.any(axis=0)),
            "share_said_to_be_missing_at_most": round(1 - 0.05 ** (1 / problems), 3),
        }
    return found


PILOTS = 300
"""Studies of 20 problems of which each says how many would settle its gap."""


def promised(count: int, rng: np.random.Generator) -> dict[str, Any]:
    """The problems that would settle a gap, from 40,000 of its population; and the power there.

    Then what the page says, from 20 problems that leave the question open, and the power that many
    have in truth: from the one measured, since on the scale of normal scores power grows like the
    root of the number of problems.
    """
    found = {}
    for name, a, b in (("Beta(2, 2)", 2, 2), ("Beta(1, 9)", 1, 9), ("Beta(9, 1)", 9, 1)):
        for rho in (0.2, 0.3, 0.5):
            made = studies(beta(a, b, rho), 20, 2000, rng)
            needed = _needed(made.picked.ravel(), made.chance.ravel()) or 0
            power = rates(judged(studies(beta(a, b, rho), count, needed, rng)), 0.0)["claims"]
            slope = (ndtri(power) - ndtri(LEVEL / 2)) / np.sqrt(needed)
            pilots = studies(beta(a, b, rho), PILOTS, 20, rng)
            told, least, reached = [], [], []
            for one, x, p in zip(judged(pilots), pilots.picked, pilots.chance, strict=True):
                said = _needed(x, p)
                bound = needed_at_least(said, one)
                if one.p < LEVEL or said is None or bound is None or said <= 20:
                    continue
                told.append(said)
                least.append(bound)
                # A gap seen on the wrong side would be settled the wrong way, or not.
                reached.append(ndtr(slope * np.sqrt(said) + ndtri(LEVEL / 2)))
            found[f"{name}, correlation {rho}"] = {
                "problems": needed,
                "power": power,
                "from_20_problems": {
                    "pages_that_say_a_number": round(len(told) / PILOTS, 3),
                    "number_at_10_50_90_percent": np.quantile(told, [0.1, 0.5, 0.9])
                    .astype(int)
                    .tolist(),
                    "power_on_average": round(float(np.mean(reached)), 3),
                    "power_at_10_50_90_percent": np.quantile(reached, [0.1, 0.5, 0.9])
                    .round(2)
                    .tolist(),
                    "said_at_least_is_at_most_the_true_number": share(np.array(least) <= needed),
                },
            }
    return found


def _needed(picked: Floats, chance: Floats) -> int | None:
    variance = chance * (1 - chance)
    return problems_needed(picked - chance, variance, variance * (1 - 2 * chance))


@dataclass(frozen=True)
class World:
    """Where a page's problems come from, and what is true there."""

    draw: Draw
    length: bool = False
    """Whether length makes the correlation."""
    ties: bool = False
    ragged: bool = False
    null: bool = False


WORLDS: dict[str, World] = {
    "noise, 5 % fast": World(constant(0.05), null=True),
    "noise, Beta(1, 9)": World(beta(1, 9), null=True),
    "noise, Beta(9, 1)": World(beta(9, 1), null=True),
    "noise, Beta(1, 1), ties, unequal n": World(beta(1, 1), ties=True, ragged=True, null=True),
    "Beta(2, 2), correlation 0.3": World(beta(2, 2, 0.3)),
    "Beta(2, 2), correlation 0.5": World(beta(2, 2, 0.5)),
    "Beta(2, 2), correlation -0.5": World(beta(2, 2, -0.5)),
    "Beta(1, 9), correlation 0.5, unequal n": World(beta(1, 9, 0.5), ragged=True),
    "Beta(2, 2), 0.5 through length": World(beta(2, 2, 0.5), length=True),
    "correlation 0.8 on half, -0.8 on half": World(_opposed),
    "nothing to choose on 80 %": World(_nothing),
}


@dataclass(frozen=True)
class Truth:
    """Of a world, over many of its problems."""

    fast: dict[str, float]
    """fast_1 at K by rule."""
    best: dict[int, float]
    """fast_1 of the best of k."""
    sign: float
    """Of the rank correlation within problems; 0 for none, or for one that depends."""
    length: bool
    """Whether length makes it."""


def page_truth(world: World, k: int, rng: np.random.Generator) -> Truth:
    """From 40,000 problems with k draws each; a rule's value is unbiased whatever n."""
    size = 40_000
    fast_share, rho = world.draw(rng, size)
    length, mine, hidden = rng.normal(size=(3, size, k))
    if world.length:
        root = np.sqrt(np.abs(rho))[:, None]
        score = root * length + np.sqrt(1 - root**2) * mine
        speed = np.sign(rho)[:, None] * root * length + np.sqrt(1 - root**2) * hidden
    else:
        score, speed = mine, rho[:, None] * mine + np.sqrt(1 - rho[:, None] ** 2) * hidden
    if world.ties:
        score = np.round(score) + 1e-6 * rng.normal(size=score.shape)
    fast = speed > -ndtri(np.clip(fast_share, 1e-9, 1 - 1e-9))[:, None]
    correct = rng.random(fast.shape) < 0.5
    orders = {"surprisal": score, "confidence": -score, "random": rng.normal(size=score.shape)}
    found = {}
    for name, by in orders.items():
        ranked = np.argsort(np.where(correct, -by, np.inf), axis=1)[:, :3]
        hit = np.take_along_axis(fast & correct, ranked, axis=1)
        found[name] = float(hit[:, 0].mean())
        found[f"{name}-top3"] = float(hit.any(axis=1).mean())
    found["random"] = float(((fast & correct).sum(1) / np.maximum(correct.sum(1), 1)).mean())
    if world.null:
        for name in ("surprisal", "confidence"):
            found[name], found[f"{name}-top3"] = found["random"], found["random-top3"]
    ks = [2**i for i in range(k.bit_length())]
    hits = (fast & correct).sum(axis=1)
    best = {one: float(pass_at_k(k, hits, one).mean()) for one in ks}
    signs = np.sign(rho)
    return Truth(found, best, 0.0 if len(np.unique(signs)) > 1 else float(signs[0]), world.length)


def page(world: World, problems: int, n: int, rng: np.random.Generator) -> Answer:
    fast_share, rho = world.draw(rng, problems)
    sizes = rng.choice([n, n + 5, 2 * n], problems) if world.ragged else np.full(problems, n)
    draws = [
        problem(
            Kind(0.5, float(fast_share[i]), float(rho[i]), world.length),
            int(sizes[i]),
            rng,
            i + 1,
            ties=world.ties,
        )
        for i in range(problems)
    ]
    return screen(document(draws), draws)


NUMBER = r"([0-9.]+) %"
SPAN = r"\(([0-9.]+)–([0-9.]+) %\)"


def sentences(said: Answer, truth: Truth) -> list[tuple[str, bool]]:
    """(kind of sentence, whether it is true of the population); what describes these data alone is
    left out, since it is computed from them."""
    lead = said.lead.replace("\u00a0", " ")
    points = {one.question: one.answer.replace("\u00a0", " ") for one in said.points}
    fast, found = truth.fast, []
    if hit := re.search(r"If none can be timed, (\S+) picks best: ", lead):
        rules = [fast[name] for name in ("surprisal", "confidence", "random")]
        found.append(("picks best", fast[hit[1]] > fast["random"] and fast[hit[1]] == max(rules)))
    if hit := re.search(r"finds a kernel faster than the reference on .*? " + SPAN, lead):
        drawn = int((re.search(r"Draw (?:all|about) (\d+)", lead) or ["", "1"])[1])
        found.append(("interval: best of k", _holds(hit, truth.best[drawn])))
    for name, control in (("Which strategy, without timing?", "random"),
                          ("And when three may be timed?", "random-top3")):  # fmt: skip
        text = points.get(name, "")
        for side, wanted in (("Better", 1), ("Worse", -1)):
            if hit := re.search(
                rf"{side} than at random by more than chance explains: (.*?)\.(?: |$)", text
            ):
                found += [
                    (f"{side.lower()} than random", wanted * (fast[rule] - fast[control]) > 0)
                    for rule in re.findall(r"([a-z][a-z0-9-]+), p", hit[1])
                ]
        if hit := re.match(r"(?:At k = \d+, )?(\S+) (?:picks|reaches) .*?" + SPAN, text):
            held = float(hit[2]) / 100 - 5e-3 <= fast[hit[1].lower()] <= float(hit[3]) / 100 + 5e-3
            found.append(("interval: fast_1 of the first named", held))
    beats = points.get("Does surprisal beat a random choice?", "")
    gap = fast["surprisal"] - fast["random"]
    if beats.startswith("Yes"):
        found.append(("yes, surprisal beats random", gap > 0))
    if beats.startswith("No,"):
        found.append(("no, random is better", gap < 0))
    if hit := re.search(r"interval ([+−0-9.]+) to ([+−0-9.]+)\)", beats):
        low, high = (float(hit[i].replace("−", "-")) / 100 for i in (1, 2))
        found.append(("interval: surprisal minus random", low - 5e-3 <= gap <= high + 5e-3))
    many = points.get("How many samples?", "")
    if hit := re.search(r"From k = (\d+) on, no doubling added", many):
        later = [k for k in truth.best if k > int(hit[1])]
        most = max(truth.best[k] - truth.best[k // 2] for k in later)
        bound = re.search(r"may still add up to (\d+) points", many)
        limit = float(bound[1]) / 100 + 5e-3 if bound else 0.03
        found.append(("no doubling adds more than said", most <= limit))
    applies = points.get("Does selection by log-probability apply?", "")
    if "more surprising kernels are" in applies:
        way = 1 if "kernels are faster" in applies else -1
        found.append(("more surprising kernels are faster or slower", way * truth.sign > 0))
    if "length explains it" in applies:
        found.append(("length explains it", truth.length))
    if "at equal length, too" in applies:
        found.append(("at equal length, too", truth.sign != 0 and not truth.length))
    if hit := re.match(r"Yes: (.*?) picks? better", applies):
        rules = re.findall(r"[a-z][a-z0-9-]+", hit[1].replace(" and ", " "))
        ahead = [fast[r] > fast["random-top3" if "top3" in r else "random"] for r in rules]
        found.append(("selection applies", all(ahead)))
    return found


def _holds(hit: re.Match[str], value: float) -> bool:
    return float(hit[1]) / 100 - 5e-3 <= value <= float(hit[2]) / 100 + 5e-3


def contradictions(said: Answer) -> list[str]:
    """Pairs of sentences on one page that cannot both be right."""
    lead = said.lead.replace("\u00a0", " ")
    points = {one.question: one.answer.replace("\u00a0", " ") for one in said.points}
    beats = points.get("Does surprisal beat a random choice?", "")
    untimed = points.get("Which strategy, without timing?", "")
    three = points.get("And when three may be timed?", "")
    applies = points.get("Does selection by log-probability apply?", "")
    best = re.search(r"If none can be timed, (\S+) picks best: ", lead)
    open_ = re.search(r"cannot tell (.*?) from a random choice", untimed)
    better = re.search(
        r"Better than at random by more than chance explains: (.*?)\.(?: |$)", untimed
    )
    named = better[1] if better else ""
    found = []
    if best and best[1] not in named:
        found.append("the lead's winner is not told from random below it")
    if not best and "better than at random" not in lead and named:
        found.append("a rule is better than random, and the lead does not say so")
    if beats.startswith("Yes") and not re.search(r"\bsurprisal,", named):
        found.append("surprisal beats random, and does not")
    if beats.startswith("Yes") and "choose at random" in lead:
        found.append("surprisal beats random, and the lead says to choose at random")
    if beats.startswith("No,") and best and best[1] == "surprisal":
        found.append("random beats surprisal, and surprisal picks best")
    if "cannot settle" in beats and best and best[1] == "surprisal":
        found.append("the lead's winner cannot be settled")
    if open_ and best and re.search(rf"\b{best[1]}\b(?!-)", open_[1]):
        found.append("the lead's winner cannot be told from random")
    if hit := re.search(r"interval ([+−0-9.]+) to ([+−0-9.]+)\)", beats):
        low, high = (float(hit[i].replace("−", "-")) for i in (1, 2))
        if beats.startswith(("Yes", "No,")) and low <= 0 <= high:
            found.append("settled, by an interval that holds 0")
        if "cannot settle" in beats and not low <= 0 <= high:
            found.append("not settled, by an interval that leaves out 0")
    if applies.startswith("Yes") and not ("Better than" in untimed or "Better than" in three):
        found.append("selection applies, and no rule is better than random")
    if applies.startswith(("They say", "Not shown")) and (
        "Better than" in untimed or "Better than" in three
    ):
        found.append("a rule is better than random, and selection is not shown to apply")
    return found


def pages(count: int, problems: int, n: int, rng: np.random.Generator) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wrong: Counter[str] = Counter()
    for name, world in WORLDS.items():
        truth = page_truth(world, n, rng)
        told: Counter[str] = Counter()
        right: Counter[str] = Counter()
        for _ in range(count):
            said = page(world, problems, n, rng)
            wrong.update(contradictions(said))
            for kind, holds in sentences(said, truth):
                told[kind] += 1
                right[kind] += holds
        found[name] = {
            "surprisal_minus_random": round(truth.fast["surprisal"] - truth.fast["random"], 4),
            "sentences": {kind: {"said": told[kind], "true": right[kind]} for kind in sorted(told)},
        }
    return {
        "pages": count * len(WORLDS),
        "problems": problems,
        "draws": n,
        "contradictions": dict(wrong),
        "worlds": found,
    }


def outside(row: dict[str, Any], *, null: bool) -> bool:
    """Of the bar: false claims at most 5.5 %, coverage 93 to 98 %."""
    return (null and row["claims"] > MOST_CLAIMS) or not COVERED[0] <= row["covered"] <= COVERED[1]


def settled(count: int, rng: np.random.Generator, record: dict[str, Any]) -> dict[str, Any]:
    """Every cell outside the bar once more, of twice as many new studies as the fullest has."""
    found: dict[str, Any] = {}

    def again(name: str, row: dict[str, Any], null: bool, cell: Callable[[], dict[str, Any]],
              least: float | None = None) -> None:  # fmt: skip
        if not outside(row, null=null):
            return
        new = cell()
        error = {
            f"{one}_standard_error": round(float(np.sqrt(new[one] * (1 - new[one]) / count)), 4)
            for one in ("claims", "covered")
        }
        over = new["covered"] > COVERED[1] and not (null and new["claims"] > MOST_CLAIMS)
        found[name] = (
            new
            | error
            | {
                "at_first": {one: row[one] for one in ("claims", "covered")},
                "must_keep": least,
                "outside": outside(new, null=null),
                "cannot_be_helped": over and least is not None and least > COVERED[1],
            }
        )

    for group, draws in (("nulls", NULLS), ("populations", POPULATIONS)):
        for name, draw in draws.items():
            cell = record["all_draws"][group][name]
            truth = 0.0 if draw is _crossed else cell["truth"]  # its effects cancel exactly
            for n in SIZES:
                again(
                    f"{name}; {n} problems", cell[str(n)], not truth,
                    lambda d=draw, t=truth, n=n: rates(judged(studies(d, count, n, rng)), t),
                    record["must_keep"][name][str(n)],
                )  # fmt: skip
    for setting in SETTINGS:
        for name in OTHER_WORLDS:
            key = f"{setting.name}; {name}"
            again(
                key, record["other_settings"][key], "correlation" not in name,
                lambda s=setting, w=name: _setting(s, w, count, rng),
            )  # fmt: skip
    for name, gain, draws_each in TWO_ARMS:
        for n in SIZES:
            key = f"{name}; {n} problems"
            again(
                key, record["two_arms"][key], not gain,
                lambda g=gain, d=draws_each, n=n: _two(g, d, n, count, rng),
                record["must_keep"].get(name, {}).get(str(n)),
            )  # fmt: skip
    return found


def verdict(record: dict[str, Any]) -> dict[str, Any]:
    """What stays outside the bar once settled, and why; and the powers reached."""
    again = record["settled"]
    return {
        "settled": len(again),
        "outside": [name for name, one in again.items() if one["outside"]],
        "outside_and_cannot_be_helped": [
            name for name, one in again.items() if one["outside"] and one["cannot_be_helped"]
        ],
        "powers_promised_80": [one["power"] for one in record["promised"].values()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--pages", type=int, default=200, help="of each world")
    parser.add_argument("--only", nargs="*", help="parts to do again; the record keeps the others")
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    count, begun = arguments.studies, time.process_time()
    # A generator for each part, so that one alone comes out as it does among the others.
    parts: dict[str, tuple[Callable[[int, np.random.Generator], dict[str, Any]], int]] = {
        "all_draws": (at_all_draws, count),
        "power_20_problems": (power, count),
        "other_settings": (other_settings, count),
        "two_arms": (two_arms, count),
        "speedups": (speedups, count // 3),
        "promised": (promised, count),
        "first_screen": (lambda many, rng: pages(many, 20, 32, rng), arguments.pages),
        "must_keep": (must_keep, count),
        "settled": (lambda many, rng: settled(many, rng, record), 2 * count),
    }
    record = {}
    if arguments.only and arguments.record.exists():
        record = json.loads(arguments.record.read_text())
    for i, (name, (part, many)) in enumerate(parts.items()):
        if arguments.only and name not in arguments.only:
            continue
        found = part(many, np.random.default_rng((22, i)))
        record |= {
            "question": "false claims, coverage and power of paired comparisons; sentences true "
            "or false",
            "samples": SAMPLES,
            "bar": {"false_claims": MOST_CLAIMS, "covered": COVERED},
            "studies_a_cell": record.get("studies_a_cell", {}) | {name: many},
            name: found,
            "machine": platform.machine(),
            "versions": {one: version(one) for one in ("numpy", "scipy")},
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
        }
        if all(one in record for one in parts):
            record["verdict"] = verdict(record)
        arguments.record.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        print(name, f"{time.process_time() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
