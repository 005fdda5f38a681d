"""One function per rule: a module's syntax tree in, findings out. RULES lists them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from kernels_eval.types import Finding, Severity

Rule = Callable[[ast.Module], Iterator[Finding]]

_CLOCKS = ("time", "statistics", "torch")
_PEEKING = {
    "gc": "walks the garbage collector's objects",
    "inspect": "inspects frames or sources",
    "ctypes": "reaches into memory",
    "subprocess": "starts processes",
    "multiprocessing": "starts processes",
    "threading": "starts threads",
    "socket": "opens sockets",
    "signal": "sends or catches signals",
}
_LIBRARY = {"torch", "F", "functional", "nn"}
_ALLOCATION = {
    *("empty", "empty_like", "zeros", "zeros_like", "ones", "ones_like", "full", "full_like"),
    *("tensor", "as_tensor", "from_numpy", "no_grad", "inference_mode", "Tensor", "device"),
    *("float32", "float16", "bfloat16", "int32", "int64", "uint8", "bool", "Module", "Parameter"),
}


def _at(node: ast.AST) -> str:
    return f"line {getattr(node, 'lineno', 0)}"


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _forwards(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == "ModelNew":
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "forward":
                    yield item


def library_calls(tree: ast.Module) -> list[str]:
    """Library functions that `ModelNew.forward` computes with, allocation aside."""
    found = []
    for forward in _forwards(tree):
        for node in ast.walk(forward):
            if isinstance(node, ast.Call):
                name = _dotted(node.func)
                root, _, rest = name.partition(".")
                if root in _LIBRARY and rest.rpartition(".")[2] not in _ALLOCATION:
                    found.append(name)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
                found.append("@")
    return found


def has_kernel(tree: ast.Module) -> bool:
    """Whether the module holds source of its own for a backend (C++, CUDA or Triton)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if any(sign in node.value for sign in ('extern "C"', "__global__", "#include")):
                return True
        elif isinstance(node, ast.FunctionDef):
            decorators = {_dotted(getattr(d, "func", d)) for d in node.decorator_list}
            if decorators & {"triton.jit", "jit"}:
                return True
    return False


def fallback(tree: ast.Module) -> Iterator[Finding]:
    """A try around the computation: the except branch may be the library."""
    for forward in _forwards(tree):
        for node in ast.walk(forward):
            if isinstance(node, ast.Try):
                yield Finding(
                    "fallback", Severity.WARNING, f"{_at(node)}: forward catches its own failure"
                )


def patching(tree: ast.Module) -> Iterator[Finding]:
    """Assignment to an attribute of a module that timing or checking relies on."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            name = _dotted(target)
            if "." in name and name.partition(".")[0] in _CLOCKS and "backends" not in name:
                yield Finding("patching", Severity.WARNING, f"{_at(node)}: assigns {name}")
        if isinstance(node, ast.Call) and _dotted(node.func) == "setattr" and node.args:
            subject = _dotted(node.args[0])
            if subject.partition(".")[0] in _CLOCKS:
                yield Finding("patching", Severity.WARNING, f"{_at(node)}: setattr on {subject}")


def peeking(tree: ast.Module) -> Iterator[Finding]:
    """Imports and calls a kernel has little use for."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            root = name.partition(".")[0]
            if root in _PEEKING:
                text = f"{_at(node)}: imports {name}, which {_PEEKING[root]}"
                yield Finding("peeking", Severity.INFO, text)
        if isinstance(node, ast.Attribute) and _dotted(node) in ("os.environ", "sys._getframe"):
            yield Finding("peeking", Severity.INFO, f"{_at(node)}: reads {_dotted(node)}")


def streams(tree: ast.Module) -> Iterator[Finding]:
    """Work on a CUDA stream other than the current one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("Stream", "ExternalStream"):
            yield Finding("streams", Severity.WARNING, f"{_at(node)}: uses {_dotted(node)}")


def inherits(tree: ast.Module) -> Iterator[Finding]:
    """`class ModelNew(Model)`: the reference under another name, unless forward is its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == "ModelNew":
            own = any(isinstance(i, ast.FunctionDef) and i.name == "forward" for i in node.body)
            bases = [_dotted(base) for base in node.bases]
            if "Model" in bases:
                weight = Severity.INFO if own else Severity.WARNING
                yield Finding("inherits", weight, f"{_at(node)}: ModelNew inherits Model")


def precision(tree: ast.Module) -> Iterator[Finding]:
    """Global switches and casts that lower precision."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in (
            "allow_tf32",
            "set_float32_matmul_precision",
        ):
            yield Finding("precision", Severity.WARNING, f"{_at(node)}: touches {node.attr}")
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in ("half", "bfloat16"):
                yield Finding("precision", Severity.INFO, f"{_at(node)}: casts to {name}")


def library(tree: ast.Module) -> Iterator[Finding]:
    """Library calls in forward: welcome by default, told for those who study kernels."""
    calls = library_calls(tree)
    if calls:
        names = ", ".join(dict.fromkeys(calls))
        what = "beside its kernel" if has_kernel(tree) else "and no kernel of its own"
        text = f"forward computes with {names[:200]} {what}"
        yield Finding("library-calls", Severity.INFO, text)


RULES: tuple[Rule, ...] = (fallback, patching, peeking, streams, inherits, precision, library)
