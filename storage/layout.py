"""Where things lie: `LAKE/<table>/schema=v1/run_id=<run>/part-*.parquet`, and the safe names."""

from __future__ import annotations

import re
from pathlib import Path

from storage.errors import RunIdInvalidError
from storage.schemas import SCHEMA_VERSION
from storage.seal import columns_digest

SCHEMA_DIR = f"schema=v{SCHEMA_VERSION}"
PARTS = "part-*.parquet"
TEMPORARY_PREFIX = ".writing-"
COLUMNS_PREFIX = ".columns-"
LOCKS = ".locks"

COMPANIONS = {
    "token_logprobs": "candidates",
    "timings": "evaluations",
    "checkpoints": "train_steps",
    "train_items": "train_steps",
}
"""Table → the table whose part of the same name commits it."""

_SAFE = re.compile(r"[A-Za-z0-9._-]+")


def check_run_id(run_id: str) -> str:
    """The run id itself. Raises RunIdInvalidError unless it is letters, digits, '.', '_', '-'."""
    if not _SAFE.fullmatch(run_id) or set(run_id) == {"."} or len(run_id) > 128:
        raise RunIdInvalidError(
            f"run id {run_id!r} is not usable; take 1 to 128 letters, digits, '.', '_' or '-'"
        )
    return run_id


def check_part(part: str) -> str:
    """The part name itself. Raises RunIdInvalidError as `check_run_id` does."""
    if not _SAFE.fullmatch(part) or len(part) > 200:
        raise RunIdInvalidError(
            f"part name {part!r} is not usable; take letters, digits, '.', '_', '-'"
        )
    return part


def table_directory(root: Path, table: str) -> Path:
    return root / table / SCHEMA_DIR


def run_directory(root: Path, table: str, run_id: str) -> Path:
    return table_directory(root, table) / f"run_id={run_id}"


def is_part(name: str) -> bool:
    """Whether a file of this name holds rows."""
    return name.startswith("part-") and name.endswith(".parquet")


def columns_marker(root: Path, table: str) -> Path:
    """The empty file that says: parts with just these columns are here.

    Releases before 0.2, whose parts have no seal to tell it, read tables by it.
    """
    return table_directory(root, table) / f"{COLUMNS_PREFIX}{columns_digest(table)}"


def lake_marker(root: Path) -> Path:
    """The empty object that makes a lake of a prefix, where there are no directories."""
    return table_directory(root, "runs") / ".lake"
