"""Who takes turns, who has a GPU of its own, and what is said of it."""

from __future__ import annotations

import pytest

from tasks.adapt.turns import Holding

ALL = frozenset({"policy", "judges", "trainer"})


@pytest.mark.parametrize(
    ("holding", "in_turns", "for_judges", "told"),
    [
        (Holding(1, 1, 1, there=1), ALL, 1, "policy, judges and trainer take turns"),
        (Holding(1, 1, 1, there=2), ALL, 2, "policy, judges and trainer take turns"),
        (Holding(1, 1, 1, there=3), set(), 1, "(policy 1, trainer 1, judges 1)"),
        (Holding(2, 1, 1, there=8), set(), 5, "(policy 2, trainer 1, judges 5)"),
        (Holding(2, 1, 0, there=2), {"policy", "judges"}, 2, "policy and judges take turns"),
        (Holding(1, 0, 1, there=1), {"policy", "trainer"}, None, "policy and trainer take turns"),
        (Holding(0, 1, 1, there=1), {"judges", "trainer"}, 1, "judges and trainer take turns"),
        (Holding(0, 1, 1, there=2), set(), 1, "(trainer 1, judges 1)"),
        (Holding(0, 1, 1), {"judges", "trainer"}, None, "take turns"),  # on a cluster
        (Holding(0, 1, 0, there=4), set(), 4, None),
        (Holding(1, 0, 0, there=4), set(), None, None),
        (Holding(there=4), set(), None, None),
    ],
)
def test_parts_take_turns_where_gpus_are_too_few_for_all(
    holding: Holding, in_turns: set[str], for_judges: int | None, told: str | None
) -> None:
    assert holding.in_turns == in_turns
    assert holding.for_judges == for_judges
    assert (told is None) == (holding.told is None)
    assert told is None or told in str(holding.told)
