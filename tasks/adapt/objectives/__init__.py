"""How rewards become advantages: pure functions of a reward group. One file each; importing this
package registers them.

`centred` · `rloo` · `grpo` · `entropic[:BETA]` · `entropic-adaptive` · `entropic-noise[:C]` ·
`max@K` · `max@K-loo` · `pass@K` · `fast@K` · `paper` · `sdpo[:WEIGHTS]` · `sdpo-peer[:WEIGHTS]` ·
`sdpo-prompt[:WEIGHTS]` · `placebo[:OBJECTIVE]`; any of them with `+kl:LAMBDA` behind it.
"""

from __future__ import annotations

from tasks.adapt.objectives import (  # noqa: F401
    centred,
    entropic,
    entropic_adaptive,
    entropic_noise,
    fast_at_k,
    grpo,
    max_at_k,
    max_at_k_loo,
    paper,
    pass_at_k,
    placebo,
    rloo,
    sdpo,
)
from tasks.adapt.objectives.base import (
    Objective,
    Teacher,
    objective_names,
    parse_objective,
    register_objective,
    register_objective_family,
)

__all__ = [
    "Objective",
    "Teacher",
    "objective_names",
    "parse_objective",
    "register_objective",
    "register_objective_family",
]
