"""Rows of any length next to each other say what the model says of each text alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GptOssConfig

from tasks.policies import slots
from tasks.policies.slots import Slots, slots_fit
from tests.tasks.policies.conftest import TINY, mistral


@torch.inference_mode()
def test_each_row_is_its_own_text(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three texts that begin at different times, one in a row that held another; rooms grow."""
    monkeypatch.setattr(slots, "_FIRST_CAPACITY", 4)
    stock = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    assert slots_fit(model)
    subject = Slots(model, 3)
    texts: dict[int, list[int]] = {}

    def begin(row: int, prompt: list[int]) -> None:
        prefix = subject.read(prompt)
        subject.begin(row, prefix)
        texts[row] = [*prompt, int(prefix.logits.argmax())]

    def step() -> None:
        last = torch.tensor([texts.get(row, [0])[-1] for row in range(3)])
        logits = subject.step(last)
        for row, text in texts.items():
            expected = stock(torch.tensor([text])).logits[0, -1]
            assert torch.allclose(logits[row], expected, atol=1e-3), (row, len(text))
            text.append(int(logits[row].argmax()))

    begin(0, [5, 6, 7])
    step()
    begin(2, list(range(5, 25)))
    for _ in range(3):
        step()
    subject.end(0)
    begin(0, [9])
    begin(1, [4, 4])
    for _ in range(20):
        step()


@torch.inference_mode()
def test_free_rows_hold_no_memory(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    assert slots_fit(model)
    subject = Slots(model, 2)
    subject.begin(1, subject.read([5, 6]))
    assert subject._layers
    subject.end(1)
    assert not subject._layers


def test_a_model_with_windows_is_left_as_it_was() -> None:
    assert slots_fit(mistral(None))
    model = mistral(16)
    assert not slots_fit(model)
    assert model.config._attn_implementation == "sdpa"


def test_a_model_whose_attention_has_more_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """gpt-oss, had it claimed to fit: its attention sinks, which rows would go without."""
    model = AutoModelForCausalLM.from_config(
        GptOssConfig(
            vocab_size=50,
            **TINY,
            head_dim=16,
            num_local_experts=2,
            num_experts_per_tok=1,
            layer_types=["full_attention", "full_attention"],
        )
    ).eval()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.sinks.fill_(2.0)
    assert not slots_fit(model)
    monkeypatch.setattr(type(model), "_supports_sdpa", True)
    assert not slots_fit(model)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.sinks.fill_(-100.0)  # sinks that take nothing
    assert slots_fit(model)
