"""`bon frontier`: the arms of adaptations, compared at the same budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, RunsArgument, app, named_runs
from flows.cli.printing import print_json, print_rich
from flows.cli.strategies import parse_ks

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.frontier.document import (
        ArmFrontier,
        Comparison,
        EquivalentDraws,
        FrontierDocument,
        Interval,
    )


@app.command()
def frontier(
    runs: RunsArgument = None,
    price: Annotated[
        Path | None, typer.Option("--price", help="A .toml file of prices, or of their ranges.")
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option(
            "--budgets",
            help="Rollouts of a problem at which arms are tested; name them before you look. "
            "Default: all that were drawn.",
        ),
    ] = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Success and delivered speedup of every arm of adaptations, and whether one beats Best-of-N.

    Several runs are of the same problems with other seeds, which are averaged.
    """
    from rich.text import Text

    from storage import Lake
    from tasks.frontier.compute import frontier as compared
    from tasks.frontier.price import load_prices

    house = Lake.open(lake)
    names = named_runs(house, runs)
    prices = None if price is None else load_prices(price)
    document = compared(house, names, prices, parse_ks(budgets, "--budgets"))
    if json:
        print_json(document.model_dump(mode="json"))
        return
    print_rich(arm_table(document.arms), comparison_table(document))
    for name, guard in document.guards.items():
        said = {True: "passed", False: "failed", None: "not checked"}[guard.passed]
        print_rich(f"guard {name}: {said}: {guard.detail}")
    print_rich(Text(document.verdict, style="bold"))


def arm_table(arms: Mapping[str, ArmFrontier]) -> Table:
    """One row an arm: what it drew, and what came of it."""
    from rich.table import Table

    table = Table()
    names = ("arm", "rollouts", "fast_1", "delivered speedup", "worth draws of Best-of-N")
    for name in (*names, "BoA naive", "cross-fitted", "fresh", "FLOPs"):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for name, arm in arms.items():
        table.add_row(name, *_cells(arm))
    return table


def _cells(arm: ArmFrontier) -> tuple[str, ...]:
    return (
        f"{arm.rollouts} of {arm.budget}",
        share(arm.fast_1),
        times(arm.delivered_speedup),
        _draws(arm.equivalent_k),
        percent(arm.boa.naive),
        percent(arm.boa.cross_fitted),
        percent(arm.boa.fresh),
        f"{arm.curve.cost['flops'][-1]:.2g}" if arm.curve.cost.get("flops") else "–",
    )


def comparison_table(document: FrontierDocument) -> Table:
    """One row a comparison."""
    from rich.table import Table

    table = Table()
    for name in ("arm", "against", "at rollouts", "of", "difference", "p", "adjusted", "secondary"):
        table.add_column(name, justify="left" if name in ("arm", "against", "of") else "right")
    for name, arm in document.arms.items():
        for one in arm.comparisons:
            table.add_row(name, one.against, str(one.rollouts_per_problem), *_tested(one))
    return table


def _tested(one: Comparison) -> tuple[str, ...]:
    second = one.secondary
    if one.endpoint == "fast_1":
        ends = (one.difference.mean, one.difference.low, one.difference.high)
        size, *around = ("–" if end is None else f"{100 * end:+.0f}" for end in ends)
        difference = f"{size} points ({around[0]} to {around[1]})"
    else:
        difference = times(one.difference)
    return (
        one.endpoint,
        difference,
        _p(one.p),
        _p(one.p_holm),
        f"{second.test} {_p(second.p)}, {second.pairs} of {one.units}",
    )


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


def _draws(one: EquivalentDraws) -> str:
    if one.mean is None:
        return "–"
    signs = {"below": "<", "above": ">", None: ""}
    text = f"{signs[one.censored]}{one.mean:.3g}"
    if one.low is None or one.high is None:
        return text
    low, high = signs[one.low_censored], signs[one.high_censored]
    return f"{text} ({low}{one.low:.3g}–{high}{one.high:.3g})"


def percent(value: float | None) -> str:
    """0.425 → 42.5%."""
    return "–" if value is None else f"{value:.1%}"


def share(one: Interval) -> str:
    """With its interval, if it has one."""
    if one.low is None or one.high is None:
        return percent(one.mean)
    return f"{percent(one.mean)} ({one.low:.0%}–{one.high:.0%})"


def times(one: Interval) -> str:
    """Of a ratio."""
    if one.mean is None:
        return "–"
    if one.low is None or one.high is None:
        return f"{one.mean:.2f}x"
    return f"{one.mean:.2f}x ({one.low:.2f}–{one.high:.2f})"
