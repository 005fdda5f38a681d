"""What a section of the page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tasks.report.query import Query


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to another place of the page."""

    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Links:
    """Several of them in one cell."""

    links: Sequence[Link]

    def __str__(self) -> str:
        return " ".join(link.text for link in self.links)


@dataclass(frozen=True, slots=True)
class Anchored:
    """Text that others lead to."""

    text: str
    anchor: str


Cell = str | Link | Links | Anchored


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of ready-made text; wide ones scroll inside their own frame."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row {row} does not have {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class View:
    """Another figure in the same place."""

    title: str
    figure: go.Figure


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A figure, a table or both, with a way to read them and the SQL behind them."""

    name: str
    """Also its anchor."""
    title: str
    notes: Sequence[str]
    """Paragraphs: what is shown, how to read it, what it cannot tell."""
    figure: go.Figure | None
    describes: str
    """What a reader who cannot see the figure is told."""
    tables: Sequence[Table]
    query: Query | None
    empty: str = ""
    """Said in the figure's place when there is nothing to draw."""
    views: Sequence[View] = ()
    """Other ways to draw the same, to switch to; `figure` is the first, called `first_view`."""
    first_view: str = ""
    after: Sequence[str] = ()
    """Paragraphs under the tables: what the numbers say in words."""

    @property
    def drawn(self) -> dict[str, go.Figure]:
        """Its figures by the name under which the page holds them."""
        if self.figure is None:
            return {}
        others = {f"{self.name}:{i}": view.figure for i, view in enumerate(self.views, 1)}
        return {self.name: self.figure, **others}
