"""`bon strategies`, `bon report`, and the summary that ends a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, RunsArgument, app, print_json
from flows.errors import RequestError

if TYPE_CHECKING:
    from flows.summary import SweepSummary


@app.command()
def strategies(
    runs: RunsArgument,
    k: Annotated[str | None, typer.Option("--k", help="Budgets, e.g. 1,2,4,8.")] = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Every strategy at every budget, with intervals and paired comparisons."""
    from storage import Lake
    from tasks.report import summary
    from tasks.strategies.document import strategies_document

    house = Lake.open(lake)
    document = strategies_document(house, runs, parse_ks(k))
    if json:
        print_json(document.model_dump(mode="json"))
    else:
        from rich.console import Console

        Console().print(summary(house, runs))


@app.command()
def report(
    runs: RunsArgument,
    out: Annotated[Path | None, typer.Option(help="The HTML file.")] = None,
    lake: LakeOption = None,
) -> None:
    """One self-contained HTML page that answers: which strategy, how many samples?"""
    from storage import Lake
    from tasks.report import build_report

    house = Lake.open(lake)
    page = build_report(house, runs, out or house.root / "reports" / f"{'+'.join(runs)}.html")
    typer.echo(page)


def parse_ks(text: str | None) -> list[int] | None:
    """ "1,2,4" → [1, 2, 4]. Raises RequestError for anything but positive whole numbers."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise RequestError(
            f"--k {text!r} is no list of budgets; write whole numbers from 1, as in 1,2,4,8"
        )
    return [int(part) for part in parts]


def print_summary(summary: SweepSummary) -> None:
    """What a sweep came to, for a person."""
    from rich.console import Console

    from storage import Lake
    from tasks.report import summary as table

    console = Console()
    console.print(table(Lake(summary.lake), [summary.run_id]))
    share = summary.correct / summary.candidates if summary.candidates else 0.0
    console.print(
        f"run {summary.run_id}: {summary.candidates} candidates over {summary.problems} problems, "
        f"{summary.sources} distinct sources, {share:.0%} correct, {summary.fast_1} faster than 1x",
        highlight=False,
    )
    if summary.report:
        console.print(f"report: {summary.report}", highlight=False, soft_wrap=True)
    if not summary.complete:
        failed = summary.statuses.get("harness_error", 0)
        console.print(
            f"[bold]unfinished: {summary.unfinished} draws have no verdict "
            f"({failed} by a failure of the judge); `bon sweep --run {summary.run_id}` goes on[/]",
        )
