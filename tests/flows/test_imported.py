"""KernelBench's run folders come in as candidates without a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import RequestError as RequestInvalid
from flows.imported import import_kernels
from flows.ledger import outstanding, remaining
from flows.request import resolve, stored_request
from storage import Lake
from tasks.errors import RequestError
from tasks.policies import load_policy


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Problem 5 has samples 0 and 2, problem 12 sample 0, equal to one of problem 5."""
    path = tmp_path / "run"
    path.mkdir()
    for problem, sample, source in ((5, 0, "# a\n"), (5, 2, "# b\n"), (12, 0, "# a\n")):
        name = f"level_1_problem_{problem}_sample_{sample}_kernel.py"
        (path / name).write_text(source)
    (path / "level_1_problem_5_sample_0_prompt.txt").write_text("Write a kernel.")
    (path / "eval_results.json").write_text("{}")
    return path


def test_candidates_without_log_probabilities_and_verdicts(lake: Lake, folder: Path) -> None:
    assert len(import_kernels(folder, "theirs", lake, "embedded").kernels) == 3
    rows = lake.results(["theirs"]).to_pylist()
    keys = [(r["suite"], r["level"], r["problem_id"], r["sample_index"]) for r in rows]
    assert keys == [("embedded", 1, 5, 0), ("embedded", 1, 5, 2), ("embedded", 1, 12, 0)]
    for name in ("mean_logprob", "sum_logprob", "logprob_mode", "n_tokens", "status", "speedup"):
        assert {row[name] for row in rows} == {None}
    assert rows[0]["source_hash"] == rows[2]["source_hash"] != rows[1]["source_hash"]
    named = lake.sql("SELECT name, problem_hash FROM problems ORDER BY problem_id").to_pylist()
    assert [row["name"] for row in named] == [
        "Matrix_scalar_multiplication",
        "Matmul_with_diagonal_matrices_",
    ]
    assert all(row["problem_hash"] for row in named)
    (run,) = lake.runs().to_pylist()
    assert (run["kind"], run["k"], run["candidates"], run["judged"]) == ("candidates", 3, 3, 0)


def test_a_sweep_owes_verdicts_on_what_is_there_and_no_more(lake: Lake, folder: Path) -> None:
    import_kernels(folder, "theirs", lake, "embedded")
    _, request = resolve(lake, "theirs", {})
    work = outstanding(lake, "theirs", request.selected(), request)
    assert [one.to_sample for one in work] == [None, None]
    owed = [(one.to_judge.problem.problem_id, one.to_judge.sample_indices) for one in work]
    assert owed == [(5, (0, 2)), (12, (0,))]
    assert remaining(lake, "theirs", request.selected(), request) == 3
    policy = load_policy(request.policy, request.sampling.params())
    drawn = lake.sql("SELECT DISTINCT policy_id FROM candidates")["policy_id"].to_pylist()
    assert drawn == [policy.policy_id]
    with pytest.raises(RequestError, match="cannot be added to"):
        policy.sample(request.selected()[0], [1])


def test_the_levels_of_the_folder_are_taken(lake: Lake, folder: Path) -> None:
    import_kernels(folder, "theirs", lake, "embedded:kernelbench")
    request = stored_request(lake, "theirs")
    assert request is not None
    assert (request.suite, request.problems) == ("embedded:kernelbench#level=1", (5, 12))


def test_a_run_is_imported_once(lake: Lake, folder: Path) -> None:
    import_kernels(folder, "theirs", lake, "embedded")
    with pytest.raises(RequestError, match="already"):
        import_kernels(folder, "theirs", lake, "embedded")
    assert len(lake.results(["theirs"])) == 3


def test_what_is_refused(lake: Lake, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="--suite kernelbench:PATH"):
        import_kernels(folder, "theirs", lake, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="holds no file level_L_problem_P"):
        import_kernels(tmp_path / "empty", "theirs", lake, "embedded")
    (folder / "level_1_problem_99_sample_0_kernel.py").write_text("# z\n")
    with pytest.raises(RequestError, match="no problem 99"):
        import_kernels(folder, "theirs", lake, "embedded")
    assert lake.run_ids() == []


def test_a_problem_whose_text_has_changed_is_another_problem(lake: Lake, tmp_path: Path) -> None:
    suite = tmp_path / "mine"
    suite.mkdir()
    (suite / "1_One.py").write_text("class Model: ...\n")
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "level_1_problem_1_sample_0_kernel.py").write_text("# a\n")
    import_kernels(folder, "theirs", lake, f"dir:{suite}")
    resolve(lake, "theirs", {})
    (suite / "1_One.py").write_text("class Model: pass\n")
    with pytest.raises(Exception, match="another text of problem 1 "):
        resolve(lake, "theirs", {})


def test_judging_owes_no_draws(lake: Lake, folder: Path) -> None:
    # Samples 0 and 2 of four are drawn.
    import_kernels(folder, "theirs", lake, "embedded")
    _, drawn = resolve(lake, "theirs", {})
    request = drawn.model_copy(update={"policy": "embedded", "k": 4, "problems": (5,)})
    problems = request.selected()
    (sweeping,) = outstanding(lake, "theirs", problems, request)
    assert sweeping.to_sample is not None
    assert sweeping.to_sample.sample_indices == (1, 3)
    (judging,) = outstanding(lake, "theirs", problems, request, draw=False)
    assert judging.to_sample is None
    assert judging.to_judge.sample_indices == (0, 2)
    assert remaining(lake, "theirs", problems, request, draw=False) == 2
    assert remaining(lake, "theirs", problems, request) == 4


def test_scope_and_inputs_are_another_harness(lake: Lake, folder: Path) -> None:
    import_kernels(folder, "theirs", lake, "embedded")
    _, before = resolve(lake, "theirs", {})
    _, literal = resolve(lake, "theirs", {"judge": {"inputs": "as-given"}})
    assert literal.judge.config().inputs == "as-given"
    assert before.harness_id != literal.harness_id
    with pytest.raises(RequestInvalid, match=r"judge\.inputs = 'raw'.*'as-given'"):
        resolve(lake, "theirs", {"judge": {"inputs": "raw"}})
    _, scoped = resolve(lake, "theirs", {"judge": {"scope": "kernel"}})
    assert before.harness_id != scoped.harness_id
    with pytest.raises(RequestInvalid, match=r"judge\.scope = 'library'.*'kernel'"):
        resolve(lake, "theirs", {"judge": {"scope": "library"}})
