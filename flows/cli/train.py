"""`bon train`: the outer loop, one adapter for many problems, evaluated on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.adapt import parse_arms, print_refused, run_flow
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
from flows.cli.frontier import percent, share
from flows.cli.printing import print_json, print_rich, telling_steps
from flows.cli.problems import LevelOption, SplitOption
from flows.cli.sweep import narrowed, parse_ids

if TYPE_CHECKING:
    from rich.table import Table

    from flows.train_summary import TrainedArm, TrainSummary


@app.command()
def train(
    profile: Annotated[
        str | None, typer.Option(help="A built-in profile or a .toml file; default train-demo.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option(help="Objectives, an adapter each, e.g. grpo,placebo.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps of every arm.")] = None,
    batch: Annotated[int | None, typer.Option(help="Problems that one step learns from.")] = None,
    group: Annotated[
        int | None, typer.Option("-g", "--group", help="Draws of each of them.")
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Steps from one evaluated checkpoint to the next.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(help="Draws of each held-out problem at a checkpoint.")
    ] = None,
    trainer: Annotated[str | None, typer.Option(help="local, or local:cuda on a GPU.")] = None,
    step_size: Annotated[str | None, typer.Option(help="lr:X, or kl:X in nats per token.")] = None,
    budget: Annotated[int | None, typer.Option(help="Draws that an arm learns from, most.")] = None,
    reward: Annotated[str | None, typer.Option(help="What a verdict is worth.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Steps without a signal that end an arm.")
    ] = None,
    suite: SuiteOption = None,
    level: LevelOption = None,
    split: SplitOption = None,
    problems: ProblemsOption = None,
    eval_suite: Annotated[
        str | None, typer.Option(help="Held out; default: the split's other side, or the suite.")
    ] = None,
    eval_problems: Annotated[
        str | None, typer.Option(help="Of it, e.g. 12,14; default all. The rest is learned from.")
    ] = None,
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
    """The outer loop: an adapter learns from a train split, others judge it. Resumes with --run."""
    options: dict[str, Any] = {
        "profile": profile,
        "suite": narrowed(suite, profile, run, level, split),
        "problems": None if problems is None else parse_ids(problems),
        "policy": policy,
        "seed": seed,
        "train": {
            "batch": batch,
            "checkpoint_every": checkpoint_every,
            "eval_suite": eval_suite,
            "eval_problems": None if eval_problems is None else parse_ids(eval_problems),
        },
        "adapt": {
            "arms": None if arms is None else parse_arms(arms),
            "steps": steps,
            "group": group,
            "confirm": confirm,
            "trainer": trainer,
            "step_size": step_size,
            "budget": budget,
            "reward": reward,
            "patience": patience,
        },
        "sampling": {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "logprob_mode": logprob_mode,
        },
        "judge": {"device": device, "mode": mode, "protocol": protocol, "timeout_s": timeout},
    }
    from flows.train_request import TrainRequest

    with telling_steps(unless=json):
        summary: TrainSummary = run_flow(TrainRequest, "flows.train", lake, run, options)
    if json:
        print_json(summary.model_dump(mode="json"))
    else:
        _print(summary, lake)
    raise typer.Exit(0 if summary.complete else 1)


def _print(summary: TrainSummary, lake: str | None) -> None:
    from rich.text import Text

    print_rich(
        _table(summary.arms),
        f"run {summary.run_id}: {summary.candidates} candidates, {summary.steps} steps on "
        f"{summary.problems} problems, evaluated on {summary.held_out} others",
    )
    print_refused(summary, lake, command="train")
    print_rich(Text(summary.verdict, style="bold"))


def _table(arms: dict[str, TrainedArm]) -> Table:
    """One row a checkpoint; its name is for --policy."""
    from rich.table import Table

    table = Table()
    names = ("arm", "step", "draws", "correct", "fast_1", "change", "speedup", "--policy")
    for name in names:
        table.add_column(name, justify="left" if name in ("arm", "--policy") else "right")
    for name, arm in arms.items():
        for one in arm.evaluations:
            gap = one.change
            ends = (gap.mean, gap.low, gap.high) if gap else ()
            size, *around = ("–" if end is None else f"{100 * end:+.0f}" for end in ends or (None,))
            table.add_row(
                name,
                str(one.step),
                str(one.draws),
                percent(one.correct),
                share(one.fast_1),
                f"{size} points ({around[0]} to {around[1]})" if around else size,
                "–" if one.speedup is None else f"{one.speedup:.2f}x",
                one.policy,
            )
    return table
