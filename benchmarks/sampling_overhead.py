"""What our sampling costs over bare vLLM, side by side on the same weights.

Two engines are started: a bare `vllm.LLM` in this process, and the `vllm` policy as a sweep uses it
(a Ray actor, shards in threads, every candidate written to a lake). Rounds alternate; each draws
as many completions of the same prompts; the measure is completion tokens per second of wall time.
Bare vLLM gives log-probabilities of the sampled tokens too: a sweep cannot do without.

Needs vLLM (`make test-vllm` makes an environment). Writes records/sampling_overhead.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "records" / "sampling_overhead.json"


class _Silent:
    def advance(self, stage: str, count: int = 1) -> None: ...


def bare_round(llm: Any, prompts: list[list[int]], k: int, max_tokens: int, seed: int) -> float:
    """Tokens per second of `vllm.LLM.generate`, K completions a prompt."""
    from vllm import SamplingParams

    asked = SamplingParams(n=k, temperature=1.0, max_tokens=max_tokens, seed=seed, logprobs=0)
    started = time.perf_counter()
    outputs = llm.generate([{"prompt_token_ids": ids} for ids in prompts], asked, use_tqdm=False)
    wall = time.perf_counter() - started
    return sum(len(one.token_ids) for out in outputs for one in out.outputs) / wall


def our_round(policy: Any, problems: list[Any], k: int, seed: int, folder: str) -> float:
    """Tokens per second of whole shards: drawn, handed over and written to a lake."""
    from storage import Lake
    from tasks.plan import Shard
    from tasks.sample.step import sample_shard
    from tasks.sweep import Draws

    lake = Lake.open(folder, create=True)
    run_id = f"round-{seed}"
    draws = Draws(
        run_id=run_id,
        lake=lake,
        seed=seed,
        policy_id="bench",
        policy=policy,
        progress=_Silent(),
    )
    shards = [Shard(one, tuple(range(k))) for one in problems]
    started = time.perf_counter()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda shard: sample_shard(draws, shard), shards))
    wall = time.perf_counter() - started
    tokens = lake.sql("SELECT sum(n_tokens) AS n FROM candidates", [run_id]).to_pylist()[0]["n"]
    return float(tokens) / wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tasks/policies/embedded/weights")
    parser.add_argument("--template", default="embedded")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("-k", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--note", default="", help="E.g. what else ran on the machine.")
    parser.add_argument("--record", type=Path, default=RECORD)
    given = parser.parse_args()
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")

    from vllm import LLM

    from flows.ledger import software_versions
    from tasks.cluster import cluster
    from tasks.policies import SamplingParams
    from tasks.policies.prompt import read_template
    from tasks.policies.vllm_text import ModelText
    from tasks.problems import load_suite
    from tasks.sample.actor import start_policy

    problems = list(load_suite("embedded").problems[: given.problems])
    params = SamplingParams(max_tokens=given.max_tokens)
    text = ModelText(Path(given.model), params, read_template(given.template), {})
    prompts = [text.encode_prompt(one) for one in problems]
    spec = f"vllm:{given.model}#template={given.template},dtype={given.dtype}"
    spec += ",max_len=1024,kv_gib=0.5"
    bare: list[float] = []
    ours: list[float] = []
    with cluster(), tempfile.TemporaryDirectory() as folder:
        policy = start_policy(spec, params, 1)
        llm = LLM(
            model=given.model,
            dtype=given.dtype,
            max_model_len=1024,
            kv_cache_memory_bytes=1 << 29,
            enable_prefix_caching=True,
            disable_log_stats=True,
        )
        assert policy.policy_id
        for number in range(given.rounds + 1):
            a = bare_round(llm, prompts, given.k, given.max_tokens, number)
            b = our_round(policy, problems, given.k, number, folder)
            print(f"round {number}: bare {a:.0f} tokens/s, ours {b:.0f}", flush=True)
            if number:  # the first warms both up
                bare.append(a)
                ours.append(b)
        policy.close()
    record = {
        "question": "sampling overhead over bare vLLM, in tokens per second",
        "overhead": round(1 - statistics.median(ours) / statistics.median(bare), 4),
        "bare_tokens_per_second": [round(one, 1) for one in bare],
        "our_tokens_per_second": [round(one, 1) for one in ours],
        "model": given.model,
        "dtype": given.dtype,
        "prompts": len(prompts),
        "completions_per_prompt": given.k,
        "max_tokens": given.max_tokens,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "note": given.note,
        "versions": software_versions(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    given.record.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
