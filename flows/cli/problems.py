"""`bon problems`: what a suite holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.app import JsonOption, app
from flows.cli.printing import print_json, print_table

LevelOption = Annotated[str | None, typer.Option(help="Levels of the suite, e.g. 1 or 1,2.")]
SplitOption = Annotated[
    str | None, typer.Option(help="A seeded split's side: eval42, train42 (80 %), any seed.")
]


@app.command()
def problems(
    suite: Annotated[str, typer.Argument(help="E.g. kernelbench:PATH.")] = "embedded",
    level: LevelOption = None,
    split: SplitOption = None,
    json: JsonOption = False,
) -> None:
    """The problems of a suite: embedded[:kernelbench], kernelbench:PATH, hf:REPO, dir:PATH."""
    import pyarrow as pa

    from tasks.problems import load_suite

    suite = suite_part(suite, level, split)
    rows = [
        {k: v for k, v in asdict(problem).items() if k != "source"}
        | {"problem_hash": problem.problem_hash}
        for problem in load_suite(suite).problems
    ]
    if json:
        print_json(rows)
    else:
        print_table(pa.Table.from_pylist(rows))


def suite_part(suite: str, level: str | None, split: str | None) -> str:
    """The suite's name with `--level 1,2` and `--split eval42` in it."""
    from tasks.problems.narrow import with_part

    levels = None if level is None else level.replace(" ", "").replace(",", "+")
    return with_part(suite, {"level": levels, "split": split})
