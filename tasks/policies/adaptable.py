"""Policies whose LoRA adapter is exchanged while the model stays loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from tasks.policies.base import Policy
from tasks.policies.rescore import Score
from tasks.problems.base import Problem


@runtime_checkable
class AdaptablePolicy(Policy, Protocol):
    """A policy whose adapter can be exchanged while the model stays loaded.

    It may say how many tokens of prompt and completion together it can read (`context`), and
    whether it computes in float32 (`in_float32`).
    """

    def set_adapter(self, adapter: Path | None) -> str:
        """Go on with this adapter (None: without one); the new policy id. Raises AdapterError."""
        ...

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        ...

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens under the adapter that is on."""
        ...
