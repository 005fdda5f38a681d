"""Checkpoints named by what they were made from, with the hashes of what they are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from storage.folders import file_sha256 as file_sha256
from tasks.adapt.items import TrainItem, digest
from tasks.adapt.trainers.base import SavedFiles, StepSpec
from tasks.errors import AdapterError

BASE = "base"
"""Stands for the parent of the first step: the model without an adapter."""

ADAPTER_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
OPTIMIZER_FILE = "trainer/optimizer.safetensors"
"""In a folder below: what lies beside the adapter is part of the policy's identity."""

MADE_LATER = "teacher"
"""Folder below that was not saved with the rest: it follows from the checkpoints (tasks.adapt.ema).
"""

AGAIN = (
    "the run that made it, gone on with by `bon adapt --run` or `bon train --run`, makes it again"
)
"""What to do about a checkpoint whose files were removed."""


@dataclass(frozen=True)
class Checkpoint:
    """An adapter in `folder`, in peft's format, with the optimizer's state."""

    checkpoint_id: str
    parent_id: str
    trainer_id: str
    step: int
    """How many steps lie between it and the base, the first is 1."""
    folder: Path
    sha256: str
    """Of the adapter's tensors."""
    optimizer_sha256: str
    bytes: int
    """Of all files."""
    saved: tuple[tuple[str, str], ...] = ()
    """Name within the folder and SHA-256 of each file, the adapter's own last; empty where an
    earlier release saved it."""

    @classmethod
    def of(
        cls, checkpoint_id: str, parent: Checkpoint | None, trainer_id: str, saved: SavedFiles
    ) -> Checkpoint:
        return cls(
            checkpoint_id,
            parent.checkpoint_id if parent else BASE,
            trainer_id,
            parent.step + 1 if parent else 1,
            saved.folder,
            saved.sha256,
            saved.optimizer_sha256,
            saved.bytes,
            _hashes(saved.folder),
        )

    @property
    def files(self) -> Mapping[str, str]:
        """Name within the folder → SHA-256 of what is known of its files."""
        known = {ADAPTER_FILE: self.sha256, OPTIMIZER_FILE: self.optimizer_sha256}
        return dict(self.saved) | known

    def check(self) -> None:
        """Raises AdapterError if a file is missing or not what was saved."""
        for name, expected in self.files.items():
            path = self.folder / name
            if not path.is_file():
                raise AdapterError(
                    f"checkpoint {self.checkpoint_id}: no file {path}; remove its folder, "
                    f"and {AGAIN}"
                )
            if file_sha256(path) != expected:
                raise AdapterError(
                    f"checkpoint {self.checkpoint_id}: {path} is not what was saved; remove its "
                    f"folder, and {AGAIN}"
                )


def saved_files(folder: Path, tensors: tuple[str, ...]) -> SavedFiles:
    """What a trainer has just saved in `folder`. tensors: names of the adapter's, sorted."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return SavedFiles(
        folder,
        file_sha256(folder / ADAPTER_FILE),
        file_sha256(folder / OPTIMIZER_FILE),
        sum(path.stat().st_size for path in files),
        tensors,
    )


def checkpoint_id(
    parent: Checkpoint | None, items: Sequence[TrainItem], spec: StepSpec, trainer_id: str
) -> str:
    """16 hex digits of SHA-256 over parent, items, spec and trainer."""
    content = {
        "parent": parent.checkpoint_id if parent else BASE,
        "items": digest(items),
        "spec": asdict(spec),
        "trainer": trainer_id,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _hashes(folder: Path) -> tuple[tuple[str, str], ...]:
    """Last what loaders look for first: where files are put one by one, a folder that has it has
    the rest."""
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    saved = [name for name in names if name.parts[0] != MADE_LATER]
    return tuple((str(name), file_sha256(folder / name)) for name in sorted(saved, reverse=True))
