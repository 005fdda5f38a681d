"""Can log-probabilities tell the candidates of a problem apart at all?"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import BLUE, GREY, dressed
from tasks.report.rows import ProblemRow


def spread(problems: Sequence[ProblemRow], least: float) -> go.Figure | None:
    """Standard deviation of the mean log-probability within each problem, nats per token.

    Dotted at `least`, a published threshold.
    """
    rows = [row for row in problems if row.spread is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: (row.spread or 0.0, row.label))
    figure = go.Figure(
        go.Bar(
            x=[row.spread for row in rows],
            y=[row.label for row in rows],
            orientation="h",
            marker={"color": [BLUE if (row.spread or 0.0) >= least else GREY for row in rows]},
            hovertemplate="%{y}: %{x:.3f} nats per token<extra></extra>",
        )
    )
    figure.add_vline(x=least, line={"dash": "dot", "color": GREY, "width": 1.5})
    return dressed(
        figure,
        {"title": "spread, nats per token", "rangemode": "tozero"},
        height=80 + 22 * len(rows),
        bargap=0.3,
    )
