"""One batch on its way through judges that may die of it."""

from __future__ import annotations

from collections import Counter, deque

TOGETHER = 2
"""Judges that a batch may cost before its sources are judged one at a time."""

ALONE = 2
"""Judges that a source may cost alone. Then it is ours to explain, and the others go on."""


IN_A_ROW = 4
"""Sources given up one after the other after which the rest of a batch is, too, if no judge ever
gave a verdict on any of it: the problem itself ends them."""

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
        self._delivered = 0
        self._given_up = 0

    def next(self) -> list[int] | None:
        """Positions to be judged together; None once all have a verdict or were given up."""
        return self._groups.popleft() if self._groups else None

    def deliver(self, position: int) -> None:
        """It has its verdict."""
        self._left.discard(position)
        self._delivered += 1

    def judge_lost(self, group: list[int], *, blameless: bool) -> list[int]:
        """The judge of `group` died; the positions that are given up for it.

        `blameless`: something else killed it, and no candidate can have.
        """
        rest = [position for position in group if position in self._left]
        if not rest:
            return []
        self._blameless += blameless
        if blameless and self._blameless <= BLAMELESS:
            self._groups.appendleft(rest)
        elif len(group) == 1:
            (position,) = rest
            self._alone[position] += 1
            if self._alone[position] == ALONE:
                return self._give_up(position)
            self._groups.appendleft(rest)
        else:
            self._deaths += 1
            again = [rest] if self._deaths < TOGETHER else [[position] for position in rest]
            self._groups.extendleft(reversed(again))
        return []

    def _give_up(self, position: int) -> list[int]:
        self._given_up += 1
        if self._given_up < IN_A_ROW or self._delivered:
            self._left.discard(position)
            return [position]
        everything = sorted(self._left)
        self._left.clear()
        self._groups.clear()
        return everything
