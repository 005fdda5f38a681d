"""What a local trainer is, and the id that follows from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.errors import RequestError

if TYPE_CHECKING:
    from tasks.adapt.trainers.base import Trainer


@dataclass(frozen=True)
class LocalSettings:
    """Base model and adapter. The defaults are the demo's."""

    base: Path
    rank: int = 8
    alpha: float = 8.0
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the modules that get an adapter; `all-linear` all but the output layer."""
    seed: int = 0
    """Of the adapter's first weights."""
    device: str = "cpu"
    dtype: Literal["float32", "as-saved"] | None = None
    """Of the frozen weights; None takes float32 on a CPU, and on a GPU what they were saved in. The
    adapter is float32 in any case."""
    checkpointing: bool | None = None
    """Whether activations are computed twice to save memory; None does so on a GPU."""
    threads: int = 1
    """On a CPU: sums of another number of threads round otherwise."""
    begin: Path | None = None
    """An adapter of the same make that steps begin with, and that counts as the base of what they
    do; None: one that does nothing yet. The optimizer begins anew in any case."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0 or self.threads < 1:
            raise RequestError(
                f"an adapter needs rank and threads of 1 or more and alpha above 0, not rank "
                f"{self.rank}, alpha {self.alpha:g}, threads {self.threads}"
            )

    @property
    def on_cpu(self) -> bool:
        return self.device == "cpu"

    @property
    def in_float32(self) -> bool:
        """Whether the frozen weights are loaded in float32."""
        return self.on_cpu if self.dtype is None else self.dtype == "float32"

    @property
    def recomputes(self) -> bool:
        """Whether activations are computed twice."""
        return not self.on_cpu if self.checkpointing is None else self.checkpointing

    def trainer(self) -> Trainer:
        """Load it. Raises RequestError if there is no such model, or no such modules in it."""
        # transformers takes seconds to import, and who only says what is wanted needs none of it.
        from tasks.adapt.trainers.local.trainer import LocalTrainer

        return LocalTrainer(self)

    def trainer_id(self, base: str, dtype: str, begin: str | None = None) -> str:
        """`local-` and 12 hex digits.

        base: hash of the base model's files. dtype: of its weights. begin: hash of the adapter that
        steps begin with.
        """
        content = asdict(replace(self, base=Path(), begin=None)) | {
            "base": base,
            "dtype": dtype,
            "device": self.device.partition(":")[0],
            "versions": {name: version(name) for name in ("torch", "peft", "transformers")},
        }
        del content["begin"]
        if begin is not None:
            content["begin"] = begin
        encoded = json.dumps(content, sort_keys=True).encode()
        return f"local-{hashlib.sha256(encoded).hexdigest()[:12]}"
