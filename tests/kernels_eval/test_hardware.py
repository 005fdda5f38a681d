"""The model of a machine, as its maker names it."""

from __future__ import annotations

import shutil

import pytest

from kernels_eval.hardware import cpu_model, machine_model


def test_a_cpu_is_named() -> None:
    assert machine_model("cpu")
    assert cpu_model() in ("", machine_model("cpu"))


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a GPU's driver")
def test_without_a_driver_a_gpu_has_no_name() -> None:
    assert machine_model("cuda:0") is None
