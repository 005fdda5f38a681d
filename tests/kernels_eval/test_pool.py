"""Who is shown which input sets."""

from __future__ import annotations

from itertools import count, islice

import pytest

from kernels_eval.problems.pool import Pool
from kernels_eval.problems.sets import InputSet


@pytest.mark.parametrize("reuse", [True, False])
def test_sets_are_shown_to_several_candidates_only_if_they_may_be(reuse: bool) -> None:
    serials = count(1)
    pool = Pool(
        1 << 20,
        lambda: InputSet(next(serials), 0, (), ()),
        lambda item: item,
        lambda item: item,
        reuse=reuse,
    )
    first, second = ([item.serial for item in islice(pool.unseen(), 5)] for _ in range(2))
    assert len({*first}) == len({*second}) == 5
    assert bool({*first} & {*second}) is reuse
