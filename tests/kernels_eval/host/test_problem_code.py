"""What a problem's code does while it runs, or would leave behind, is its own refusal."""

from __future__ import annotations

import signal
import time

import pytest

from kernels_eval import JudgeConfig, ProblemError, Status
from kernels_eval.host import JudgeHost
from kernels_eval.problem_code import Stopwatch, problem_code, watch_with
from tests.kernels_eval.conftest import HERE, problem_source

_RELU = problem_source("relu")
_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_TANH = _RIGHT.replace("x.clamp(min=0)", "x.tanh()")
_LATER = """
import itertools, time
_draw, _calls = get_inputs, itertools.count()
def get_inputs():
    if next(_calls) > 12:
        {}
    return _draw()
"""


def _outcome(host: JudgeHost, source: str, candidate: str) -> str:
    try:
        return host.evaluate(source, candidate).status.value
    except ProblemError as refusal:
        return str(refusal)


def _judged(host: JudgeHost, source: str, candidate: str = _RIGHT) -> Status:
    return host.evaluate(source, candidate).status


@pytest.mark.parametrize("code", ["time.sleep(1e6)", "while True: pass", "time.sleep(1.0)"])
def test_what_does_not_end_is_refused_within_its_own_limit(code: str) -> None:
    """Also later than when the problem is prepared, and whether it hangs or is slow each time."""
    with JudgeHost(JudgeConfig(timeout_s=60.0), problem_timeout_s=10.0) as host:
        began = time.monotonic()
        source = _RELU + _LATER.format(code)
        with pytest.raises(ProblemError, match=r"get_inputs or Model took 10 s .* does not end"):
            list(host.evaluate_many(source, [_RIGHT] * 4))
        assert time.monotonic() - began < 120
        assert _judged(host, _RELU) is Status.CORRECT


@pytest.mark.parametrize("timer", ["ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"])
def test_a_timer_ends_with_the_code_that_set_it(host: JudgeHost, timer: str) -> None:
    number = {"ITIMER_REAL": "ALRM", "ITIMER_VIRTUAL": "VTALRM", "ITIMER_PROF": "PROF"}[timer]
    sets = (
        f"import signal\nsignal.signal(signal.SIG{number}, lambda *_: 1 / 0)\n"
        f"signal.setitimer(signal.{timer}, 0.2, 0.2)\n"
    )
    assert _judged(host, sets + _RELU) is Status.CORRECT


@pytest.mark.parametrize(
    "patch",
    [
        "import json; json.dumps = lambda *_, **__: '{}'",
        "torch.Tensor.to = lambda self, *_, **__: self",
        "torch.Tensor.argmax = None",
        "import builtins; builtins.len = builtins.print = lambda *_: 0",
    ],
)
def test_a_patch_never_makes_the_judge_fail(host: JudgeHost, patch: str) -> None:
    source = f"{_RELU}\n{patch}\n"
    for candidate, right in ((_RIGHT, Status.CORRECT), (_TANH, Status.INCORRECT)):
        came_out = _outcome(host, source, candidate)
        assert came_out == right.value or "the problem file" in came_out, came_out


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('no GPU here')", "exit status 1, saying: SystemExit: no GPU here"),
        ("class Bare(BaseException): pass\nraise Bare('gone')", "raised Bare: gone"),
        ("raise GeneratorExit('early')", "raised GeneratorExit: early"),
        (
            "class Bad(Exception):\n    def __str__(self): raise RuntimeError('no')\nraise Bad()",
            "Bad: <exception str",
        ),
        ("x = = 1", "SyntaxError: invalid syntax (line "),
    ],
)
def test_the_true_reason_is_said(host: JudgeHost, code: str, said: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        host.prepare(f"{_RELU}\n{code}\n")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "numbers",
    [
        "import numpy\nC = float(numpy.random.default_rng().random())\n",
        "import time\nC = time.time() % 1\n",
        "import os\nC = os.urandom(1)[0] / 256\n",
    ],
)
def test_numbers_that_no_candidate_can_know_are_named(host: JudgeHost, numbers: str) -> None:
    source = numbers + _RELU.replace("torch.relu(x)", "torch.relu(x) + C")
    with pytest.raises(ProblemError, match="others each time the file is imported"):
        host.prepare(source)


def test_seeded_ones_are_judged(host: JudgeHost) -> None:
    seeded = "C = float(torch.rand(()))\n\n\nclass Model"
    source = _RELU.replace("class Model", seeded).replace("torch.relu(x)", "torch.relu(x) + C")
    assert _judged(host, source, source.replace("Model(", "ModelNew(")) is Status.CORRECT


def test_a_file_that_cannot_be_imported_twice_is_judged(host: JudgeHost) -> None:
    once = "import sys\nassert not hasattr(sys, 'seen_before')\nsys.seen_before = True\n"
    assert _judged(host, once + _RELU) is Status.CORRECT


def test_a_model_that_changes_its_input_is_judged(host: JudgeHost) -> None:
    changes = "x += 1\n        return x * 2"
    source = _RELU.replace("return torch.relu(x)", changes)
    candidate = source.replace("Model(", "ModelNew(")
    assert _judged(host, source, candidate) is Status.CORRECT
    assert _judged(host, source, candidate.replace("x * 2", "x * 3")) is Status.INCORRECT


def test_a_stopwatch_counts_the_outermost_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernels_eval.problem_code._watch", None)
    watch = Stopwatch()
    watch_with(watch)
    before = signal.getsignal(signal.SIGVTALRM)
    with problem_code():
        with problem_code():
            time.sleep(0.05)
            signal.signal(signal.SIGVTALRM, lambda *_: None)
        assert watch.seconds() >= 0.05
    assert signal.getsignal(signal.SIGVTALRM) is before
    after = watch.seconds()
    time.sleep(0.02)
    assert watch.seconds() == after
