"""What all figures share: margins, legend, axes, and one colour per thing wherever it appears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Line:
    """How a strategy is drawn."""

    colour: str
    dash: str = "solid"


BLUE, ORANGE, GREEN, RED, VIOLET, TEAL, GREY, BROWN = (
    "#3f7fc4",
    "#d9822b",
    "#3d9a5f",
    "#cc4b4b",
    "#8a63b8",
    "#2b9a9a",
    "#868c95",
    "#9a7448",
)

_STRATEGIES = {
    "oracle": Line(GREEN),
    "surprisal": Line(BLUE),
    "surprisal-top3": Line(BLUE, "dash"),
    "confidence": Line(ORANGE),
    "confidence-top3": Line(ORANGE, "dash"),
    "random": Line(GREY),
    "random-top3": Line(GREY, "dash"),
}
_OTHERS = (Line(VIOLET), Line(TEAL), Line(BROWN), Line(RED))

OUTCOMES = {
    "correct, faster": GREEN,
    "correct, not faster": "#93c9a5",
    "incorrect": ORANGE,
    "compile_error": GREY,
    "runtime_error": VIOLET,
    "timeout": BROWN,
    "out_of_memory": TEAL,
    "rejected": RED,
    "harness_error": "#d46a9f",
    "not judged": "#c3c7cd",
}
"""Every outcome of a draw, in the order in which bars stack them."""


def line_of(strategy: str, among: Sequence[str]) -> Line:
    """The strategy's own line; registered ones by others take the free colours in turn."""
    if strategy in _STRATEGIES:
        return _STRATEGIES[strategy]
    unknown = [name for name in among if name not in _STRATEGIES]
    return _OTHERS[unknown.index(strategy) % len(_OTHERS)]


def ordered(strategies: Sequence[str]) -> list[str]:
    """Known strategies in their usual order, then the others by name."""
    usual = list(_STRATEGIES)
    return sorted(strategies, key=lambda s: (usual.index(s) if s in usual else len(usual), s))


def faint(colour: str, opacity: float = 0.16) -> str:
    """The colour as a translucent fill."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


SHARES: Mapping[str, Any] = {"tickformat": ".0%", "range": [0, 1.02]}
"""An axis of shares between 0 and 1, with room for a mark at the top."""
_LAYOUT: dict[str, Any] = {
    "template": "none",
    "autosize": True,
    "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"size": 13, "family": "system-ui, sans-serif"},
    "showlegend": False,
    "hoverlabel": {"align": "left"},
}


def dressed(
    figure: go.Figure,
    x: Mapping[str, Any],
    y: Mapping[str, Any] | None = None,
    *,
    height: int,
    **layout: Any,
) -> go.Figure:
    """Margins and fonts for a column that may be 340 px wide; the page writes the legend.

    x, y: the axes, as Plotly takes them, titles as text. The layout is set at once: property by
    property Plotly takes ten times as long.
    """
    before = figure.layout.to_plotly_json()
    axes = {"xaxis": _axis(x), "yaxis": _axis(y or {})}
    figure.layout = before | _LAYOUT | axes | {"height": height} | layout
    return figure


def _axis(its: Mapping[str, Any]) -> dict[str, Any]:
    title = {"text": its.get("title"), "standoff": 8, "font": {"size": 13}}
    return {"automargin": True, "fixedrange": True, "zeroline": False, **its, "title": title}


def samples_axis(ks: Sequence[int]) -> dict[str, Any]:
    """A logarithmic axis of sample counts, ticked at the counts themselves."""
    return {
        "type": "log",
        "tickvals": list(ks),
        "ticktext": [str(k) for k in ks],
        "title": "samples per problem, k",
    }


def speedup_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of a logarithmic speedup axis that reads in plain factors."""
    steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000]
    between = [0.7, 1.4, 3]
    inside = [step for step in steps if low / 1.2 <= step <= high * 1.2] or [1.0]
    if len(inside) < 4:
        inside = sorted({*inside, *(step for step in between if low <= step <= high)})
    texts = [f"{step:g}×" for step in inside]
    return {"type": "log", "tickvals": inside, "ticktext": texts, "tickangle": 0}


def plain_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of a logarithmic axis of amounts: 1, 2, 5, 10, … in plain figures."""
    steps = [lead * 10.0**power for power in range(-4, 9) for lead in (1, 2, 5)]
    inside = [step for step in steps if low / 1.05 <= step <= high * 1.05] or [low]
    if len(inside) > 9:
        inside = [step for step in inside if f"{step:.0e}"[0] == "1"]
    texts = [f"{step:,.0f}" if step >= 1 else f"{step:g}" for step in inside]
    return {"type": "log", "tickvals": inside, "ticktext": texts, "tickangle": 0}


def dotted(figure: go.Figure, xs: Sequence[float | str], ys: Sequence[float], name: str) -> None:
    """Published values, as a dotted line behind the figure's own."""
    figure.add_trace(
        go.Scatter(
            x=list(xs),
            y=list(ys),
            name=name,
            mode="lines",
            line={"color": GREY, "dash": "dot", "width": 1.6},
            hovertemplate=f"{name}: %{{y:.0%}}<extra></extra>",
        )
    )


def leading(figure: go.Figure | None, targets: Mapping[str, str]) -> go.Figure | None:
    """A click on a mark whose label (or whose line's name) is among `targets` leads there."""
    if figure is not None:
        figure.layout.meta = {"targets": dict(targets)}
    return figure


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a figure's legend: what is drawn how, and the trace that it can hide."""

    name: str
    colour: str
    shape: str
    """solid, dash, dotted, dot, diamond or box"""
    trace: int


def keys(figure: go.Figure) -> list[Key]:
    """The legend of a figure: its named traces, none for a single one.

    Written as text beside the figure, since a legend inside would take half a phone's plot.
    """
    found = []
    for index, trace in enumerate(figure.data):
        if not trace.name:
            continue
        if trace.type == "bar":
            found.append(Key(trace.name, trace.marker.color, "box", index))
        elif "lines" in (trace.mode or ""):
            dash = trace.line.dash or "solid"
            shape = "dotted" if dash == "dot" else dash
            found.append(Key(trace.name, trace.line.color, shape, index))
        else:
            symbol = "diamond" if "diamond" in (trace.marker.symbol or "") else "dot"
            colour = trace.marker.color
            found.append(
                Key(trace.name, colour if isinstance(colour, str) else GREY, symbol, index)
            )
    return found if len(found) > 1 else []
