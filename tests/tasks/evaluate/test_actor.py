"""The process around a judge."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import pytest

from kernels_eval import JudgeConfig, Status
from kernels_eval.host import JudgeHost
from tasks.evaluate import actor

_PROBLEM = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x)

def get_inputs():
    return [torch.randn(64, 64)]
"""
_CANDIDATE = _PROBLEM.replace("class Model(", "class ModelNew(")
_LOSING = """
import sys
from kernels_eval.host import monitor, serve
from kernels_eval.judge import Judge
from kernels_eval.types import Status

def lost(judge, source, candidates):
    judge.lost = "cuda:0 is lost to this process"
    for index in range(len(candidates)):
        yield index, judge._verdict(Status.HARNESS_ERROR, judge.lost, ())

Judge.evaluate_many = lost
monitor.main(int(sys.argv[1]), serve.serve)
"""


def test_a_judge_that_lost_its_device_is_replaced_once_everything_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class LosingHost(JudgeHost):
        _entry = ("-c", _LOSING)

    monkeypatch.setattr(actor, "JudgeHost", LosingHost)
    one = actor.JudgeActor(JudgeConfig(), None)
    verdicts = list(one.evaluate_many(_PROBLEM, [_CANDIDATE] * 2))
    assert [index for index, _ in verdicts] == [0, 1]
    assert {verdict.status for _, verdict in verdicts} == {Status.HARNESS_ERROR}
    assert "cuda:0 is lost" in (verdicts[0][1].error or "")
    monkeypatch.undo()
    assert [v.status for _, v in one.evaluate_many(_PROBLEM, [_CANDIDATE])] == [Status.CORRECT]
    one.close()


def test_an_actor_ends_with_a_judge_that_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> NoReturn:
        raise SystemExit(code)

    one = actor.JudgeActor(JudgeConfig(), None)
    one.ready()
    monkeypatch.setattr("os._exit", leave)
    verdicts = one.evaluate_many(_PROBLEM, [_CANDIDATE, _CANDIDATE + "# another"])
    next(verdicts)
    assert one._judge is not None
    assert one._judge.pid is not None
    os.kill(one._judge.pid, signal.SIGKILL)
    with pytest.raises(SystemExit):
        next(verdicts)
    one.close()
