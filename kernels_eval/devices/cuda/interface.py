"""A tensor over device memory that torch did not allocate."""

from __future__ import annotations

import torch


class _Bytes:
    """https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html, version 3."""

    def __init__(self, address: int, count: int) -> None:
        self.__cuda_array_interface__ = {
            "shape": (count,),
            "typestr": "|u1",
            "data": (address, False),
            "version": 3,
        }


def over(address: int, count: int, device: torch.device) -> torch.Tensor:
    """(count,) uint8 at `address`; valid as long as the memory is mapped."""
    return torch.as_tensor(_Bytes(address, count), device=device)
