"""What a run is recorded as, and what it still owes."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from flows.request import SweepRequest
from storage import Lake, ledger
from tasks.plan import Work, plan
from tasks.policies.imported import is_imported
from tasks.policies.parameters import parameters_of
from tasks.problems import Problem

_SOFTWARE = ("bon-sweep", "torch", "numpy", "transformers", "vllm", "triton", "ray", "prefect")


def outstanding(
    lake: Lake,
    run_id: str,
    problems: Sequence[Problem],
    request: SweepRequest,
    *,
    draw: bool = True,
) -> list[Work]:
    """The shards that lack draws or verdicts.

    Imported draws are all there are: none is missing. Without `draw` so are those of any run.
    """
    sampled = ledger.sampled(lake, run_id)
    judged = ledger.judged(lake, run_id, request.harness_id)
    if is_imported(request.policy) or not draw:
        wanted = {
            (problem.suite, problem.level, problem.problem_id, index)
            for problem in problems
            for index in range(request.k)
        }
        judged |= wanted - sampled
        sampled |= wanted
    return plan(problems, request.k, sampled=sampled, judged=judged)


def remaining(
    lake: Lake,
    run_id: str,
    problems: Sequence[Problem],
    request: SweepRequest,
    *,
    draw: bool = True,
) -> int:
    """Draws without a verdict: 0 when the run is complete. Without `draw`, of those it holds."""
    work = outstanding(lake, run_id, problems, request, draw=draw)
    return sum(len(shard.to_judge.sample_indices) for shard in work)


def spent_tokens(lake: Lake, run_id: str) -> int:
    """Of the run's prompts and completions so far."""
    query = "SELECT coalesce(sum(n_prompt_tokens + n_tokens), 0)::BIGINT AS n FROM candidates"
    return int(lake.sql(query, [run_id]).to_pylist()[0]["n"])


def record_run(
    lake: Lake, run_id: str, request: SweepRequest, policy_id: str, problems: Sequence[Problem]
) -> None:
    """A row in `runs` unless the latest one says the same, and one in `problems` per problem.

    So the latest row is always what was asked last, whichever settings the run had in between. A
    row of an earlier release has no sequence, and is followed by one that has.
    """
    row = {
        "created_at": datetime.now(UTC),
        "kind": request.command,
        "profile": request.profile,
        "suite": request.suite,
        "policy": request.policy,
        "policy_id": policy_id,
        "k": request.k,
        "seed": request.seed,
        "harness_id": request.harness_id,
        "config": request.model_dump_json(),
        "versions": json.dumps(software_versions()),
        "host": platform.node(),
        "parameters": parameters_of(request.policy),
    }
    for problem in problems:
        lake.append(
            "problems",
            [
                {
                    "suite": problem.suite,
                    "level": problem.level,
                    "problem_id": problem.problem_id,
                    "name": problem.name,
                    "problem_hash": problem.problem_hash,
                    "source": problem.source,
                }
            ],
            run_id=run_id,
            part=f"L{problem.level}-{problem.problem_id}-{problem.problem_hash}",
        )
    latest = lake.sql(
        "SELECT kind, policy_id, harness_id, config FROM runs_latest WHERE sequence IS NOT NULL",
        [run_id],
    )
    if latest.to_pylist() != [{name: row[name] for name in latest.column_names}]:
        lake.append("runs", [row], run_id=run_id)


def software_versions() -> dict[str, str]:
    """Of what decides the numbers; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in _SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
