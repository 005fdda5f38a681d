"""Which defences to raise around a worker: decided once by trial, then the same for all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True)
class SandboxPlan:
    """What to try. A defence that fails on this machine is left out of what the worker reports."""

    user_namespace: bool = False
    """Needed for the other namespaces unless root."""
    mount_namespace: bool = True
    network_namespace: bool = True
    ipc_namespace: bool = True
    process_namespace: bool = True
    landlock: bool = True
    system_call_filter: bool = True
    settled_filter: bool = True
    """No process is started once the candidate was built and called: see `Worker.settle`."""
    own_user: bool = False
    """A user id of its own for every worker (root only): signals, files and process limits."""
    read_any: bool = False
    """That user keeps the right to read (Python lies in a directory closed to others, such as
    root's home); Landlock still limits where."""
    address_space: bool = True
    """False: writable memory is limited instead of addresses, of which CUDA reserves terabytes."""
    gpu: bool = False
    """The GPU's device files can be used, and threads named in /proc, as CUDA does."""

    def to_json(self) -> dict[str, bool]:
        return asdict(self)

    @staticmethod
    def from_json(document: dict[str, bool]) -> SandboxPlan:
        return SandboxPlan(**document)

    def without(self, defence: str) -> SandboxPlan:
        return replace(self, **{defence: False})

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(
            field.name
            for field in fields(self)
            if field.name.endswith("_namespace") and getattr(self, field.name)
        )
