"""Opening what a user names: a regular file of bearable size, or one line that says why not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from tasks.errors import RequestError
from tasks.imports.limits import in_words, too_large

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def opened(path: Path, limit: int, *, follow: bool = True) -> Iterator[BufferedReader]:
    """The file, never waited for. Without `follow`, a symbolic link is refused as well.

    Raises RequestError for what is no regular file, or larger than `limit` bytes; OSError.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    status = path.stat() if follow else path.lstat()
    _check_regular(path, status.st_mode)  # before it is opened: a device may act on that
    descriptor = os.open(path, flags | (0 if follow else os.O_NOFOLLOW))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        _check_regular(path, status.st_mode)
        if status.st_size > limit:
            size = in_words(status.st_size)
            raise too_large(str(path), f"is {size} large", f"files of up to {in_words(limit)}")
        yield file


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a symbolic link")
    raise RequestError(f"{path} is {kind}; name a regular file")
