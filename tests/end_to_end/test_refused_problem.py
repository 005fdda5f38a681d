"""A problem that the judge refuses costs the other problems nothing, and the run can finish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Bon
from tests.end_to_end.problem_files import PROBLEM

pytestmark = pytest.mark.usefixtures("running")

CONSTANT = "torch.ones_like(x)"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A suite of three problems of which the second always gives ones; a kernel for each."""
    suite, kernels = tmp_path / "suite", tmp_path / "kernels"
    suite.mkdir()
    kernels.mkdir()
    for number, result in enumerate(("torch.relu(x)", CONSTANT, "torch.tanh(x)"), start=1):
        source = PROBLEM.format(result=result)
        (suite / f"{number}_p.py").write_text(source)
        kernel = source.replace("class Model(", "class ModelNew(")
        (kernels / f"level_1_problem_{number}_sample_0_kernel.py").write_text(kernel)
    return suite, kernels


def test_a_refused_problem_is_named_and_the_run_is_finished(
    bon: Bon, folders: tuple[Path, Path]
) -> None:
    suite, kernels = folders
    imported = bon("import", kernels, "--run", "theirs", "--suite", f"dir:{suite}")
    assert imported.returncode == 0, imported.stderr
    for _ in range(2):  # and it is finished again when it is run again
        swept = bon("sweep", "--run", "theirs", "--settle", "0", "--json")
        assert swept.returncode == 0, swept.stderr
        summary = json.loads(swept.stdout)
        assert (summary["unfinished"], summary["correct"]) == (0, 2)
        (refused,) = summary["refused"]
        assert (refused["problem_id"], refused["draws"]) == (2, 1)
        assert "constant" in refused["reason"]
        assert any("Refused by the judge" in one for one in summary["summary"]["caveats"])
    rows = json.loads(bon("sql", "SELECT * FROM refused_problems", "--json").stdout)
    assert [(row["problem_id"], row["draws"]) for row in rows] == [(2, 1)]
    query = "SELECT problem_id, status FROM results ORDER BY problem_id"
    rows = json.loads(bon("sql", query, "--json").stdout)
    assert [tuple(row.values()) for row in rows] == [(1, "correct"), (2, None), (3, "correct")]


def test_a_run_of_refused_problems_alone_is_finished(bon: Bon, folders: tuple[Path, Path]) -> None:
    suite, kernels = folders
    for number in (1, 3):
        (kernels / f"level_1_problem_{number}_sample_0_kernel.py").unlink()
    assert bon("import", kernels, "--run", "one", "--suite", f"dir:{suite}").returncode == 0
    swept = bon("sweep", "--run", "one", "--settle", "0")
    assert swept.returncode == 0, swept.stderr
    said = " ".join(swept.stdout.split())
    assert "since the judge refused the one problem" in said
    assert "finished, but for the one problem that the judge refused" in said
