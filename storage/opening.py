"""What `Lake.open` checks: that a lake of a known release is there, or room for one."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from storage import layout
from storage.errors import LakeError, LakeMissingError, LakeTooNewError, LakeUnusableError
from storage.listing import names_in
from storage.place import in_object_store, put_new, reason
from storage.schemas import SCHEMA_VERSION, TABLES

_SCHEMA = re.compile(r"schema=v(\d+)")
_OURS = {*TABLES, layout.LOCKS, "bon.sql"}
_NOBODYS = re.compile(
    r"lost\+found|\.DS_Store|\.git(keep|ignore|attributes)|\.nfs.*|\.snapshot|\.Trash-\d+"
    r"|Thumbs\.db|desktop\.ini"
)
"""Names that file systems, desktops and Git leave in directories that are empty otherwise."""


def open_lake(root: Path, *, create: bool, make: bool = True) -> None:
    """Check the lake at `root`; make one with `create`, if nothing else lies there.

    make: False leaves that to the first writer, and checks that there is room for a lake.

    Raises LakeMissingError, LakeUnusableError or LakeTooNewError.
    """
    if in_object_store(root):
        _open_store(root, create=create, make=make)
        return
    try:
        if create:
            if root.exists():
                _check_content(root, create=True)
            elif not make:
                _check_access(_above(root), writable=True)
                return
            if make:
                layout.table_directory(root, "runs").mkdir(parents=True, exist_ok=True)
        _check_directory(root, writable=create)
    except (FileExistsError, NotADirectoryError):
        raise LakeUnusableError(
            f"{_file_on_the_way(root)} is a file; a lake is a directory: name another with --lake"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        wanted = "made or written" if create else "read"
        raise LakeUnusableError(
            f"lake {_printable(root)} cannot be {wanted} ({reason(error)}{_where(root, error)}); "
            "mend its permissions or name another with --lake"
        ) from error


def _above(root: Path) -> Path:
    """The lowest directory above `root` that is there. Raises NotADirectoryError if it is none."""
    place = next(place for place in root.absolute().parents if os.path.lexists(place))
    if not place.is_dir():
        raise NotADirectoryError
    return place


def _open_store(root: Path, *, create: bool, make: bool) -> None:
    """As `open_lake` does for a directory. What an object store objects to has many types."""
    try:
        if not create and not names_in(root):
            raise _missing(root)
        _check_content(root, create=create)
        if create and make:
            put_new(layout.lake_marker(root), b"")
    except LakeError:
        raise
    except Exception as error:
        raise LakeUnusableError(
            f"lake {root} cannot be reached ({reason(error)}); mend the address, the "
            "credentials or AWS_ENDPOINT_URL, or name another with --lake"
        ) from error


def _check_directory(root: Path, *, writable: bool) -> None:
    if not root.exists():
        raise _missing(root)
    if not root.is_dir():
        raise NotADirectoryError
    _check_access(root, writable=writable)
    _check_content(root, create=False)


def _check_access(root: Path, *, writable: bool) -> None:
    """Raise OSError unless this user may read the directory, and write to it if `writable`."""
    if writable and os.statvfs(root).f_flag & os.ST_RDONLY:
        raise OSError(30, "read-only file system")
    wanted = os.R_OK | os.X_OK | (os.W_OK if writable else 0)
    if not os.access(root, wanted, effective_ids=True):
        raise PermissionError(13, "permission denied")


def _missing(root: Path) -> LakeMissingError:
    return LakeMissingError(f"no lake at {root}; name one with --lake, or make one: bon sweep")


def _check_content(root: Path, *, create: bool) -> None:
    """Raise LakeTooNewError for a newer lake, LakeUnusableError for what is no lake; OSError."""
    names = [name for name in names_in(root) if not _NOBODYS.fullmatch(name)]
    newest = max((_newest_schema(root / name) for name in names), default=0)
    if newest > SCHEMA_VERSION:
        raise LakeTooNewError(
            f"lake {root} was written by a newer bon-sweep (schema v{newest}, this release "
            f"reads up to v{SCHEMA_VERSION}); upgrade, or name another with --lake"
        )
    if newest:
        return
    foreign = [name for name in names if name not in _OURS or _holds_others(root / name)]
    if foreign:
        raise LakeUnusableError(
            f"{root} is a directory but no lake: it holds {_some(foreign)}; "
            + ("name an empty or a new one with --lake" if create else "name another with --lake")
        )


def _newest_schema(directory: Path) -> int:
    """The highest schema version in what may be a table's directory; 0 if there is none.

    Tables unknown to this release count too: a newer release may have added them. What cannot be
    listed says nothing here; a query that needs it says so.
    """
    try:
        found = [_SCHEMA.fullmatch(name) for name in names_in(directory)]
    except OSError:
        if in_object_store(directory):
            raise
        return int(directory.name in TABLES and _is_directory(directory))
    return max((int(match[1]) for match in found if match), default=0)


def _is_directory(path: Path) -> bool:
    return in_object_store(path) or stat.S_ISDIR(path.stat().st_mode)


def _holds_others(path: Path) -> bool:
    """Whether something lies in a table's directory that has no schema in it."""
    return path.name in TABLES and (not _is_directory(path) or bool(names_in(path)))


def _some(names: list[str]) -> str:
    listed = ", ".join(repr(name) for name in names[:3])
    return f"{listed} and {len(names) - 3} more" if len(names) > 3 else listed


def _file_on_the_way(root: Path) -> Path:
    """Of the path and the directories above it, the highest that is a file."""
    return next((path for path in [*reversed(root.parents), root] if path.is_file()), root)


def _where(root: Path, error: Exception) -> str:
    """The file or directory below the lake's that the error is about."""
    path = error.filename if isinstance(error, OSError) else None
    return f": {_printable(Path(path))}" if path and Path(path) != root else ""


def _printable(root: Path) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in str(root))
