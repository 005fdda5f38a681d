"""The rounds of the outer loop: who draws what, and which problems a step learns from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tasks.adapt.method import Method
from tasks.adapt.outer import OuterRounds, batch_of
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.units import Unit, units_of
from tasks.problems import load_suite

ALL = load_suite("embedded").problems
HELD_OUT, TRAIN = ALL[:3], ALL[3:]


def test_an_epoch_deals_out_every_problem_once_and_the_next_one_otherwise() -> None:
    epochs = [
        [batch_of(TRAIN[:8], 4, 42, epoch * 2 + place) for place in range(2)] for epoch in range(3)
    ]
    for batches in epochs:
        assert Counter(one for batch in batches for one in batch) == Counter(TRAIN[:8])
    assert len({frozenset(batches[0]) for batches in epochs}) > 1
    assert batch_of(TRAIN[:8], 4, 42, 0) != batch_of(TRAIN[:8], 4, 43, 0)


def test_what_does_not_divide_evenly_is_left_over_for_an_epoch() -> None:
    seen = {one for round_ in range(40) for one in batch_of(TRAIN[:5], 2, 1, round_)}
    assert seen == set(TRAIN[:5])
    assert all(len(set(batch_of(TRAIN[:5], 2, 1, round_))) == 2 for round_ in range(40))


@pytest.fixture
def rounds() -> OuterRounds:
    return OuterRounds(
        problems=ALL,
        units=units_of(["centred", "placebo"], TRAIN, "batch"),
        method=Method(4, "lower", StepSpec(), patience=3, confirm=2),
        last=5,
        train=TRAIN,
        held_out=HELD_OUT,
        batch=6,
        every=2,
        seed=7,
    )


def drawn(rounds: OuterRounds, unit: Unit | None, round_: int) -> dict[str, tuple[int, ...]]:
    """Purpose → ids of its problems."""
    return {
        one.purpose: tuple(shard.problem.problem_id for shard in one.shards)
        for one in rounds.drawings(unit, round_)
    }


def ids(of: tuple[object, ...]) -> tuple[int, ...]:
    return tuple(one.problem_id for one in of)  # type: ignore[attr-defined]


def test_the_base_arm_draws_once_and_each_arm_draws_its_batch_under_its_weights(
    rounds: OuterRounds,
) -> None:
    first = ids(batch_of(TRAIN, 6, 7, 0))
    assert drawn(rounds, None, 0) == {"round": first, "confirm": ids(HELD_OUT)}
    for round_ in range(1, 6):
        assert drawn(rounds, None, round_) == {}
        batch = ids(batch_of(TRAIN, 6, 7, round_))
        for unit in rounds.units:
            found = drawn(rounds, unit, round_)
            assert found.get("round") == (batch if round_ < 5 else None)
            assert found.get("confirm") == (ids(HELD_OUT) if round_ in (2, 4, 5) else None)
    numbers = [
        (shard.problem_key, index)
        for unit, rounds_of in [(None, [0]), *((one, range(1, 6)) for one in rounds.units)]
        for round_ in rounds_of
        for one in rounds.drawings(unit, round_)
        for shard in one.shards
        for index in shard.sample_indices
    ]
    assert len(set(numbers)) == len(numbers)


def test_more_steps_draw_what_fewer_did_and_more(rounds: OuterRounds) -> None:
    unit = rounds.units[0]
    longer = replace(rounds, last=8)
    for round_ in range(1, 6):
        assert drawn(rounds, unit, round_).items() <= drawn(longer, unit, round_).items() or (
            round_ == 5
        )
    assert "round" in drawn(longer, unit, 5)
