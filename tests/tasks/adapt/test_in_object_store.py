"""Steps of a run whose lake lies in an object store, on one machine and on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from storage import Lake
from storage.folders import file_sha256
from storage.place import store_of
from tasks.adapt import train
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.adapters import adapters_here
from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE, OPTIMIZER_FILE
from tasks.adapt.named import loadable_policy, named_policy, worn_adapter
from tasks.adapt.train import train_unit
from tasks.adapt.trainers.local import LocalTrainer
from tasks.adapt.units import units_of
from tasks.errors import AdapterError, RequestError
from tasks.policies import SamplingParams, load_policy
from tasks.policies.adapter_folder import adapter_folder
from tasks.policies.causal_lm import CausalLMPolicy
from tests.object_store import served
from tests.tasks.adapt.begun import begun, draw_again, unit_of
from tests.tasks.adapt.conftest import Drawn

_numbers = count()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, served(patch) as address:
        yield address


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From each call on this is another machine."""
    machines = count()

    def moved() -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"machine-{next(machines)}"))

    moved()
    return moved


@pytest.fixture
def work(
    bucket: str,
    move: Callable[[], None],  # noqa: ARG001  (an empty cache comes first)
    policy: CausalLMPolicy,
    trainer: LocalTrainer,
    drawn: Drawn,
) -> Iterator[Adaptation]:
    lake = Lake.open(f"{bucket}/lake{next(_numbers)}", create=True)
    with begun(lake, policy, trainer, drawn) as work:
        yield work


def test_steps_are_made_on_from_another_machine(
    work: Adaptation, drawn: Drawn, move: Callable[[], None]
) -> None:
    unit = unit_of(work)
    assert train_unit(work, unit, 1) == "done"
    (row,) = work.lake.sql("SELECT * FROM checkpoints").to_pylist()
    assert {path.name for path in (work.lake.root / row["path"]).iterdir()} >= {
        ADAPTER_FILE,
        CONFIG_FILE,
    }
    assert row["policy"] == f"embedded#lora={work.lake.root / row['path']}"
    move()
    draw_again(work, unit, drawn)
    move()
    assert train_unit(work, unit, 2) == "done"
    move()
    standing = work.made().at(unit, 2)
    assert standing is not None
    assert work.drawing(unit, 2, standing, "round").policy_id == standing.policy_id
    move()
    named = named_policy(work.lake, f"checkpoint:{row['checkpoint_id']}")
    folder = worn_adapter(loadable_policy(work.lake, named))
    assert folder is not None
    assert file_sha256(folder / ADAPTER_FILE) == row["sha256"]


def test_a_teachers_mean_is_made_again_on_another_machine(
    work: Adaptation, drawn: Drawn, move: Callable[[], None]
) -> None:
    (unit,) = units_of(["sdpo-prompt:ema"], work.problems, "problem")
    assert train_unit(work, unit, 1) == "done"
    draw_again(work, unit, drawn)
    move()
    assert train_unit(work, unit, 2) == "done"
    first = work.lake.sql("SELECT sha256 FROM checkpoints WHERE step = 2").to_pylist()
    store_of(work.lake.root).rm(str(work.lake.root / "adapters"), recursive=True)
    move()
    for step in (1, 2):
        assert train_unit(work, unit, step) == "done"
    standing = work.made().at(unit, 2)
    assert standing is not None
    assert standing.checkpoint is not None
    assert first == [{"sha256": standing.checkpoint.sha256}]


def test_an_object_that_is_damaged_or_missing_is_named(
    work: Adaptation, move: Callable[[], None]
) -> None:
    unit = unit_of(work)
    train_unit(work, unit, 1)
    standing = work.made().at(unit, 1)
    assert standing is not None
    (row,) = work.lake.sql("SELECT path FROM checkpoints").to_pylist()
    for name in (ADAPTER_FILE, CONFIG_FILE, OPTIMIZER_FILE):
        there = work.lake.root / row["path"] / name
        content = there.read_bytes()
        there.write_bytes(content[:-1])
        move()
        with pytest.raises(AdapterError, match=f"{there} is not what was saved; remove all below"):
            work.drawing(unit, 1, standing, "round")
        there.unlink()
        with pytest.raises(AdapterError, match=f"there is no {there}; remove all below"):
            work.drawing(unit, 1, standing, "round")
        there.write_bytes(content)
    work.drawing(unit, 1, standing, "round")


def test_files_without_their_row_are_no_step(
    work: Adaptation, move: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after a part of the upload, and after all of it."""
    unit = unit_of(work)

    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(train, "_write", dies)
        with pytest.raises(Killed):
            train_unit(work, unit, 1)
    (folder,) = (work.lake.root / "adapters").iterdir()
    (folder / ADAPTER_FILE).write_bytes(b"half")
    assert work.made().at(unit, 1) is None
    assert work.made().owes(unit, 1)
    move()
    assert train_unit(work, unit, 1) == "done"
    move()
    standing = work.made().at(unit, 1)
    assert standing is not None
    work.drawing(unit, 1, standing, "round")


def test_a_checkpoint_that_is_gone_is_made_again_and_put_there(
    work: Adaptation, move: Callable[[], None]
) -> None:
    unit = unit_of(work)
    train_unit(work, unit, 1)
    store_of(work.lake.root).rm(str(work.lake.root / "adapters"), recursive=True)
    assert work.made().lost(unit, 1)
    assert train_unit(work, unit, 1) == "done"
    move()
    standing = work.made().at(unit, 1)
    assert standing is not None
    work.drawing(unit, 1, standing, "round")
    assert len(list(adapters_here(work.lake).iterdir())) == 1


def test_a_policy_is_named_by_the_address_of_its_adapter(
    work: Adaptation, move: Callable[[], None]
) -> None:
    train_unit(work, unit_of(work), 1)
    (row,) = work.lake.sql("SELECT policy, policy_id FROM checkpoints").to_pylist()
    move()
    params = SamplingParams(mode="body", max_tokens=48, logprob_mode="processed_logprobs")
    assert load_policy(row["policy"], params).policy_id == row["policy_id"]
    with pytest.raises(RequestError, match="nothing lies below"):
        adapter_folder(f"{work.lake.root}/adapters/none")
