"""Where a lake lies: a directory, or a prefix in an object store (`s3://bucket/prefix`).

universal_pathlib speaks pathlib over an object store and s3fs speaks S3, so the rest of the room
knows paths only. What differs is that there are no renames, no directories and no file locks there,
but a whole object appears at once, and can be put on condition that none of its name is there.
Credentials and endpoint are those that every AWS tool finds (AWS_ACCESS_KEY_ID, AWS_PROFILE,
AWS_ENDPOINT_URL, …).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from storage.errors import LakeError, LakeUnusableError


def located(root: str | Path) -> Path:
    """The path of a lake's root. Raises LakeUnusableError for an address that cannot be opened."""
    address = str(root)
    if "://" not in address:
        return _directory(address)
    try:
        from upath import UPath

        # Listings are not kept: other processes add parts, and resuming goes by what is there.
        path = UPath(address, use_listings_cache=False)
        path.fs  # noqa: B018 - imports what speaks the protocol
    except (ImportError, ValueError) as error:
        raise LakeUnusableError(
            f"lake {address} cannot be opened ({error}); name a directory, or an s3:// address "
            "with pip install 'bon-sweep[s3]'"
        ) from error
    return cast("Path", path)


def _directory(address: str) -> Path:
    try:
        path = Path(address).expanduser().absolute()
        str(path).encode()  # DuckDB and Arrow know files by their names in UTF-8
        # `..` after a link or a directory yet to be made means what the system makes of it.
        return path.resolve() if ".." in path.parts else path
    except UnicodeEncodeError:
        raise LakeUnusableError(
            f"lake {address!r} cannot be opened: its path is not UTF-8; rename the directory, or "
            "name a link to it whose path is (ln -s)"
        ) from None
    except (RuntimeError, OSError, ValueError) as error:  # no such user; a NUL; links in a circle
        raise LakeUnusableError(
            f"lake {address!r} cannot be opened ({reason(error)}); name another with --lake"
        ) from error


def in_object_store(path: Path) -> bool:
    """Whether this is no path of the file system."""
    return not isinstance(path, Path)


def store_of(path: Path) -> Any:
    """The fsspec file system behind a path in an object store."""
    return cast("Any", path).fs


@contextmanager
def os_errors() -> Iterator[None]:
    """Whatever the client of an object store raises (no answer, no credentials), as an OSError."""
    try:
        yield
    except (OSError, LakeError):
        raise
    except Exception as error:
        raise OSError(reason(error)) from error


def put_new(path: Path, content: bytes) -> bool:
    """Put an object unless there is one of that name; whether it was put. Raises OSError."""
    try:
        with os_errors():
            store_of(path).pipe_file(cast("Any", path).path, content, mode="create")
    except FileExistsError:
        return False
    return True


def tag_of(path: Path) -> str:
    """What an object store calls the present content of an object. Raises OSError."""
    with os_errors():
        return str(store_of(path).info(str(path)).get("ETag"))


def content_of(path: Path) -> bytes:
    """The content of an object, in one request. Raises OSError.

    `path.read_bytes()` asks for the size first, and fails if another is put in between.
    """
    with os_errors():
        return cast("bytes", store_of(path).cat_file(cast("Any", path).path))


def put_over(path: Path, content: bytes, tag: str) -> bool:
    """Put an object in place of the one with that tag; False if it is another by now.

    Raises OSError.
    """
    try:
        with os_errors():
            store_of(path).pipe_file(cast("Any", path).path, content, IfMatch=tag)
    except FileNotFoundError:
        return False
    except OSError:
        with suppress(FileNotFoundError):
            if tag_of(path) == tag:
                raise
        return False
    return True


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return " ".join(str(text).split())
