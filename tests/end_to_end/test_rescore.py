"""`bon rescore`: new rows for draws of ours and for imported ones, and none twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import Lake
from storage.commit import commit
from tasks.errors import RequestError
from tasks.plan import Shard
from tasks.policies import SamplingParams, load_policy
from tasks.problems import load_suite
from tasks.rescore.stored import unscored
from tasks.sample.rows import candidate_rows
from tests.conftest import Bon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("running"),
]

SEEDS = [1, 2, 3]
SAMPLING = {"max_tokens": 24, "temperature": 0.5}


def draw_run(lake: Lake) -> None:
    policy = load_policy("embedded", SamplingParams(**SAMPLING))  # type: ignore[arg-type]
    problem = load_suite("embedded").problems[0]
    shard = Shard(problem, (0, 1, 2))
    samples = policy.sample(problem, SEEDS)
    candidates, tokens = candidate_rows(shard, samples, SEEDS, policy.policy_id, 1.0)
    kept = {name: getattr(problem, name) for name in ("suite", "level", "problem_id", "name")}
    kept |= {"problem_hash": problem.problem_hash, "source": problem.source}
    run = {"created_at": datetime.now(UTC), "kind": "sweep", "suite": "embedded", "k": 3}
    run |= {"config": json.dumps({"sampling": SAMPLING}), "versions": "{}"}
    lake.append("runs", [run], run_id="own")
    lake.append("problems", [kept], run_id="own")
    commit(lake, "own", shard.part, {"candidates": candidates, "token_logprobs": tokens})


def test_own_and_imported_runs(bon: Bon, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    draw_run(lake)
    done = bon("rescore", "own", "--policy", "embedded", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["scored"], summary["retokenised"]) == (3, 0)
    rows = lake.sql(
        "SELECT c.mean_logprob, s.mean_raw_logprob, s.mean_processed_logprob, s.policy_id, "
        "c.policy_id AS drawn_by FROM rescores_latest s JOIN candidates c "
        "USING (run_id, suite, level, problem_id, sample_index)"
    ).to_pylist()
    assert len(rows) == 3
    for row in rows:
        assert row["policy_id"] == row["drawn_by"]
        assert row["mean_raw_logprob"] == pytest.approx(row["mean_logprob"], abs=1e-4)
        assert abs(row["mean_processed_logprob"] - row["mean_raw_logprob"]) > 1e-3
    assert set(lake.sql("SELECT rescored_by FROM results").column(0).to_pylist()) == {None}

    (tmp_path / "mine.csv").write_text(
        "problem_id,sample_index,mean_logprob,correct,speedup,source\n"
        "4,0,,true,2.0,import torch\n4,1,,false,,import os\n"
    )
    assert bon("import", tmp_path / "mine.csv", "--run", "mine").returncode == 0
    with pytest.raises(RequestError, match="--suite"):
        unscored(lake, "mine", "any")
    done = bon("rescore", "mine", "--policy", "embedded", "--suite", "embedded", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scored"] == 2
    rows = lake.results(["mine"]).to_pylist()
    assert all(row["mean_logprob"] < 0 for row in rows)
    assert all(row["logprob_mode"] == "raw_logprobs" for row in rows)
    assert all(row["rescored_by"].startswith("embedded-") for row in rows)
