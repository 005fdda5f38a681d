"""Tests and effects against published and textbook values."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import cohens_h, holm, mcnemar_exact, wilcoxon_signed_rank


def test_the_papers_effect_of_80_against_50_percent() -> None:
    assert float(cohens_h(0.8, 0.5)) == pytest.approx(0.64, abs=0.005)


def test_the_papers_three_discordant_pairs_of_three() -> None:
    assert mcnemar_exact(3, 0, "greater").p == 0.125
    assert mcnemar_exact(3, 0).p == 0.25
    assert mcnemar_exact(0, 3, "less").p == 0.125


def test_the_papers_signed_rank_sum_of_10_over_10_pairs() -> None:
    # Ranks 1 to 4 against, 5 to 10 in favour: the smaller sum is the paper's W = 10, p = 0.084.
    differences = [-1, -2, -3, -4, 5, 6, 7, 8, 9, 10]
    found = wilcoxon_signed_rank(differences)
    assert (found.pairs, found.statistic) == (10, 10)
    assert found.p == pytest.approx(0.084, abs=0.0005)


def test_mcnemar_without_discordance_is_undefined() -> None:
    assert np.isnan(mcnemar_exact(0, 0).p)
    assert mcnemar_exact(2, 2).p == 1.0
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_wilcoxon_is_exact_for_few_pairs() -> None:
    # All 2^5 signs equally likely; only all positive reaches W = 15.
    test = wilcoxon_signed_rank([0.1, 0.2, 0.3, 0.4, 0.5], "greater")
    assert test.pairs == 5
    assert test.p == pytest.approx(1 / 32)


def test_wilcoxon_leaves_out_what_says_nothing() -> None:
    kept = wilcoxon_signed_rank([0.1, -0.2, 0.3])
    assert wilcoxon_signed_rank([0.1, np.nan, -0.2, 0.0, 0.3]) == kept
    empty = wilcoxon_signed_rank([0.0, np.nan])
    assert empty.pairs == 0
    assert np.isnan(empty.p)


def test_holm_steps_down() -> None:
    adjusted = holm([0.01, 0.04, np.nan, 0.03, 0.9])
    np.testing.assert_allclose(adjusted, [0.04, 0.09, np.nan, 0.09, 0.9])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_cohens_h_is_antisymmetric_and_undefined_outside() -> None:
    assert float(cohens_h(0.2, 0.9)) == -float(cohens_h(0.9, 0.2))
    assert float(cohens_h(1, 0)) == pytest.approx(np.pi)
    assert np.isnan(cohens_h(1.1, 0.5))
