"""What became of the draws, problem by problem."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import GREY, OUTCOMES, dressed
from tasks.report.rows import ProblemRow, StatusRow


def status(rows: Sequence[StatusRow], problems: Sequence[ProblemRow]) -> go.Figure | None:
    """Stacked shares of a problem's draws by outcome."""
    if not rows:
        return None
    labels = {problem.key: problem.label for problem in problems}
    totals = {problem.key: problem.draws for problem in problems}
    stacked = [*OUTCOMES, *sorted({row.outcome for row in rows} - set(OUTCOMES))]
    figure = go.Figure()
    for outcome in stacked:
        its = [row for row in rows if row.outcome == outcome]
        if not its:
            continue
        figure.add_trace(
            go.Bar(
                x=[row.draws / totals[row.key] for row in its],
                y=[labels[row.key] for row in its],
                customdata=[row.draws for row in its],
                name=outcome.replace("_", " "),
                orientation="h",
                marker={"color": OUTCOMES.get(outcome, GREY)},
                hovertemplate=f"%{{y}}: {outcome.replace('_', ' ')}, "
                "%{customdata} draws (%{x:.0%})<extra></extra>",
            )
        )
    return dressed(
        figure,
        {"title": "share of the problem's draws", "tickformat": ".0%", "range": [0, 1]},
        {"categoryorder": "array", "categoryarray": list(labels.values())[::-1]},
        height=140 + 22 * len(labels),
        barmode="stack",
        bargap=0.25,
    )
