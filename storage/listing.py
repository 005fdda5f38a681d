"""What lies in a lake, listed strictly: what cannot be read is an error and never empty.

`Path.glob` and DuckDB's globs pass over a directory that they may not read, as if it held nothing.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from storage.errors import LakeDamagedError
from storage.layout import is_part, run_directory, table_directory
from storage.place import in_object_store, os_errors, reason, store_of

Stamp: TypeAlias = tuple[Hashable, ...]
"""(inode, modification and change time in ns, size), or an object's (tag, modification time, size):
the same name after the lake was made anew, or after its file was written to, is another."""

_RUN = "run_id="


@dataclass
class Listing:
    """One table's parts: run → name of the part → its stamp, or why it cannot be read."""

    parts: dict[str, dict[str, Stamp | OSError]] = field(default_factory=dict)
    """Runs that have a directory, whether or not there is a part in it."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Run → why its directory cannot be listed, as a whole sentence."""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name below the table's directory → what an object store says of the part there."""


def list_table(root: Path, table: str, run_ids: Sequence[str] | None = None) -> Listing:
    """The parts of one table (of those runs).

    Raises LakeDamagedError if the table's own directory cannot be listed: then nobody can tell
    which runs it holds.
    """
    if in_object_store(root):
        return _listed_objects(root, table, run_ids)
    found = Listing()
    if run_ids is None:
        run_ids = sorted(_runs(root, table))
    for run_id in run_ids:
        directory = run_directory(root, table, run_id)
        try:
            found.parts[run_id] = _scan(directory)
        except FileNotFoundError:
            if (link := _dangling(root, directory)) is not None:
                found.unreadable[run_id] = _unreadable(link, "it links to what is not there")
        except OSError as error:
            found.unreadable[run_id] = _unreadable(directory, reason(error))
    return found


def list_run(root: Path, table: str, run_id: str) -> dict[str, Stamp | OSError]:
    """The parts of one run in one table. Raises LakeDamagedError if they cannot be listed."""
    found = list_table(root, table, [run_id])
    if run_id in found.unreadable:
        raise LakeDamagedError(found.unreadable[run_id])
    return found.parts.get(run_id, {})


def part_paths(root: Path, table: str, run_id: str) -> list[Path]:
    """The paths of a run's parts in one table, sorted. Raises LakeDamagedError."""
    directory = run_directory(root, table, run_id)
    return [directory / name for name in sorted(list_run(root, table, run_id))]


def list_runs(root: Path, table: str) -> list[str]:
    """Every run that has a part in the table, or a directory there that cannot be read; sorted.

    Raises LakeDamagedError as `list_table`.
    """
    found = list_table(root, table)
    return sorted({run_id for run_id, parts in found.parts.items() if parts} | {*found.unreadable})


def names_in(directory: Path) -> list[str]:
    """Names of all that lies directly in a directory or below a prefix; [] if there is none.

    Raises OSError for one that cannot be listed.
    """
    if not in_object_store(directory):
        try:
            return sorted(path.name for path in directory.iterdir())
        except FileNotFoundError:
            return []
    store = store_of(directory)
    with os_errors():
        try:
            found = store.ls(str(directory), detail=False)
        except FileNotFoundError:
            # An empty prefix and a bucket that is not there look alike; `find` tells them apart.
            found = store.find(str(directory))
    start = f"{_bare(directory)}/"
    return sorted({name.removeprefix(start) for name in found if name.startswith(start)})


def _runs(root: Path, table: str) -> Iterator[str]:
    directory = table_directory(root, table)
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        if (link := _dangling(root, directory)) is not None:
            raise LakeDamagedError(_unreadable(link, "it links to what is not there")) from None
        return
    except OSError as error:
        raise LakeDamagedError(_unreadable(directory, reason(error))) from error
    for name in names:
        if name.startswith(_RUN):
            yield name.removeprefix(_RUN)


def _scan(directory: Path) -> dict[str, Stamp | OSError]:
    found: dict[str, Stamp | OSError] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if is_part(entry.name):
                try:
                    found[entry.name] = stamp(entry.stat())
                except OSError as error:
                    removed = isinstance(error, FileNotFoundError) and not entry.is_symlink()
                    if not removed:
                        found[entry.name] = error
    return found


def stamp(status: os.stat_result) -> Stamp:
    """Of a file: it changes whenever the file does."""
    return (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def _dangling(root: Path, directory: Path) -> Path | None:
    """The first link on the way down from the lake's root that leads nowhere."""
    here = root
    for name in directory.relative_to(root).parts:
        here = here / name
        if here.is_symlink() and not here.exists():
            return here
    return None


def _unreadable(path: Path, why: str) -> str:
    return (
        f"{path} cannot be read ({why}); mend its permissions or mount what lies there again "
        "(a run without it would look as if it held less)"
    )


def _bare(path: Path) -> str:
    """Without the protocol, as a store names its objects."""
    return str(path).partition("://")[2].rstrip("/")


def _listed_objects(root: Path, table: str, run_ids: Sequence[str] | None) -> Listing:
    directory = table_directory(root, table)
    places = [directory] if run_ids is None else [run_directory(root, table, r) for r in run_ids]
    start = f"{_bare(directory)}/"
    found = Listing()
    for place in places:
        try:
            with os_errors():
                objects = store_of(root).find(str(place), detail=True)
        except OSError as error:
            raise LakeDamagedError(
                f"{place} cannot be listed ({reason(error)}); mend the credentials or the address, "
                "or try again"
            ) from error
        for key, one in objects.items():
            name = key.removeprefix(start)
            run, _, part = name.partition("/")
            if run.startswith(_RUN) and is_part(part) and "/" not in part:
                run_id = run.removeprefix(_RUN)
                found.parts.setdefault(run_id, {})[part] = object_stamp(one)
                found.objects[name] = one
    return found


def object_stamp(one: dict[str, Any]) -> Stamp:
    """Of an object, from what its store says of it."""
    return (one.get("ETag"), str(one.get("LastModified")), one.get("size"))
