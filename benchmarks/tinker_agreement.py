"""Steps from the same items and the same first weights by `local` and by `tinker`, against the JAX
backend of SkyRL on a CPU: do they go the same way?

In an environment of its own (Python 3.12):
    uv pip install 'skyrl[tinker,jax]==0.4.0' aiohttp torch        # 6.2 GB, most of it CUDA's
and in ours, with the extra `tinker`:
    python benchmarks/tinker_agreement.py --skyrl ENV/bin/python

The embedded model, upcast to float32 for both; draws of the demo's problems; rank 8, alpha 32.
SkyRL starts its engine by `uv run`; here its own interpreter does. SkyRL takes the mean over a
text's tokens and then over texts, where the protocol says sum; `tinker` makes up for it, and the
first step is made once more as if it did not. Writes benchmarks/records/tinker_agreement.json.
About three minutes on two cores, most of it JAX compiling.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tasks.adapt.checkpoint import ADAPTER_FILE, Checkpoint
from tasks.adapt.effect import check_effect
from tasks.adapt.items import DrawKey, TrainItem, train_items
from tasks.adapt.step import make_step
from tasks.adapt.trainers.base import Probe, StepSpec
from tasks.adapt.trainers.local import LocalSettings, LocalTrainer
from tasks.adapt.trainers.tinker import ALPHA, CLIENT, TinkerSettings, tinker_address
from tasks.adapt.trainers.tinker.settings import SERVER
from tasks.adapt.trainers.tinker.trainer import TinkerTrainer
from tasks.policies import SamplingParams, sample_seed
from tasks.policies.causal_lm import CausalLMPolicy
from tasks.policies.embedded import WEIGHTS
from tasks.policies.prompt import read_template
from tasks.problems import load_suite

RECORD = Path(__file__).parent / "records" / "tinker_agreement.json"
RANK = 8
PROBLEMS = (12, 14, 89, 98)
DRAWS = 8
STEPS = (1, 2)
START_SECONDS = 300.0

LAUNCHER = """
import sys, uvicorn
import skyrl.tinker.api as api
from skyrl.tinker.config import EngineConfig, config_to_argv

port, model, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
api._build_uv_run_cmd_engine = lambda _, config: [
    sys.executable, "-m", "skyrl.tinker.engine", *config_to_argv(config)
]
api.app.state.engine_config = EngineConfig(
    base_model=model, backend="jax",
    backend_config={"max_lora_adapters": 4, "max_lora_rank": 8, "train_micro_batch_size": 4},
    checkpoints_base=folder + "/checkpoints", database_url=f"sqlite:///{folder}/tinker.db",
)
uvicorn.run(api.app, host="127.0.0.1", port=port, log_level="warning")
"""


def float32_copy(to: Path) -> Path:
    shutil.copytree(WEIGHTS, to)
    for path in to.glob("*.safetensors"):
        upcast = {name: one.float() for name, one in load_file(path).items()}
        save_file(upcast, path, metadata={"format": "pt"})
    config = json.loads((to / "config.json").read_text()) | {"dtype": "float32"}
    (to / "config.json").write_text(json.dumps(config))
    return to


@contextmanager
def skyrl(python: Path, model: Path, folder: Path) -> Iterator[str]:
    """A server with this model; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [str(python), "-c", LAUNCHER, str(port), str(model), str(folder)],
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            | {"JAX_PLATFORMS": "cpu"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    httpx.get(f"{url}/api/v1/healthz", timeout=5)
                    break
                except httpx.HTTPError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        sys.exit(f"SkyRL does not start:\n{(folder / 'server.log').read_text()}")
                time.sleep(1)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def sampler(base: Path) -> CausalLMPolicy:
    return CausalLMPolicy(
        name="embedded",
        path=base,
        params=SamplingParams(max_tokens=256, logprob_mode="processed_logprobs"),
        template=read_template("embedded"),
        device=torch.device("cpu"),
    )


def drawn(policy: CausalLMPolicy, first: int) -> list[TrainItem]:
    """Items of all problems, with advantages that mean nothing and add up to 0 per problem."""
    items: list[TrainItem] = []
    rng = np.random.default_rng(first)
    for problem in load_suite("embedded").select(PROBLEMS):
        numbers = range(first, first + DRAWS)
        samples = policy.sample(problem, [sample_seed(7, problem, i) for i in numbers])
        advantages = rng.normal(size=DRAWS)
        items += train_items(
            [DrawKey("run", problem.suite, problem.level, problem.problem_id, i) for i in numbers],
            policy.encode_prompt(problem),
            [one.token_ids for one in samples],
            [one.logprobs for one in samples],
            list(advantages - advantages.mean()),
        )
    return items


def delta(folder: Path) -> torch.Tensor:
    """What an adapter adds to all weights, as one vector."""
    tensors = load_file(folder / ADAPTER_FILE)
    halves = sorted(name for name in tensors if ".lora_A." in name)
    pairs = [(tensors[name], tensors[name.replace(".lora_A.", ".lora_B.")]) for name in halves]
    return torch.cat([(b.double() @ a.double()).flatten() * ALPHA / RANK for a, b in pairs])


def served(policy: CausalLMPolicy, probes: tuple[Probe, ...]) -> list[list[float]]:
    return [
        list(policy.score_tokens(probe.item.prompt, [probe.item.tokens])[0].processed or ())
        for probe in probes
    ]


def taken_for_a_sum(url: str, base: Path, folder: Path) -> float:
    """Cosine of the first step, if advantages are sent as to a server that adds up."""
    address = tinker_address(f"tinker:{url}#loss=sum")
    assert address is not None
    remote = TinkerTrainer(TinkerSettings(base, address, rank=RANK, in_float32=True))
    made = make_step(remote, None, drawn(sampler(base), 100 * STEPS[0]), StepSpec(), folder / "sum")
    remote.close()
    (beside,) = [one for one in (folder / "local").iterdir() if (one / "first").exists()]
    assert made.saved is not None
    return float(torch.cosine_similarity(delta(made.saved.folder), delta(beside), dim=0))


def measure(url: str, base: Path, folder: Path) -> list[dict[str, float]]:
    """A row for each step: both trainers from the same items, each from its own checkpoint. What
    the second learns from is drawn under the server's first."""
    policy = sampler(base)
    address = tinker_address(f"tinker:{url}")
    assert address is not None
    remote = TinkerTrainer(TinkerSettings(base, address, rank=RANK, in_float32=True))
    local = LocalTrainer(LocalSettings(base, rank=RANK, alpha=ALPHA))
    remote.start(None)
    fresh = remote.save(folder / "fresh")
    local._model.fresh = {
        name.replace(".weight", ".default.weight"): one
        for name, one in load_file(fresh.folder / ADAPTER_FILE).items()
    }
    spec, rows = StepSpec(), []
    theirs: Checkpoint | None = None
    ours: Checkpoint | None = None
    for step in STEPS:
        items = drawn(policy, 100 * step)
        made = make_step(remote, theirs, items, spec, folder / "remote")
        beside = make_step(local, ours, items, spec, folder / "local")
        assert made.saved is not None
        assert beside.saved is not None
        policy.set_adapter(made.saved.folder)
        effect = check_effect(made.report.probes, served(policy, made.report.probes), made.saved)
        a, b = delta(made.saved.folder), delta(beside.saved.folder)
        if step == STEPS[0]:
            (beside.saved.folder / "first").touch()
        rows.append(
            {
                "step": step,
                "cosine_of_delta_w": float(torch.cosine_similarity(a, b, dim=0)),
                "length_ratio": float(a.norm() / b.norm()),
                "sampler_apart_mean": made.report.mismatch_mean,
                "served_apart_mean": effect.apart,
                "grad_norm": made.report.grad_norm or 0.0,
                "grad_norm_local": beside.report.grad_norm or 0.0,
                "kl_from_base_estimate": made.report.kl_from_base,
                "kl_from_base_local": beside.report.kl_from_base,
                "tensors": len(made.saved.tensors),
                "tokens": made.report.n_tokens,
            }
        )
        print(rows[-1], flush=True)
        theirs, ours = made.checkpoint, beside.checkpoint
    remote.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--skyrl", type=Path, required=True, help="The interpreter of SkyRL's environment."
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("remote", "local", "sum"):
            (folder / part).mkdir()
        base = float32_copy(folder / "model")
        with skyrl(asked.skyrl, base, folder / "server") as url:
            rows = measure(url, base, folder)
            as_a_sum = taken_for_a_sum(url, base, folder)
    record = {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": platform.processor() or platform.machine(),
        "server": f"{SERVER}, JAX backend on a CPU",
        "client": CLIENT,
        "python": platform.python_version(),
        "torch": version("torch"),
        "problems": list(PROBLEMS),
        "draws_of_a_problem": DRAWS,
        "rank": RANK,
        "steps": rows,
        "cosine_if_taken_for_a_sum": as_a_sum,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
