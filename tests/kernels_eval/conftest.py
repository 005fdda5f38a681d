"""One judge for the room: a short timeout, the real fork server, the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels_eval import Judge, JudgeConfig

HERE = Path(__file__).parent


def problem_source(name: str) -> str:
    return (HERE / "problems" / f"{name}.py").read_text()


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_TOKEN", "not for candidates")
        with Judge(JudgeConfig(timeout_s=6.0)) as made:
            yield made
