"""From a name to a device; CUDA is imported only when it is asked for."""

from __future__ import annotations

from kernels_eval.devices.base import Device
from kernels_eval.devices.cpu import CpuDevice
from kernels_eval.timing.cores import Cores


def make_device(name: str, cores: Cores) -> Device:
    """Raises HarnessError for a GPU that does not work."""
    if name == "cpu":
        return CpuDevice(cores)
    from kernels_eval.devices.cuda.device import CudaDevice

    return CudaDevice(name, cores)
