"""The embedded model: a Llama small enough for a repository and a CPU."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

CONTEXT = 2048
"""Positions, prompt and completion together."""


def build_model(vocabulary: int, *, layers: int, end_id: int, pad_id: int) -> Any:
    """A LlamaForCausalLM with fresh weights, float32.

    Few wide layers: on a CPU a decoding step costs about as much per layer as per weight. Heads of
    64 are what serving kernels (FlashAttention, vLLM's) expect.
    """
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=layers,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=pad_id,
        attn_implementation="sdpa",
    )
    model: Any = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=end_id, pad_token_id=pad_id)
    return model


def export_model(model: Any, out: Any) -> None:
    """Write config.json, generation_config.json and model.safetensors in bfloat16."""
    state = {key: tensor.detach().cpu() for key, tensor in model.state_dict().items()}
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(state)
    copy.generation_config = model.generation_config
    copy.to(torch.bfloat16).save_pretrained(out)
