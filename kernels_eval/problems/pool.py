"""Input sets that are kept for several candidates: an answer takes longer than most kernels."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator

from kernels_eval.problems.sets import InputSet


class Pool:
    """Sets in the order of drawing, as many as fit; the oldest leaves for a new one."""

    def __init__(
        self,
        most_bytes: int,
        draw: Callable[[], InputSet],
        pack: Callable[[InputSet], InputSet],
        unpack: Callable[[InputSet], InputSet],
        *,
        reuse: bool = True,
    ) -> None:
        """`draw` makes a set; `pack` and `unpack` are what keeping one does to it, and undoes.

        Without `reuse` no set is shown to a second candidate.
        """
        self._reuse = reuse
        self._most_bytes = most_bytes
        self._draw, self._pack, self._unpack = draw, pack, unpack
        self._sets: dict[int, InputSet] = {}
        self._newest = 0

    @property
    def nbytes(self) -> int:
        return sum(item.nbytes for item in self._sets.values())

    @property
    def largest(self) -> int:
        """Bytes of the largest set that is kept."""
        return max((item.nbytes for item in self._sets.values()), default=0)

    def limit(self, most_bytes: int) -> None:
        """Keep as much from now on; the oldest sets leave if that is less than before."""
        self._most_bytes = most_bytes
        while len(self._sets) > 1 and self.nbytes > most_bytes:
            del self._sets[next(iter(self._sets))]

    def repack(self) -> None:
        """Keep less of each set, now that `pack` leaves out more."""
        self._sets = {serial: self._pack(item) for serial, item in self._sets.items()}

    def clear(self) -> None:
        self._sets.clear()

    def fresh(self) -> InputSet:
        """A set that no candidate has seen; it is kept."""
        item = self._draw()
        packed = self._pack(item)
        capacity = max(1, self._most_bytes // max(1, packed.nbytes))
        while len(self._sets) >= capacity:
            del self._sets[next(iter(self._sets))]
        self._sets[item.serial] = packed
        self._newest = item.serial
        return item

    def unseen(self) -> Iterator[InputSet]:
        """Sets in an order nobody can foresee, each at most once; fresh ones when they run out.

        One such iterator per candidate: what it was shown never comes again.
        """
        while not self._reuse:
            yield self.fresh()
        newest = self._newest
        for serial in self._shuffled():
            known = self._sets.get(serial)
            if known is not None:  # it may have left meanwhile
                yield self._unpack(known)
        while True:
            item = self._newer_than(newest)
            newest = item.serial
            yield item

    def _shuffled(self) -> list[int]:
        """Serials at random, of every kind in turn: each candidate is shown some of each."""
        chance = secrets.SystemRandom()
        kinds: dict[int, list[int]] = {}
        for item in self._sets.values():
            kinds.setdefault(item.kind, []).append(item.serial)
        groups = list(kinds.values())
        chance.shuffle(groups)
        for group in groups:
            chance.shuffle(group)
        rounds = itertools.zip_longest(*groups)
        return [serial for each in rounds for serial in each if serial is not None]

    def _newer_than(self, serial: int) -> InputSet:
        """The oldest set drawn after that one (for another candidate, perhaps), or a fresh one."""
        oldest = next(iter(self._sets), self._newest + 1)
        for newer in range(max(serial + 1, oldest), self._newest + 1):
            if newer in self._sets:  # not every draw of the problem came here
                return self._unpack(self._sets[newer])
        return self.fresh()
