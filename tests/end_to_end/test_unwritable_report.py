"""A sweep whose report cannot be written says one line, loses nothing, and finishes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Bon
from tests.end_to_end.problem_files import PROBLEM

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("running")]


def test_one_line_and_the_way_on(bon_process: Bon, tmp_path: Path) -> None:
    suite, kernels, lake = (tmp_path / name for name in ("suite", "kernels", "lake"))
    suite.mkdir()
    kernels.mkdir()
    source = PROBLEM.format(result="torch.relu(x)")
    (suite / "1_p.py").write_text(source)
    kernel = source.replace("class Model(", "class ModelNew(")
    (kernels / "level_1_problem_1_sample_0_kernel.py").write_text(kernel)
    imported = bon_process("import", kernels, "--run", "mine", "--suite", f"dir:{suite}")
    assert imported.returncode == 0, imported.stderr
    blocked = lake / "reports"
    blocked.write_text("")

    swept = bon_process("sweep", "--run", "mine", "--settle", "0")
    assert swept.returncode == 2
    told = [line for line in swept.stderr.splitlines() if "report" in line or "ERROR" in line]
    (line,) = told
    assert line.startswith(f"bon: cannot write the report to {blocked / 'mine.html'} (")
    assert f"`bon report mine --lake {lake} --out FILE`" in line
    assert "Traceback" not in swept.stderr

    page = tmp_path / "page.html"
    assert bon_process("report", "mine", "--lake", lake, "--out", page).returncode == 0
    blocked.unlink()
    assert bon_process("sweep", "--run", "mine", "--settle", "0").returncode == 0
    assert (blocked / "mine.html").is_file()
