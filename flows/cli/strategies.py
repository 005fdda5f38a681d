"""`bon strategies`: every strategy at every budget, what it costs, and how sure we are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, RunsArgument, app, named_runs
from flows.cli.printing import print_json, print_rich, print_table
from flows.errors import RequestError
from flows.limits import LARGEST_K

_WHOLE = re.compile("[0-9]{1,9}")


@app.command()
def strategies(
    runs: RunsArgument = None,
    k: Annotated[str | None, typer.Option("--k", help="Budgets, e.g. 1,2,4,8.")] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(
            "--score", help='A score of your own: SQL over results, e.g. "sum_logprob / n_tokens".'
        ),
    ] = None,
    plugin: Annotated[
        Path | None, typer.Option(help="A Python file that registers strategies.")
    ] = None,
    primary: Annotated[
        bool, typer.Option("--primary", help="Leave the exploratory strategies out.")
    ] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="What was spent: tokens and seconds by stage.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Every strategy at every budget, with intervals, costs and paired comparisons."""
    from storage import Lake
    from tasks.strategies.compute import strategies_document
    from tasks.strategies.expression import score_expression
    from tasks.strategies.ledger import run_ledger
    from tasks.strategies.plugin import load_plugin

    house = Lake.open(lake)
    runs = named_runs(house, runs)
    if plugin is not None:
        load_plugin(plugin)
    scores = [score_expression(text) for text in score or ()]
    if ledger:
        spent = run_ledger(house, runs)
        if json:
            print_json(spent.to_pylist())
        else:
            print_table(spent)
        return
    document = strategies_document(
        house, runs, parse_ks(k), seed, exploratory=not primary, scores=scores
    )
    if json:
        print_json(document.model_dump(mode="json"))
        return
    from tasks.report import as_table, gather, summary
    from tasks.strategies.table import cost_table

    print_rich(
        as_table(summary(gather(house, runs))),
        cost_table(document),
        *(one.sentence for one in document.comparisons if not one.exploratory),
        document.association.sentence,
    )


def parse_ks(text: str | None, option: str = "--k") -> list[int] | None:
    """ "1,2,4" → [1, 2, 4]. Raises RequestError for anything but whole numbers from 1."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(
        _WHOLE.fullmatch(part) and 0 < int(part) <= LARGEST_K for part in parts
    ):
        raise RequestError(
            f"{option} {text[:100]!r} is no list of budgets; write whole numbers from 1 to "
            f"{LARGEST_K}, as in 1,2,4,8"
        )
    return [int(part) for part in parts]
