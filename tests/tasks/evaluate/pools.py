"""Pools for tests, and what they found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernels_eval import JudgeConfig, Status
from kernels_eval.timing.cores import choose_cores
from tasks.evaluate.pool import Judged, JudgePool


@contextmanager
def instant_pool(**options: float | None) -> Iterator[JudgePool]:
    pool = JudgePool(JudgeConfig(), choose_cores(None), instant=True, **options)  # type: ignore[arg-type]
    try:
        if options.get("start", True):
            pool.ready()
        yield pool
    finally:
        pool.close()


def statuses(found: list[Judged]) -> dict[int, Status]:
    assert len({one.index for one in found}) == len(found), "a source has two verdicts"
    return {one.index: one.verdict.status for one in found}
