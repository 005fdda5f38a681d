"""What kind of arithmetic a candidate's source shows: hints are given where they can be true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kernels_eval.screening.parsing import parsed

_PRODUCTS = re.compile(
    r"\b(?:\w*(?:matmul|gemm|wmma|mma_sync|cublas|cudnn|cutlass|attention)\w*"
    r"|mm|bmm|addmm|baddbmm|einsum|tensordot|dot|bilinear|linear|conv(?:olution|_transpose)?\w?d?"
    r"|Linear|Bilinear|Conv\w*|LSTM|GRU|RNN|MultiheadAttention)\b"
)
_HALVES = re.compile(r"\b(?:half2?|float16|bfloat16|fp16|bf16|__half2?|__nv_bfloat16|autocast)\b")
_RANDOM = re.compile(r"(?:^|\.)(?:rand\w*|normal\w*|uniform\w*|bernoulli\w*|multinomial)$")


def multiplies(source: str) -> bool:
    """Whether it multiplies matrices or convolves, where TF32 would be used."""
    tree = parsed(source)
    if tree is None:
        return False
    return any(isinstance(node, ast.MatMult) for node in ast.walk(tree)) or bool(
        any(map(_PRODUCTS.search, _words(tree)))
    )


def halves(source: str) -> bool:
    """Whether it names a type of half precision."""
    tree = parsed(source)
    return tree is not None and any(map(_HALVES.search, _words(tree)))


def draws(source: str) -> bool:
    """Whether it draws random numbers anywhere but in a constructor, or where inputs are drawn."""
    tree = parsed(source)
    return tree is not None and any(_RANDOM.search(name) for name in _called(tree))


def _words(tree: ast.Module) -> Iterator[str]:
    """Names, and strings that look like code; not comments and docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ";" in node.value:
            yield re.sub(r"//[^\n]*|/\*.*?\*/", "", node.value, flags=re.DOTALL)


def _called(node: ast.AST) -> Iterator[str]:
    """What is called in a tree, dotted."""
    for inside in ast.iter_child_nodes(node):
        if isinstance(inside, ast.FunctionDef) and inside.name in (
            "__init__",
            "get_inputs",
            "get_init_inputs",
        ):
            continue
        if isinstance(inside, ast.Call):
            yield ast.unparse(inside.func)
        yield from _called(inside)
