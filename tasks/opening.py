"""Opening what a user names: a regular file of bearable size, or one line that says why not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from tasks.errors import RequestError

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
            raise RequestError(
                f"{path} has {in_words(status.st_size)} ({status.st_size:,} bytes), and is taken "
                f"up to {in_words(limit)}; split or shorten it"
            )
        yield file


def read_text(path: Path, limit: int, *, follow: bool = True) -> str:
    """The file as text, line ends as Python has them. Raises RequestError, OSError, ValueError."""
    with opened(path, limit, follow=follow) as file:
        content = file.read(limit + 1)  # what calls itself empty may be endless
    if len(content) > limit:
        raise RequestError(f"{path} is longer than {in_words(limit)}; shorten it")
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def in_words(size: int) -> str:
    """Bytes for a person: 512 MiB."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a symbolic link")
    raise RequestError(f"{path} is {kind}; name a regular file")
