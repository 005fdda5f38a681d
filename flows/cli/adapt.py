"""`bon adapt`: arms that learn at test time, beside one that only draws on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import (
    DeviceOption,
    JsonOption,
    LakeOption,
    LogprobModeOption,
    MaxTokensOption,
    ModeOption,
    ProblemsOption,
    ProtocolOption,
    RunOption,
    SeedOption,
    SuiteOption,
    TemperatureOption,
    TimeoutOption,
    app,
)
from flows.cli.frontier import arm_table
from flows.cli.interrupt import going_on, to_go_on
from flows.cli.next_command import next_command
from flows.cli.printing import print_json, print_rich, telling_steps
from flows.cli.problems import LevelOption, SplitOption
from flows.cli.sweep import flow_summary, imported, narrowed, parse_ids
from flows.errors import RequestError

if TYPE_CHECKING:
    from flows.adapt_request import AdaptRequest
    from flows.adapt_summary import AdaptSummary, LearningSummary


@app.command()
def adapt(
    profile: Annotated[
        str | None, typer.Option(help="A built-in profile or a .toml file; default adapt-demo.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option(help="Objectives, e.g. centred,max@4,placebo; base is beside.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps of every arm.")] = None,
    group: Annotated[
        int | None, typer.Option("-g", "--group", help="Draws of a problem in one step.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="An adapter for each problem, or for the batch.")
    ] = None,
    trainer: Annotated[
        str | None, typer.Option(help="local, local:cuda on a GPU, tinker:URL on a server.")
    ] = None,
    step_size: Annotated[str | None, typer.Option(help="lr:X, or kl:X in nats per token.")] = None,
    budget: Annotated[int | None, typer.Option(help="Rollouts of one arm, at most.")] = None,
    tail: Annotated[
        int | None, typer.Option(help="Draws more under every checkpoint, of the arm's budget.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(help="Fresh draws under every checkpoint, outside the budget.")
    ] = None,
    reward: Annotated[str | None, typer.Option(help="What a verdict is worth.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Steps without a signal that end a unit.")
    ] = None,
    suite: SuiteOption = None,
    level: LevelOption = None,
    split: SplitOption = None,
    problems: ProblemsOption = None,
    policy: Annotated[
        str | None, typer.Option(help="embedded, transformers:PATH or checkpoint:ID.")
    ] = None,
    seed: SeedOption = None,
    run: RunOption = None,
    lake: LakeOption = None,
    temperature: TemperatureOption = None,
    max_tokens: MaxTokensOption = None,
    logprob_mode: LogprobModeOption = None,
    device: DeviceOption = None,
    mode: ModeOption = None,
    protocol: ProtocolOption = None,
    timeout: TimeoutOption = None,
    json: JsonOption = False,
) -> None:
    """Gradient steps at test time, arm by arm, beside Best-of-N. Resumes with --run."""
    options: dict[str, Any] = {
        "profile": profile,
        "suite": narrowed(suite, profile, run, level, split),
        "problems": None if problems is None else parse_ids(problems),
        "policy": policy,
        "seed": seed,
        "adapt": {
            "arms": None if arms is None else parse_arms(arms),
            "steps": steps,
            "group": group,
            "unit": unit,
            "trainer": trainer,
            "step_size": step_size,
            "budget": budget,
            "reward": reward,
            "patience": patience,
            "tail": tail,
            "confirm": confirm,
        },
        "sampling": {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "logprob_mode": logprob_mode,
        },
        "judge": {"device": device, "mode": mode, "protocol": protocol, "timeout_s": timeout},
    }
    from flows.adapt_request import AdaptRequest

    with telling_steps(unless=json):
        summary: AdaptSummary = run_flow(AdaptRequest, "flows.adapt", lake, run, options)
    if json:
        print_json(summary.model_dump(mode="json"))
    else:
        _print(summary, lake)
    raise typer.Exit(0 if summary.complete else 1)


def parse_arms(text: str) -> list[str]:
    """ "centred,max@4" → its parts. Raises RequestError if an arm has no name."""
    arms = [part.strip() for part in text.split(",")]
    if not all(arms):
        raise RequestError(f"--arms {text[:100]!r}: write objectives with commas between them")
    return arms


def run_flow(
    kind: type[AdaptRequest],
    module: str,
    lake: str | None,
    run: str | None,
    options: dict[str, Any],
) -> Any:
    """What the flow `bon_COMMAND` of a module makes of the request, which is checked first."""
    from flows.prefect_api import prefect_api
    from flows.request import resolve_after, stored_request
    from storage import Lake
    from tasks.evaluate.placement import judging_cores

    house = Lake.to_write(lake)
    earlier = None if run is None else stored_request(house, run, kind)
    run_id, request = resolve_after(earlier, house, run, options, kind)
    judging_cores()
    changed = earlier not in (None, request)
    go_on = to_go_on(house, run_id, lake, changed=changed, command=kind.command)
    with going_on(go_on), prefect_api() as api:
        asked = request.model_dump(mode="json", exclude={"k", "limits"})
        flow = imported(module, f"bon_{kind.command}")
        return flow_summary(api, flow, run=run_id, lake=str(house.root), **asked)


def _print(summary: AdaptSummary, lake: str | None) -> None:
    from rich.text import Text

    print_rich(
        arm_table(summary.arms),
        f"run {summary.run_id}: {summary.candidates} candidates over {summary.problems} problems, "
        f"{summary.steps} steps, an adapter per {summary.unit}",
    )
    print_refused(summary, lake, command="adapt")
    print_rich(Text(summary.verdict, style="bold"))


def print_refused(summary: LearningSummary, lake: str | None, *, command: str) -> None:
    """What the judge could not judge, and what has no verdict yet; nothing if all has."""
    from rich.text import Text

    for one in summary.refused:
        print_rich(f"problem {one.problem_id} was refused by the judge: {one.reason}")
    if not summary.complete:
        again = next_command(command, "--run", summary.run_id, lake=lake)
        line = f"unfinished: {summary.unfinished} draws have no verdict; `{again}` goes on"
        print_rich(Text(line, style="bold"))
