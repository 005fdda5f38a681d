"""The largest requests: beyond them a plan alone would fill the memory."""

LARGEST_K = 100_000
"""Samples of one problem."""

MOST_PROBLEMS = 10_000
"""Of one run."""
