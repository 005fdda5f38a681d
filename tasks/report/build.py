"""From runs in the lake to a page that answers: which strategy, how many samples?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage import Lake, write_text
from tasks.errors import RequestError
from tasks.report.answer import answer
from tasks.report.data import ReportData, gather
from tasks.report.exhibits.adaptation import adaptation
from tasks.report.exhibits.browser import browsable, shelves
from tasks.report.exhibits.cost import cost
from tasks.report.exhibits.exhibit import Exhibit
from tasks.report.exhibits.fast_p import fast_p
from tasks.report.exhibits.findings import findings
from tasks.report.exhibits.next import next_second
from tasks.report.exhibits.outcomes import outcomes
from tasks.report.exhibits.picks import picks
from tasks.report.exhibits.price import price
from tasks.report.exhibits.problems import problems
from tasks.report.exhibits.provenance import provenance
from tasks.report.exhibits.runs import runs
from tasks.report.exhibits.scaling import scaling
from tasks.report.exhibits.speedups import speedups
from tasks.report.exhibits.spent import spent
from tasks.report.exhibits.strategies import curves, strategies
from tasks.report.exhibits.surprisal import quarters, surprisal
from tasks.report.exhibits.training import training
from tasks.report.page import render
from tasks.report.summary import Summary, summary
from tasks.strategies.document import StrategiesDocument

SECTIONS = (
    strategies,
    scaling,
    fast_p,
    spent,
    price,
    next_second,
    surprisal,
    quarters,
    problems,
    speedups,
    outcomes,
    findings,
    cost,
    runs,
    picks,
    provenance,
)
"""In the order of the page; each is told by its own file."""


def sections(data: ReportData) -> list[Exhibit]:
    """Of this data; first those of runs that learn, where there are any."""
    return [*adaptation(data), *training(data), *(section(data) for section in SECTIONS)]


@dataclass(frozen=True, slots=True)
class Report:
    """A page, and what it was made from: nobody need compute that again."""

    page: Path
    summary: Summary
    document: StrategiesDocument


def build_report(lake: Lake, run_ids: Sequence[str], out: Path) -> Report:
    """Write the report of these runs to `out` (its directory is made).

    Raises storage's RunUnknownError for a run that the lake does not hold, RequestError for no run
    and where `out` cannot be written.
    """
    data = gather(lake, run_ids)
    return Report(write_page(lake, data, out), summary(data), data.document)


def write_page(lake: Lake, data: ReportData, out: Path) -> Path:
    """The page of what was gathered from `lake`; `out`. Raises RequestError, see `build_report`."""
    page = render(
        data,
        answer(data),
        curves(data),
        sections(data),
        shelves(data),
        browsable(data),
        lake.root.name,
    )
    try:
        write_text(out, page)  # all or nothing: a reader never opens half a page
    except OSError as error:
        again = " ".join(["bon report", *data.run_ids, "--lake", str(lake.root), "--out FILE"])
        raise RequestError(
            f"cannot write the report to {out} ({error.strerror or error}); nothing else is lost: "
            f"`{again}` writes it to another place"
        ) from error
    return out
