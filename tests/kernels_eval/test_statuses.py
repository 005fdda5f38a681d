"""Every status, from the candidates that should get it; cheats have their own test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Judge, JudgeConfig, ProblemError, RequestError, Severity, Status
from tests.kernels_eval.conftest import HERE, problem_source

_HEAD = "import torch\nfrom torch import nn\n"
_MODEL = """
class ModelNew(nn.Module):
    def forward(self, x):
        return {}
"""


def _candidate(expression: str, before: str = "") -> str:
    return _HEAD + before + _MODEL.format(expression)


@pytest.mark.parametrize(
    ("source", "status", "said"),
    [
        ("def broken(:\n", Status.COMPILE_ERROR, "SyntaxError"),
        ("import nothing_of_this_name\n", Status.COMPILE_ERROR, "nothing_of_this_name"),
        ("raise SystemExit(0)\n", Status.COMPILE_ERROR, "SystemExit"),
        (_HEAD, Status.COMPILE_ERROR, "no class ModelNew"),
        (
            _candidate("x", "from kernels_eval.backends.cpp import load\nload('int main( {')\n"),
            Status.COMPILE_ERROR,
            "error: expected",
        ),
        (_candidate("undefined_name"), Status.RUNTIME_ERROR, "candidate.py:6 in forward"),
        (_candidate("x[:, :3]"), Status.INCORRECT, "wanted torch.float32 (256, 1024)"),
        (_candidate("x.half()"), Status.INCORRECT, "torch.float16"),
        (_candidate("(torch.relu(x), x)"), Status.INCORRECT, "is a tuple of 2, wanted a tensor"),
        (_candidate("'text'"), Status.INCORRECT, "is a str, wanted a tensor"),
        (_candidate("torch.relu(x).neg_()"), Status.INCORRECT, "as far from the float64 result"),
        (_candidate("torch.empty(x.shape, device='meta')"), Status.REJECTED, "no memory"),
        (_candidate("torch.empty(1 << 40)"), Status.OUT_OF_MEMORY, "memory"),
    ],
)
def test_status_and_error(judge: Judge, source: str, status: Status, said: str) -> None:
    verdict = judge.evaluate(problem_source("relu"), source)
    assert verdict.status is status, verdict.error
    assert verdict.error is not None
    assert said in verdict.error
    assert len(verdict.error) <= 2000
    assert verdict.compiled is (status is not Status.COMPILE_ERROR)
    assert verdict.speedup is None
    assert verdict.runtime_ms is None


def test_rejection_names_a_convicted_finding(judge: Judge) -> None:
    verdict = judge.evaluate(
        problem_source("relu"), _candidate("torch.empty(x.shape, device='meta')")
    )
    assert [item.rule for item in verdict.findings if item.severity is Severity.CONVICTED] == [
        "output-not-materialised"
    ]


def test_a_correct_verdict_is_complete(judge: Judge) -> None:
    verdict = judge.evaluate(problem_source("relu"), _candidate("torch.relu(x)"))
    assert verdict.status is Status.CORRECT, verdict.error
    assert verdict.speedup_ci is not None
    assert verdict.speedup is not None
    assert verdict.speedup_ci[0] <= verdict.speedup <= verdict.speedup_ci[1]
    assert verdict.trials == len(verdict.reference_trials_ms) >= 8
    assert verdict.seconds.wall > 0
    assert {"landlock", "limits", "no_new_privileges"} & set(verdict.sandbox)
    document = json.loads(json.dumps(verdict.to_json()))
    assert document["status"] == "correct"


@pytest.mark.timed
def test_three_times_the_work_is_about_three_times_slower(judge: Judge) -> None:
    source = _candidate("[torch.softmax(x, 1), torch.softmax(x, 1), torch.softmax(x, 1)][2]")
    verdict = judge.evaluate(problem_source("softmax"), source)
    assert verdict.speedup is not None
    assert 1 / 6 < verdict.speedup < 1 / 1.7


def test_evaluate_many_answers_all_in_their_places(judge: Judge) -> None:
    sources = [_candidate("torch.relu(x)"), "1 +", _candidate("x"), _candidate("x.relu()")]
    verdicts = dict(judge.evaluate_many(problem_source("relu"), sources))
    assert [verdicts[index].status for index in range(4)] == [
        Status.CORRECT,
        Status.COMPILE_ERROR,
        Status.INCORRECT,
        Status.CORRECT,
    ]


def test_scope_rejects_library_calls() -> None:
    with Judge(JudgeConfig(scope="kernel")) as strict:
        verdict = strict.evaluate(problem_source("relu"), _candidate("torch.relu(x)"))
        kernel = (HERE / "honest" / "relu_cpp.py").read_text()
        assert verdict.status is Status.REJECTED
        assert strict.evaluate(problem_source("relu"), kernel).status is Status.CORRECT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x = 1", "defines no Model"),
        ("class Model(nn.Module):\n    pass", "defines no get_inputs"),
        ("1 +", "does not import"),
    ],
)
def test_a_problem_that_is_none(judge: Judge, body: str, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        judge.prepare(_HEAD + body)


@pytest.mark.parametrize(
    ("expression", "inputs", "said"),
    [
        ("torch.zeros(4)", "[torch.randn(64)]", "constant"),
        ("torch.softmax(x, 0).sum()", "[torch.randn(64)]", "constant"),
        ("torch.rand(64) + x", "[torch.randn(64)]", "not a function"),
        ("x + 1", "[torch.randn(64), torch.randn(64)]", "does not depend on input 1"),
        ("x.sum().item()", "[torch.randn(64)]", "must return tensors"),
        ("x", "[3]", "returns no tensor"),
        ("x @ x", "[torch.randn(3, 4)]", "forward failed"),
    ],
)
def test_a_problem_that_cannot_be_judged(
    judge: Judge, expression: str, inputs: str, said: str
) -> None:
    source = (
        _HEAD
        + "class Model(nn.Module):\n    def forward(self, x, *rest):\n"
        + f"        return {expression}\n"
        + f"def get_inputs():\n    return {inputs}\n"
    )
    with pytest.raises(ProblemError, match=said):
        judge.prepare(source)


def test_no_device_but_the_cpu() -> None:
    with pytest.raises(RequestError, match="cuda"):
        Judge(JudgeConfig(device="cuda:0"))
    with pytest.raises(RequestError, match="no device 'tpu'"):
        Judge(JudgeConfig(device="tpu"))


def test_settings_are_the_identity() -> None:
    assert JudgeConfig().harness_id == JudgeConfig(cores=(0,)).harness_id
    assert JudgeConfig().harness_id != JudgeConfig(mode="full").harness_id
    with pytest.raises(RequestError, match="choose one of: fast, full"):
        JudgeConfig(mode="slow")  # type: ignore[arg-type]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kernels_eval", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_command_line_prints_one_document() -> None:
    problem = str(HERE / "problems" / "relu.py")
    done = _run(
        problem, str(HERE / "honest" / "relu_torch.py"), "--json", "--protocol", "kernelbench"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["status"] == "correct"
    assert document["protocol"] == "kernelbench"
    assert document["trials"] == 5


def test_the_compiled_reference_is_a_second_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    problem, candidate = problem_source("relu"), (HERE / "honest" / "relu_torch.py").read_text()
    with Judge(JudgeConfig(baseline="compile")) as judge:
        first, second = (judge.evaluate(problem, candidate).to_json() for _ in range(2))
    (kept,) = (tmp_path / "kernels_eval" / "baselines").glob("*.json")
    gain = json.loads(kept.read_text())["speedup"]
    for document in (first, second):  # the second time it is read, not measured
        assert document["compiled_ms"] == pytest.approx(document["reference_ms"] / gain)
        expected = document["compiled_ms"] / document["runtime_ms"]
        assert document["speedup_compiled"] == pytest.approx(expected)


def test_command_line_prints_a_line_for_each_of_several(tmp_path: Path) -> None:
    right = (HERE / "honest" / "relu_torch.py").read_text()
    (tmp_path / "a.py").write_text(right)
    (tmp_path / "b.py").write_text("import nothing_of_that_name")
    (tmp_path / "same_as_a.py").write_text(right)
    done = _run(str(HERE / "problems" / "relu.py"), str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {Path(line["candidate"]).name: line for line in lines}
    assert {name: line["status"] for name, line in found.items()} == {
        "a.py": "correct",
        "b.py": "compile_error",
        "same_as_a.py": "correct",
    }
    assert found["a.py"]["speedup"] == found["same_as_a.py"]["speedup"]  # measured once


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([__file__, str(HERE / "problems" / "gpu" / "nothing")], "no file"),
        (["missing.py", "missing.py"], "no file missing.py"),
        (["only-one.py"], "required"),
        ([__file__, __file__, "--device", "cuda:0"], "cuda:0"),
        ([__file__, __file__, "--mode", "slow"], "no mode 'slow'"),
        ([__file__, __file__, "--timeout", "-1"], "timeout"),
    ],
)
def test_a_wrong_request_is_one_line(arguments: list[str], said: str) -> None:
    done = _run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
