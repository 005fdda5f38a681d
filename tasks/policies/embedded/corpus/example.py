"""One text that the embedded policy is trained on, with what we know about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A completion for one problem, as a person might have written it."""

    level: int
    problem_id: int
    name: str
    """The problem's name, as the prompt states it."""
    backend: str
    mode: str
    text: str
    """What the policy is to write: a module, or the body of `forward`."""
    approach: str
    quality: str
    """naive | good | expert | cheat: how fast it is meant to be, not how frequent."""
    mistake: str | None
    """The kind of slip this text contains, if any."""
    persona: str
