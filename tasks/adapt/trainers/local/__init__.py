"""A trainer in this process: peft and torch, on a CPU or one GPU."""

from __future__ import annotations

from tasks.adapt.trainers.local.settings import LocalSettings
from tasks.adapt.trainers.local.trainer import LocalTrainer

__all__ = ["LocalSettings", "LocalTrainer"]
