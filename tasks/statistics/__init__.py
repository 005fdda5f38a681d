"""Exact estimators and tests: numpy and scipy in, numbers out. Undefined is NaN, never 0 or 1."""

from tasks.statistics.best_at_k import best_at_k
from tasks.statistics.bootstrap import Estimate, Resampling, bootstrap_mean, bootstrap_median
from tasks.statistics.equivalent_k import EquivalentK, equivalent_k
from tasks.statistics.paired import (
    Difference,
    cohens_h,
    holm,
    mcnemar_exact,
    wilcoxon_signed_rank,
)
from tasks.statistics.pass_at_k import pass_at_k
from tasks.statistics.pick import pick_probabilities

__all__ = [
    "Difference",
    "EquivalentK",
    "Estimate",
    "Resampling",
    "best_at_k",
    "bootstrap_mean",
    "bootstrap_median",
    "cohens_h",
    "equivalent_k",
    "holm",
    "mcnemar_exact",
    "pass_at_k",
    "pick_probabilities",
    "wilcoxon_signed_rank",
]
