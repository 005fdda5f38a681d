"""A key-value cache that grows by doubling.

The stock dynamic cache copies itself at every token. For a small model on a CPU, that copy (fresh
pages from the allocator each time) costs several times the model itself.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """`keys`, `values`: views (rows, heads, length, head size) of buffers with room to spare."""

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        *_: object,
        **__: object,
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._buffers: tuple[Tensor | None, Tensor | None] = (None, None)
        keys, key_buffer = _append(self.get_seq_length(), self._buffers[0], key_states)
        values, value_buffer = _append(self.get_seq_length(), self._buffers[1], value_states)
        self._buffers = (key_buffer, value_buffer)
        self.keys, self.values = keys, values
        return keys, values


def _append(length: int, buffer: Tensor | None, new: Tensor) -> tuple[Tensor, Tensor]:
    """The first `length` entries of `buffer` and `new` behind them, with the buffer they lie in."""
    rows, heads, added, size = new.shape
    if buffer is None or buffer.shape[-2] < length + added:
        larger = new.new_empty(rows, heads, max(256, 2 * (length + added)), size)
        if buffer is not None:
            larger[:, :, :length] = buffer[:, :, :length]
        buffer = larger
    buffer[:, :, length : length + added] = new
    return buffer[:, :, : length + added], buffer


def growing_cache(config: Any) -> Any:
    """A DynamicCache for a model of this config; its plain layers grow by doubling, others
    (sliding windows, linear attention) are the stock ones."""
    cache = DynamicCache(config=config)
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache
