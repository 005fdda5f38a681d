"""Candidates sampled elsewhere: imported unjudged, then judged by `bon sweep --run ID`."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from flows.errors import RequestError
from flows.ledger import software_versions
from flows.request import Sampling, SweepRequest
from storage import Lake
from tasks.imports.kernel_files import read_kernel_folder, write_kernels
from tasks.policies.imported import NAME, policy_id
from tasks.problems.narrow import with_part

PROFILE = "imported"


def import_kernels(
    path: Path, run_id: str, lake: Lake, suite: str | None, *, again: bool = False
) -> int:
    """Import a KernelBench run folder as run `run_id`; returns the number of candidates.

    `suite` holds the problems that they answer; of it, the levels of the folder are taken. With
    `again`, a run that this very folder has become already is no error.

    Raises RequestError (any room's) without a suite, for a folder without candidates, a problem
    that the suite lacks, or a run that is there already.
    """
    folder = read_kernel_folder(path)
    if suite is None:
        raise RequestError(
            f"{path} holds candidates without their problems; "
            "say which they answer, as in --suite kernelbench:PATH"
        )
    levels = "+".join(map(str, folder.levels))
    request = SweepRequest(
        profile=PROFILE,
        suite=suite if "level=" in suite else with_part(suite, {"level": levels}),
        problems=folder.problem_ids,
        k=folder.k,
        policy=f"{NAME}:{folder.digest}",
        seed=0,
        sampling=Sampling(),
    )
    run = {
        "kind": "candidates",
        "profile": PROFILE,
        "suite": request.suite,
        "policy": request.policy,
        "policy_id": policy_id(folder.digest),
        "k": request.k,
        "config": request.model_dump_json(),
        "versions": json.dumps(software_versions()),
        "host": platform.node(),
    }
    return write_kernels(folder, request.selected(), run_id, lake, run, again=again)
