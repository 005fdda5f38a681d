"""Where a device's memory is, in words: what an error about it has to say."""

from __future__ import annotations

import torch

_GB = 1e9


def room(device: torch.device) -> str:
    """E.g. "cuda:0 (2.1 GB free of 150.7; 40.2 in use by the judge, 11.0 kept for reuse)"."""
    if device.type != "cuda":
        return str(device)
    free, total = torch.cuda.mem_get_info(device)
    used = torch.cuda.memory_allocated(device)
    kept = torch.cuda.memory_reserved(device) - used
    return (
        f"{device} ({free / _GB:.1f} GB free of {total / _GB:.1f}; {used / _GB:.1f} in use by the "
        f"judge, {kept / _GB:.1f} kept for reuse)"
    )
