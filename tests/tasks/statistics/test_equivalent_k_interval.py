from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import equivalent_k_interval, pass_at_k

KS = [1, 2, 4, 8, 16]


def test_the_interval_holds_the_truth_and_the_ends_are_censored_by_themselves() -> None:
    rng = np.random.default_rng(0)
    rates = rng.beta(2, 2, 30)
    curve = pass_at_k(64, rng.binomial(64, rates)[:, None], KS)
    targets = np.stack([1 - (1 - rates) ** 3, 0 * rates, 0 * rates + 1], axis=1)
    middle, nothing, everything = equivalent_k_interval(KS, curve, targets)
    assert middle.low is not None
    assert middle.high is not None
    assert middle.low.k < 3 < middle.high.k
    assert middle.low.k <= middle.value.k <= middle.high.k
    for one, side in ((nothing, "below"), (everything, "above")):
        assert one.low is not None
        assert one.high is not None
        assert {one.value.censored, one.low.censored, one.high.censored} == {side}


def test_a_point_of_the_curve_is_exactly_itself_in_every_replicate() -> None:
    rng = np.random.default_rng(1)
    curve = pass_at_k(64, rng.binomial(64, rng.beta(1, 2, 20))[:, None], KS)
    (found,) = equivalent_k_interval(KS, curve, curve[:, [2]])
    assert found.low is not None
    assert found.high is not None
    assert [found.value.k, found.low.k, found.high.k] == pytest.approx([4, 4, 4])


def test_one_problem_has_no_ends() -> None:
    (found,) = equivalent_k_interval([1, 2], np.array([[0.2, 0.6]]), np.array([[0.4]]))
    assert found.value.k == pytest.approx(2**0.5)
    assert found.low is None
