"""The C interface: conversions, errors, one compile per source."""

from __future__ import annotations

import pytest
import torch

from kernels_eval.backends import cpp

_SOURCE = """
extern "C" void scale(const float* x, float factor, bool twice, float* out, long n) {
    for (long i = 0; i < n; ++i) out[i] = x[i] * factor * (twice ? 2 : 1);
}
"""


@pytest.fixture(scope="module")
def library() -> cpp.Library:
    return cpp.load(_SOURCE)


def test_arguments(library: cpp.Library) -> None:
    x, out = torch.arange(8.0), torch.empty(8)
    library.scale(x, 1.5, True, out, x.numel())
    assert torch.equal(out, x * 3)


def test_equal_sources_compile_once(library: cpp.Library) -> None:
    assert cpp.load(_SOURCE) is library
    assert cpp.load(_SOURCE, flags=["-O1"]) is not library


def test_a_strided_tensor_is_refused(library: cpp.Library) -> None:
    with pytest.raises(TypeError, match=r"\.contiguous\(\)"):
        library.scale(torch.ones(4, 4).t(), 1.0, False, torch.empty(16), 16)
    with pytest.raises(TypeError, match="cannot pass a list"):
        library.scale([1.0], 1.0, False, torch.empty(1), 1)


def test_errors_carry_the_compiler_s_words() -> None:
    with pytest.raises(cpp.CompileError, match=r"kernel\.cpp:1"):
        cpp.load("this is no C++;")


def test_a_missing_function_says_so(library: cpp.Library) -> None:
    with pytest.raises(AttributeError, match='extern "C"'):
        library.nothing()
