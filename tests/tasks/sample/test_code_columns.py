"""The log-probability of the code alone is stored beside that of the whole completion."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from storage import Lake
from storage.schemas import TABLES
from tasks.plan import Shard
from tasks.policies.base import Sample
from tasks.problems.base import Problem
from tasks.sample.rows import candidate_rows

COLUMNS = ("code_first_token", "n_code_tokens", "code_sum_logprob", "code_mean_logprob")


def sample(code_span: tuple[int, int] | None, logprobs: tuple[float, ...]) -> Sample:
    return Sample(
        completion="c",
        source=f"# {code_span}",
        token_ids=tuple(range(4)),
        logprobs=logprobs,
        logprob_mode="raw_logprobs",
        n_prompt_tokens=3,
        finish_reason="stop",
        code_span=code_span,
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Code in tokens 1 and 2; no code; code whose log-probabilities are unknown."""
    lake = Lake.open(tmp_path / "lake", create=True)
    samples = [
        sample((1, 3), (-4.0, -1.0, -2.0, -8.0)),
        sample(None, (-4.0, -1.0, -2.0, -8.0)),
        sample((1, 3), ()),
    ]
    shard = Shard(Problem("s", 1, 7, "seven", "# seven"), (0, 1, 2))
    candidates, _ = candidate_rows(shard, samples, [1, 2, 3], "p-1", 3.0)
    lake.append("candidates", candidates, run_id="r")
    return lake


def test_the_code_has_columns_of_its_own(lake: Lake) -> None:
    rows = lake.sql(f"SELECT {', '.join(COLUMNS)} FROM candidates ORDER BY sample_index")
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (1, 2, -3.0, -1.5),
        (None, None, None, None),
        (1, 2, None, None),
    ]
    results = lake.results(["r"]).to_pylist()
    assert [row["code_mean_logprob"] for row in results] == [-1.5, None, None]
    assert [row["mean_logprob"] for row in results] == [-3.75, -3.75, None]


def test_rows_that_were_written_without_them_stay_readable(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = TABLES["candidates"]
    rows = lake.sql("SELECT * EXCLUDE (run_id) FROM candidates")
    with monkeypatch.context() as earlier:
        kept = [field for field in now if field.name not in COLUMNS]
        earlier.setitem(TABLES, "candidates", pa.schema(kept))
        lake.append("candidates", rows.drop_columns(list(COLUMNS)), run_id="old")
    found = lake.results(["old", "r"]).to_pylist()
    assert [row["code_mean_logprob"] for row in found] == [None, None, None, -1.5, None, None]
    assert [row["code_mean_logprob"] for row in lake.results(["old"]).to_pylist()] == [None] * 3
