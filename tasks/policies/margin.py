"""Statements moved to another indentation, and nothing in their strings with them."""

from __future__ import annotations

import ast
import io

from tasks.policies.parse import parsed


def lines_of(text: str) -> list[str]:
    """With their ends, and cut where Python's own parser counts lines: not at form feeds."""
    return io.StringIO(text).readlines()


def at_margin(text: str) -> str | None:
    """The statements of `text` without indentation, however a model indented them; None if they are
    none.

    The first line may lack what the others have: the prompt ended with its indentation.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return _at_margin(text) or _at_margin(_first_line_aligned(text))


def moved(text: str, indent: int) -> str:
    """Statements at the margin, pushed to `indent` spaces. They have to parse."""
    tree = parsed(text)
    inside = _in_strings(tree) if tree else set()
    return "\n".join(
        line if row in inside or not line.strip() else " " * indent + line
        for row, line in enumerate(text.split("\n"), 1)
    )


def _at_margin(text: str) -> str | None:
    lines = text.split("\n")
    first = next((line for line in lines if _is_code(line)), "")
    own = len(_indentation(first).expandtabs())
    tree = parsed("if True:\n" + text) if own else parsed(text)
    if tree is None or not tree.body or (own and len(tree.body) > 1):
        return None
    inside = {row - 1 for row in _in_strings(tree)} if own else _in_strings(tree)
    return "\n".join(
        line if row in inside else _left(line, own) for row, line in enumerate(lines, 1)
    )


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _in_strings(tree: ast.Module) -> set[int]:
    """The lines that begin inside a string."""
    return {
        row
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for row in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _left(line: str, by: int) -> str:
    """So many columns to the left; its indentation in spaces, as wide as Python takes it for."""
    indentation = _indentation(line)
    if not line.strip():
        return ""
    return " " * max(0, len(indentation.expandtabs()) - by) + line[len(indentation) :]


def _first_line_aligned(text: str) -> str:
    """The text with its first line indented like its second."""
    first, *rest = text.split("\n")
    deeper = next((_indentation(line) for line in rest if _is_code(line)), "")
    return "\n".join([deeper + first.lstrip(" \t"), *rest])
