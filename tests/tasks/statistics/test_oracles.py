"""Tests and adjustments against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, permutation_test
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from tasks.statistics import Resampling, bootstrap_mean, holm, mcnemar_exact
from tasks.statistics.sum_law import flips, sum_test


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_statsmodels(seed: int) -> None:
    p = np.random.default_rng(seed).beta(0.3, 1, 7)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(("a", "b"), [(3, 0), (7, 2), (5, 5), (1, 12)])
def test_mcnemar_is_statsmodels_and_scipys_binomial(a: int, b: int) -> None:
    table = [[9, a], [b, 4]]
    assert mcnemar_exact(a, b).p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert mcnemar_exact(a, b).p == pytest.approx(binomtest(a, a + b, 0.5).pvalue)


def test_a_sign_flip_test_is_scipys_permutation_test() -> None:
    change = np.random.default_rng(2).normal(0.4, 1, 12)
    exact = permutation_test(
        (change,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="greater"
    )
    # scipy counts the very sum seen in full, mid-P by half: one of 2¹² either way.
    found = sum_test(flips(change), float(change.sum())).above
    assert found == pytest.approx(exact.pvalue, abs=2e-3)


def test_bca_is_scipys_but_for_the_width_for_few_problems() -> None:
    """200 problems, where Student's width is the normal one's but for half a per cent."""
    values = np.random.default_rng(3).exponential(1.0, 200)
    _, low, high = bootstrap_mean(values[:, None], Resampling(repetitions=20_000))[:, 0]
    wanted = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(4)
    ).confidence_interval
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=0.01)
