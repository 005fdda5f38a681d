"""The polynomial logarithm of problem 98, against float64."""

from __future__ import annotations

import random

import torch

from kernels_eval.backends.cpp import load
from tasks.policies.embedded.corpus.operators.kl_divergence import FAST_LOG
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import fill


def logarithms(x: torch.Tensor) -> torch.Tensor:
    loop = 'extern "C" void run(const float* a, float* b, long n) {'
    loop += " for (long k = 0; k < n; k++) b[k] = $log(a[k]); }"
    source = fill(Style(random.Random(0), "plain", 0.0), FAST_LOG + loop, one="1.0f")
    out = torch.empty_like(x)
    load(source).run(x, out, x.numel())
    return out


def test_log_is_right_to_float32_rounding() -> None:
    x = torch.logspace(-30, 30, 200_001, dtype=torch.float64).float()
    exact = x.double().log()
    error = (logarithms(x).double() - exact).abs()
    allowed = 3 * torch.finfo(torch.float32).eps * exact.abs().clamp_min(0.1)
    assert bool((error <= allowed).all())


def test_log_near_one_keeps_its_relative_error() -> None:
    x = 1 + torch.linspace(-0.05, 0.05, 20_001, dtype=torch.float64).float()
    exact = x.double().log()
    moved = exact != 0
    worst = ((logarithms(x).double() - exact).abs() / exact.abs())[moved].max().item()
    assert worst < 5 * torch.finfo(torch.float32).eps


def test_a_target_of_zero_contributes_nothing() -> None:
    ratio = torch.zeros(8)
    assert bool((0.0 * logarithms(ratio) == 0).all())
