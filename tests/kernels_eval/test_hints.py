"""What is said of a wrong answer: where it is wrong, and a cause that can be true."""

from __future__ import annotations

import pytest
import torch

from kernels_eval import Judge, Status
from kernels_eval.screening.arithmetic import draws, halves, multiplies
from kernels_eval.timing.runner import Wrong
from kernels_eval.truth.difference import Off
from kernels_eval.worker.protocol import OutputSpec
from kernels_eval.wrong import hint, precision
from tests.kernels_eval.conftest import problem_source

_CANDIDATE = """
import torch
from torch import nn
{before}
class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        {build}
    def forward(self, x):
        {returned}
"""


def _source(returned: str, before: str = "", build: str = "pass") -> str:
    return _CANDIDATE.format(returned=returned, before=before, build=build)


def test_the_first_wrong_element_and_the_largest_difference(judge: Judge) -> None:
    wrong = "out = torch.relu(x); out[3, 7] += 2.0; out[5] -= 0.5; return out"
    verdict = judge.evaluate(problem_source("relu"), _source(wrong))
    found = verdict.difference
    assert verdict.status is Status.INCORRECT
    assert found is not None
    assert (found.output, found.index) == (0, (3, 7))
    assert found.candidate == pytest.approx(found.expected + 2.0)
    assert found.absolute == pytest.approx(2.0)
    assert found.relative > 0
    assert verdict.error is not None
    assert "first wrong at [3, 7]" in verdict.error
    assert verdict.kernelbench_correct is False


def test_of_several_outputs_the_wrong_one_is_named(judge: Judge) -> None:
    problem = problem_source("relu").replace(
        "return torch.relu(x)", "return x.amax(1), x.argmax(1)"
    )
    verdict = judge.evaluate(problem, _source("return x.amax(1), x.argmin(1)"))
    assert verdict.difference is not None
    assert verdict.difference.output == 1
    assert verdict.error is not None
    assert "of output 1" in verdict.error


def test_what_kernelbench_would_let_pass_and_we_do_not(judge: Judge) -> None:
    """Zeros, where outputs are below its tolerance."""
    verdict = judge.evaluate(problem_source("tiny_output"), _source("return torch.zeros_like(x)"))
    assert verdict.status is Status.INCORRECT
    assert verdict.kernelbench_correct is True


def test_right_answers_have_the_precision_of_their_type(judge: Judge) -> None:
    verdict = judge.evaluate(problem_source("relu"), _source("return torch.relu(x)"))
    assert verdict.precision == "float32"
    assert verdict.kernelbench_correct is True
    assert verdict.difference is None


_REUSED = "return torch.clamp_min(x, 0, out=self.out)"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (_source(_REUSED, build="self.out = torch.empty(256, 1024)"), "allocate it in forward"),
        (_source("return torch.relu(x) + W", "W = torch.randn(1024)"), "random numbers drawn"),
        (_source("return torch.relu(x.half()).float()"), "half precision?"),
    ],
)
def test_a_likely_cause_is_named(judge: Judge, source: str, said: str) -> None:
    verdict = judge.evaluate(problem_source("relu"), source)
    assert verdict.status is Status.INCORRECT
    assert verdict.error is not None
    assert said in verdict.error


def test_no_cause_is_made_up(judge: Judge) -> None:
    """A reused buffer whose last answer is wrong as well; and GELU's other formula."""
    reused = _REUSED.replace("(x, 0", "(x, 1")
    for source in (
        _source(reused, build="self.out = torch.empty(256, 1024)"),
        _source("return torch.nn.functional.gelu(x, approximate='tanh')"),
    ):
        verdict = judge.evaluate(problem_source("relu"), source)
        assert verdict.error is not None
        assert not verdict.error.endswith(")")


_WRONG = Wrong(0, OutputSpec((1,), torch.float32), Off(), one_memory=False)
_GELU = "class ModelNew:\n    def forward(self, x):\n        return F.gelu(x, approximate='tanh')\n"
_DOT = "import triton\n@triton.jit\ndef k(a, b):\n    return tl.dot(a, b)\n"


@pytest.mark.parametrize(
    ("source", "norm", "on_gpu", "found"),
    [
        (_DOT, 2e-4, True, "tf32"),
        ("def f(a, b): return a @ b", 2e-4, True, "tf32"),
        ("lib = load('__global__ void k() { wmma::mma_sync(c, a, b, c); }')", 2e-4, True, "tf32"),
        ("def f(a, w): return torch.nn.functional.conv2d(a, w)", 2e-4, True, "tf32"),
        (_DOT, 2e-4, False, None),
        (_DOT, 0.5, True, None),
        (_DOT, 1e-7, True, None),
        (_GELU, 2e-4, True, None),
        ("# a matmul, half of it\ndef f(x): return x.convert()", 2e-4, True, None),
        ("def f(x): return x.to(torch.bfloat16).float()", 2e-3, False, "half"),
        ("def f(x) return", 2e-4, True, None),
    ],
)
def test_tf32_needs_a_product_and_its_distance(
    source: str, norm: float, on_gpu: bool, found: str | None
) -> None:
    assert precision(source, norm=norm, on_gpu=on_gpu) == found
    assert ("TF32" in hint(source, _WRONG, "", found)) is (found == "tf32")


def test_what_a_source_shows() -> None:
    assert multiplies(_DOT)
    assert not multiplies(_GELU)
    assert halves("x.half()")
    assert not halves("half_of_it = 1")
    assert draws("W = torch.randn(3)")
    assert draws("W = np.random.normal(size=3)")
    assert not draws("class M:\n    def __init__(self):\n        self.w = torch.randn(3)")
    assert not draws("def get_inputs():\n    return [torch.randn(3)]")
    assert not draws("operand(3)")
