"""Exact estimators and tests: numpy and scipy in, numbers out. Undefined is NaN, never 0 or 1."""

from tasks.statistics.association import Correlation, pooled_spearman, quarter_weights
from tasks.statistics.best_at_k import best_at_k
from tasks.statistics.bootstrap import (
    DIFFERENCE,
    Bounds,
    Estimate,
    Resampling,
    bootstrap_mean,
    replicates_of_mean,
)
from tasks.statistics.effort import effort_by_correct, expected_effort
from tasks.statistics.equivalent_k import EquivalentK, equivalent_k
from tasks.statistics.equivalent_k_interval import EquivalentKInterval, equivalent_k_interval
from tasks.statistics.median import median_interval
from tasks.statistics.paired import (
    Difference,
    cohens_h,
    holm,
    mcnemar_exact,
    wilcoxon_signed_rank,
)
from tasks.statistics.paired_difference import PairedDifference, paired_difference
from tasks.statistics.partial import partial_correlation
from tasks.statistics.pass_at_k import pass_at_k
from tasks.statistics.pick import RankValues, expected_at, pick_probabilities, rank_values
from tasks.statistics.power import needed_at_least, problems_needed
from tasks.statistics.rate import rate_interval
from tasks.statistics.spent import found_within, spent_within
from tasks.statistics.sum_law import Outcomes

__all__ = [
    "DIFFERENCE",
    "Bounds",
    "Correlation",
    "Difference",
    "EquivalentK",
    "EquivalentKInterval",
    "Estimate",
    "Outcomes",
    "PairedDifference",
    "RankValues",
    "Resampling",
    "best_at_k",
    "bootstrap_mean",
    "cohens_h",
    "effort_by_correct",
    "equivalent_k",
    "equivalent_k_interval",
    "expected_at",
    "expected_effort",
    "found_within",
    "holm",
    "mcnemar_exact",
    "median_interval",
    "needed_at_least",
    "paired_difference",
    "partial_correlation",
    "pass_at_k",
    "pick_probabilities",
    "pooled_spearman",
    "problems_needed",
    "quarter_weights",
    "rank_values",
    "rate_interval",
    "replicates_of_mean",
    "spent_within",
    "wilcoxon_signed_rank",
]
