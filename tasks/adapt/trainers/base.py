"""What every trainer offers. Sampling, verdicts, rewards and advantages are not its business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from tasks.adapt.correction import Correction
from tasks.adapt.items import TrainItem
from tasks.adapt.step_size import StepSize
from tasks.errors import DivergedError

if TYPE_CHECKING:
    from tasks.adapt.checkpoint import Checkpoint

_STEP_SIZE = StepSize("lr", 5e-3)
_MISMATCH = Correction()

PROBED = 4
"""Draws of a step whose log-probabilities a report holds, for the effect check."""


@dataclass(frozen=True)
class StepSpec:
    """How to make a step. Part of a checkpoint's identity."""

    temperature: float = 1.0
    """Of the draws. The loss is that of softmax(logits / temperature): the policy that is optimised
    is the policy that was sampled."""
    step_size: StepSize = _STEP_SIZE
    mismatch: Correction = _MISMATCH
    max_apart: float = 0.02
    """Nats. Without a correction, sampler and trainer may differ by so much per token."""
    least_ess: float = 0.5
    """Without a correction, the effective sample size may be this share of the draws."""
    max_kl: float = 0.5
    """Nats per token. KL from the base beyond which the arm has diverged."""
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    max_grad_norm: float | None = None
    micro_tokens: int = 4096
    """Tokens, padding included, that go through the model at once."""

    def check_divergence(self, from_base: float) -> None:
        """Raises DivergedError beyond `max_kl`. from_base: nats per token."""
        if not from_base <= self.max_kl:
            raise DivergedError(
                f"the step leads {from_base:.3g} nats per token from the base, and {self.max_kl:g} "
                "is the most; the arm ends here: take a smaller step size, or +kl:0.1"
            )


@dataclass(frozen=True)
class Probe:
    """Log-probabilities of one draw's tokens under the weights before and after a step, nats."""

    item: TrainItem
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True)
class StepReport:
    """What a step did. With `no_signal` nothing moved, and all numbers but the counts are 0."""

    status: Literal["done", "no_signal"]
    n_items: int
    n_tokens: int
    """Of completions: those that carry loss."""
    loss: float = 0.0
    grad_norm: float | None = 0.0
    """Euclidean, before clipping; None where a server does not tell."""
    mismatch_mean: float = 0.0
    """Mean over tokens of |log p of trainer − of sampler|, nats."""
    mismatch_max: float = 0.0
    ess: float = 0.0
    """Effective sample size over number of draws, from the ratios of whole draws."""
    lr: float = 0.0
    """Adam's learning rate; found by bisection for `kl:X`."""
    kl_from_parent: float = 0.0
    """Nats per token: KL(before ‖ after) over whole vocabularies, behind the draws' prefixes."""
    kl_from_base: float = 0.0
    """Nats per token: KL(after ‖ base), in the same way."""
    seconds: float = 0.0
    peak_bytes: int | None = None
    """Of the device's memory; None on a CPU."""
    micro_tokens: int = 0
    """What was used: halved where memory did not suffice."""
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class SavedFiles:
    """A checkpoint's files in one folder."""

    folder: Path
    sha256: str
    """Of `adapter_model.safetensors`."""
    optimizer_sha256: str
    bytes: int
    tensors: tuple[str, ...]
    """Names of the adapter's tensors, sorted."""


@dataclass(frozen=True)
class Capabilities:
    """What a trainer can do.

    losses: by name. any_temperature: whether the loss can be at another temperature than 1.
    exact_resume: whether the same step from the same files gives the same bytes.
    exports_peft: whether `save` writes an adapter in peft's format.
    """

    losses: tuple[str, ...]
    any_temperature: bool
    exact_resume: bool
    exports_peft: bool


class TrainerSettings(Protocol):
    """What a trainer is to be, before it is loaded."""

    @property
    def threads(self) -> int:
        """Of this machine, for its sums."""
        ...

    @property
    def on_cpu(self) -> bool:
        """Whether it holds no GPU of this machine."""
        ...

    @property
    def in_float32(self) -> bool:
        """Whether the frozen weights are."""
        ...

    def trainer(self) -> Trainer:
        """Load it. Raises RequestError for what cannot be trained."""
        ...


class Trainer(Protocol):
    """Makes gradient steps from items that are ready for it."""

    @property
    def trainer_id(self) -> str:
        """Hash over base weights, LoRA (rank, alpha, targets), dtype, versions and backend."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def start(self, at: Checkpoint | None) -> None:
        """Take up a checkpoint's files; None is the base with a fresh adapter.

        Raises AdapterError for files of another trainer or of other bytes than were saved.
        """
        ...

    def step(self, items: Sequence[TrainItem], spec: StepSpec) -> StepReport:
        """One optimizer step, or raises and nothing moved.

        Raises StepRefusedError where sampler and trainer disagree, DivergedError where the step
        leads nowhere, TrainingError for anything else of that kind.
        """
        ...

    def save(self, folder: Path) -> SavedFiles:
        """Write adapter and optimizer into a folder that is not there yet, all of it or nothing.

        Raises TrainingError if it cannot be written.
        """
        ...

    def close(self) -> None:
        """Free what it holds, a device's memory included."""
        ...
