"""Where malloc puts what a worker allocates: no holes left for it, and pages that are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Judge, Status
from kernels_eval.reference import Reference

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
FAULTS = """
import resource
import torch
from torch import nn

SEEN = []


class ModelNew(nn.Module):
    def forward(self, x):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            out = torch.relu(x)
        SEEN.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        assert len(SEEN) != 24, f"faults: {SEEN}"
        return out
"""


def in_a_process(code: str) -> str:
    command = [sys.executable, "-c", f"import torch\nfrom kernels_eval.sandbox import heap\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_holes_are_filled() -> None:
    said = in_a_process(
        "blocks = [heap._libc.malloc(1000) for _ in range(2000)]\n"
        "for block in blocks[::2]: heap._libc.free(block)\n"
        "print(heap.holes()); heap.fill_holes(); print(heap.holes())"
    )
    before, after = map(int, said.split())
    assert before > 900_000
    assert after < 0.1 * before


def test_what_is_allocated_after_a_fill_lies_at_the_end() -> None:
    said = in_a_process(
        "blocks = [heap._libc.malloc(1000) for _ in range(2000)]\n"
        "for block in blocks[::2]: heap._libc.free(block)\n"
        "end = heap._end(); heap.fill_holes()\n"
        "for _ in range(7): heap._libc.malloc(1000)\n"  # those that a thread keeps aside
        "print(heap._libc.malloc(1000) >= end)"
    )
    assert said.strip() == "True"


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(),
    reason="this system has no transparent huge pages",
)
def test_outputs_lie_on_large_pages() -> None:
    said = in_a_process(
        "heap.keep_heap(); heap.reserve(3 << 20)\n"
        "first = torch.empty(2 << 20, dtype=torch.uint8).data_ptr()\n"
        "print(first % (2 << 20))\n"
        "print(open('/proc/self/smaps_rollup').read())"
    )
    offset, rest = said.split("\n", 1)
    assert int(offset) < 4096
    (line,) = (line for line in rest.splitlines() if line.startswith("AnonHugePages:"))
    assert int(line.split()[1]) >= 4096


@pytest.mark.parametrize("calls", [3, 6])
def test_a_warm_candidate_meets_no_new_pages(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Each used to cost 20 µs, in every second allocation of its first hundreds.

    `calls` of a batch: with 3 and 6 what was touched ahead was too little by 96 and 32 pages.
    """
    monkeypatch.setattr(Reference, "calls", lambda _: calls)
    problem = FAULTS.replace("ModelNew", "Model").replace("!= 24", "!= 0") + (
        "\n\ndef get_inputs():\n    return [torch.rand(40, 4096)]\n"
        "\n\ndef get_init_inputs():\n    return []\n"
    )
    verdict = judge.evaluate(problem, FAULTS)
    assert verdict.status is Status.RUNTIME_ERROR
    assert verdict.error is not None
    _, _, listed = verdict.error.partition("faults: [")
    faults = [int(one) for one in listed.partition("]")[0].split(",")]
    assert len(faults) == 24
    assert sum(faults[8:]) <= 8  # 33 without `fill_holes`
    assert max(faults[1:]) <= 8
