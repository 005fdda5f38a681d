"""`bon import` and `bon export`: results and kernels from elsewhere, and to elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import LakeOption, app
from flows.cli.interrupt import command_line, going_on
from flows.cli.next_command import next_command
from flows.cli.printing import say

_BARE = """
    SELECT
        count(*) FILTER (mean_logprob IS NULL) AS bare,
        count(*) FILTER (status IS NULL) AS open,
        (
            SELECT coalesce(any_value((config->>'speedups_of_incorrect')::BIGINT), 0)
            FROM runs_latest
        ) AS unused,
        count(*) FILTER (status = 'incorrect') AS incorrect
    FROM results
"""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(help="Parquet, CSV, JSON or JSONL; or a KernelBench run folder."),
    ],
    run: Annotated[str, typer.Option("--run", help="The run id it gets.")],
    suite: Annotated[
        str | None,
        typer.Option(help="The problems that kernels answer: they come in unjudged."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            help="THEIRS=OURS,…: which columns are meant; nll=-mean_logprob turns a sign."
        ),
    ] = None,
    lake: LakeOption = None,
) -> None:
    """Bring your own results: problem_id, sample_index, mean_logprob, correct, speedup.

    With --suite, kernels to be judged: a folder, or a table with problem_id and source. What they
    claim (speedup, correct) is kept beside what `bon judge` finds.
    """
    from storage import Lake
    from storage.duckdb_file import write_duckdb_file
    from tasks.imports import import_results, parse_columns
    from tasks.strategies.step import write_selections

    mapped = parse_columns(columns or [])
    if file.is_dir() or suite is not None:
        from flows.imported import import_kernels

        with going_on(command_line):
            house = Lake.to_write(lake)
            given = import_kernels(file, run, house, suite, columns=mapped, again=True)
        left_out = f" ({given.left_out} rows without a source left out)" * bool(given.left_out)
        after = next_command("judge", run, lake=lake)
        say(f"run {run}: {len(given.kernels)} candidates imported{left_out}; next: {after}")
        return
    house = Lake.to_write(lake)
    with going_on(command_line):
        count = import_results(file, run, house, columns=mapped, again=True)
        with house.run_lock(run):
            write_selections(house, run)
        write_duckdb_file(house)
    (lacks,) = house.sql(_BARE, [run]).to_pylist()
    without = f", {lacks['bare']:,} of them without a log-probability" * bool(lacks["bare"])
    without += f", {lacks['open']:,} of them without a verdict" * bool(lacks["open"])
    if lacks["unused"]:
        without += f", {lacks['incorrect']:,} of them incorrect"
        without += f" (the speedups that {lacks['unused']:,} of these give are left out)"
    after = next_command("report", run, lake=lake)
    say(f"run {run}: {count} candidates imported{without}; next: {after}")


@app.command("export")
def export_(
    run: Annotated[str, typer.Argument(help="A run id; `bon runs` lists them.")],
    to: Annotated[str, typer.Option(help="kernelbench, parquet or csv.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder or file; default RUN-kernelbench, RUN.parquet, RUN.csv."),
    ] = None,
    lake: LakeOption = None,
) -> None:
    """Take a run to other tools: KernelBench's run folder with eval_results.json, or a table."""
    from storage import Lake
    from tasks.exports import export_run

    say(str(export_run(Lake.open(lake), run, to, out)))
