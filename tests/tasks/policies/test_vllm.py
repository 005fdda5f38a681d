"""Real vLLM, in process, in a Ray actor and as a server, against transformers on the same weights.

Runs where vLLM is installed: `make test-vllm` makes an environment of its own for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.errors import AdapterError
from tasks.policies import Sample, SamplingParams, load_policy
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import TEMPLATE, WEIGHTS
from tasks.policies.prompt import read_template
from tasks.policies.rescore import Written
from tasks.problems import Problem, load_suite
from tests.tasks.policies.arbitrary import ALL, adapter_of

pytest.importorskip("vllm", reason="vLLM is not installed here; `make test-vllm` installs it")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARAMS = SamplingParams(max_tokens=48, temperature=0.8)
PROCESSED = SamplingParams(max_tokens=48, temperature=0.8, logprob_mode="processed_logprobs")
ENGINE = "template=embedded,kv_gib=0.25,max_len=1024,eager=true"
SEEDS = [1, 2, 2**62 + 5, 4, 5, 6]
FLOAT32 = 1e-4
ROUNDING = 2.0
"""In bfloat16 vLLM may be this many times as far from float32 as transformers' own bfloat16 is."""


@pytest.fixture(scope="module")
def problems_() -> list[Problem]:
    return list(load_suite("embedded").problems[:3])


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that is on its way: most of its start is imports, and so is the engine's."""
    from flows.prefect_server import free_port

    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(WEIGHTS), "--enforce-eager", "--host", "127.0.0.1"]
    command += ["--served-model-name", "embedded", "--dtype", "float32", "--port", str(port)]
    command += ["--max-model-len", "1024", "--kv-cache-memory-bytes", str(1 << 28)]
    command += ["--enable-lora", "--max-lora-rank", "8", "--lora-target-modules", *ALL]
    may = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True"}
    process = subprocess.Popen(command, env=os.environ | may)
    yield process, f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture(scope="module")
def engine(serving: object) -> Iterator[Any]:
    assert serving  # asked for so that both start at once
    policy: Any = load_policy(f"vllm:{WEIGHTS}#{ENGINE},dtype=float32", PARAMS)
    yield policy
    policy.close()


@pytest.fixture(scope="module")
def server(serving: tuple[subprocess.Popen[bytes], str]) -> str:
    process, root = serving
    for _ in range(500):
        try:
            if httpx.get(f"{root}/health", trust_env=False).status_code == 200:
                return f"{root}/v1"
        except httpx.TransportError:
            assert process.poll() is None
        time.sleep(1)
    raise AssertionError("vLLM's server did not start")


def reference(params: SamplingParams = PARAMS, adapter: Path | None = None) -> CausalLMPolicy:
    return CausalLMPolicy(
        name="reference",
        path=WEIGHTS,
        params=params,
        template=read_template(TEMPLATE),
        device=torch.device("cpu"),
        adapter=adapter,
    )


def differences(
    scorer: CausalLMPolicy, problem: Problem, samples: list[Sample], *, processed: bool = False
) -> list[float]:
    """Between a sample's log-probabilities and transformers' own, token by token."""
    written = [Written(one.completion, one.token_ids, one.finish_reason) for one in samples]
    found: list[float] = []
    for score, one in zip(scorer.score(problem, written), samples, strict=True):
        assert score.tokens == "stored"
        theirs = score.processed if processed else score.raw
        assert theirs is not None
        found += [abs(a - b) for a, b in zip(theirs, one.logprobs, strict=True)]
    return found


def between(
    one: CausalLMPolicy, other: CausalLMPolicy, problem: Problem, samples: list[Sample]
) -> list[float]:
    """Between two scorers of the same tokens, after temperature."""
    written = [Written(s.completion, s.token_ids, s.finish_reason) for s in samples]
    pairs = zip(one.score(problem, written), other.score(problem, written), strict=True)
    return [
        abs(a - b)
        for first, second in pairs
        for a, b in zip(first.processed or (), second.processed or (), strict=True)
    ]


def rms(values: list[float]) -> float:
    return float(sum(value**2 for value in values) / len(values)) ** 0.5


def test_offline_engine_agrees_with_transformers(engine: Any, problems_: list[Problem]) -> None:
    scorer = reference()
    for problem in problems_:
        assert engine.text.encode_prompt(problem) == scorer.encode_prompt(problem)
        samples = engine.sample(problem, SEEDS)
        assert len({one.token_ids for one in samples}) > len(SEEDS) / 2
        assert max(differences(scorer, problem, samples)) < FLOAT32
        for one in samples:
            assert (one.token_ids[-1] == 0) == (one.finish_reason == "stop")


def test_the_same_seeds_give_the_same_draws(engine: Any, problems_: list[Problem]) -> None:
    first = engine.sample(problems_[0], SEEDS)
    again = engine.sample(problems_[0], SEEDS[::-1])[::-1]
    assert [one.token_ids for one in first] == [one.token_ids for one in again]


def test_the_engine_scores_what_transformers_wrote(engine: Any, problems_: list[Problem]) -> None:
    scorer = reference()
    for problem in problems_:
        samples = scorer.sample(problem, SEEDS)
        written = [Written(one.completion, one.token_ids, one.finish_reason) for one in samples]
        for score, one in zip(engine.score(problem, written), samples, strict=True):
            assert (score.tokens, score.processed) == ("stored", None)
            assert score.raw == pytest.approx(one.logprobs, abs=FLOAT32)


def test_the_engine_exchanges_adapters(
    engine: Any, problems_: list[Problem], tmp_path: Path
) -> None:
    """It has room for none, so it starts anew once; then it goes on, from one to the other."""
    first, second = (adapter_of(WEIGHTS, tmp_path / name, seed) for seed, name in enumerate("ab"))
    problem, bare = problems_[0], engine.policy_id
    ids = {}
    for adapter in (first, second, first, None):
        ids[adapter] = engine.set_adapter(adapter)
        scorer = reference(PARAMS, adapter)
        samples = engine.sample(problem, SEEDS)
        assert max(differences(scorer, problem, samples)) < FLOAT32
        prompt, tokens = engine.encode_prompt(problem), [one.token_ids for one in samples]
        for mine, theirs in zip(
            engine.score_tokens(prompt, tokens), scorer.score_tokens(prompt, tokens), strict=True
        ):
            assert mine.raw == pytest.approx(theirs.raw, abs=FLOAT32)
    assert len({*ids.values()}) == 3
    assert ids[None] == bare == engine.policy_id
    assert engine.in_float32


def test_an_adapter_that_does_not_fit_is_refused_and_the_engine_goes_on(
    engine: Any, problems_: list[Problem], tmp_path: Path
) -> None:
    elsewhere = adapter_of(WEIGHTS, tmp_path / "elsewhere", 1)
    file = elsewhere / "adapter_model.safetensors"
    tensors = {name.replace("layers.0", "layers.77"): one for name, one in load_file(file).items()}
    save_file(tensors, file)
    logits = adapter_of(WEIGHTS, tmp_path / "logits", 2, ["lm_head"])
    unknown = adapter_of(WEIGHTS, tmp_path / "unknown", 3)
    config = json.loads((unknown / "adapter_config.json").read_text())
    (unknown / "adapter_config.json").write_text(json.dumps(config | {"use_dora": True}))
    large = adapter_of(WEIGHTS, tmp_path / "large", 4, r=16)
    engine.set_adapter(adapter_of(WEIGHTS, tmp_path / "fits", 5))
    for folder, words in {
        elsewhere: r"14 of its 84 tensors have no place.*layers\.77",
        logits: r"lm_head.*leaves that out",
        unknown: "vLLM does not yet support DoRA",
        large: "lora_rank=16",
        tmp_path / "none": "no adapter in",
    }.items():
        with pytest.raises(AdapterError, match=words) as told:
            engine.set_adapter(folder)
        assert "\n" not in str(told.value)
        samples = engine.sample(problems_[0], SEEDS[:2])
        assert max(differences(reference(), problems_[0], samples)) < FLOAT32


@pytest.mark.parametrize("api", ["completions", "chat"])
def test_a_server_agrees_with_transformers(
    server: str, engine: Any, problems_: list[Problem], api: str, request: pytest.FixtureRequest
) -> None:
    if api == "chat":
        # The embedded tokenizer has no chat template, and the server says so in one line.
        from tasks.errors import RequestError

        with pytest.raises(RequestError, match="rejects the request"):
            load_policy(f"openai:embedded@{server}#template=embedded,api=chat", PARAMS)
        return
    policy: Any = load_policy(f"openai:embedded@{server}#template=embedded,api=completions", PARAMS)
    request.addfinalizer(policy.close)
    scorer = reference()
    for problem in problems_:
        samples = policy.sample(problem, SEEDS)
        assert max(differences(scorer, problem, samples)) < FLOAT32
        offline = engine.sample(problem, SEEDS)
        same = [
            one.token_ids == other.token_ids for one, other in zip(samples, offline, strict=True)
        ]
        # The same seeds; now and then rounding in another batch turns a token.
        assert sum(same) >= len(SEEDS) - 1


def test_a_server_exchanges_adapters(
    server: str, problems_: list[Problem], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first, second = (adapter_of(WEIGHTS, tmp_path / name, seed) for seed, name in enumerate("ab"))
    problem = problems_[0]
    spec = f"openai:embedded@{server}#template=embedded,api=completions,base={WEIGHTS}"
    policy: Any = load_policy(spec, PARAMS)
    request.addfinalizer(policy.close)
    for adapter in (first, second, first, None):
        policy.set_adapter(adapter)
        scorer = reference(PARAMS, adapter)
        samples = policy.sample(problem, SEEDS)
        assert max(differences(scorer, problem, samples)) < FLOAT32
        prompt, tokens = policy.encode_prompt(problem), [one.token_ids for one in samples]
        for mine, theirs in zip(
            policy.score_tokens(prompt, tokens), scorer.score_tokens(prompt, tokens), strict=True
        ):
            assert mine.raw == pytest.approx(theirs.raw, abs=FLOAT32)
    wrong = adapter_of(WEIGHTS, tmp_path / "wrong", 9, r=16)
    with pytest.raises(AdapterError, match=r"did not do load_lora_adapter .*rank 16"):
        policy.set_adapter(wrong)


def test_half_precision_processed_logprobs_and_an_adapter_in_an_actor(
    problems_: list[Problem], tmp_path: Path
) -> None:
    import ray

    from tasks.cluster import cluster
    from tasks.sample.actor import start_policy

    adapter = adapter_of(WEIGHTS, tmp_path / "step-10", 5, ["q_proj", "v_proj"], lora_alpha=64)
    spec = f"vllm:{WEIGHTS}#{ENGINE},dtype=bfloat16,lora={adapter}"
    problem = problems_[0]
    with cluster():
        handle = start_policy(spec, PROCESSED, 1)
        try:
            drawn = list(handle.stream(problem, SEEDS))
            assert handle.policy_id.startswith("vllm-")
        finally:
            handle.close()
        assert ray.is_initialized()
    samples = [sample for group in drawn for sample in group.samples]
    assert sorted(at for group in drawn for at in group.positions) == list(range(len(SEEDS)))
    assert {one.logprob_mode for one in samples} == {"processed_logprobs"}
    exact, half, base = (reference(PROCESSED, one) for one in (adapter, adapter, None))
    half._model.to(torch.bfloat16)
    near = rms(differences(exact, problem, samples, processed=True))
    assert near < ROUNDING * rms(between(exact, half, problem, samples))
    far = rms(differences(base, problem, samples, processed=True))
    assert far > 3 * near, "the adapter changes nothing"
