"""Parts of a suite: levels, and the paper's seeded splits."""

from __future__ import annotations

import pytest

from tasks.errors import RequestError
from tasks.problems.base import Problem, Suite
from tasks.problems.narrow import Part, Split, parse_part, with_part

HUNDRED = range(1, 101)

PUBLISHED = {
    42: [4, 5, 12, 14, 15, 18, 28, 29, 30, 32, 36, 55, 65, 70, 76, 82, 87, 89, 95, 98],
    43: [3, 5, 13, 19, 37, 48, 56, 59, 60, 64, 66, 71, 74, 77, 78, 80, 86, 90, 95, 98],
    44: [2, 4, 13, 15, 21, 23, 29, 38, 39, 49, 53, 66, 67, 70, 73, 82, 90, 93, 94, 96],
}
"""Evaluation ids of level 1 as the paper's authors published them."""


@pytest.mark.parametrize("seed", PUBLISHED)
def test_the_papers_splits(seed: int) -> None:
    held_out = Split("eval", seed).ids(HUNDRED)
    assert sorted(held_out) == PUBLISHED[seed]
    assert Split("train", seed).ids(HUNDRED) == set(HUNDRED) - held_out


def test_a_split_knows_no_order_and_rounds_train_down() -> None:
    backwards = Split("eval", 42).ids([*reversed(HUNDRED)])
    assert sorted(backwards) == PUBLISHED[42]
    assert len(Split("train", 1).ids(range(7))) == 5


def suite() -> Suite:
    problems = [Problem("s", level, i, f"p{i}", "") for level in (1, 2) for i in HUNDRED]
    return Suite("s", tuple(problems))


def keys(part: str) -> list[tuple[int, int]]:
    return [(p.level, p.problem_id) for p in suite().narrowed(parse_part(part))]


def test_levels_and_splits_together() -> None:
    assert keys("level=2,split=eval43") == [(2, i) for i in PUBLISHED[43]]
    assert keys("split=eval42") == [(level, i) for level in (1, 2) for i in PUBLISHED[42]]
    assert len(keys("level=1+2")) == 200
    assert parse_part("") == Part()


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("level=3", "has no level 3; it has 1, 2"),
        ("level=one", "level=1"),
        ("level=1,2", "'2'"),
        ("split=test42", "eval42"),
        ("split=eval", "eval42"),
        ("colour=red", "colour=red"),
        ("level=1,level=2", "twice"),
    ],
)
def test_a_wrong_part_is_named(part: str, names: str) -> None:
    with pytest.raises(RequestError) as caught:
        keys(part)
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_go_into_the_name() -> None:
    assert with_part("dir:x", {"level": None, "split": None}) == "dir:x"
    assert with_part("dir:x", {"level": "1+2", "split": "eval42"}) == "dir:x#level=1+2,split=eval42"
    assert with_part("dir:x#level=1,split=eval42", {"level": "3"}) == "dir:x#level=3,split=eval42"
