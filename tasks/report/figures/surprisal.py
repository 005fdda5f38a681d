"""Is the surprising code the fast code? Every correct draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import GREEN, GREY, dressed, speedup_ticks
from tasks.report.rows import ProblemKey, SurprisalRow


def surprisal(rows: Sequence[SurprisalRow], labels: Mapping[ProblemKey, str]) -> go.Figure | None:
    """Surprisal (nats per token) against speedup (log), faster ones apart from the others."""
    if not rows:
        return None
    figure = go.Figure()
    for fast, name, colour in ((True, "faster", GREEN), (False, "not faster", GREY)):
        its = [row for row in rows if row.fast_1 is fast]
        if not its:
            continue
        figure.add_trace(
            go.Scatter(
                x=[row.surprisal for row in its],
                y=[row.speedup for row in its],
                customdata=[
                    [labels[ProblemKey(r.suite, r.level, r.problem_id)], r.sample_index]
                    for r in its
                ],
                name=name,
                mode="markers",
                marker={"color": colour, "size": 6, "opacity": 0.6},
                hovertemplate="%{customdata[0]}, sample %{customdata[1]}: "
                "surprisal %{x:.3f}, %{y:.2f}×<extra></extra>",
            )
        )
    figure.add_hline(y=1, line={"dash": "dot", "color": GREY, "width": 1.5})
    values = [row.speedup for row in rows]
    return dressed(
        figure,
        {"title": "surprisal, nats per token"},
        {"title": "speedup (log)", **speedup_ticks(min(values), max(values))},
        height=380,
    )
