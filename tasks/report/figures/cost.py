"""Where the seconds went, by stage."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import BLUE, GREEN, GREY, ORANGE, TEAL, VIOLET, dressed
from tasks.report.rows import CostRow

_STAGES = {
    "sampling": BLUE,
    "judge: compile": ORANGE,
    "judge: draw": TEAL,
    "judge: check": VIOLET,
    "judge: timing": GREEN,
    "judge: rest": GREY,
}


def cost(rows: Sequence[CostRow]) -> go.Figure | None:
    """Stacked wall seconds of each run; stages overlap in time, so a sum is work, not waiting."""
    spent = [row for row in rows if row.seconds]
    if not spent:
        return None
    runs = sorted({row.run_id for row in spent})
    figure = go.Figure()
    for stage, colour in _STAGES.items():
        its = [row for row in spent if row.stage == stage]
        if not its:
            continue
        figure.add_trace(
            go.Bar(
                x=[row.seconds for row in its],
                y=[row.run_id for row in its],
                name=stage,
                orientation="h",
                marker={"color": colour},
                hovertemplate=f"{stage}: %{{x:.1f}} s<extra></extra>",
            )
        )
    return dressed(
        figure,
        {"title": "seconds of work"},
        height=150 + 40 * len(runs),
        barmode="stack",
        bargap=0.4,
    )
