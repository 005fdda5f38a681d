"""Candidates sampled elsewhere: imported unjudged, then judged by `bon judge ID`."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path

from flows.errors import RequestError
from flows.ledger import software_versions
from flows.request import Sampling, SweepRequest
from storage import Lake
from tasks.imports.kernel_files import read_kernel_folder
from tasks.imports.kernel_table import read_kernel_table
from tasks.imports.kernels import Kernels, write_kernels
from tasks.policies.imported import NAME, policy_id
from tasks.problems.narrow import with_part

PROFILE = "imported"


def import_kernels(
    path: Path,
    run_id: str,
    lake: Lake,
    suite: str | None,
    *,
    columns: Mapping[str, str] | None = None,
    again: bool = False,
) -> Kernels:
    """Import a KernelBench run folder, or a table of kernels, as run `run_id`; what it holds.

    `suite` holds the problems that they answer; of it, the levels of the kernels are taken.
    `columns` as in tasks.imports.import_results. With `again`, a run that these very kernels have
    become already is no error.

    Raises RequestError (any room's) without a suite, for a folder or a table without candidates, a
    problem that the suite lacks, or a run that is there already.
    """
    folder = read_kernel_folder(path) if path.is_dir() else read_kernel_table(path, columns)
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
    write_kernels(folder, request.selected(), run_id, lake, run, again=again)
    return folder
