"""One step of one arm: from items to a checkpoint on disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.adapt.checkpoint import Checkpoint, checkpoint_id
from tasks.adapt.items import TrainItem
from tasks.adapt.trainers.base import SavedFiles, StepReport, StepSpec, Trainer


@dataclass(frozen=True)
class Made:
    """A step's outcome. checkpoint: where the arm goes on from; the parent if there was no signal.
    saved: the new files, None without them."""

    checkpoint: Checkpoint | None
    report: StepReport
    saved: SavedFiles | None


def make_step(
    trainer: Trainer,
    parent: Checkpoint | None,
    items: Sequence[TrainItem],
    spec: StepSpec,
    adapters: Path,
) -> Made:
    """Train from the parent's files (None: the base) and save to `adapters`/<checkpoint id>.

    Always from files, never from what the trainer still holds: so a step that is done again after a
    kill is the step that was lost. Fewer than two items are no signal. A folder that is there
    already has no row in the lake, or nobody would ask; it is written anew.

    Raises as Trainer's verbs do.
    """
    if len(items) < 2:
        tokens = sum(len(item.tokens) for item in items)
        return Made(parent, StepReport("no_signal", len(items), tokens), None)
    trainer.start(parent)
    report = trainer.step(items, spec)
    if report.status == "no_signal":
        return Made(parent, report, None)
    identity = checkpoint_id(parent, items, spec, trainer.trainer_id)
    adapters.mkdir(parents=True, exist_ok=True)
    folder = adapters / identity
    shutil.rmtree(folder, ignore_errors=True)
    saved = trainer.save(folder)
    return Made(Checkpoint.of(identity, parent, trainer.trainer_id, saved), report, saved)
