"""What the syntax tree tells, and that it never decides."""

from __future__ import annotations

import pytest

from kernels_eval import Severity
from kernels_eval.screening import screen
from kernels_eval.screening.scope import out_of_scope
from tests.kernels_eval.conftest import HERE

_FORWARD = "class ModelNew(nn.Module):\n    def forward(self, x):\n"


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (
            _FORWARD + "        try:\n            y = k(x)\n        finally:\n            y = x",
            "fallback",
        ),
        ("import time\ntime.perf_counter = lambda: 0", "patching"),
        ("import torch\nsetattr(torch.cuda, 'Event', None)", "patching"),
        ("import gc", "peeking"),
        ("import torch\ns = torch.cuda.Stream()", "streams"),
        ("class ModelNew(Model):\n    pass", "inherits"),
        ("import torch\ntorch.backends.cuda.matmul.allow_tf32 = True", "precision"),
        (_FORWARD + "        return torch.relu(x)", "library-calls"),
    ],
)
def test_rule(source: str, rule: str) -> None:
    findings = screen(source)
    assert rule in {finding.rule for finding in findings}
    assert all(finding.severity is not Severity.CONVICTED for finding in findings)


def test_a_plain_kernel_has_no_warning() -> None:
    findings = screen((HERE / "honest" / "relu_cpp.py").read_text())
    assert [finding for finding in findings if finding.severity is Severity.WARNING] == []


def test_what_does_not_parse_is_left_to_the_import() -> None:
    assert screen("def (") == ()
    assert out_of_scope("def (", "kernel") is None


def test_scope() -> None:
    assert out_of_scope(_FORWARD + "        return torch.relu(x)", None) is None
    assert out_of_scope(_FORWARD + "        return torch.relu(x)", "kernel") is not None
    assert out_of_scope(_FORWARD + "        return x", "kernel") is not None
    assert out_of_scope((HERE / "honest" / "relu_cpp.py").read_text(), "kernel") is None
