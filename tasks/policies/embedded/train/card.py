"""The training card: what the weights were made from, so that a reader can judge or repeat it."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from tasks.policies.embedded.corpus import generate
from tasks.policies.embedded.train.checkpoint import Progress
from tasks.policies.embedded.train.heldout import HeldOut

CARD = "TRAINING.json"


def corpus_hash(backend: str = "cpp") -> str:
    """SHA-256 over the first 4096 examples of a backend's stream with seed 0, 16 hex digits.

    Of what the corpus writes, not of how it is written: reformatting its code is no new corpus.
    """
    digest = hashlib.sha256()
    for one in islice(generate(0, backend), 4096):
        digest.update(f"{one.problem_id}/{one.mode}/{one.name}\0{one.text}\0".encode())
    return digest.hexdigest()[:16]


def write_card(
    out: Path,
    *,
    settings: dict[str, Any],
    parameters: int,
    progress: Progress,
    held_out: HeldOut,
    corpus: str,
    device: str,
) -> None:
    """Write TRAINING.json into `out`."""
    card = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "corpus_hash": corpus,
        "parameters": parameters,
        "settings": settings,
        "device": device,
        "steps": progress.step,
        "examples": progress.examples,
        "completion_tokens": progress.tokens,
        "minutes": round(progress.seconds / 60, 1),
        "train_loss_nats_per_token": round(progress.train_loss, 4),
        "held_out": asdict(held_out),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("transformers", "tokenizers")},
            "torch": torch.__version__,
        },
    }
    (out / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
