"""The report for machines: the same answer, tables and SQL, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from storage import Lake
from tasks.report.answer import answer
from tasks.report.build import sections, write_page
from tasks.report.data import ReportData, gather
from tasks.report.exhibits.exhibit import Anchored, Exhibit, Link
from tasks.report.exhibits.strategies import curves
from tasks.strategies.ledger import run_ledger


def report_document(lake: Lake, run_ids: Sequence[str], page: Path | None = None) -> dict[str, Any]:
    """`runs`, `answer` (lead, points, caveats), `strategies` (the document of `bon strategies`),
    `ledger`, and `sections`: what the page shows, each with its tables, words and SQL.

    Plain data, ready for JSON. page: where to write the page as well; it is `page` then.
    Raises what `build_report` does.
    """
    data = gather(lake, run_ids)
    written = {} if page is None else {"page": str(write_page(lake, data, page))}
    return written | {
        "runs": list(data.run_ids),
        "answer": asdict(answer(data)),
        "strategies": data.document.model_dump(mode="json"),
        **_compared(data),
        "ledger": run_ledger(lake, data.run_ids).to_pylist(),
        "sections": [_section(one) for one in (curves(data), *sections(data))],
    }


def _compared(data: ReportData) -> dict[str, Any]:
    """`frontier` (the document of `bon frontier`), where runs have arms; `trainings`, where there
    are any: by run, what `bon train --json` says of `arms`, `guards` and `verdict`."""
    arms, found = data.adaptation, {}
    if arms is not None and arms.compared is not None:
        found["frontier"] = arms.compared.model_dump(mode="json")
    if data.trainings:
        found["trainings"] = {
            run: one.model_dump(mode="json") for run, one in data.trainings.items()
        }
    return found


def _section(it: Exhibit) -> dict[str, Any]:
    return {
        "name": it.name,
        "title": it.title,
        "notes": list(it.notes),
        "tables": [
            {
                "caption": table.caption,
                "columns": [column.title for column in table.columns],
                "rows": [[_text(cell) for cell in row] for row in table.rows],
            }
            for table in it.tables
        ],
        "words": list(it.after),
        "sql": it.query.text if it.query else None,
    }


def _text(cell: object) -> str:
    return cell.text if isinstance(cell, Link | Anchored) else str(cell)
