"""A suite of three problems, one of them bad in turn: the others are judged as without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Bon
from tests.end_to_end.problem_files import PROBLEM

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("running")]

RESULTS = ("torch.relu(x)", "torch.tanh(x)", "x.cumsum(dim=1)")
BAD = {
    "exits": "import sys\nsys.exit(0)\n",
    "segfaults": "import ctypes\nctypes.string_at(0)\n",
    "hangs": "while True:\n    pass\n",
    "patches": "import torch\ntorch.relu = torch.tanh = torch.Tensor.cumsum = lambda *_, **__: 0\n"
    "torch.set_default_dtype(torch.half)\n",
    "refused": "def get_inputs():\n    return [torch.ones(8, 8)]\n",
}


def judged(bon: Bon, place: Path, bad: Mapping[int, str]) -> dict[int, str | None]:
    """Status of each problem's right kernel; the wrong one of each has to be `incorrect`."""
    suite, kernels = place / "suite", place / "kernels"
    suite.mkdir(parents=True)
    kernels.mkdir()
    for number, result in enumerate(RESULTS, start=1):
        right = PROBLEM.format(result=result)
        (suite / f"{number}_p.py").write_text(right + bad.get(number, ""))
        for sample, source in enumerate((right, PROBLEM.format(result=f"{result} + 1"))):
            kernel = source.replace("class Model(", "class ModelNew(")
            (kernels / f"level_1_problem_{number}_sample_{sample}_kernel.py").write_text(kernel)
    run = place.name
    assert bon("import", kernels, "--run", run, "--suite", f"dir:{suite}").returncode == 0
    done = bon("judge", run, "--settle", "0", "--json")
    assert done.returncode == 0, done.stderr
    query = f"SELECT problem_id, sample_index, status FROM results WHERE run_id = '{run}'"
    rows = json.loads(bon("sql", query, "--json").stdout)
    wrong = {row["problem_id"]: row["status"] for row in rows if row["sample_index"] == 1}
    assert {status for number, status in wrong.items() if number not in bad} == {"incorrect"}
    return {row["problem_id"]: row["status"] for row in rows if row["sample_index"] == 0}


@pytest.mark.parametrize(
    ("kind", "number"), [*((kind, 2) for kind in BAD), ("patches", 1), ("exits", 1), ("exits", 3)]
)
def test_the_others_are_judged(bon: Bon, tmp_path: Path, kind: str, number: int) -> None:
    found = judged(bon, tmp_path / f"{kind}{number}", {number: BAD[kind]})
    bad = found.pop(number)
    assert set(found.values()) == {"correct"}
    assert bad is None or kind == "patches"
