"""Errors of the lake. Each is one line for the user: what is wrong, and how to mend it."""

from __future__ import annotations


class LakeError(Exception):
    """Base of everything this room raises on purpose. Exit status 2 at the command line."""


class LakeMissingError(LakeError):
    """There is no lake at the path."""


class LakeUnusableError(LakeError):
    """The path is a file, is no lake, cannot be read or cannot be written."""


class LakeTooNewError(LakeError):
    """A newer release wrote the lake: its schema is unknown here."""


class RunIdInvalidError(LakeError):
    """A run id that could not be a directory name on every file system."""


class RunUnknownError(LakeError):
    """No such run in the lake."""


class RunLockedError(LakeError):
    """Another process is writing the run."""


class RowsInvalidError(LakeError):
    """Rows that do not fit their table's schema. Nothing was written."""


class QueryError(LakeError):
    """A query that DuckDB refused or could not finish."""


class LakeDamagedError(QueryError):
    """A directory that cannot be read, or a file that is not the part that was written there."""
