"""How far more samples carry: pass@k and fast_1@k."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from tasks.report.curves import Curve
from tasks.report.figures.style import BLUE, GREEN, SHARES, dotted, dressed, faint, samples_axis

_COLOURS = {"pass@k": BLUE, "fast_1@k": GREEN}


def scaling(
    curves: Mapping[str, Curve], published: Mapping[str, Mapping[int, float]] | None = None
) -> go.Figure | None:
    """One line with its 95 % band for each of `pass@k` and `fast_1@k`; `published` ones dotted."""
    drawn = {name: curve for name, curve in curves.items() if curve}
    if not drawn:
        return None
    figure = go.Figure()
    for name, curve in drawn.items():
        colour = _COLOURS[name]
        ks = sorted(curve)
        banded = [k for k in ks if curve[k].low is not None and curve[k].high is not None]
        figure.add_trace(
            go.Scatter(
                x=banded + banded[::-1],
                y=[curve[k].high for k in banded] + [curve[k].low for k in reversed(banded)],
                fill="toself",
                fillcolor=faint(colour),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=ks,
                y=[curve[k].mean for k in ks],
                customdata=[[curve[k].low, curve[k].high] for k in ks],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 2.2},
                marker={"size": 5},
                hovertemplate=f"{name} at k = %{{x}}: %{{y:.0%}}"
                " (95 %: %{customdata[0]:.0%} to %{customdata[1]:.0%})<extra></extra>",
            )
        )
    ks = sorted({k for curve in drawn.values() for k in curve})
    for name, values in (published or {}).items():
        its = {k: value for k, value in values.items() if k <= ks[-1]}
        dotted(figure, list(its), list(its.values()), name)
    return dressed(
        figure,
        samples_axis(ks),
        {"title": "share of problems", **SHARES},
        height=360,
    )
