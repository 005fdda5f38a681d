"""`bon probe`: the same draws under every checkpoint of an adaptation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import JsonOption, LakeOption, app
from flows.cli.interrupt import command_line, going_on
from flows.cli.printing import print_json, print_rich, telling_steps
from flows.cli.sweep import flow_summary, imported

if TYPE_CHECKING:
    from rich.table import Table

    from flows.probe import Correlation, ProbeSummary


@app.command()
def probe(
    run: Annotated[str, typer.Argument(help="A run of bon adapt; `bon runs` lists them.")],
    draws: Annotated[
        str, typer.Option(help="Whose draws: base (the run's own), or a run of the same policy.")
    ] = "base",
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """What gradient steps do to draws that are there: does surprise still go with speed?"""
    from flows.prefect_api import prefect_api
    from storage import Lake

    house = Lake.open(lake)
    house.check_runs([run] if draws == "base" else [run, draws])
    with going_on(command_line), telling_steps(unless=json), prefect_api() as api:
        load = imported("flows.probe", "probe_run")
        summary = flow_summary(api, load, run=run, draws=draws, lake=str(house.root))
    if json:
        print_json(summary.model_dump(mode="json"))
        return
    print_rich(
        _table(summary),
        f"run {run}: {summary.draws} draws of run {summary.draws_run} under every checkpoint; the "
        f"base model reproduces them to {summary.reproduced:.1e} nats per token",
    )


def _table(summary: ProbeSummary) -> Table:
    from rich.table import Table

    table = Table()
    for name in ("arm", "step", "surprise", "ρ (surprise, log speedup)", "at equal length"):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for name in ("least likely quarter", "ρ as the paper's", "entropy", "KL", "distinct"):
        table.add_column(name, justify="right")
    for name in ("pass@1", "pass@k", "hacks"):
        table.add_column(name, justify="right")
    for one in summary.steps:
        most = max(one.pass_at_k, default=1)
        table.add_row(
            one.arm,
            str(one.step),
            _number(one.surprise),
            _rho(one.rho),
            _rho(one.partial),
            _rho(one.bottom_quarter),
            _number(one.paper_rho),
            _number(one.entropy),
            _number(one.kl_from_base, 4),
            _share(one.distinct_sources),
            _share(one.pass_at_k.get(1)),
            f"{_share(one.pass_at_k.get(most))} (k {most})",
            _share(one.hack_rate),
        )
    return table


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _rho(one: Correlation) -> str:
    if one.low is None or one.high is None:
        return _number(one.rho)
    return f"{_number(one.rho)} ({one.low:.2f} to {one.high:.2f})"
