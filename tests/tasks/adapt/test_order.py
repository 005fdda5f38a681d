"""What is judged when: all arms in one queue, in an order that the seed decides."""

from __future__ import annotations

from itertools import pairwise

from tasks.adapt.order import shuffled
from tasks.adapt.units import base_shards, units_of
from tasks.plan import SHARD_SIZE, Shard
from tasks.problems import load_suite

PROBLEMS = load_suite("embedded").select((12, 14))


def a_round(group: int = 8) -> list[Shard]:
    units = units_of(["centred", "placebo"], PROBLEMS, "problem")
    trained = [shard for unit in units for shard in unit.shards(2, group)]
    return [*base_shards(PROBLEMS, 2, group), *trained]


def keys(shards: list[Shard]) -> list[tuple[str, int, int, int]]:
    return [(*one.problem_key, index) for one in shards for index in one.sample_indices]


def test_every_draw_is_judged_once_and_the_same_seed_gives_the_same_order() -> None:
    queue = shuffled(a_round(), 42, 2)
    assert sorted(keys(queue)) == sorted(keys(a_round()))
    assert queue == shuffled(list(reversed(a_round())), 42, 2)
    assert queue != shuffled(a_round(), 43, 2)
    assert queue != shuffled(a_round(), 42, 1)


def test_arms_are_mixed_within_each_problem() -> None:
    for shard in shuffled(a_round(), 42, 2):
        arms = [index // 1_000_000 for index in shard.sample_indices]
        changes = sum(one != other for one, other in pairwise(arms))
        assert changes > 6, arms  # 2 if arm followed on arm


def test_no_shard_is_larger_than_others_are() -> None:
    queue = shuffled(a_round(group=50), 1, 2)
    assert max(len(one.sample_indices) for one in queue) == SHARD_SIZE
    assert len({one.problem_key for one in queue}) == 2


def test_any_seed_of_a_run_will_do() -> None:
    for seed in (-(2**63), -1, 0, 2**63 - 1):
        assert sorted(keys(shuffled(a_round(), seed, 0))) == sorted(keys(a_round()))
