"""Every generator that a problem may draw from, seeded for a while."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

_inside = False


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeded; afterwards as if nothing had been drawn.

    Inside another such block it only seeds: the outer one puts everything back, which is most of
    what drawing a small input costs.
    """
    global _inside
    if _inside:
        _seed(seed)
        yield
        return
    before = random.getstate(), np.random.get_state(), torch.get_rng_state(), _gpu_states()
    _inside = True
    _seed(seed)
    try:
        yield
    finally:
        _inside = False
        if before[3]:
            torch.cuda.set_rng_state_all(before[3])
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would also queue work for CUDA
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(seed)


def _gpu_states() -> list[torch.Tensor]:
    started: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.cuda.get_rng_state_all() if started else []
