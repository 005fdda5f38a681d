"""The lake: append rows to a run, lock a run, and ask in SQL."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from storage import layout
from storage.confine import confine, hinted
from storage.dictionary import comments
from storage.errors import (
    LakeDamagedError,
    LakeError,
    LakeUnusableError,
    QueryError,
    RunUnknownError,
)
from storage.listing import list_runs, part_paths
from storage.lock import check_in_place, locked
from storage.opening import open_lake
from storage.place import in_object_store, located, os_errors, put_new, reason
from storage.rows import Rows, conform
from storage.schemas import TABLES
from storage.sequence import counted, numbered
from storage.sound import Survey, survey
from storage.views import ALL, asks_catalogue, needed, statements
from storage.writer import remove_leftovers, write_part

_log = logging.getLogger("storage")


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

        A directory is made into a lake only if it is empty, but for what file systems leave there.

        Raises LakeMissingError, LakeUnusableError (a file, no lake, not readable, with `create` not
        writable) or LakeTooNewError.
        """
        lake = cls(default_lake() if root is None else root)
        open_lake(lake.root, create=create)
        return lake

    @classmethod
    def to_write(cls, root: str | Path | None = None) -> Lake:
        """The lake at `root`, or room for one: it is made by the first `run_lock` or `append`.

        For a command that may still be refused. Checks and raises what `open` with `create` does.
        """
        lake = cls(default_lake() if root is None else root)
        open_lake(lake.root, create=True, make=False)
        return lake

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
        check_in_place(self.root, run_id)
        try:
            self._mark_columns(table)
            # The directory's name says the run; a column beside it would only contradict or bloat.
            rows = conformed.drop_columns(["run_id"])
            return write_part(directory, part, rows, directory.relative_to(self.root))
        except OSError as error:
            raise self._unwritable(directory, error) from error

    def prepare(self, table: str, run_id: str) -> None:
        """Make the run's directory in a table. Raises LakeUnusableError."""
        directory = layout.run_directory(self.root, table, layout.check_run_id(run_id))
        if in_object_store(directory):
            return
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(directory, error) from error

    def parts(self, table: str, run_id: str) -> list[Path]:
        """The files of a run in one table, sorted. Raises LakeDamagedError if it cannot tell."""
        return part_paths(self.root, table, run_id)

    def _unwritable(self, directory: Path, error: OSError) -> LakeUnusableError:
        return LakeUnusableError(
            f"cannot write to {directory} ({reason(error)}); "
            "free some space, mend its permissions or name another lake with --lake"
        )

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

        A lake that was made by the lock alone, and to which nothing was written, is removed.

        Raises RunLockedError at once if another process (or another place in this one) holds it.
        """
        layout.check_run_id(run_id)
        with locked(self.root, run_id), counted(self.root, run_id):
            for table in TABLES:
                directory = layout.run_directory(self.root, table, run_id)
                try:
                    remove_leftovers(directory)
                except OSError as error:
                    raise self._unwritable(directory, error) from error
            yield

    def connect(
        self, run_ids: Sequence[str] | None = None, names: frozenset[str] = ALL
    ) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB with all views; with `run_ids` they see (and list) only those runs.

        `names`: of the views and macros, where fewer will do. The views show the parts that are
        there now, each of which is checked first (see `storage/sound.py`).

        A run with a part or a directory that is not sound is never shown in part: of `run_ids`, it
        is a LakeDamagedError; among all runs, it is left out, and logged as a warning. Raises
        LakeDamagedError, too, if no run is sound, or a table's directory cannot be listed.
        """
        return self._connect(run_ids, names, ())[0]

    def _connect(
        self, run_ids: Sequence[str] | None, names: frozenset[str], asked_for: Collection[str]
    ) -> tuple[duckdb.DuckDBPyConnection, Survey]:
        connection = duckdb.connect()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            with os_errors():
                found = survey(self.root, [table for table in TABLES if table in names], run_ids)
            _tell(found, run_ids, asked_for)
            for statement in statements(found, names):
                connection.execute(statement)
        except LakeError:
            connection.close()
            raise
        except (duckdb.Error, OSError) as error:
            connection.close()
            raise QueryError(f"lake {self.root} cannot be read: {_first_line(error)}") from error
        return connection, found

    def sql(
        self,
        query: str,
        run_ids: Sequence[str] | None = None,
        parameters: Mapping[str, object] | None = None,
        *,
        write: bool = False,
    ) -> pa.Table:
        """The answer to one query over the views (of those runs). Raises QueryError.

        `parameters`: values of the query's `$names`. Unless `write`, the query can reach nothing
        but the lake, and only to read it: no `COPY TO`, no other file or database, no extension.

        A run that is not sound is left out as in `connect`, unless the query names it: as a
        literal, or among the parameters.
        """
        asked_for = [*_literals(query), *_texts(parameters)]

        def answer(names: frozenset[str]) -> pa.Table:
            connection, found = self._connect(run_ids, names, asked_for)
            with connection:
                for comment in comments() if asks_catalogue(query) else ():
                    connection.execute(comment)
                if not write:
                    confine(connection, query, found)
                return _answer(connection, query, parameters)

        try:
            with suppress(duckdb.CatalogException):
                return answer(needed(query))
            return answer(ALL)  # whose names DuckDB suggests instead
        except duckdb.Error as error:
            line = f"query failed: {_first_line(error)}"
            raise QueryError(line if write else hinted(line)) from error

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
        """Every run that has written anything, sorted. Lists directories, reads no file.

        Raises LakeDamagedError if a table's directory cannot be listed.
        """
        return sorted({run_id for table in TABLES for run_id in list_runs(self.root, table)})

    def check_runs(self, run_ids: Sequence[str]) -> None:
        """Raise RunUnknownError, naming the known runs, unless all of these are in the lake."""
        known = self.run_ids()
        for run_id in run_ids:
            if run_id not in known:
                listed = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
                raise RunUnknownError(
                    f"no run {run_id!r} in lake {self.root}; it has {listed or 'no runs yet'}"
                )


def _tell(found: Survey, run_ids: Sequence[str] | None, asked_for: Collection[str]) -> None:
    """Raise for damage in a run that was asked for, or in all; log a warning of runs left out."""
    sound = {run_id for runs in found.parts.values() for run_id, parts in runs.items() if parts}
    for run_id, lines in sorted(found.damages.items()):
        more = f" ({len(lines)} such in this run: bon doctor --lake)" if len(lines) > 1 else ""
        if run_ids is not None or run_id in asked_for or sound <= found.damages.keys():
            raise LakeDamagedError(lines[0] + more)
        warn_once(f"run {run_id!r} is left out: {lines[0]}{more}")


_warned: set[str] = set()


def warn_once(line: str) -> None:
    """Log a warning, which goes to stderr where nothing else is set up; once in a process."""
    if line not in _warned:
        _warned.add(line)
        _log.warning(line)


def _literals(query: str) -> list[str]:
    return [text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", query)]


def _texts(parameters: Mapping[str, object] | None) -> Iterator[str]:
    for value in (parameters or {}).values():
        for one in value if isinstance(value, list | tuple | set | frozenset) else [value]:
            if isinstance(one, str):
                yield one


def _answer(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None
) -> pa.Table:
    relation = connection.sql(query, params=parameters)
    return pa.table({}) if relation is None else relation.to_arrow_table()


def _first_line(error: Exception) -> str:
    """DuckDB's message without the excerpt and the caret below it, hint included."""
    text = str(error).split("\n\nLINE", 1)[0]
    return " ".join(text.split())
