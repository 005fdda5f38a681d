"""Which weights are trained: those that the policy draws from."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies import policy_needs
from tasks.policies.embedded import WEIGHTS
from tasks.policies.options import WeightsOptions, parse_options, with_options, without_options


def base_weights(policy: str) -> Path:
    """The model's directory. Raises RequestError for a policy that cannot be trained here."""
    head, mark, given = policy.partition("#")
    name, _, path = head.partition(":")
    if name not in ("embedded", "transformers") or policy_needs(policy).gpus:
        raise RequestError(
            f"policy {policy!r} cannot be adapted yet: take embedded or transformers:PATH"
        )
    parse_options(name, f"{path}{mark}{given}", WeightsOptions)
    return Path(path) if path else WEIGHTS


def adapted_policy(policy: str, folder: Path) -> str:
    """What samples from the base model under the adapter in `folder`, for `--policy`, whatever
    `policy` wears."""
    return with_options(without_options(policy, "checkpoint"), {"lora": folder})
