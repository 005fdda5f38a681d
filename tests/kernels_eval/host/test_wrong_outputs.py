"""Outputs that are wrong in kind: `incorrect`, and said with figures that mean something."""

from __future__ import annotations

import pytest

from kernels_eval import Status
from kernels_eval.host import JudgeHost
from tests.kernels_eval.conftest import problem_source

_RELU = problem_source("relu")


def _returning(result: str) -> str:
    return _RELU.replace("return torch.relu(x)", f"return {result}").replace(
        "-> torch.Tensor:\n        return", "-> object:\n        return"
    )


def _candidate(result: str) -> str:
    return _returning(result).replace("class Model(", "class ModelNew(")


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        ("(torch.relu(x), None)", "torch.relu(x)"),
        ("[torch.relu(x)]", "torch.relu(x)"),
        ("torch.relu(x)", "[torch.relu(x)]"),
        ("{'out': torch.relu(x)}", "torch.relu(x)"),
        ("torch.relu(x)", "torch.relu(x).to_sparse()"),
        ("torch.relu(x)", "torch.relu(x).to_sparse_csr()"),
    ],
)
def test_another_arrangement_is_incorrect(host: JudgeHost, reference: str, wrong: str) -> None:
    source = _returning(reference)
    assert host.evaluate(source, _candidate(reference)).status is Status.CORRECT
    verdict = host.evaluate(source, _candidate(wrong))
    assert verdict.status is Status.INCORRECT, verdict.error
    assert "wanted" in (verdict.error or "")


@pytest.mark.parametrize("instead", ["-1e30", "float('inf')", "0.0"])
def test_no_number_is_as_far_as_can_be(host: JudgeHost, instead: str) -> None:
    masked = "x.masked_fill(x > 0, float('-inf'))"
    verdict = host.evaluate(_returning(masked), _candidate(f"x.masked_fill(x > 0, {instead})"))
    assert verdict.status is Status.INCORRECT
    assert "largest difference inf, relative inf" in (verdict.error or "")
