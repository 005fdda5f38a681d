"""`bon eval`: the judge on candidate files, exactly as `python -m kernels_eval` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.app import InputsOption, JsonOption, ScopeOption, app
from flows.cli.printing import say, say_json


@app.command("eval")
def evaluate(
    problem: Annotated[Path, typer.Argument(help="A KernelBench-format file.")],
    candidates: Annotated[
        list[Path], typer.Argument(help="Files that define ModelNew, or directories of them.")
    ],
    device: Annotated[str, typer.Option(help="cpu or cuda:0.")] = "cpu",
    mode: Annotated[str, typer.Option(help="fast or full.")] = "fast",
    protocol: Annotated[str, typer.Option(help="trusted or kernelbench.")] = "trusted",
    timeout: Annotated[float, typer.Option(help="Seconds for one candidate.")] = 60.0,
    baseline: Annotated[
        str, typer.Option(help="compile: measure the reference under torch.compile, too.")
    ] = "eager",
    scope: ScopeOption = None,
    inputs: InputsOption = None,
    json: JsonOption = False,
) -> None:
    """Compile, check and time candidates; several, or a directory, get a line each."""
    from kernels_eval import JudgeConfig, command

    settings: dict[str, Any] = {"device": device, "mode": mode, "protocol": protocol}
    settings |= {"baseline": baseline, "inputs": inputs or "cured"}
    config = JudgeConfig(**settings, timeout_s=timeout, scope=scope)
    write = say_json if json else say
    raise typer.Exit(command.judge_files(problem, candidates, config, as_json=json, write=write))
