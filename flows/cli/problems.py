"""`bon problems`: what a suite holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.app import JsonOption, app, print_json, print_table


@app.command()
def problems(
    suite: Annotated[str, typer.Argument(help="E.g. embedded:kernelbench.")] = "embedded",
    json: JsonOption = False,
) -> None:
    """The problems of a suite."""
    import pyarrow as pa

    from tasks.problems import load_suite

    rows = [
        {k: v for k, v in asdict(problem).items() if k != "source"}
        | {"problem_hash": problem.problem_hash}
        for problem in load_suite(suite).problems
    ]
    if json:
        print_json(rows)
    else:
        print_table(pa.Table.from_pylist(rows))
