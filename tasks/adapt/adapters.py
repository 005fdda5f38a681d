"""Where a lake keeps the files of checkpoints, and how processes of this machine come by them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage import Lake, LakeDamagedError
from storage.folders import fetch_folder, folder_here, holds_folder, put_folder
from storage.place import in_object_store
from tasks.adapt.checkpoint import AGAIN, Checkpoint
from tasks.errors import AdapterError

ADAPTERS = "adapters"
"""Folder of the lake."""


def adapters_here(lake: Lake) -> Path:
    """Where a trainer of this machine writes to."""
    return folder_here(lake.root, ADAPTERS)


def name_of(checkpoint_id: str) -> str:
    """A checkpoint's folder, from the lake's on."""
    return f"{ADAPTERS}/{checkpoint_id}"


def checkpoint_of(lake: Lake, row: Mapping[str, Any], step: int) -> Checkpoint:
    """From its row of `checkpoints`; its folder need not be on this machine yet (see `at_hand`).

    step: how many lie between it and the base.
    """
    return Checkpoint(
        checkpoint_id=row["checkpoint_id"],
        parent_id=row["parent_id"],
        trainer_id=row["trainer_id"],
        step=step,
        folder=folder_here(lake.root, row["path"]),
        sha256=row["sha256"],
        optimizer_sha256=row["optimizer_sha256"],
        bytes=row["bytes"],
        saved=tuple(json.loads(row["files"] or "{}").items()),
    )


def at_hand(lake: Lake, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint, whose folder is on this machine now and as it was saved.

    Raises AdapterError if a file is missing or another than was saved, LakeUnusableError if an
    object store is not reached.
    """
    if not in_object_store(lake.root):
        checkpoint.check()
        return checkpoint
    name = name_of(checkpoint.checkpoint_id)
    try:
        fetch_folder(lake.root, name, checkpoint.files)
    except LakeDamagedError as error:
        raise AdapterError(
            f"checkpoint {checkpoint.checkpoint_id}: {error}; remove all below "
            f"{lake.root / name}, and {AGAIN}"
        ) from error
    return checkpoint


def keep(lake: Lake, checkpoint: Checkpoint) -> None:
    """Put what was just saved into the lake; the row that counts comes after. Raises
    LakeUnusableError."""
    put_folder(lake.root, name_of(checkpoint.checkpoint_id), checkpoint.files)


def is_gone(lake: Lake, path: str) -> bool:
    """Whether the lake holds nothing of a checkpoint's folder. path: from the lake's on."""
    return not holds_folder(lake.root, path)
