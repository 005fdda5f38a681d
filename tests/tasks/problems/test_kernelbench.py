"""A real checkout of KernelBench, named by BON_KERNELBENCH; nothing of it is kept here."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kernels_eval.errors import ProblemError
from kernels_eval.problems.module import load_problem
from tasks.policies.scaffold import scaffold_body
from tasks.problems import Problem, load_suite
from tests.conftest import Bon
from tests.tasks.problems.test_narrow import PUBLISHED

CHECKOUT = os.environ.get("BON_KERNELBENCH")
NEEDS_EINOPS = {(3, 48), (3, 49)}

pytestmark = pytest.mark.skipif(
    CHECKOUT is None,
    reason="BON_KERNELBENCH names no checkout of KernelBench; set it to the path of one",
)


def problems(part: str) -> tuple[Problem, ...]:
    return load_suite(f"kernelbench:{CHECKOUT}#{part}").problems


def test_all_250_problems_are_listed_with_names_levels_and_hashes(bon: Bon) -> None:
    answer = bon("problems", f"kernelbench:{CHECKOUT}", "--level", "1,2,3", "--json")
    rows = json.loads(answer.stdout)
    assert Counter(row["level"] for row in rows) == {1: 100, 2: 100, 3: 50}
    for level, count in ((1, 100), (2, 100), (3, 50)):
        ids = [row["problem_id"] for row in rows if row["level"] == level]
        assert ids == list(range(1, count + 1))
    assert len({row["problem_hash"] for row in rows}) == 250
    assert all(row["name"] and row["suite"] == "kernelbench" for row in rows)


def test_level_4_is_listed_with_the_rest(bon: Bon) -> None:
    rows = json.loads(bon("problems", f"kernelbench:{CHECKOUT}", "--json").stdout)
    assert Counter(row["level"] for row in rows) == {1: 100, 2: 100, 3: 50, 4: 20}
    fourth = [row for row in rows if row["level"] == 4]
    assert [row["problem_id"] for row in fourth] == list(range(1, 21))
    assert len({row["problem_hash"] for row in fourth}) == 20


def test_the_dataset_as_parquet_holds_the_same_problems(tmp_path: Path) -> None:
    """Columns and names as the dataset has them; the hashes are those of the checkout."""
    known = problems("level=1+2+3")
    rows = [
        {"code": p.source, "level": p.level, "name": f"{p.problem_id}_{p.name}"}
        | {"problem_id": p.problem_id}
        for p in known
    ]
    for level in (1, 2, 3):
        file = tmp_path / "KernelBench" / f"level_{level}-00000-of-00001.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist([r for r in rows if r["level"] == level]), file)
    assert load_suite(f"hf:{tmp_path}/KernelBench").problems == known


@pytest.mark.parametrize("seed", PUBLISHED)
def test_splits_of_level_1(seed: int) -> None:
    held_out = [p.problem_id for p in problems(f"level=1,split=eval{seed}")]
    trained = [p.problem_id for p in problems(f"level=1,split=train{seed}")]
    assert held_out == PUBLISHED[seed]
    assert len(trained) == 80
    assert sorted(held_out + trained) == list(range(1, 101))


def test_a_run_folder_is_imported_for_its_problems(bon: Bon, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a_model"
    folder.mkdir(parents=True)
    for level, problem_id in ((1, 19), (2, 40), (3, 1)):
        for sample in (0, 2):
            name = f"level_{level}_problem_{problem_id}_sample_{sample}_kernel.py"
            (folder / name).write_text(f"# {sample}\nclass ModelNew: ...\n")
    suite = f"kernelbench:{CHECKOUT}"
    done = bon("import", folder, "--suite", suite, "--run", "theirs")
    assert done.returncode == 0, done.stderr
    query = (
        "SELECT level, problem_id, sample_index, problem_hash FROM candidates "
        "JOIN problems USING (run_id, level, problem_id) ORDER BY ALL"
    )
    rows = json.loads(bon("sql", query, "--json").stdout)
    hashes = {(p.level, p.problem_id): p.problem_hash for p in problems("level=1+2+3")}
    assert [(r["level"], r["problem_id"], r["sample_index"]) for r in rows] == [
        (1, 19, 0),
        (1, 19, 2),
        (2, 40, 0),
        (2, 40, 2),
        (3, 1, 0),
        (3, 1, 2),
    ]
    assert all(r["problem_hash"] == hashes[r["level"], r["problem_id"]] for r in rows)


def test_the_papers_problems() -> None:
    held_out = problems("level=1,split=eval42")
    embedded = load_suite("embedded:kernelbench").problems
    assert [p.problem_id for p in embedded] == PUBLISHED[42]
    assert [p.name.strip("_") for p in held_out] == [p.name.strip("_") for p in embedded]


def test_every_problem_imports() -> None:
    """Import and constructor arguments only: its inputs would be gigabytes."""
    failed = {}
    for problem in problems("level=1+2+3"):
        try:
            load_problem(problem.source).init_inputs(0)
        except ProblemError as error:
            failed[problem.level, problem.problem_id] = str(error)
    assert failed.keys() <= NEEDS_EINOPS, failed
    assert all("einops" in reason for reason in failed.values())


def test_every_problem_takes_a_body() -> None:
    for problem in problems("level=1+2+3"):
        compile(scaffold_body(problem, "return None", backend="triton"), problem.name, "exec")
