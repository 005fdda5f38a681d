"""A device that is lost to the judge's process: said so, and nobody is blamed."""

from __future__ import annotations

import pytest
import torch

import kernels_eval.judge
from kernels_eval import HarnessError, Judge, JudgeConfig, Status
from tests.kernels_eval.conftest import HERE, TIMEOUT_S, problem_source

_HONEST = (HERE / "honest" / "relu_torch.py").read_text()


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver says of a context that failed, on the first measurement."""

    def lose(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access\nand advice")

    monkeypatch.setattr(kernels_eval.judge.Measurement, "speedup", lose)


@pytest.mark.usefixtures("losing")
def test_nobody_is_blamed_and_nothing_is_lost() -> None:
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        verdicts = dict(judge.evaluate_many(problem_source("relu"), [_HONEST] * 4))
        assert sorted(verdicts) == [0, 1, 2, 3]
        assert {verdict.status for verdict in verdicts.values()} == {Status.HARNESS_ERROR}
        assert {verdict.error for verdict in verdicts.values()} == {judge.lost}
        assert judge.lost.endswith("start another judge: CUDA error: an illegal memory access")
        with pytest.raises(HarnessError, match="lost to this process"):
            judge.evaluate(problem_source("relu"), _HONEST)
