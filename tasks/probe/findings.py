"""What a probe comes to, arm by arm and step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.ledger import ProblemKey
from tasks.adapt.checkpoint import BASE, Checkpoint
from tasks.adapt.standing import Made
from tasks.adapt.units import BASE_ARM, Unit
from tasks.probe.association import (
    Pooled,
    least_likely_quarter,
    partial_over_problems,
    pooled_by_fisher,
    spearman,
)
from tasks.probe.draws import Draws, Row
from tasks.probe.scores import Scores
from tasks.statistics.arrays import Bools, Floats
from tasks.statistics.pass_at_k import pass_at_k


@dataclass(frozen=True)
class Finding:
    """One step of one arm; of the base arm, one stage under the base model. NaN where undefined.

    problems: whose unit still goes on at that step. moved: those among them whose weights are not
        the base model's.

    Of the fixed draws, under the weights of the step:
    surprise: mean over draws of −log p, nats per token.
    rho: Spearman's ρ of surprise and log speedup over correct draws, within problems. partial: the
        same at equal length. quarter: over the quarter of each problem's correct draws that the
        base model finds least likely.
    paper_rho, paper_quarter: ρ of surprise and speedup (incorrect: 0) over all draws of all
        problems at once, as the paper has it; the same over the quarter that the base model finds
        least likely.

    Of the draws that the weights made themselves:
    draws: how many. entropy: −log p, nats per token. kl_from_base: KL(π_s‖π_0), nats per token,
        estimated from them. distinct: share of distinct sources.
    pass_at_k: P(some draw of k is correct), by k. hack_rate: share of draws that were rejected.
        The last three are means over problems.
    """

    arm: str
    step: int
    problems: int
    moved: int
    surprise: float
    rho: Pooled
    partial: Pooled
    quarter: Pooled
    paper_rho: float
    paper_quarter: float
    draws: int
    entropy: float
    kl_from_base: float
    distinct: float
    pass_at_k: dict[int, float]
    hack_rate: float


@dataclass(frozen=True)
class Weights:
    """Under which checkpoint each problem's unit stands; None for the base model."""

    arm: str
    step: int
    checkpoints: Mapping[ProblemKey, Checkpoint | None]


def weights_of(units: Sequence[Unit], made: Made, last: int) -> Iterator[Weights]:
    """Of every arm and step from 1 at which one of its units goes on."""
    for arm in dict.fromkeys(unit.arm for unit in units):
        for step in range(1, last + 1):
            found: dict[ProblemKey, Checkpoint | None] = {}
            for unit in units:
                standing = made.at(unit, step) if unit.arm == arm else None
                if standing is not None and not standing.ended:
                    found |= dict.fromkeys(unit.keys, standing.checkpoint)
            if found:
                yield Weights(arm, step, found)


def findings(weights: Sequence[Weights], fixed: Draws, own: Draws, scores: Scores) -> list[Finding]:
    """The base arm's stages first, then as `weights` has them."""
    last = max((row["step"] for row in own.all if row["arm"] == BASE_ARM), default=0)
    everywhere = dict.fromkeys(fixed.rows | own.rows)
    stages = [Weights(BASE_ARM, stage, everywhere) for stage in range(last + 1)]
    return [_finding(one, fixed, own, scores) for one in [*stages, *weights]]


@dataclass(frozen=True)
class _Fixed:
    """A problem's fixed draws, arrays of shape (n,)."""

    surprise: Floats
    at_first: Floats
    length: Floats
    speedup: Floats
    """0 where incorrect."""

    @property
    def correct(self) -> Bools:
        return self.speedup > 0

    def quarter(self) -> Bools:
        chosen = np.zeros(len(self.speedup), np.bool_)
        correct = np.flatnonzero(self.correct)
        chosen[correct[least_likely_quarter(self.at_first[correct])]] = True
        return chosen


def _finding(weights: Weights, fixed: Draws, own: Draws, scores: Scores) -> Finding:
    known = [
        _fixed(rows, scores, fixed.run, key, checkpoint.checkpoint_id if checkpoint else BASE)
        for key, checkpoint in weights.checkpoints.items()
        if (rows := fixed.rows.get(key))
    ]
    drawn = [
        (key, mine)
        for key in weights.checkpoints
        if (mine := [row for row in own.rows.get(key, []) if _place(row) == _at(weights)])
    ]
    everything = _together(known)
    quarter = least_likely_quarter(everything.at_first)
    return Finding(
        arm=weights.arm,
        step=weights.step,
        problems=len(weights.checkpoints),
        moved=sum(one is not None for one in weights.checkpoints.values()),
        surprise=float(everything.surprise.mean()) if len(everything.surprise) else math.nan,
        rho=pooled_by_fisher([_pair(one, one.correct) for one in known]),
        partial=partial_over_problems(
            [(*_pair(one, one.correct), one.length[one.correct]) for one in known]
        ),
        quarter=pooled_by_fisher([_pair(one, one.quarter()) for one in known]),
        paper_rho=spearman(everything.surprise, everything.speedup),
        paper_quarter=spearman(everything.surprise[quarter], everything.speedup[quarter]),
        draws=sum(len(mine) for _, mine in drawn),
        entropy=-_per_token([row["sum_logprob"] for _, mine in drawn for row in mine], drawn),
        kl_from_base=_per_token(
            [_from_base(row, scores, own.run, key) for key, mine in drawn for row in mine], drawn
        ),
        distinct=_mean(
            [len({row["source_hash"] for row in mine}) / len(mine) for _, mine in drawn]
        ),
        pass_at_k=_passes([mine for _, mine in drawn]),
        hack_rate=_mean([np.mean([row["status"] == "rejected" for row in m]) for _, m in drawn]),
    )


def _fixed(
    rows: Sequence[Row], scores: Scores, run: str, key: ProblemKey, checkpoint: str
) -> _Fixed:
    now, before = scores.of(checkpoint, run, key), scores.of(BASE, run, key)
    return _Fixed(
        surprise=np.array([-now[row["sample_index"]]["mean_logprob"] for row in rows]),
        at_first=np.array([-before[row["sample_index"]]["mean_logprob"] for row in rows]),
        length=np.array([len(row["token_ids"]) for row in rows], np.float64),
        speedup=np.array([row["speedup"] or 0.0 if row["correct"] else 0.0 for row in rows]),
    )


def _together(known: Sequence[_Fixed]) -> _Fixed:
    columns = ([getattr(one, name) for one in known] for name in _Fixed.__dataclass_fields__)
    return _Fixed(*(np.concatenate([np.zeros(0), *one]) for one in columns))


def _pair(one: _Fixed, chosen: Bools) -> tuple[Floats, Floats]:
    return one.surprise[chosen], np.log(one.speedup[chosen])


def _from_base(row: Row, scores: Scores, run: str, key: ProblemKey) -> float:
    """How far a draw's own weights are from the base model, by its tokens."""
    if row["checkpoint_id"] is None:
        return 0.0
    return float(scores.of(BASE, run, key)[row["sample_index"]]["divergence"])


def _per_token(sums: Sequence[float], drawn: Sequence[tuple[ProblemKey, Sequence[Row]]]) -> float:
    tokens = sum(len(row["token_ids"]) for _, mine in drawn for row in mine)
    return float(sum(sums)) / tokens if tokens else math.nan


def _passes(drawn: Sequence[Sequence[Row]]) -> dict[int, float]:
    """At every power of two that all problems have draws for."""
    least = min((len(mine) for mine in drawn), default=0)
    ks = [2**power for power in range(least.bit_length()) if 2**power <= least]
    n = np.array([len(mine) for mine in drawn])
    correct = np.array([sum(row["correct"] for row in mine) for mine in drawn])
    return {k: float(np.mean(pass_at_k(n, correct, k))) for k in ks}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _place(row: Row) -> tuple[str, int]:
    return (row["arm"], row["step"])


def _at(weights: Weights) -> tuple[str, int]:
    return (weights.arm, weights.step)
