"""Problems as people write them: judged right, or refused in one line with the true reason."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kernels_eval import ProblemError, Status
from kernels_eval.host import JudgeHost

_HEAD = """
import collections, dataclasses, enum, os, random, sys, types
import numpy as np
import torch
from torch import nn
"""
_INPUTS = "\ndef get_inputs():\n    return [torch.randn(64, 64)]\n"


@dataclass(frozen=True)
class _Case:
    """Bodies of two `forward`s that do the same, or of which the second is wrong."""

    forward: str = "x * 2"
    before: str = ""
    constructor: str = ""
    inputs: str = _INPUTS
    takes: str = "x"
    candidate: str = ""
    wrong: str = ""

    def problem(self) -> str:
        return self._module("Model", self.forward) + self.inputs

    def candidate_source(self, *, wrong: bool = False) -> str:
        return self._module("ModelNew", self.wrong if wrong else self.candidate or self.forward)

    def _module(self, name: str, returned: str) -> str:
        constructor = self.constructor or "def __init__(self):\n        super().__init__()"
        return (
            f"{_HEAD}{self.before}\nclass {name}(nn.Module):\n    {constructor}\n"
            f"    def forward(self, {self.takes}):\n        return {returned}\n"
        )


def _inputs(*drawn: str) -> str:
    return f"\ndef get_inputs():\n    return [{', '.join(drawn)}]\n"


def _initial(drawn: str) -> str:
    return f"{_INPUTS}def get_init_inputs():\n    return {drawn}\n"


def _dtype(name: str) -> _Case:
    drawn = "torch.rand(64, 64) > 0.5" if name == "bool" else f"(100 * torch.rand(64, 64)).{name}()"
    if name.startswith(("uint", "complex", "bfloat")):
        drawn = f"(100 * torch.rand(64, 64)).to(torch.{name})"
    return _Case("x.flip(0)", inputs=_inputs(drawn), wrong="x.clone()")


_MODE = """def __init__(self, scale=1.0, mode="none"):
        super().__init__()
        self.scale, self.mode = scale, mode"""
_BY_MODE = "torch.relu(x) * self.scale if self.mode == 'relu' else x"
_X = "torch.randn(64, 64)"
_COMPLEX = "torch.randn(64, 64, dtype=torch.complex64)"
_PAIR = "Pair = collections.namedtuple('Pair', 'low high')"
_OWN = """
@dataclasses.dataclass
class Options:
    scale: float
class Kind(enum.Enum):
    RELU = 1
    NONE = 2
"""
_JUDGED = {
    "keyword arguments": _Case(
        _BY_MODE, constructor=_MODE, inputs=_initial("{'mode': 'relu'}"), wrong="x"
    ),
    "both kinds of arguments": _Case(
        _BY_MODE, constructor=_MODE, inputs=_initial("[[3.0], {'mode': 'relu'}]"), wrong="x"
    ),
    "only keywords of both kinds": _Case(
        _BY_MODE, constructor=_MODE, inputs=_initial("((), {'mode': 'relu'})"), wrong="x"
    ),
    "a list and a dictionary for two parameters": _Case(
        "x * self.sizes[0] * self.options['by']",
        constructor="def __init__(self, sizes, options):\n"
        "        super().__init__()\n        self.sizes, self.options = sizes, options",
        inputs=_initial("[[3.0], {'by': 2.0}]"),
        wrong="x",
    ),
    "a list that the constructor empties": _Case(
        "x * self.n",
        constructor="def __init__(self, sizes):\n"
        "        super().__init__()\n        self.n = sizes.pop()",
        inputs=_initial("[[1, 2, 3]]"),
        wrong="x * 2",
    ),
    "an object of the problem's own class": _Case(
        "x * self.scale",
        before=_OWN,
        constructor="def __init__(self, options):\n        super().__init__()\n"
        "        assert isinstance(options, Options)\n        self.scale = options.scale",
        inputs=_initial("[Options(2.0)]"),
        wrong="x",
    ),
    "an enum": _Case(
        "torch.relu(x) if kind is Kind.RELU else x",
        before=_OWN,
        takes="x, kind",
        inputs=_inputs(_X, "Kind.RELU"),
        wrong="x",
    ),
    "arrays": _Case(
        "torch.from_numpy(x) * 2",
        inputs=_inputs("np.random.randn(64, 64).astype('float32')"),
        wrong="torch.from_numpy(x)",
    ),
    "a named tuple": _Case(
        "pair.low - pair.high",
        before=_PAIR,
        takes="pair",
        inputs=_inputs(f"Pair({_X}, {_X})"),
        wrong="pair.high - pair.low",
    ),
    "a dataclass with tensors": _Case(
        "data.scale - 1",
        before=_OWN,
        takes="data",
        inputs=_inputs(f"Options({_X})"),
        wrong="data.scale",
    ),
    "attributes": _Case(
        "space.a - space.b",
        takes="space",
        inputs=_inputs(f"types.SimpleNamespace(a={_X}, b={_X})"),
        wrong="space.b - space.a",
    ),
    "a scalar": _Case("x * s", takes="x, s", inputs=_inputs(_X, "torch.randn(())"), wrong="x"),
    "an empty input": _Case(
        "torch.cat([x, e])", takes="x, e", inputs=_inputs(_X, "torch.randn(0, 64)"), wrong="-x"
    ),
    "an empty output": _Case("(2 * x, x[:0])", wrong="(x, x[:0])"),
    "no dimension": _Case("x.square().sum()", wrong="x.abs().sum()"),
    "named outputs": _Case(
        "{'a': 2 * x, 'b': -x}", candidate="{'b': -x, 'a': 2 * x}", wrong="{'b': 2 * x, 'a': -x}"
    ),
    "a list for a tuple": _Case("(2 * x, -x)", candidate="[2 * x, -x]", wrong="[-x, 2 * x]"),
    "fields in another order": _Case(
        "Pair(x, -x)",
        before=_PAIR + "\nOther = collections.namedtuple('Other', 'high low')",
        candidate="Other(-x, x)",
        wrong="Other(x, -x)",
    ),
    "keys of the problem's own class": _Case(
        "{Kind.RELU: 2 * x, Kind.NONE: -x}", before=_OWN, wrong="{Kind.RELU: -x, Kind.NONE: 2 * x}"
    ),
    "a constant that is drawn on import": _Case(
        "x @ W * R",
        before="W, R = torch.randn(64, 64), random.random() + np.random.rand()",
        wrong="x @ W",
    ),
    "complex answers": _Case("torch.fft.rfft(x)", wrong="torch.fft.rfft(x).conj()"),
    "a conjugate in the input": _Case(
        "2 * x", inputs=_inputs(f"{_COMPLEX}.conj()"), wrong="2 * x.conj()"
    ),
    "a conjugate in the output": _Case(
        "x.conj().resolve_conj()", inputs=_inputs(_COMPLEX), candidate="x.conj()", wrong="x"
    ),
    "the negative bit": _Case(
        "-(x.imag * 1.0)", inputs=_inputs(_COMPLEX), candidate="x.conj().imag", wrong="x.imag"
    ),
    "an expanded output": _Case(
        "x.mean(1, keepdim=True).expand(64, 64)", wrong="x.mean(0, keepdim=True).expand(64, 64)"
    ),
    "overlapping windows": _Case("x.unfold(1, 3, 1)", wrong="x.unfold(1, 3, 1).flip(0)"),
    "a column of a wide output": _Case("(x @ x.T)[:, 3]", wrong="(x @ x.T)[:, 4]"),
    "many dimensions": _Case(
        "(2 * x).view((2,) * 12).transpose(0, 5)", wrong="(2 * x).view((2,) * 12)"
    ),
    "another layout at each draw": _Case(
        "x - 1",
        inputs="\ndef get_inputs():\n    x = torch.randn(64, 64)\n"
        "    return [x if random.random() < 0.5 else x.t()]\n",
        wrong="x.t() - 1",
    ),
    **{
        name: _dtype(name)
        for name in ("bool", "int", "uint8", "uint16", "uint64", "bfloat16", "double", "complex128")
    },
}


@pytest.mark.parametrize("case", _JUDGED.values(), ids=_JUDGED)
def test_a_dialect_is_judged(host: JudgeHost, case: _Case) -> None:
    found = dict(
        host.evaluate_many(
            case.problem(), [case.candidate_source(), case.candidate_source(wrong=True)]
        )
    )
    assert found[0].status is Status.CORRECT, found[0].error
    assert found[1].status is Status.INCORRECT, found[1].error


_SHAPES = "\ndef get_inputs():\n    return [torch.randn(random.choice([32, 64, 128]), 64)]\n"
_REFUSED = {
    "shapes that change": (_Case(inputs=_SHAPES), "input 0 has another shape"),
    "shapes that depend on data": (_Case("x[x > 0]"), "output 0 has another shape for other"),
    "a number of tensors that changes": (
        _Case(
            takes="x, *_",
            inputs=f"\ndef get_inputs():\n    return [{_X}] * random.choice([1, 2])\n",
        ),
        "another number of tensors",
    ),
    "other values that change": (
        _Case("x * s", takes="x, s", inputs=_inputs(_X, "random.random()")),
        "other non-tensor values",
    ),
    "the same values": (
        _Case(inputs="\ndef get_inputs():\n    torch.manual_seed(0)\n" + _INPUTS.split(":", 1)[1]),
        "the same values at every draw",
    ),
    "a sparse input": (_Case("x.to_dense()", inputs=_inputs(f"{_X}.to_sparse()")), "is sparse"),
    "a sparse output": (_Case("x.relu().to_sparse()"), "output 0 is sparse"),
    "a quantized output": (
        _Case("torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)"),
        "is quantized",
    ),
    "a nested output": (_Case("torch.nested.nested_tensor([x[0], x[1, :5]])"), "is nested"),
    "a number": (_Case("x.sum().item()"), "returns float"),
    "an array": (_Case("x.numpy()"), "returns ndarray"),
    "nothing": (_Case("None"), "returns nothing"),
    "state": (
        _Case(
            "self.step(x)",
            constructor="h = 0\n"
            "    def step(self, x):\n"
            "        self.h = torch.tanh(x + self.h)\n        return self.h",
        ),
        r"keeps state from one call to the next \(h\)",
    ),
    "chance": (_Case("x + torch.rand_like(x)"), "draws random numbers"),
    "what cannot be handed over": (
        _Case(
            "self.f(x)",
            constructor="def __init__(self, f):\n        super().__init__()\n        self.f = f",
            inputs=_initial("[lambda x: 2 * x]"),
        ),
        "cannot be handed to another process",
    ),
    "no list": (_Case(inputs=_initial("3")), "get_init_inputs.. returns int"),
    "a type that torch cannot compare": (
        _Case("x", inputs=_inputs(f"{_X}.to(torch.complex32)")),
        "the judge cannot compare what it computes",
    ),
}


@pytest.mark.parametrize(("case", "reason"), _REFUSED.values(), ids=_REFUSED)
def test_what_cannot_be_judged_is_refused(host: JudgeHost, case: _Case, reason: str) -> None:
    with pytest.raises(ProblemError, match=reason) as refused:
        host.evaluate(case.problem(), case.candidate_source())
    assert "\n" not in str(refused.value)


_LINEAR = """
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)
{more}
    def forward(self, x):
        return {returned}
"""


def _linear(name: str, more: str, returned: str) -> str:
    indented = "".join(f"        {line}\n" for line in more.splitlines())
    return _HEAD + _LINEAR.format(name=name, more=indented, returned=returned)


def test_a_weight_that_is_rearranged_stays_so(host: JudgeHost) -> None:
    problem = _linear("Model", "", "self.fc(x)") + _INPUTS
    turned = "self.fc.weight = nn.Parameter(self.fc.weight.detach().t().contiguous())"
    candidate = _linear("ModelNew", turned, "x @ self.fc.weight + self.fc.bias")
    assert host.evaluate(problem, candidate).correct


def test_weights_that_are_drawn_in_another_order_are_the_reference_s(host: JudgeHost) -> None:
    problem = _linear("Model", "self.b = nn.Linear(64, 64)", "self.b(self.fc(x))") + _INPUTS
    other = "self.b, self.fc = nn.Linear(64, 64), nn.Linear(64, 64)"
    assert host.evaluate(problem, _linear("ModelNew", other, "self.b(self.fc(x))")).correct


def test_a_weight_that_was_overwritten_is_named(host: JudgeHost) -> None:
    problem = _linear("Model", "", "self.fc(x) * 3") + _INPUTS
    scaled = "self.fc.weight.data.mul_(3); self.fc.bias.data.mul_(3)"
    verdict = host.evaluate(problem, _linear("ModelNew", scaled, "self.fc(x)"))
    assert verdict.status is Status.INCORRECT
    assert verdict.error is not None
    assert "fc.weight, fc.bias" in verdict.error
    assert "a name of its own" in verdict.error
