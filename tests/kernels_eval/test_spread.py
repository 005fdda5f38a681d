"""Problems whose own inputs hide what a kernel leaves out are judged on scaled ones."""

import pytest

from kernels_eval import Judge, Status
from kernels_eval.problems.prepared import PreparedProblem

_PROBLEM = """
import torch
from torch import nn


class {name}(nn.Module):
    def forward(self, x, y):
        return {body}


def get_inputs():
    return [1 + 0.02 * torch.rand(256, 1024), 1 + 0.02 * torch.rand(256, 1024)]


def get_init_inputs():
    return []
"""
_LOSS = "(x * y).mean()"
HIDDEN = _PROBLEM.format(name="Model", body=_LOSS)
SUM = _PROBLEM.format(name="Model", body="x + y")


def test_only_where_it_is_needed() -> None:
    assert PreparedProblem(HIDDEN).spread
    assert not PreparedProblem(SUM).spread


def test_signs_zeros_and_layout_stay() -> None:
    import torch

    from kernels_eval.problems.spread import spread

    given = [
        torch.randn(8, 6).t(),
        torch.zeros(3),
        torch.arange(4),
        torch.ones((), dtype=torch.half),
    ]
    scaled = spread(given)
    assert [one.stride() for one in scaled] == [one.stride() for one in given]
    assert [one.dtype for one in scaled] == [one.dtype for one in given]
    assert torch.equal(scaled[0].sign(), given[0].sign())
    assert not torch.equal(scaled[0], given[0])
    assert torch.equal(scaled[1], given[1])
    assert torch.equal(scaled[2], given[2])
    assert 0.25 <= float(scaled[3]) <= 4.0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (_LOSS, Status.CORRECT),
        ("1.0201 + 0 * x[0, 0]", Status.INCORRECT),
        ("(x * 1.01).mean()", Status.INCORRECT),
    ],
)
def test_what_ignores_an_input_fails(judge: Judge, body: str, status: Status) -> None:
    verdict = judge.evaluate(HIDDEN, _PROBLEM.format(name="ModelNew", body=body))
    assert verdict.status is status, verdict.error
    assert any(finding.rule == "inputs-spread" for finding in verdict.findings)
