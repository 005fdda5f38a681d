"""`bon serve` registers the catalogue with a real Prefect server and runs what is asked of it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deployments.catalogue import catalogue
from flows.prefect_server import free_port
from storage import Lake
from tests.conftest import Bon
from tests.deployments.conftest import Serving, prefect_home, serving

LONG = {"k": 64, "judge": {"device": "none"}}
"""Parameters of a sweep that goes on for longer than a test: 1,920 draws."""


def test_a_port_in_use_is_one_line(bon_process: Bon) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = bon_process("serve", "--port", str(other.getsockname()[1]))
    assert answer.returncode == 2
    assert answer.stdout == ""
    (line,) = answer.stderr.strip().splitlines()
    assert "in use" in line
    assert "--port" in line


@pytest.mark.slow
def test_a_server_that_cannot_start(
    bon_process: Bon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    place = "sqlite+aiosqlite:////nowhere/prefect.db"
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", place)
    answer = bon_process("serve", "--port", str(free_port()))
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert "unable to open database file" in last
    (log,) = tmp_path.glob("bon-serve/server-*.log")
    assert last.endswith(f"its log: {log}")
    assert "Traceback" not in answer.stderr


def test_an_address_that_nobody_answers_at(
    bon_process: Bon, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", address)
    answer = bon_process("serve")
    assert answer.returncode == 2
    assert address in answer.stderr


def prefect(served: Serving, *arguments: str) -> str:
    command = [sys.executable, "-m", "prefect", *arguments]
    wide = served.environment | {"COLUMNS": "240"}  # tables are cut to the terminal's width
    answer = subprocess.run(
        command, env=wide, capture_output=True, text=True, timeout=200, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_prefect_deployment_run(served: Serving, tmp_path: Path) -> None:
    for entry in catalogue():
        found = served.asked("GET", f"deployments/name/{entry.full_name}")
        assert found["entrypoint"] == entry.entrypoint

    lake = tmp_path / "served"
    settings = {"problems": [18], "k": 2, "run": "served", "lake": str(lake)}
    parameters = [f"-p={name}={json.dumps(value)}" for name, value in settings.items()]
    output = prefect(served, "deployment", "run", "bon-sweep/default", *parameters, "--watch")
    assert "Completed" in output or "Finished" in output, output

    rows = Lake.open(lake).results(["served"]).to_pylist()
    assert [row["sample_index"] for row in rows] == [0, 1]
    assert all(row["status"] for row in rows)
    said = served.log.read_text()
    ended = "run served has ended: 2 candidates"
    (line,) = [one for one in said.splitlines() if ended in one]
    assert line.endswith(f"; report: {lake / 'reports' / 'served.html'}")
    assert "runs go to the lake " in said
    assert f"export PREFECT_API_URL={served.address}\n" in said
    assert "\nprefect deployment run bon-sweep/default\n" in said
    artifacts = {one["key"] for one in served.asked("POST", "artifacts/filter")}
    assert artifacts >= {"bon-sample", "bon-evaluate", "bon-summary"}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_an_adaptation_is_a_deployment_too(served: Serving, tmp_path: Path) -> None:
    """Nothing is judged (`none`), so that no arm has a signal: this is about the way there."""
    lake = tmp_path / "served"
    arms = {"arms": ["centred", "placebo"], "group": 2, "steps": 1}
    settings = {"problems": [18], "adapt": arms, "judge": {"device": "none"}}
    settings |= {"run": "arms", "lake": str(lake)}
    parameters = [f"-p={name}={json.dumps(value)}" for name, value in settings.items()]
    output = prefect(served, "deployment", "run", "bon-adapt/default", *parameters, "--watch")
    assert "Completed" in output or "Finished" in output, output
    steps = Lake.open(lake).sql("SELECT arm, step_status AS s FROM trajectory WHERE step = 1")
    assert {(row["arm"], row["s"]) for row in steps.to_pylist()} == {
        ("base", None),
        ("centred", "no_signal"),
        ("placebo", "no_signal"),
    }
    said = "run arms has ended: 8 candidates of 3 arms; nothing is shown: 1 problem is too few"
    assert said in served.log.read_text()
    artifacts = {one["key"] for one in served.asked("POST", "artifacts/filter")}
    assert artifacts >= {"bon-sample", "bon-evaluate", "bon-train", "bon-adapt"}


def runs_flows(runner: int) -> bool:
    """Whether a flow run's process lives below this one."""
    try:
        return any(
            one.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(one.cmdline())
            for one in psutil.Process(runner).children()
        )
    except psutil.Error:  # one has just ended
        return True


@pytest.mark.slow
def test_a_refusal_is_one_line(served: Serving, tmp_path: Path) -> None:
    before = len(served.log.read_text())
    lake = str(tmp_path / "lake")
    asked = {
        "no suite 'nonsense'; ": ("bon-sweep/default", {"suite": "nonsense"}),
        "sampling.temperature = -1: ": ("bon-sweep/paper", {"sampling": {"temperature": -1}}),
        "no profile 'daydream'; ": ("nightly/default", {"profile": "daydream"}),
        "no objective 'luck'; ": ("bon-adapt/default", {"adapt": {"arms": ["luck"]}}),
    }
    for says, (deployment, wrong) in asked.items():
        flow_run = served.run(deployment, lake=lake, **wrong)
        served.until(lambda one=flow_run: served.state(one) == "FAILED")  # type: ignore[misc]
        state = served.asked("GET", f"flow_runs/{flow_run}")["state"]
        assert state["message"].startswith(says)
        served.until(lambda: not runs_flows(served.process.pid))
    served.until(lambda: "daydream" in served.log.read_text())
    said = served.log.read_text()[before:]
    for says in asked:
        (line,) = [one for one in said.splitlines() if says in one]
        assert "ERROR" in line
    assert "Traceback" not in said
    assert "xited" not in said  # as Prefect says it of the process
    assert not (tmp_path / "lake").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_is_cancelled_through_the_api(served: Serving, tmp_path: Path) -> None:
    flow_run = served.run("bon-sweep/default", lake=str(tmp_path / "lake"), run="long", **LONG)
    served.until(lambda: bool(list(tmp_path.glob("lake/candidates/**/*.parquet"))))
    prefect(served, "flow-run", "cancel", flow_run)
    served.until(lambda: served.state(flow_run) == "CANCELLED")


@pytest.mark.slow
def test_another_entry_point_is_not_run(served: Serving, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
    made = served.asked("GET", "deployments/name/bon-sweep/default")
    place = f"deployments/{made['id']}"
    served.asked("PATCH", place, entrypoint=f"{tmp_path}/other.py:bon_sweep")
    try:
        flow_run = served.run("bon-sweep/default", suite="nowhere", lake=str(tmp_path / "lake"))
        served.until(lambda: served.state(flow_run) == "FAILED")
    finally:
        served.asked("PATCH", place, entrypoint=made["entrypoint"])
    state = served.asked("GET", f"flow_runs/{flow_run}")["state"]
    assert "no suite 'nowhere'" in state["message"]
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
def test_what_a_deployment_may_not_reach(served: Serving, tmp_path: Path) -> None:
    (tmp_path / "1_Mine.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
    wanted = {"suite": f"dir:{tmp_path}", "lake": str(tmp_path / "lake")}
    flow_run = served.run("bon-sweep/default", **wanted)
    served.until(lambda: served.state(flow_run) == "FAILED")
    state = served.asked("GET", f"flow_runs/{flow_run}")["state"]
    assert "BON_SUITES" in state["message"]
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "lake").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_run_stays_running(tmp_path: Path) -> None:
    """First `bon serve` is killed, then one is ended."""
    home, lake = prefect_home(tmp_path), tmp_path / "lake"
    with serving(tmp_path, home) as killed:
        flow_run = killed.run("bon-sweep/default", lake=str(lake), run="one", **LONG)
        killed.until(lambda: bool(list(lake.glob("candidates/**/run_id=one/*.parquet"))))
        direct = psutil.Process(killed.process.pid).children()  # the server, the flow run
        killed.end(signal.SIGKILL)
    _, alive = psutil.wait_procs(direct, timeout=20)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]

    with serving(tmp_path, home) as ended:
        assert ended.state(flow_run) == "CRASHED"
        ended.run("bon-sweep/default", lake=str(lake), run="two", **LONG)
        ended.until(lambda: bool(list(lake.glob("candidates/**/run_id=two/*.parquet"))))
        below = ended.end()
        _, alive = psutil.wait_procs(below, timeout=20)
        assert not alive
    assert ended.process.returncode == 143
    assert [(flow, name) for flow, name, _ in ended.states()] == [
        ("bon-sweep", "Cancelled"),
        ("bon-sweep", "Crashed"),
    ]
    assert "Traceback" not in ended.log.read_text()
    assert "run two was ended before it was done: asked for with `-p run=two`" in (
        ended.log.read_text()
    )
