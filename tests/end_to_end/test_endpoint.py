"""A sweep from a server that fails: what was drawn is kept, and the run goes on when it is back.

Its lake lies in an object store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from storage import Lake
from tests.conftest import Bon
from tests.end_to_end.conftest import SECRET
from tests.object_store import served
from tests.tasks.policies.served import Served, serve

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("running"),
]

DRAWS = "SELECT problem_id, sample_index, completion, created_at FROM candidates ORDER BY ALL"


@pytest.fixture
def server() -> Iterator[Served]:
    for server in serve():
        with server.being(key=SECRET):
            yield server


@pytest.fixture
def lake(bon: Bon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The default of the command line."""
    assert bon
    with served(monkeypatch) as bucket:
        monkeypatch.setenv("BON_LAKE", f"{bucket}/lake")
        yield Lake(f"{bucket}/lake")


def test_a_server_that_fails_costs_no_candidate(
    bon: Bon, server: Served, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    # The probe takes two requests at this temperature, then nine draws succeed.
    server.faults(*[""] * 11, *["500"] * 500)
    policy = server.spec(patience=1, concurrency=1)
    settings = ["--problems", "5,12", "--max-tokens", "24", "--device", "none"]
    settings += ["--policy", policy, "--temperature", "0.8", "--run", "served", "--json"]
    first = bon("sweep", "-k", "8", *settings)
    assert first.returncode == 1, first.stderr
    kept = lake.sql(DRAWS).to_pylist()
    assert len(kept) == 9

    server.faults()
    second = bon("sweep", "-k", "8", "--run", "served", "--json")
    assert second.returncode == 0, second.stderr
    summary = json.loads(second.stdout)
    assert (summary["candidates"], summary["unfinished"]) == (16, 0)
    page = lake.root / "reports" / "served.html"
    assert summary["report"] == str(page)
    assert page.read_text("utf-8").startswith("<!doctype html")
    drawn = lake.sql(DRAWS).to_pylist()
    assert [row for row in drawn if row in kept] == kept

    server.faults(*["500"] * 500)  # all is drawn: nobody is asked
    assert bon("sweep", "--run", "served", "--json").returncode == 0
    server.faults()

    budget = lake.sql("SELECT sum(n_prompt_tokens + n_tokens) AS n FROM candidates").to_pylist()
    spent = int(budget[0]["n"])
    third = bon("sweep", "-k", "12", "--run", "served", "--token-budget", str(spent + 5), "--json")
    assert third.returncode == 1
    assert "token budget is used up" in caplog.text  # in this process, Prefect's log is pytest's
    assert len(lake.sql(DRAWS)) == 16

    said = caplog.text + first.stdout + first.stderr + second.stdout + second.stderr + third.stderr
    assert SECRET not in said
    for file in lake.root.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
