"""Floating-point operations, roughly: 2 for each parameter and token that is read or drawn (one to
multiply, one to add), 4 for one that is trained.

Training all weights would take 6: forward, back through the weights, and their gradient. A LoRA's
frozen weights have no gradient, and its own are few. Attention over the context is left out, as is
what checkpointed activations cost a second time (2 more for a trained token, on a GPU).
"""

from __future__ import annotations

from tasks.statistics.arrays import Floats

READ, TRAINED = 2, 4
"""For each parameter and token. `storage/sql/budget.sql` has the same."""


def flops(parameters: int, read: Floats, trained: Floats) -> Floats:
    """read: tokens of prompts and completions, drawn or scored. trained: that went forward and
    backward."""
    return READ * parameters * read + TRAINED * parameters * trained
