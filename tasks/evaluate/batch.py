"""One batch on its way through judges that may die of it."""

from __future__ import annotations

from collections import Counter, deque

TOGETHER = 2
"""Judges that a batch may cost before its sources are judged one at a time."""

ALONE = 2
"""Judges that a source may cost alone. Then it is ours to explain, and the others go on."""


BLAMELESS = 8
"""Judges that a batch may lose for other reasons before they count, too."""


class Batch:
    """Which sources have no verdict yet, and in what company they are judged next.

    A judge has several sources under way, so that its death does not tell which of them it died of.
    What it had delivered stays. The rest is tried again as it is, and then one by one: so a source
    that ends every judge costs no other its verdict.
    """

    def __init__(self, count: int) -> None:
        self._left = set(range(count))
        self._groups: deque[list[int]] = deque([list(range(count))] if count else [])
        self._deaths = 0
        self._blameless = 0
        self._alone: Counter[int] = Counter()

    def next(self) -> list[int] | None:
        """Positions to be judged together; None once all have a verdict or were given up."""
        return self._groups.popleft() if self._groups else None

    def deliver(self, position: int) -> None:
        """It has its verdict."""
        self._left.discard(position)

    def judge_lost(self, group: list[int], *, blameless: bool) -> int | None:
        """The judge of `group` died; a position that is given up for it, if there is one.

        `blameless`: something else killed it, and no candidate can have.
        """
        rest = [position for position in group if position in self._left]
        if not rest:
            return None
        self._blameless += blameless
        if blameless and self._blameless <= BLAMELESS:
            self._groups.appendleft(rest)
        elif len(group) == 1:
            (position,) = rest
            self._alone[position] += 1
            if self._alone[position] == ALONE:
                self._left.discard(position)
                return position
            self._groups.appendleft(rest)
        else:
            self._deaths += 1
            again = [rest] if self._deaths < TOGETHER else [[position] for position in rest]
            self._groups.extendleft(reversed(again))
        return None
