"""Every problem of the embedded suite can be judged: its outputs say something about its inputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tasks.problems import Problem, load_suite

CPU = load_suite("embedded").problems
KERNELBENCH = load_suite("embedded:kernelbench").problems
IDS = [problem.problem_id for problem in CPU]

KERNELBENCH_SHAPES: dict[int, tuple[list[tuple[int, ...]], tuple[int, ...]]] = {
    4: ([(2048, 1048576), (1048576, 1)], (2048, 1)),
    5: ([(65536, 16384)], (65536, 16384)),
    12: ([(4096,), (4096, 4096)], (4096, 4096)),
    14: ([(4096, 4096), (4096, 4096)], (4096, 4096)),
    15: ([(4096, 4096), (4096, 4096)], (4096, 4096)),
    18: ([(8192, 2048), (4096, 8192)], (2048, 4096)),
    28: ([(4096, 393216)], (4096, 393216)),
    29: ([(4096, 393216)], (4096, 393216)),
    30: ([(4096, 393216)], (4096, 393216)),
    32: ([(4096, 393216)], (4096, 393216)),
    36: ([(112, 64, 512, 512)], (112, 64, 512, 512)),
    55: ([(8, 64, 512, 1024)], (8, 128, 510, 1022)),
    65: ([(8, 64, 512, 512)], (8, 64, 514, 518)),
    70: ([(8, 48, 96, 96, 96)], (8, 24, 98, 98, 98)),
    76: ([(64, 64, 524280)], (64, 128, 174758)),
    82: ([(16, 64, 512, 512)], (16, 64, 510, 510)),
    87: ([(16, 64, 1024, 1024)], (16, 128, 1024, 1024)),
    89: ([(32768, 32768)], (32768, 32768)),
    95: ([(32768, 4096), (32768,)], ()),
    98: ([(16384, 16384), (16384, 16384)], ()),
}
"""KernelBench's own sizes: shapes of the tensor inputs and of the output."""


class Loaded:
    """A problem's module, executed."""

    def __init__(self, problem: Problem) -> None:
        self.names: dict[str, object] = {"__name__": "problem"}
        exec(compile(problem.source, problem.name, "exec"), self.names)

    def model(self, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return self.names["Model"](*self.names["get_init_inputs"]())  # type: ignore[operator]

    def inputs(self, seed: int) -> list[object]:
        torch.manual_seed(seed)
        return list(self.names["get_inputs"]())  # type: ignore[operator]


def run(model: nn.Module, inputs: list[object]) -> torch.Tensor:
    with torch.no_grad():
        return model(*inputs)


def in_double(inputs: list[object]) -> list[object]:
    return [
        x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in inputs
    ]


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Of b from a, relative to a, in the 2-norm."""
    return float((a.double() - b.double()).norm() / a.double().norm())


def test_suite_has_the_papers_operators() -> None:
    assert set(IDS) == set(KERNELBENCH_SHAPES)
    assert all(problem.level == 1 for problem in CPU)
    names = {problem.problem_id: problem.name.lower() for problem in CPU}
    for problem_id, word in {4: "vector", 12: "diagonal", 30: "softsign", 89: "cumsum"}.items():
        assert word in names[problem_id]


@pytest.mark.parametrize("problem", CPU, ids=IDS)
def test_outputs_depend_on_every_input_and_on_its_values(problem: Problem) -> None:
    loaded = Loaded(problem)
    model, first, second = loaded.model(), loaded.inputs(1), loaded.inputs(2)
    output = run(model, first)
    assert output.dtype == torch.float32
    assert bool(torch.isfinite(output).all())
    assert float(output.double().pow(2).mean().sqrt()) > 1e-2, "outputs near the tolerance"
    if output.numel() > 1:
        assert float(output.std() / output.abs().mean()) > 0.05, "outputs hardly vary"
        some = output.flatten()[torch.randint(output.numel(), (4096,))]
        commonest = some.unique(return_counts=True)[1].max()
        assert int(commonest) < 0.7 * some.numel(), "most outputs are one value"
    for position, given in enumerate(first):
        changed = list(first)
        changed[position] = second[position] if torch.is_tensor(given) else given * 2  # type: ignore[operator]
        # Far beyond what an honest float32 kernel may be off, about 1e-5.
        assert distance(output, run(model, changed)) > 1e-4, f"input {position} does not matter"
    parameters = loaded.model(seed=7).state_dict()
    if parameters:
        model.load_state_dict(parameters)
        assert distance(output, run(model, first)) > 1e-2, "the parameters do not matter"


@pytest.mark.parametrize("problem", CPU, ids=IDS)
def test_single_precision_is_enough(problem: Problem) -> None:
    loaded = Loaded(problem)
    inputs = loaded.inputs(3)
    exact = run(loaded.model().double(), in_double(inputs))
    assert distance(exact, run(loaded.model(), inputs)) < 2e-6


@pytest.mark.parametrize("problem", CPU, ids=IDS)
def test_cpu_size_exceeds_the_inner_caches_and_stays_small(problem: Problem) -> None:
    loaded = Loaded(problem)
    tensors = [x for x in loaded.inputs(0) if isinstance(x, torch.Tensor)]
    given = sum(x.numel() * x.element_size() for x in tensors)
    assert given <= 64 * 2**20
    output = run(loaded.model(), loaded.inputs(0))
    assert given + output.numel() * 4 > 2**20


@pytest.mark.parametrize("problem", KERNELBENCH, ids=IDS)
def test_kernelbench_size_is_kernelbenchs(problem: Problem) -> None:
    assert problem.suite == "embedded:kernelbench"
    loaded = Loaded(problem)
    with torch.device("meta"):  # shapes only: some of these inputs take 6 GB
        inputs = loaded.inputs(0)
        output = run(loaded.model(), inputs)
    shapes, result = KERNELBENCH_SHAPES[problem.problem_id]
    assert [tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor)] == shapes
    assert tuple(output.shape) == result


@pytest.mark.parametrize(
    ("problem_id", "low", "high"), [(28, 0.0, 1.0), (32, -1.0, 1.0)], ids=["28", "32"]
)
def test_every_branch_of_a_clamp_happens(problem_id: int, low: float, high: float) -> None:
    loaded = Loaded(load_suite("embedded").select([problem_id])[0])
    output = run(loaded.model(), loaded.inputs(0))
    for share in ((output == low), (output == high), (output > low) & (output < high)):
        assert float(share.float().mean()) > 0.1


def test_softplus_overflows_where_it_is_written_carelessly() -> None:
    loaded = Loaded(load_suite("embedded").select([29])[0])
    x = loaded.inputs(0)[0]
    assert isinstance(x, torch.Tensor)
    assert bool(torch.isfinite(run(loaded.model(), [x])).all())
    assert not bool(torch.isfinite(torch.log(1 + torch.exp(x))).all())
