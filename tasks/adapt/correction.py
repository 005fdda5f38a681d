"""What is done where sampler and trainer disagree on what was likely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from tasks.adapt.numbers import number
from tasks.errors import RequestError

Kind = Literal["none", "token_tis", "seq_mis"]
_KINDS = ("none", "token_tis", "seq_mis")
_CAP = 2.0


@dataclass(frozen=True)
class Correction:
    """How importance ratios far from 1 are dealt with.

    none: taken as they are. token_tis: a token's ratio counts `cap` at most (truncated importance
    sampling). seq_mis: a draw's tokens share the ratio of the whole draw, and a draw whose ratio
    exceeds `cap` counts nothing (masked importance sampling).
    """

    kind: Kind = "none"
    cap: float = _CAP

    def __str__(self) -> str:
        return self.kind if self.kind == "none" else f"{self.kind}:{self.cap:g}"


def parse_correction(text: str) -> Correction:
    """`none`, `token_tis[:CAP]` or `seq_mis[:CAP]`. Raises RequestError for another name."""
    kind, colon, cap = text.partition(":")
    usage = f"mismatch {text!r}: write none, token_tis:CAP or seq_mis:CAP, as in token_tis:2"
    if kind not in _KINDS or (kind == "none" and colon):
        raise RequestError(usage)
    return Correction(cast(Kind, kind), number(cap, usage) if colon else _CAP)
