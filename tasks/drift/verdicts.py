"""Kernels whose verdict is another one than in the nights before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tasks.drift.nights import Nights


@dataclass(frozen=True)
class Changed:
    """index: of the kernel. before: its most common status of the nights before, and how often.

    Of equally common ones the later counts.
    """

    index: int
    before: str
    times: int
    now: str


def changed_verdicts(nights: Nights) -> list[Changed]:
    """Those of the last night that differ; kernels not judged before, or not then, are none."""
    found = []
    for index, own in enumerate(nights.status):
        earlier = [one for one in reversed(own[:-1]) if one is not None]
        if not earlier or own[-1] is None:
            continue
        (before, times), *_ = Counter(earlier).most_common(1)
        if own[-1] != before:
            found.append(Changed(index, before, times, own[-1]))
    return found
