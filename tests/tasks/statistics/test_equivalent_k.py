from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import equivalent_k

PAPER_KS = [1, 2, 4, 8, 16, 32, 64]
PAPER_BEST_OF_N = [0.533, 0.724, 0.895, 0.982, 0.999, 1.0, 1.0]


def test_the_papers_adaptation_is_worth_less_than_one_sample() -> None:
    found = equivalent_k(PAPER_KS, PAPER_BEST_OF_N, 0.306)
    assert (found.k, found.censored) == (1.0, "below")


def test_it_interpolates_in_log_k() -> None:
    found = equivalent_k([1, 4], [0.2, 0.6], 0.4)
    assert found.k == pytest.approx(2.0)
    assert found.censored is None


def test_points_of_the_curve_are_themselves_and_plateaus_count_from_their_start() -> None:
    assert equivalent_k(PAPER_KS, PAPER_BEST_OF_N, 0.895).k == 4
    assert equivalent_k(PAPER_KS, PAPER_BEST_OF_N, 1.0).k == 32


@pytest.mark.parametrize("by", [1e-16, 3e-12, -1e-16, -3e-12])
def test_rounding_is_not_beyond_an_end(by: float) -> None:
    ks, curve = [1, 2, 4], [0.1, 0.3, 0.7]
    for k, value in zip(ks, curve, strict=True):
        found = equivalent_k(ks, curve, value + by)
        assert (found.k, found.censored) == (k, None)
    # The first of a plateau whose points differ by rounding.
    assert equivalent_k([1, 2, 4, 8], [0.2, 0.5, 0.5 + 1e-16, 0.5 + 1e-12], 0.5 + 1e-12).k == 2
    assert equivalent_k(ks, curve, 0.7 + 1e-6).censored == "above"
    assert equivalent_k(ks, curve, 0.1 - 1e-6).censored == "below"


def test_it_is_censored_above() -> None:
    assert equivalent_k([1, 2], [0.1, 0.2], 0.5).censored == "above"


def test_a_dip_is_levelled_and_unknown_points_left_out() -> None:
    assert equivalent_k([1, 2, 4, 8], [0.2, 0.1, np.nan, 0.4], 0.3).k == pytest.approx(4.0)


def test_what_is_unknown_has_no_equivalent() -> None:
    assert np.isnan(equivalent_k([1, 2], [0.1, 0.2], np.nan).k)
    assert np.isnan(equivalent_k([1], [np.nan], 0.5).k)
