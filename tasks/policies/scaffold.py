"""`body` mode: a model writes the body of `forward`; the reference's own module goes around it."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterator, Sequence

from tasks.errors import RequestError
from tasks.policies.margin import at_margin, lines_of, moved
from tasks.policies.parse import parsed
from tasks.policies.prompt import prelude
from tasks.problems.base import Problem

_OLD, _NEW = "Model", "ModelNew"


def scaffold_body(problem: Problem, body: str, *, backend: str = "cpp") -> str:
    """The reference's module with `class Model` renamed `ModelNew` and `forward` doing `body`.

    Signature, other methods, imports and input functions stay; in scope besides is the backend's
    prelude (templates/preludes). A whole `ModelNew` where a body was asked for is taken as it
    stands. A whole `def forward` gives its body, and its parameters where they have other names;
    what stands beside it at the top level (kernels, helper functions) follows the class, so that it
    sees the reference's constants. A body that makes no sense yields a module that does not
    compile: that is the candidate's failure.

    Raises RequestError if the reference has no `Model.forward` to put the body into.
    """
    written = at_margin(body)
    tree = parsed(written) if written is not None else None
    if tree and any(isinstance(n, ast.ClassDef) and n.name == _NEW for n in tree.body):
        return body if parsed(body) else str(written)
    source = _renamed(problem)
    reference = ast.parse(source)
    forward = _forward_in(reference, _NEW)
    if forward is None:
        raise _unfit(problem, "it has no class Model with a method forward")
    lines = lines_of(source)
    header, _ = _split_function(lines, forward)
    block, beside = body, ""
    if written is not None and tree is not None:
        block = written
        function = _whole_forward(tree)
        if function is not None:
            own = lines_of(written)
            header = _own_header(header, forward, function)
            block = _split_function(own, function)[1]
            beside = _beside(tree, own, function)
    start = _after_docstring_and_future(reference)
    return "".join(
        [
            *lines[:start],
            prelude(backend) + "\n",
            *lines[start : forward.lineno - 1],
            header + "\n",
            _indented(block, forward.col_offset + 4).rstrip("\n") + "\n",
            *lines[forward.end_lineno :],
            beside,
        ]
    )


def _unfit(problem: Problem, reason: str) -> RequestError:
    return RequestError(
        f"problem {problem.problem_id} ({problem.name}): mode body cannot use its reference, "
        f"{reason}; mend the file or take mode module"
    )


def _renamed(problem: Problem) -> str:
    """The reference's source, every name `Model` (not attributes, not strings) now `ModelNew`."""
    try:
        ast.parse(problem.source)
        tokens = list(tokenize.generate_tokens(io.StringIO(problem.source).readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise _unfit(problem, f"it does not parse ({error})") from error
    lines = lines_of(problem.source)
    previous = ["", *(token.string for token in tokens)]
    for before, token in reversed(list(zip(previous, tokens, strict=False))):
        if token.type == tokenize.NAME and token.string == _OLD and before != ".":
            (row, first), (_, last) = token.start, token.end
            lines[row - 1] = lines[row - 1][:first] + _NEW + lines[row - 1][last:]
    return "".join(lines)


def _forward_in(tree: ast.Module, class_name: str) -> ast.FunctionDef | None:
    """`forward` of the class, wherever that stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            found = _named_forward(node.body)
            if found is not None:
                return found
    return None


def _named_forward(nodes: Sequence[ast.stmt]) -> ast.FunctionDef | None:
    return next((n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == "forward"), None)


def _whole_forward(tree: ast.Module) -> ast.FunctionDef | None:
    """The `forward` that the model wrote instead of its body; None if it wrote the body.

    A body may hold functions and classes with a `forward` of their own (autograd functions): what
    returns something by itself is one.
    """
    if any(isinstance(node, ast.Return) for node in _own_nodes(tree)):
        return None
    found = _named_forward(tree.body)
    if found is not None:
        return found
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    forwards = {node.name: one for node in classes if (one := _named_forward(node.body))}
    return forwards.get(_OLD) or next(reversed(forwards.values()), None)


def _own_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Without those of the functions, classes and lambdas in it."""
    todo: list[ast.AST] = [tree]
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    while todo:
        node = todo.pop()
        yield node
        todo += [one for one in ast.iter_child_nodes(node) if not isinstance(one, inner)]


def _own_header(header: str, forward: ast.FunctionDef, function: ast.FunctionDef) -> str:
    """The reference's header, or one with the parameters that the model named.

    Without annotations: they may need imports that the model has not written.
    """
    wanted, given = _parameters(forward), _parameters(function)
    if given in (wanted[: len(given)], wanted[1 : 1 + len(given)]):
        return header
    try:
        arguments = ast.parse(ast.unparse(function.args).join(("def f(", "): pass")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return header
    definition = arguments.body[0]
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
    if not isinstance(definition, ast.FunctionDef):
        return header
    named = ast.unparse(definition.args)
    if given[:1] != wanted[:1] and len(given) < _required(forward):
        named = f"{wanted[0]}, {named}"  # without `self`
    return f"{' ' * forward.col_offset}def forward({named}):"


def _parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one]
    return [one.arg for one in every]


def _required(function: ast.FunctionDef) -> int:
    arguments = function.args
    return len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)


def _split_function(lines: Sequence[str], function: ast.FunctionDef) -> tuple[str, str]:
    """Header up to its colon, and the text of the body (keeping its own indentation)."""
    first, last = function.lineno - 1, function.end_lineno or function.lineno
    depth = 0
    own = lines[first:last]
    text = "".join(own)
    for token in tokenize.generate_tokens(io.StringIO(text.lstrip(" \t")).readline):
        if token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            row, column = token.end
            break
    if row == 1:
        column += len(text) - len(text.lstrip(" \t"))
    header = "".join(own[: row - 1]) + own[row - 1][:column]
    rest = own[row - 1][column:]
    if rest.strip() and not rest.strip().startswith("#"):
        return header, rest.lstrip() + "".join(own[row:])
    return header, "".join(own[row:])


def _beside(tree: ast.Module, lines: Sequence[str], forward: ast.FunctionDef) -> str:
    """What stands at the top level beside a top-level `def forward`; empty without one."""
    if forward not in tree.body or len(tree.body) == 1:
        return ""
    future = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    left_out: set[int] = set()
    for node in (forward, *future):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        left_out |= set(range(first, (node.end_lineno or node.lineno) + 1))
    kept = [line for row, line in enumerate(lines, 1) if row not in left_out]
    return "\n\n" + "".join(kept).strip("\n") + "\n"


def _indented(block: str, indent: int) -> str:
    """The block at so many spaces; as it is, pushed to the right, if it is no block."""
    margin = at_margin(block)
    if margin is None:
        return textwrap.indent(block.strip("\n"), " " * indent)
    return moved(margin, indent)


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
