"""The lake: Parquet files under one directory, appended atomically and read with SQL."""

from storage.errors import (
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

__all__ = [
    "Lake",
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
]
