"""The arms of an adaptation: what a budget buys, step by step, and for which problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tasks.frontier.study import is_placebo
from tasks.report.curves import Interval
from tasks.report.figures.style import (
    BLUE,
    BROWN,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SHARES,
    TEAL,
    VIOLET,
    Line,
    dotted,
    dressed,
    faint,
    plain_ticks,
)

_FREE = (BLUE, ORANGE, VIOLET, TEAL, BROWN, RED)


@dataclass(frozen=True, slots=True)
class Bought:
    """One point: what was spent, and what came of it."""

    cost: float
    end: Interval


def arm_lines(arms: Sequence[str]) -> dict[str, Line]:
    """How each arm is drawn: Best-of-N green, controls grey, the others in turn."""
    found, used = {}, 0
    for name in arms:
        if name == "base":
            found[name] = Line(GREEN)
        elif is_placebo(name):
            found[name] = Line(GREY, "dash")
        else:
            found[name] = Line(_FREE[used % len(_FREE)])
            used += 1
    return found


def frontier(
    curves: Mapping[str, Sequence[Bought]], unit: str, *, speedup: bool = False
) -> go.Figure | None:
    """A line with its 95 % band for each arm, over a logarithmic axis of `unit`."""
    drawn = {name: [p for p in own if p.cost > 0] for name, own in curves.items()}
    drawn = {name: own for name, own in drawn.items() if own}
    if not drawn:
        return None
    figure = go.Figure()
    form = ".2f" if speedup else ".0%"
    for name, line in arm_lines(list(drawn)).items():
        points = drawn[name]
        banded = [p for p in points if p.end.low is not None and p.end.high is not None]
        figure.add_trace(
            go.Scatter(
                x=[p.cost for p in (*banded, *reversed(banded))],
                y=[p.end.high for p in banded] + [p.end.low for p in reversed(banded)],
                fill="toself",
                fillcolor=faint(line.colour, 0.10),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[p.cost for p in points],
                y=[p.end.mean for p in points],
                customdata=[[p.end.low, p.end.high] for p in points],
                name=_called(name),
                mode="lines",
                line={"color": line.colour, "dash": line.dash, "width": 2.2},
                hovertemplate=f"{name}: %{{y:{form}}} for %{{x:.3g}} {unit} (95 %: "
                f"%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})<extra></extra>",
            )
        )
    costs = [p.cost for own in drawn.values() for p in own]
    y = {"title": "delivered speedup"} if speedup else {"title": "share of problems", **SHARES}
    return dressed(
        figure,
        {"title": f"{unit} (log)", **plain_ticks(min(costs), max(costs))},
        y,
        height=400,
    )


def steps(
    curves: Mapping[str, Mapping[int, float]],
    title: str,
    *,
    share: bool = True,
    published: Mapping[int, float] | None = None,
) -> go.Figure | None:
    """One line an arm over gradient steps; `published` dotted."""
    drawn = {name: own for name, own in curves.items() if own}
    if not drawn:
        return None
    figure = go.Figure()
    form = ".1%" if share else ".4f"
    for name, line in arm_lines(list(drawn)).items():
        own = sorted(drawn[name].items())
        figure.add_trace(
            go.Scatter(
                x=[step for step, _ in own],
                y=[value for _, value in own],
                name=_called(name),
                mode="lines+markers",
                line={"color": line.colour, "dash": line.dash, "width": 2.2},
                marker={"size": 5},
                hovertemplate=f"{name}, step %{{x}}: %{{y:{form}}}<extra></extra>",
            )
        )
    last = max(step for own in drawn.values() for step in own)
    if published:
        its = {step: value for step, value in published.items() if step <= last}
        dotted(figure, list(its), list(its.values()), "paper, fast_1")
    return dressed(
        figure,
        {"title": "gradient steps", "dtick": max(1, last // 12), "range": [-0.2, last + 0.2]},
        {"title": title, **({"tickformat": ".0%"} if share else {}), "rangemode": "tozero"},
        height=360,
    )


def regime(
    points: Mapping[str, Sequence[tuple[str, float, float]]], threshold: float
) -> go.Figure | None:
    """Problems as (label, base coverage, benefit), a colour an arm; `threshold` a dotted line."""
    drawn = {name: own for name, own in points.items() if own}
    if not drawn:
        return None
    figure = go.Figure()
    for name, line in arm_lines(list(drawn)).items():
        figure.add_trace(
            go.Scatter(
                x=[one[1] for one in drawn[name]],
                y=[one[2] for one in drawn[name]],
                customdata=[[one[0]] for one in drawn[name]],
                name=_called(name),
                mode="markers",
                marker={"color": line.colour, "size": 8, "opacity": 0.75},
                hovertemplate=f"{name}, problem %{{customdata[0]}}: %{{x:.0%}} before, "
                "%{y:+.0%} by learning<extra></extra>",
            )
        )
    ys = [one[2] for own in drawn.values() for one in own]
    dotted(figure, [threshold, threshold], [min(*ys, 0.0), max(*ys, 0.0)], "paper, threshold")
    return dressed(
        figure,
        {
            "title": "fast_1 of the base model's first draws",
            "tickformat": ".0%",
            "range": [-0.03, 1.03],
        },
        {"title": "gain by learning", "tickformat": "+.0%", "zeroline": True},
        height=380,
    )


def _called(arm: str) -> str:
    return "Best-of-N" if arm == "base" else arm
