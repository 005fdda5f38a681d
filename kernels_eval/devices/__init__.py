"""Devices that can be judged on. CUDA joins here."""

from __future__ import annotations

import torch

from kernels_eval.errors import RequestError


def check_device(name: str) -> None:
    """Raises RequestError, in one line, for a device that is unknown, absent or not supported."""
    if name == "cpu":
        return
    if name.partition(":")[0] != "cuda":
        raise RequestError(f"no device {name!r}; use cpu or cuda:0")
    if not torch.cuda.is_available():
        raise RequestError(f"device {name!r} is not there: torch finds no CUDA GPU; use cpu")
    raise RequestError(f"device {name!r} is not supported by this version's judge yet; use cpu")
