"""How far a step goes: `lr:X`, or `kl:X` for as far as moves the model by X nats per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from tasks.adapt.numbers import number
from tasks.errors import RequestError


@dataclass(frozen=True)
class StepSize:
    """lr: Adam's learning rate. kl: KL(before ‖ after) in nats per token on the draws of the step.

    Objectives are compared at equal `kl`: Adam's first steps are nearly as long whatever the
    gradient, but do not lead equally far.
    """

    kind: Literal["lr", "kl"]
    value: float

    def __str__(self) -> str:
        return f"{self.kind}:{self.value:g}"


def parse_step_size(text: str) -> StepSize:
    """Raises RequestError for anything but lr:X and kl:X with X above 0."""
    kind, _, value = text.partition(":")
    usage = f"step size {text!r}: write lr:X or kl:X with a number above 0, as in kl:0.005"
    if kind not in ("lr", "kl"):
        raise RequestError(usage)
    return StepSize(cast(Literal["lr", "kl"], kind), number(value, usage))
