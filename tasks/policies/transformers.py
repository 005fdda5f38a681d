"""Policy `transformers:PATH[#lora=DIR]`: any local causal language model, on a CPU or a GPU."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies.base import MANY_SHARDS, Needs, Policy, SamplingParams, register_policy
from tasks.policies.options import AdapterOptions, parse_options
from tasks.policies.prompt import prompt_template


def _needs(argument: str) -> Needs:
    del argument
    import torch  # only now: who asks wants to load weights

    gpus = min(1, torch.cuda.device_count())
    return Needs(shards_at_once=MANY_SHARDS, gpus=gpus)


@register_policy("transformers", needs=_needs)
def load_transformers(argument: str, params: SamplingParams) -> Policy:
    """The model in the directory PATH, with its adapter, asked as the templates say.

    Raises RequestError if there is no loadable model, or no prompt for the backend.
    """
    path, options = parse_options("transformers", argument, AdapterOptions)
    if not path:
        raise RequestError("policy transformers wants a model directory: transformers:PATH")
    # Heavy imports wait until weights are wanted, so that `import tasks.policies` stays cheap.
    from tasks.policies.causal_lm import CausalLMPolicy, best_device

    return CausalLMPolicy(
        name="transformers",
        path=Path(path),
        adapter=options.adapter,
        params=params,
        template=prompt_template(params),
        device=best_device(),
    )
