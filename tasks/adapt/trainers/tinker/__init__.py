"""A trainer behind a server that speaks the Tinker protocol: hosted, or one's own."""

from __future__ import annotations

from tasks.adapt.trainers.tinker.settings import ALPHA, CLIENT, TinkerSettings, tinker_address

__all__ = ["ALPHA", "CLIENT", "TinkerSettings", "tinker_address"]
