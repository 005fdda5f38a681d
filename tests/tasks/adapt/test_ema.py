"""The averaged teacher lags behind the student, and is an adapter like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from flows.errors import in_a_line
from tasks.adapt.checkpoint import ADAPTER_FILE
from tasks.adapt.ema import averaged, mean_of
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.errors import AdapterError, TrainingError
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


def test_the_mean_after_some_steps_is_kept_beside_the_last_of_them(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    first = make_step(trainer, None, drawn.items(), StepSpec(), tmp_path).checkpoint
    assert first is not None
    lenient = StepSpec(max_apart=1.0, least_ess=0.0)  # draws of the base model once more
    second = make_step(trainer, first, drawn.items(first=100), lenient, tmp_path).checkpoint
    assert second is not None
    folders = [first.folder, second.folder]
    found = mean_of(folders, rate=0.5)
    assert found == second.folder / "teacher"
    one, other = (load_file(folder / ADAPTER_FILE) for folder in folders)
    for name, mean in load_file(found / ADAPTER_FILE).items():
        start = 0 if ".lora_B." in name else one[name]
        expected = (start + one[name]) / 4 + other[name] / 2
        assert mean == pytest.approx(expected, rel=1e-5, abs=1e-9)
    written = (found / ADAPTER_FILE).read_bytes()
    shutil.rmtree(found)
    assert (mean_of(folders, rate=0.5) / ADAPTER_FILE).read_bytes() == written


def test_a_mean_that_cannot_be_written_is_one_line(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(trainer, None, drawn.items(), StepSpec(), tmp_path).checkpoint
    assert made is not None
    (made.folder / ".teacher.partial").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot save the teacher's weights") as found:
        mean_of([made.folder])
    assert in_a_line(found.value) == (str(found.value), 1)


def test_other_adapters_have_no_mean(tmp_path: Path) -> None:
    for name, rows in (("a", 2), ("b", 3)):
        (tmp_path / name).mkdir()
        save_file({"x.lora_A.weight": np.zeros((rows, 2))}, tmp_path / name / ADAPTER_FILE)
    with pytest.raises(AdapterError, match="have other tensors than each other"):
        averaged(tmp_path / "a", tmp_path / "b", tmp_path / "c")
