"""A trainer in this process: peft and torch, on a CPU or one GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.adapt.trainers.local.settings import LocalSettings

if TYPE_CHECKING:
    from tasks.adapt.trainers.local.trainer import LocalTrainer

__all__ = ["LocalSettings", "LocalTrainer"]


def __getattr__(name: str) -> Any:
    # transformers takes seconds to import, and whoever only says what is wanted needs none of it.
    if name == "LocalTrainer":
        from tasks.adapt.trainers.local.trainer import LocalTrainer

        return LocalTrainer
    raise AttributeError(name)
