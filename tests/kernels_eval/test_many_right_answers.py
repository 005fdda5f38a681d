"""Honest kernels whose right answers are not the reference's, each with a wrong twin."""

from __future__ import annotations

import pytest

from kernels_eval import Judge, ProblemError, Status
from tests.kernels_eval.pairs import Pair

_NAIVE = '''
from kernels_eval.backends.cpp import load
lib = load(r"""
extern "C" void sums(const float* x, float* out, long rows, long columns) {
    for (long r = 0; r < rows; ++r) {
        float sum = 0;
        for (long c = 0; c < columns; ++c) sum += x[r * columns + c];
        out[r] = sum;
    }
}
""")
def sums(x, rows):
    out = torch.empty(rows)
    lib.sums(x.contiguous(), out, rows, x.numel() // rows)
    return out
'''


_LONG = "torch.randn(512, 512)"
_TIED = "torch.randint(0, 40, (64, 300)).float()"
_STEP = "torch.randn(256, 2048)"
_FFT = "torch.randn(64, 128)"

CASES = {
    # Sums of signed terms, near zero now and then.
    "a sum": Pair(
        "return x.sum()",
        "return sums(x, 1)[0]",
        "return x.bfloat16().float().sum()",
        _LONG,
        before=_NAIVE,
    ),
    "a mean": Pair(
        "return x.mean()",
        "return sums(x, 1)[0] / x.numel()",
        "return x[:511].sum() / x.numel()",
        _LONG,
        before=_NAIVE,
    ),
    "a product of vectors": Pair(
        "return torch.dot(x, y)",
        "return sums(x * y, 1)[0]",
        "return torch.dot(x[:-100], y[:-100])",
        "torch.randn(1 << 18), torch.randn(1 << 18)",
        "x, y",
        _NAIVE,
    ),
    "four sums": Pair(
        "return x.sum(1)",
        "return sums(x, 4)",
        "return x[:, :-64].sum(1)",
        "torch.randn(4, 1 << 16)",
        before=_NAIVE,
    ),
    "a difference of means": Pair(
        "return (x - y).mean()",
        "return (sums(x, 1)[0] - sums(y, 1)[0]) / x.numel()",
        "return x.bfloat16().float().mean() - y.mean()",
        f"{_LONG}, {_LONG}",
        "x, y",
        _NAIVE,
    ),
    "a complex sum": Pair(
        "return x.sum()",
        "return torch.complex(sums(x.real, 1)[0], sums(x.imag, 1)[0])",
        "return x.conj().sum()",
        "torch.randn(256, 512, dtype=torch.complex64)",
        before=_NAIVE,
    ),
    # Rounding steps.
    "quantized by row": Pair(
        "s = x.abs().amax(1, keepdim=True) / 127\nreturn torch.round(x / s) * s",
        "m = x.abs().amax(1, keepdim=True)\nreturn torch.round(x * (127 / m)) * (m / 127)",
        "s = x.abs().amax(1, keepdim=True) / 127\nreturn torch.floor(x / s) * s",
        _STEP,
    ),
    "quantized as a whole": Pair(
        "s = x.abs().max() / 127\nreturn torch.round(x / s) * s",
        "m = x.abs().max()\nreturn torch.round(x * (127 / m)) * (m / 127)",
        "s = x.abs().max() / 127\nreturn torch.round(x / s).clamp(-126, 126) * s",
        _STEP,
    ),
    "quantized to whole numbers": Pair(
        "return torch.round(x / (x.abs().amax(1, keepdim=True) / 127)).to(torch.int8)",
        "return torch.round(x * (127 / x.abs().amax(1, keepdim=True))).to(torch.int8)",
        "return (x / (x.abs().amax(1, keepdim=True) / 127)).to(torch.int8)",
        _STEP,
    ),
    "bins": Pair(
        "low, high = x.amin(), x.amax()\n"
        "return torch.floor((x - low) / (high - low) * 64).clamp(max=63)",
        "low, high = x.amin(), x.amax()\n"
        "return torch.floor((x - low) * (64 / (high - low))).clamp(max=63)",
        "low, high = x.amin(), x.amax()\nreturn torch.ceil((x - low) / (high - low) * 64)",
        _STEP,
    ),
    "a threshold of a product": Pair(
        "return (x @ y) > 1.0",
        "return (y.t() @ x.t()).t() > 1.0",
        "return (x @ y) > 1.01",
        "torch.randn(512, 64), torch.randn(64, 512)",
        "x, y",
    ),
    "the largest of a product": Pair(
        "return (x @ y).argmax(1)",
        "return (x.double() @ y.double()).argmax(1)",
        "return (x @ y).topk(2, 1).indices[:, 1]",
        "torch.randn(2048, 64), torch.randn(64, 128)",
        "x, y",
    ),
    "the nearest code": Pair(
        "return torch.cdist(x, y, compute_mode='donot_use_mm_for_euclid_dist').argmin(1)",
        "return (y.square().sum(1) - 2 * x @ y.t()).argmin(1)",
        "return (y.square().sum(1) - x @ y.t()).argmin(1)",
        "torch.randn(2048, 32), torch.randn(64, 32)",
        "x, y",
    ),
    # Equal values.
    "the largest": Pair(
        "return x.argmax(1)",
        "return x.shape[1] - 1 - x.flip(1).argmax(1)",
        "return (x.argmax(1) + 1) % x.shape[1]",
        _TIED,
    ),
    "the largest of all": Pair(
        "return x.argmax()",
        "return x.numel() - 1 - x.flatten().flip(0).argmax()",
        "return x.argmin()",
        "torch.randint(0, 900, (64, 300)).float()",
    ),
    "the first few": Pair(
        "return torch.topk(x, 5, dim=1)",
        "s = torch.sort(x, dim=1, descending=True, stable=True)\n"
        "return s.values[:, :5], s.indices[:, :5]",
        "t = torch.topk(x, 5, dim=1)\nreturn t.values, t.indices[:, :1].expand(-1, 5)",
        _TIED,
    ),
    "an order": Pair(
        "return torch.argsort(x, dim=1)",
        "return x.shape[1] - 1 - torch.argsort(x.flip(1), dim=1, stable=True)",
        "return torch.argsort(x, dim=1, descending=True)",
        _TIED,
    ),
    "an order along the first dimension": Pair(
        "return torch.sort(x, dim=0)",
        "return torch.sort(x, dim=0, stable=True)",
        "s = torch.sort(x, dim=0)\nreturn s.values, s.indices.roll(1, 0)",
        "torch.randint(0, 40, (300, 64)).float()",
    ),
    "an order of whole numbers": Pair(
        "return torch.sort(x, dim=1)",
        "return torch.sort(x, dim=1, stable=True)",
        "s = torch.sort(x, dim=1)\nreturn s.values, s.indices[:, :1].expand_as(x)",
        "torch.randint(0, 40, (64, 3000))",
    ),
    "a maximum and its place": Pair(
        "return x.max(1)",
        "return x.amax(1), x.shape[1] - 1 - x.flip(1).argmax(1)",
        "return x.amax(1), torch.zeros(64, dtype=torch.long)",
        _TIED,
    ),
    "a minimum of whole numbers": Pair(
        "return x.min(0)",
        "return x.amin(0), x.shape[0] - 1 - x.flip(0).argmin(0)",
        "return x.amin(0), x.argmax(0)",
        "torch.randint(0, 20, (20, 64))",
    ),
    "a median": Pair(
        "return x.median(1)",
        "s = torch.sort(x, dim=1, stable=True)\nreturn s.values[:, 149], s.indices[:, 149]",
        "s = torch.sort(x, dim=1)\nreturn s.values[:, 149], s.indices[:, 100]",
        _TIED,
    ),
    "a pool": Pair(
        "return F.max_pool2d(x, 2, return_indices=True)",
        "w = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)\nbest = 3 - w.flip(4).argmax(4)\n"
        "row = 2 * torch.arange(16).view(1, 1, 16, 1) + best // 2\n"
        "column = 2 * torch.arange(16).view(1, 1, 1, 16) + best % 2\n"
        "return w.amax(4), 32 * row + column",
        "v, i = F.max_pool2d(x, 2, return_indices=True)\nreturn v, (i + 1) % 1024",
        "torch.relu(torch.randint(-3, 3, (2, 4, 32, 32)).float())",
    ),
    "named": Pair(
        "v, i = x.max(1)\nreturn {'values': v, 'places': i}",
        "v, i = x.max(1)\nreturn {'places': x.shape[1] - 1 - x.flip(1).argmax(1), 'values': v}",
        "v, i = x.max(1)\nreturn {'places': i.flip(0), 'values': v}",
        _TIED,
    ),
    # Views, and what is left over of an import.
    "an expanded output": Pair(
        "return x.mean(1, keepdim=True).expand_as(x)",
        "return x.mean(1, keepdim=True).repeat(1, x.shape[1])",
        "return x.mean(0, keepdim=True).expand_as(x)",
    ),
    "a column of a wide output": Pair(
        "return torch.cumsum(x, dim=1)[:, -1]", "return x.sum(1)", "return x.sum(1)[:1].expand(256)"
    ),
    "the negative bit": Pair(
        "return torch.fft.fft(x).conj().imag",
        "return -torch.fft.fft(x).imag",
        "return torch.fft.fft(x).imag",
        _FFT,
    ),
    "the conjugate bit": Pair(
        "return torch.fft.fft(x).mT.conj()",
        "return torch.fft.fft(x.t(), dim=0).conj().resolve_conj()",
        "return torch.fft.fft(x).mT",
        _FFT,
    ),
    "a process that nobody waited for": Pair(
        "return torch.tanh(x)",
        "return 1 - 2 / (1 + torch.exp(2 * x))",
        "return x.clamp(-1, 1)",
        "torch.randn(256, 512) + 1",
        before="import subprocess\n"
        "N = subprocess.Popen(['nproc'], stdout=subprocess.PIPE).stdout.read()\n",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_right_otherwise_is_correct_and_its_twin_is_not(judge: Judge, case: Pair) -> None:
    case.check(judge)


_STAYS_WRONG = {
    "quantized as a whole": "s = x.abs().max() / 127\n"
    "return torch.round(x.half() / s.half()).float() * s",
    "bins": "low, high = x.amin(), x.amax()\nx = x.bfloat16().float()\n"
    "return torch.floor((x - low) / (high - low) * 64).clamp(0, 63)",
    "the largest of a product": "return (x.bfloat16() @ y.bfloat16()).float().argmax(1)",
    "a threshold of a product": "return (x.half() @ y.half()) > 1.0",
    "a sum": "return x[:, ::2].sum() * 2",
    "the first few": "t = torch.topk(x, 5, dim=1)\nreturn t.values, t.indices - 300",
    "a pool": "v, i = F.max_pool2d(x, 2, return_indices=True)\nreturn v, torch.zeros_like(i)",
}


@pytest.mark.parametrize("name", _STAYS_WRONG)
def test_what_rounding_does_not_explain_stays_wrong(judge: Judge, name: str) -> None:
    case = CASES[name]
    verdict = judge.evaluate(case.problem, case.candidate(_STAYS_WRONG[name]))
    assert verdict.status is Status.INCORRECT, verdict.error


def test_it_is_told_that_another_answer_was_right(judge: Judge) -> None:
    case = CASES["an order along the first dimension"]
    verdict = judge.evaluate(case.problem, case.candidate("return torch.sort(-x, dim=0)"))
    assert verdict.status is Status.INCORRECT
    flipped = "s = torch.sort(x.flip(0), dim=0)\nreturn s.values, 299 - s.indices"
    verdict = judge.evaluate(case.problem, case.candidate(flipped))
    assert verdict.correct, verdict.error
    assert "otherwise-right" in [finding.rule for finding in verdict.findings]


_REFUSED = {
    "what lies where the order of equals leads": Pair(
        "return y.gather(1, torch.argsort(x, dim=1))",
        "",
        "",
        f"{_TIED}, torch.randn(64, 300)",
        "x, y",
    ),
    "a row that the first of the largest chooses": Pair(
        "return y[x.argmax(1)]", "", "", f"{_TIED}, torch.randn(300, 32)", "x, y"
    ),
}


@pytest.mark.parametrize("case", _REFUSED.values(), ids=_REFUSED)
def test_many_right_answers_are_the_problems_fault(judge: Judge, case: Pair) -> None:
    with pytest.raises(ProblemError, match="many right answers: input 0 holds equal values"):
        judge.evaluate(case.problem, case.candidate(case.reference))


_JUDGED = {
    "a mask of ones": Pair("return x * (y == 1)", "", "return x * y.bool().logical_not()"),
    "whole numbers rounded down": Pair("return torch.floor(y) + x", "", "return x"),
    "values in order": Pair("return torch.sort(y, dim=1).values + x", "", "return y + x"),
}


@pytest.mark.parametrize("case", _JUDGED.values(), ids=_JUDGED)
def test_equal_values_alone_refuse_nothing(judge: Judge, case: Pair) -> None:
    inputs = f"torch.randn(64, 300), {_TIED} % 3"
    Pair(case.reference, case.reference, case.wrong, inputs, "x, y").check(judge)
