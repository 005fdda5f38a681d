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
    imported = bon("import", folder, "--run", "theirs", "--suite", "embedded")
    assert imported.returncode == 0, imported.stderr
    assert "bon sweep --run theirs" in imported.stdout
    swept = bon("sweep", "--run", "theirs", "--settle", "0", "--json")
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
