"""Runs beside each other: models, seeds or nights."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import (
    BLUE,
    BROWN,
    GREEN,
    ORANGE,
    RED,
    SHARES,
    TEAL,
    VIOLET,
    dressed,
    samples_axis,
)
from tasks.report.rows import ByRunRow

_COLOURS = (BLUE, ORANGE, GREEN, VIOLET, TEAL, RED, BROWN)
_DASHES = ("solid", "dash", "dot")


def by_run(rows: Sequence[ByRunRow], strategy: str) -> go.Figure | None:
    """fast_1@k of one strategy, a line for each run."""
    its = [row for row in rows if row.strategy == strategy]
    if not its:
        return None
    figure = go.Figure()
    for position, run in enumerate(dict.fromkeys(row.run_id for row in its)):
        points = sorted((row for row in its if row.run_id == run), key=lambda row: row.k)
        figure.add_trace(
            go.Scatter(
                x=[row.k for row in points],
                y=[row.fast_1 for row in points],
                customdata=[row.problems for row in points],
                name=run,
                mode="lines+markers",
                line={
                    "color": _COLOURS[position % len(_COLOURS)],
                    "dash": _DASHES[position // len(_COLOURS) % len(_DASHES)],
                    "width": 2.2,
                },
                marker={"size": 5},
                hovertemplate="%{fullData.name} at k = %{x}: %{y:.0%} of %{customdata} problems"
                "<extra></extra>",
            )
        )
    return dressed(
        figure,
        samples_axis(sorted({row.k for row in its})),
        {"title": "fast_1@k", **SHARES},
        height=380,
    )
