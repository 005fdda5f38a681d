"""The strategy laboratory at scale: import, exact curves, SQL. Writes benchmarks/records/lab.json.

1,000,000 candidates over 250 problems are imported and studied at the budgets 1, 2, 4, … 1024, and
at every budget from 1 to 1024; then a per-problem pass@k query runs over 10,000,000 rows.
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


def timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), round(time.perf_counter() - started, 2)


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
    from tasks.strategies.document import strategies_document

    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(Path(folder) / "lake", create=True)
        file = results_file(Path(folder) / "r0.parquet", arguments.problems, arguments.samples, 0)
        rows, seconds["import_parquet"] = timed(lambda: import_results(file, "r0", lake))
        powers = [2**i for i in range(11)]
        _, seconds["strategies_powers_of_two"] = timed(
            lambda: strategies_document(lake, ["r0"], powers)
        )
        _, seconds["strategies_powers_of_two_with_exploratory"] = timed(
            lambda: strategies_document(lake, ["r0"], powers, exploratory=True)
        )
        _, seconds["strategies_every_k_to_1024"] = timed(
            lambda: strategies_document(lake, ["r0"], range(1, 1025))
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        for i in range(1, arguments.more + 1):
            more = results_file(
                Path(folder) / f"r{i}.parquet", arguments.problems, arguments.samples, i
            )
            import_results(more, f"r{i}", lake)
            more.unlink()
        query = (
            "SELECT problem_id, pass_at_k(count(*), count(*) FILTER (correct), 16) AS pass_16 "
            "FROM judged GROUP BY problem_id ORDER BY problem_id"
        )
        _, seconds["sql_pass_at_k_first"] = timed(lambda: lake.sql(query))
        _, seconds["sql_pass_at_k_again"] = timed(lambda: lake.sql(query))
    record = {
        "question": "seconds to import, study and query candidates",
        "candidates": rows,
        "problems": arguments.problems,
        "rows_of_the_query": rows * (1 + arguments.more),
        "seconds": seconds,
        "peak_gib_of_the_study": round(peak, 2),
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
