"""Policies whose adapter can be exchanged, and which read any tokens behind any prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from tasks.policies.base import Policy
from tasks.policies.rescore import Score
from tasks.problems.base import Problem


@runtime_checkable
class AdaptablePolicy(Policy, Protocol):
    """A policy that samples what was trained just now."""

    def set_adapter(self, adapter: Path | None) -> str:
        """Go on with the adapter in this directory, None: without one. The new policy id.

        Raises AdapterError, and goes on without an adapter, if it does not fit.
        """
        ...

    def encode_prompt(self, problem: Problem, more: str = "") -> list[int]:
        """Token ids of the whole prompt, with this text behind the task."""
        ...

    def score_tokens(
        self, prompt: Sequence[int], completions: Sequence[Sequence[int]]
    ) -> list[Score]:
        """Log-probabilities of these very tokens behind the prompt, one score per completion."""
        ...
