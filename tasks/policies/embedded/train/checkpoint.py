"""What an interrupted training needs to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

FILE = "checkpoint.pt"


@dataclass
class Progress:
    """How far a training is. `pool` is the next pool to draw; checkpoints fall between pools."""

    step: int = 0
    pool: int = 0
    examples: int = 0
    tokens: int = 0
    """Completion tokens that carried loss."""
    seconds: float = 0.0
    train_loss: float = float("nan")
    """Nats per token, running mean."""


def save_checkpoint(out: Path, model: Any, optimizer: Any, progress: Progress) -> None:
    """Atomic: a kill leaves the old one or the new one."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
    }
    temporary = out / (FILE + ".tmp")
    torch.save(state, temporary)
    temporary.replace(out / FILE)


def load_checkpoint(out: Path, model: Any, optimizer: Any, device: torch.device) -> Progress:
    """Restore model and optimizer in place; a fresh Progress if there is no checkpoint."""
    file = out / FILE
    if not file.is_file():
        return Progress()
    state = torch.load(file, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])
