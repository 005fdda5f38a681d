"""Models that cannot be drawn row by row are drawn as well, in batches that end as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LogitsProcessorList

from tasks.policies import SamplingParams
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.whole_batch import FillerRowsStop, SeededDraw
from tasks.problems.base import Problem
from tests.tasks.policies.conftest import mistral
from tests.tasks.policies.test_causal_lm import SEEDS, teacher_forced


@pytest.fixture(scope="module")
def windowed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's make and vocabulary, looking back over 8 tokens only."""
    path = tmp_path_factory.mktemp("windowed")
    for file in tiny_model.glob("*token*"):
        (path / file.name).write_bytes(file.read_bytes())
    model = mistral(8)
    with torch.no_grad():
        model.lm_head.weight.mul_(12.0)
    model.save_pretrained(path)
    return path


@pytest.mark.usefixtures("one_thread")
def test_a_model_with_windows_is_drawn(windowed: Path, problem: Problem) -> None:
    subject = CausalLMPolicy(
        name="test",
        path=windowed,
        params=SamplingParams(max_tokens=48, temperature=0.7),
        template="problem $problem_id",
        device=torch.device("cpu"),
        batch_rows=3,
    )
    assert subject._batch is None
    prompt = subject.encode_prompt(problem)
    together = subject.sample(problem, SEEDS)
    for sample, seed in zip(together, SEEDS, strict=True):
        expected = teacher_forced(windowed, prompt, sample.token_ids, 1.0)
        assert sample.logprobs == pytest.approx(expected, abs=2e-4)
        assert subject.sample(problem, [seed]) == [sample]
    assert max(len(sample.token_ids) for sample in together) > 16


def test_only_the_picks_are_kept() -> None:
    draw = SeededDraw(0.5, torch.tensor([[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]]).double())
    for _ in range(3):
        logits = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
        scores = LogitsProcessorList([draw])(torch.zeros(2, 1).long(), logits)
        assert (torch.isfinite(scores).sum(dim=1) == 1).all()
    assert [kept.shape for kept in draw.raw + draw.processed] == [(2,)] * 6


def test_filler_rows_end_at_once() -> None:
    assert FillerRowsStop(2)(torch.zeros(4, 1), None).tolist() == [False, False, True, True]
