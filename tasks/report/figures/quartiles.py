"""fast_1 by quarter of surprisal, pooled and within problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tasks.report.figures.style import BLUE, GREY, SHARES, dotted, dressed
from tasks.report.rows import QuartileRow

_COLOURS = {"within problem": BLUE, "pooled": GREY}
NAMES = {1: "1 most surprising", 2: "2", 3: "3", 4: "4 least surprising"}


def quartiles(
    rows: Sequence[QuartileRow], published: Mapping[int, float] | None = None
) -> go.Figure | None:
    """Share of the correct draws of a quarter that are faster; `published` shares dotted."""
    if not rows:
        return None
    figure = go.Figure()
    for ranking, colour in _COLOURS.items():
        its = [row for row in rows if row.ranking == ranking]
        if not its:
            continue
        figure.add_trace(
            go.Bar(
                x=[NAMES[row.quartile] for row in its],
                y=[row.fast_1 for row in its],
                customdata=[[round(row.draws), row.speedup_geomean] for row in its],
                name=ranking,
                marker={"color": colour},
                hovertemplate=f"{ranking}, quarter %{{x}}: %{{y:.0%}} of %{{customdata[0]}} draws,"
                " geometric mean %{customdata[1]:.2f}×<extra></extra>",
            )
        )
    if published:
        dotted(figure, [NAMES[q] for q in published], list(published.values()), "paper, pooled")
    return dressed(
        figure,
        {"title": "quarter by surprisal", "type": "category"},
        {"title": "fast_1", **SHARES},
        height=340,
        barmode="group",
        bargap=0.3,
    )
