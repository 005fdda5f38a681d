"""What a judge's death costs a batch."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tasks.evaluate.batch import ALONE, BLAMELESS, IN_A_ROW, TOGETHER, Batch


def _judged(count: int, poison: Collection[int], at_once: int) -> tuple[set[int], list[int], int]:
    """Delivered, given up, deaths: by judges with `at_once` sources under way.

    One of the poisonous ones ends the judge as soon as it is under way.
    """
    batch, delivered, given_up, deaths = Batch(count), set(), [], 0
    while (group := batch.next()) is not None:
        for place, position in enumerate(group):
            if set(poison) & set(group[place : place + at_once]):
                deaths += 1
                given_up += batch.judge_lost(group, blameless=False)
                break
            assert position not in delivered
            delivered.add(position)
            batch.deliver(position)
    return delivered, given_up, deaths


@pytest.mark.parametrize("poison", [[], [0], [7], [19], [3, 4, 5, 6, 7, 8]])
@pytest.mark.parametrize("at_once", [1, 4, 20])
def test_only_what_ends_judges_is_given_up(poison: list[int], at_once: int) -> None:
    delivered, given_up, deaths = _judged(20, poison, at_once)
    assert sorted(given_up) == poison
    assert delivered == set(range(20)) - set(poison)
    assert deaths <= TOGETHER + ALONE * len(poison)


def test_a_single_source() -> None:
    assert _judged(1, [0], 1) == (set(), [0], ALONE)


def test_nothing_to_judge() -> None:
    assert Batch(0).next() is None


def test_a_lost_node_is_no_sources_fault() -> None:
    batch = Batch(1)
    for _ in range(BLAMELESS):
        group = batch.next()
        assert group == [0]
        assert batch.judge_lost(group, blameless=True) == []
    assert [batch.judge_lost([0], blameless=True) for _ in range(ALONE)] == [[], [0]]


def test_what_died_after_its_last_verdict_costs_nothing() -> None:
    batch = Batch(2)
    group = batch.next()
    assert group is not None
    for position in group:
        batch.deliver(position)
    assert batch.judge_lost(group, blameless=False) == []
    assert batch.next() is None


def test_a_problem_that_ends_every_judge_does_not_cost_two_for_each_source() -> None:
    assert _judged(64, range(64), 4) == (set(), list(range(64)), TOGETHER + ALONE * IN_A_ROW)
