"""Which exportable block of device memory an address lies in (see devices/cuda/exportable.c).

Describing outputs is part of the timed batch, so a look-up must cost little: the table is copied
only when it has changed.
"""

from __future__ import annotations

import ctypes
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

_MOST = 4096
_word = ctypes.c_ulonglong
Words = NDArray[np.uint64]


class Segments:
    """The preloaded library's table of blocks, sorted by address."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._changes = _word.in_dll(self._library, "kernels_eval_changes")
        self._copied = -1
        self._rows = (_word * (3 * _MOST))()
        self._bases: list[int] = []
        self.bases: Words = np.zeros(0, np.uint64)
        self.sizes = self.serials = self.bases
        self._seen: set[int] = set()
        self._fresh: list[tuple[int, int]] = []

    def refresh(self) -> None:
        """Copy the table if blocks came or went."""
        if self._changes.value == self._copied:
            return
        self._copied = self._changes.value
        count = self._library.kernels_eval_table(self._rows)
        table = np.ctypeslib.as_array(self._rows)[: 3 * count].reshape(count, 3)
        self.bases, self.sizes, self.serials = table[np.argsort(table[:, 0])].T.copy()
        self._bases = self.bases.tolist()

    def find(self, address: int) -> tuple[int, int]:
        """(serial, offset in the block); serial 0 if no block holds the address."""
        self.refresh()
        place = bisect_right(self._bases, address) - 1
        if place < 0 or address - self._bases[place] >= int(self.sizes[place]):
            return 0, 0
        self._note(int(self.serials[place]), int(self.sizes[place]))
        return int(self.serials[place]), address - self._bases[place]

    def find_all(self, addresses: Words) -> tuple[Words, Words] | None:
        """(n,) serials and offsets of (n,) addresses; None if a block is missing for one."""
        self.refresh()
        places = np.searchsorted(self.bases, addresses, side="right").astype(np.int64) - 1
        if not len(self.bases) or places.min() < 0:
            return None
        offsets = addresses - self.bases[places]
        if (offsets >= self.sizes[places]).any():
            return None
        for place in set(places.tolist()):
            self._note(int(self.serials[place]), int(self.sizes[place]))
        return self.serials[places], offsets

    def _note(self, serial: int, size: int) -> None:
        if serial not in self._seen:
            self._seen.add(serial)
            self._fresh.append((serial, size))

    def exported(self) -> list[tuple[int, int, int]]:
        """(serial, size, descriptor) of blocks that were found and not handed over before."""
        found = []
        for serial, size in self._fresh:
            descriptor = self._library.kernels_eval_export(_word(serial))
            if descriptor >= 0:
                found.append((serial, size, descriptor))
        self._fresh.clear()
        return found
