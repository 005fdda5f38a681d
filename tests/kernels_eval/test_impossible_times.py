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
_SLOW = 2e9
"""Bytes per second: 4 ms for a call, which takes a tenth of that, and the reference more."""


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    with Judge(JudgeConfig()) as made:
        monkeypatch.setattr(made.device, "cache_bytes", lambda: 1 << 16)
        yield made


@pytest.mark.parametrize(
    ("measured", "status"),
    [
        (repeat(_SLOW), Status.REJECTED),
        (chain([_SLOW], repeat(1e12)), Status.CORRECT),
        (chain(repeat(_SLOW, 3), repeat(1e12)), Status.CORRECT),
    ],
    ids=["always", "busy once", "busy for a while"],
)
def test_memory_is_measured_again_before_a_conviction(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, measured: Iterator[float], status: Status
) -> None:
    monkeypatch.setattr(judge.device, "_bandwidth", Best(lambda: next(measured)))
    verdict = judge.evaluate(
        _PROBLEM.format(name="Model", times=40), _PROBLEM.format(name="ModelNew", times=1)
    )
    assert verdict.status is status, verdict.error
    convicted = any(finding.rule == "impossible-time" for finding in verdict.findings)
    assert convicted is (status is Status.REJECTED)
