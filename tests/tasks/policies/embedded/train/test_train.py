"""The trainer learns, resumes where it was cut off, and writes what the stock loaders read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.policies import SamplingParams, load_policy
from tasks.policies.embedded.corpus import generate
from tasks.policies.embedded.train import train as trainer
from tasks.policies.embedded.train.card import corpus_hash
from tasks.policies.embedded.train.train import TrainConfig, learning_rate_share, train
from tasks.problems import load_suite


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    return TrainConfig(
        out=tmp_path_factory.mktemp("model"),
        steps=6,
        batch_tokens=700,
        vocabulary=400,
        pool_examples=8,
        tokenizer_examples=60,
        held_out_examples=5,
        checkpoint_seconds=0.0,
    )


@pytest.fixture(scope="module")
def trained(config: TrainConfig) -> Path:
    train(config)
    return config.out


def test_the_model_loads_with_the_stock_classes(trained: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(trained)
    tokenizer: Any = AutoTokenizer.from_pretrained(trained)
    assert model.dtype is torch.bfloat16
    assert model.config.architectures == ["LlamaForCausalLM"]
    assert tokenizer.eos_token_id == model.config.eos_token_id == 0
    for example, _ in zip(generate(3), range(5), strict=False):
        ids = tokenizer(example.text)["input_ids"]
        assert tokenizer.decode(ids) == example.text
        assert min(ids) > 1
    odd = "λ → 🙂\r\n\tend"
    assert tokenizer.decode(tokenizer(odd)["input_ids"]) == odd


def test_six_steps_beat_a_uniform_guess(trained: Path) -> None:
    card = json.loads((trained / "TRAINING.json").read_text())
    uniform = float(torch.tensor(400.0).log())
    assert card["held_out"]["per_token"] < 0.98 * uniform
    assert card["steps"] == 6
    assert card["completion_tokens"] > 0
    assert set(card["versions"]) == {"python", "torch", "transformers", "tokenizers"}
    assert len(card["corpus_hash"]) == 16


def test_the_card_says_which_backends_were_learnt(trained: Path) -> None:
    card = json.loads((trained / "TRAINING.json").read_text())
    assert card["settings"]["backend"] == "all"
    assert card["corpus_hash"] == corpus_hash("all") != corpus_hash("cpp")
    backends = {key.split("/")[2] if key.count("/") == 2 else "cpp" for key in known(card)}
    assert backends == {"cpp", "triton"}


def known(card: dict[str, Any]) -> list[str]:
    return list(card["held_out"]["by_problem"])


def test_the_policy_takes_other_weights(trained: Path) -> None:
    problem = load_suite("embedded").problems[0]
    policy = load_policy(f"embedded:{trained}", SamplingParams(max_tokens=5))
    (sample,) = policy.sample(problem, [1])
    assert len(sample.token_ids) <= 5
    assert policy.policy_id != load_policy("embedded", SamplingParams(max_tokens=5)).policy_id


def test_an_interrupted_training_ends_the_same(
    trained: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = 0
    save = trainer.save_checkpoint

    def save_then_die(*arguments: Any) -> None:
        nonlocal saves
        save(*arguments)
        saves += 1
        if saves == 2:
            raise KeyboardInterrupt

    again = replace(config, out=tmp_path)
    monkeypatch.setattr(trainer, "save_checkpoint", save_then_die)
    with pytest.raises(KeyboardInterrupt):
        train(again)
    assert not (tmp_path / "model.safetensors").exists()
    monkeypatch.setattr(trainer, "save_checkpoint", save)
    train(again)
    first, second = (load_file(path / "model.safetensors") for path in (trained, tmp_path))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    shares = [learning_rate_share(i / 1000) for i in range(1001)]
    peak = shares.index(max(shares))
    assert peak == 20
    assert shares[peak] == pytest.approx(1.0)
    assert shares[:21] == sorted(shares[:21])
    assert shares[20:] == sorted(shares[20:], reverse=True)
    assert shares[-1] == pytest.approx(0.0, abs=1e-12)
