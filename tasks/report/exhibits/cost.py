"""What the draws cost, in tokens and seconds."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.exhibits.exhibit import Column, Exhibit, Table
from tasks.report.figures import cost as figure_of
from tasks.report.formats import count, percent, plural, seconds

_COLUMNS = (
    Column("run"),
    Column("stage"),
    Column("items", True),
    Column("seconds", True),
    Column("prompt tokens", True),
    Column("completion tokens", True),
)


def cost(data: ReportData) -> Exhibit:
    known = [row for row in data.costs if row.items]
    notes = [_sentence(data)]
    notes.append(
        "Seconds are work, not waiting: stages overlap in time. Items are draws for sampling and "
        "evaluations for the judge; equal sources of a problem are judged once."
    )
    table = Table(
        _COLUMNS,
        [
            (row.run_id, row.stage, count(row.items), seconds(row.seconds),
             count(row.prompt_tokens), count(row.completion_tokens))
            for row in known
        ],
    )  # fmt: skip
    return Exhibit(
        name="cost",
        title="Cost",
        notes=notes,
        figure=figure_of(data.costs),
        describes="Stacked bars: seconds of work by stage, for each run.",
        tables=[table] if known else [],
        query=data.sql("cost"),
        empty="These runs recorded no times (imported results have none).",
    )


def _sentence(data: ReportData) -> str:
    draws, sources = data.sum_of("draws"), data.sum_of("distinct_sources")
    sampling = sum(row.seconds or 0.0 for row in data.costs if row.stage == "sampling")
    judging = sum(row.seconds or 0.0 for row in data.costs if row.stage != "sampling")
    saved = percent(1 - sources / draws) if draws else percent(None)
    text = (
        f"{plural(draws, 'draw')} held {plural(sources, 'distinct source')}: judging equal ones "
        f"once saved {saved} of the evaluations."
    )
    if sampling + judging > 0:
        text += (
            f" Sampling took {seconds(sampling)} of work, judging {seconds(judging)}"
            f" ({seconds(judging / draws) if draws else ''} a draw)."
        )
    return text
