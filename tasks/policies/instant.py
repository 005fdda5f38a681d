"""Policy `instant[:TOKENS]`: an orchestration yardstick, not a model.

It returns made-up completions at once, so that a sweep's cost per candidate is the cost of the
orchestration alone. Its log-probabilities are made up as well and mean nothing: use it in
benchmarks of scheduling, storage and resume, never in results about kernels.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import RequestError
from tasks.policies.base import Policy, Sample, SamplingParams, policy_hash, register_policy
from tasks.problems.base import Problem

_SOURCE = '''"""Instant candidate {tag}: no model wrote this."""
import torch
import torch.nn as nn


class ModelNew(nn.Module):
    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return inputs[0] * {factor}
'''


@dataclass(frozen=True)
class InstantPolicy:
    """Deterministic in (problem, seed); sources of different draws differ.

    tokens: length of every made-up completion.
    """

    params: SamplingParams
    tokens: int

    @property
    def policy_id(self) -> str:
        return policy_hash("instant", str(self.tokens).encode(), self.params)

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        return [self._draw(problem, seed) for seed in seeds]

    def _draw(self, problem: Problem, seed: int) -> Sample:
        key = f"{problem.problem_hash}/{seed}".encode()
        tag = hashlib.sha256(key).hexdigest()[:16]
        numbers = random.Random(tag)
        source = _SOURCE.format(tag=tag, factor=1 + numbers.randrange(9))
        return Sample(
            completion=source,
            source=source,
            token_ids=tuple(numbers.randrange(1 << 15) for _ in range(self.tokens)),
            logprobs=tuple(-numbers.expovariate(2.0) for _ in range(self.tokens)),
            logprob_mode=self.params.logprob_mode,
            n_prompt_tokens=1,
            finish_reason="stop",
        )


@register_policy("instant")
def load_instant(argument: str, params: SamplingParams) -> Policy:
    """Raises RequestError if TOKENS is not a whole number of at least 1."""
    if argument and not (argument.isdecimal() and int(argument) >= 1):
        raise RequestError(f"instant:{argument}: TOKENS must be a whole number of at least 1")
    return InstantPolicy(params, int(argument or 64))
