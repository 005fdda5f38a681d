"""A KernelBench run folder is imported, then judged like any other run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Bon

pytestmark = pytest.mark.usefixtures("running")

RIGHT = """
import torch
import torch.nn as nn


class ModelNew(nn.Module):
    def forward(self, A, s):
        return A * s
"""
WRONG = RIGHT.replace("A * s", "A + s")


def test_import_then_judge(bon: Bon, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for sample, source in ((0, RIGHT), (3, WRONG), (4, RIGHT)):
        (folder / f"level_1_problem_5_sample_{sample}_kernel.py").write_text(source)
    claims = [
        {"sample_id": sample, "compiled": True, "correctness": True, "metadata": {}, "runtime": -1}
        for sample in (0, 3)
    ]
    (folder / "eval_results.json").write_text(json.dumps({"5": claims}))
    imported = bon("import", folder, "--run", "theirs", "--suite", "embedded")
    assert imported.returncode == 0, imported.stderr
    assert "bon judge theirs" in imported.stdout
    swept = bon("judge", "theirs", "--settle", "0", "--json")
    assert swept.returncode == 0, swept.stderr
    summary = json.loads(swept.stdout)
    counted = {name: summary[name] for name in ("candidates", "sources", "correct", "unfinished")}
    assert counted == {"candidates": 3, "sources": 2, "correct": 2, "unfinished": 0}
    query = "SELECT sample_index, status, mean_logprob FROM results ORDER BY sample_index"
    rows = json.loads(bon("sql", query, "--json").stdout)
    assert [tuple(row.values()) for row in rows] == [
        (0, "correct", None),
        (3, "incorrect", None),
        (4, "correct", None),
    ]
    claimed = bon("sql", "SELECT sample_index, upheld FROM claims ORDER BY 1", "--json")
    assert [tuple(row.values()) for row in json.loads(claimed.stdout)] == [(0, True), (3, False)]
    exported = bon("export", "theirs", "--to", "kernelbench", "--out", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "out" / "level_1_problem_5_sample_3_kernel.py").read_text() == WRONG
    results = json.loads((tmp_path / "out" / "eval_results.json").read_text())["5"]
    assert [(one["sample_id"], one["correctness"]) for one in results] == [
        (0, True),
        (3, False),
        (4, True),
    ]
    assert results[0]["runtime"] > 0
    assert results[0]["runtime_stats"]["num_trials"] > 1
