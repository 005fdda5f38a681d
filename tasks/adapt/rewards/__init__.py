"""What a verdict is worth to a gradient. One file each; importing this package registers them.

`speedup` · `log` · `lower` (the default: noise is no reward) · `clip3` · `threshold:P` ·
`correct03`.
"""

from __future__ import annotations

from tasks.adapt.rewards import (  # noqa: F401
    clip3,
    correct03,
    log,
    lower,
    speedup,
    threshold,
)
from tasks.adapt.rewards.base import DEFAULT, Reward, parse_reward, register_reward, reward_names

__all__ = ["DEFAULT", "Reward", "parse_reward", "register_reward", "reward_names"]
