"""What a run's checkpoints think of draws, as `probes` holds it."""

from __future__ import annotations

from typing import Any

import numpy as np

from storage import Lake
from storage.ledger import ProblemKey
from tasks.errors import RequestError
from tasks.probe.draws import Draws

APART = 1e-3
"""Nats per token, mean over draws: so far what the base model says now may lie from what was stored
when it drew."""

_SCORES = """
    SELECT * FROM probes
    QUALIFY row_number() OVER (
        PARTITION BY suite, level, problem_id, checkpoint_id, draws_run, sample_index
        ORDER BY sequence DESC
    ) = 1
"""

Row = dict[str, Any]


class Scores:
    """All scores of one run, the latest of each."""

    def __init__(self, lake: Lake, run_id: str) -> None:
        self._rows: dict[tuple[str, str, ProblemKey], dict[int, Row]] = {}
        for row in lake.sql(_SCORES, [run_id]).to_pylist():
            key = (row["suite"], row["level"], row["problem_id"])
            of = self._rows.setdefault((row["checkpoint_id"], row["draws_run"], key), {})
            of[row["sample_index"]] = row

    def scored(self) -> dict[tuple[str, str], set[tuple[ProblemKey, int]]]:
        """(checkpoint, run of the draws) → draws that it has scored."""
        found: dict[tuple[str, str], set[tuple[ProblemKey, int]]] = {}
        for (checkpoint, run, key), rows in self._rows.items():
            found.setdefault((checkpoint, run), set()).update((key, index) for index in rows)
        return found

    def of(self, checkpoint: str, run: str, problem: ProblemKey) -> dict[int, Row]:
        """By `sample_index`; empty where nothing was scored."""
        return self._rows.get((checkpoint, run, problem), {})


def check_reproduced(scores: Scores, base: str, draws: Draws) -> float:
    """Mean |Δ| in nats per token between stored and scored log-probabilities of the base model.

    Raises RequestError if it exceeds 1e-3: then other weights, another prompt or another
    temperature drew them, and no correlation under this model would mean anything.
    """
    stored, scored = [], []
    for key, rows in draws.rows.items():
        found = scores.of(base, draws.run, key)
        for row in rows:
            stored.append(row["mean_logprob"])
            scored.append(found[row["sample_index"]]["mean_logprob"])
    apart = float(np.abs(np.array(stored) - np.array(scored)).mean())
    if not apart <= APART:
        raise RequestError(
            f"the base model gives the draws of run {draws.run!r} {np.mean(scored):.4f} nats per "
            f"token, and {np.mean(stored):.4f} are stored of them (mean |Δ| {apart:.4f}, "
            f"{APART:g} at most): another model, prompt or temperature drew them; probe with draws "
            "of this run, or name a run of the same policy with --draws"
        )
    return apart
