"""The corpus of the embedded policy: hand-written kernels, varied, with realistic frequencies.

`generate(seed)` is an endless, deterministic stream. Quality (in each approach) and frequency
(frequencies.toml) are set apart.
"""

from __future__ import annotations

from tasks.policies.embedded.corpus.example import Example
from tasks.policies.embedded.corpus.stream import generate

__all__ = ["Example", "generate"]
