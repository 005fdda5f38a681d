"""Rows of one batch that know nothing of each other: each holds a text of its own length.

Matrix products see the same number of rows at every step (they choose their kernels by shape), and
attention goes row by row over that row's own keys. So a text's rounding, and with it its draws, do
not depend on its companions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_ATTENTION = "bon_sweep_slots"
_FIRST_CAPACITY = 256
_PROBE = (3, 1, 2, 1)  # token ids that every vocabulary has


@dataclass(frozen=True)
class Prefix:
    """A prompt that was read.

    layers: of its cache, each with keys and values of shape (1, heads, tokens, head size).
    logits: (1, vocabulary) float32, of what follows it.
    """

    layers: Sequence[Any]
    logits: Tensor
    tokens: int


class _Layer(DynamicLayer):  # type: ignore[misc]
    """Keys and values (rows, heads, capacity, head size) of one layer; row i is used as far as its
    text goes."""

    def __init__(self, rows: int, like: DynamicLayer) -> None:
        super().__init__()
        self.lazy_initialization(like.keys, like.values)
        self.rows = torch.arange(rows, device=self.device)
        self.positions = torch.zeros_like(self.rows)
        self.keys = _grown(like.keys[:, :, :0].expand(rows, -1, -1, -1), _FIRST_CAPACITY)
        self.values = _grown(like.values[:, :, :0].expand(rows, -1, -1, -1), _FIRST_CAPACITY)

    def reserve(self, tokens: int) -> None:
        """Room for texts of so many tokens. Doubling: the stock cache copies itself at every token,
        which for a small model on a CPU costs several times the model."""
        if tokens > self.keys.shape[2]:
            self.keys = _grown(self.keys, 2 * tokens)
            self.values = _grown(self.values, 2 * tokens)

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Store one token a row, (rows, heads, 1, head size), each at its row's position."""
        self.keys[self.rows, :, self.positions] = key_states[:, :, 0]
        self.values[self.rows, :, self.positions] = value_states[:, :, 0]
        return self.keys, self.values

    # What a mask would be made from, if a row's only query needed one.
    def get_seq_length(self) -> int:
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0


class Slots:
    """`rows` texts that a model goes on with at the same time.

    model: one of which `slots_fit` is true.
    """

    def __init__(self, model: Any, rows: int) -> None:
        self._model = model
        self._rows = rows
        self._lengths = [0] * rows
        self._layers: list[_Layer] = []

    def read(self, prompt: Sequence[int]) -> Prefix:
        """Read a prompt once, for any number of rows."""
        cache = DynamicCache()
        ids = torch.tensor([prompt], device=self._model.device)
        out = self._model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return Prefix(cache.layers, out.logits[:, -1].float(), len(prompt))

    def begin(self, row: int, prefix: Prefix) -> None:
        """Give a free row the prompt."""
        if not self._layers:
            self._layers = [_Layer(self._rows, like) for like in prefix.layers]
        for layer, read in zip(self._layers, prefix.layers, strict=True):
            layer.reserve(prefix.tokens)
            layer.keys[row, :, : prefix.tokens] = read.keys[0]
            layer.values[row, :, : prefix.tokens] = read.values[0]
        self._lengths[row] = prefix.tokens

    def end(self, row: int) -> None:
        """Free a row; with the last one goes the memory."""
        self._lengths[row] = 0
        if not any(self._lengths):
            self._layers = []

    def step(self, tokens: Tensor) -> Tensor:
        """Append a token to every row that has a text. tokens: (rows,). Returns the logits (rows,
        vocabulary) float32 of what follows; those of free rows mean nothing."""
        positions = torch.tensor(self._lengths, device=self._model.device)
        self._lengths = [length + (length > 0) for length in self._lengths]
        for layer in self._layers:
            layer.reserve(max(self._lengths))
            layer.positions = positions
        cache = DynamicCache()
        cache.layers = list(self._layers)
        out = self._model(
            tokens[:, None],
            position_ids=positions[:, None],
            past_key_values=cache,
            use_cache=True,
            row_lengths=self._lengths,
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits


def _grown(entries: Tensor, capacity: int) -> Tensor:
    rows, heads, used, size = entries.shape
    larger = entries.new_zeros(rows, heads, capacity, size)
    larger[:, :, :used] = entries
    return larger


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    row_lengths: Sequence[int] | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """The stock attention; with `row_lengths`, row by row over so many keys. Rows of none stay 0.

    query: (rows, heads, 1, head size). Returns (rows, 1, heads, head size).
    """
    if row_lengths is None:
        stock: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **more
        )
        return stock
    found = [query.new_zeros(1, 1, query.shape[1], value.shape[-1])] * len(row_lengths)
    for row, length in enumerate(row_lengths):
        if length:
            keys, values = key[row, None, :, :length], value[row, None, :, :length]
            found[row], _ = sdpa_attention_forward(
                module, query[row, None], keys, values, None, **more
            )
    return torch.cat(found), None


AttentionInterface.register(_ATTENTION, _attention)
AttentionMaskInterface.register(_ATTENTION, sdpa_mask)


@torch.inference_mode()
def slots_fit(model: Any) -> bool:
    """Make `model` ready for `Slots` if it can be: a row must keep keys and values alone, and what
    it says must be what the model says of the same text in one pass.

    Models with recurrent state, windows, sinks or an attention that cannot be replaced are left as
    they were.
    """
    layers = DynamicCache(config=model.config).layers
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return False
    if not (model._supports_sdpa and model._supports_attention_backend):
        return False
    ids = torch.tensor([_PROBE], device=model.device)
    expected = model(ids).logits[0, -1].float()
    stock = model.config._attn_implementation
    model.set_attn_implementation(_ATTENTION)
    try:
        slots = Slots(model, 2)
        slots.begin(1, slots.read(_PROBE[:2]))
        for token in _PROBE[2:]:
            found = slots.step(torch.tensor([0, token], device=model.device))[1]
        # Roundings of another order of sums; what is left out of attention changes more.
        tolerance = 0.05 if model.dtype in (torch.float16, torch.bfloat16) else 1e-3
        if (found - expected).abs().max() <= tolerance * expected.abs().max():
            return True
    except (TypeError, ValueError, RuntimeError):
        pass  # an attention that cannot work so
    model.set_attn_implementation(stock)
    return False
