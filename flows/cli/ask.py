"""`bon sql`, `bon runs` and `bon show`: the lake from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, app
from flows.cli.printing import print_csv, print_json, print_rows, print_table, say
from flows.errors import RequestError

_RUN_COLUMNS = ["run_id", "suite", "policy_id", "k", "problems", "candidates", "correct", "fast_1"]
"""What fits a terminal; `--json` has all."""

_FURTHER = "\n" + " " * 18


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="DuckDB SQL; `results` is the main view.")],
    lake: LakeOption = None,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
    write: Annotated[
        bool,
        typer.Option("--write", help="Let the query write, read other files, load extensions."),
    ] = False,
) -> None:
    """Ask the lake in SQL. Without --write, a query can do nothing but read the lake."""
    from storage import Lake
    from storage.confine import check_one_answer
    from storage.duckdb_file import follow_lake

    if json and csv:
        raise RequestError("--json and --csv exclude each other; give one")
    house = Lake.open(lake)
    check_one_answer(query)
    answer = house.sql(query, write=write)
    follow_lake(house)
    if json:
        print_rows(answer)
    elif csv:
        print_csv(answer)
    else:
        print_table(answer)


@app.command()
def runs(lake: LakeOption = None, json: JsonOption = False) -> None:
    """Every run of the lake, newest first."""
    from storage import Lake

    answer = Lake.open(lake).runs()
    if json:
        print_json(answer.to_pylist())
    else:
        print_table(answer.select(_RUN_COLUMNS))


@app.command()
def show(
    run: str,
    problem: int,
    sample: int,
    level: Annotated[int, typer.Option(help="The problem's level.")] = 1,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """One candidate: its code, its verdict, its times and its surprisal."""
    from storage import Lake

    house = Lake.open(lake)
    house.check_runs([run])
    found = house.sql(
        "SELECT r.*, c.source, c.seed, c.finish_reason, e.error, e.findings, e.trials, e.protocol "
        "FROM results r JOIN candidates c "
        "USING (run_id, suite, level, problem_id, sample_index) "
        "LEFT JOIN evaluations_latest e "
        "ON (e.run_id, e.suite, e.level, e.problem_id, e.source_hash) "
        "= (r.run_id, r.suite, r.level, r.problem_id, r.source_hash) "
        f"WHERE r.problem_id = {problem} AND r.sample_index = {sample} AND r.level = {level}",
        [run],
    ).to_pylist()
    if not found:
        raise RequestError(
            f"run {run!r} has no sample {sample} of problem {problem} (level {level}); "
            f'`bon sql "SELECT DISTINCT problem_id, sample_index FROM results"` lists them'
        )
    if json:
        print_json(found[0])
        return
    source = found[0].pop("source")
    for name, value in found[0].items():
        if value not in (None, []):
            # Further lines are indented: a line that looks like another field is none.
            say(f"{name:>16}  {str(value).replace(chr(10), _FURTHER)}")
    say("\n" + (source or "(no source stored)").replace("\r\n", "\n"))
