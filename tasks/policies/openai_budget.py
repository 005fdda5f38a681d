"""A budget in tokens that is never overdrawn, whatever is under way."""

from __future__ import annotations

import asyncio

from tasks.errors import TokenBudgetError


class TokenBudget:
    """Tokens are reserved before a request and settled after it. For one event loop."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._used = self._reserved = 0
        self._changed = asyncio.Condition()

    async def reserve(self, most: int) -> None:
        """Wait until `most` tokens fit beside what is used and reserved.

        Raises TokenBudgetError once nothing is under way that could give some back.
        """
        if self._limit is None:
            return
        async with self._changed:
            while self._used + self._reserved + most > self._limit:
                if self._reserved == 0:
                    raise TokenBudgetError(
                        f"the token budget is used up: {self._used} of {self._limit} tokens, and "
                        f"the next request may take {most}; raise --token-budget to go on"
                    )
                await self._changed.wait()
            self._reserved += most

    async def settle(self, reserved: int, used: int) -> None:
        """Give back a reservation, of which `used` tokens are gone for good."""
        if self._limit is None:
            return
        async with self._changed:
            self._reserved -= reserved
            self._used += used
            self._changed.notify_all()
