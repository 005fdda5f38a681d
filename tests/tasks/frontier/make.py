"""Adaptations with chosen outcomes: in memory, and the same in a lake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from storage import Lake
from storage.ledger import ProblemKey
from tasks.adapt.numbering import draw_indices
from tasks.adapt.units import BASE_ARM
from tasks.frontier.stages import Run, Stage, Track
from tests.storage.make import START, candidate_row, evaluation_row, run_row

Floats = NDArray[np.float64]


ONE_SECOND: Mapping[str, object] = {
    "compile_seconds": 0.25,
    "draw_seconds": 0.125,
    "check_seconds": 0.125,
    "time_seconds": 0.5,
    "wall_seconds": 3.0,
    "device": "cpu",
}
"""What judging takes: 1 s of work, and 2 s of waiting while others are measured."""


def keys(problems: int) -> list[ProblemKey]:
    return [("s", 1, number) for number in range(1, problems + 1)]


def stage(speedups: Floats, sources: NDArray[np.int64]) -> Stage:
    """Draws of these speedups, NaN where incorrect; 10 tokens each behind a prompt of 5."""
    with np.errstate(invalid="ignore"):
        fast = speedups > 1
    return Stage(
        fast=fast,
        log_speedup=np.log(speedups),
        source=sources,
        prompt_tokens=5.0 * len(speedups),
        completion_tokens=10.0 * len(speedups),
        sample_seconds=0.1 * len(speedups),
    )


def run_of(
    base: Floats,
    arms: Mapping[str, Floats],
    *,
    run_id: str = "r",
    seed: int = 1,
    unit: str = "problem",
    names: list[ProblemKey] | None = None,
    unjudged: int = 0,
    trained_tokens: float = 0.0,
    parameters: int | None = None,
) -> Run:
    """base: speedups, NaN where incorrect, (problems, stages, group). arms: the same without the
    first stage, which is the base arm's. Every draw has a text of its own; judging takes 1 s."""
    problems, stages, group = base.shape
    names = names or keys(problems)
    tables = {BASE_ARM: base} | {
        name: np.concatenate([base[:, :1], own], axis=1) for name, own in arms.items()
    }
    tracks: dict[str, dict[ProblemKey, Track]] = {}
    for name, table in tables.items():
        count = stages * group
        judging = np.tile([1.0, 1.0, 0.0], (count, 1))
        sources = np.arange(count, dtype=np.int64).reshape(stages, group)
        tracks[name] = {
            key: Track(
                tuple(stage(one, own) for one, own in zip(table[i], sources, strict=True)), judging
            )
            for i, key in enumerate(names)
        }
    step = {"trained_tokens": trained_tokens, "train_seconds": 1.0}
    return Run(
        run_id=run_id,
        seed=seed,
        unit=unit,
        group=group,
        last=stages - 1,
        arms=tracks,
        learning={name: [step if name != BASE_ARM else {}] * stages for name in tables},
        unjudged=unjudged,
        parameters=parameters,
    )


def speeds(rng: np.random.Generator, rates: Floats, stages: int, group: int) -> Floats:
    """Draws that are fast with these chances, of (problems,) or (problems, stages); correct and
    slower, or incorrect, else."""
    chance = np.broadcast_to(rates.reshape(len(rates), -1, 1), (len(rates), stages, 1))
    size = (len(rates), stages, group)
    slow = np.where(rng.random(size) < 0.5, np.nan, rng.uniform(0.3, 0.9, size))
    return np.where(rng.random(size) < chance, rng.uniform(1.2, 2.0, size), slow)


def write(
    lake: Lake,
    base: Floats,
    arms: Mapping[str, Floats],
    *,
    run_id: str = "r",
    seed: int = 1,
    unit: str = "problem",
    names: list[ProblemKey] | None = None,
    parameters: int | None = None,
    judging: Mapping[str, object] = ONE_SECOND,
) -> None:
    """The run of `run_of` with the same arguments, in a lake; draws of speed -1 are not made."""
    problems, stages, group = base.shape
    names = names or keys(problems)
    adapt = {"arms": list(arms), "group": group, "unit": unit, "steps": stages - 1}
    config = {"seed": seed, "policy": "embedded", "adapt": adapt, "problems": None}
    row = run_row(run_id) | {"kind": "adapt", "config": json.dumps(config), "k": stages * group}
    row |= {"parameters": parameters}
    lake.append("runs", [row], run_id=run_id)
    candidates, verdicts, spent = [], [], []
    for number, (name, table) in enumerate([(BASE_ARM, base), *arms.items()]):
        first = 0 if number == 0 else 1
        for i, (suite, level, problem_id) in enumerate(names):
            key = {"suite": suite, "level": level, "problem_id": problem_id}
            of_unit = f"{level}/{problem_id}" if unit == "problem" else "batch"
            for step in range(first, stages):
                for place, index in enumerate(draw_indices(number, step, group)):
                    text, speed = f"{name}-{step}-{place}", table[i, step - first, place]
                    if speed < 0:
                        continue
                    candidates.append(
                        candidate_row(problem_id, index, text)
                        | key
                        | {"arm": name, "step": step, "unit": None if number == 0 else of_unit}
                        | {"n_prompt_tokens": 5, "sample_seconds": 0.1}
                    )
                    status = "incorrect" if np.isnan(speed) else "correct"
                    verdicts.append(
                        evaluation_row(problem_id, text, status=status, speedup=speed)
                        | key
                        | dict(judging)
                    )
            if number:
                spent += [
                    {"arm": name, "unit": of_unit, "step": step, "stage": "train"}
                    | dict.fromkeys(
                        (
                            *("rollouts", "prompt_tokens", "prefill_tokens", "completion_tokens"),
                            *("teacher_tokens", "evaluations", "gpu_seconds"),
                        ),
                        0,
                    )
                    | {"trained_tokens": 120, "seconds": 1.0 / problems}
                    | {"spent_at": START + timedelta(minutes=step)}
                    for step in range(stages - 1)
                    if of_unit != "batch" or i == 0
                ]
    named = [{"suite": s, "level": v, "problem_id": p, "name": f"n{p}"} for s, v, p in names]
    lake.append(
        "problems", [one | {"problem_hash": "x", "source": "y"} for one in named], run_id=run_id
    )
    lake.append("candidates", candidates, run_id=run_id)
    lake.append("evaluations", verdicts, run_id=run_id)
    if spent:
        lake.append("spend", spent, run_id=run_id)
