"""The model of what a kernel is timed on, in the maker's words."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

_ASK_DRIVER = """
import ctypes
driver, name = ctypes.CDLL("libcuda.so.1"), ctypes.create_string_buffer(256)
device = ctypes.c_int()
failed = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), {index})
failed = failed or driver.cuDeviceGetName(name, 256, device)
print("" if failed else name.value.decode())
"""
_ASK_S = 60.0


def machine_model(device: str) -> str | None:
    """Of the CPU for `cpu`, of that GPU for `cuda` or `cuda:N`; None if it cannot be told."""
    return gpu_model(device) if device.startswith("cuda") else cpu_model() or platform.machine()


def cpu_model() -> str:
    """As /proc/cpuinfo names it; empty if it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def gpu_model(device: str) -> str | None:
    """As the driver names it, asked in a process of its own: this one may have to fork later."""
    index = int(device.partition(":")[2] or 0)
    command = [sys.executable, "-I", "-S", "-c", _ASK_DRIVER.format(index=index)]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None
