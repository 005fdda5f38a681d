"""What a problem's own inputs and parameters hide is found, cured for both sides, and said."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.errors import ProblemError, RequestError
from kernels_eval.problems.kinds import GIVEN, KINDS, Kind, Nature, natures, recast
from kernels_eval.problems.mutants import DIGITS, as_tf32
from kernels_eval.problems.prepared import PreparedProblem
from kernels_eval.truth.tolerance import make_truth
from kernels_eval.worker.constants import Redraw, constants_of, impose, redrawing
from tests.kernels_eval.conftest import HERE, problem_source

_PROBLEM = """
import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def forward(self, x):
        return {body}


def get_inputs():
    return [{inputs}]


def get_init_inputs():
    return []
"""


def prepared(body: str, inputs: str) -> PreparedProblem:
    return PreparedProblem(_PROBLEM.format(body=body, inputs=inputs))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("relu_positive", "the step relu"),
        ("matmul", "the signs of input 1"),
        ("clamp_unit", "one side of the step hardtanh"),
        ("hard_sigmoid_unit", "one side of the step hardsigmoid"),
        ("leaky_positive", "one side of the step where"),
        ("elu_positive", "one side of the step elu"),
        ("l1_norm", "the step abs"),
        ("cumprod", "what is too small to be seen beside the rest of the output"),
        ("matmul_positive", DIGITS),
        ("long_product", DIGITS),
    ],
)
def test_what_inputs_hide_is_found_and_cured(name: str, what: str) -> None:
    problem = PreparedProblem(problem_source(name))
    assert what in problem.hidden
    assert problem.kinds[1:]
    assert not problem.cannot_tell


@pytest.mark.parametrize("name", ["relu", "softmax", "cumsum", "joined", "linear", "two_outputs"])
def test_what_hides_nothing_is_left_alone(name: str) -> None:
    problem = PreparedProblem(problem_source(name))
    assert problem.kinds == (GIVEN,)
    assert not any((problem.redrawn, problem.hidden, problem.spread, problem.few_inputs))


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        ("torch.sqrt(x).relu()", "torch.rand(64, 256)"),
        ("torch.log(x.abs())", "1e-3 + torch.rand(64, 256)"),
        ("F.binary_cross_entropy(x, x.detach().abs(), reduction='none')", "torch.rand(64, 256)"),
    ],
)
def test_a_reference_stays_finite(body: str, inputs: str) -> None:
    problem = prepared(body, inputs)
    for seed in range(4):
        item = problem.draw(seed)
        outputs = problem.answers(item.inputs)
        assert all(bool(one.isfinite().all()) for one in outputs)


def test_kinds_are_only_for_numbers_that_are_any_numbers() -> None:
    torch.manual_seed(0)
    square = torch.rand(64, 64)
    ones = [
        square,
        torch.triu(torch.randn(64, 64)),
        square + square.T,
        torch.randint(0, 2, (64, 64)).float(),  # a mask
        torch.softmax(torch.randn(64, 64), dim=1),  # probabilities
        torch.rand(64, 64).cumsum(dim=1),  # a grid
        torch.arange(8),
    ]
    expected = [Nature.ANY, Nature.ANY, Nature.SYMMETRIC, *[Nature.KEPT] * 4]
    assert natures(ones, ones) == tuple(expected)


def test_a_symmetric_matrix_stays_symmetric_and_as_definite_as_it_was() -> None:
    torch.manual_seed(0)
    square = torch.rand(16, 16)
    given = square @ square.T + torch.eye(16)
    given = (given + given.T) / 2
    (changed,) = recast(KINDS[0], [given], [Nature.SYMMETRIC])
    assert torch.equal(changed, changed.T)
    assert bool((changed < 0).any())
    assert torch.equal(changed.abs(), given.abs())
    torch.linalg.cholesky(changed)


def test_products_of_symmetric_matrices_tell_half_of_the_digits() -> None:
    problem = prepared("x[0] @ x[1]", "(lambda a: a + a.mT)(torch.rand(2, 2048, 2048))")
    assert problem.cannot_tell == ()
    assert any(kind.signs for kind in problem.kinds)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_keeps_zeros_layout_and_what_may_not_change(kind: Kind) -> None:
    given = [torch.triu(torch.rand(48, 32)).t(), torch.rand(7, 9), torch.ones(5)]
    changed = recast(kind, given, [Nature.ANY, Nature.KEPT, Nature.CONSTANT])
    assert changed[0].stride() == given[0].stride()
    assert torch.equal(changed[0] == 0, given[0] == 0)
    assert torch.equal(changed[0], given[0]) == kind.constants
    assert torch.equal(changed[1], given[1])
    assert torch.equal(changed[2], given[2]) != kind.constants


def test_every_candidate_is_shown_every_kind() -> None:
    problem = PreparedProblem(problem_source("relu_positive"))
    for _ in range(12):
        problem.pool.fresh()
    for _ in range(8):
        sets = problem.unseen()
        assert {next(sets).kind for _ in range(2)} == {0, 1}
    signs = {item.kind: bool((item.inputs[0] < 0).any()) for item in map(problem.draw, range(6))}
    assert signs == {0: False, 1: True}


def test_constants_are_drawn_alike_whatever_they_are_called() -> None:
    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(12)
            self.gain = nn.Parameter(1e-6 * torch.ones(1, 12))
            self.workspace = torch.zeros(12)

    constants = constants_of(Norms())
    assert set(constants) == {
        *("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "gain"),
    }
    redraw = Redraw(frozenset(constants.values()), seed=7)
    before = torch.get_rng_state()
    with redrawing(redraw):
        drawn, alone = Norms(), nn.Parameter(torch.ones(12, 1))
        other = nn.Parameter(torch.ones(13))
    assert torch.equal(before, torch.get_rng_state())
    assert not constants_of(drawn)
    assert bool((drawn.norm.running_var > 0).all())
    assert bool((drawn.gain > 0.2).all())
    assert torch.equal(alone.reshape(-1), drawn.norm.weight)
    assert torch.equal(other, torch.ones(13))
    assert torch.equal(drawn.workspace, torch.zeros(12))
    late = Norms()
    impose(late, redraw)
    assert all(map(torch.equal, late.state_dict().values(), drawn.state_dict().values()))
    assert torch.equal(nn.Parameter(torch.ones(12)), torch.ones(12))  # nothing is left behind


def test_a_constant_that_must_be_what_it_is_stays() -> None:
    source = _PROBLEM.format(body="torch.sqrt(self.shift) + x", inputs="torch.randn(32, 64)")
    source = source.replace(
        "    def forward",
        "    def __init__(self):\n        super().__init__()\n"
        "        self.shift = nn.Parameter(torch.zeros(64))\n"
        "        self.scale = nn.Parameter(torch.ones(64))\n\n    def forward",
    ).replace("+ x", "+ x * self.scale")
    problem = PreparedProblem(source)
    assert set(problem.redrawn) == {"scale"}
    assert torch.equal(problem.state["shift"], torch.zeros(64))
    assert not torch.equal(problem.state["scale"], torch.ones(64))
    assert problem.cannot_tell == ("the parameter shift",)


@pytest.mark.parametrize(
    "constant", ["torch.ones(64)", "torch.zeros(64)", "torch.ones(64, dtype=torch.bool)"]
)
def test_an_input_that_is_always_the_same_is_drawn(constant: str) -> None:
    source = _PROBLEM.format(body="x + w * x.tanh()", inputs=f"torch.randn(32, 64), {constant}")
    problem = PreparedProblem(source.replace("(self, x)", "(self, x, w)"))
    assert "input 1" in problem.hidden
    drawn = [problem.draw(seed).inputs[1] for seed in range(4)]
    assert drawn[0].dtype is drawn[1].dtype
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[3])


def test_an_identity_of_a_weight_is_drawn() -> None:
    source = _PROBLEM.format(body="x @ self.weight", inputs="torch.randn(32, 64)")
    source = source.replace(
        "    def forward",
        "    def __init__(self):\n        super().__init__()\n"
        "        self.weight = nn.Parameter(torch.eye(64))\n\n    def forward",
    )
    problem = PreparedProblem(source)
    assert list(problem.redrawn) == ["weight"]
    assert problem.hidden == problem.cannot_tell == ()
    item = problem.draw(0)
    assert item.truths[0].distance(item.inputs[0].reshape(-1)) > 1
    with redrawing(Redraw(frozenset(problem.redrawn.values()), problem.weight_seed)):
        own = nn.Parameter(torch.eye(64))
    assert torch.equal(own, problem.state["weight"])


def test_inputs_that_come_again_are_named(judge: Judge) -> None:
    source = problem_source("codebook")
    verdict = judge.evaluate(source, source.replace("class Model(", "class ModelNew("))
    assert verdict.status is Status.CORRECT, verdict.error
    assert "few-inputs" in [finding.rule for finding in verdict.findings]


@pytest.mark.parametrize(
    ("cheat", "rule"),
    [
        ("neutral_identity", "parameters-drawn"),
        ("relu_of_positive", "inputs-drawn"),
    ],
)
def test_as_given_nothing_is_changed(judge: Judge, cheat: str, rule: str) -> None:
    source = (HERE / "hacks" / f"{cheat}.py").read_text()
    problem = problem_source(source.partition("\n")[0].removeprefix("# problem: "))
    assert rule in [finding.rule for finding in judge.evaluate(problem, source).findings]
    given = PreparedProblem(problem, as_given=True)
    assert given.kinds == (GIVEN,)
    assert not any((given.redrawn, given.spread, given.hidden, given.cannot_tell))


def test_as_given_is_another_harness() -> None:
    assert JudgeConfig().inputs == "cured"
    assert JudgeConfig(inputs="as-given").harness_id != JudgeConfig().harness_id
    with pytest.raises(RequestError, match="no inputs 'raw'; choose one of: cured, as-given"):
        dataclasses.replace(JudgeConfig(), inputs="raw")  # type: ignore[arg-type]


def test_as_given_cheats_are_correct() -> None:
    source = (HERE / "hacks" / "neutral_identity.py").read_text()
    with Judge(JudgeConfig(inputs="as-given")) as literal:
        verdict = literal.evaluate(problem_source("neutral"), source)
    assert verdict.status is Status.CORRECT, verdict.error
    assert "parameters-drawn" not in [finding.rule for finding in verdict.findings]


def test_as_given_a_problem_that_shows_nothing_is_refused() -> None:
    source = problem_source("mean_offset")
    assert PreparedProblem(source).spread
    with pytest.raises(ProblemError, match=r"varies less than the tolerance.*`--inputs cured`"):
        PreparedProblem(source, as_given=True)


@pytest.mark.parametrize(
    ("body", "inputs", "most"),
    [
        ("torch.tanh(x) * x", "torch.randn(64, 4096)", 8),
        ("x.amax(1)", "torch.randn(64, 4096)", 8),
        ("x.sum(1)", "torch.randn(64, 4096)", 4096),
        ("F.avg_pool1d(x, 16)", "torch.randn(4, 8, 4096)", 128),
    ],
)
def test_what_is_summed_is_counted(body: str, inputs: str, most: int) -> None:
    problem = prepared(body, inputs)
    assert problem.depth <= most
    assert problem.depth >= most / 2


def test_small_parts_of_what_sums_nothing_have_a_scale_of_their_own() -> None:
    exact = torch.randn(64 * 256, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact[:256] *= 1e-7
    answer = exact.float()
    answer[:256] = 0.0
    assert make_truth(exact.float(), exact, 8).distance(answer) <= 1
    assert make_truth(exact.float(), exact, 8, alone=True).distance(answer) > 1


@pytest.mark.parametrize("kept", [1 << 11, 1 << 14, 1 << 17])
@pytest.mark.parametrize("rounded", [as_tf32, torch.Tensor.half, torch.Tensor.bfloat16])
def test_digits_of_products_of_positive_numbers_are_told(kept: int, rounded: object) -> None:
    source = problem_source("matmul_positive").replace("4096", str(kept))
    problem = PreparedProblem(source.replace("64", "16"))
    seen = []
    for item in map(problem.draw, range(8)):
        given, truth = item.inputs, item.truths[0]
        a, b = (rounded(one).float() for one in given)  # type: ignore[operator]
        seen.append(truth.distance((a @ b).reshape(-1)))
        naive = torch.zeros(16, 16)
        for start in range(0, kept, 64):
            naive += given[0][:, start : start + 64] @ given[1][start : start + 64]
        assert truth.distance(naive.reshape(-1)) <= 1
    assert max(seen) > 1  # a candidate is shown as many at least
