"""`bon drift`: the last of several nights against those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from flows.cli.app import JsonOption, LakeOption, RunsArgument, app, named_runs
from flows.cli.printing import print_json, print_rich

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.drift.document import DriftDocument


@app.command()
def drift(
    runs: RunsArgument = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Did the machine, a reference, a kernel or a verdict change? The latest run against others.

    Runs are nights of the same draws; an alarm is exit status 1. Without a change one comes in at
    most 5 % of years.
    """
    from rich.text import Text

    from storage import Lake
    from tasks.drift.compute import drift as compared

    house = Lake.open(lake)
    document = compared(house, named_runs(house, runs))
    if json:
        print_json(document.model_dump(mode="json"))
    else:
        for run, why in document.left_out.items():
            print_rich(Text(f"left out {run}: {why}"))
        print_rich(change_table(document))
        print_rich(Text(document.verdict, style="bold"))
    if document.alarms:
        raise typer.Exit(1)


def change_table(document: DriftDocument) -> Table:
    """The machine, and the references and kernels with the smallest p."""
    from rich.table import Table

    from tasks.drift.words import LISTED, cells

    table = Table(title=f"{document.runs[-1]} against {len(document.runs) - 1} before")
    for name in ("what", "problem", "source", "since", "time", "95 %", "p", "alarm"):
        table.add_column(name, justify="left" if name in ("what", "problem", "source") else "right")
    for one in document.changes[:LISTED]:
        table.add_row(*cells(one))
    return table
