"""One model, many adapters: whoever draws says under which, and they take turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from tasks.errors import RequestError
from tasks.policies.adaptable import AdaptablePolicy
from tasks.policies.adapter_folder import adapter_folder
from tasks.policies.base import Policy
from tasks.policies.options import options_of


class Worn:
    """Which adapter a policy wears: draws under another wait until those under way have ended.

    spec: what the policy was loaded by; the adapter that it names is the policy's own.
    """

    def __init__(self, spec: str, policy: Policy) -> None:
        self._spec = spec
        self.policy = policy
        """For what is the same under any adapter."""
        own = options_of(spec).get("lora")
        self._own = self._adapter = None if own is None else adapter_folder(own)
        self._users = 0
        self._changed = Condition()

    @contextmanager
    def wearing(self, adapter: Path | None) -> Iterator[Policy]:
        """The policy under this adapter (None: as it was loaded) for the length of the block.

        Raises AdapterError if it does not fit, RequestError if the policy takes none.
        """
        adapter = adapter or self._own
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
