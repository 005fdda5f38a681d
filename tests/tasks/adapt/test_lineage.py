"""What a checkpoint has learned from, through all trainings that it goes back to."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import is_request_error
from flows.request import profile_request
from flows.train_request import TrainRequest
from storage import Lake
from tasks.adapt.checkpoint import ADAPTER_FILE, CONFIG_FILE, file_sha256
from tasks.adapt.lineage import learned_from
from tasks.problems import load_suite
from tests.storage.make import checkpoint_row, run_row

FIRST, SECOND, NEXT = "1" * 16, "2" * 16, "3" * 16


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A training of two steps, from 4 and then from 12; and one from its end, from 14."""
    lake = Lake.open(tmp_path / "lake", create=True)
    steps = {"outer": [(FIRST, 4), (SECOND, 12)], "further": [(NEXT, 14)]}
    began = {"outer": "embedded", "further": f"embedded#checkpoint={SECOND}"}
    for run, made in steps.items():
        lake.append("runs", [run_row(run) | {"policy": began[run]}], run_id=run)
        for step, (checkpoint, number) in enumerate(made, 1):
            (problem,) = load_suite("embedded").select([number])
            key = {"suite": problem.suite, "level": 1, "problem_id": number}
            about = {"name": problem.name, "problem_hash": problem.problem_hash}
            lake.append("problems", [key | about | {"source": problem.source}], run_id=run)
            item = {"arm": "centred", "unit": "batch", "step": step, "sample_index": 0}
            item |= {"evaluation_id": "e", "reward": 0.0, "advantage": 0.0}
            lake.append("train_items", [key | item], run_id=run)
            folder = lake.root / "adapters" / checkpoint
            folder.mkdir(parents=True)
            (folder / ADAPTER_FILE).write_text(checkpoint)
            (folder / CONFIG_FILE).write_text('{"r": 8, "lora_alpha": 8.0}')
            sha256 = file_sha256(folder / ADAPTER_FILE)
            row = checkpoint_row(checkpoint, step=step, sha256=sha256)
            lake.append("checkpoints", [row], run_id=run)
    return lake


@pytest.mark.parametrize(
    ("policy", "learned"),
    [
        ("embedded", []),
        (f"embedded#checkpoint={FIRST}", [4]),
        (f"embedded#checkpoint={SECOND}", [4, 12]),
        (f"embedded#checkpoint={NEXT}", [4, 12, 14]),
    ],
)
def test_it_goes_back_to_the_model_without_an_adapter(
    lake: Lake, policy: str, learned: list[int]
) -> None:
    assert sorted(one.problem_id for one in learned_from(lake, policy)) == learned


def test_a_training_holds_nothing_out_that_its_beginning_knows(lake: Lake) -> None:
    demo = profile_request("train-demo", TrainRequest)
    demo.model_copy(update={"policy": f"embedded#checkpoint={FIRST}"}).check_lake(lake)
    with pytest.raises(Exception, match=r"has learned from held-out problems \(12, 14\)") as found:
        demo.model_copy(update={"policy": f"embedded#checkpoint={NEXT}"}).check_lake(lake)
    assert is_request_error(found.value)
