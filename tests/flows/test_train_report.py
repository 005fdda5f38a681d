"""The report of a training says what `bon train` says: whole, unfinished, or ended early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.adapt_engines import owed
from flows.request import resolve
from flows.train_request import TrainRequest
from flows.train_summary import TrainSummary, summarise
from storage import Lake
from tasks.adapt.numbering import draw_indices
from tasks.report import report_document
from tests.storage.make import START, candidate_row, checkpoint_row, evaluation_row, run_row

RUN, ARMS, LAST = "r", ("centred", "placebo"), 4


def step_row(arm: str, step: int) -> dict[str, Any]:
    return {
        "arm": arm,
        "unit": "batch",
        "step": step,
        "checkpoint_id": f"{arm}{step}",
        "parent_id": "base",
        "objective": arm,
        "reward": "lower",
        "spec": "{}",
        "n_items": 2,
        "n_tokens": 20,
        "loss": 0.5,
        "kl_from_base": 0.01 * step,
        "seconds": 1.0,
        "status": "done",
        "made_at": START,
    }


def spend_row(arm: str, step: int, stage: str, **given: Any) -> dict[str, Any]:
    counts = ("rollouts", "prompt_tokens", "prefill_tokens", "completion_tokens", "teacher_tokens")
    none = dict.fromkeys((*counts, "trained_tokens", "evaluations", "gpu_seconds"), 0)
    place = {"arm": arm, "unit": "batch", "step": step, "stage": stage}
    return place | none | {"seconds": 1.5, "spent_at": START} | given


def training(place: Path, *, steps: int = LAST, unjudged: int = 0) -> tuple[Lake, TrainRequest]:
    """A run of two arms and four steps, of which `steps` were made. `unjudged`: so many of the last
    checkpoint's draws have no verdict."""
    lake = Lake.open(place, create=True)
    asked = {"adapt": {"arms": list(ARMS)}}
    request = resolve(lake, None, asked, TrainRequest)[1]
    row = run_row(RUN) | {"kind": "train", "config": request.model_dump_json()}
    lake.append("runs", [row | {"harness_id": request.harness_id}], run_id=RUN)
    named = [
        {"suite": one.suite, "level": one.level, "problem_id": one.problem_id, "name": one.name}
        | {"problem_hash": one.problem_hash, "source": one.source}
        for one in request.selected()
    ]
    lake.append("problems", named, run_id=RUN)
    rounds, rng = request.rounds(), np.random.default_rng(3)
    drawn, verdicts, learned = [], [], []
    for step in range(steps + 1):
        drawings = rounds.drawings(None, step)
        for unit in rounds.units if step else ():
            drawings += rounds.drawings(unit, step)
        for shard in (shard for one in drawings for shard in one.shards):
            suite, level, problem = shard.problem.key
            key = {"suite": suite, "level": level}
            for index in shard.sample_indices:
                number = index // 1_000_000 % 1000
                arm = ("base", *ARMS)[number]
                confirms = index in draw_indices(number, step, 8, "confirm")
                text = f"{arm}-{step}-{index}"
                at = {"arm": arm, "step": step, "unit": "batch" if number else None}
                at |= {"purpose": "confirm" if confirms else "round", "n_prompt_tokens": 5}
                at |= {"checkpoint_id": f"{arm}{step}"} if number else {}
                drawn.append(candidate_row(problem, index, text) | key | at)
                speed = float(rng.uniform(0.4, 1.1 + 0.3 * step * (arm == "centred")))
                right = {"harness_id": request.harness_id, "speedup": speed}
                verdicts.append(evaluation_row(problem, text, **right) | key)  # type: ignore[arg-type]
                if number and not confirms:
                    place_ = {"arm": arm, "unit": "batch", "step": step + 1, "problem_id": problem}
                    at = {"sample_index": index, "evaluation_id": f"e-{problem}-{text}-0"}
                    learned.append(key | place_ | at | {"reward": speed, "advantage": 0.0})
    made = [(arm, step) for arm in ARMS for step in range(1, steps + 1)]
    lake.append("candidates", drawn, run_id=RUN)
    lake.append("evaluations", verdicts[: len(verdicts) - unjudged], run_id=RUN)
    lake.append("train_steps", [step_row(*one) for one in made], run_id=RUN)
    lake.append("train_items", learned, run_id=RUN)
    for arm, step in made:
        saved = checkpoint_row(f"{arm}{step}", arm=arm, step=step)
        lake.append("checkpoints", [saved], run_id=RUN)
    spent = [spend_row(arm, step, "train", trained_tokens=20) for arm, step in made]
    spent += [spend_row(arm, step, "sample", rollouts=32) for arm, step in made]
    lake.append("spend", spent, run_id=RUN)
    return lake, request


def said(lake: Lake, request: TrainRequest) -> TrainSummary:
    return summarise(lake, RUN, request, owed(lake, RUN, request).verdicts)


@pytest.mark.parametrize("unjudged", [0, 3])
def test_the_report_says_what_the_command_says(tmp_path: Path, unjudged: int) -> None:
    lake, request = training(tmp_path / "lake", unjudged=unjudged)
    command = said(lake, request).model_dump(mode="json")
    assert command["unfinished"] == unjudged
    report = report_document(lake, [RUN], tmp_path / "page.html")
    told = report["trainings"][RUN]
    for arm in command["arms"].values():
        assert arm.pop("steps") == {"done": LAST}
    assert told == {name: command[name] for name in ("arms", "guards", "verdict")}
    (section,) = [one for one in report["sections"] if one["name"] == "training"]
    assert section["words"][0] == f"{RUN}: {command['verdict']}."
    assert report["answer"]["lead"].lower() == f"{command['verdict']}.".lower()
    checkpoints, steps, cost = section["tables"]
    assert [(row[0], row[1], row[-1]) for row in checkpoints["rows"]] == [
        (name, str(one["step"]), one["policy"])
        for name, arm in command["arms"].items()
        for one in arm["evaluations"]
    ]
    assert [row[:3] for row in steps["rows"]] == [
        [arm, str(step), "done"] for arm in ARMS for step in range(1, LAST + 1)
    ]
    stages = [(row[0], row[1], row[2]) for row in cost["rows"]]
    assert stages == [(arm, *of) for arm in ARMS for of in (("sample", "128"), ("train", "0"))]
    assert 'data-figure="training"' in (tmp_path / "page.html").read_text()


def test_a_training_that_was_ended_early_has_no_verdict(tmp_path: Path) -> None:
    lake, request = training(tmp_path / "lake", steps=2)
    assert said(lake, request).verdict.startswith("no verdict: ")
    told = report_document(lake, [RUN])["trainings"][RUN]
    assert told["verdict"] == f"no verdict: it was ended early; `bon train --run {RUN}` goes on"


def test_delivered_speedup_is_compared_at_as_many_draws(tmp_path: Path) -> None:
    lake, request = training(tmp_path / "lake", unjudged=3)
    first, *_, last = said(lake, request).arms["placebo"].evaluations
    rows = lake.sql(
        "SELECT step, problem_id, list(if(correct, speedup, 0) ORDER BY sample_index) AS speeds "
        "FROM results WHERE purpose = 'confirm' AND arm IN ('base', 'placebo') "
        "AND step IN (0, 4) AND status IS NOT NULL GROUP BY ALL"
    ).to_pylist()
    by_place = {(row["step"], row["problem_id"]): row["speeds"] for row in rows}
    problems = sorted({problem for _, problem in by_place})
    gains = []
    for problem in problems:
        before, after = by_place[0, problem], by_place[4, problem]
        n = min(len(before), len(after))
        gains.append(np.log(max(1, *after[:n])) - np.log(max(1, *before[:n])))
    assert last.draws == first.draws - 3
    assert last.delivered_change is not None
    assert last.delivered_change.mean == pytest.approx(np.exp(np.mean(gains)))
    own = [max(1, *by_place[0, problem]) for problem in problems]
    assert first.delivered_speedup.mean == pytest.approx(np.exp(np.log(own).mean()))
    assert first.delivered_change is None
