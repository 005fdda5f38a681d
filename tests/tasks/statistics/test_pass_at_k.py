from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from tasks.statistics import pass_at_k


def test_it_is_the_share_of_subsets_with_a_success() -> None:
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                hits = sum(any(i < c for i in s) for s in combinations(range(n), k))
                assert pass_at_k(n, c, k) == pytest.approx(hits / comb(n, k), abs=1e-12)


def test_it_is_undefined_beyond_n_and_never_0_or_1() -> None:
    assert np.isnan(pass_at_k(3, [0, 1, 3], 4)).all()
    assert np.isnan(pass_at_k(0, 0, 1))


def test_no_success_and_all_successes_are_certain() -> None:
    assert pass_at_k(64, 0, [1, 8, 64]).tolist() == [0, 0, 0]
    assert pass_at_k(64, 64, [1, 8, 64]).tolist() == [1, 1, 1]
    assert pass_at_k(64, 1, 64) == 1


def test_small_chances_keep_their_digits() -> None:
    assert pass_at_k(100_000, 1, 1) == pytest.approx(1e-5, abs=1e-9)
    assert pass_at_k(4096, 4095, 2) == 1
    assert 1 - pass_at_k(4096, 4000, 2) == pytest.approx(96 * 95 / (4096 * 4095), rel=1e-6)


def test_it_broadcasts() -> None:
    assert pass_at_k([[10], [20]], [[3], [5]], [1, 2, 4]).shape == (2, 3)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 0)])
def test_nonsense_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"draws|k must"):
        pass_at_k(n, c, k)


def exactly(n: int, c: int, k: int) -> float:
    missed = Fraction(1)
    for i in range(min(c, k)):
        missed *= Fraction(n - max(c, k) - i, n - i)
    return float(1 - missed)


@pytest.mark.parametrize("n", [1_000, 99_991, 10_000_000])
def test_nine_digits_up_to_ten_million_draws(n: int) -> None:
    cases = [(c, k) for c in (1, 2, 7, 150, n // 3, n - 1) for k in (1, 3, 64, 300, n // 2, n)]
    for c, k in cases:
        if min(c, k) <= 300:
            assert pass_at_k(n, c, k) == pytest.approx(exactly(n, c, k), abs=1e-12), (c, k)
            assert pass_at_k(n, k, c) == pytest.approx(exactly(n, c, k), abs=1e-12), (k, c)
    assert pass_at_k(n, n // 3, n // 2) == 1
