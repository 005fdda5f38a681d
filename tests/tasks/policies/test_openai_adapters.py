"""A server that loads adapters when it is told to: what it draws and scores is the adapter's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.errors import AdapterError, RequestError
from tasks.policies import SamplingParams, load_policy
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import TEMPLATE, WEIGHTS
from tasks.policies.prompt import read_template
from tasks.policies.rescore import Written
from tasks.problems import Problem, load_suite
from tests.tasks.policies.arbitrary import adapter_of
from tests.tasks.policies.served import Served, serve

PARAMS = SamplingParams(max_tokens=16)
SEEDS = [11, 12, 2**62 + 5]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    yield from serve()


@pytest.fixture
def like_vllm(server: Served) -> Iterator[Served]:
    with server.being(owner="vllm"):
        yield server


@pytest.fixture(scope="module")
def problem_() -> Problem:
    return load_suite("embedded").problems[0]


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return adapter_of(WEIGHTS, folder / "a", 5), adapter_of(WEIGHTS, folder / "b", 6)


@pytest.fixture(scope="module")
def here() -> CausalLMPolicy:
    """The same weights in this process."""
    template = read_template(TEMPLATE)
    return CausalLMPolicy(
        name="here", path=WEIGHTS, params=PARAMS, template=template, device=torch.device("cpu")
    )


def policy(server: Served, **options: object) -> Any:
    return load_policy(server.spec(base=WEIGHTS, **options), PARAMS)


def test_it_draws_and_scores_as_the_adapter_does(
    like_vllm: Served, here: CausalLMPolicy, problem_: Problem, adapters: tuple[Path, Path]
) -> None:
    subject = policy(like_vllm)
    bare, ids = subject.policy_id, {}
    for adapter in (*adapters, adapters[0], None):
        ids[adapter] = subject.set_adapter(adapter)
        here.set_adapter(adapter)
        drawn, expected = subject.sample(problem_, SEEDS), here.sample(problem_, SEEDS)
        assert [one.token_ids for one in drawn] == [one.token_ids for one in expected]
        prompt, tokens = subject.encode_prompt(problem_), [one.token_ids for one in drawn]
        assert prompt == here.encode_prompt(problem_)
        for mine, theirs in zip(
            subject.score_tokens(prompt, tokens), here.score_tokens(prompt, tokens), strict=True
        ):
            assert mine.token_ids == theirs.token_ids
            assert mine.processed == pytest.approx(theirs.processed, abs=1e-4)
    assert len(set(ids.values())) == 3
    assert ids[None] == bare == subject.policy_id
    loaded = policy(like_vllm, lora=adapters[1])
    assert loaded.policy_id == ids[adapters[1]]
    told = subject.encode_prompt(problem_, "Be quick.")
    assert told == here.encode_prompt(problem_, "Be quick.")


def test_it_scores_what_was_written_elsewhere(
    like_vllm: Served, here: CausalLMPolicy, problem_: Problem
) -> None:
    here.set_adapter(None)
    drawn = here.sample(problem_, SEEDS)
    written = [Written(one.completion, one.token_ids, one.finish_reason) for one in drawn]
    for score, one in zip(policy(like_vllm).score(problem_, written), drawn, strict=True):
        assert score.tokens == "stored"
        assert score.raw == pytest.approx(one.logprobs, abs=1e-4)


def test_a_server_that_was_started_anew_is_told_again(
    like_vllm: Served, problem_: Problem, adapters: tuple[Path, Path]
) -> None:
    subject = policy(like_vllm)
    subject.set_adapter(adapters[0])
    before = [one.token_ids for one in subject.sample(problem_, SEEDS)]
    like_vllm.stop()
    like_vllm.start()
    with like_vllm.being(owner="vllm"):
        assert [one.token_ids for one in subject.sample(problem_, SEEDS)] == before


def test_what_does_not_go_is_one_line(
    server: Served, adapters: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=r"not vLLM's, and tells no token ids"):
        policy(server)
    with pytest.raises(RequestError, match="give api=completions"):
        policy(server, api="chat")
    with pytest.raises(RequestError, match="wants base= beside it"):
        load_policy(server.spec(lora=adapters[0]), PARAMS)
    with server.being(owner="vllm"):
        subject = policy(server)
        with pytest.raises(AdapterError, match="no adapter in"):
            subject.set_adapter(tmp_path)
        other = adapter_of(WEIGHTS, tmp_path / "other", 7)
        (other / "adapter_model.safetensors").unlink()
        with pytest.raises(AdapterError, match="did not do load_lora_adapter") as told:
            subject.set_adapter(other)
        assert "\n" not in str(told.value)
    with server.being(owner="vllm", loads=False), pytest.raises(AdapterError, match="enable-lora"):
        policy(server).set_adapter(adapter_of(WEIGHTS, tmp_path / "new", 8))
