"""Which weights are trained: those that the policy draws from."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies.embedded import WEIGHTS
from tasks.policies.openai import parse_endpoint
from tasks.policies.options import AdapterOptions, parse_options, with_options, without_options
from tasks.policies.vllm import parse_engine
from tasks.policies.vllm_weights import resolve_model

_TRAINED = ("embedded", "transformers", "vllm", "openai")


def base_weights(policy: str) -> Path:
    """The model's directory; what is not in the hub's cache is downloaded.

    Raises RequestError for a policy that cannot be trained.
    """
    model, revision = _named(policy)
    if isinstance(model, Path):
        return model
    return resolve_model(model, revision)[0]


def check_trainable(policy: str) -> None:
    """Raise RequestError for a policy that cannot be trained, or whose directory holds no model. A
    name on the hub is not asked for."""
    model, _ = _named(policy)
    if isinstance(model, str) and (
        model.startswith(("/", ".", "~")) or Path(model).expanduser().is_dir()
    ):
        base_weights(policy)


def _named(policy: str) -> tuple[Path | str, str | None]:
    """The model's directory, or its name for tasks.policies.vllm_weights, with its revision."""
    head, mark, given = policy.partition("#")
    name, _, path = head.partition(":")
    if name not in _TRAINED:
        raise RequestError(
            f"policy {policy!r} cannot be adapted: take embedded, transformers:PATH, vllm:PATH, or "
            "openai:MODEL@URL with a vLLM server"
        )
    argument = f"{path}{mark}{given}"
    if name == "vllm":
        model, engine = parse_engine(argument)
        return model, engine.revision
    if name == "openai":
        _, endpoint = parse_endpoint(argument)
        if endpoint.base is None:
            raise RequestError(
                f"policy {policy!r}: to train a model that is served, name its directory with "
                "base=PATH behind the #, and give api=completions"
            )
        return endpoint.base, None
    parse_options(name, argument, AdapterOptions)
    return (Path(path) if path else WEIGHTS), None


def adapted_policy(policy: str, folder: Path) -> str:
    """What samples from the base model under the adapter in `folder`, for `--policy`, whatever
    `policy` wears."""
    return with_options(without_options(policy, "checkpoint"), {"lora": folder})
