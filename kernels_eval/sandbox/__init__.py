"""Defences around a worker, one file each; `available` says which of them this machine gives."""

from __future__ import annotations

from kernels_eval.sandbox.probe import available

__all__ = ["available"]
