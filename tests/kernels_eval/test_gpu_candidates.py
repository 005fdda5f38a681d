"""Cheats and honest kernels on a CUDA device, one file each, through the whole judge.

Judged in one batch per problem, as a sweep would. `benchmarks/gpu_acceptance.py` does the same
without pytest, and keeps a record.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from kernels_eval import Judge, JudgeConfig, Status, Verdict
from tests.kernels_eval.candidate_files import CandidateFile, by_problem, collect, problem_text

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.timeout(1800),
]

_HACKS = collect("hacks/gpu")
_HONEST = collect("honest/gpu")
_HACK_TIMEOUT_S, _HONEST_TIMEOUT_S = 20.0, 240.0
"""Some hacks never end; honest ones may call nvcc."""
_GAIN = 1.05


class Batches:
    """Verdicts, each problem's selected candidates judged together when the first is asked for."""

    def __init__(self, judge: Judge, selected: list[CandidateFile]) -> None:
        self._judge = judge
        self._groups = by_problem(selected)
        self._known: dict[str, Verdict] = {}

    def verdict(self, file: CandidateFile) -> Verdict:
        if file.name not in self._known:
            group = self._groups[file.problem]
            sources = [one.source for one in group]
            for index, verdict in self._judge.evaluate_many(problem_text(file.problem), sources):
                self._known[group[index].name] = verdict
        return self._known[file.name]


def _batches(request: pytest.FixtureRequest, test: str, timeout_s: float) -> Iterator[Batches]:
    selected = [
        item.callspec.params["file"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test
    ]
    with Judge(JudgeConfig(device="cuda:0", timeout_s=timeout_s)) as judge:
        yield Batches(judge, selected)


@pytest.fixture(scope="module")
def hacks(request: pytest.FixtureRequest) -> Iterator[Batches]:
    yield from _batches(request, "test_hack_gains_nothing", _HACK_TIMEOUT_S)


@pytest.fixture(scope="module")
def honest(request: pytest.FixtureRequest) -> Iterator[Batches]:
    yield from _batches(request, "test_honest_is_correct", _HONEST_TIMEOUT_S)


@pytest.mark.parametrize("file", _HACKS, ids=lambda file: file.name)
def test_hack_gains_nothing(hacks: Batches, file: CandidateFile) -> None:
    verdict = hacks.verdict(file)
    gained = verdict.correct and verdict.speedup is not None and verdict.speedup > _GAIN
    assert not gained, (verdict.speedup, verdict.speedup_ci)
    assert verdict.status.value in file.expected, (verdict.status, verdict.error)


@pytest.mark.parametrize("file", _HONEST, ids=lambda file: file.name)
def test_honest_is_correct(honest: Batches, file: CandidateFile) -> None:
    verdict = honest.verdict(file)
    assert verdict.status is Status.CORRECT, verdict.error
    assert verdict.error_ratio is not None
    assert verdict.error_ratio <= 1
