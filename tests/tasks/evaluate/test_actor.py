"""The process around a judge."""

from __future__ import annotations

import pytest

from kernels_eval import Judge, JudgeConfig, Status, Verdict
from tasks.evaluate.actor import JudgeActor


def test_it_ends_with_its_device_once_everything_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    config = JudgeConfig()

    def lost(judge: Judge, *_: object) -> object:
        judge.lost = "cuda:0 is lost to this process"
        failed = Verdict(
            status=Status.HARNESS_ERROR,
            protocol=config.protocol,
            mode=config.mode,
            device=config.device,
            harness_id=config.harness_id,
        )
        yield from enumerate([failed, failed])

    def leave(code: int) -> None:
        raise SystemExit(code)

    actor = JudgeActor(config, None)
    actor.ready()  # before: children that it forks to see what works leave by os._exit, too
    monkeypatch.setattr(Judge, "evaluate_many", lost)
    monkeypatch.setattr("os._exit", leave)
    verdicts = actor.evaluate_many("", [])
    assert [next(verdicts)[0], next(verdicts)[0]] == [0, 1]
    with pytest.raises(SystemExit):
        next(verdicts)
