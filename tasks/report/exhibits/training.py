"""Trainings: what `bon train` says of its checkpoints on held-out problems, and what they took."""

from __future__ import annotations

from tasks.frontier.held_out import Evaluation
from tasks.report.data import ReportData
from tasks.report.exhibits.adaptation import with_span
from tasks.report.exhibits.exhibit import Column, Exhibit, Table, View
from tasks.report.figures.frontier import steps
from tasks.report.formats import DASH, count, number, percent, points, seconds, times


def training(data: ReportData) -> list[Exhibit]:
    """The section of runs of `bon train`; none of other runs."""
    if not data.trainings:
        return []
    views, tables, said = [], [], []
    for run, found in data.trainings.items():
        curves = {
            arm: {
                one.step: one.fast_1.mean for one in own.evaluations if one.fast_1.mean is not None
            }
            for arm, own in found.arms.items()
        }
        learned: dict[str, dict[int, float]] = {}
        for row in data.trained:
            if row.run_id == run and row.reward is not None:
                learned.setdefault(row.arm, {})[row.step] = row.reward
        for title, figure in (
            ("held out", steps(curves, "fast_1 of held-out problems")),
            ("reward", steps(learned, "mean reward of what was learned from", share=False)),
        ):
            if figure is not None:
                views.append(View(f"{run}: {title}", figure))
        tables += [_checkpoints(run, data), _steps(run, data), _cost(run, data)]
        said.append(f"{run}: {found.verdict}.")
        said += [f"Guard, {name}: {one.detail}." for name, one in found.guards.items()]
    return [
        Exhibit(
            name="training",
            title="Trainings, on problems they did not learn from",
            notes=[
                "Each checkpoint of an arm draws as often of every held-out problem as the model "
                "that the training began with, and is compared with it problem by problem. Tested "
                "is the last checkpoint, adjusted over the arms (Holm); the best one was chosen by "
                "the same draws, so its own number is too high. Intervals: 95 %, over problems."
            ],
            figure=views[0].figure if views else None,
            describes="Lines over gradient steps, one an arm: fast_1 on held-out problems.",
            tables=[table for table in tables if table.rows],
            query=data.sql("trained"),
            empty="No checkpoint has draws with a verdict yet.",
            first_view=views[0].title if views else "",
            views=views[1:],
            after=said,
        )
    ]


def _checkpoints(run: str, data: ReportData) -> Table:
    columns = (
        Column("arm"),
        Column("step", True),
        Column("draws", True),
        Column("correct", True),
        Column("fast_1", True),
        Column("change", True),
        Column("p", True),
        Column("delivered speedup", True),
        Column("over the first", True),
        Column("for --policy"),
    )
    rows = [
        (
            arm,
            count(one.step),
            count(one.draws),
            percent(one.correct),
            with_span(one.fast_1, percent),
            _change(one),
            DASH if one.p is None else number(one.p, 3),
            with_span(one.delivered_speedup, times),
            DASH if one.delivered_change is None else with_span(one.delivered_change, times),
            one.policy,
        )
        for arm, own in data.trainings[run].arms.items()
        for one in own.evaluations
    ]
    best = [
        f"{arm}: best after {own.best.step} steps, {percent(own.best.naive)} by the draws that "
        f"chose it, {percent(own.best.cross_fitted)} cross-fitted"
        for arm, own in data.trainings[run].arms.items()
        if own.best is not None
    ]
    return Table(columns, rows, f"{run}: checkpoints. " + "; ".join(best))


def _change(one: Evaluation) -> str:
    gap = one.change
    if gap is None or gap.mean is None:
        return DASH
    if gap.low is None or gap.high is None:
        return points(gap.mean)
    low, high = (points(end).removesuffix(" points") for end in (gap.low, gap.high))
    return f"{points(gap.mean)} ({low} to {high})"


def _steps(run: str, data: ReportData) -> Table:
    columns = (
        Column("arm"),
        Column("step", True),
        Column("ended"),
        Column("draws", True),
        Column("mean reward", True),
        Column("loss", True),
        Column("KL from base, nats per token", True),
    )
    rows = [
        (
            *(row.arm, count(row.step), row.status, count(row.items)),
            *(number(one, 4) for one in (row.reward, row.loss, row.kl_from_base)),
        )
        for row in data.trained
        if row.run_id == run
    ]
    return Table(columns, rows, f"{run}: steps, and what they learned from")


def _cost(run: str, data: ReportData) -> Table:
    columns = (
        Column("arm"),
        Column("stage"),
        Column("draws", True),
        Column("tokens", True),
        Column("verdicts", True),
        Column("seconds", True),
        Column("GPU", True),
    )
    rows = [
        (
            *(row.arm, row.stage),
            *(count(one) for one in (row.rollouts, row.tokens, row.evaluations)),
            *(seconds(one) for one in (row.seconds, row.gpu_seconds)),
        )
        for row in data.training_cost
        if row.run_id == run
    ]
    return Table(columns, rows, f"{run}: what it took, by stage")
