"""A sweep that is refused only once its policy is loaded says one line and leaves no lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Bon

pytestmark = pytest.mark.slow


def test_a_policy_without_its_model(
    bon_process: Bon,
    tmp_path: Path,
    ray_address: str,
    prefect_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", ray_address)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    model, place = tmp_path / "model", tmp_path / "not" / "there"
    answer = bon_process("sweep", "--policy", f"transformers:{model}", "--lake", place)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert str(model) in line
    assert not list(tmp_path.iterdir())
