"""Sweeps under random signals, two at a time on one machine: do they end where undisturbed ones do?

    python benchmarks/signals.py --runs 25 --signals 60 --out benchmarks/records

Two lanes sweep side by side, so that two judges share the machine. Each signal hits the command,
its process group, a judge, a candidate's worker, the policy, Ray or the Prefect server, at a random
moment. An ended sweep is started again by the same command until it is whole. Compared with an
undisturbed sweep: every draw and every status. Ten seconds after each attempt no process of it may
run (below it or not: whatever has a file of its temporary directory open, or that directory's name
in its command line or environment), and nothing may be left in the temporary directory; ten seconds
after the last, nothing in /dev/shm.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event, Lock, Thread

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storage import Lake  # noqa: E402

SWEEP = ["sweep", "--problems", "18,89", "-k", "6", "--seed", "9", "--run", "whole", "--json"]
# Which candidate wins, and what noise leaves unsettled, is a matter of timing.
SWEEP += ["--retime", "0", "--settle", "0"]
ROWS = """
    SELECT problem_id, sample_index, source_hash, status FROM results
    ORDER BY problem_id, sample_index
"""
GRACE_S = 10.0
ATTEMPTS = 12
"""Starts of one sweep; more would mean that it cannot be finished."""

Family = dict[tuple[int, float], psutil.Process]
"""Descendants by process id and start."""


@dataclass(frozen=True)
class Blow:
    """One kind of signal: its number, and which of the sweep's processes it hits."""

    name: str
    number: signal.Signals
    hits: Callable[[psutil.Process], bool] | None
    """None: the command itself."""
    group: bool = False


def says(*words: str) -> Callable[[psutil.Process], bool]:
    """Whether a process's command line holds one of the words."""

    def found(process: psutil.Process) -> bool:
        line = " ".join(process.cmdline())
        return any(word in line for word in words)

    return found


BLOWS = (
    Blow("SIGINT to the command", signal.SIGINT, None),
    Blow("SIGTERM to the command", signal.SIGTERM, None),
    Blow("SIGTERM to its group", signal.SIGTERM, None, group=True),
    Blow("SIGHUP to the command", signal.SIGHUP, None),
    Blow("SIGKILL to the command", signal.SIGKILL, None),
    Blow("SIGKILL to a judge", signal.SIGKILL, says("JudgeActor", "kernels_eval.host")),
    Blow("SIGKILL to a worker", signal.SIGKILL, says("kernels_eval.worker", "zygote")),
    Blow("SIGTERM to a worker", signal.SIGTERM, says("kernels_eval.worker", "zygote")),
    Blow("SIGKILL to the policy", signal.SIGKILL, says("PolicyActor")),
    Blow("SIGKILL to the raylet", signal.SIGKILL, says("raylet/raylet")),
    Blow("SIGKILL to the GCS", signal.SIGKILL, says("gcs/gcs_server")),
    Blow("SIGKILL to the Prefect server", signal.SIGKILL, says("prefect.server.api.server")),
)


@dataclass
class Attempt:
    """One start of a sweep."""

    blow: str | None
    status: int
    seconds_to_end: float | None
    """From the signal to the command's end."""
    lines: int
    """On stderr."""
    traceback: bool
    left_running: list[str]
    left_behind: list[str]
    """In the temporary directory."""


@dataclass
class Run:
    """One sweep, from its first start until it was whole."""

    number: int
    attempts: list[Attempt] = field(default_factory=list)
    equal: bool = False


class Quota:
    """Signals that are still to be sent, shared by both lanes."""

    def __init__(self, signals: int, seed: int | None) -> None:
        self._left, self._lock, self._random = signals, Lock(), random.Random(seed)
        self._blows: list[Blow] = []

    def take(self) -> tuple[Blow, float] | None:
        """A kind of signal, each as often as the others, and its moment in [0, 1)."""
        with self._lock:
            if not self._left:
                return None
            self._left -= 1
            if not self._blows:
                self._blows = self._random.sample(BLOWS, len(BLOWS))
            return self._blows.pop(), self._random.random()

    @property
    def left(self) -> int:
        with self._lock:
            return self._left

    def give_back(self) -> None:
        """One could not be sent."""
        with self._lock:
            self._left += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="at least; until all signals are sent")
    parser.add_argument("--signals", type=int, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    given = parser.parse_args()
    before = shared_memory()
    with tempfile.TemporaryDirectory(prefix="signals-") as folder:
        place = Path(folder)
        started = time.monotonic()
        whole = sweep_until_whole(place / "undisturbed", Run(0), None, 0.0)
        seconds = time.monotonic() - started
        expected = rows(place / "undisturbed")
        print(f"undisturbed: {seconds:.0f} s, status {whole.attempts[-1].status}", flush=True)
        quota, numbers = Quota(given.signals, given.seed), itertools.count(1)

        def lane(_: int) -> list[Run]:
            done: list[Run] = []
            while True:
                number = next(numbers)
                if number > given.runs and not quota.left:
                    return done
                run = sweep_until_whole(place / f"run{number}", Run(number), quota, seconds)
                run.equal = rows(place / f"run{number}") == expected
                print(summary(run), flush=True)
                done.append(run)

        with ThreadPoolExecutor(2) as lanes:
            runs = sorted((r for done in lanes.map(lane, range(2)) for r in done), key=number_of)
        time.sleep(GRACE_S)
        shared = sorted(shared_memory() - before)
    document = record(runs, seconds, shared)
    (given.out / "signals.json").write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps({k: v for k, v in document.items() if k != "runs"}, indent=2))
    clean = not any(document[name] for name in ("left_behind", "left_running", "tracebacks"))
    return 0 if document["equal"] == len(runs) and clean else 1


def sweep_until_whole(place: Path, run: Run, quota: Quota | None, seconds: float) -> Run:
    """Start the sweep, disturb it while there are signals, start it again until it is whole."""
    temporary = place / "tmp"
    temporary.mkdir(parents=True)
    share = 0 if quota is None else 3
    for _ in range(ATTEMPTS):
        planned = quota.take() if quota is not None and share else None
        attempt = disturb(place, temporary, planned, seconds)
        if planned is not None and attempt.blow is None and quota is not None:
            quota.give_back()
        share -= planned is not None
        run.attempts.append(attempt)
        if attempt.status == 0:
            break
    return run


def disturb(
    place: Path, temporary: Path, planned: tuple[Blow, float] | None, seconds: float
) -> Attempt:
    """One start of the sweep, with or without a signal."""
    environment = os.environ | {"TMPDIR": str(temporary), "PREFECT_HOME": str(place / "prefect")}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "deployments.cli", *SWEEP, "--lake", str(place / "lake")]
    log = place / "stderr"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=sink,
            env=environment,
            start_new_session=True,
        )
    family: Family = {}
    over = Event()
    watch = Thread(target=follow, args=(process.pid, family, over), daemon=True)
    watch.start()
    sent, blow = None, None
    if planned is not None:
        blow, moment = planned
        until = time.monotonic() + (0.05 + 0.9 * moment) * seconds
        while process.poll() is None and sent is None:
            time.sleep(0.05)
            if time.monotonic() >= until:
                sent = send(blow, process, family)
    status = process.wait(timeout=900)
    ended = time.monotonic()
    over.set()
    watch.join()
    alive, files = left(family, temporary, ended + GRACE_S)
    text = log.read_text(errors="replace")
    return Attempt(
        blow=blow.name if blow is not None and sent is not None else None,
        status=status,
        seconds_to_end=None if sent is None else round(ended - sent, 1),
        lines=len(text.splitlines()),
        traceback="Traceback" in text,
        left_running=[name_of(one) for one in alive],
        left_behind=files,
    )


def left(
    family: Family, temporary: Path, deadline: float
) -> tuple[list[psutil.Process], list[str]]:
    """Running processes and files of an attempt, once there are none or at the deadline."""
    while True:
        alive = {one for one in family.values() if running(one)} | using(temporary)
        files = sorted(path.name for path in temporary.iterdir())
        if not (alive or files) or time.monotonic() >= deadline:
            return sorted(alive, key=lambda one: one.pid), files
        time.sleep(0.2)


def using(place: Path) -> set[psutil.Process]:
    """Running processes that have to do with a directory, whoever their parent is."""
    found = set()
    for one in psutil.process_iter():
        home, near = Path(f"/proc/{one.pid}"), str(place)
        try:
            words = [*one.cmdline(), (home / "environ").read_bytes().decode(errors="replace")]
            words += [str(link.readlink()) for link in ((home / "cwd"), *(home / "fd").iterdir())]
        except (psutil.Error, OSError):
            continue
        if any(near in word for word in words) and running(one):
            found.add(one)
    return found


def send(blow: Blow, process: subprocess.Popen[bytes], family: Family) -> float | None:
    """Send the signal; the moment, or None if nobody was there to receive it."""
    if process.poll() is not None:
        return None
    if blow.hits is None:
        (os.killpg if blow.group else os.kill)(process.pid, blow.number)
        return time.monotonic()
    for one in reversed(list(family.values())):
        try:
            if running(one) and blow.hits(one):
                one.send_signal(blow.number)
                return time.monotonic()
        except psutil.Error:
            continue
    return None


def follow(pid: int, family: Family, over: Event) -> None:
    """Collect every descendant of the process until it is over."""
    while not over.wait(0.1):
        try:
            for one in psutil.Process(pid).children(recursive=True):
                family.setdefault((one.pid, one.create_time()), one)
        except psutil.Error:
            continue


def running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:120] or process.name()
    except psutil.Error:
        return "ended meanwhile"


def rows(place: Path) -> list[dict[str, object]]:
    return Lake.open(place / "lake").sql(ROWS, ["whole"]).to_pylist()


def shared_memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").iterdir()}


def number_of(run: Run) -> int:
    return run.number


def summary(run: Run) -> str:
    blows = ", ".join(one.blow or "none" for one in run.attempts)
    statuses = [one.status for one in run.attempts]
    behind = [(*one.left_running, *one.left_behind) for one in run.attempts]
    return f"run {run.number}: equal {run.equal}, left {behind}, {statuses} ({blows})"


def record(runs: list[Run], seconds: float, shared: Iterable[str]) -> dict[str, object]:
    attempts = [attempt for run in runs for attempt in run.attempts]
    hit = [attempt for attempt in attempts if attempt.blow is not None]
    polite = ("SIGINT", "SIGTERM to the", "SIGTERM to its", "SIGHUP")
    asked = [one for one in hit if str(one.blow).startswith(polite)]
    return {
        "question": "do sweeps under random signals, two at a time, end as undisturbed ones?",
        "runs_of_sweeps": len(runs),
        "signals": len(hit),
        "by_kind": dict(sorted(Counter(str(one.blow) for one in hit).items())),
        "equal": sum(run.equal for run in runs),
        "left_behind": sorted({*shared, *(name for one in attempts for name in one.left_behind)}),
        "left_running": sum(bool(one.left_running) for one in attempts),
        "tracebacks": sum(one.traceback for one in attempts),
        "longest_to_end_after_a_polite_signal_s": max(
            (one.seconds_to_end or 0.0 for one in asked), default=None
        ),
        "undisturbed_seconds": round(seconds, 1),
        "runs": [asdict(run) for run in runs],
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("prefect", "ray", "torch", "duckdb")}
        | {"python": platform.python_version()},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


if __name__ == "__main__":
    sys.exit(main())
