"""What a policy says of text that is there already is what it said when it wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from tasks.errors import RequestError
from tasks.policies import SamplingParams
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.rescore import ScoringPolicy, Written
from tasks.problems import Problem

SEEDS = [3, 4, 5, 6]


def policy(path: Path, *, adapter: Path | None = None, t: float = 0.7) -> CausalLMPolicy:
    return CausalLMPolicy(
        name="test",
        path=path,
        params=SamplingParams(max_tokens=32, temperature=t),
        template="problem $problem_id",
        device=torch.device("cpu"),
        batch_rows=4,
        adapter=adapter,
    )


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(5)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config).save_pretrained(path)
    return path


def test_scores_of_own_draws_are_their_logprobs(tiny_model: Path, problem: Problem) -> None:
    subject = policy(tiny_model)
    assert isinstance(subject, ScoringPolicy)
    drawn = subject.sample(problem, SEEDS)
    settled = CausalLMPolicy(
        name="test",
        path=tiny_model,
        params=SamplingParams(max_tokens=32, temperature=0.7, logprob_mode="processed_logprobs"),
        template="problem $problem_id",
        device=torch.device("cpu"),
        batch_rows=4,
    ).sample(problem, SEEDS)
    written = [Written(one.completion, one.token_ids, one.finish_reason) for one in drawn]
    for score, one, other in zip(subject.score(problem, written), drawn, settled, strict=True):
        assert score.tokens == "stored"
        assert score.token_ids == one.token_ids
        assert score.raw == pytest.approx(one.logprobs, abs=2e-4)
        assert score.processed == pytest.approx(other.logprobs, abs=2e-4)


def test_text_without_tokens_is_cut_anew(tiny_model: Path, problem: Problem) -> None:
    subject = policy(tiny_model)
    ended, open_ = subject.score(
        problem, [Written("class Model:", (), "stop"), Written("class Model:", (999,), "length")]
    )
    assert ended.tokens == open_.tokens == "retokenised"
    assert ended.token_ids[:-1] == open_.token_ids
    assert ended.token_ids[-1] == 0
    assert ended.raw[:-1] == pytest.approx(open_.raw, abs=1e-5)


def test_at_temperature_zero_only_raw(tiny_model: Path, problem: Problem) -> None:
    (score,) = policy(tiny_model, t=0.0).score(problem, [Written("x", (), "length")])
    assert score.processed is None
    assert score.raw


def test_an_adapter_is_another_policy(tiny_model: Path, adapter: Path, problem: Problem) -> None:
    base, adapted = policy(tiny_model), policy(tiny_model, adapter=adapter)
    assert base.policy_id != adapted.policy_id
    written = [Written("class Model:", (), "stop")]
    (one,), (other,) = base.score(problem, written), adapted.score(problem, written)
    assert one.token_ids == other.token_ids
    assert abs(sum(one.raw) - sum(other.raw)) > 1e-3


def test_what_does_not_fit_is_said(tiny_model: Path, problem: Problem, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not fit behind its prompt"):
        policy(tiny_model).score(problem, [Written("class " * 400)])
    with pytest.raises(RequestError, match=r"adapter_config\.json"):
        policy(tiny_model, adapter=tmp_path)
