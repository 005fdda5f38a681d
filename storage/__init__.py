"""The lake: Parquet files under one directory or prefix, appended atomically and read with SQL."""

from storage.errors import (
    LakeDamagedError,
    LakeError,
    LakeMissingError,
    LakeTooNewError,
    LakeUnusableError,
    QueryError,
    RowsInvalidError,
    RunIdInvalidError,
    RunLockedError,
    RunUnknownError,
)
from storage.lake import Lake, default_lake
from storage.ledger import evaluated, sampled
from storage.writer import write_text

__all__ = [
    "Lake",
    "LakeDamagedError",
    "LakeError",
    "LakeMissingError",
    "LakeTooNewError",
    "LakeUnusableError",
    "QueryError",
    "RowsInvalidError",
    "RunIdInvalidError",
    "RunLockedError",
    "RunUnknownError",
    "default_lake",
    "evaluated",
    "sampled",
    "write_text",
]
