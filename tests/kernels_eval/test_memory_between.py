"""What one candidate leaves in memory that the next one gets."""

from __future__ import annotations

import itertools

import numpy as np

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


def test_inputs_lie_elsewhere_after_every_second_batch(judge: Judge) -> None:
    prepared = judge.prepare(problem_source("relu"))
    job = prepared.job("", "ModelNew", "candidate", 4, 1)
    memory = CpuMemory(job)
    (item,) = itertools.islice(prepared.unseen(), 1)
    starts = [memory.place(1) for _ in range(20)]
    assert starts[::2] == starts[1::2]
    assert len(set(starts)) > 7
    assert all(start % 64 == 0 and start <= memory.spare_bytes for start in starts)
    memory.write([item])
    (tensor,) = item.inputs
    there = np.frombuffer(memory._region.map, np.float32, tensor.numel(), starts[-1]).copy()
    assert np.array_equal(there, tensor.numpy().ravel())
    memory.close()
