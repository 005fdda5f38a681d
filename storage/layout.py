"""Where things lie: `LAKE/<table>/schema=v1/run_id=<run>/part-*.parquet`, and the safe names."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from storage.errors import RunIdInvalidError
from storage.place import in_object_store
from storage.schemas import SCHEMA_VERSION, TABLES

SCHEMA_DIR = f"schema=v{SCHEMA_VERSION}"
PARTS = "part-*.parquet"
TEMPORARY_PREFIX = ".writing-"
COLUMNS_PREFIX = ".columns-"
LOCKS = ".locks"

_SAFE = re.compile(r"[A-Za-z0-9._-]+")
_SCHEMA = re.compile(r"schema=v(\d+)")


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
    """The empty file that says: parts with just these columns are here (see `uniform`)."""
    columns = TABLES[table].remove(TABLES[table].get_field_index("run_id"))
    digest = hashlib.sha256(columns.to_string().encode()).hexdigest()[:12]
    return table_directory(root, table) / f"{COLUMNS_PREFIX}{digest}"


def uniform(root: Path, table: str) -> bool:
    """Whether all parts of the table were written with today's columns.

    Columns may be added within one schema version. Readers then have to look into every file, which
    in a lake of many files costs more than the query.
    """
    found = table_directory(root, table).glob(f"{COLUMNS_PREFIX}*")
    return [path.name for path in found] == [columns_marker(root, table).name]


def lake_marker(root: Path) -> Path:
    """The empty object that makes a lake of a prefix, where there are no directories."""
    return table_directory(root, "runs") / ".lake"


def newest_schema(root: Path) -> int:
    """The highest schema version that any table directory carries; 0 if there is none.

    Tables unknown to this release count too: a newer release may have added them.
    """
    found = (_SCHEMA.fullmatch(path.name) for path in root.glob("*/schema=v*"))
    return max((int(match[1]) for match in found if match), default=0)


def has_parts(root: Path, table: str, run_ids: list[str] | None) -> bool:
    """Whether the table holds any file (of these runs). Stops at the first."""
    if run_ids is None:
        return any(True for _ in table_directory(root, table).glob(f"run_id=*/{PARTS}"))
    return any(any(True for _ in run_directory(root, table, r).glob(PARTS)) for r in run_ids)


def run_ids(root: Path) -> list[str]:
    """Every run that has written anything, sorted."""
    if in_object_store(root):  # one listing instead of one per run
        paths = root.glob(f"*/{SCHEMA_DIR}/run_id=*/{PARTS}")
        return sorted({path.parent.name.removeprefix("run_id=") for path in paths})
    names = {
        path.name.removeprefix("run_id=")
        for table in TABLES
        for path in table_directory(root, table).glob("run_id=*")
        if any(True for _ in path.glob(PARTS))
    }
    return sorted(names)
