"""`bon judge`: verdicts on what a run holds, imported or drawn; no policy, no sampling."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.app import (
    BaselineOption,
    InputsOption,
    JsonOption,
    LakeOption,
    ModeOption,
    ProtocolOption,
    ScopeOption,
    SettleOption,
    TimeoutOption,
    app,
)
from flows.cli.next_command import next_command
from flows.cli.printing import print_table
from flows.cli.sweep import run_sweep
from flows.errors import RequestError

_MOST = 40
"""Claims that a terminal shows; `bon sql "SELECT * FROM claims"` has all."""

_CLAIMS = f"""
    SELECT problem_id AS problem, sample_index AS sample, claimed_speedup AS claimed,
           status AS judged, speedup, printf('%.2f–%.2f', speedup_low, speedup_high) AS interval,
           upheld
    FROM claims ORDER BY upheld NULLS LAST, level, problem_id, sample_index LIMIT {_MOST}
"""


@app.command()
def judge(
    run: Annotated[str, typer.Argument(help="A run id; `bon runs` lists them.")],
    lake: LakeOption = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda:0; default as before.")] = None,
    mode: ModeOption = None,
    protocol: ProtocolOption = None,
    timeout: TimeoutOption = None,
    baseline: BaselineOption = None,
    scope: ScopeOption = None,
    inputs: InputsOption = None,
    settle: SettleOption = None,
    json: JsonOption = False,
) -> None:
    """Judge what a run holds: imported kernels, or draws that lack a verdict of these settings."""
    from storage import Lake

    house = Lake.open(lake)
    house.check_runs([run])
    if not house.sql("SELECT count(*) AS n FROM candidates", [run])["n"][0].as_py():
        again = next_command("sweep", "--run", run, lake=lake)
        raise RequestError(f"run {run!r} holds no draws yet; `{again}` makes them")
    judging = {"device": device, "mode": mode, "protocol": protocol, "timeout_s": timeout}
    judging |= {"baseline": baseline, "scope": scope, "inputs": inputs, "settle_s": settle}
    status = run_sweep(lake, run, {"judge": judging}, as_json=json, draw=False)
    if not json and len(found := house.sql(_CLAIMS, [run])):
        print_table(found)
    raise typer.Exit(status)
