"""A problem file that ends its process, or never ends, costs its own verdicts and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kernels_eval import HarnessError, JudgeConfig, ProblemError, RequestError, Status
from kernels_eval.host import JudgeHost
from tests.kernels_eval.conftest import HERE, problem_source

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_SEGFAULT = "import ctypes; ctypes.string_at(0)"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.exit(3)", "exit status 3"),
        ("raise SystemExit", "exit status 0"),
        ("import os; os._exit(4)", "exit status 4"),
        ("import os; os._exit(0)", "exit status 0"),
        ("import os; os.abort()", "SIGABRT"),
        (_SEGFAULT, "SIGSEGV"),
        ("import os; os.kill(os.getppid(), 15); os.kill(0, 15)", "SIGTERM"),
        ("import os; os.kill(-1, 15)", "ended the process"),
        ("import os; os.closerange(3, 4096)", "ended the process"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("print('word ' * 10**6, flush=True); raise ValueError('said enough')", "said enough"),
        ("import os; [os.close(fd) for fd in (0, 1, 2)]; raise ValueError('mute')", "mute"),
        ("import os; os.write(2, b'the last line\\n'); os._exit(5)", "5: the last line"),
    ],
)
def test_a_problem_that_ends_is_named_and_the_next_is_judged(
    host: JudgeHost, body: str, said: str
) -> None:
    with pytest.raises(ProblemError, match=said):
        next(host.evaluate_many(body + "\n" + problem_source("relu"), [_RIGHT]))
    verdict = host.evaluate(problem_source("relu"), _RIGHT)
    assert verdict.status is Status.CORRECT, verdict.error


def test_a_problem_that_never_ends_is_given_up() -> None:
    with JudgeHost(problem_timeout_s=3.0) as host:
        host.start()
        first = host.pid
        with pytest.raises(ProblemError, match="not ready after 3 s"):
            host.prepare("while True: pass")
        assert host.pid is None
        host.start()
        assert host.pid != first


def test_a_temp_directory_outside_the_container_is_not_looked_for_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with JudgeHost() as host:
        verdict = host.evaluate(problem_source("relu"), _RIGHT)
    assert verdict.status is Status.CORRECT, verdict.error


def test_what_speaks_in_the_judges_place_is_not_understood(host: JudgeHost) -> None:
    forged = """
import gc, os, socket, stat
for descriptor in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.write(descriptor, b"\\xff" * 64)
    except OSError:
        pass
"""
    with pytest.raises((ProblemError, HarnessError), match=r"place|itself|ended"):
        next(host.evaluate_many(forged + problem_source("relu"), [_RIGHT]))
    assert host.evaluate(problem_source("relu"), _RIGHT).correct


def test_a_batch_that_nobody_wants_any_more_is_let_go(host: JudgeHost) -> None:
    verdicts = host.evaluate_many(problem_source("relu"), [_RIGHT] * 4)
    next(verdicts)
    pid = host.pid
    verdicts.close()
    assert host.evaluate(problem_source("relu"), _RIGHT).correct
    assert host.pid == pid


def test_a_host_may_be_closed_in_the_middle_of_a_batch() -> None:
    host = JudgeHost()
    verdicts = host.evaluate_many(problem_source("relu"), [_RIGHT] * 3)
    next(verdicts)
    host.close()
    verdicts.close()
    assert host.pid is None


def test_a_problem_that_ends_on_the_way_is_named(host: JudgeHost) -> None:
    late = problem_source("relu") + (
        "\n_draw, _count = get_inputs, [0]\n"
        "def get_inputs():\n"
        "    _count[0] += 1\n"
        "    import os, pathlib\n"
        "    if _count[0] > 40: os._exit(6)\n"
        "    return _draw()\n"
    )
    config = JudgeConfig(mode="full")
    with JudgeHost(config) as careful, pytest.raises(ProblemError, match="exit status 6"):
        list(careful.evaluate_many(late, [_RIGHT] * 3))
    assert host.evaluate(problem_source("relu"), _RIGHT).correct


@pytest.mark.parametrize("whom", ["os.getpid()", "os.getppid()"])
def test_a_problem_that_kills_is_refused(host: JudgeHost, whom: str) -> None:
    killed = f"import os, signal; os.kill({whom}, signal.SIGKILL)\n"
    with pytest.raises(ProblemError, match="killed whenever it is loaded"):
        host.prepare(killed)
    assert host.evaluate(problem_source("relu"), _RIGHT).correct


def test_a_limit_that_kills_is_refused(host: JudgeHost) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass\n"
    with pytest.raises(ProblemError, match="killed whenever it is loaded"):
        host.prepare(limited)


def test_a_judge_that_is_killed_from_outside_prepares_again() -> None:
    slow = "import time; time.sleep(3)\n" + problem_source("relu")
    with JudgeHost() as host:
        host.start()
        assert host.pid is not None
        threading.Timer(1.5, os.kill, (host.pid, signal.SIGKILL)).start()
        assert host.evaluate(slow, _RIGHT).correct


def test_it_goes_with_its_caller(wait_until_gone: Callable[[int], None]) -> None:
    script = (
        "import os, signal\n"
        "from kernels_eval.host import JudgeHost\n"
        "host = JudgeHost(); host.start(); print(host.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    wait_until_gone(int(done.stdout))


def test_errors_of_the_request_keep_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    with JudgeHost(JudgeConfig(device="tpu")) as host, pytest.raises(RequestError, match="tpu"):
        host.start()
    with (
        JudgeHost(JudgeConfig(cores=(4095,))) as host,
        pytest.raises(RequestError, match="cores 4095"),
    ):
        host.start()
    monkeypatch.setenv("BON_PROBLEM_TIMEOUT", "soon")
    with pytest.raises(RequestError, match="BON_PROBLEM_TIMEOUT"):
        JudgeHost()
