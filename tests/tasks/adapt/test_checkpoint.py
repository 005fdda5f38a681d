"""Checkpoints: what they are named by, that they resume exactly, and that no other file passes."""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.adapt.checkpoint import (
    ADAPTER_FILE,
    BASE,
    CONFIG_FILE,
    OPTIMIZER_FILE,
    Checkpoint,
    checkpoint_id,
)
from tasks.adapt.items import DrawKey, TrainItem, digest
from tasks.adapt.step import make_step
from tasks.adapt.step_size import parse_step_size
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.errors import AdapterError, TrainingError
from tasks.policies.embedded import WEIGHTS
from tests.tasks.adapt.conftest import Drawn

SPEC = StepSpec(max_apart=10.0, least_ess=0.0)
ITEM = TrainItem(DrawKey("r", "s", 1, 4, 0), (5, 6), (7, 8), (-0.5, -0.25), (1.0, 1.0))
OTHER = replace(ITEM, draw=DrawKey("r", "s", 1, 4, 1), tokens=(9, 8))


def test_ids_are_of_what_a_checkpoint_is_made_from() -> None:
    first = checkpoint_id(None, [ITEM, OTHER], SPEC, "trainer")
    assert first == checkpoint_id(None, [OTHER, ITEM], SPEC, "trainer")
    parent = Checkpoint(first, BASE, "trainer", 1, Path("there"), "aa", "bb", 7)
    moved = replace(parent, folder=Path("elsewhere"))
    assert checkpoint_id(parent, [ITEM], SPEC, "t") == checkpoint_id(moved, [ITEM], SPEC, "t")
    others = [
        checkpoint_id(parent, [ITEM, OTHER], SPEC, "trainer"),
        checkpoint_id(None, [ITEM], SPEC, "trainer"),
        checkpoint_id(None, [ITEM, replace(OTHER, advantages=(1.0, 2.0))], SPEC, "trainer"),
        checkpoint_id(None, [ITEM, OTHER], replace(SPEC, temperature=0.9), "trainer"),
        checkpoint_id(
            None, [ITEM, OTHER], replace(SPEC, step_size=parse_step_size("kl:0.005")), "trainer"
        ),
        checkpoint_id(None, [ITEM, OTHER], SPEC, "another"),
    ]
    assert len({first, *others}) == len(others) + 1


@pytest.mark.parametrize(
    "changed",
    [
        replace(ITEM, prompt=(5,), tokens=(6, 7, 8), behaviour=(0, 0, 0), advantages=(1, 1, 1)),
        replace(ITEM, behaviour=(-0.5, -0.26)),
        replace(ITEM, draw=replace(ITEM.draw, run_id="q")),
    ],
)
def test_digests_see_everything(changed: TrainItem) -> None:
    assert digest([ITEM]) != digest([changed])


@pytest.mark.parametrize(
    "wrong",
    [
        {"behaviour": (-0.5,)},
        {"advantages": ()},
        {"prompt": ()},
        {"tokens": (), "behaviour": (), "advantages": ()},
        {"behaviour": (-0.5, float("nan"))},
        {"advantages": (1.0, float("inf"))},
    ],
)
def test_items_that_cannot_be(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="DrawKey"):
        replace(ITEM, **wrong)


def test_resumed_is_what_would_have_been(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    """The second of two steps again by another trainer, from the files of the first."""
    first = make_step(trainer, None, drawn.items(), SPEC, tmp_path / "a").checkpoint
    second = make_step(trainer, first, drawn.items(first=50), SPEC, tmp_path / "a").checkpoint
    assert first is not None
    assert second is not None
    assert (second.parent_id, second.step) == (first.checkpoint_id, 2)
    assert second.folder == tmp_path / "a" / second.checkpoint_id
    assert second.bytes == sum(f.stat().st_size for f in second.folder.rglob("*") if f.is_file())
    other = LocalTrainer(LocalSettings(WEIGHTS))
    again = make_step(other, first, drawn.items(first=50), SPEC, tmp_path / "b").checkpoint
    assert again == replace(second, folder=tmp_path / "b" / second.checkpoint_id)
    for name in (ADAPTER_FILE, CONFIG_FILE, OPTIMIZER_FILE):
        assert (again.folder / name).read_bytes() == (second.folder / name).read_bytes()
    other.close()


_AGAIN = """
import pickle, sys
from pathlib import Path
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer

base, items, spec, folder = pickle.loads(sys.stdin.buffer.read())
made = make_step(LocalTrainer(LocalSettings(base)), None, items, spec, folder)
print(made.checkpoint.checkpoint_id, made.checkpoint.sha256, made.checkpoint.optimizer_sha256)
"""


def test_another_process_makes_the_same_bytes(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    """With other hash seeds and other threads, as after a kill."""
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path / "a").checkpoint
    assert made is not None
    asked = pickle.dumps((WEIGHTS, drawn.items(), SPEC, tmp_path / "b"))
    environment = os.environ | {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", _AGAIN],
        input=asked,
        capture_output=True,
        env=environment,
        check=True,
    )
    expected = f"{made.checkpoint_id} {made.sha256} {made.optimizer_sha256}"
    assert found.stdout.decode().strip() == expected
    config = (tmp_path / "b" / made.checkpoint_id / CONFIG_FILE).read_bytes()
    assert config == (made.folder / CONFIG_FILE).read_bytes()


def test_without_adams_state_it_would_be_another(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    first = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    second = make_step(trainer, first, drawn.items(first=50), SPEC, tmp_path).checkpoint
    assert first is not None
    assert second is not None
    trainer.start(first)
    trainer._adam.put({})
    trainer.step(drawn.items(first=50), SPEC)
    assert trainer.save(tmp_path / "other").sha256 != second.sha256


def test_a_checkpoint_that_another_arm_made_stays_in_place(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    """Its row is in the lake: at no moment may its files be gone."""
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    assert made is not None
    inodes = [(made.folder / name).stat().st_ino for name in (ADAPTER_FILE, OPTIMIZER_FILE)]
    again = make_step(trainer, None, drawn.items(), SPEC, tmp_path)
    assert again.checkpoint == made
    assert again.saved is not None
    assert again.saved.folder == made.folder
    held = [(made.folder / name).stat().st_ino for name in (ADAPTER_FILE, OPTIMIZER_FILE)]
    assert held == inodes
    assert [one.name for one in tmp_path.iterdir()] == [made.checkpoint_id]


def test_a_leftover_of_a_killed_step_is_replaced(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    assert made is not None
    (made.folder / ADAPTER_FILE).write_bytes(b"half")
    partial = tmp_path / f".{made.checkpoint_id}.partial"
    partial.mkdir()
    again = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    assert again == made
    made.check()
    assert [one.name for one in tmp_path.iterdir()] == [made.checkpoint_id]


def test_without_signal_the_parent_goes_on(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    for items in (drawn.items([0.0] * 12), drawn.items()[:1], []):
        made = make_step(trainer, None, items, SPEC, tmp_path)
        assert made.checkpoint is None
        assert made.report.status == "no_signal"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [ADAPTER_FILE, OPTIMIZER_FILE])
def test_other_files_are_refused(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path, name: str
) -> None:
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    assert made is not None
    file = made.folder / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(AdapterError, match="is not what was saved; remove its folder"):
        trainer.start(made)
    file.unlink()
    with pytest.raises(AdapterError, match="no file"):
        trainer.start(made)


def test_other_trainers_checkpoints_are_refused(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path).checkpoint
    other = LocalTrainer(LocalSettings(WEIGHTS, rank=4))
    assert other.trainer_id != trainer.trainer_id
    with pytest.raises(AdapterError, match=f"was made by {trainer.trainer_id}") as raised:
        other.start(made)
    assert "\n" not in str(raised.value)


def test_the_id_is_of_the_weights_not_of_their_place(trainer: LocalTrainer, tmp_path: Path) -> None:
    for file in WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert LocalTrainer(LocalSettings(tmp_path)).trainer_id == trainer.trainer_id


@pytest.mark.parametrize("limit", [100_000, 1_000_000])
def test_a_full_disk_leaves_nothing_behind(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path, limit: int
) -> None:
    """By a limit on the size of files: neither the adapter nor, later, the optimizer fits."""
    trainer.step(drawn.items(), SPEC)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(TrainingError, match="cannot save a checkpoint") as raised:
            trainer.save(tmp_path / "checkpoint")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free space there" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())
    assert trainer.save(tmp_path / "checkpoint").bytes > limit


def test_adapters_say_what_they_belong_to(
    trainer: LocalTrainer, drawn: Drawn, tmp_path: Path
) -> None:
    made = make_step(trainer, None, drawn.items(), SPEC, tmp_path)
    assert made.saved is not None
    config = json.loads((made.saved.folder / CONFIG_FILE).read_text())
    assert config["base_model_name_or_path"].startswith("sha256-")
    assert config["target_modules"] == sorted(config["target_modules"])
    assert "lm_head" not in config["target_modules"]
    assert len(made.saved.tensors) == 84
    assert str(WEIGHTS) not in (made.saved.folder / CONFIG_FILE).read_text()
