"""Success against what was spent for it: evaluations, seconds or tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tasks.report.curves import Interval
from tasks.report.figures.style import SHARES, dressed, line_of, plain_ticks

MOST_TICKS = 12


@dataclass(frozen=True, slots=True)
class Spent:
    """One point of a curve: what was spent per problem, what came of it, and what was asked for."""

    cost: float
    end: Interval
    asked: str
    """Shown on hover: `k = 8`."""


def budget(curves: Mapping[str, Sequence[Spent]], unit: str) -> go.Figure | None:
    """One line a strategy, in the order given, over a logarithmic axis of `unit`."""
    drawn = {name: [p for p in points if p.cost > 0] for name, points in curves.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return None
    figure = go.Figure()
    for name, points in drawn.items():
        line = line_of(name, list(drawn))
        figure.add_trace(
            go.Scatter(
                x=[point.cost for point in points],
                y=[point.end.mean for point in points],
                customdata=[[p.end.low, p.end.high, p.asked] for p in points],
                name=name,
                mode="lines+markers",
                line={"color": line.colour, "dash": line.dash, "width": 2.2},
                marker={"size": 5},
                hovertemplate=f"{name}, %{{customdata[2]}}: %{{y:.0%}} for %{{x:.3g}} {unit}"
                " (95 %: %{customdata[0]:.0%} to %{customdata[1]:.0%})<extra></extra>",
            )
        )
    costs = sorted({point.cost for points in drawn.values() for point in points})
    ticks = plain_ticks(costs[0], costs[-1])
    if len(costs) <= MOST_TICKS and all(cost == int(cost) for cost in costs):
        ticks |= {"tickvals": costs, "ticktext": [f"{cost:,.0f}" for cost in costs]}
    return dressed(
        figure,
        {"title": f"{unit} per problem (log)", **ticks},
        {"title": "share of problems", **SHARES},
        height=400,
    )
