"""Best of Adaptation: what choosing on the same draws adds, and cross-fitting takes away."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tasks.statistics.best_of_adaptation import best_of_adaptation


def flags(*bits: int) -> np.ndarray:
    return np.array(bits, np.bool_)


def test_the_best_checkpoint_by_the_mean_over_problems() -> None:
    found = best_of_adaptation(
        [[flags(0, 0, 1, 1), flags(0, 0)], [flags(1, 1, 1, 1), flags(1, 1)]],
    )
    assert (found.naive, found.cross_fitted) == (1.0, 1.0)


def test_halves_choose_for_each_other() -> None:
    # Even places choose step 1 (1 against 0) and odd ones step 0: both are read where they fail.
    found = best_of_adaptation([[flags(0, 1, 0, 1)], [flags(1, 0, 1, 0)]])
    assert (found.naive, found.cross_fitted) == (0.5, 0.0)


def test_if_nothing_changes_cross_fitting_is_unbiased_and_the_naive_number_is_not() -> None:
    """Exactly, over all outcomes of two steps of two draws with chance p each."""
    p = 0.3
    naive = fitted = 0.0
    for bits in product((0, 1), repeat=4):
        chance = np.prod([p if bit else 1 - p for bit in bits])
        found = best_of_adaptation([[flags(*bits[:2])], [flags(*bits[2:])]])
        naive += chance * found.naive
        fitted += chance * found.cross_fitted
    assert fitted == pytest.approx(p)
    assert naive > p + 0.1


def test_what_is_not_defined_is_nan() -> None:
    assert np.isnan(best_of_adaptation([]).naive)
    one = best_of_adaptation([[flags(1)], [flags(0)]])
    assert one.naive == 1
    assert np.isnan(one.cross_fitted)
    assert np.isnan(best_of_adaptation([[flags()]]).naive)
