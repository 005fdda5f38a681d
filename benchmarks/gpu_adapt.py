"""A whole adaptation on one GPU: seconds by stage, and who holds the device when.

    python benchmarks/gpu_adapt.py --lake build/gpu-adapt --out benchmarks/records

The embedded policy writes Triton kernels for five problems at KernelBench's sizes; three arms learn
on the GPU, in turns with the judge. The command may be cut short (`--seconds`) and given again: the
run goes on where it stood, and the record adds the sessions up. Twice a second it looks which
processes have memory of the device mapped, and how much of it is in use: never may two of policy,
trainer and judge have it at once, and nobody after the end. (Open files tell nothing: torch opens
the device in every process that asks whether there is one.)

`--tiny` takes the policy `transformers:` with a small model of random weights, made here without
asking a hub, so that the policy is on the device, too, and all three take turns. Such a model
writes no kernel, so the arm learns from a teacher, which is told what failed. Without a GPU all of
it runs on the CPU. Not yet run on a GPU.
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
from tasks.policies.embedded import WEIGHTS  # noqa: E402

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


TINY = """
suite = "{suite}"
problems = [12, 14]
policy = "transformers:{model}"
seed = 42

[adapt]
arms = ["sdpo"]
steps = 2
group = 4
trainer = "{trainer}"
dtype = "float32"

[sampling]
temperature = 1.0
max_tokens = 96
mode = "body"
backend = "{backend}"

[judge]
device = "{device}"
mode = "fast"
protocol = "trusted"
timeout_s = 60.0
"""
ON_GPU = {
    "suite": "embedded:kernelbench",
    "trainer": "local:cuda",
    "backend": "triton",
    "device": "cuda:0",
}
ON_CPU = {"suite": "embedded", "trainer": "local", "backend": "cpp", "device": "cpu"}


def tiny_profile(folder: Path) -> Path:
    """A profile whose policy is a model of random weights: the shape of a small Llama, with the
    tokens of the embedded one. Both are made where they are not there yet."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    model, path = folder / "model", folder / "tiny.toml"
    if not (model / "config.json").is_file():
        tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
        tokenizer.save_pretrained(model)
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=8192,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=0.2,  # so that a prompt makes a difference
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(model)
    where = ON_GPU if torch.cuda.is_available() else ON_CPU
    path.write_text(TINY.format(model=model.resolve(), **where))
    return path


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
    parser.add_argument("--tiny", action="store_true", help="a policy that is on the device, too")
    parser.add_argument("--lake", type=Path, default=ROOT / "build" / "gpu-adapt")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--seconds", type=float, default=3600.0, help="interrupt the run then")
    given, more = parser.parse_known_args()
    if given.tiny:
        folder = given.lake.with_name(f"{given.lake.name}-model")
        folder.mkdir(parents=True, exist_ok=True)
        given.profile = str(tiny_profile(folder))
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
    name = "gpu_adapt_tiny.json" if given.tiny else "gpu_adapt.json"
    (given.out / name).write_text(json.dumps(document, indent=2, default=str) + "\n")
    for name in ("seconds", "ended", "sessions"):
        print(name, document[name])
    for one in (*document["spend"], *document["arms"]):
        print(one)
    return 0 if document["ended"] else 1


if __name__ == "__main__":
    sys.exit(main())
