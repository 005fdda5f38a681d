"""A whole adaptation on one GPU: seconds by stage, and who holds the device when.

    python benchmarks/gpu_adapt.py --lake build/gpu-adapt --out benchmarks/records

The embedded policy writes Triton kernels for five problems at KernelBench's sizes; three arms learn
on the GPU, in turns with the judge. The command may be cut short (`--seconds`) and given again: the
run goes on where it stood, and the record adds the sessions up. Twice a second it looks which
processes have memory of the device mapped, and how much of it is in use: never may a trainer and a
judge have it at once, and nobody after the end. (Open files tell nothing: torch opens the device in
every process that asks whether there is one.)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
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
import torch  # noqa: E402

from benchmarks.gpu_acceptance import versions  # noqa: E402
from storage.lake import Lake  # noqa: E402

RUN = "gpu-adapt"
_PATIENCE_S = 90.0
_LOOK_S = 0.5
_DEVICE = re.compile(r"/dev/nvidia\d+")
_ROLES = {"_TrainerActor": "trainer", "JudgeActor": "judge", "_PolicyActor": "policy"}
SPEND = """
SELECT stage, sum(rollouts)::BIGINT AS rollouts,
       sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(trained_tokens)::BIGINT AS trained_tokens, sum(evaluations)::BIGINT AS evaluations,
       round(sum(seconds), 1) AS seconds, round(sum(gpu_seconds), 1) AS gpu_seconds
FROM spend GROUP BY stage ORDER BY stage
"""
STEPS = """
SELECT arm, unit, step, status, n_items, loss, grad_norm, mismatch_mean, kl_from_parent,
       kl_from_base, seconds, peak_bytes
FROM train_steps ORDER BY arm, unit, step
"""
ARMS = """
SELECT arm, step, count(*) AS draws, count(*) FILTER (correct) AS correct,
       count(*) FILTER (fast_1) AS fast_1, max(speedup) FILTER (correct) AS best_speedup
FROM results WHERE arm IS NOT NULL GROUP BY arm, step ORDER BY arm, step
"""


def role(process: psutil.Process) -> str | None:
    """Whose child a process is, or what it is itself."""
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.parents()]:
            title = one.name() + " ".join(one.cmdline()[:1])
            for word, found in _ROLES.items():
                if word in title:
                    return found
    return None


def holders() -> dict[str, int]:
    """Processes that have memory of a GPU mapped, counted by role."""
    found: dict[str, int] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if _DEVICE.search(Path(f"/proc/{process.pid}/maps").read_text("utf-8", "replace")):
                name = role(process) or "other"
                found[name] = found.get(name, 0) + 1
    return found


def device_mib() -> int:
    """Memory in use on all GPUs."""
    if not torch.cuda.is_available():
        return 0
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    said = subprocess.run(query, capture_output=True, check=True).stdout
    return sum(map(int, said.split()))


def adapt(profile: str, lake: Path, seconds: float, more: list[str]) -> dict[str, Any]:
    """Start or go on with the run: its seconds, whether it came to its end, and who held what."""
    command = [sys.executable, "-m", "deployments.cli", "adapt", "--profile", profile]
    command += ["--lake", str(lake), "--run", RUN, *more]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT)
    held: dict[str, dict[str, int]] = {}
    while process.poll() is None and time.monotonic() - started <= seconds:
        name = " and ".join(sorted(holders())) or "nobody"
        seen = held.setdefault(name, {"looks": 0, "most_mib": 0})
        seen["looks"] += 1
        seen["most_mib"] = max(seen["most_mib"], device_mib())
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
    code = process.poll()
    if code is None:
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_S)
    elif code != 0:
        raise SystemExit(f"bon adapt ended with {code}")
    time.sleep(2.0)
    return {
        "seconds": round(time.monotonic() - started, 1),
        "ended": code == 0,
        "held_by": held,
        "holders_after": holders(),
        "device_mib_after": device_mib(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="adapt-gpu")
    parser.add_argument("--lake", type=Path, default=ROOT / "build" / "gpu-adapt")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--seconds", type=float, default=3600.0, help="interrupt the run then")
    given, more = parser.parse_known_args()
    sessions_file = given.lake / "sessions.json"
    sessions = json.loads(sessions_file.read_text()) if sessions_file.is_file() else []
    sessions.append(adapt(given.profile, given.lake, given.seconds, more))
    sessions_file.write_text(json.dumps(sessions))
    lake = Lake.open(given.lake)
    document = {
        "question": "an adaptation on one GPU: seconds by stage, and who holds the device when",
        "profile": given.profile,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "versions": versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(sum(one["seconds"] for one in sessions), 1),
        "ended": sessions[-1]["ended"],
        "sessions": sessions,
        "spend": lake.sql(SPEND, [RUN]).to_pylist(),
        "arms": lake.sql(ARMS, [RUN]).to_pylist(),
        "steps": lake.sql(STEPS, [RUN]).to_pylist(),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "gpu_adapt.json").write_text(json.dumps(document, indent=2, default=str) + "\n")
    for name in ("seconds", "ended", "sessions"):
        print(name, document[name])
    for one in (*document["spend"], *document["arms"]):
        print(one)
    return 0 if document["ended"] else 1


if __name__ == "__main__":
    sys.exit(main())
