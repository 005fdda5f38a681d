"""The published numbers that a report can set beside its own (arXiv 2602.07670).

Another model, another evaluator, one GPU, five problems and two seeds: shapes compare, levels do
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.report.rows import ProblemKey

NAME = "arXiv 2602.07670"

LEVEL, PROBLEMS = 1, frozenset({4, 5, 12, 14, 15})
"""Subset 1 of its evaluation split: KernelBench's problem ids."""

FAST_1_AT_K: Mapping[int, float] = {
    1: 0.533, 2: 0.724, 4: 0.895, 8: 0.982, 16: 0.999, 32: 1.0, 64: 1.0,
}  # fmt: skip
"""Best-of-N, fast_1 at K."""

DEEPEST = 64

STRATEGIES: Mapping[str, float] = {
    "oracle": 1.0,
    "surprisal-top3": 1.0,
    "surprisal": 0.80,
    "random": 0.592,
    "confidence": 0.50,
}
"""fast_1 of each strategy's pick at K = 64."""

QUARTILES: Mapping[int, float] = {1: 0.474, 2: 0.810, 3: 0.723, 4: 0.439}
"""fast_1 of correct samples by quarter of surprisal, pooled; the most surprising first."""

TTT = 0.306
"""fast_1 of Best-of-Adaptation after test-time training, the mean of three seeds."""

TTT_STEPS: Mapping[int, float] = {0: 0.375, 1: 0.400, 2: 0.425, 3: 0.363, 4: 0.363, 5: 0.413}
"""fast_1 after each gradient step, seed 42."""

REGIME = 0.3
"""Base coverage of a problem below which adaptation was found to help."""

CURVES: Mapping[str, Mapping[int, float]] = {
    "paper, fast_1": FAST_1_AT_K,
    "paper, test-time training": dict.fromkeys(FAST_1_AT_K, TTT),
}
"""What its figure of Best-of-N scaling shows."""

CAVEAT = (
    f"Dotted: {NAME}, another model and evaluator on a GPU, five problems of KernelBench's level "
    "1. Compare shapes, not levels."
)


def comparable(problems: Iterable[ProblemKey]) -> bool:
    """Whether a report holds any of the paper's problems, so that its numbers say something."""
    return any(key.level == LEVEL and key.problem_id in PROBLEMS for key in problems)
