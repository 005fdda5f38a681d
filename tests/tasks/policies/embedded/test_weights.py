"""The weights in the repository: small, loadable anywhere, and worth sampling."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.policies import Policy, Sample, SamplingParams, load_policy, sample_seed
from tasks.policies.embedded import WEIGHTS
from tasks.policies.embedded.train.card import corpus_hash
from tasks.policies.embedded.train.probe import parses
from tasks.problems import Problem, load_suite

pytestmark = pytest.mark.usefixtures("one_thread_throughout")

K = 16


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy("embedded", SamplingParams())


@pytest.fixture(scope="module")
def problem() -> Problem:
    return load_suite("embedded").select([5])[0]


@pytest.fixture(scope="module")
def samples(policy: Policy, problem: Problem) -> list[Sample]:
    return policy.sample(problem, seeds(problem, range(K)))


def seeds(problem: Problem, indices: range) -> list[int]:
    return [sample_seed(1, problem, index) for index in indices]


def test_they_are_small_and_standard() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 10_000_000
    model: Any = AutoModelForCausalLM.from_pretrained(WEIGHTS)
    tokenizer: Any = AutoTokenizer.from_pretrained(WEIGHTS)
    assert model.config.model_type == "llama"
    assert model.dtype is torch.bfloat16
    assert sum(parameter.numel() for parameter in model.parameters()) <= 5_000_000
    assert model.config.head_dim in {32, 64, 128}
    assert tokenizer.eos_token_id == model.config.eos_token_id
    assert len(tokenizer) == model.config.vocab_size
    card = json.loads((WEIGHTS / "TRAINING.json").read_text())
    assert card["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_samples_are_modules_and_differ(samples: list[Sample]) -> None:
    assert sum(sample.finish_reason == "stop" for sample in samples) >= K - 1
    good = [s for s in samples if "class ModelNew" in s.source and parses(s.source)]
    assert len(good) >= 0.7 * K
    assert len({sample.source for sample in good}) > 3
    assert all(len(s.token_ids) == len(s.logprobs) > 10 for s in samples)


def test_a_resumed_shard_gets_the_very_same_samples(
    policy: Policy, problem: Problem, samples: list[Sample]
) -> None:
    """Bit for bit, log-probabilities too, though fewer are asked for."""
    assert policy.sample(problem, seeds(problem, range(11, 14))) == samples[11:14]
    extended = policy.sample(problem, seeds(problem, range(14, K + 3)))
    assert extended[:2] == samples[14:]


def test_body_mode_lands_in_the_reference(problem: Problem) -> None:
    policy = load_policy("embedded", SamplingParams(mode="body"))
    written = policy.sample(problem, seeds(problem, range(8)))
    assert all("def get_inputs" in sample.source for sample in written)
    assert any(parses(sample.source) for sample in written)
    assert max(len(sample.token_ids) for sample in written) < 512


def test_every_problem_of_the_suite_is_known(policy: Policy) -> None:
    card = json.loads((WEIGHTS / "TRAINING.json").read_text())
    known = {int(key.split("/")[0]) for key in card["held_out"]["by_problem"]}
    assert known == {problem.problem_id for problem in load_suite("embedded").problems}
    assert policy.policy_id.startswith("embedded-")


def test_they_were_trained_on_the_corpus_that_lies_beside_them() -> None:
    """Changed what the corpus writes? Then train anew (tasks/policies/embedded/train)."""
    card = json.loads((WEIGHTS / "TRAINING.json").read_text())
    assert card["corpus_hash"] == corpus_hash(card["settings"].get("backend", "cpp"))
