"""The growing cache holds what the stock cache holds, also across its doublings."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, DynamicCache

from tasks.policies.cache import GrowingLayer, growing_cache


def test_it_equals_the_stock_cache(tiny_model: Path) -> None:
    config = AutoConfig.from_pretrained(tiny_model)
    stock, ours = DynamicCache(config=config), growing_cache(config)
    assert all(isinstance(layer, GrowingLayer) for layer in ours.layers)
    assert ours.get_seq_length() == 0
    for added in (200, *[1] * 60, 700, 1):
        for layer in range(2):
            keys, values = torch.randn(3, 1, added, 16), torch.randn(3, 1, added, 16)
            theirs = stock.update(keys, values, layer)
            own = ours.update(keys, values, layer)
            assert torch.equal(own[0], theirs[0])
            assert torch.equal(own[1], theirs[1])
    assert ours.get_seq_length() == stock.get_seq_length() == 961
