"""How many parameters of a model work for one token: N in floating-point operations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WHOLE = {"F64", "F32", "F16", "BF16"}
"""Of packed numbers (4-bit experts) a tensor's shape says nothing."""

_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


def parameters_of(policy: str) -> int | None:
    """N of the base model of `embedded`, or of a directory of weights; of experts as many as read a
    token. None where that cannot be told: servers, hubs, packed weights."""
    head = policy.partition("#")[0]
    name, _, path = head.partition(":")
    if name == "embedded":
        from tasks.policies.embedded import WEIGHTS

        return _counted(Path(path) if path else WEIGHTS)
    return _counted(Path(path)) if name in ("transformers", "vllm") and path else None


def _counted(folder: Path) -> int | None:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        share = _share(config)
        total = 0.0
        found = sorted(folder.glob("*.safetensors"))
        for name, dtype, shape in (one for file in found for one in _tensors(file)):
            if dtype not in _WHOLE:
                return None
            size = float(math.prod(shape))
            if ".experts." in name:
                if share is None:
                    return None
                size *= share
            total += size
        return round(total) or None
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _share(config: dict[str, Any]) -> float | None:
    """Of the experts those that read a token."""
    experts = next((config[name] for name in _EXPERTS if config.get(name)), None)
    used = config.get("num_experts_per_tok")
    return used / experts if experts and used else None


def _tensors(file: Path) -> Iterator[tuple[str, str, list[int]]]:
    """(name, dtype, shape) off the file's head: its length in eight bytes, then JSON."""
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        head = json.loads(stream.read(min(size, 100_000_000)))
    for name, one in head.items():
        if name != "__metadata__":
            yield name, one["dtype"], one["shape"]
