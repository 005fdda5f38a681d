"""The strategy laboratory at scale: import, exact curves, SQL. Writes benchmarks/records/lab.json.

1,000,000 candidates over 250 problems are imported and studied at the budgets 1, 2, 4, … 1024, and
at every budget from 1 to 1024; their report is built; then a per-problem pass@k query runs over
10,000,000 rows. Peaks of memory are of the whole process up to there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

RECORD = Path(__file__).parent / "records" / "lab.json"
T = TypeVar("T")


def results_file(path: Path, problems: int, n: int, seed: int) -> Path:
    """A results table as a user would bring it: half of the draws correct, scores without ties."""
    rng = np.random.default_rng(seed)
    rows = problems * n
    problem_id = np.repeat(np.arange(problems), n)
    correct = rng.random(rows) < rng.beta(2, 2, problems)[problem_id]
    speedup = np.where(correct, rng.lognormal(0, 0.6, rows), 0.0)
    table = pa.table(
        {
            "problem_id": problem_id,
            "sample_index": np.tile(np.arange(n), problems),
            "mean_logprob": -rng.gamma(2.0, 0.5, rows),
            "n_tokens": rng.integers(50, 400, rows),
            "correct": correct,
            "speedup": speedup,
        }
    )
    pq.write_table(table, path)
    return path


class Stopwatch:
    """Seconds by name: by the clock, and of all cores together, whatever else the machine does."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], T]) -> T:
        wall, cpu = time.perf_counter(), time.process_time()
        made = work()
        self.wall[name] = round(time.perf_counter() - wall, 2)
        self.cpu[name] = round(time.process_time() - cpu, 2)
        print(name, self.wall[name], self.cpu[name], flush=True)
        return made


def peak_gib() -> float:
    """The most memory that this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=250)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--more", type=int, default=9, help="further runs of the same size for SQL")
    parser.add_argument("--busy", action="store_true", help="say that the machine was in use")
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    from storage import Lake
    from tasks.imports import import_results
    from tasks.report import build_report
    from tasks.strategies import strategy
    from tasks.strategies.compute import strategies_document
    from tasks.strategies.select import select_run
    from tasks.strategies.step import write_selections

    watch = Stopwatch()
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(Path(folder) / "lake", create=True)
        file = results_file(Path(folder) / "r0.parquet", arguments.problems, arguments.samples, 0)
        rows = watch.time("import_parquet", lambda: import_results(file, "r0", lake))
        powers = [2**i for i in range(11)]
        watch.time("strategies_powers_of_two", lambda: strategies_document(lake, ["r0"], powers))
        watch.time(
            "strategies_powers_of_two_with_exploratory",
            lambda: strategies_document(lake, ["r0"], powers, exploratory=True),
        )
        watch.time(
            "strategies_every_k_to_1024", lambda: strategies_document(lake, ["r0"], range(1, 1025))
        )
        peaks["study"] = peak_gib()
        page = watch.time(
            "report", lambda: build_report(lake, ["r0"], Path(folder) / "report.html")
        )
        megabytes = round(page.stat().st_size / 1e6, 1)
        peaks["report"] = peak_gib()
        watch.time("selections", lambda: write_selections(lake, "r0"))
        for i in range(1, arguments.more + 1):
            more = results_file(
                Path(folder) / f"r{i}.parquet", arguments.problems, arguments.samples, i
            )
            import_results(more, f"r{i}", lake)
            more.unlink()
            counted = select_run(lake, f"r{i}", [strategy("random")])
            lake.append("selections", counted, run_id=f"r{i}")
        query = (
            "SELECT problem_id, pass_at_k(count(*), count(*) FILTER (correct), 16) AS pass_16 "
            "FROM judged GROUP BY problem_id ORDER BY problem_id"
        )
        stored = (
            "SELECT problem_id, pass_at_k(sum(n), sum(n_correct), 16) AS pass_16 "
            "FROM counts GROUP BY problem_id ORDER BY problem_id"
        )
        quick = watch.time("sql_pass_at_k_from_counts", lambda: lake.sql(stored))
        afresh = watch.time("sql_pass_at_k_counted_afresh", lambda: lake.sql(query))
        assert np.allclose(quick["pass_16"].to_numpy(), afresh["pass_16"].to_numpy())
        peaks["sql"] = peak_gib()
    record = {
        "question": "seconds to import, study and query candidates",
        "candidates": rows,
        "problems": arguments.problems,
        "rows_of_the_query": rows * (1 + arguments.more),
        "seconds": watch.wall,
        "cpu_seconds": watch.cpu,
        "report_megabytes": megabytes,
        "peak_gib": peaks,
        "blas_threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "cores": psutil.cpu_count(),
        "machine": platform.machine(),
        "machine_was_busy": arguments.busy,
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "versions": {name: version(name) for name in ("numpy", "scipy", "duckdb", "pyarrow")},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
