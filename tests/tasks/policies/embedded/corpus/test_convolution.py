"""The shared convolution texts, at shapes that no problem has: they hold beyond the suite."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from tasks.policies.embedded.corpus.convolution import Convolution
from tasks.policies.embedded.corpus.operators import conv2d, conv_transpose2d
from tasks.policies.embedded.corpus.style import Style

Form = Callable[[Convolution, Style], str]
FORMS: dict[str, Form] = {
    "scalar": Convolution.scalar,
    "row_axpy": Convolution.row_axpy,
    "blocked": Convolution.blocked,
}


def candidate(text: str, *arguments: object) -> nn.Module:
    scope: dict[str, object] = {"__name__": "candidate"}
    exec(compile(text, "candidate", "exec"), scope)
    model = scope["ModelNew"]
    assert isinstance(model, type)
    return model(*arguments)  # type: ignore[no-any-return]


def distance(text: str, reference: nn.Module, x: torch.Tensor, *arguments: object) -> float:
    """Relative distance from the float64 result."""
    model = candidate(text, *arguments)
    model.load_state_dict(reference.state_dict())
    with torch.no_grad():
        answer = model(x)
        exact = reference.double()(x.double())
    assert answer.shape == exact.shape
    return ((answer - exact).norm() / exact.norm()).item()


class Holder(nn.Module):
    """A reference with the suite's attribute name."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(5, 18), (9, 33), (4, 47)])
def test_a_convolution_holds_at_other_shapes(form: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    text = FORMS[form](conv2d.CONV, Style(random.Random(1), "own", 0.0))
    reference = Holder(nn.Conv2d(5, 12, 3, bias=False))
    assert distance(text, reference, torch.randn(2, 5, *size), 5, 12, 3) < 1e-6


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(3, 10), (6, 21)])
def test_a_transposed_convolution_holds_at_other_shapes(form: str, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    text = FORMS[form](conv_transpose2d.CONV, Style(random.Random(1), "own", 0.0))
    reference = Holder(nn.ConvTranspose2d(3, 8, (3, 7), bias=False))
    assert distance(text, reference, torch.randn(2, 3, *size), 3, 8, (3, 7)) < 1e-6


@pytest.fixture
def _nothing_is_zero_by_chance() -> Iterator[None]:
    """New memory holds NaN: a sum that starts from nothing could be right on fresh pages."""
    torch.use_deterministic_algorithms(True)  # which fills what `torch.empty` gives
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_nothing_is_zero_by_chance")
@pytest.mark.parametrize("form", ["scalar", "row_axpy"])
def test_a_slip_is_wrong(form: str) -> None:
    torch.manual_seed(0)
    s = Style(random.Random(1), "plain", 1.0)
    text = FORMS[form](conv2d.CONV, s)
    assert s.mistake is not None
    reference = Holder(nn.Conv2d(5, 12, 3, bias=False))
    assert not distance(text, reference, torch.randn(2, 5, 9, 33), 5, 12, 3) < 1e-3
