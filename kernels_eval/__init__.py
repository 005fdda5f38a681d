"""The evaluator: measures what an untrusted kernel does, from another process.

Needs torch, numpy and the standard library. `python -m kernels_eval PROBLEM.py CANDIDATE.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kernels_eval.config import HARNESS_VERSION, JudgeConfig
from kernels_eval.errors import HarnessError, KernelsEvalError, ProblemError, RequestError
from kernels_eval.types import Difference, Finding, Severity, StageSeconds, Status, Verdict

if TYPE_CHECKING:
    from kernels_eval.judge import Judge
    from kernels_eval.problems.prepared import PreparedProblem

__all__ = [
    "HARNESS_VERSION",
    "Difference",
    "Finding",
    "HarnessError",
    "Judge",
    "JudgeConfig",
    "KernelsEvalError",
    "PreparedProblem",
    "ProblemError",
    "RequestError",
    "Severity",
    "StageSeconds",
    "Status",
    "Verdict",
]

_LATE = {"Judge": "kernels_eval.judge", "PreparedProblem": "kernels_eval.problems.prepared"}


def __getattr__(name: str) -> object:
    """`Judge` and `PreparedProblem` on first use: a worker imports this package without them."""
    home = _LATE.get(name)
    if home is None:
        raise AttributeError(name)
    return getattr(import_module(home), name)
