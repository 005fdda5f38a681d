"""fast_p@k: how the share falls as more speed is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import BLUE, GREEN, GREY, SHARES, dressed
from tasks.report.rows import FastPRow

_COLOURS = (GREY, BLUE, GREEN)


def fast_p(rows: Sequence[FastPRow], ks: Sequence[int]) -> go.Figure | None:
    """Lines over the threshold p for a few budgets k; p = 0 asks for correctness alone."""
    wanted = [k for k in ks if any(row.k == k for row in rows)]
    if not wanted:
        return None
    figure = go.Figure()
    for k, colour in zip(wanted, _COLOURS[-len(wanted) :], strict=False):
        its = sorted((row for row in rows if row.k == k), key=lambda row: row.p)
        figure.add_trace(
            go.Scatter(
                x=[asked(row.p) for row in its],
                y=[row.fast_p for row in its],
                customdata=[row.problems for row in its],
                name=f"k = {k}",
                mode="lines+markers",
                line={"color": colour, "width": 2.2},
                marker={"size": 5},
                hovertemplate=f"%{{x}} at k = {k}: %{{y:.0%}} of %{{customdata}} problems"
                "<extra></extra>",
            )
        )
    return dressed(
        figure,
        {"title": "speedup asked for", "type": "category"},
        {"title": "fast_p@k", **SHARES},
        height=330,
    )


def asked(p: float) -> str:
    """`correct`, `> 1.5×`."""
    return "correct" if p == 0 else f"> {p:g}×"
