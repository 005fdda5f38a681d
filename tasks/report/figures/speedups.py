"""The best correct candidate of each problem, and what physics would allow."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import GREEN, GREY, VIOLET, dressed, speedup_ticks
from tasks.report.rows import ProblemRow


def speedups(problems: Sequence[ProblemRow]) -> go.Figure | None:
    """Log axis. Pale where the interval does not clear 1; a diamond where the physical bound is."""
    rows = [row for row in problems if row.speedup is not None and row.speedup > 0]
    if not rows:
        return None
    rows.sort(key=lambda row: (row.speedup or 0.0, row.label))
    labels = [row.label for row in rows]
    points = [row.speedup or 1.0 for row in rows]
    high = [row.speedup_high or point for row, point in zip(rows, points, strict=True)]
    low = [row.speedup_low or point for row, point in zip(rows, points, strict=True)]
    figure = go.Figure()
    bounds = [
        (row.label, row.reference_ms / row.bound_ms)
        for row in rows
        if row.reference_ms and row.bound_ms
    ]
    figure.add_vline(x=1, line={"dash": "dot", "color": GREY, "width": 1.5})
    figure.add_trace(
        go.Scatter(
            x=points,
            y=labels,
            name="best correct candidate, 95 % interval",
            mode="markers",
            marker={
                "size": 8,
                "color": GREEN,
                "opacity": [1.0 if end > 1 else 0.45 for end in low],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [end - point for end, point in zip(high, points, strict=True)],
                "arrayminus": [point - end for end, point in zip(low, points, strict=True)],
                "thickness": 1.6,
                "width": 4,
                "color": GREY,
            },
            hovertemplate="%{y}: %{x:.2f}×<extra></extra>",
        )
    )
    if bounds:
        figure.add_trace(
            go.Scatter(
                x=[bound for _, bound in bounds],
                y=[label for label, _ in bounds],
                name="physical bound",
                mode="markers",
                marker={"symbol": "diamond-open", "size": 8, "color": VIOLET},
                hovertemplate="%{y}: memory traffic alone allows %{x:.1f}×<extra></extra>",
            )
        )
    everything = [*low, *high, *(bound for _, bound in bounds), 1.0]
    return dressed(
        figure,
        {"title": "speedup (log)", **speedup_ticks(min(everything), max(everything))},
        {"categoryorder": "array", "categoryarray": labels},
        height=110 + 24 * len(rows),
    )
