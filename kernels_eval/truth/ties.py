"""Indices into an input, of which more than one is right where values are equal.

`sort`, `topk`, `argmax`, `max_pool2d(return_indices=True)`: which of several equal values an index
names is nobody's business, so such indices are compared by the values that they lead to. That an
output holds such indices is read off the reference's own answer, see `_is_evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

_INDEX_TYPES = (torch.int64, torch.int32)
_PLANES = (2, 3)
"""Last dimensions that pooling counts through with one index."""


@dataclass(frozen=True)
class _Reading:
    """One way to read an output as indices: into `source`, along its last dimension."""

    source: torch.Tensor
    """(..., n)"""
    shape: tuple[int, ...]
    """Of the indices, (..., k)."""
    moved: int
    """The dimension of the output that was moved to the end; -1 for none."""

    def arranged(self, flat: torch.Tensor, full: tuple[int, ...]) -> torch.Tensor:
        """An output, given flat, as (..., k)."""
        whole = flat.view(full)
        return (whole if self.moved < 0 else whole.movedim(self.moved, -1)).reshape(self.shape)

    def flat(self, arranged: torch.Tensor, full: tuple[int, ...]) -> torch.Tensor:
        """The inverse of `arranged`."""
        if self.moved < 0:
            return arranged.reshape(-1)
        dimensions = [n for at, n in enumerate(full) if at != self.moved] + [full[self.moved]]
        return arranged.reshape(dimensions).movedim(-1, self.moved).reshape(-1)


def settle_ties(
    answer: torch.Tensor,
    expected: torch.Tensor,
    shape: tuple[int, ...],
    inputs: Sequence[torch.Tensor],
    values: Sequence[torch.Tensor],
) -> torch.Tensor:
    """The answer (flat), with the reference's index in the place of each that is as good.

    `expected`: the reference's, flat; `shape`: of both. `values`: the reference's other outputs of
    that shape, flat. An index that occurs once along its dimension in the reference's answer may
    occur only once in the answer.
    """
    if answer.dtype not in _INDEX_TYPES or not answer.numel():
        return answer
    for source in inputs:
        for reading in _readings(source, shape):
            right = reading.arranged(expected, shape).long()
            if bool(((right < 0) | (right >= reading.source.shape[-1])).any()):
                continue
            picked = reading.source.gather(-1, right)
            others = [reading.arranged(one, shape) for one in values]
            if _is_evidence(picked, reading.source, others):
                return _settled(answer, right, picked, reading, shape)
    return answer


def _readings(source: torch.Tensor, shape: tuple[int, ...]) -> Iterator[_Reading]:
    if source.is_complex() or source.dtype is torch.bool or not source.numel() or not source.dim():
        return
    if not shape:
        yield _Reading(source.reshape(-1), (1,), -1)
        return
    for at in range(source.dim()):
        moved = source.movedim(at, -1)
        rest = tuple(source.shape[:at]) + tuple(source.shape[at + 1 :])
        if rest == shape:
            yield _Reading(moved, (*rest, 1), -1)
        if len(shape) == source.dim() and shape[:at] + shape[at + 1 :] == rest:
            yield _Reading(moved, (*rest, shape[at]), at)
    for planes in _PLANES:
        kept = source.dim() - planes
        if kept >= 0 and len(shape) == source.dim() and shape[:kept] == source.shape[:kept]:
            yield _Reading(source.flatten(kept), (*shape[:kept], _product(shape[kept:])), -1)


def _product(extents: Sequence[int]) -> int:
    count = 1
    for extent in extents:
        count *= extent
    return count


def _is_evidence(
    picked: torch.Tensor, source: torch.Tensor, others: Sequence[torch.Tensor]
) -> bool:
    """Whether the reference's indices lead to what another output holds, or in order from the
    largest or smallest value on."""
    wide = picked.double()
    if any(not one.is_complex() and torch.equal(wide, one.double()) for one in others):
        return True
    first = picked[..., :1]
    if torch.equal(first, source.amax(-1, keepdim=True)):
        return bool((wide.diff(dim=-1) <= 0).all())
    return torch.equal(first, source.amin(-1, keepdim=True)) and bool(
        (wide.diff(dim=-1) >= 0).all()
    )


def _settled(
    answer: torch.Tensor,
    right: torch.Tensor,
    picked: torch.Tensor,
    reading: _Reading,
    shape: tuple[int, ...],
) -> torch.Tensor:
    mine = reading.arranged(answer, shape).long()
    count = reading.source.shape[-1]
    inside = (mine >= 0) & (mine < count)
    good = inside & (reading.source.gather(-1, mine.clamp(0, count - 1)) == picked)
    once = ~_repeated(right)
    good &= ~(once & _repeated(mine))
    return reading.flat(torch.where(good, right, mine), shape).to(answer.dtype)


def _repeated(indices: torch.Tensor) -> torch.Tensor:
    """(..., 1) whether an index occurs more than once along the last dimension."""
    ordered = indices.sort(-1).values
    return (ordered.diff(dim=-1) == 0).any(-1, keepdim=True)
