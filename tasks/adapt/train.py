"""One step of one unit: from judged draws to a checkpoint in the lake, whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from storage.commit import commit
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.adapters import adapters_here, at_hand, keep, name_of
from tasks.adapt.base_model import adapted_policy
from tasks.adapt.checkpoint import BASE, Checkpoint
from tasks.adapt.drawn import drawn_for, earlier_speedups
from tasks.adapt.effect import BFLOAT16, FLOAT32, check_effect
from tasks.adapt.ema import mean_of
from tasks.adapt.feedback import Taught, teach
from tasks.adapt.lesson import Lesson, lesson
from tasks.adapt.named import worn_adapter
from tasks.adapt.objectives import Teacher, parse_objective
from tasks.adapt.rewards import parse_reward
from tasks.adapt.spent import COUNTS
from tasks.adapt.standing import Made as MadeSteps
from tasks.adapt.standing import Standing
from tasks.adapt.step import Made
from tasks.adapt.trainers.base import StepReport
from tasks.adapt.units import Unit
from tasks.errors import AdapterError, DivergedError, StepRefusedError
from tasks.problems import Problem
from tasks.sample.actor import PolicyHandle
from tasks.statistics.arrays import Floats

Row = dict[str, object]


_Failure = StepRefusedError | DivergedError


@dataclass(frozen=True)
class Studied:
    """A step that is owed, and what it learns from. failure: why it can be none."""

    unit: Unit
    step: int
    before: Standing
    lesson: Lesson
    failure: _Failure | None = None


@dataclass(frozen=True)
class Trained:
    """A step that was made, or failed. on_gpu, in_float32: of the trainer."""

    studied: Studied
    outcome: Made | _Failure
    on_gpu: bool = False
    in_float32: bool = True


def train_unit(work: Adaptation, unit: Unit, step: int) -> str | None:
    """Make step `step` (from 1) of a unit if the run owes it; how it ended, None if it does not.

    A step whose files are gone is made again from the verdicts that it was made from. Raises
    AdapterError if it does not come out as it was, or does not take effect, TrainingError if it
    cannot be saved.
    """
    studied = study_unit(work, unit, step)
    return None if studied is None else settle_unit(work, make_unit(work, studied))


def study_unit(work: Adaptation, unit: Unit, step: int) -> Studied | None:
    """What a step learns, if the run owes it; the policy reads where the objective asks for it."""
    made = work.made()
    before = made.at(unit, step - 1)
    if before is None or not made.owes(unit, step):
        return None
    try:
        return Studied(unit, step, before, _lesson(work, unit, step))
    except (StepRefusedError, DivergedError) as error:
        return Studied(unit, step, before, Lesson((), ()), error)


def make_unit(work: Adaptation, studied: Studied) -> Trained:
    """Train, and save to a folder that is no checkpoint before `settle_unit`."""
    if studied.failure is not None:
        return Trained(studied, studied.failure)
    parent = studied.before.checkpoint and at_hand(work.lake, studied.before.checkpoint)
    trainer = work.turns.trainer()
    outcome: Made | _Failure
    try:
        outcome = trainer.make_step(
            parent, studied.lesson.items, work.method.spec, adapters_here(work.lake)
        )
    except (StepRefusedError, DivergedError) as error:
        outcome = error
    return Trained(studied, outcome, trainer.on_gpu, trainer.in_float32)


def settle_unit(work: Adaptation, trained: Trained) -> str:
    """Check that the step takes effect where draws come from, and commit it; how it ended."""
    studied, outcome = trained.studied, trained.outcome
    unit, step = studied.unit, studied.step
    made = work.made()
    row = made.step(unit, step)
    if isinstance(outcome, _Failure):
        if row is not None:  # it was done once: what is written stays
            raise outcome
        status = "refused" if isinstance(outcome, StepRefusedError) else "diverged"
        items = studied.lesson.items
        failed: Row = {"status": status, "message": " ".join(str(outcome).split())}
        report = StepReport("no_signal", len(items), sum(len(item.tokens) for item in items))
        _write(work, trained, report, failed, None)
        return status
    if row is not None:
        keep(work.lake, _made_again(made, unit, step, outcome))
        return str(row["status"])
    arrived = None
    if outcome.saved is not None and outcome.checkpoint is not None:
        policy_id = _served(work, outcome, in_float32=trained.in_float32)
        keep(work.lake, outcome.checkpoint)
        arrived = (outcome.checkpoint, policy_id)
    _write(work, trained, outcome.report, {}, arrived)
    return outcome.report.status


def _lesson(work: Adaptation, unit: Unit, step: int) -> Lesson:
    objective = parse_objective(unit.arm)
    reading = 0.0

    @contextmanager
    def timed() -> Iterator[None]:
        nonlocal reading
        began = time.monotonic()
        yield
        reading += time.monotonic() - began

    def base_scores(prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> list[Floats]:
        bare = work.drawn_by(None)
        with timed():
            return [_processed(one) for one in bare.score_tokens(prompt, completions)]

    teacher: PolicyHandle | None = None
    if objective.teacher is not None:
        teacher = work.drawn_by(_teachers_weights(work, unit, step, objective.teacher))

    def teaching(
        problem: Problem, completions: Sequence[Sequence[int]], told: Sequence[Sequence[str]]
    ) -> Taught:
        assert teacher is not None
        with timed():
            return teach(teacher, problem, completions, told)

    found = lesson(
        unit,
        step,
        drawn_for(work.lake, work.run_id, unit, step),
        objective,
        parse_reward(work.method.reward),
        run_seed=work.sweep.seed,
        prompt_of=work.prompt,
        base_scores=base_scores,
        earlier=earlier_speedups(work.lake, work.run_id, unit, step),
        teaching=teaching,
    )
    return replace(found, scored_seconds=reading)


def _teachers_weights(work: Adaptation, unit: Unit, step: int, teacher: Teacher) -> Path | None:
    """The adapter of the teacher of a step, None for the base model's weights.

    Raises AdapterError for a checkpoint that is not as it was saved.
    """
    passed = work.made().passed(unit, step - 1)
    if teacher.weights == "base" or not passed:
        return None
    for one in passed:
        at_hand(work.lake, one)
    if teacher.weights == "live":
        return passed[-1].folder
    return mean_of([one.folder for one in passed], begin=worn_adapter(work.policy_spec))


def _processed(score: Any) -> Floats:
    if score.processed is None:
        raise AdapterError("the policy tells no log-probabilities at the temperature of the draws")
    return np.array(score.processed, np.float64)


def _made_again(made: MadeSteps, unit: Unit, step: int, outcome: Made) -> Checkpoint:
    """Raises AdapterError unless a step that was made again is the step that was lost."""
    standing = made.at(unit, step)
    assert standing is not None
    assert standing.checkpoint is not None
    if outcome.checkpoint is None or outcome.checkpoint.sha256 != standing.checkpoint.sha256:
        raise AdapterError(
            f"checkpoint {standing.checkpoint.checkpoint_id} of {unit.label} is gone and cannot be "
            "made again as it was (other software, another device?); restore "
            f"{standing.checkpoint.folder}, or choose another --run"
        )
    return outcome.checkpoint


def _served(work: Adaptation, outcome: Made, *, in_float32: bool) -> str:
    """Check that the adapter does where it is served what it did in training; the policy's id.

    Raises AdapterError.
    """
    assert outcome.saved is not None
    wearing = work.drawn_by(outcome.saved.folder)
    served = []
    for probe in outcome.report.probes:
        (score,) = wearing.score_tokens(probe.item.prompt, [probe.item.tokens])
        served.append(_processed(score).tolist())
    tolerance = FLOAT32 if in_float32 and wearing.in_float32 else BFLOAT16
    check_effect(outcome.report.probes, served, outcome.saved, tolerance=tolerance)
    return wearing.policy_id


def _write(
    work: Adaptation,
    trained: Trained,
    report: StepReport,
    failed: Row,
    arrived: tuple[Checkpoint, str] | None,
) -> None:
    """Commit the step: its row is what counts, and is written last."""
    now = datetime.now(UTC)
    unit, step = trained.studied.unit, trained.studied.step
    before, taught = trained.studied.before, trained.studied.lesson
    place: Row = {"arm": unit.arm, "unit": unit.name, "step": step}
    parent = before.checkpoint.checkpoint_id if before.checkpoint else BASE
    checkpoints = []
    if arrived is not None:
        checkpoint, policy_id = arrived
        name = name_of(checkpoint.checkpoint_id)
        checkpoints.append(
            place
            | {
                "checkpoint_id": checkpoint.checkpoint_id,
                "parent_id": parent,
                "policy": adapted_policy(work.policy_spec, work.lake.root / name),
                "policy_id": policy_id,
                "trainer_id": checkpoint.trainer_id,
                "path": name,
                "sha256": checkpoint.sha256,
                "optimizer_sha256": checkpoint.optimizer_sha256,
                "bytes": checkpoint.bytes,
                "files": json.dumps(dict(checkpoint.saved)),
                "created_at": now,
            }
        )
    cut = None
    if taught.shortened:
        cut = (
            f"of {taught.shortened} of {len(taught.items)} draws the teacher was told less, for "
            "want of room in the model's context"
        )
    row = place | {
        "checkpoint_id": arrived[0].checkpoint_id if arrived else None,
        "parent_id": parent,
        "objective": unit.arm,
        "reward": work.method.reward,
        "spec": json.dumps(asdict(work.method.spec), sort_keys=True),
        "n_items": report.n_items,
        "n_tokens": report.n_tokens,
        "seconds": report.seconds,
        "status": report.status,
        "message": cut,
        "made_at": now,
    }
    if report.status == "done":
        row |= {
            "loss": report.loss,
            "grad_norm": report.grad_norm,
            "mismatch_mean": report.mismatch_mean,
            "mismatch_max": report.mismatch_max,
            "ess": report.ess,
            "learning_rate": report.lr,
            "kl_from_parent": report.kl_from_parent,
            "kl_from_base": report.kl_from_base,
            "peak_bytes": report.peak_bytes,
        }
    items = [
        {
            "suite": one.draw.suite,
            "level": one.draw.level,
            "problem_id": one.draw.problem_id,
            "sample_index": one.draw.sample_index,
            "evaluation_id": one.evaluation_id,
            "reward": one.reward,
            "advantage": one.advantage,
            **place,
        }
        for one in taught.learned
    ]
    tables = {
        "spend": _spent(unit, step, taught, report, now, on_gpu=trained.on_gpu),
        "checkpoints": checkpoints,
        "train_items": items,
        "train_steps": [row | failed],
    }
    commit(work.lake, work.run_id, unit.part(step), tables)


def _spent(
    unit: Unit, step: int, taught: Lesson, report: StepReport, now: datetime, *, on_gpu: bool
) -> list[Row]:
    """`spend` of training, and of what the base model or a teacher read where the objective asks
    for it. Its step is that of the draws: a step belongs to what it was made from."""
    nothing: Row = dict.fromkeys(COUNTS, 0)
    place: Row = {"arm": unit.arm, "unit": unit.name, "step": step - 1, "spent_at": now}
    trained = sum(len(item.prompt) + len(item.tokens) for item in taught.items)
    rows = [
        nothing
        | place
        | {
            "stage": "train",
            "trained_tokens": trained if report.seconds else 0,
            "seconds": report.seconds,
            "gpu_seconds": report.seconds if on_gpu else 0.0,
        }
    ]
    if taught.scored_tokens:
        read = {
            "stage": "score",
            "prefill_tokens": taught.scored_tokens,
            "teacher_tokens": taught.teacher_tokens,
        }
        rows.append(nothing | place | read | {"seconds": taught.scored_seconds})
    return rows


@task(name="lesson", cache_policy=NO_CACHE, persist_result=False)
def study(work: Adaptation, unit: Unit, step: int) -> Studied | None:
    """The Prefect task around `study_unit`."""
    return study_unit(work, unit, step)


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def train(work: Adaptation, studied: Studied) -> Trained:
    """The Prefect task around `make_unit`."""
    return make_unit(work, studied)


@task(name="effect", cache_policy=NO_CACHE, persist_result=False)
def settle(work: Adaptation, trained: Trained) -> str:
    """The Prefect task around `settle_unit`."""
    status = settle_unit(work, trained)
    unit, step = trained.studied.unit, trained.studied.step
    if status in ("refused", "diverged"):
        row = work.made().step(unit, step)
        message = row and row["message"]
        get_run_logger().warning(f"{unit.label} ends at step {step}, {status}: {message}")
    work.sweep.progress.advance("train")
    return status
