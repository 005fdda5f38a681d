"""Shards cover what is missing, and only that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.plan import plan
from tasks.problems import Problem

PROBLEMS = (Problem("s", 1, 3, "three", "x = 3"), Problem("s", 1, 7, "seven", "x = 7"))
draws = st.sets(st.tuples(st.just("s"), st.just(1), st.sampled_from([3, 7]), st.integers(0, 99)))


@given(k=st.integers(1, 100), sampled=draws, judged=draws, size=st.integers(1, 64))
def test_every_missing_draw_is_planned_once(
    k: int,
    sampled: set[tuple[str, int, int, int]],
    judged: set[tuple[str, int, int, int]],
    size: int,
) -> None:
    judged &= sampled  # a verdict without a draw cannot be
    work = plan(PROBLEMS, k, sampled=sampled, judged=judged, size=size)
    wanted = {("s", 1, problem.problem_id, index) for problem in PROBLEMS for index in range(k)}
    to_sample = [key for one in work if one.to_sample for key in one.to_sample.keys]
    to_judge = [key for one in work for key in one.to_judge.keys]
    assert len(to_sample) == len(set(to_sample))
    assert set(to_sample) == wanted - sampled
    assert len(to_judge) == len(set(to_judge))
    assert set(to_judge) == wanted - judged


def test_a_shard_never_crosses_the_grid() -> None:
    work = plan(PROBLEMS[:1], 100, size=64)
    assert [one.to_judge.sample_indices[0] for one in work] == [0, 64]
    extended = plan(PROBLEMS[:1], 130, sampled=work[0].to_judge.keys, size=64)
    assert [one.to_sample and one.to_sample.sample_indices for one in extended] == [
        None,
        tuple(range(64, 128)),
        (128, 129),
    ]


def test_equal_draws_get_equal_parts() -> None:
    first, again = plan(PROBLEMS, 10), plan(PROBLEMS, 10)
    assert [w.to_judge.part for w in first] == [w.to_judge.part for w in again]
    assert len({w.to_judge.part for w in first}) == 2
