"""Who a container is, outside: root's has a user id that no account and no other container has."""

from __future__ import annotations

from dataclasses import dataclass

from kernels_eval.errors import HarnessError
from kernels_eval.sandbox.user_ids import BLOCK, END, LOWEST, UserIds, claim_user_ids

_FIRST = 0x77FF0000
"""As many ids as there are blocks for workers, right below those."""


@dataclass(frozen=True)
class Extent:
    """`count` ids from `inner` on are, outside, those from `outer` on."""

    inner: int
    outer: int
    count: int


@dataclass(frozen=True)
class Identity:
    """An id for the container's root, held as long as a block of workers' ids is."""

    held: UserIds

    @property
    def root(self) -> int:
        return _FIRST + (self.held.base - LOWEST) // BLOCK


WORKERS = Extent(LOWEST, LOWEST, END - LOWEST)
"""The judge inside chooses its workers' ids among these, as it would outside."""


def claim_identity() -> Identity | None:
    """None where there are no such ids."""
    try:
        return Identity(claim_user_ids(1))
    except HarnessError:
        return None
