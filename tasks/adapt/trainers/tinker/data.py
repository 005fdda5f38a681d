"""Items as the protocol has them, and log-probabilities back again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tasks.adapt.correction import Correction
from tasks.adapt.items import TrainItem
from tasks.statistics.arrays import Floats


def data(
    items: Sequence[TrainItem], advantages: Sequence[Floats], loss: Literal["sum", "mean"]
) -> list[Any]:
    """A Datum an item, so that the server's loss is −Σ ratio·A / N, N being the number of items.

    loss: what the server makes of it. `sum` adds all tokens up, so N goes into the advantages.
    `mean` takes the mean over the tokens of a text, its prompt included, and then over texts: so
    the length goes into the advantages.
    """
    from tinker import types

    found = []
    for item, own in zip(items, advantages, strict=True):
        text = [*item.prompt, *item.tokens]
        before = np.zeros(len(item.prompt) - 1)
        scale = len(text) - 1 if loss == "mean" else 1 / len(items)
        inputs = {
            "target_tokens": np.array(text[1:], np.int64),
            "logprobs": np.concatenate([before, item.behaviour]).astype(np.float32),
            "advantages": np.concatenate([before, own * scale]).astype(np.float32),
        }
        found.append(types.Datum(types.ModelInput.from_ints(text[:-1]), inputs))
    return found


def logprobs_of(items: Sequence[TrainItem], outputs: Sequence[Any]) -> list[Floats]:
    """Of the items' own tokens, nats, from a pass's `loss_fn_outputs`."""
    found = []
    for item, output in zip(items, outputs, strict=True):
        of_text = np.asarray(output["logprobs"].data, np.float64)
        found.append(of_text[len(item.prompt) - 1 :])
        if found[-1].shape != (len(item.tokens),):
            raise ValueError(
                f"log-probabilities of {len(of_text)} tokens, and the text has "
                f"{len(item.prompt) + len(item.tokens) - 1}"
            )
    return found


def corrected(advantages: Floats, apart: Floats, correction: Correction) -> Floats:
    """Advantages with which −ratio·A has the gradient of tasks.adapt.loss under a correction: what
    it makes of a ratio is a constant to the gradient.

    apart: log p of trainer − log p of sampler, shape (tokens,).
    """
    ratio = np.exp(apart)
    if correction.kind == "token_tis":
        return np.asarray(advantages * np.minimum(correction.cap / ratio, 1.0))
    if correction.kind == "seq_mis":
        whole = float(np.exp(apart.sum()))
        return np.asarray(advantages * (whole * (whole <= correction.cap) / ratio))
    return advantages
