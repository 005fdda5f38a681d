"""Where the adapter lies that `#lora=` names: a directory, or an address in an object store."""

from __future__ import annotations

from pathlib import Path

from storage import LakeError
from storage.folders import fetch_address
from tasks.errors import RequestError


def adapter_folder(lora: str) -> Path:
    """The directory, or a copy of what lies below the address. Raises RequestError."""
    if "://" not in lora:
        return Path(lora).expanduser()
    try:
        return fetch_address(lora)
    except LakeError as error:
        raise RequestError(f"no adapter at {lora}: {error}") from error
