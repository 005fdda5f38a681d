"""What lies in the directory that a command is started in takes no module's place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_modules_of_the_users_do_no_harm(tmp_path: Path) -> None:
    """With a Ray and a Prefect server of its own: both would look there."""
    for name in ("tasks", "flows", "kernels_eval", "prefect", "ray", "torch", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "__init__.py").write_text("raise SystemExit('the wrong module')\n")
    # As the installed command is started: without the current directory among Python's paths.
    command = [sys.executable, "-P", "-m", "deployments.cli", "sweep", "--problems", "5", "-k", "1"]
    command += ["--device", "none", "--run", "r", "--lake", "lake", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "wrong module" not in done.stderr + done.stdout
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unfinished"] == 0
