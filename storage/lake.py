"""The lake: append rows to a run, lock a run, and ask in SQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from storage import layout
from storage.errors import (
    LakeError,
    LakeMissingError,
    LakeTooNewError,
    LakeUnusableError,
    QueryError,
    RunUnknownError,
)
from storage.lock import locked
from storage.mirror import mirrored
from storage.place import in_object_store, located, os_errors, put_new, reason
from storage.rows import Rows, conform
from storage.schemas import SCHEMA_VERSION, TABLES
from storage.sequence import counted, numbered
from storage.views import ALL, needed, statements
from storage.writer import remove_leftovers, write_part


def default_lake() -> str:
    """`$BON_LAKE`, else `./lake`."""
    return os.environ.get("BON_LAKE") or "lake"


class Lake:
    """Parquet files in a directory, or under a prefix of an object store (`s3://bucket/prefix`).

    Holds no file open: cheap to make, to pickle and to share.
    """

    def __init__(self, root: str | Path) -> None:
        """Checks nothing but the address; `Lake.open` does, and is what a command should call.

        Raises LakeUnusableError for an address that cannot be opened.
        """
        self.root = located(root)

    def __repr__(self) -> str:
        return f"Lake({str(self.root)!r})"

    @classmethod
    def open(cls, root: str | Path | None = None, *, create: bool = False) -> Lake:
        """The lake at `root` (default: `default_lake()`), checked; made if `create`.

        Raises LakeMissingError, LakeUnusableError (a file, no lake, not readable, with `create` not
        writable) or LakeTooNewError.
        """
        lake = cls(default_lake() if root is None else root)
        path = lake.root
        if in_object_store(path):
            lake._open_store(create=create)
            return lake
        try:
            if create:
                layout.table_directory(path, "runs").mkdir(parents=True, exist_ok=True)
            lake._check(writable=create)
        except (FileExistsError, NotADirectoryError):
            raise LakeUnusableError(
                f"{path} is a file; a lake is a directory: name another"
            ) from None
        except OSError as error:
            wanted = "made or written" if create else "read"
            raise LakeUnusableError(
                f"lake {path} cannot be {wanted} ({error.strerror}); "
                "mend its permissions or name another with --lake"
            ) from error
        return lake

    def _open_store(self, *, create: bool) -> None:
        """As `open` does for a directory. What an object store objects to has many types."""
        try:
            if create:
                put_new(layout.lake_marker(self.root), b"")
            self._check_present()
            self._check_schema()
        except LakeError:
            raise
        except Exception as error:
            raise LakeUnusableError(
                f"lake {self.root} cannot be reached ({reason(error)}); mend the address, the "
                "credentials or AWS_ENDPOINT_URL, or name another with --lake"
            ) from error

    def _check(self, *, writable: bool) -> None:
        path = self.root
        self._check_present()
        if not path.is_dir():
            raise NotADirectoryError
        if not os.access(path, os.R_OK | os.X_OK | (os.W_OK if writable else 0)):
            raise PermissionError(13, "permission denied")
        self._check_schema()

    def _check_present(self) -> None:
        if not self.root.exists():
            raise LakeMissingError(
                f"no lake at {self.root}; name one with --lake, or make one: bon sweep"
            )

    def _check_schema(self) -> None:
        path = self.root
        newest = layout.newest_schema(path)
        if newest > SCHEMA_VERSION:
            raise LakeTooNewError(
                f"lake {path} was written by a newer bon-sweep (schema v{newest}, this release "
                f"reads up to v{SCHEMA_VERSION}); upgrade, or name another with --lake"
            )
        if newest == 0 and any(path.iterdir()):
            raise LakeUnusableError(f"{path} is a directory but no lake; name another with --lake")

    def append(
        self, table: str, rows: Rows, *, run_id: str, part: str | None = None
    ) -> Path | None:
        """Append rows as one file, atomically; returns its path.

        `part` makes the write idempotent: it must identify the rows (a hash of their content, or
        the key of a step that writes once), for a part that is there already stays as it is and
        None is returned. None as well for no rows. A run's writer calls this under `run_lock`.

        Raises RowsInvalidError (nothing was written), RunIdInvalidError, or LakeUnusableError (disk
        full, no permission).
        """
        layout.check_run_id(run_id)
        if part is not None:
            layout.check_part(part)
        conformed = conform(table, rows, run_id)
        if not len(conformed):
            return None
        conformed = numbered(self.root, table, run_id, conformed)
        directory = layout.run_directory(self.root, table, run_id)
        try:
            self._mark_columns(table)
            # The directory's name says the run; a column beside it would only contradict or bloat.
            return write_part(directory, part, conformed.drop_columns(["run_id"]))
        except OSError as error:
            raise LakeUnusableError(
                f"cannot write to {directory} ({reason(error)}); "
                "free some space, mend its permissions or name another lake with --lake"
            ) from error

    def _mark_columns(self, table: str) -> None:
        marker = layout.columns_marker(self.root, table)
        if in_object_store(marker):
            put_new(marker, b"")
            return
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    @contextmanager
    def run_lock(self, run_id: str) -> Iterator[None]:
        """Hold the run as its only writer; what writers that died left behind is cleaned first.

        Raises RunLockedError at once if another process (or another place in this one) holds it.
        """
        layout.check_run_id(run_id)
        with locked(self.root, run_id), counted(self.root, run_id):
            for table in TABLES:
                remove_leftovers(layout.run_directory(self.root, table, run_id))
            yield

    def connect(
        self, run_ids: Sequence[str] | None = None, names: frozenset[str] = ALL
    ) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB with all views; with `run_ids` they see (and list) only those runs.

        `names`: of the views and macros, where fewer will do. Files that come later are seen too,
        except in tables that had none when this was called, and in an object store. Raises
        QueryError if a file of the lake is unreadable.
        """
        connection = duckdb.connect()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            root = self.root
            if in_object_store(root):
                with os_errors():
                    root = mirrored(root, [table for table in TABLES if table in names], run_ids)
            for statement in statements(root, run_ids, names):
                connection.execute(statement)
        except (duckdb.Error, OSError) as error:
            connection.close()
            raise QueryError(f"lake {self.root} cannot be read: {_first_line(error)}") from error
        return connection

    def sql(
        self,
        query: str,
        run_ids: Sequence[str] | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> pa.Table:
        """The answer to one query over the views (of those runs). Raises QueryError.

        `parameters`: values of the query's `$names`.
        """
        try:
            with (
                self.connect(run_ids, needed(query)) as connection,
                suppress(duckdb.CatalogException),
            ):
                return _answer(connection, query, parameters)
            with self.connect(run_ids) as connection:  # whose names DuckDB suggests instead
                return _answer(connection, query, parameters)
        except duckdb.Error as error:
            raise QueryError(f"query failed: {_first_line(error)}") from error

    def results(self, run_ids: Sequence[str]) -> pa.Table:
        """The `results` view of these runs, in order of run, suite, level, problem and sample.

        Raises RunUnknownError, naming the known runs.
        """
        self.check_runs(run_ids)
        order = "run_id, suite, level, problem_id, sample_index"
        return self.sql(f"SELECT * FROM results ORDER BY {order}", run_ids)

    def runs(self) -> pa.Table:
        """The `run_summary` view, newest run first."""
        return self.sql("SELECT * FROM run_summary ORDER BY created_at DESC, run_id")

    def run_ids(self) -> list[str]:
        """Every run that has written anything, sorted. Lists directories, reads no file."""
        return layout.run_ids(self.root)

    def check_runs(self, run_ids: Sequence[str]) -> None:
        """Raise RunUnknownError, naming the known runs, unless all of these are in the lake."""
        known = self.run_ids()
        for run_id in run_ids:
            if run_id not in known:
                listed = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
                raise RunUnknownError(
                    f"no run {run_id!r} in lake {self.root}; it has {listed or 'no runs yet'}"
                )


def _answer(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None
) -> pa.Table:
    relation = connection.sql(query, params=parameters)
    return pa.table({}) if relation is None else relation.to_arrow_table()


def _first_line(error: Exception) -> str:
    """DuckDB's message without the excerpt and the caret below it, hint included."""
    text = str(error).split("\n\nLINE", 1)[0]
    return " ".join(text.split())
