"""`bon report`, and the summary that ends a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, RunsArgument, app, named_runs
from flows.cli.next_command import next_command
from flows.cli.printing import print_json, print_rich, say

if TYPE_CHECKING:
    from flows.summary import SweepSummary


@app.command()
def report(
    runs: RunsArgument = None,
    out: Annotated[Path | None, typer.Option(help="The HTML file.")] = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """One self-contained HTML page that answers: which strategy, how many samples?

    With --json the same answer, tables and SQL for machines; the page only if --out names it.
    """
    from storage import Lake
    from tasks.report import build_report, report_document

    house = Lake.open(lake)
    runs = named_runs(house, runs)
    if json:
        print_json(report_document(house, runs, out))
        return
    out = out or house.root / "reports" / f"{'+'.join(runs)}.html"
    say(str(build_report(house, runs, out).page))


def print_summary(summary: SweepSummary, lake: str | None) -> None:
    """What a sweep came to, for a person. lake: as the command was given it."""
    from rich.text import Text

    from tasks.report import as_table

    share = summary.correct / summary.candidates if summary.candidates else 0.0
    print_rich(
        as_table(summary.summary),
        f"run {summary.run_id}: {summary.candidates} candidates over {summary.problems} problems, "
        f"{summary.sources} distinct sources, {share:.0%} correct, {summary.fast_1} faster than 1x",
        f"report: {summary.report}",
    )
    refused = len(summary.refused)
    if summary.complete and refused:
        problems = "the one problem" if refused == 1 else f"the {refused} problems"
        print_rich(Text(f"finished, but for {problems} that the judge refused", style="bold"))
    if claims := summary.claims:
        print_rich(
            f"claims: {claims.upheld} of {claims.judged} judged ones upheld, {claims.made} made; "
            '`bon sql "SELECT * FROM claims"` shows them'
        )
    if not summary.complete:
        failed = summary.statuses.get("harness_error", 0)
        again = next_command("sweep", "--run", summary.run_id, lake=lake)
        print_rich(
            Text(
                f"unfinished: {summary.unfinished} draws have no verdict ({failed} by a failure of "
                f"the judge); `{again}` goes on",
                style="bold",
            )
        )
