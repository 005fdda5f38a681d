"""Torch extensions: lean headers where they do, torch's own where they do not, and one for real."""

from __future__ import annotations

import subprocess
from pathlib import Path
from sysconfig import get_paths

import pytest
from torch.utils.cpp_extension import include_paths

from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.backends.extensions import HEADERS, wrap_compilers
from kernels_eval.backends.objects import ObjectCache
from tests.kernels_eval.conftest import problem_source

_WITH_LEAN = "#if !__has_include(<torch/extension.h>)\n#error as written\n#endif\n"
_AS_WRITTEN = "#if __has_include(<torch/extension.h>)\n#error lean\n#endif\n"
_RELU = r'''
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

source = """
#include <torch/extension.h>

using torch::lean::formed;  // it is in the first of the lean headers alone

torch::Tensor relu(torch::Tensor x) {
    auto out = torch::empty_like(x);
    const float* from = x.data_ptr<float>();
    float* to = out.data_ptr<float>();
    for (long i = 0; i < x.numel(); i++) to[i] = from[i] > 0.0f ? from[i] : 0.0f;
    return out;
}

std::vector<torch::Tensor> made(torch::Tensor x) {
    TORCH_CHECK(x.is_contiguous(), "contiguous only");
    auto whole = torch::TensorOptions().dtype(torch::kInt32).device(*at::device_of(x));
    auto learnt = x.options().requires_grad(true);
    return {
        torch::zeros({x.size(0), 3}),
        torch::ones({2}, whole),
        torch::full({2, 2}, 1.5, learnt),
        torch::zeros_like(x, learnt),
        torch::ones_like(x, torch::kFloat64),
        torch::full_like(x, 7),
        torch::empty({2, 3}, torch::kInt64).zero_(),
        torch::empty({1, 2, 3, 4}, whole, torch::MemoryFormat::ChannelsLast).zero_(),
        torch::empty_strided({2, 2}, {1, 2}, x.options()).zero_(),
    };
}
"""
module = load_inline("relu_inline", cpp_sources=source, functions=["relu", "made"])

x = torch.ones(2, 2)
with torch.enable_grad():
    made = module.made(x)
wanted = [
    torch.zeros(2, 3),
    torch.ones(2, dtype=torch.int32),
    torch.full((2, 2), 1.5, requires_grad=True),
    torch.zeros(2, 2, requires_grad=True),
    torch.ones(2, 2, dtype=torch.float64),
    torch.full((2, 2), 7.0),
    torch.zeros(2, 3, dtype=torch.int64),
    torch.zeros(1, 2, 3, 4, dtype=torch.int32).to(memory_format=torch.channels_last),
    torch.zeros(2, 2).t(),
]
for one, other in zip(made, wanted, strict=True):
    assert torch.equal(one, other)
    for name in ("dtype", "requires_grad"):
        assert getattr(one, name) == getattr(other, name)
    assert one.stride() == other.stride()


class ModelNew(nn.Module):
    def forward(self, x):
        return module.relu(x)
'''


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> str:
    return wrap_compilers(tmp_path_factory.mktemp("wrapped") / "compilers")["CXX"]


def compiles(compiler: str, tmp_path: Path, source: str, *flags: str) -> tuple[bool, str]:
    file = tmp_path / "kernel.cpp"
    file.write_text(source)
    done = subprocess.run(
        [compiler, "-c", *flags, str(file), "-o", str(tmp_path / "kernel.o")],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stderr


def test_an_extension_finds_the_lean_header(compiler: str, tmp_path: Path) -> None:
    assert compiles(compiler, tmp_path, _WITH_LEAN, "-DTORCH_EXTENSION_NAME=x")[0]


def test_what_fails_with_it_is_compiled_as_written(compiler: str, tmp_path: Path) -> None:
    assert compiles(compiler, tmp_path, _AS_WRITTEN, "-DTORCH_EXTENSION_NAME=x")[0]


def test_functions_of_the_library_are_in_the_second_header(tmp_path: Path) -> None:
    """None of these may be another function in the first: there they are unknown."""
    lines = {
        "torch::Tensor f(torch::Tensor x) { return torch::matmul(x, x); }",
        "torch::Tensor g(at::Tensor x) { return at::empty({1}, x.options()); }",
        "torch::Tensor h() { return torch::arange(3); }",
    }
    file = tmp_path / "x.cpp"
    file.write_text("\n".join(["#include <torch/extension.h>", *sorted(lines)]))
    errors = {}
    for header in ("tensors", "library"):
        flags = [f"-isystem{path}" for path in (*include_paths(), get_paths()["include"])]
        done = subprocess.run(
            ["g++", f"-I{HEADERS / header}", *flags, "-std=c++20", "-fsyntax-only", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        errors[header] = {line for line in lines if line in done.stderr}
    assert errors == {"tensors": lines, "library": set()}


def test_other_sources_never_see_it(compiler: str, tmp_path: Path) -> None:
    assert compiles(compiler, tmp_path, _AS_WRITTEN)[0]
    assert not compiles(compiler, tmp_path, _WITH_LEAN)[0]


def test_errors_are_those_of_the_source_as_written(compiler: str, tmp_path: Path) -> None:
    source = _AS_WRITTEN + "#error candidate's own\n"
    done, errors = compiles(compiler, tmp_path, source, "-DTORCH_EXTENSION_NAME=x")
    assert not done
    assert "candidate's own" in errors
    assert "#error lean" not in errors


def test_a_compiler_that_is_not_there_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_NVCC", str(tmp_path / "none"))
    assert set(wrap_compilers(tmp_path / "compilers")) == {"CXX"}


def test_load_inline_is_judged_and_compiled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for round_ in range(2):
        kept = ObjectCache()
        assert kept.wants(_RELU) is (round_ == 0)
        with Judge(JudgeConfig(timeout_s=300.0)) as judge:
            verdict = judge.evaluate(problem_source("relu"), _RELU)
        assert (verdict.status, verdict.error) == (Status.CORRECT, None)
    (content,) = kept.of(_RELU).values()
    assert content.startswith(b"\x7fELF")
    assert kept.of(_RELU + "# another") == {}
