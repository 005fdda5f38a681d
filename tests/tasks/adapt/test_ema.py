"""The averaged teacher lags behind the student, and is an adapter like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tasks.adapt.checkpoint import ADAPTER_FILE
from tasks.adapt.ema import averaged
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.errors import AdapterError
from tasks.policies.causal_lm import CausalLMPolicy
from tests.tasks.adapt.conftest import Drawn


def test_it_lags_behind(
    trainer: LocalTrainer, policy: CausalLMPolicy, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(trainer, None, drawn.items(), StepSpec(), tmp_path).checkpoint
    assert made is not None
    own_id = policy.set_adapter(made.folder)
    tokens = [drawn.samples[0].token_ids]

    def scored(adapter: Path | None) -> np.ndarray:
        policy.set_adapter(adapter)
        (score,) = policy.score_tokens(drawn.prompt, tokens)
        return np.array(score.raw)

    base, student = scored(None), scored(made.folder)
    half = scored(averaged(None, made.folder, tmp_path / "half", rate=0.5))
    first = averaged(None, made.folder, made.folder / "teacher")
    far, near = np.abs(student - base).sum(), np.abs(scored(first) - base).sum()
    assert 0 < near < 0.2 * far
    assert near < np.abs(half - base).sum() < far
    second = averaged(first, made.folder, tmp_path / "second")
    weights = load_file(second / ADAPTER_FILE)
    expected = load_file(made.folder / ADAPTER_FILE)
    for name, one in weights.items():
        share = 1 - 0.95**2 if ".lora_B." in name else 1.0
        assert one == pytest.approx(share * expected[name], rel=1e-5, abs=1e-9)
    assert policy.set_adapter(made.folder) == own_id, "a teacher inside does not change the student"
    policy.set_adapter(None)


def test_other_adapters_have_no_mean(tmp_path: Path) -> None:
    for name, rows in (("a", 2), ("b", 3)):
        (tmp_path / name).mkdir()
        save_file({"x.lora_A.weight": np.zeros((rows, 2))}, tmp_path / name / ADAPTER_FILE)
    with pytest.raises(AdapterError, match="have other tensors than each other"):
        averaged(tmp_path / "a", tmp_path / "b", tmp_path / "c")
