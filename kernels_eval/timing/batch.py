"""What two clocks and the kernel's accounts say of one batch of calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """Nanoseconds of `calls` calls: by the judge's clock, and as the worker claims."""

    calls: int
    wall_ns: int
    claimed_ns: int
    waited_ns: int
    """How long the worker's main thread was ready to run and somebody else had the core."""
    judge_waited_ns: int
    """The same of the judge's thread: how late it may have read its own clock."""
    cpu_ns: int
    """CPU time of all the worker's threads, by the kernel's account."""
    aside_ns: int = 0
    """That of all but its main thread."""
    launched_ns: int = 0
    """On a GPU, as the worker claims: until the last call was launched. It decides nothing but how
    far a narrow interval is believed, and whether the core's speed matters."""
    core_ns: int = 0
    """How long a fixed loop took on the timing core, right before or right after: the longer."""
    prepared_ns: int = 0
    """CPU time of its main thread while it dropped outputs and laid out arguments, when no clock
    ran, and of its other threads what is more than waiting for the main one takes."""
    traffic: bool = False
    """Whether somebody copied between host and device right before or after."""

    @property
    def disturbed(self) -> bool:
        """Whether another process took more than 1 % of the time."""
        return self.waited_ns > 0.01 * self.wall_ns

    @property
    def launch_bound(self) -> bool:
        """Whether the device waited for the process rather than the process for the device."""
        return self.launched_ns > 0.8 * self.claimed_ns

    @property
    def overhead_ns(self) -> int:
        """Waking, reporting and stopping the worker; or what it conceals."""
        return self.wall_ns - self.claimed_ns
