"""Whatever a problem file does, and whenever: the next problem is judged as if it had not been."""

from __future__ import annotations

import pytest

from kernels_eval import ProblemError, Status
from kernels_eval.host import JudgeHost

_PROBLEM = """
import builtins, ctypes, gc, json, os, random, resource, signal, socket, sys, threading, time
import numpy as np
import torch
from torch import nn
{load}
class Model(nn.Module):
    def __init__(self, *_):
        super().__init__()
        {build}
        self.fc = nn.Linear(64, 64)
    def forward(self, x):
        {forward}
        return self.fc(torch.relu(x))
def get_inputs():
    {inputs}
    return [torch.randn(64, 64)]
def get_init_inputs():
    {arguments}
    return []
"""
_STAGES = ("load", "arguments", "build", "inputs", "forward")
_CANDIDATE = """
import torch
from torch import nn
class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)
    def forward(self, x):
        return self.fc(x.clamp(min=0))
"""
_DOES = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "default device": "torch.set_default_device('meta')",
    "threads": "torch.set_num_threads(64)",
    "determinism": "torch.use_deterministic_algorithms(True)",
    "gradients": "torch.set_grad_enabled(True)",
    "torch": "torch.equal = torch.randn = torch.manual_seed = torch.empty = None",
    "numpy": "np.random.seed = np.median = np.array = None",
    "builtins": "builtins.len = builtins.zip = builtins.print = None",
    "json": "json.dumps = json.loads = None",
    "time": "time.monotonic = time.perf_counter_ns = lambda: 0",
    "collection": "gc.disable(); gc.freeze()",
    "seeds": "torch.manual_seed(0); np.random.seed(0); random.seed(0)",
    "environment": "os.environ.clear(); os.environ['OMP_NUM_THREADS'] = '64'",
    "working directory": "os.chdir('/')",
    "recursion": "sys.setrecursionlimit(60)",
    "signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "alarm": "signal.alarm(1)",
    "hook": "sys.excepthook = sys.stdout = sys.stderr = None",
    "descriptors": "os.closerange(0, 1024)",
    "output": 'print(\'{"status": "correct"}\' * 10_000, flush=True)',
    "priority": "os.nice(19)",
    "cores": "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})",
    "few files": "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))",
    "little memory": "resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))",
    "empty files": "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
    "no processes": "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))",
    "thread": "threading.Thread(target=time.sleep, args=(0.01,)).start()",
    # All that could be the judge's; to go through what else lies in a large /tmp takes minutes.
    "files": "os.system('rm -rf /tmp/kernels-eval-* /tmp/bon-* /dev/shm/* ~; rm -f /tmp/*')",
    "exit": "sys.exit(0)",
    "sudden exit": "os._exit(0)",
    "failure": "raise ValueError('on purpose')",
    "base exception": "raise BaseException('on purpose')",
    "interrupt": "raise KeyboardInterrupt",
    "segfault": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "its group": "os.killpg(0, signal.SIGTERM)",
}


@pytest.mark.parametrize("does", _DOES.values(), ids=_DOES)
def test_the_next_problem_is_judged_the_same(host: JudgeHost, does: str) -> None:
    """At every stage; and what becomes of the problem itself is a verdict, or one line."""
    said: list[str] = []
    for stage in _STAGES:
        actions = dict.fromkeys(_STAGES, "pass") | {stage: does}
        try:
            verdict = host.evaluate(_PROBLEM.format(**actions), _CANDIDATE)
            assert verdict.status is not Status.HARNESS_ERROR, (stage, verdict.error)
        except ProblemError as refused:
            said.append(str(refused))
    assert all(said)
    assert "\n" not in "".join(said)
    plain = _PROBLEM.format(**dict.fromkeys(_STAGES, "pass"))
    verdict = host.evaluate(plain, _CANDIDATE)
    assert verdict.status is Status.CORRECT, verdict.error


@pytest.mark.parametrize("stage", _STAGES)
def test_one_that_never_ends_is_refused(stage: str) -> None:
    actions = dict.fromkeys(_STAGES, "pass")
    # Long enough for the next one, which must be ready in it on a busy machine too.
    with JudgeHost(problem_timeout_s=12.0) as host:
        host.start()
        with pytest.raises(ProblemError, match="not ready after 12 s"):
            host.evaluate(_PROBLEM.format(**actions | {stage: "while True: pass"}), _CANDIDATE)
        verdict = host.evaluate(_PROBLEM.format(**actions), _CANDIDATE)
        assert verdict.status is Status.CORRECT, verdict.error
