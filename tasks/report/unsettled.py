"""What noise leaves open: kernels whose speedup interval holds 1, machines that were not quiet."""

from __future__ import annotations

from tasks.report.data import ReportData
from tasks.report.formats import count, percent, plural
from tasks.report.statistics import Statistics

_VISIBLE = 0.005
"""Half a percentage point: what the page would show as a difference."""


def ceiling_at_most(statistics: Statistics, k: int) -> float | None:
    """The best of k, were every unsettled kernel faster; None where that shows no difference."""
    low, high = statistics.fast_1_at_k.get(k), statistics.fast_1_at_k_at_most.get(k)
    if low is None or high is None or high - low.mean < _VISIBLE:
        return None
    return high


def strategy_at_most(statistics: Statistics, name: str, k: int) -> float | None:
    """The same of a strategy's pick."""
    low, high = statistics.at(name, k), statistics.strategies[name].fast_1_at_most.get(k)
    if low is None or high is None or high - low.mean < _VISIBLE:
        return None
    return high


def noise(data: ReportData) -> list[str]:
    """Caveats: how many kernels and verdicts the measurements leave in doubt, and the mend."""
    found = []
    unsettled, correct = data.sum_of("unsettled"), data.sum_of("correct")
    if unsettled:
        text = (
            f"Unsettled: {count(unsettled)} of {plural(correct, 'correct draw')}, with a speedup "
            "interval that holds 1. What is unsettled counts as not faster"
        )
        k = data.statistics.deepest
        low, high = data.statistics.fast_1_at_k.get(k), ceiling_at_most(data.statistics, k)
        if low is not None and high is not None:
            text += (
                f"; were all of it faster, the best of {k} would be faster than the reference "
                f"on {percent(high)} of the problems instead of {percent(low.mean)}"
            )
        found.append(f"{text}.")
    busy, judged = data.sum_of("busy"), data.sum_of("judged")
    if busy:
        found.append(
            "Measured on a machine that never grew quiet (`busy-machine`), with wide intervals: "
            f"{count(busy)} of {plural(judged, 'verdict')}. The same sweep again, on a quiet "
            "machine, measures what is unsettled once more."
        )
    return found


def library(data: ReportData) -> list[str]:
    """How many of the fast draws call the library, the way most published speedups are made."""
    fast, calls = data.sum_of("fast_1"), data.sum_of("fast_by_library")
    if not calls:
        return []
    return [
        f"{count(calls)} of {plural(fast, 'fast draw')} ({percent(calls / fast)}) call the library "
        "for a part of the work (`library-calls`); `--scope kernel` turns such candidates away."
    ]


def miniature(data: ReportData) -> list[str]:
    """That the embedded policy is no large model."""
    if not any(row.miniature for row in data.coverage):
        return []
    return [
        "Drawn by the embedded policy, a miniature that knows these operators alone: its numbers "
        "say nothing about large models."
    ]
