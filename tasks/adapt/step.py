"""One step of one arm: from items to a checkpoint on disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storage.folders import file_sha256
from tasks.adapt.checkpoint import (
    ADAPTER_FILE,
    OPTIMIZER_FILE,
    Checkpoint,
    checkpoint_id,
)
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
    already may be another arm's whose items were the same (a permutation may change nothing): it
    stays if it holds what was made now, and else is a killed step's and written anew.

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
    saved = _saved(trainer, adapters / identity)
    return Made(Checkpoint.of(identity, parent, trainer.trainer_id, saved), report, saved)


def _saved(trainer: Trainer, folder: Path) -> SavedFiles:
    if not folder.exists():
        return trainer.save(folder)
    again, partial = (folder.with_name(f".{folder.name}.{end}") for end in ("again", "partial"))
    for leftover in (again, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    saved = trainer.save(again)
    held = ((ADAPTER_FILE, saved.sha256), (OPTIMIZER_FILE, saved.optimizer_sha256))
    if all(
        (folder / name).is_file() and file_sha256(folder / name) == sha256 for name, sha256 in held
    ):
        shutil.rmtree(again, ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        again.rename(folder)
    return replace(saved, folder=folder)
