"""The evaluator: measures what an untrusted kernel does, from another process.

Needs torch, numpy and the standard library. `python -m kernels_eval PROBLEM.py CANDIDATE.py`.
"""

from __future__ import annotations

from kernels_eval.config import HARNESS_VERSION, JudgeConfig
from kernels_eval.errors import HarnessError, KernelsEvalError, ProblemError, RequestError
from kernels_eval.types import Finding, Severity, StageSeconds, Status, Verdict

__all__ = [
    "HARNESS_VERSION",
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


def __getattr__(name: str) -> object:
    """`Judge` and `PreparedProblem` on first use: a worker imports this package without them."""
    if name == "Judge":
        from kernels_eval.judge import Judge

        return Judge
    if name == "PreparedProblem":
        from kernels_eval.problems.prepared import PreparedProblem

        return PreparedProblem
    raise AttributeError(name)
