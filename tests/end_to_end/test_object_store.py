"""A sweep whose lake lies in an object store (that a writer may be killed: test_writer.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Lake
from tests.conftest import Bon
from tests.object_store import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("running"),
]


def test_a_sweep_in_an_object_store(
    bon: Bon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with served(monkeypatch) as bucket:
        options = ["--problems", "18", "-k", "1", "--run", "far", "--retime", "0"]
        swept = bon("sweep", *options, "--lake", f"{bucket}/lake")
        assert swept.returncode == 0, swept.stderr
        lake = Lake.open(f"{bucket}/lake")
        results = lake.results(["far"])
        assert results["sample_index"].to_pylist() == [0]
        assert results["status"].null_count == 0
        page = lake.root / "reports" / "far.html"
        assert str(page) in swept.stdout
        assert page.read_text("utf-8").startswith("<!doctype html")
        assert not list(tmp_path.iterdir()), "and nothing of it on the local disk"
