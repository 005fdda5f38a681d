"""Where samples come from. Importing this package registers every built-in policy and loads none.

`transformers:PATH` any local causal language model · `embedded[:DIR]` this repository's own model ·
`instant[:TOKENS]` the orchestration yardstick. Adding one is one file with `@register_policy`, and
its name in the import below.
"""

from __future__ import annotations

from tasks.policies import embedded, instant, transformers
from tasks.policies.base import (
    LogprobMode,
    Mode,
    Policy,
    PolicyFactory,
    Sample,
    SamplingParams,
    check_policy,
    load_policy,
    policy_hash,
    register_policy,
    sample_seed,
)

__all__ = [
    "LogprobMode",
    "Mode",
    "Policy",
    "PolicyFactory",
    "Sample",
    "SamplingParams",
    "check_policy",
    "embedded",
    "instant",
    "load_policy",
    "policy_hash",
    "register_policy",
    "sample_seed",
    "transformers",
]
