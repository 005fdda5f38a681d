"""The arms of runs of `bon adapt`, from the lake in a handful of queries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.extent import last_step
from tasks.adapt.units import BASE_ARM
from tasks.errors import RequestError
from tasks.frontier.owed import owed_draws
from tasks.frontier.stages import NO_DRAWS, Run, Stage, Track


def load_runs(lake: Lake, run_ids: Sequence[str]) -> list[Run]:
    """The runs in the order named, each once.

    Problems that some arm has no verdict on are in the tracks of the others only.

    Raises storage's RunUnknownError, and RequestError for no run, for one without arms, and for
    runs that are not one study (see `_check_one_study`).
    """
    wanted = list(dict.fromkeys(run_ids))
    if not wanted:
        raise RequestError("no run named; `bon runs` lists them")
    lake.check_runs(wanted)
    asked = {row["run_id"]: row for row in lake.sql(_text("settings"), wanted).to_pylist()}
    for run_id in wanted:
        if (kind := asked[run_id]["kind"]) != "adapt":
            has = "is a training, which has no Best-of-N beside it"
            raise RequestError(
                f"run {run_id!r} {has if kind == 'train' else 'has one arm'}; name runs of `bon "
                "adapt`, which have several to compare"
            )
    drawn = lake.sql(_text("draws"), wanted)
    of_run = np.array(drawn["run_id"].to_pylist(), np.str_)
    learned = lake.sql(_text("training"), wanted).to_pylist()
    runs = [
        _run(
            lake,
            asked[run_id],
            drawn.filter(pa.array(of_run == run_id)),
            [row for row in learned if row["run_id"] == run_id],
        )
        for run_id in wanted
    ]
    _check_one_study(runs, asked)
    return runs


def _run(
    lake: Lake, asked: Mapping[str, Any], drawn: pa.Table, learned: Sequence[Mapping[str, Any]]
) -> Run:
    config = json.loads(asked["config"])
    adapt = config["adapt"]
    names = [BASE_ARM, *adapt["arms"]]
    group = int(adapt["group"]) + int(adapt.get("tail", 0))
    last = last_step(adapt["steps"], group, max(1, asked["problems"]), adapt.get("budget"))
    owed = owed_draws(lake, asked["run_id"], names, adapt, last)
    places = _places(drawn)
    stages = max((step for arm, _, step, _ in places if arm == BASE_ARM), default=0) + 1
    problems = list(dict.fromkeys(problem for _, problem, _, _ in places))
    judging = {problem: _judging(drawn, places, problem) for problem in problems}
    arms: dict[str, dict[ProblemKey, Track]] = {name: {} for name in names}
    for problem in problems:
        first = places.get((BASE_ARM, problem, 0, False))
        if first is None:
            continue  # nothing of it is judged yet, or the judge refuses it
        for name in names:
            steps = [(BASE_ARM, 0), *((name, step) for step in range(1, stages))]
            own = [places.get((arm, problem, step, False)) for arm, step in steps]
            fresh = [places.get((arm, problem, step, True)) for arm, step in steps]
            arms[name][problem] = Track(
                tuple(_stage(drawn, at, judging[problem][0]) for at in own),
                judging[problem][1],
                tuple(_stage(drawn, at, judging[problem][0]).fast for at in fresh),
            )
    return Run(
        run_id=str(asked["run_id"]),
        seed=int(config["seed"]),
        unit=str(adapt["unit"]),
        group=group,
        tail=int(adapt.get("tail", 0)),
        last=stages - 1,
        arms=arms,
        learning={
            name: [
                next((row for row in learned if (row["arm"], row["step"]) == (name, step)), {})
                for step in range(stages)
            ]
            for name in names
        },
        unjudged=int(asked["unjudged"]) + owed,
        parameters=asked["parameters"],
    )


Place = tuple[str, ProblemKey, int, bool]
"""Arm, problem, step, and whether its draws are those that confirm."""


def _places(drawn: pa.Table) -> dict[Place, slice]:
    """The rows of each place; they are ordered by it."""
    keys = ("suite", "level", "problem_id", "arm", "step", "fresh")
    codes = [drawn[key].combine_chunks().dictionary_encode() for key in keys]
    if not len(drawn):
        return {}
    indices = [np.asarray(code.indices) for code in codes]
    changed = np.any([one[1:] != one[:-1] for one in indices], axis=0)
    starts = np.flatnonzero(np.append(True, changed))
    found = {}
    for start, end in pairwise([*starts.tolist(), len(drawn)]):
        suite, level, problem_id, arm, step, fresh = (drawn[key][start].as_py() for key in keys)
        found[arm, (suite, level, problem_id), step, fresh] = slice(start, end)
    return found


def _judging(
    drawn: pa.Table, places: Mapping[Place, slice], problem: ProblemKey
) -> tuple[dict[str, int], NDArray[np.float64]]:
    """The number of each source of a problem, and what judging each cost."""
    codes: dict[str, int] = {}
    costs: list[tuple[float, ...]] = []
    for (_, of, _, _), at in places.items():
        if of != problem:
            continue
        rows = drawn.slice(at.start, at.stop - at.start)
        columns = ("source_hash", "evaluations", "judge_seconds", "judge_gpu_seconds")
        for source, *cost in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            if source not in codes:
                codes[source] = len(codes)
                costs.append(tuple(map(float, cost)))
    return codes, np.array(costs, np.float64).reshape(-1, 3)


def _stage(drawn: pa.Table, at: slice | None, codes: Mapping[str, int]) -> Stage:
    if at is None:
        return NO_DRAWS
    rows = drawn.slice(at.start, at.stop - at.start)

    def total(name: str) -> float:
        return float(np.sum(rows[name].to_numpy()))

    return Stage(
        fast=np.array(rows["fast_1"].to_pylist(), np.bool_),
        log_speedup=np.asarray(rows["log_speedup"].to_numpy(), np.float64),
        source=np.array([codes[str(one)] for one in rows["source_hash"].to_pylist()], np.int64),
        prompt_tokens=total("prompt_tokens"),
        completion_tokens=total("completion_tokens"),
        sample_seconds=total("sample_seconds"),
    )


def _check_one_study(runs: Sequence[Run], asked: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise RequestError for runs that were asked for otherwise than the first, but for the seed
    and, where a unit is a batch, for the batch; and for two with one seed and one batch."""
    first = runs[0]
    seen: dict[tuple[int, frozenset[ProblemKey]], str] = {}
    for run in runs:
        differs = _differing(asked[first.run_id], asked[run.run_id])
        if differs:
            raise RequestError(
                f"runs {first.run_id!r} and {run.run_id!r} differ in {', '.join(differs)}; only "
                "runs that differ in their seed are one study"
            )
        own, its = frozenset(first.arms[BASE_ARM]), frozenset(run.arms[BASE_ARM])
        if own != its and (run.unit != "batch" or own & its):
            raise RequestError(
                f"runs {first.run_id!r} and {run.run_id!r} are not of the same problems; name runs "
                "of the same problems with other seeds"
                + (", or batches without a problem in common" if run.unit == "batch" else "")
            )
        if (known := seen.setdefault((run.seed, its), run.run_id)) != run.run_id:
            raise RequestError(
                f"runs {known!r} and {run.run_id!r} have the same seed, {run.seed}: their draws "
                "are the same draws; name runs with different seeds"
            )


_FREE = ("seed", "profile", "limits", "problems", "lake", "adapt.confirm")
"""Settings in which runs of a study may differ, and what is below them; problems are compared by
what was drawn, and draws that confirm are outside of every budget."""


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    first, second = (_flat(json.loads(row["config"])) for row in (one, other))
    names = sorted(first.keys() | second.keys())
    found = [name for name in names if first.get(name) != second.get(name)]
    return [name for name in found if not {name, name.split(".")[0]} & set(_FREE)]


def _flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{above}{name}.")
        else:
            found[above + name] = value
    return found


@cache
def _text(name: str) -> str:
    return files("tasks.frontier").joinpath(f"{name}.sql").read_text(encoding="utf-8")
