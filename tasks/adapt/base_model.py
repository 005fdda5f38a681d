"""Which weights are trained: those that the policy draws from."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies import policy_needs
from tasks.policies.embedded import WEIGHTS
from tasks.policies.options import WeightsOptions, parse_options, with_options
from tasks.policies.vllm import EngineOptions, parse_engine
from tasks.policies.vllm_weights import resolve_model


def base_weights(policy: str) -> Path:
    """The model's directory. Raises RequestError for a policy that cannot be trained here."""
    head, mark, given = policy.partition("#")
    name, _, path = head.partition(":")
    if name not in ("embedded", "transformers", "vllm") or policy_needs(policy).gpus:
        raise RequestError(
            f"policy {policy!r} cannot be adapted yet: take embedded, transformers:PATH, or "
            "vllm:PATH on a CPU"
        )
    options: WeightsOptions | EngineOptions
    if name == "vllm":
        path, options = parse_engine(f"{path}{mark}{given}")
    else:
        _, options = parse_options(name, f"{path}{mark}{given}", WeightsOptions)
    if options.lora:
        raise RequestError(
            f"policy {policy!r} wears an adapter already, and steps begin from a base model; name "
            "the base model, or merge the adapter into it"
        )
    if isinstance(options, EngineOptions):
        return resolve_model(path, options.revision)[0]
    return Path(path) if path else WEIGHTS


def adapted_policy(policy: str, folder: Path) -> str:
    """What samples from the base model under the adapter in `folder`, for `--policy`."""
    return with_options(policy, {"lora": folder})
