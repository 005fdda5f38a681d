"""Devices that can be judged on."""

from __future__ import annotations

import torch

from kernels_eval.errors import RequestError


def check_device(name: str) -> None:
    """Raises RequestError, in one line, for a device that is unknown or not there."""
    if name == "cpu":
        return
    kind, _, index = name.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise RequestError(f"no device {name!r}; use cpu or cuda:0")
    if not torch.cuda.is_available():
        raise RequestError(f"device {name!r} is not there: torch finds no CUDA GPU; use cpu")
    if int(index or 0) >= torch.cuda.device_count():
        raise RequestError(
            f"device {name!r} is not there: this machine has {torch.cuda.device_count()} GPU(s)"
        )
