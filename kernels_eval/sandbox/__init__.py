"""Defences around a worker, one file each; `available` says which of them this machine gives."""

from __future__ import annotations

__all__ = ["available"]


def available() -> dict[str, bool | str]:
    """See `probe.available`. Imported here: it needs torch, and most of this package does not."""
    from kernels_eval.sandbox import probe

    return probe.available()
