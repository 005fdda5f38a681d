"""Which weights are trained: those that the policy draws from."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies import policy_needs
from tasks.policies.embedded import WEIGHTS
from tasks.policies.openai import parse_endpoint
from tasks.policies.options import AdapterOptions, parse_options, with_options, without_options
from tasks.policies.vllm import parse_engine
from tasks.policies.vllm_weights import resolve_model

_TRAINED = ("embedded", "transformers", "vllm", "openai")


def base_weights(policy: str) -> Path:
    """The model's directory. Raises RequestError for a policy that cannot be trained here."""
    head, mark, given = policy.partition("#")
    name, _, path = head.partition(":")
    if name not in _TRAINED or policy_needs(policy).gpus:
        raise RequestError(
            f"policy {policy!r} cannot be adapted yet: take embedded, transformers:PATH, "
            "openai:MODEL@URL with a vLLM server, or vllm:PATH on a CPU"
        )
    argument = f"{path}{mark}{given}"
    if name == "vllm":
        model, engine = parse_engine(argument)
        return resolve_model(model, engine.revision)[0]
    if name == "openai":
        _, endpoint = parse_endpoint(argument)
        if endpoint.base is None:
            raise RequestError(
                f"policy {policy!r}: to train a model that is served, name its directory with "
                "base=PATH behind the #, and give api=completions"
            )
        return resolve_model(endpoint.base, None)[0]
    parse_options(name, argument, AdapterOptions)
    return Path(path) if path else WEIGHTS


def adapted_policy(policy: str, folder: Path) -> str:
    """What samples from the base model under the adapter in `folder`, for `--policy`, whatever
    `policy` wears."""
    return with_options(without_options(policy, "checkpoint"), {"lora": folder})
