"""What an adapter's `adapter_config.json` says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.errors import AdapterError


def adapter_config(folder: Path) -> dict[str, Any]:
    """Its settings. Raises AdapterError if there are none."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise AdapterError(
            f"no adapter in {str(folder)!r}: give a directory with an adapter_config.json"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdapterError(f"cannot read {str(path)!r}: {error}") from error
    if not isinstance(config, dict):
        raise AdapterError(f"{str(path)!r} holds no settings of an adapter")
    return config


def check_trained_on(folder: Path, config: Mapping[str, Any], own: str) -> None:
    """Raise AdapterError if the adapter names other weights than `own` (adapters.base_name)."""
    trained_on = str(config.get("base_model_name_or_path") or "")
    if trained_on.startswith("sha256-") and trained_on != own:
        raise AdapterError(
            f"the adapter in {str(folder)!r} was trained on other weights ({trained_on}) than "
            f"these ({own}); take it with the model that it belongs to"
        )


def check_make(folder: Path, config: Mapping[str, Any], rank: int, alpha: float) -> None:
    """Raise AdapterError for an adapter of another rank or alpha than steps are made with."""
    its = (config.get("r"), config.get("lora_alpha"))
    if its != (rank, alpha):
        raise AdapterError(
            f"the adapter in {str(folder)!r} has rank {its[0]} and alpha {its[1]}, and steps are "
            f"to be made with rank {rank} and alpha {alpha:g}; set rank = {its[0]} and alpha = "
            f"{its[1]} under [adapt] in a profile"
        )
