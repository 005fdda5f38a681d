"""Anonymous shared memory of fixed size, mapped here and handed to workers by descriptor."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os

import numpy as np

from kernels_eval.closing import Closing


class SharedMemory(Closing):
    """A sealed memfd: a worker can write it, but not resize it (the judge would fault on its map).

    Used again for the next candidate, since fresh pages cost more than most kernels; it is cleared
    first, or one candidate could leave the next a word about inputs that both are called on.
    """

    def __init__(self, name: str, content: int | bytes) -> None:
        """`content`: the bytes, or how many zeros (no page is taken before it is touched)."""
        self.size = content if isinstance(content, int) else len(content)
        self.descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, self.size)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, seals)
        self.map = mmap.mmap(self.descriptor, self.size)
        if isinstance(content, bytes):
            self.map[:] = content

    def zero(self) -> None:
        """Forget the content; the pages stay."""
        np.frombuffer(self.map, np.uint8).fill(0)

    def close(self) -> None:
        """Give the memory back; a view that is still held keeps the mapping until it goes."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        self.descriptor = -1
        with contextlib.suppress(BufferError):
            self.map.close()
