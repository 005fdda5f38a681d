"""Adapters whose weights are all arbitrary: none of their tensors can be left out unnoticed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapter_of(
    model: Path, folder: Path, seed: int, targets: Sequence[str] = ALL, *, r: int = 4, **more: Any
) -> Path:
    """Written to `folder`, in peft's format."""
    torch.manual_seed(seed)
    config = LoraConfig(r=r, target_modules=list(targets), init_lora_weights=False, **more)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder
