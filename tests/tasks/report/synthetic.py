"""Lakes with the shapes that a report must bear, written through the lake's own writer."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np

from storage import Lake

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SUITE = "embedded:cpu"
NAMES = {
    4: "4_Matrix_vector_multiplication",
    5: "5_Matrix_scalar_multiplication",
    12: "12_Matmul_with_diagonal_matrices",
    14: "14_Matmul_for_upper_triangular_matrices",
    15: "15_Matmul_for_lower_triangular_matrices",
    18: "18_Matmul_with_transposed_both",
    28: "28_HardSigmoid",
    30: "30_Softsign",
    32: "32_HardTanh",
    36: "36_RMSNorm",
    89: "89_cumsum",
    98: "98_KLDivLoss",
}
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Approach:
    """A way to write a kernel: how often it is drawn, how sure the model is, how fast it is."""

    name: str
    weight: float
    surprisal: float
    speedup: float
    status: str = "correct"


APPROACHES = (
    Approach("naive loop", 0.30, 0.12, 0.55),
    Approach("blocked loop", 0.22, 0.22, 0.98),
    Approach("vectorised", 0.14, 0.34, 1.45),
    Approach("vectorised, threaded", 0.05, 0.55, 2.30),
    Approach("wrong axis", 0.10, 0.30, 0.0, "incorrect"),
    Approach("missing brace", 0.09, 0.45, 0.0, "compile_error"),
    Approach("out of bounds", 0.05, 0.40, 0.0, "runtime_error"),
    Approach("endless loop", 0.02, 0.42, 0.0, "timeout"),
    Approach("replays the result", 0.03, 0.90, 0.0, "rejected"),
)


def write_run(
    root: Path,
    run_id: str = "demo",
    *,
    problems: Sequence[int] = tuple(NAMES),
    k: int = 16,
    seed: int = 0,
    logprobs: bool = True,
    evaluated: bool = True,
    approaches: Sequence[Approach] = APPROACHES,
    tokens: bool = True,
    machines: Sequence[str] = (),
    refused: Sequence[int] = (),
    headroom: float = 0.35,
    busy: bool = False,
    library: bool = False,
    cut_short: int = 0,
) -> Lake:
    """A sweep as the flow would leave it: runs, problems, candidates, evaluations.

    `machines`: the models of hardware that the sources were measured on, by turns.
    `headroom`: how much problems differ in the speedups that they allow (log scale).
    `busy`, `library`: every verdict carries `busy-machine`, or `library-calls`.
    `refused`: problems that the judge refused: nothing of them has a verdict.
    `cut_short`: draws of each problem that reached the limit of tokens. Of the first draw of each a
    speedup of 5 is claimed.
    """
    lake = Lake.open(root, create=True)
    draws = np.random.default_rng(seed)
    candidates: list[dict[str, object]] = []
    evaluations: dict[tuple[int, str], dict[str, object]] = {}
    for problem in problems:
        room = float(np.exp(draws.normal(0.0, 0.35) * headroom / 0.35))
        spread = 1.0 if problem % 4 else 0.02
        weights = np.array([approach.weight for approach in approaches])
        for index in range(k):
            approach = approaches[int(draws.choice(len(approaches), p=weights / weights.sum()))]
            variant = int(draws.integers(0, 3))
            source = _source(NAMES[problem], approach.name, variant)
            digest = hashlib.sha256(source.encode()).hexdigest()[:16]
            noise = 0.25 * spread * float(draws.random())
            mean = -(0.12 + approach.surprisal * spread + 0.02 * variant + noise)
            n_tokens = 180 + 40 * variant + int(draws.integers(0, 20))
            candidates.append(
                _key(run_id, problem)
                | {
                    "sample_index": index,
                    "source_hash": digest,
                    "policy_id": "embedded-0123456789ab",
                    "seed": index,
                    "completion": source,
                    "source": source,
                    "finish_reason": "length" if index < cut_short else "stop",
                    "n_prompt_tokens": 90 if tokens else None,
                    "n_tokens": n_tokens if tokens else None,
                    "sum_logprob": mean * n_tokens if logprobs and tokens else None,
                    "mean_logprob": mean if logprobs else None,
                    "logprob_mode": "raw_logprobs" if logprobs else None,
                    "sample_seconds": 0.05 if tokens else None,
                    "created_at": NOW,
                    "claimed_speedup": 5.0 if index == 0 else None,
                }
            )
            judged = evaluated and problem not in refused
            if judged and (problem, digest) not in evaluations:
                noise = float(np.exp(draws.normal(0.0, 0.03)))
                evaluations[problem, digest] = _evaluation(
                    run_id, problem, digest, approach, approach.speedup * room * noise
                )
    rules = ["busy-machine"] * busy + ["library-calls"] * library
    found = [{"rule": rule, "severity": "info", "message": rule} for rule in rules]
    for row in evaluations.values():
        row["findings"] = [*cast("list[object]", row["findings"]), *found]
    for number, row in enumerate(evaluations.values() if machines else ()):
        row["machine"] = machines[number % len(machines)]
    lake.append("runs", [_run(run_id, k, seed)], run_id=run_id, part="run")
    rows = [_key(run_id, p) | {"name": NAMES[p]} | _reference(p) for p in problems]
    lake.append("problems", rows, run_id=run_id, part="problems")
    lake.append("candidates", candidates, run_id=run_id, part="candidates")
    lake.append("evaluations", list(evaluations.values()), run_id=run_id, part="evaluations")
    for problem in refused:
        row = _key(run_id, problem) | {"problem_hash": _reference(problem)["problem_hash"]}
        row |= {"harness_id": "trusted-89abcdef", "refused_at": NOW}
        row |= {"reason": f"its outputs are constant {HOSTILE}"}
        lake.append("refusals", [row], run_id=run_id, part=f"refused-{problem}")
    return lake


def _key(run_id: str, problem: int) -> dict[str, object]:
    return {"run_id": run_id, "suite": SUITE, "level": 1, "problem_id": problem}


def _run(run_id: str, k: int, seed: int) -> dict[str, object]:
    return {
        "run_id": run_id,
        "created_at": NOW,
        "kind": "sweep",
        "profile": "demo",
        "suite": SUITE,
        "policy": "embedded",
        "policy_id": "embedded-0123456789ab",
        "k": k,
        "seed": seed,
        "harness_id": "trusted-89abcdef",
        "config": json.dumps({"k": k, "suite": SUITE, "temperature": 1.0, "note": HOSTILE}),
        "versions": json.dumps({"bon-sweep": "0.1.0", "torch": "2.13.0+cpu", "python": "3.11.2"}),
        "host": "box",
    }


def _reference(problem: int) -> dict[str, object]:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Model(nn.Module):\n"
        f'    """{NAMES[problem]}: {HOSTILE}"""\n\n'
        "    def forward(self, a, b):\n        return a @ b\n"
    )
    return {"source": source, "problem_hash": hashlib.sha256(source.encode()).hexdigest()[:16]}


def _source(name: str, approach: str, variant: int) -> str:
    return (
        f'import torch\nfrom torch import nn\n\nCPP = """\n// {name}: {approach} {HOSTILE}\n'
        f'#include <algorithm>\nextern "C" void run(const float* a, float* out, long n) {{\n'
        f"    for (long i = 0; i < n; i += {2**variant}) out[i] = a[i] < 0 ? 0 : a[i];\n}}\n"
        '"""\n\n\nclass ModelNew(nn.Module):\n    def forward(self, a, b):\n        return a @ b\n'
    )


def _evaluation(
    run_id: str, problem: int, digest: str, approach: Approach, speedup: float
) -> dict[str, object]:
    correct = approach.status == "correct"
    reference = 2.0 + problem / 10
    low, high = speedup * 0.96, speedup * 1.05
    findings: list[dict[str, str]] = []
    if approach.status == "rejected":
        findings.append(
            {"rule": "stale-output", "severity": "convicted", "message": f"same answer {HOSTILE}"}
        )
    if approach.name == "vectorised, threaded":
        findings.append(
            {"rule": "threads", "severity": "warning", "message": "starts threads of its own"}
        )
    return _key(run_id, problem) | {
        "evaluation_id": f"{problem}-{digest}",
        "source_hash": digest,
        "harness_id": "trusted-89abcdef",
        "protocol": "trusted",
        "mode": "fast",
        "device": "cpu: 2 cores",
        "status": approach.status,
        "compiled": approach.status != "compile_error",
        "correct": correct,
        "fast_1": correct and low > 1.0,
        "speedup": speedup if correct else None,
        "speedup_low": low if correct else None,
        "speedup_high": high if correct else None,
        "runtime_ms": reference / speedup if correct else None,
        "reference_ms": reference if correct else None,
        "trials": 12 if correct else 0,
        "bound_ms": reference / 6 if correct else None,
        "findings": findings,
        "error": None if correct else f"{approach.name}: line 3 {HOSTILE}\nsecond line",
        "sandbox": ["rlimits"],
        "compile_seconds": 0.4,
        "check_seconds": 0.1,
        "time_seconds": 0.2 if correct else 0.0,
        "wall_seconds": 0.4 + 0.1 + (0.2 if correct else 0.0) + 0.05,
        "evaluated_at": NOW + timedelta(seconds=math.floor(problem)),
    }
