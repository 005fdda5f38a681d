"""The candidates: those that the strategies pick or that deserve doubt, each beside the reference,
and all the others to browse."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

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

MOST_SOURCES = 6_000_000
"""Characters of source that the page carries for browsing, and of picks; further draws name a
command instead."""

NOT_CARRIED = "(not carried by this page)"

LONGEST_SOURCE = 12_000
"""Characters of a source that the page shows; the rest is in the lake."""


@dataclass(frozen=True, slots=True)
class Card:
    """One candidate: why it is here, what was measured, its code."""

    anchor: str
    """Empty where another card of the same candidate has it."""
    title: str
    facts: Sequence[tuple[str, str]]
    remark: str
    source: str
    command: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A problem's candidates and its reference."""

    anchor: str
    problem_id: int
    title: str
    summary: str
    reference: str
    cards: Sequence[Card]
    drawn: int
    """Draws of this problem that the page can list (`browsable`)."""


def shelves(data: ReportData) -> list[Shelf]:
    """Every problem of the report in order, those without a candidate to show included."""
    references = {row.key: row.source or "" for row in data.references}
    cards: dict[ProblemKey, list[Card]] = {}
    taken: set[str] = set()
    room = MOST_SOURCES
    for pick in data.picks:
        room -= len(pick.source or "")
        # Further ones name their command alone.
        shown = pick if room > 0 or not pick.source else replace(pick, source=NOT_CARRIED)
        cards.setdefault(pick.key, []).append(_picked(shown, data.lake, taken))
    for doubted in data.suspicious:
        cards.setdefault(doubted.key, []).append(_doubted(doubted, data.lake, taken))
    drawn = Counter(row.key for row in data.draws)
    return [
        Shelf(
            anchor=problem.key.anchor,
            problem_id=problem.problem_id,
            title=problem.title,
            summary=(
                f"{count(problem.correct)} of {plural(problem.judged, 'verdict')} correct, "
                + (f"best {times(problem.speedup)}" if problem.speedup else "no speedup")
            ),
            reference=_shown(references.get(problem.key)),
            cards=cards.get(problem.key, []),
            drawn=drawn[problem.key],
        )
        for problem in data.shown
    ]


def _anchor(row: PickRow | SuspiciousRow, taken: set[str]) -> str:
    anchor = row.card(row.run_id, row.sample_index)
    if anchor in taken:
        return ""
    taken.add(anchor)
    return anchor


def _picked(row: PickRow, lake: str, taken: set[str]) -> Card:
    interval = span(row.speedup_low, row.speedup_high, "times")
    return Card(
        anchor=_anchor(row, taken),
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
        command=_command(row, lake),
    )


def _doubted(row: SuspiciousRow, lake: str, taken: set[str]) -> Card:
    facts = [("verdict", row.status.replace("_", " ")), ("draws", count(row.draws))]
    if row.speedup is not None:
        facts.append(("speedup", times(row.speedup)))
        facts.append(
            ("time", f"{milliseconds(row.runtime_ms)}, bound {milliseconds(row.bound_ms)}")
        )
    return Card(
        anchor=_anchor(row, taken),
        title=f"Suspicious: {row.reason}",
        facts=facts,
        remark=row.remark or "",
        source=_shown(row.source),
        command=_command(row, lake),
    )


def _command(row: PickRow | SuspiciousRow, lake: str) -> str:
    words = ["bon", "show", row.run_id, row.problem_id, row.sample_index, "--lake", lake]
    return shlex.join(map(str, words))


def _shown(source: str | None) -> str:
    if not source:
        return "(not recorded)"
    if len(source) <= LONGEST_SOURCE:
        return source
    return source[:LONGEST_SOURCE] + f"\n… {count(len(source) - LONGEST_SOURCE)} characters more"


def browsable(data: ReportData) -> str:
    """JSON of the draws to browse, which the page shows where a reader opens a problem.

    `{"columns": [...], "several": whether several runs, "lake": its path, quoted for a shell,
    "problems": {anchor: [row, ...]}, "sources": [...]}`, equal sources once.
    """
    sources: dict[str, int] = {}
    held = 0
    problems: dict[str, list[list[object]]] = {}
    for row in data.draws:
        source = _shown(row.source) if row.source else ""
        at = sources.get(source)
        if at is None and source and held + len(source) <= MOST_SOURCES:
            at = sources[source] = len(sources)
            held += len(source)
        problems.setdefault(row.key.anchor, []).append(
            [
                row.run_id,
                row.sample_index,
                row.outcome + (", warning" if row.flagged else ""),
                _rounded(row.speedup),
                span(row.speedup_low, row.speedup_high, "times"),
                _rounded(row.runtime_ms),
                _rounded(row.surprisal),
                row.n_tokens,
                row.remark,
                at,
            ]
        )
    return json.dumps(
        {
            "columns": ["run", "sample", "verdict", "speedup", "95 % interval", "ms",
                        "surprisal", "tokens"],
            "several": len(data.run_ids) > 1,
            "lake": shlex.quote(data.lake),
            "problems": problems,
            "sources": list(sources),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
