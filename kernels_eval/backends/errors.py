"""What a backend may raise while a candidate is imported."""

from __future__ import annotations


class CompileError(Exception):
    """The compiler refused; the message is the compiler's."""
