"""One model, many adapters: whoever draws says under which, and they take turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from tasks.errors import RequestError
from tasks.policies.adaptable import AdaptablePolicy
from tasks.policies.base import Policy


class Worn:
    """Which adapter a policy wears: draws under another wait until those under way have ended."""

    def __init__(self, spec: str, policy: Policy) -> None:
        self._spec = spec
        self.policy = policy
        """For what is the same under any adapter."""
        self._adapter: Path | None = None
        self._users = 0
        self._changed = Condition()

    @contextmanager
    def wearing(self, adapter: Path | None) -> Iterator[Policy]:
        """The policy under this adapter (None: without) for the length of the block.

        Raises AdapterError if it does not fit, RequestError if the policy takes none.
        """
        with self._changed:
            while self._users and self._adapter != adapter:
                self._changed.wait()
            if self._adapter != adapter:
                self._put_on(adapter)
            self._users += 1
        try:
            yield self.policy
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def _put_on(self, adapter: Path | None) -> None:
        policy = adaptable(self._spec, self.policy)
        self._adapter = None  # what a refused adapter leaves
        policy.set_adapter(adapter)
        self._adapter = adapter


def adaptable(spec: str, policy: Policy) -> AdaptablePolicy:
    """The policy itself. Raises RequestError if its adapter cannot be exchanged."""
    if not isinstance(policy, AdaptablePolicy):
        raise RequestError(
            f"policy {spec!r} does not exchange adapters; take transformers:, vllm:, embedded, or "
            "openai: with base="
        )
    return policy
