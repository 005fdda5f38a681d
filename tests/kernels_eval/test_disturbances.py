"""What others do to a worker, or the machine, is never a word about the candidate."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kernels_eval.judge
from kernels_eval import Judge, JudgeConfig, ProblemError, Status
from kernels_eval.disturbance import Room, disturbance, passes
from kernels_eval.errors import HarnessError
from kernels_eval.host import JudgeHost
from kernels_eval.pending import Pending
from kernels_eval.processes.worker import Worker, WorkerEndedError
from kernels_eval.reference import refusal
from kernels_eval.sandbox.kernel_counts import groups, kernel_counts
from kernels_eval.timing.runner import CandidateFailedError
from kernels_eval.worker.protocol import Failure, Job, Message, Report
from tests.kernels_eval.conftest import HERE, TIMEOUT_S, problem_source
from tests.kernels_eval.ordinary import ROOT

_HONEST = (HERE / "honest" / "relu_torch.py").read_text()
_SLOW_TO_IMPORT = "import time\ntime.sleep(1.0)\n" + _HONEST


@pytest.fixture
def own_judge() -> Iterator[Judge]:
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        judge.prepare(problem_source("relu"))
        yield judge


def _waited_for(found: Callable[[], object | None]) -> None:
    until = time.monotonic() + 30.0
    while found() is None:
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.005)


@contextlib.contextmanager
def _stranger(judge: Judge, attack: Callable[[Worker], None], times: int = 1) -> Iterator[None]:
    """A thread that does something to the workers of the first so many candidates under way."""
    seen: list[Pending] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set() and len(seen) < times:
            with contextlib.suppress(RuntimeError):  # the line moved on meanwhile
                for item in list(judge._line._pending):
                    if isinstance(item, Pending) and all(item is not other for other in seen):
                        seen.append(item)
                        attack(item.runner.worker)
            time.sleep(0.002)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert len(seen) >= times


def _sends(number: int) -> Callable[[Worker], None]:
    return lambda worker: os.kill(worker.pid, number)


def _kills_keeper(worker: Worker) -> None:
    os.kill(worker._keeper_pid, signal.SIGKILL)


def _stops_keeper_and_kills(worker: Worker) -> None:
    os.kill(worker._keeper_pid, signal.SIGSTOP)
    os.kill(worker.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(_sends(signal.SIGKILL), id="worker-killed"),
        pytest.param(_sends(signal.SIGTERM), id="worker-terminated"),
        pytest.param(_sends(signal.SIGHUP), id="worker-hung-up"),
        pytest.param(_kills_keeper, id="keeper-killed"),
    ],
)
def test_a_worker_that_a_stranger_ends_is_replaced(
    own_judge: Judge, attack: Callable[[Worker], None]
) -> None:
    with _stranger(own_judge, attack):
        verdict = own_judge.evaluate(problem_source("relu"), _SLOW_TO_IMPORT)
    assert verdict.status is Status.CORRECT, verdict.error


@pytest.mark.slow
def test_a_keeper_that_is_stopped_is_nobody_s_forgery(own_judge: Judge) -> None:
    with _stranger(own_judge, _stops_keeper_and_kills):
        verdict = own_judge.evaluate(problem_source("relu"), _SLOW_TO_IMPORT)
    assert verdict.status is Status.CORRECT, verdict.error


def test_a_fork_server_that_a_stranger_kills_is_replaced(own_judge: Judge) -> None:
    assert own_judge._server is not None
    killed = own_judge._server.pid
    with _stranger(own_judge, lambda _: os.kill(killed, signal.SIGKILL)):
        sources = [_SLOW_TO_IMPORT, _SLOW_TO_IMPORT + "# another"]
        verdicts = dict(own_judge.evaluate_many(problem_source("relu"), sources))
    assert [verdicts[index].status for index in (0, 1)] == [Status.CORRECT] * 2
    assert own_judge._server.pid != killed


def test_a_reference_that_a_stranger_kills_is_replaced(own_judge: Judge) -> None:
    (reference,) = own_judge._references.values()
    pid = reference.runner.worker.pid
    with _stranger(own_judge, lambda _: os.kill(pid, signal.SIGKILL)):
        verdict = own_judge.evaluate(problem_source("relu"), _SLOW_TO_IMPORT)
    assert verdict.status is Status.CORRECT, verdict.error


@pytest.mark.timed
def test_a_worker_that_a_stranger_stops_is_no_timeout() -> None:
    with Judge(JudgeConfig(timeout_s=4.0)) as judge:
        judge.prepare(problem_source("relu"))
        with _stranger(judge, _sends(signal.SIGSTOP)):
            verdict = judge.evaluate(problem_source("relu"), _SLOW_TO_IMPORT)
    assert verdict.status is Status.CORRECT, verdict.error


def test_who_kills_itself_each_time_is_not_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = kernels_eval.judge.plan()
    for name in plain.namespaces:
        plain = plain.without(name)  # the first process of a namespace cannot kill itself
    monkeypatch.setattr(kernels_eval.judge, "plan", lambda: plain)
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n" + _HONEST
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        verdict = judge.evaluate(problem_source("relu"), source)
    assert verdict.status is Status.RUNTIME_ERROR
    assert verdict.error is not None
    assert "SIGKILL during import" in verdict.error


def test_a_second_look_that_strangers_spoil_leaves_the_first_verdict(
    own_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "_doubtful", lambda *_: True)
    looks = 0

    def spoil(worker: Worker) -> None:
        nonlocal looks
        looks += 1
        if looks > 1:
            os.kill(worker.pid, signal.SIGKILL)

    with _stranger(own_judge, spoil, times=4):
        verdict = own_judge.evaluate(problem_source("relu"), _SLOW_TO_IMPORT)
    assert verdict.status is Status.CORRECT, verdict.error
    assert [item.rule for item in verdict.findings][-1] == "not-measured-again"


def _room(**changes: object) -> Room:
    room = Room(kernel_counts(), processes=128, file_bytes=1 << 20, own_disk=True)
    return replace(room, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("printed", "again"),
    [
        ("libgomp: Thread creation failed: Resource temporarily unavailable", True),
        ("g++: fatal error: Killed signal terminated program cc1plus", True),
        (
            "g++: fatal error: cannot execute 'cc1plus': vfork: Resource temporarily unavailable",
            True,
        ),
        ("write: No space left on device", False),  # its own file system's
        ("error: expected unqualified-id", False),
    ],
)
def test_words_are_a_reason_to_look_again_and_decide_nothing(
    own_judge: Judge, printed: str, again: bool
) -> None:
    with own_judge._fork_server().spawn() as worker:
        ended = WorkerEndedError(signal=0, code=1, output=printed)
        found = disturbance(ended, printed, worker, _room())
    assert (found is not None) is again
    assert found is None or not found.ours


def test_a_refusal_is_the_candidate_s_where_it_fills_its_own_share(own_judge: Judge) -> None:
    forks = "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(30)\n"
    verdict = own_judge.evaluate(problem_source("relu"), forks)
    assert verdict.status is Status.COMPILE_ERROR
    assert not own_judge._line._disturbed  # it was not judged again


def test_a_reference_that_is_too_slow_is_not_started_again() -> None:
    from kernels_eval.processes.worker import WorkerTimeoutError

    late, gone = HarnessError("it was late"), HarnessError("it is gone")
    late.__cause__ = WorkerTimeoutError()
    assert not passes(late, 128)
    assert passes(gone, 128)


def test_a_refusal_is_the_references_own_where_it_fills_its_share() -> None:
    said = Message(Report.FAILED, Failure.CALL, 64, "RuntimeError: can't start new thread")
    failure = HarnessError("the reference does not run in a worker")
    failure.__cause__ = CandidateFailedError(said)
    assert not passes(failure, 128)
    found = refusal(failure.__cause__, 6.0, 128)
    assert found is not None
    assert "can't start new thread" in str(found)
    assert passes(failure, 256)
    assert refusal(failure.__cause__, 6.0, 256) is None


@pytest.mark.parametrize(
    "wear",
    [
        "for _ in range(8): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "assert time.monotonic() < BEGAN + 3.0, 'worn out'",
    ],
)
def test_a_reference_that_wears_out_is_the_problems_fault(wear: str) -> None:
    """It starts, and fails beside whatever candidate: refused, and the next one is judged."""
    source = problem_source("relu").replace(
        "return torch.relu(x)", f"{wear}\n        return x.relu()"
    )
    problem = f"import threading, time\nBEGAN = time.monotonic()\n{source}"
    slow = "import time\ntime.sleep(3.5)\n" + _HONEST
    with JudgeHost(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        with pytest.raises(ProblemError, match=r"worn out|can't start new thread"):
            list(judge.evaluate_many(problem, [slow, *[_HONEST] * 9]))
        assert judge.evaluate(problem_source("relu"), _HONEST).status is Status.CORRECT


_IN_GROUP = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from dataclasses import replace
import kernels_eval.judge
from kernels_eval import Judge, JudgeConfig
print("in", flush=True)
with Judge(JudgeConfig(timeout_s=60)) as judge:
    judge.prepare(Path(sys.argv[2]).read_text())
    print("prepared", flush=True)
    sys.stdin.readline()
    verdict = judge.evaluate(Path(sys.argv[2]).read_text(), sys.argv[3])
print(verdict.status, verdict.error, flush=True)
"""


@contextlib.contextmanager
def _control_group(controller: str) -> Iterator[Path]:
    """A group of our own below ours; skips where none can be made."""
    group = _made_group(controller)
    if group is None:
        pytest.skip(f"no control group for {controller} can be made here")
    try:
        yield group
    finally:
        _waited_for(lambda: None if (group / "cgroup.procs").read_text() else True)
        group.rmdir()


def _made_group(controller: str) -> Path | None:
    for place in (*groups(controller), *groups("")):
        group = place / f"kernels-eval-test-{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(OSError):
            group.mkdir()
            if any(entry.name.startswith(f"{controller}.") for entry in group.iterdir()):
                return group
            group.rmdir()
    return None


def _judged_in(group: Path, source: str, once_prepared: Callable[[], object]) -> tuple[str, str]:
    """Status and error from a judge in this control group."""
    problem = HERE / "problems" / "relu.py"
    with subprocess.Popen(
        [sys.executable, "-c", _IN_GROUP, str(group), str(problem), source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        assert process.stdout.readline() == "prepared\n"
        once_prepared()
        said, _ = process.communicate("go\n")
    status, _, error = said.partition(" ")
    return status.strip(), error


_THREADS = """
import threading
waits = threading.Event()
for _ in range(40):
    threading.Thread(target=waits.wait, daemon=True).start()
"""


@pytest.mark.slow
def test_a_machine_without_room_for_processes_is_nobody_s_compile_error() -> None:
    with _control_group("pids") as group:

        def leave_little_room() -> None:
            now = int((group / "pids.current").read_text())
            (group / "pids.max").write_text(str(now + 20))

        status, error = _judged_in(group, _THREADS + _HONEST, leave_little_room)
    assert status == Status.HARNESS_ERROR, error
    assert "pids.max" in error


@pytest.mark.slow
def test_what_the_kernel_kills_for_memory_is_out_of_memory() -> None:
    hungry = "import torch\nkept = [torch.ones(1 << 26) for _ in range(12)]\n" + _HONEST
    with _control_group("memory") as group:

        def leave_little_room() -> None:
            new, old = group / "memory.max", group / "memory.limit_in_bytes"
            used = group / ("memory.current" if new.exists() else "memory.usage_in_bytes")
            limit = new if new.exists() else old
            limit.write_text(str(int(used.read_text()) + (1 << 30)))

        status, error = _judged_in(group, hungry, leave_little_room)
    assert status == Status.OUT_OF_MEMORY, error
    assert "killed for its memory" in error


_ON_FULL_DISK = """
import os, sys
from pathlib import Path
import kernels_eval.judge
from kernels_eval import Judge, JudgeConfig
plain = kernels_eval.judge.plan()
for name in plain.namespaces:
    plain = plain.without(name)  # a worker then has no file system of its own
kernels_eval.judge.plan = lambda: plain
problem, candidate = (Path(name).read_text() for name in sys.argv[1:3])
with Judge(JudgeConfig(timeout_s=60)) as judge:
    judge.prepare(problem)
    with Path(os.environ["TMPDIR"], "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            filler.truncate(filler.tell() - 4 * 4096)
    verdict = judge.evaluate(problem, candidate)
print(verdict.status, verdict.error, flush=True)
"""


@pytest.mark.slow
def test_a_full_disk_is_nobody_s_compile_error(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents):  # workers pass through
        if place.is_relative_to(tempfile.gettempdir()):
            place.chmod(place.stat().st_mode | 0o055)
    small = 'mount -t tmpfs -o size=1m tmpfs "$TMPDIR" && exec "$@"'
    files = (HERE / "problems" / "relu.py", HERE / "honest" / "relu_cpp.py")
    python = (sys.executable, "-c", _ON_FULL_DISK, *map(str, files))
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("no mount of its own can be made here")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", small, "sh", *python],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    status, _, error = done.stdout.partition(" ")
    assert status == Status.HARNESS_ERROR, (done.stdout, done.stderr)
    assert "the disk of" in error


@pytest.mark.parametrize("times", [1, 1000])
def test_a_worker_that_does_not_come_up_is_no_word_about_its_candidate(
    own_judge: Judge, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """As on a GPU whose driver turns a new process away: before any line of the candidate."""
    posed = own_judge.prepare(problem_source("relu"))
    made, left = posed.job, [times]

    def job(*arguments: Any) -> Job:
        left[0] -= 1
        return replace(made(*arguments), device="cuda:0" if left[0] >= 0 else "cpu")

    monkeypatch.setattr(posed, "job", job)
    verdict = own_judge.evaluate(problem_source("relu"), _HONEST)
    expected = Status.CORRECT if times == 1 else Status.HARNESS_ERROR
    assert verdict.status is expected, verdict.error
    if times > 1:
        assert "the worker did not come up" in (verdict.error or "")
