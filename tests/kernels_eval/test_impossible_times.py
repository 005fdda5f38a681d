"""Less time than memory takes convicts; a bandwidth that a busy machine gave does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.timing.physics import Best

_PROBLEM = """
import torch
from torch import nn


class {name}(nn.Module):
    def forward(self, x):
        for _ in range({times}):
            out = torch.relu(x)
        return out


def get_inputs():
    return [torch.randn(1 << 20)]


def get_init_inputs():
    return []
"""

_TIMES = 600
"""The reference's calls of relu; it takes about 200 times as long as the candidate."""
_BOUND = 25
"""What memory is said to take, in times of the candidate's first measurement. A candidate is
convicted below half of that, if the reference takes as long: the second measurement of each may
be eight times off, as they are on a machine that others use."""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(JudgeConfig()) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(made.device, "cache_bytes", lambda: 1 << 16)
        yield made


@pytest.mark.parametrize(
    ("busy_for", "status"),
    [(None, Status.REJECTED), (1, Status.CORRECT), (3, Status.CORRECT)],
    ids=["always", "busy once", "busy for a while"],
)
def test_memory_is_measured_again_before_a_conviction(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, busy_for: int | None, status: Status
) -> None:
    problem = _PROBLEM.format(name="Model", times=_TIMES)
    candidate = _PROBLEM.format(name="ModelNew", times=1)
    runtime_ms = judge.evaluate(problem, candidate).runtime_ms
    assert runtime_ms is not None
    slow = (8 << 20) / (_BOUND * runtime_ms * 1e-3)
    measured = repeat(slow) if busy_for is None else chain(repeat(slow, busy_for), repeat(1e12))
    monkeypatch.setattr(judge.device, "_bandwidth", Best(lambda: next(measured)))
    verdict = judge.evaluate(problem, candidate)
    assert verdict.status is status, verdict.error
    convicted = any(finding.rule == "impossible-time" for finding in verdict.findings)
    assert convicted is (status is Status.REJECTED)
