"""A real Llama, too small to know anything: its distribution is arbitrary but far from uniform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
)

from tasks.policies.embedded.train.tokenizer import learn_tokenizer, save_tokenizer
from tasks.problems.base import Problem

REFERENCE = '''"""Twice the input, and a bias."""

import torch
import torch.nn as nn

N = 64


class Model(nn.Module):
    def __init__(self, n: int):
        super(Model, self).__init__()
        self.bias = nn.Parameter(torch.ones(n))

    def forward(
        self,
        x: torch.Tensor,
        limits: dict[str, int] = {"low": 0},
    ) -> torch.Tensor:
        """Two x plus bias."""
        y = 2 * x
        return y + self.bias

    def extra(self) -> int:
        return 3


def get_inputs():
    return [torch.randn(4, N)]


def get_init_inputs():
    return [N]
'''


TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
"""Of any architecture: a model too small to know anything."""


def mistral(window: int | None) -> Any:
    """A model that looks back over so many tokens only, with the tiny model's vocabulary."""
    torch.manual_seed(3)
    config = MistralConfig(
        vocab_size=280,
        **TINY,
        max_position_embeddings=256,
        sliding_window=window,
        eos_token_id=0,
        pad_token_id=1,
    )
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture
def problem() -> Problem:
    return Problem("tests", 1, 7, "7_Double", REFERENCE)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a two-layer Llama; ends within tens of tokens, with sharp and flat steps."""
    path = tmp_path_factory.mktemp("tiny")
    tokenizer = learn_tokenizer([REFERENCE], 280)
    save_tokenizer(tokenizer, path)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        **TINY,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(12.0)
    # Defaults that would bend the distribution if the policy let them.
    model.generation_config = GenerationConfig(
        eos_token_id=0, pad_token_id=1, do_sample=True, top_k=3, repetition_penalty=1.5
    )
    model.save_pretrained(path)
    return path


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several share a batch's rows out, and the last digit depends on a row's place."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch keeps to one thread for the length of a test."""
    with _one_thread():
        yield


@pytest.fixture(scope="module")
def one_thread_throughout() -> Iterator[None]:
    """The same for a module, and so for what its tests share."""
    with _one_thread():
        yield
