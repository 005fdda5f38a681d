"""Policy `transformers:PATH`: any local causal language model and its tokenizer, CPU or CUDA."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import RequestError
from tasks.policies.base import Policy, SamplingParams, register_policy
from tasks.policies.prompt import read_template


@register_policy("transformers")
def load_transformers(argument: str, params: SamplingParams) -> Policy:
    """The model in the directory `argument`, asked with templates/MODE.txt.

    Raises RequestError if there is no loadable model.
    """
    if not argument:
        raise RequestError("policy transformers wants a model directory: transformers:PATH")
    # Heavy imports wait until weights are wanted, so that `import tasks.policies` stays cheap.
    from tasks.policies.causal_lm import CausalLMPolicy, best_device

    return CausalLMPolicy(
        name="transformers",
        path=Path(argument),
        params=params,
        template=read_template(params.mode),
        device=best_device(),
    )
