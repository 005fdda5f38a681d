"""A whole sweep on one GPU, from sampling to report: how long, and where the time goes?

    python benchmarks/gpu_sweep.py --profile gpu-demo --lake build/gpu-lake --out benchmarks/records

The embedded policy writes 64 Triton kernels for each of the 20 problems at KernelBench's sizes. The
command may be cut short (`--seconds`) and given again: the run goes on where it stood, and the
record adds the sessions up. It has the judge's memory and the device's every 15 s, too: what a
thousand candidates in a row leave there. Beside the record lie the draws' small columns as Parquet
(no code, no log-probabilities by token): data to try the docs' queries on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psutil  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import torch  # noqa: E402

from benchmarks.gpu_acceptance import versions  # noqa: E402
from storage.lake import Lake  # noqa: E402

RUN = "gpu-sweep"
_PATIENCE_S = 90.0
_LOOK_S = 15.0
_LONG = ("problems", "sessions")
RESULTS = """
SELECT suite, level, problem_id, sample_index, source_hash, n_tokens, sum_logprob, mean_logprob,
       status, correct, fast_1, speedup, speedup_low, speedup_high, runtime_ms, reference_ms,
       trials, error_ratio, judge_seconds
FROM results ORDER BY problem_id, sample_index
"""
PROBLEMS = """
SELECT problem_id, count(*) AS draws, count(DISTINCT source_hash) AS sources,
       count(*) FILTER (correct) AS correct, count(*) FILTER (fast_1) AS fast_1,
       max(speedup) FILTER (correct) AS best_speedup
FROM results GROUP BY problem_id ORDER BY problem_id
"""
STAGES = """
SELECT count(*) AS verdicts, sum(compile_seconds) AS compile, sum(check_seconds) AS check,
       sum(time_seconds) AS time, sum(wall_seconds) AS wall
FROM evaluations_latest
"""
SAMPLING = "SELECT sum(sample_seconds) AS seconds FROM candidates"


def memory(sweep: psutil.Process) -> dict[str, float]:
    """Resident MiB of the judges' own processes and the number of workers; the devices' MiB."""
    judges = [one for one in sweep.children(recursive=True) if "ray::JudgeActor" in one.name()]
    found: dict[str, float] = {
        "judge_mib": round(sum(one.memory_info().rss for one in judges) / 2**20),
        "workers": sum(len(one.children(recursive=True)) for one in judges),
    }
    if torch.cuda.is_available():
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        said = subprocess.run(query, capture_output=True, check=True).stdout
        found["device_mib"] = sum(map(int, said.split()))  # a line for each GPU
    return found


def sweep(profile: str, lake: Path, seconds: float) -> dict[str, Any]:
    """Start or go on with the run: its seconds, whether it came to its end, and its memory."""
    command = [sys.executable, "-m", "deployments.cli", "sweep", "--profile", profile]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--lake", str(lake), "--run", RUN], cwd=ROOT)
    looks = []
    while process.poll() is None and (past := time.monotonic() - started) <= seconds:
        with contextlib.suppress(psutil.NoSuchProcess):
            looks.append({"seconds": round(past, 1), **memory(psutil.Process(process.pid))})
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(_LOOK_S, seconds - past))
    code = process.poll()
    if code is None:
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_S)
    elif code != 0:
        raise SystemExit(f"bon sweep ended with {code}")
    past = time.monotonic() - started
    return {"seconds": round(past, 1), "ended": code == 0, "memory": looks}


def rows(lake: Lake, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.sql(query, [RUN]).to_pylist()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="gpu-demo")
    parser.add_argument("--lake", type=Path, default=ROOT / "build" / "gpu-lake")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--seconds", type=float, default=3600.0, help="interrupt the sweep then")
    given = parser.parse_args()
    sessions_file = given.lake / "sessions.json"
    sessions = json.loads(sessions_file.read_text()) if sessions_file.is_file() else []
    sessions.append(sweep(given.profile, given.lake, given.seconds))
    ended = sessions[-1]["ended"]
    sessions_file.write_text(json.dumps(sessions))
    lake = Lake.open(given.lake)
    problems = rows(lake, PROBLEMS)
    document = {
        "question": "a sweep on one GPU from sampling to report: seconds, and their shares",
        "profile": given.profile,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "versions": versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "sessions": sessions,
        "seconds": round(sum(one["seconds"] for one in sessions), 1),
        "ended": ended,
        "draws": sum(one["draws"] for one in problems),
        "judge_seconds": rows(lake, STAGES)[0],
        "sampling_seconds": rows(lake, SAMPLING)[0]["seconds"],
        "problems": problems,
    }
    (given.out / "gpu_sweep.json").write_text(json.dumps(document, indent=2) + "\n")
    target = given.out / "gpu_sweep_results.parquet"
    pq.write_table(lake.sql(RESULTS, [RUN]), target, compression="zstd")
    print(json.dumps({k: v for k, v in document.items() if k not in _LONG}, indent=2))
    for one in problems:
        print(one)
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main())
