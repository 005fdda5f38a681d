"""Whether an adapter does where it is served what it did where it was trained.

Loaders take what fits and say nothing of the rest: peft takes 24 of 84 tensors of an adapter whose
config names no modules, and servers have kept the previous adapter under the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE
from tasks.adapt.trainers.base import Probe, SavedFiles
from tasks.errors import AdapterError
from tasks.policies.tensor_names import some_of

FLOAT32 = 1e-4
BFLOAT16 = 0.05
"""Nats per token that trainer and sampler may differ by, on weights of this format."""


@dataclass(frozen=True)
class Effect:
    """apart: mean |served − trained| over tokens, nats. share: of the step that arrived: 1 if all
    of it, 0 if the parent is served still."""

    apart: float
    share: float


def check_effect(
    probes: Sequence[Probe],
    served: Sequence[Sequence[float]],
    saved: SavedFiles,
    *,
    tolerance: float = FLOAT32,
) -> Effect:
    """served: log-probabilities of the probes' tokens by the served adapter, at the temperature of
    the step, nats.

    Raises AdapterError unless they are those of the trainer after the step, and nearer to them than
    to those before it; it names the tensors that are missing from the files.
    """
    before = np.concatenate([probe.before for probe in probes])
    after = np.concatenate([probe.after for probe in probes])
    found = np.concatenate([np.asarray(one, np.float64) for one in served])
    if found.shape != after.shape:
        raise ValueError("the served log-probabilities are of other tokens than the probes")
    moved = after - before
    if not moved.any():
        raise AdapterError(
            f"the step to {saved.folder.name} changes no log-probability; take a larger step size"
        )
    effect = Effect(
        float(np.abs(found - after).mean()), float((found - before) @ moved / (moved @ moved))
    )
    if effect.apart < tolerance and effect.share > 0.5:
        return effect
    raise AdapterError(
        f"the adapter in {saved.folder} does not do where it is served what it did in training: "
        f"log-probabilities are {effect.apart:.2g} nats per token apart ({tolerance:g} is the "
        f"most), and {effect.share:.0%} of the step arrived; {_reason(saved)}"
    )


def _reason(saved: SavedFiles) -> str:
    expected = set(saved.tensors)
    lost = sorted(expected - tensors_of(saved.folder))
    if lost:
        return f"{len(lost)} of {len(expected)} tensors are not in its file: {some_of(lost)}"
    unnamed = unnamed_tensors(saved.folder, saved.tensors)
    if unnamed:
        return (
            f"{len(unnamed)} of {len(expected)} tensors belong to no module under target_modules "
            f"in its {CONFIG_FILE}, so that loaders drop them: {some_of(unnamed)}"
        )
    return (
        "its files hold every tensor, so another adapter is served (under the same name?), or one "
        "in another format"
    )


def tensors_of(folder: Path) -> set[str]:
    """Names of the tensors in the adapter's file; empty if it cannot be read."""
    try:
        with safe_open(folder / ADAPTER_FILE, framework="numpy") as file:
            return set(file.keys())
    except (OSError, SafetensorError):
        return set()


def unnamed_tensors(folder: Path, tensors: Sequence[str]) -> list[str]:
    """Those whose module `target_modules` does not name: all of them where it names none, and every
    loader guesses in its own way."""
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        targets = config.get("target_modules")
    except (OSError, ValueError, AttributeError):
        return list(tensors)
    if targets == "all-linear":
        return []

    def named(module: str) -> bool:
        if isinstance(targets, str):
            return re.fullmatch(targets, module) is not None
        return any(module == one or module.endswith(f".{one}") for one in targets or ())

    def module_of(tensor: str) -> str:
        return tensor.removeprefix("base_model.model.").partition(".lora_")[0]

    return [tensor for tensor in tensors if not named(module_of(tensor))]
