"""The polynomial exponential of problem 95, against float64."""

from __future__ import annotations

import random

import torch

from kernels_eval.backends.cpp import Library, load
from tasks.policies.embedded.corpus.operators.cross_entropy import FAST_EXP
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import fill


def library(bias: str = "127") -> Library:
    loop = 'extern "C" void run(const float* a, float* b, long n) {'
    loop += " for (long k = 0; k < n; k++) b[k] = $exp(a[k]); }"
    return load(fill(Style(random.Random(0), "plain", 0.0), FAST_EXP + loop, bias=bias))


def exponentials(x: torch.Tensor, bias: str = "127") -> torch.Tensor:
    out = torch.empty_like(x)
    library(bias).run(x, out, x.numel())
    return out


def test_exp_is_right_to_float32_rounding() -> None:
    x = torch.linspace(-86.0, 0.0, 200_001)
    exact = x.double().exp()
    worst = ((exponentials(x).double() - exact).abs() / exact).max().item()
    assert worst < 3 * torch.finfo(torch.float32).eps


def test_exp_of_far_below_is_nothing() -> None:
    x = torch.tensor([-89.0, -104.0, -1e3, -1e5])
    assert exponentials(x).max().item() < 1e-37


def test_the_slipped_bias_is_wrong() -> None:
    x = torch.linspace(-10.0, 0.0, 1001)
    assert torch.allclose(exponentials(x, "128"), 2 * x.exp(), rtol=1e-5)
