"""Costs and worth of every strategy at the deepest budget, for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from tasks.strategies.document import EquivalentSamples, Estimate, StrategiesDocument


def cost_table(document: StrategiesDocument) -> Table:
    """One row per strategy, at the largest budget that all problems have."""
    reached = {k: at.problems for one in document.strategies.values() for k, at in one.k.items()}
    deepest = max((k for k in reached if reached[k] == max(reached.values())), default=1)
    table = Table(title=f"What a pick costs at k = {deepest}, judging in the order of the score")
    for name in (
        "strategy",
        "fast_1",
        "judged",
        "judge s",
        "worth samples",
        "saturates",
        "abstains",
    ):
        table.add_column(name)
    for name, one in document.strategies.items():
        at = one.k.get(deepest)
        if at is None:
            continue
        table.add_row(
            Text(name),
            _share(at.fast_1),
            _plain(at.evaluations),
            _plain(at.judge_seconds),
            _worth(one.equivalent_k),
            "" if one.saturation_k is None else f"k = {one.saturation_k}",
            Text("" if one.abstains is None else one.abstains.partition(": ")[2]),
        )
    return table


def _share(one: Estimate) -> str:
    if one.mean is None:
        return ""
    ends = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
    return f"{one.mean:.2f}{ends}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _worth(one: EquivalentSamples | None) -> str:
    if one is None or one.k is None:
        return ""
    sign = {"below": "< ", "above": "> ", None: ""}
    ends = ""
    if one.low is not None and one.high is not None:
        low, high = sign[one.low_censored], sign[one.high_censored]
        ends = f" [{low}{one.low:.3g}, {high}{one.high:.3g}]"
    return f"{sign[one.censored]}{one.k:.3g}{ends}"
