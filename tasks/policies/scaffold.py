"""`body` mode: a model writes the body of `forward`; the reference's own module goes around it."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize

from tasks.errors import RequestError
from tasks.policies.prompt import prelude
from tasks.problems.base import Problem

_OLD, _NEW = "Model", "ModelNew"


def scaffold_body(problem: Problem, body: str, *, backend: str = "cpp") -> str:
    """The reference's module with `class Model` renamed `ModelNew` and `forward` doing `body`.

    Signature, other methods, imports and input functions stay; in scope besides is the backend's
    prelude (templates/preludes). A whole `ModelNew` where a body was asked for is taken as it
    stands. A whole `def forward` gives its body; what stands beside it at the top level (kernels,
    helper functions) follows the class, so that it sees the reference's constants. A body that
    makes no sense yields a module that does not compile: that is the candidate's failure.

    Raises RequestError if the reference has no `Model.forward` to put the body into.
    """
    written = _try_parse(body)
    if written and any(isinstance(n, ast.ClassDef) and n.name == _NEW for n in written.body):
        return body
    source = _renamed(problem)
    tree = ast.parse(source)
    forward = _forward_of(tree, _NEW)
    if forward is None:
        raise _unfit(problem, "it has no class Model with a method forward")
    lines = source.splitlines(keepends=True)
    header, _ = _split_function(lines, forward)
    block = _fit(_own_body(body, written), forward.col_offset + 4)
    start = _after_docstring_and_future(tree)
    return "".join(
        [
            *lines[:start],
            prelude(backend) + "\n",
            *lines[start : forward.lineno - 1],
            header + "\n",
            block.rstrip("\n") + "\n",
            *lines[forward.end_lineno :],
            _beside_forward(body, written),
        ]
    )


def _unfit(problem: Problem, reason: str) -> RequestError:
    return RequestError(
        f"problem {problem.problem_id} ({problem.name}): mode body cannot use its reference, "
        f"{reason}; mend the file or take mode module"
    )


def _try_parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _renamed(problem: Problem) -> str:
    """The reference's source, every name `Model` (not attributes, not strings) now `ModelNew`."""
    try:
        ast.parse(problem.source)
        tokens = list(tokenize.generate_tokens(io.StringIO(problem.source).readline))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise _unfit(problem, f"it does not parse ({error})") from error
    lines = problem.source.splitlines(keepends=True)
    previous = ["", *(token.string for token in tokens)]
    for before, token in reversed(list(zip(previous, tokens, strict=False))):
        if token.type == tokenize.NAME and token.string == _OLD and before != ".":
            (row, first), (_, last) = token.start, token.end
            lines[row - 1] = lines[row - 1][:first] + _NEW + lines[row - 1][last:]
    return "".join(lines)


def _forward_of(tree: ast.Module, class_name: str | None) -> ast.FunctionDef | None:
    """`forward` of the class; the first function of that name anywhere if `class_name` is None."""
    for node in ast.walk(tree):
        if class_name is not None and not (
            isinstance(node, ast.ClassDef) and node.name == class_name
        ):
            continue
        for child in getattr(node, "body", []):
            if isinstance(child, ast.FunctionDef) and child.name == "forward":
                return child
    return None


def _split_function(lines: list[str], function: ast.FunctionDef) -> tuple[str, str]:
    """Header up to its colon, and the text of the body (keeping its own indentation)."""
    first, last = function.lineno - 1, function.end_lineno or function.lineno
    depth = 0
    text = "".join(lines[first:last])
    for token in tokenize.generate_tokens(io.StringIO(text.lstrip(" \t")).readline):
        if token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            row, column = token.end
            break
    if row == 1:
        column += len(text) - len(text.lstrip(" \t"))
    own = lines[first:last]
    header = "".join(own[: row - 1]) + own[row - 1][:column]
    rest = own[row - 1][column:]
    if rest.strip() and not rest.strip().startswith("#"):
        return header, rest.lstrip()
    return header, "".join(own[row:])


def _own_body(body: str, written: ast.Module | None) -> str:
    """The body inside a `def forward` if the model wrote the whole function, else what it wrote."""
    tree = written or _try_parse(textwrap.dedent(body))
    forward = _forward_of(tree, None) if tree else None
    if forward is None:
        return body
    text = body if written else textwrap.dedent(body)
    return _split_function(text.splitlines(keepends=True), forward)[1]


def _beside_forward(body: str, written: ast.Module | None) -> str:
    """What stands at the top level beside a top-level `def forward`; empty without one."""
    nodes = written.body if written else []
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    forward = next((one for one in functions if one.name == "forward"), None)
    if forward is None or len(nodes) == 1:
        return ""
    future = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    left_out: set[int] = set()
    for node in (forward, *future):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        left_out |= set(range(first, (node.end_lineno or node.lineno) + 1))
    kept = [line for row, line in enumerate(body.splitlines(), 1) if row not in left_out]
    return "\n\n" + "\n".join(kept).strip("\n") + "\n"


def _fit(body: str, indent: int) -> str:
    """The body as a block at `indent` spaces, however the model indented it."""
    body = body.strip("\n").expandtabs(4) if "\t" in body else body.strip("\n")
    for variant in (body, _first_line_aligned(body)):
        block = _shifted(variant, indent)
        if block is not None:
            return block
    return textwrap.indent(body, " " * indent)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _first_line_aligned(body: str) -> str:
    """The body with its first line indented like its second: what comes back when the prompt ended
    with the indentation of the first line."""
    first, *rest = body.split("\n")
    deeper = next((_indentation(line) for line in rest if line.strip()), 0)
    return "\n".join([" " * deeper + first.lstrip(), *rest])


def _shifted(body: str, indent: int) -> str | None:
    """The body moved to `indent` spaces, lines inside string literals untouched; None if it is no
    block of statements."""
    lines = body.split("\n")
    first = next((line for line in lines if line.strip()), "")
    own = _indentation(first)
    tree = _try_parse("if True:\n" + body + "\n") if own else _try_parse(body + "\n")
    if tree is None or not tree.body:
        return None
    offset = 2 if own else 1
    inside = {
        row - offset
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for row in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    moved = [
        line if row in inside or not line.strip() else _move(line, indent - own)
        for row, line in enumerate(lines)
    ]
    return "\n".join(moved)


def _move(line: str, by: int) -> str:
    return " " * by + line if by >= 0 else line[min(-by, _indentation(line)) :]


def _after_docstring_and_future(tree: ast.Module) -> int:
    """How many lines stay above the imports that are put in."""
    line = 0
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        line = node.end_lineno or node.lineno
    return line
