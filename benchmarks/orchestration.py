"""What orchestration costs per candidate: Prefect, Ray and the lake around instant steps.

10,000 candidates of the `instant` policy go through the whole flow with the instant judge. Two
figures: the whole command's flow (start of Ray, selection and report included), and the stages
between the first shard and the last verdict. Writes benchmarks/records/orchestration.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from flows.prefect_api import prefect_api

RECORD = Path(__file__).parent / "records" / "orchestration.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, prefect_api() as api:
        from flows.ledger import software_versions
        from flows.sweep import bon_sweep
        from storage import Lake
        from tasks.problems import load_suite

        api.wait()
        problems = len(load_suite("embedded").problems)
        k = arguments.candidates // problems
        started = time.perf_counter()
        summary = bon_sweep(
            profile="nightly",
            policy="instant",
            k=k,
            run="bench",
            lake=folder,
            judge={"device": "none"},
        )
        wall = time.perf_counter() - started
        span = Lake.open(folder).sql(
            "SELECT epoch((SELECT max(evaluated_at) FROM evaluations)"
            " - (SELECT min(created_at) FROM candidates)) AS seconds"
        )
    n = summary.candidates
    record = {
        "question": "milliseconds of orchestration per candidate",
        "candidates": n,
        "problems": problems,
        "flow_seconds": round(wall, 2),
        "flow_ms_per_candidate": round(1000 * wall / n, 3),
        "shards_seconds": round(span.to_pylist()[0]["seconds"], 2),
        "shards_ms_per_candidate": round(1000 * span.to_pylist()[0]["seconds"] / n, 3),
        "unfinished": summary.unfinished,
        "cores": psutil.cpu_count(),
        "machine": platform.machine(),
        "versions": software_versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
