"""A sweep that is refused only once its policy is loaded says one line and leaves no lake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.conftest import Bon

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _running(ray_address: str, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", ray_address)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)


def test_a_policy_without_its_model(bon_process: Bon, tmp_path: Path) -> None:
    model, place = tmp_path / "model", tmp_path / "not" / "there"
    answer = bon_process("sweep", "--policy", f"transformers:{model}", "--lake", place)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert str(model) in line
    assert not list(tmp_path.iterdir())


def test_an_adapter_for_another_base(bon_process: Bon, tmp_path: Path) -> None:
    adapter, place = tmp_path / "adapter", tmp_path / "not" / "there"
    adapter.mkdir()
    config = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    config |= {"base_model_name_or_path": "sha256-0123456789abcdef"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    save_file({"x.lora_A.weight": np.zeros((2, 2))}, adapter / "adapter_model.safetensors")
    answer = bon_process("sweep", "--policy", f"embedded#lora={adapter}", "--lake", place)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert "was trained on other weights (sha256-0123456789abcdef)" in line
    assert str(adapter) in line
    assert not place.parent.exists()
