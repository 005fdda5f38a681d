"""`--scope kernel`: the one rule that rejects by its syntax, because the user asked for it."""

from __future__ import annotations

from kernels_eval.screening.parsing import parsed
from kernels_eval.screening.rules import has_kernel, library_calls
from kernels_eval.types import Finding, Severity


def out_of_scope(source: str, scope: str | None) -> Finding | None:
    """A conviction if `forward` computes with library calls, or there is no kernel; else None."""
    if scope != "kernel":
        return None
    tree = parsed(source)
    if tree is None:
        return None  # the import will tell
    calls = library_calls(tree)
    if calls:
        text = f"scope kernel: forward calls the library ({', '.join(dict.fromkeys(calls))[:200]})"
    elif not has_kernel(tree):
        text = "scope kernel: the module holds no kernel of its own"
    else:
        return None
    return Finding("scope", Severity.CONVICTED, text)
