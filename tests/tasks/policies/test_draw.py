"""Draws follow softmax(logits / T) exactly, and come from their seed."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare
from transformers import LogitsProcessorList

from tasks.policies.draw import FillerRowsStop, SeededDraw, uniforms


def picks_of(draw: SeededDraw, logits: torch.Tensor) -> torch.Tensor:
    scores = LogitsProcessorList([draw])(torch.zeros(len(logits), 1).long(), logits.clone())
    assert (torch.isfinite(scores).sum(dim=1) == 1).all()
    return scores.argmax(dim=1)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 2.0])
def test_frequencies_match_softmax(temperature: float) -> None:
    """Chi-square over 20,000 seeds; fails by chance once in 10,000 (and seeds are fixed)."""
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5, float("-inf"), 1.5])
    n = 20_000
    draw = SeededDraw(temperature, range(n), max_tokens=1)
    counts = picks_of(draw, logits.expand(n, -1)).bincount(minlength=7).double()
    expected = (logits.double() / temperature).softmax(0) * n
    assert counts[5] == 0
    alive = expected > 0
    assert chisquare(counts[alive].numpy(), expected[alive].numpy()).pvalue > 1e-4


def test_successive_tokens_of_a_row_are_independent() -> None:
    n = 20_000
    draw = SeededDraw(1.0, range(n), max_tokens=2)
    logits = torch.zeros(n, 4)
    pairs = 4 * picks_of(draw, logits) + picks_of(draw, logits)
    counts = pairs.bincount(minlength=16).double().numpy()
    assert chisquare(counts).pvalue > 1e-4


def test_seeds_that_share_low_bits_are_different_streams() -> None:
    streams = uniforms([5, 5 + 2**32, 5 + 2**62], 8)
    assert len({tuple(row) for row in streams.tolist()}) == 3
    assert torch.equal(streams[1:2], uniforms([5 + 2**32], 8))
    assert torch.equal(streams[:, :3], uniforms([5, 5 + 2**32, 5 + 2**62], 3))


def test_only_the_picks_are_kept() -> None:
    draw = SeededDraw(0.5, [1, 2], max_tokens=3)
    for _ in range(3):
        picks_of(draw, torch.randn(2, 1000, generator=torch.Generator().manual_seed(0)))
    assert [kept.shape for kept in draw.raw + draw.processed] == [(2,)] * 6


def test_rare_tokens_of_a_large_vocabulary_keep_their_probability() -> None:
    """float32 sums over so many terms would round a tail away or double it."""
    vocabulary, n = 150_000, 400
    logits = torch.zeros(1, vocabulary)
    logits[0, 0] = 11.0
    draw = SeededDraw(1.0, range(n), max_tokens=1)
    picks = picks_of(draw, logits.expand(n, -1))
    head = float(logits.double().softmax(-1)[0, 0])
    assert 0.2 < head < 0.4
    deviation = abs((picks == 0).double().mean() - head)
    assert deviation < 4 * (head * (1 - head) / n) ** 0.5
    assert picks.max() > vocabulary // 2


def test_filler_rows_end_at_once() -> None:
    assert FillerRowsStop(2)(torch.zeros(4, 1), None).tolist() == [False, False, True, True]
