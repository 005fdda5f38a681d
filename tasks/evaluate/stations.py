"""Judges beside each other on one machine: which part of its cores each has."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from threading import Lock

from tasks.evaluate.place import Group

Station = tuple[int, int]
"""Which judge, of how many on the same cores."""


class NoStationError(Exception):
    """The cores of this machine are all given to judges that live."""


class Stations:
    """Numbers of judges by machine. Safe to use from several threads.

    How many a machine is shared out among stays as it was at first: those that live time on their
    cores, and cannot be moved. A judge that is started anew takes the number of one that ended.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[Group, int] = {}
        self._taken: dict[Hashable, tuple[Group, int]] = {}

    def expect(self, groups: Iterable[Group]) -> None:
        """As many judges come to each group as it is named."""
        with self._lock:
            for group in groups:
                self._counts[group] = self._counts.get(group, 0) + 1

    def take(self, judge: Hashable, group: Group, room: int = 1) -> Station | None:
        """The judge's station until `leave`; None if it has the machine to itself.

        `room`: how many judges a machine may get that had none before.
        Raises NoStationError.
        """
        with self._lock:
            self._taken.pop(judge, None)
            count = self._counts.setdefault(group, max(1, room))
            held = {number for there, number in self._taken.values() if there == group}
            free = [number for number in range(count) if number not in held]
            if not free:
                raise NoStationError(f"{count} judges time on the cores of that machine already")
            self._taken[judge] = (group, free[0])
            return None if count == 1 else (free[0], count)

    def leave(self, judge: Hashable) -> None:
        """The judge is gone, and its number free."""
        with self._lock:
            self._taken.pop(judge, None)
