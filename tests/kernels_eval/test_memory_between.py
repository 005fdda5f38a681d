"""What one candidate leaves in memory that the next one gets."""

from __future__ import annotations

from kernels_eval import Judge
from kernels_eval.devices.cpu import CpuMemory
from tests.kernels_eval.conftest import problem_source


def test_nothing_is_left_of_what_a_candidate_wrote(judge: Judge) -> None:
    job = judge.prepare(problem_source("relu")).job("", "ModelNew", "candidate", 4, 1)
    memory = CpuMemory(job)
    for shared in (memory._region, memory.report):
        shared.map[-8:] = b"12345678"
    memory.reset(job)
    for shared in (memory._region, memory.report):
        assert not any(shared.map[:])
    memory.close()
