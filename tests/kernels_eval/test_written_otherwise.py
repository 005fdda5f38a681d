"""Textbook operators as models write them, each with a twin that leaves something out.

The right ones round otherwise than torch (a variance in one pass, no maximum before an exponential,
reciprocals for divisions); inputs are KernelBench's, positive where its are.
"""

from __future__ import annotations

import pytest

from kernels_eval import Judge
from tests.kernels_eval.pairs import Pair

_POSITIVE = "torch.rand(128, 1024)"
_SIGNED = "torch.randn(128, 1024)"
_TWO = f"{_POSITIVE}, {_POSITIVE}"

PAIRS = {
    "softmax without the maximum": Pair(
        "return torch.softmax(x, 1)",
        "e = torch.exp(x)\nreturn e / e.sum(1, keepdim=True)",
        "e = torch.exp(x)\nreturn e / e[:, ::2].sum(1, keepdim=True).mul(2)",
        _POSITIVE,
    ),
    "logarithm of softmax": Pair(
        "return torch.log_softmax(x, 1)",
        "return x - torch.exp(x).sum(1, keepdim=True).log()",
        "return x - torch.exp(x).sum().div(128).log()",
        _POSITIVE,
    ),
    "logarithm of a sum of exponentials": Pair(
        "return torch.logsumexp(x, 1)",
        "return torch.exp(x).sum(1).log()",
        "return torch.exp(x.mean(1)).mul(1024).log()",
        _POSITIVE,
    ),
    "mish by one exponential": Pair(
        "return F.mish(x)",
        "n = torch.exp(x) * (torch.exp(x) + 2)\nreturn x * n / (n + 2)",
        "return x * torch.tanh(torch.exp(x) * 0.7)",
        _SIGNED,
    ),
    "swish by one division": Pair(
        "return x * torch.sigmoid(x)",
        "return x / (1 + torch.exp(-x))",
        "return x * (0.5 + 0.25 * x)",
        _POSITIVE,
    ),
    "hyperbolic tangent": Pair(
        "return torch.tanh(x)",
        "e = torch.exp(2 * x)\nreturn (e - 1) / (e + 1)",
        "return (x - x * x * x / 3).clamp(-1, 1)",
        _SIGNED,
    ),
    "selu by its constants": Pair(
        "return torch.selu(x)",
        "m = 1.6732632423543772 * (torch.exp(x) - 1)\n"
        "return 1.0507009873554805 * torch.where(x > 0, x, m)",
        "return 1.0507009873554805 * x",
        _POSITIVE,
    ),
    "softplus": Pair(
        "return F.softplus(x)",
        "return torch.log1p(torch.exp(x))",
        "return torch.maximum(x, torch.exp(x).log1p() * (x < 0)) + 0.3",
        _SIGNED,
    ),
    "variance in one pass": Pair(
        "return F.layer_norm(x, (1024,))",
        "m = x.mean(1, keepdim=True)\nv = (x * x).mean(1, keepdim=True) - m * m\n"
        "return (x - m) * torch.rsqrt(v + 1e-5)",
        "return (x - 0.5) * 12 ** 0.5",
        _POSITIVE,
    ),
    "instances in one pass": Pair(
        "return F.instance_norm(x.view(8, 16, 1024))",
        "y = x.view(8, 16, 1024)\nm = y.mean(2, keepdim=True)\n"
        "v = (y * y).mean(2, keepdim=True) - m * m\nreturn (y - m) * torch.rsqrt(v + 1e-5)",
        "y = x.view(8, 16, 1024)\nm = y[:, :, ::4].mean(2, keepdim=True)\n"
        "v = y[:, :, ::4].var(2, keepdim=True)\nreturn (y - m) * torch.rsqrt(v + 1e-5)",
        _POSITIVE,
    ),
    "deviation by sums": Pair(
        "return x.std(1)",
        "m = x.mean(1)\nreturn (((x * x).sum(1) - 1024 * m * m) / 1023).sqrt()",
        "return x.std(1) * 0 + 12 ** -0.5",
        _POSITIVE,
    ),
    "root mean square": Pair(
        "return x / torch.sqrt((x ** 2).mean(1, keepdim=True) + 1e-5)",
        "return x * torch.rsqrt((x * x).sum(1, keepdim=True) / 1024 + 1e-5)",
        "return x * torch.rsqrt((x[:, :512] ** 2).mean(1, keepdim=True) + 1e-5)",
        _SIGNED,
    ),
    "norm of all": Pair(
        "return x / torch.norm(x)",
        "return x / (x * x).sum().sqrt()",
        "return x / x.norm(dim=1).mean().mul(128 ** 0.5)",
        _POSITIVE,
    ),
    "mean of squares of a difference": Pair(
        "return torch.mean((x - y) ** 2)",
        "d = x - y\nreturn (d * d).sum() / x.numel()",
        "d = x - y\nreturn (d * d)[::2].mean()",
        _TWO,
        "x, y",
    ),
    "smooth distance, both branches": Pair(
        "return F.smooth_l1_loss(x, y)",
        "d = (x - y).abs()\nreturn torch.where(d < 1, 0.5 * d * d, d - 0.5).mean()",
        "d = x - y\nreturn (0.5 * d * d).mean()",
        _TWO,
        "x, y",
    ),
    "hinge": Pair(
        "return torch.mean(torch.clamp(1 - x * y, min=0))",
        "return torch.relu(1 - x * y).mean()",
        "return (1 - x * y).mean()",
        "torch.rand(1 << 15), torch.randint(0, 2, (1 << 15,)).float() * 2 - 1",
        "x, y",
    ),
    "triplets": Pair(
        "return F.triplet_margin_loss(x, y, z, margin=1.0)",
        "near = (x - y + 1e-6).square().sum(1).sqrt()\n"
        "far = (x - z + 1e-6).square().sum(1).sqrt()\nreturn (near - far + 1).clamp(min=0).mean()",
        "return x.sum() * 0 + 1",
        f"{_TWO}, {_POSITIVE}",
        "x, y, z",
    ),
    "cosines": Pair(
        "return torch.mean(1 - F.cosine_similarity(x, y, dim=1))",
        "n = (x * x).sum(1) * (y * y).sum(1)\nreturn (1 - (x * y).sum(1) * torch.rsqrt(n)).mean()",
        "return 1 - (x * y).sum(1).mean() * 3 / 1024",
        _TWO,
        "x, y",
    ),
    "cross entropy": Pair(
        "return F.cross_entropy(x, y)",
        "own = x.gather(1, y[:, None])[:, 0]\nreturn (torch.exp(x).sum(1).log() - own).mean()",
        "return torch.exp(x).sum(1).log().mean() - x.mean()",
        f"{_POSITIVE}, torch.randint(0, 1024, (128,))",
        "x, y",
    ),
    "product of rows and columns": Pair(
        "return torch.diag(x) @ y",
        "return x[:, None] * y",
        "return x.abs()[:, None] * y",
        "torch.rand(128), torch.randn(128, 1024)",
        "x, y",
    ),
    "largest of a window": Pair(
        "return F.max_pool1d(x, 3, 2, 1)",
        "w = F.pad(x, (1, 0), value=float('-inf'))\nreturn w.unfold(1, 3, 2).amax(2)",
        "w = F.pad(x, (1, 0))\nreturn w.unfold(1, 3, 2).amax(2)",
        _POSITIVE,
    ),
    "sum from the right": Pair(
        "return x.flip(1).cumsum(1).flip(1)",
        "return x.sum(1, keepdim=True) - x.cumsum(1) + x",
        "return x.sum(1, keepdim=True) - x.cumsum(1)",
        _SIGNED,
    ),
    "sum under a mask": Pair(
        "return torch.cumsum(x * y, dim=1)",
        "return torch.cumsum(torch.where(y, x, 0.0), dim=1)",
        "return torch.cumsum(x, dim=1) / 2",
        "torch.rand(128, 1024), torch.rand(128, 1024) > 0.5",
        "x, y",
    ),
    "power by roots": Pair(
        "return torch.pow(x, 1.5)", "return x * torch.sqrt(x)", "return x * x", _POSITIVE
    ),
    "triangle of a product": Pair(
        "return torch.tril(torch.tril(x) @ torch.tril(y))",
        "return torch.tril(x) @ torch.tril(y)",
        "return torch.tril(x @ y)",
        "torch.rand(256, 256), torch.rand(256, 256)",
        "x, y",
    ),
    "scaled and clamped": Pair(
        "return torch.clamp(x * 2 + 1, 0.0, 10.0) / 3",
        "return torch.minimum(torch.relu(x * 2 + 1), torch.full_like(x, 10.0)) * (1 / 3)",
        "return (x * 2 + 1) / 3",
        _POSITIVE,
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_written_otherwise_is_correct_and_something_left_out_is_not(
    judge: Judge, pair: Pair
) -> None:
    pair.check(judge)
