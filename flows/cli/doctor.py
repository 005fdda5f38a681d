"""`bon doctor`: what this machine can run, and what is missing."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version

from flows.cli.app import JsonOption, app, print_json


@app.command()
def doctor(json: JsonOption = False) -> None:
    """What this machine can run, and what is missing."""
    found = findings()
    if json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "here", title="bon doctor")
    for name, value in found.items():
        table.add_row(name, str(value))
    Console().print(table)


def findings() -> dict[str, object]:
    """Cores, compiler, devices, sandbox, packages and addresses, by name."""
    import psutil
    import torch

    from kernels_eval import sandbox

    found: dict[str, object] = {
        "cores": len(psutil.Process().cpu_affinity()),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "g++": shutil.which("g++") or "missing: cpp candidates cannot compile (install g++)",
        "nvcc": shutil.which("nvcc") or "missing: cuda candidates cannot compile",
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "no device",
        "RAY_ADDRESS": os.environ.get("RAY_ADDRESS") or "not set: Ray starts on this machine",
        "PREFECT_API_URL": os.environ.get("PREFECT_API_URL") or "not set: a private server",
    }
    found |= {f"sandbox: {name}": value for name, value in sandbox.available().items()}
    for package in ("torch", "triton", "vllm", "peft", "transformers", "ray", "prefect", "duckdb"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
