"""Policy `embedded[:DIR][#lora=DIR]`: the small model that lives in this repository.

A Llama of a few million parameters, trained from scratch by `tasks.policies.embedded.train` on the
synthetic corpus beside it. It is a miniature for demonstrations and tests: it knows the operators
of the embedded suite and nothing else, and is sampled, scored and fine-tuned like any other model.
`DIR` names other weights of the same make, for instance of a training of one's own.
"""

from __future__ import annotations

from pathlib import Path

from tasks.policies.base import MANY_SHARDS, Needs, Policy, SamplingParams, register_policy
from tasks.policies.options import AdapterOptions, parse_options
from tasks.policies.prompt import read_template

WEIGHTS = Path(__file__).parent / "weights"
TEMPLATE = "embedded"


@register_policy("embedded", needs=lambda _: Needs(shards_at_once=MANY_SHARDS))
def load_embedded(argument: str, params: SamplingParams) -> Policy:
    """The weights in `argument`, or those of the repository, on the CPU.

    Raises RequestError if there is no loadable model.
    """
    import torch

    from tasks.policies.causal_lm import CausalLMPolicy

    path, options = parse_options("embedded", argument, AdapterOptions)
    return CausalLMPolicy(
        name="embedded",
        path=Path(path) if path else WEIGHTS,
        adapter=options.adapter,
        params=params,
        template=read_template(TEMPLATE),
        # So small that a GPU would not help, and one belongs to the judge where there is one.
        device=torch.device("cpu"),
    )
