"""Where samples come from. Importing this package registers every built-in policy and loads none.

`transformers:PATH` any local causal language model · `vllm:MODEL` the same in vLLM's engine ·
`openai:MODEL@URL` any server that speaks OpenAI's protocol · `embedded[:DIR]` this repository's
own model · `imported:DIGEST` what `bon import FOLDER` stored · `instant[:TOKENS]` the orchestration
yardstick. Adding one is one file with `@register_policy`, and its name in the import below.
"""

from __future__ import annotations

from tasks.policies import embedded, imported, instant, openai, transformers, vllm
from tasks.policies.base import (
    LogprobMode,
    Mode,
    Needs,
    Policy,
    PolicyFactory,
    Sample,
    SamplingParams,
    StreamingPolicy,
    check_policy,
    load_policy,
    policy_hash,
    policy_needs,
    register_policy,
    sample_seed,
    stream_samples,
)

__all__ = [
    "LogprobMode",
    "Mode",
    "Needs",
    "Policy",
    "PolicyFactory",
    "Sample",
    "SamplingParams",
    "StreamingPolicy",
    "check_policy",
    "embedded",
    "imported",
    "instant",
    "load_policy",
    "openai",
    "policy_hash",
    "policy_needs",
    "register_policy",
    "sample_seed",
    "stream_samples",
    "transformers",
    "vllm",
]
