"""The candidates that the strategies pick, each beside the reference it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.report.data import ReportData
from tasks.report.formats import (
    count,
    milliseconds,
    number,
    plural,
    span,
    times,
)
from tasks.report.rows import PickRow, ProblemKey, SuspiciousRow

LONGEST_SOURCE = 12_000
"""Characters of a source that the page shows; the rest is in the lake."""


@dataclass(frozen=True, slots=True)
class Card:
    """One candidate: why it is here, what was measured, its code."""

    title: str
    facts: Sequence[tuple[str, str]]
    remark: str
    source: str
    command: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A problem's candidates and its reference."""

    anchor: str
    title: str
    summary: str
    reference: str
    cards: Sequence[Card]


def shelves(data: ReportData) -> list[Shelf]:
    """Every problem of the report in order, those without a candidate to show included."""
    sources = {row.key: row.source or "" for row in data.references}
    cards: dict[ProblemKey, list[Card]] = {}
    for pick in data.picks:
        cards.setdefault(pick.key, []).append(_picked(pick))
    for doubted in data.suspicious:
        cards.setdefault(doubted.key, []).append(_doubted(doubted))
    return [
        Shelf(
            anchor=problem.key.anchor,
            title=problem.title,
            summary=(
                f"{count(problem.correct)} of {plural(problem.judged, 'verdict')} correct, "
                + (f"best {times(problem.speedup)}" if problem.speedup else "no speedup")
            ),
            reference=_shown(sources.get(problem.key)),
            cards=cards.get(problem.key, []),
        )
        for problem in data.problems
    ]


def _picked(row: PickRow) -> Card:
    interval = span(row.speedup_low, row.speedup_high, "times")
    return Card(
        title=f"Picked by {row.strategies}",
        facts=[
            ("verdict", row.status),
            ("speedup", times(row.speedup) + (f" ({interval})" if interval else "")),
            ("time", f"{milliseconds(row.runtime_ms)}, reference {milliseconds(row.reference_ms)}"),
            ("paired trials", count(row.trials)),
            ("surprisal", number(row.surprisal, 3)),
            ("tokens", count(row.n_tokens)),
        ],
        remark="",
        source=_shown(row.source),
        command=f"bon show {row.run_id} {row.problem_id} {row.sample_index}",
    )


def _doubted(row: SuspiciousRow) -> Card:
    facts = [("verdict", row.status.replace("_", " ")), ("draws", count(row.draws))]
    if row.speedup is not None:
        facts.append(("speedup", times(row.speedup)))
        facts.append(
            ("time", f"{milliseconds(row.runtime_ms)}, bound {milliseconds(row.bound_ms)}")
        )
    return Card(
        title=f"Suspicious: {row.reason}",
        facts=facts,
        remark=row.remark or "",
        source=_shown(row.source),
        command=f"bon show {row.run_id} {row.problem_id} {row.sample_index}",
    )


def _shown(source: str | None) -> str:
    if not source:
        return "(not recorded)"
    if len(source) <= LONGEST_SOURCE:
        return source
    return source[:LONGEST_SOURCE] + f"\n… {count(len(source) - LONGEST_SOURCE)} characters more"
