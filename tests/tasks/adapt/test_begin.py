"""Steps that begin with another training's adapter: it is their base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE, Checkpoint
from tasks.adapt.ema import mean_of
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.errors import AdapterError
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tests.tasks.adapt.conftest import Drawn, draw, problem


@pytest.fixture(scope="module")
def begin(
    loaded_trainer: LocalTrainer, drawn: Drawn, tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    loaded_trainer.start(None)
    made = make_step(
        loaded_trainer, None, drawn.items(), StepSpec(), tmp_path_factory.mktemp("begin")
    )
    assert made.checkpoint is not None
    return made.checkpoint


@pytest.fixture(scope="module")
def going_on(begin: Checkpoint) -> Iterator[LocalTrainer]:
    trainer = LocalTrainer(LocalSettings(WEIGHTS, begin=begin.folder))
    yield trainer
    trainer.close()


def test_steps_go_on_from_it_with_an_optimizer_that_begins_anew(
    going_on: LocalTrainer,
    trainer: LocalTrainer,
    begin: Checkpoint,
    policy: CausalLMPolicy,
    tmp_path: Path,
) -> None:
    policy.set_adapter(begin.folder)
    drawn = draw(policy, problem(), 8)
    policy.set_adapter(None)
    made = make_step(going_on, None, drawn.items(), StepSpec(), tmp_path)
    assert made.checkpoint is not None
    assert made.report.mismatch_max < 1e-4
    # One step from it: as far from the adapter that it began with as from its parent, which is it.
    assert made.report.kl_from_base == pytest.approx(made.report.kl_from_parent, rel=0.2)
    assert made.checkpoint.trainer_id != begin.trainer_id
    assert trainer.trainer_id == begin.trainer_id
    trainer.start(begin)
    trainer._adam.put({})
    trainer.step(drawn.items(), StepSpec())
    same = trainer.save(tmp_path / "same")
    assert same.sha256 == made.checkpoint.sha256
    again = make_step(going_on, None, drawn.items(), StepSpec(), tmp_path / "again")
    assert again.checkpoint == replace(made.checkpoint, folder=again.checkpoint.folder)  # type: ignore[union-attr]
    teacher = load_file(
        mean_of([made.checkpoint.folder], rate=0.5, begin=begin.folder) / ADAPTER_FILE
    )
    first, last = (load_file(one.folder / ADAPTER_FILE) for one in (begin, made.checkpoint))
    for name, mean in teacher.items():
        assert mean.numpy() == pytest.approx((first[name] + last[name]).numpy() / 2, abs=1e-7)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rank": 4}, "rank 8 and alpha 8.0, and steps .* rank 4 and alpha 8; set rank = 8"),
        ({"alpha": 16.0}, "alpha 16; set rank = 8 and alpha = 8.0 under"),
        ({"targets": ("q_proj",)}, "half loaded"),
    ],
)
def test_an_adapter_of_another_make_is_one_line(
    begin: Checkpoint, changed: dict[str, object], says: str
) -> None:
    with pytest.raises(AdapterError, match=says):
        LocalTrainer(replace(LocalSettings(WEIGHTS, begin=begin.folder), **changed))


def test_so_is_one_of_another_base_or_without_its_tensors(
    begin: Checkpoint, tmp_path: Path
) -> None:
    config = (begin.folder / CONFIG_FILE).read_text()
    tensors = load_file(begin.folder / ADAPTER_FILE)
    settings = LocalSettings(WEIGHTS, begin=tmp_path)
    (tmp_path / CONFIG_FILE).write_text(config.replace('"sha256-', '"sha256-0'))
    save_file(tensors, tmp_path / ADAPTER_FILE)
    with pytest.raises(AdapterError, match="trained on other weights"):
        LocalTrainer(settings)
    (tmp_path / CONFIG_FILE).write_text(config)
    save_file(dict(list(tensors.items())[:24]), tmp_path / ADAPTER_FILE)
    with pytest.raises(AdapterError, match="is not whole"):
        LocalTrainer(settings)
    (tmp_path / ADAPTER_FILE).write_text("no tensors")
    with pytest.raises(AdapterError, match="cannot load the adapter"):
        LocalTrainer(settings)
