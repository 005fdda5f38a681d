"""Policy `imported:DIGEST`: candidates that were sampled elsewhere and lie in the run already.

It draws nothing. A run that names it is judged, selected and reported like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import RequestError
from tasks.policies.base import Policy, Sample, SamplingParams, register_policy
from tasks.problems.base import Problem

NAME = "imported"


def policy_id(digest: str) -> str:
    """What the imported candidates carry."""
    return f"{NAME}-{digest}"


def is_imported(spec: str) -> bool:
    """Whether the policy's draws are all there are."""
    return spec.partition(":")[0] == NAME


@dataclass(frozen=True)
class ImportedPolicy:
    """digest: of the import (tasks.imports.kernels)."""

    digest: str

    @property
    def policy_id(self) -> str:
        return policy_id(self.digest)

    def sample(self, problem: Problem, seeds: Sequence[int]) -> list[Sample]:
        """Raises RequestError: there is nothing to draw from."""
        raise RequestError(
            f"problem {problem.problem_id}: {len(seeds)} samples are missing, and imported "
            "candidates cannot be added to; import the larger folder as another --run"
        )


def _check(argument: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{12}", argument):
        raise RequestError(
            "policy imported belongs to runs that `bon import FOLDER --run ID` made: "
            "`bon judge ID` judges them"
        )


@register_policy(NAME, check=_check)
def load_imported(argument: str, params: SamplingParams) -> Policy:
    """The policy of an import. `params` say nothing: the samples are drawn."""
    del params
    return ImportedPolicy(argument)
