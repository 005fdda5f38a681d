"""Many problems with few draws each, through the commands. Writes records/many_problems.json.

100,000 problems of 10 draws are imported, compared and reported; each command is a process of its
own, with its seconds by the clock and of all cores, the peak of its memory, and what it wrote. An
import is then killed while it works out its selections, and the same command finishes it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.lab import results_file

ROOT = Path(__file__).parents[1]
RECORD = Path(__file__).parent / "records" / "many_problems.json"
BARS = {"import": 60, "strategies": 120, "report": 120}
"""Seconds by the clock, on a machine that does nothing else."""
LARGEST_PAGE_MB, LARGEST_PEAK_GB = 20, 4


def timed(arguments: list[str], out: Path | None = None) -> dict[str, float]:
    """One command: seconds by the clock and of all cores, peak of memory in GB."""
    began = time.perf_counter()
    with (out or Path(os.devnull)).open("wb") as sink:
        process = subprocess.Popen(bon(arguments), stdout=sink, env=environment())
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"bon {' '.join(arguments)} ended with {status}")
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_gb": round(used.ru_maxrss * 1024 / 1e9, 2),
    }


def bon(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "deployments.cli", *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def killed_and_finished(file: Path, lake: Path) -> dict[str, object]:
    """Kill an import once its run's row is written, and import again."""
    given = ["import", str(file), "--run", "r", "--lake", str(lake)]
    process = subprocess.Popen(bon(given), stdout=subprocess.DEVNULL, env=environment())
    while process.poll() is None and not list(lake.glob("runs/*/run_id=r/part-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = bool(list(lake.glob("selections/*/run_id=r/part-*")))
    again = timed(given)
    return {"killed_before_selections": not before, "again": again,
            "selections": len(list(lake.glob("selections/*/run_id=r/part-*")))}  # fmt: skip


def megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--record", type=Path, default=RECORD)
    given = parser.parse_args()
    load = psutil.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = results_file(folder / "results.parquet", given.problems, given.draws, 0)
        lake, page = str(folder / "lake"), folder / "report.html"
        at = ["r", "--lake", lake]
        steps: dict[str, dict[str, float]] = {
            "import": timed(["import", str(file), "--run", *at]),
            "import again": timed(["import", str(file), "--run", *at]),
            "strategies": timed(["strategies", *at, "--json"], folder / "strategies.json"),
            "report": timed(["report", *at, "--out", str(page)]),
            "report --json": timed(["report", *at, "--json"], folder / "report.json"),
        }
        sizes = {one.name: megabytes(one) for one in (page, *folder.glob("*.json"))}
        killed = killed_and_finished(file, folder / "other")
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "problems": given.problems,
        "draws": given.draws,
        "steps": steps,
        "megabytes": sizes,
        "killed": killed,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(),
                    "load_before": round(load, 1)},
        "versions": {one: version(one) for one in ("duckdb", "numpy", "pyarrow", "scipy")}
        | {"python": platform.python_version()},
    }  # fmt: skip
    given.record.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))
    for step, most in BARS.items():
        if steps[step]["seconds"] > most:
            print(f"{step} took longer than {most} s")
    if max(one["peak_gb"] for one in steps.values()) > LARGEST_PEAK_GB:
        print(f"more than {LARGEST_PEAK_GB} GB")
    if max(sizes.values()) > LARGEST_PAGE_MB:
        print(f"a document of more than {LARGEST_PAGE_MB} MB")


if __name__ == "__main__":
    main()
