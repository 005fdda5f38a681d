"""fast_1@k of the strategies: the oracle is the ceiling, random the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tasks.report.curves import Curve
from tasks.report.figures.style import SHARES, dressed, faint, line_of, samples_axis


def strategy_curves(
    curves: Mapping[str, Curve], *, banded: Sequence[str] = ("oracle", "surprisal", "random")
) -> go.Figure | None:
    """One line a strategy; 95 % bands for `banded`, the others' intervals on hover."""
    drawn = {name: curve for name, curve in curves.items() if curve}
    if not drawn:
        return None
    figure = go.Figure()
    for name in banded:
        if name in drawn:
            _band(figure, drawn[name], line_of(name, list(drawn)).colour)
    for name, curve in drawn.items():
        line, ks = line_of(name, list(drawn)), sorted(curve)
        figure.add_trace(
            go.Scatter(
                x=ks,
                y=[curve[k].mean for k in ks],
                customdata=[[curve[k].low, curve[k].high] for k in ks],
                name=name,
                mode="lines+markers",
                line={"color": line.colour, "dash": line.dash, "width": 2.2},
                marker={"size": 5},
                hovertemplate=f"{name} at k = %{{x}}: %{{y:.0%}}"
                " (95 %: %{customdata[0]:.0%} to %{customdata[1]:.0%})<extra></extra>",
            )
        )
    ks = sorted({k for curve in drawn.values() for k in curve})
    return dressed(
        figure,
        samples_axis(ks),
        {"title": "fast_1@k", **SHARES},
        height=470,
    )


def _band(figure: go.Figure, curve: Curve, colour: str) -> None:
    ends = [(k, e.low, e.high) for k, e in sorted(curve.items())]
    known = [(k, low, high) for k, low, high in ends if low is not None and high is not None]
    figure.add_trace(
        go.Scatter(
            x=[k for k, _, _ in known] + [k for k, _, _ in reversed(known)],
            y=[high for _, _, high in known] + [low for _, low, _ in reversed(known)],
            fill="toself",
            fillcolor=faint(colour),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )
    )
