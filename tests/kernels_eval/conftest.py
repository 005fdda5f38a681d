"""One judge for the room: the real fork server, the real sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels_eval import Judge, JudgeConfig

HERE = Path(__file__).parent

TIMEOUT_S = 60.0 if "PYTEST_XDIST_WORKER" in os.environ else 6.0
"""Short for what hangs (`timed`, so alone); where others run beside, compiling takes its time."""


def problem_source(name: str) -> str:
    return (HERE / "problems" / f"{name}.py").read_text()


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_TOKEN", "not for candidates")
        with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as made:
            yield made
