"""A model's parameters, counted off the heads of its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from tasks.policies.embedded import WEIGHTS
from tasks.policies.parameters import parameters_of
from tests.tasks.adapt.conftest import embedded


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    save_file(
        {"a": np.zeros((3, 5), np.float32), "b": np.zeros(7, np.float16)},
        tmp_path / "one.safetensors",
    )
    save_file({"c": np.zeros((2, 2, 2), np.float32)}, tmp_path / "two.safetensors")
    return tmp_path


def test_the_embedded_models_are_those_that_it_loads() -> None:
    held = sum(one.numel() for one in embedded()._model.parameters())
    assert parameters_of("embedded") == held
    assert parameters_of(f"embedded:{WEIGHTS}") == held
    assert parameters_of("embedded#lora=/nowhere") == held


@pytest.mark.parametrize("policy", ["transformers:{}", "transformers:{}#lora=x", "vllm:{}#tp=2"])
def test_every_file_of_a_directory_counts(model: Path, policy: str) -> None:
    assert parameters_of(policy.format(model)) == 15 + 7 + 8


def test_of_experts_as_many_as_are_asked(model: Path) -> None:
    save_file({"m.experts.up": np.zeros((8, 10), np.float32)}, model / "three.safetensors")
    assert parameters_of(f"vllm:{model}") is None
    config = {"num_local_experts": 8, "num_experts_per_tok": 2}
    (model / "config.json").write_text(json.dumps(config))
    assert parameters_of(f"vllm:{model}") == 15 + 7 + 8 + 20


def test_where_the_files_do_not_tell_nobody_knows(model: Path) -> None:
    for policy in ("openai:m@http://h/v1", "vllm:some/model", "transformers", "instant:12"):
        assert parameters_of(policy) is None
    save_torch({"packed": torch.zeros(4, dtype=torch.uint8)}, model / "four.safetensors")
    assert parameters_of(f"transformers:{model}") is None
    (model / "four.safetensors").write_bytes(b"\xff" * 12)
    assert parameters_of(f"transformers:{model}") is None
