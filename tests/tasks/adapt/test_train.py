"""A step from the lake's rows to the lake's rows: real model, trainer and lake, without Ray."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from flows.errors import in_a_line
from storage import Lake
from tasks.adapt.adaptation import Adaptation
from tasks.adapt.feedback import feedback
from tasks.adapt.train import train_unit
from tasks.adapt.trainers.base import StepSpec
from tasks.adapt.trainers.local import LocalTrainer
from tasks.adapt.units import units_of
from tasks.errors import AdapterError, TrainingError
from tasks.policies.causal_lm import CausalLMPolicy
from tests.tasks.adapt.begun import Served, Trains, begun, draw_again, turns_of, unit_of
from tests.tasks.adapt.conftest import Drawn

PARTS = ("checkpoints", "train_items", "train_steps", "spend")


@pytest.fixture
def work(
    tmp_path: Path, policy: CausalLMPolicy, trainer: LocalTrainer, drawn: Drawn
) -> Iterator[Adaptation]:
    with begun(Lake.open(tmp_path / "lake", create=True), policy, trainer, drawn) as work:
        yield work


def held(work: Adaptation) -> dict[str, int]:
    return {table: len(work.lake.sql(f"SELECT * FROM {table}")) for table in PARTS}


def with_method(work: Adaptation, **changed: Any) -> Adaptation:
    method = replace(work.method, **changed)
    return replace(work, rounds=replace(work.rounds, method=method))


def with_spec(work: Adaptation, spec: StepSpec) -> Adaptation:
    return with_method(work, spec=spec)


def test_a_step_is_written_once_and_draws_go_on_under_it(work: Adaptation) -> None:
    unit = unit_of(work)
    n = work.method.group
    assert train_unit(work, unit, 1) == "done"
    assert held(work) == {"checkpoints": 1, "train_items": n, "train_steps": 1, "spend": 1}
    assert train_unit(work, unit, 1) is None
    assert held(work)["train_steps"] == 1
    standing = work.made().at(unit, 1)
    assert standing is not None
    draws = work.drawing(unit, 1, standing, "round")
    (row,) = work.lake.sql("SELECT * FROM checkpoints").to_pylist()
    assert draws.arm["checkpoint_id"] == row["checkpoint_id"]
    assert draws.policy_id == row["policy_id"] == cast("Any", draws.policy).policy_id
    assert row["policy"] == f"embedded#lora={work.lake.root / row['path']}"
    (step,) = work.lake.sql("SELECT * FROM train_steps").to_pylist()
    assert (step["n_items"], step["objective"], step["parent_id"]) == (n, "centred", "base")
    assert step["mismatch_mean"] < 1e-4
    advantages = work.lake.sql("SELECT DISTINCT advantage AS a FROM train_items ORDER BY a")
    assert advantages["a"].to_pylist() == [-0.5, 0.5]


def test_a_checkpoint_that_is_gone_is_made_again(work: Adaptation) -> None:
    unit = unit_of(work)
    train_unit(work, unit, 1)
    (row,) = work.lake.sql("SELECT * FROM checkpoints").to_pylist()
    shutil.rmtree(work.lake.root / row["path"])
    assert train_unit(work, unit, 1) == "done"
    standing = work.made().at(unit, 1)
    assert standing is not None
    assert standing.checkpoint is not None
    standing.checkpoint.check()
    assert held(work)["checkpoints"] == 1


def test_a_checkpoint_of_other_settings_is_refused(work: Adaptation) -> None:
    unit = unit_of(work)
    train_unit(work, unit, 1)
    standing = work.made().at(unit, 1)
    assert standing is not None
    assert standing.checkpoint is not None
    config = standing.checkpoint.folder / "adapter_config.json"
    config.write_text(config.read_text().replace('"lora_alpha": 8.0', '"lora_alpha": 16.0'))
    with pytest.raises(AdapterError, match="is not what was saved"):
        work.drawing(unit, 1, standing, "round")


def test_rewards_that_are_all_alike_are_no_signal(work: Adaptation) -> None:
    alike = with_method(work, reward="threshold:0.1")
    rows = work.lake.sql("SELECT * EXCLUDE sequence FROM evaluations").to_pylist()
    known = [row | {"speedup_low": 0.9, "evaluation_id": f"n{i}"} for i, row in enumerate(rows)]
    work.lake.append("evaluations", known, run_id="demo")
    assert train_unit(alike, unit_of(work), 1) == "no_signal"
    assert held(work)["checkpoints"] == 0
    standing = work.made().at(unit_of(work), 1)
    assert standing is not None
    assert (standing.checkpoint, standing.ended) == (None, None)
    (spent,) = work.lake.sql("SELECT trained_tokens AS n FROM spend").to_pylist()
    assert spent == {"n": 0}


@pytest.mark.parametrize(
    ("spec", "status"),
    [(StepSpec(max_kl=1e-12), "diverged"), (StepSpec(temperature=0.5), "refused")],
)
def test_a_step_that_fails_ends_the_unit_and_says_why(
    work: Adaptation, spec: StepSpec, status: str
) -> None:
    """At another temperature than the draws', trainer and sampler disagree."""
    unit = unit_of(work)
    assert train_unit(with_spec(work, spec), unit, 1) == status
    assert held(work)["checkpoints"] == 0
    (step,) = work.lake.sql("SELECT status, message FROM train_steps").to_pylist()
    assert step["status"] == status
    assert step["message"]
    standing = work.made().at(unit, 1)
    assert standing is not None
    assert standing.ended == status
    assert train_unit(work, unit, 2) is None


def test_an_adapter_without_effect_is_no_checkpoint(
    work: Adaptation, policy: CausalLMPolicy, trainer: LocalTrainer
) -> None:
    deaf = replace(work, turns=turns_of(Served(policy, deaf=True), Trains(trainer)))
    with pytest.raises(AdapterError, match="does not do where it is served"):
        train_unit(deaf, unit_of(work), 1)
    assert sum(held(work).values()) == 0
    assert train_unit(work, unit_of(work), 1) == "done"


def test_a_step_that_cannot_be_saved_leaves_no_row(work: Adaptation) -> None:
    (work.lake.root / "adapters").write_text("in the way")
    with pytest.raises(TrainingError, match="go on with the same run") as found:
        train_unit(work, unit_of(work), 1)
    assert in_a_line(found.value) == (str(found.value), 1)
    assert sum(held(work).values()) == 0


def by_teacher(work: Adaptation, *objectives: str) -> Adaptation:
    """The same, with arms that learn from themselves."""
    units = units_of(objectives, work.problems, "problem")
    return replace(work, rounds=replace(work.rounds, units=units))


def read(work: Adaptation) -> dict[str, Any]:
    (row,) = work.lake.sql("SELECT * FROM spend WHERE stage = 'score'").to_pylist()
    return row


def test_a_teacher_is_told_the_verdicts_and_its_tokens_are_counted(
    work: Adaptation, policy: CausalLMPolicy, drawn: Drawn
) -> None:
    """Draws that succeeded, every other one, are not shown to it: `fast_1` is a speedup of 2."""
    sdpo = by_teacher(work, "sdpo")
    assert train_unit(sdpo, unit_of(sdpo), 1) == "done"
    shown = [one for i, one in enumerate(drawn.samples) if i % 2 == 0]
    row = read(sdpo)
    assert row["teacher_tokens"] == sum(len(one.token_ids) for one in shown)
    told = feedback({"status": "correct", "correct": True, "speedup": 1.0}, "")
    longest = len(policy.encode_prompt(drawn.problem, told))
    assert row["prefill_tokens"] == longest * len(shown)
    assert row["seconds"] > 0
    advantages = sdpo.lake.sql("SELECT advantage AS a FROM train_items ORDER BY sample_index")
    values = advantages["a"].to_pylist()
    assert set(values[1::2]) == {0.0}
    assert 0.0 not in values[::2]


@pytest.mark.parametrize("objective", ["sdpo-prompt:live", "sdpo-prompt:base", "sdpo-peer:ema"])
def test_a_teachers_step_is_made_again_as_it_was(
    work: Adaptation, drawn: Drawn, objective: str
) -> None:
    mine = by_teacher(work, objective)
    unit = unit_of(mine)
    assert train_unit(mine, unit, 1) == "done"
    draw_again(mine, unit, drawn)
    assert train_unit(mine, unit, 2) == "done"
    rows = mine.lake.sql("SELECT * FROM checkpoints ORDER BY step").to_pylist()
    means = [(mine.lake.root / row["path"] / "teacher").exists() for row in rows]
    assert means == [objective.endswith("ema"), False]
    for row in rows:
        shutil.rmtree(mine.lake.root / row["path"])
    assert train_unit(mine, unit, 1) == "done"
    assert train_unit(mine, unit, 2) == "done"
    standing = mine.made().at(unit, 2)
    assert standing is not None
    assert standing.checkpoint is not None
    standing.checkpoint.check()


def test_the_teachers_weights_make_the_difference(work: Adaptation, drawn: Drawn) -> None:
    mine = by_teacher(work, "sdpo-prompt:live", "sdpo-prompt:base", "sdpo-prompt:ema")
    for unit in mine.units:
        assert train_unit(mine, unit, 1) == "done"
        draw_again(mine, unit, drawn)
        assert train_unit(mine, unit, 2) == "done"
    made = mine.lake.sql(
        "SELECT step, count(DISTINCT sha256) AS n FROM checkpoints GROUP BY step ORDER BY step"
    )
    # Before the first step all teachers are the base model.
    assert made.to_pylist() == [{"step": 1, "n": 1}, {"step": 2, "n": 3}]


def test_a_prompt_that_does_not_fit_ends_the_unit_and_says_why(
    work: Adaptation, policy: CausalLMPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy._model.config, "max_position_embeddings", 60)
    sdpo = by_teacher(work, "sdpo")
    assert train_unit(sdpo, unit_of(sdpo), 1) == "refused"
    (step,) = sdpo.lake.sql("SELECT status, message FROM train_steps").to_pylist()
    assert "the teacher's prompt has" in step["message"]
    assert held(sdpo)["checkpoints"] == 0
