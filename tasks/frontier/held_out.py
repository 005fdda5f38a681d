"""What a training did on problems that it did not learn from, checkpoint by checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.best_of_adaptation import best_of_adaptation
from tasks.adapt.named import PREFIX
from tasks.adapt.units import BASE_ARM
from tasks.frontier.anchors import shifts_of
from tasks.frontier.compare import FEWEST_UNITS
from tasks.frontier.document import Interval, Plain, interval, known
from tasks.frontier.guards import Guard, anchor_guard
from tasks.statistics import (
    Estimate,
    PairedDifference,
    bootstrap_mean,
    holm,
    paired_difference,
    rate_interval,
)
from tasks.statistics.arrays import Bools, Floats
from tasks.strategies.verdict import SURE

PLACEBO = "placebo"


class Evaluation(Plain):
    """A checkpoint on the held-out problems: means over problems, null where undefined.

    policy: what samples from it, for `--policy`. correct, fast_1: shares of draws. speedup: of
    correct draws, geometric means. delivered_speedup: of a problem's fastest correct draw among all
    that it has here, 1 where none is faster; the geometric mean. change: in fast_1, from the model
    that the training began with, paired by problem; p by itself. delivered_change: the ratio of
    delivered speedups to that model's, at as many draws of each problem.
    """

    step: int
    policy: str
    problems: int
    draws: int
    correct: float | None
    fast_1: Interval
    speedup: float | None
    delivered_speedup: Interval
    change: Interval | None = None
    p: float | None = None
    delivered_change: Interval | None = None


class Best(Plain):
    """The checkpoint with the largest fast_1. naive: on the draws that it was chosen by, and too
    high; cross_fitted: chosen on one half of the draws, scored on the other."""

    step: int
    policy: str
    naive: float
    cross_fitted: float


class ArmHeldOut(Plain):
    """One arm: its checkpoints, the model that it began with first."""

    evaluations: list[Evaluation]
    best: Best | None
    verdict: str


@dataclass(frozen=True)
class _Looked:
    """Draws under the weights after one step, by problem: shape (draws,) each."""

    step: int
    policy: str
    fast: dict[ProblemKey, Bools]
    correct: dict[ProblemKey, Bools]
    log_speedup: dict[ProblemKey, Floats]

    def rates(self, of: Mapping[ProblemKey, Bools], problems: Sequence[ProblemKey]) -> Floats:
        return np.array([of[one].mean() if one in of else math.nan for one in problems])


def held_out(
    lake: Lake, run_id: str, arms: Sequence[str], policy: str
) -> tuple[dict[str, ArmHeldOut], Guard]:
    """Every trained arm, and whether the evaluator stood still meanwhile.

    arms: trained ones. policy: that the training began with, for `--policy`.
    """
    guard = anchor_guard(shifts_of(lake, run_id))
    looked = _looked(lake, run_id, policy)
    first = looked.get((BASE_ARM, 0))
    tracks = {
        arm: [first, *(one for (of, _), one in looked.items() if of == arm)] if first else []
        for arm in arms
    }
    changes = {arm: [_change(one, track[0]) for one in track[1:]] for arm, track in tracks.items()}
    contenders = [arm for arm in arms if not arm.startswith(PLACEBO) and changes[arm]]
    adjusted = holm([changes[arm][-1].p for arm in contenders]).tolist()
    p_last = dict(zip(contenders, adjusted, strict=True))
    controls = {arm: own[-1] for arm, own in changes.items() if arm not in p_last and own}
    found = {}
    for arm, track in tracks.items():
        evaluations = [
            _evaluation(one, change, track[0])
            for one, change in zip(track, [None, *changes[arm]], strict=False)
        ]
        verdict = _verdict(arm, evaluations, guard, p_last.get(arm), controls)
        found[arm] = ArmHeldOut(evaluations=evaluations, best=_best(track), verdict=verdict)
    return found, guard


def _looked(lake: Lake, run_id: str, policy: str) -> dict[tuple[str, int], _Looked]:
    query = files("tasks.frontier").joinpath("held_out.sql").read_text(encoding="utf-8")
    rows: dict[tuple[str, int], dict[ProblemKey, list[dict[str, object]]]] = {}
    for row in lake.sql(query, [run_id]).to_pylist():
        key = (row["suite"], row["level"], row["problem_id"])
        rows.setdefault((row["arm"], row["step"]), {}).setdefault(key, []).append(row)
    found = {}
    for (arm, step), of_problem in rows.items():
        (any_row, *_), *_ = of_problem.values()
        checkpoint = any_row["checkpoint_id"]
        found[arm, step] = _Looked(
            step,
            policy if checkpoint is None else f"{PREFIX}{checkpoint}",
            {key: _column(own, "fast_1", np.bool_) for key, own in of_problem.items()},
            {key: _column(own, "correct", np.bool_) for key, own in of_problem.items()},
            {key: _column(own, "log_speedup", np.float64) for key, own in of_problem.items()},
        )
    return found


def _column(rows: Sequence[Mapping[str, object]], name: str, kind: type) -> np.ndarray:
    return np.array([row[name] for row in rows], kind)


def _change(one: _Looked, first: _Looked) -> PairedDifference:
    problems = list(dict.fromkeys([*first.fast, *one.fast]))
    return paired_difference(one.rates(one.fast, problems), first.rates(first.fast, problems))


def _gains(one: _Looked, draws: Mapping[ProblemKey, int]) -> Floats:
    """Log of the delivered speedup of each problem, by its first draws."""
    return np.array([np.fmax(one.log_speedup[key][:n], 0.0).max() for key, n in draws.items()])


def _delivered_change(one: _Looked, first: _Looked) -> Interval:
    draws = {
        key: min(len(own), len(first.fast[key]))
        for key, own in one.fast.items()
        if key in first.fast
    }
    gap = paired_difference(_gains(one, draws), _gains(first, draws), bounds=None)
    return interval(Estimate(*map(math.exp, (gap.mean, gap.low, gap.high))))


def _evaluation(one: _Looked, change: PairedDifference | None, first: _Looked) -> Evaluation:
    problems = list(one.fast)
    fast = rate_interval(one.rates(one.fast, problems)[:, None])[:, 0].tolist()
    speeds = [own[~np.isnan(own)] for own in one.log_speedup.values()]
    means = [float(own.mean()) for own in speeds if len(own)]
    gains = _gains(one, {key: len(own) for key, own in one.fast.items()})[:, None]
    return Evaluation(
        step=one.step,
        policy=one.policy,
        problems=len(problems),
        draws=sum(len(own) for own in one.fast.values()),
        correct=known(float(one.rates(one.correct, problems).mean())),
        fast_1=interval(Estimate(*fast)),
        speedup=math.exp(float(np.mean(means))) if means else None,
        delivered_speedup=interval(Estimate(*map(math.exp, bootstrap_mean(gains)[:, 0].tolist()))),
        change=change and interval(Estimate(change.mean, change.low, change.high)),
        p=None if change is None else known(change.p),
        delivered_change=None if change is None else _delivered_change(one, first),
    )


def _best(track: Sequence[_Looked]) -> Best | None:
    """Over problems that every checkpoint drew of, as many draws of each as where there are
    fewest; None where that leaves too little."""
    shared = [key for key in (track[0].fast if track else ()) if all(key in t.fast for t in track)]
    draws = min((len(one.fast[key]) for one in track for key in shared), default=0)
    if draws < 2:
        return None
    found = best_of_adaptation(
        np.array([[one.fast[key][:draws] for key in shared] for one in track])
    )
    chosen = track[found.chosen]
    return Best(
        step=chosen.step,
        policy=chosen.policy,
        naive=found.naive,
        cross_fitted=found.cross_fitted,
    )


def _verdict(
    arm: str,
    evaluations: Sequence[Evaluation],
    guard: Guard,
    p: float | None,
    controls: Mapping[str, PairedDifference],
) -> str:
    """What may be said of an arm's last checkpoint."""
    if guard.passed is False:
        return f"the evaluator drifted; no verdict: {guard.detail}"
    if len(evaluations) < 2:
        return f"nothing is known of {arm}: no checkpoint of it has draws with a verdict yet"
    first, last = evaluations[0], evaluations[-1]
    gap = last.change
    if gap is None or gap.mean is None:
        return f"nothing is known of {arm}: its last checkpoint and the first share no problem"
    said = (
        f"after {last.step} steps {_percent(last.fast_1)} of the draws of {last.problems} held-out "
        f"problems are fast_1, {_percent(first.fast_1)} before ({_points(gap.mean)} points"
    )
    if gap.low is not None and gap.high is not None:
        said += f", 95 % interval {_points(gap.low)} to {_points(gap.high)}"
    if p is None:
        return f"{arm}, a control of which nothing is claimed: {said})"
    if last.problems < FEWEST_UNITS:
        few = f"{last.problems} problems are too few for any test ({FEWEST_UNITS} at least)"
        return f"nothing is shown of {arm}: {few}; {said})"
    said += f", p = {p:.2g})" if math.isfinite(p) else ")"
    if not p < SURE:
        return f"nothing is shown of {arm}: {said}"
    beside = "".join(f"; {name} {_points(one.mean)}" for name, one in controls.items())
    how = "better" if gap.mean > 0 else "worse"
    return (
        f"{arm} does {how} on problems that it did not learn from: {said}"
        f"{beside or '; no placebo ran beside it'}"
    )


def _percent(one: Interval) -> str:
    return "–" if one.mean is None else f"{100 * one.mean:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")
