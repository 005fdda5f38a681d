"""`bon rescore`: log-probabilities of a run's completions under any policy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.app import JsonOption, LakeOption, app
from flows.cli.interrupt import command_line, going_on
from flows.cli.printing import print_json, say, telling_steps
from flows.cli.sweep import flow_summary, imported


@app.command()
def rescore(
    run: Annotated[str, typer.Argument(help="A run id; `bon runs` lists them.")],
    policy: Annotated[str, typer.Option(help="Who scores, e.g. transformers:PATH#lora=DIR.")],
    lake: LakeOption = None,
    suite: Annotated[
        str | None, typer.Option(help="Where problem sources are, for an imported run.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Of the processed ones; default as drawn.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="module or body; default as drawn.")] = None,
    backend: Annotated[str | None, typer.Option(help="As in the prompt; default as drawn.")] = None,
    json: JsonOption = False,
) -> None:
    """Score a run's completions under any policy or adapter: rows of the table `rescores`."""
    from flows.prefect_api import prefect_api
    from storage import Lake

    house = Lake.open(lake)
    house.check_runs([run])
    sampling: dict[str, Any] = {"temperature": temperature, "mode": prompt, "backend": backend}
    with going_on(command_line), telling_steps(unless=json), prefect_api() as api:
        load = imported("flows.rescore", "rescore_run")
        given = {"run": run, "policy": policy, "suite": suite, "sampling": sampling}
        summary = flow_summary(api, load, lake=str(house.root), **given)
    if json:
        print_json(summary.model_dump(mode="json"))
    else:
        mean = summary.mean_raw_logprob
        say(
            f"run {run}: {summary.scored} completions scored by {summary.policy_id}"
            + (f", mean {mean:.4f} nats per token" if mean is not None else "")
            + (f"; {summary.retokenised} by other tokens than drawn" * bool(summary.retokenised))
            + (
                f"; {summary.without} got none that can be log-probabilities"
                * bool(summary.without)
            )
        )
