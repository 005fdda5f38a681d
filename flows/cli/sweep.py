"""`bon sweep`: one sweep in this process."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.app import (
    BaselineOption,
    DeviceOption,
    InputsOption,
    JsonOption,
    LakeOption,
    LogprobModeOption,
    MaxTokensOption,
    ModeOption,
    ProblemsOption,
    ProtocolOption,
    RunOption,
    ScopeOption,
    SeedOption,
    SettleOption,
    SuiteOption,
    TemperatureOption,
    TimeoutOption,
    app,
)
from flows.cli.interrupt import command_line, going_on, to_go_on
from flows.cli.printing import print_json, telling_steps
from flows.cli.problems import LevelOption, SplitOption, suite_part
from flows.errors import RequestError
from flows.limits import MOST_PROBLEMS
from flows.steps import begins

if TYPE_CHECKING:
    from flows.prefect_api import PrefectApi
    from flows.summary import SweepSummary

_ID = re.compile("[0-9]{1,18}")


@app.command()
def sweep(
    profile: Annotated[
        str | None, typer.Option(help="A built-in profile or a .toml file; default demo.")
    ] = None,
    suite: SuiteOption = None,
    level: LevelOption = None,
    split: SplitOption = None,
    problems: ProblemsOption = None,
    k: Annotated[int | None, typer.Option("-k", "--k", help="Samples per problem.")] = None,
    policy: Annotated[str | None, typer.Option(help="Where samples come from.")] = None,
    seed: SeedOption = None,
    run: RunOption = None,
    lake: LakeOption = None,
    temperature: TemperatureOption = None,
    max_tokens: MaxTokensOption = None,
    prompt: Annotated[str | None, typer.Option(help="What to write: module or body.")] = None,
    backend: Annotated[
        str | None, typer.Option(help="What to write it in: cpp, torch, triton or cuda.")
    ] = None,
    logprob_mode: LogprobModeOption = None,
    device: DeviceOption = None,
    mode: ModeOption = None,
    protocol: ProtocolOption = None,
    timeout: TimeoutOption = None,
    baseline: BaselineOption = None,
    retime: Annotated[
        int | None, typer.Option(help="Winners of a problem that are measured a second time.")
    ] = None,
    settle: SettleOption = None,
    scope: ScopeOption = None,
    inputs: InputsOption = None,
    token_budget: Annotated[
        int | None, typer.Option(help="Tokens the run may use at a server, prompts included.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests at once to a server.")] = None,
    allow_missing_logprobs: Annotated[
        bool, typer.Option("--allow-missing-logprobs", help="Take a server without them.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Sample K candidates per problem, judge them, select, report. Resumes with --run."""
    sampling = {"temperature": temperature, "max_tokens": max_tokens, "mode": prompt}
    sampling |= {"backend": backend, "logprob_mode": logprob_mode}
    options: dict[str, Any] = {
        "profile": profile,
        "suite": narrowed(suite, profile, run, level, split),
        "problems": None if problems is None else parse_ids(problems),
        "k": k,
        "policy": policy,
        "seed": seed,
        "sampling": sampling,
        "judge": {
            "device": device,
            "mode": mode,
            "protocol": protocol,
            "timeout_s": timeout,
            "baseline": baseline,
            "retime": retime,
            "settle_s": settle,
            "scope": scope,
            "inputs": inputs,
        },
        "limits": {
            "token_budget": token_budget,
            "concurrency": concurrency,
            "allow_missing_logprobs": allow_missing_logprobs or None,
        },
    }
    raise typer.Exit(run_sweep(lake, run, options, as_json=json))


def run_sweep(
    lake: str | None,
    run: str | None,
    options: dict[str, Any],
    *,
    as_json: bool,
    draw: bool = True,
) -> int:
    """Check the request before anything is started, run the flow, print; the exit status.

    Without `draw`, what the run holds is judged, and nothing drawn.
    """
    with telling_steps(unless=as_json):
        summary = _checked(lake, run, options, draw=draw)
    if as_json:
        print_json(summary.model_dump(mode="json"))
    else:
        from flows.cli.results import print_summary

        print_summary(summary, lake)
    return 0 if summary.complete else 1


def _checked(
    lake: str | None, run: str | None, options: dict[str, Any], *, draw: bool
) -> SweepSummary:
    from flows.prefect_api import prefect_api
    from flows.request import SweepRequest, resolve_after, stored_request
    from storage import Lake
    from tasks.evaluate.placement import judging_cores

    house = Lake.to_write(lake) if draw else Lake.open(lake)
    earlier = None if run is None else stored_request(house, run, SweepRequest)
    run_id, request = resolve_after(earlier, house, run, options, SweepRequest)
    judging_cores()
    changed = earlier not in (None, request)
    go_on = to_go_on(house, run_id, lake, changed=changed) if draw else command_line
    with going_on(go_on), prefect_api() as api:
        asked = request.model_dump(mode="json") | {"draw": draw}
        summary: SweepSummary = flow_summary(
            api, imported("flows.sweep", "bon_sweep"), run=run_id, lake=str(house.root), **asked
        )
        return summary


def flow_summary(api: PrefectApi, load: Callable[[], Any], **parameters: Any) -> Any:
    """What the flow returns. Ray and the flow's imports take some seconds: both at once."""
    from flows.cli.ray import connected_ray

    with ThreadPoolExecutor(1) as beside:
        loaded = beside.submit(load)
        with connected_ray():
            if not loaded.done():
                begins("loading the flow")
            flow = loaded.result()
            begins("waiting for Prefect")
            api.wait()
            with api.watched():
                from flows.leftovers import tidy  # Prefect, too: imported by now

                tidy(private=api.private)
                return flow(**parameters)


def imported(module: str, name: str) -> Callable[[], Any]:
    """What imports a flow when it is called."""

    def load() -> Any:
        from tasks.collector import importing

        with importing():
            return getattr(import_module(module), name)

    return load


def parse_ids(text: str) -> list[int]:
    """ "4,5,12-14" → [4, 5, 12, 13, 14]. Raises RequestError for anything else."""
    ids: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        ends = (first, last if dash else first)
        if not all(_ID.fullmatch(end) for end in ends) or int(ends[0]) > int(ends[1]):
            raise RequestError(
                f"--problems {text[:100]!r} is no list of ids; "
                "write numbers and ranges with commas, as in 4,5,12-18"
            )
        named = range(int(ends[0]), int(ends[1]) + 1)
        if len(ids) + len(named) > MOST_PROBLEMS:
            raise RequestError(
                f"--problems {text[:100]!r} names more than {MOST_PROBLEMS:,} problems; "
                "name fewer, or leave it out for all of the suite"
            )
        ids += named
    return ids


def narrowed(
    suite: str | None, profile: str | None, run: str | None, level: str | None, split: str | None
) -> str | None:
    """The suite with `--level` and `--split` in its name; the profile's where none is given."""
    if level is None and split is None:
        return suite
    if suite is None:
        if run is not None and profile is None:
            raise RequestError("--level and --split want --suite or --profile beside them")
        from flows.profiles import load_profile
        from flows.request import DEFAULT_PROFILE

        suite = str(load_profile(profile or DEFAULT_PROFILE).get("suite", ""))
    return suite_part(suite, level, split)
