"""No sentence of the first screen contradicts another, over hundreds of simulated studies.

`benchmarks/claims.py` counts over thousands, and holds every sentence against the population.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.claims import contradictions
from tasks.strategies.document import PairedComparison
from tests.tasks.report.simulated import Kind, document, problem, screen

KINDS = {
    "noise, rare": lambda _: Kind(0.5, 0.05),
    "noise, any share": lambda rng: Kind(0.6, rng.beta(1, 1)),
    "an effect": lambda rng: Kind(0.7, rng.beta(2, 2), 0.5),
    "the other way": lambda rng: Kind(0.7, rng.beta(2, 2), -0.6),
    "through length": lambda rng: Kind(0.7, rng.beta(2, 2), 0.7, through_length=True),
    "all easy": lambda _: Kind(0.9, 0.98),
    "nothing correct on half": lambda rng: Kind(0.9 * rng.integers(0, 2), 0.5, 0.5),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_contradicts_another(kind: str) -> None:
    rng = np.random.default_rng(len(kind))
    for study in range(40):
        sizes = rng.choice([8, 9, 16], 14) if study % 2 else np.full(14, 8)
        draws = [
            problem(KINDS[kind](rng), int(n), rng, i, ties=study % 3 == 0)
            for i, n in enumerate(sizes)
        ]
        said = screen(document(draws), draws)
        assert contradictions(said) == [], (said.lead, *said.points)


def test_a_page_that_contradicts_itself_would_be_seen() -> None:
    rng = np.random.default_rng(1)
    draws = [problem(Kind(0.9, 0.5, 0.95), 16, rng, i) for i in range(14)]
    told = document(draws)
    assert screen(told, draws).lead.count("surprisal picks best") == 1
    unsettled = told.model_copy(update={"comparisons": [_open(one) for one in told.comparisons]})
    honest = screen(unsettled, draws)
    assert contradictions(honest) == []
    verdicts = [one.model_copy(update={"verdict": "open"}) for one in told.comparisons]
    half = screen(told.model_copy(update={"comparisons": verdicts}), draws)
    assert contradictions(half) == ["not settled, by an interval that leaves out 0"]
    # The lead of one page over the points of the other.
    mixed = type(honest)(screen(told, draws).lead, honest.points, honest.caveats)
    assert "the lead's winner cannot be settled" in contradictions(mixed)


def _open(one: PairedComparison) -> PairedComparison:
    """The same comparison, had the data not settled it."""
    difference = one.fast_1.difference.model_copy(update={"low": -0.1})
    told = one.fast_1.model_copy(update={"difference": difference})
    return one.model_copy(update={"verdict": "open", "fast_1": told})
