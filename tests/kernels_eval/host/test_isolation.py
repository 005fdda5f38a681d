"""What a problem file does to its process is gone with the problem."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_eval import Judge, ProblemError, Status
from kernels_eval.host import JudgeHost
from tests.kernels_eval.conftest import HERE, problem_source

_RIGHT = (HERE / "honest" / "relu_torch.py").read_text()
_LITTERING = """
import builtins, os, sys, torch
builtins.litter = True
os.environ["LITTER"] = "there"
sys.path.insert(0, "/litter")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed = lambda *_: None
torch.relu = lambda x: x + 1
torch.nn.functional.relu = torch.relu
torch.allclose = lambda *_, **__: True
"""
_LOOKING = """
import builtins, os, sys, torch
found = [
    name
    for name, there in {
        "builtins": hasattr(builtins, "litter"),
        "environment": "LITTER" in os.environ,
        "path": "/litter" in sys.path,
        "dtype": torch.get_default_dtype() is torch.float64,
        "seed": "lambda" in repr(torch.manual_seed),
        "relu": "lambda" in repr(torch.relu),
    }.items()
    if there
]
raise RuntimeError("reached: " + " ".join(found))
"""


def _found(judge: Judge | JudgeHost) -> list[str]:
    with pytest.raises(ProblemError, match="reached:") as raised:
        judge.prepare(_LOOKING)
    return str(raised.value).rpartition("reached:")[2].split()


def test_nothing_of_a_problem_reaches_the_next_one(host: JudgeHost) -> None:
    host.start()
    before = host.pid
    with contextlib.suppress(ProblemError):  # whatever becomes of it
        list(host.evaluate_many(_LITTERING + problem_source("linear"), [_RIGHT]))
    assert _found(host) == []
    verdict = host.evaluate(problem_source("relu"), _RIGHT)
    assert verdict.status is Status.CORRECT, verdict.error
    assert host.pid == before


def test_in_one_process_all_of_it_would() -> None:
    """The test above can fail: a judge without a host keeps what a problem does."""
    script = (
        "from kernels_eval import Judge, ProblemError\n"
        "judge = Judge()\n"
        f"for source in ({_LITTERING!r} + 'raise ValueError', {_LOOKING!r}):\n"
        "    try:\n"
        "        judge.prepare(source)\n"
        "    except ProblemError as error:\n"
        "        print(error)\n"
        "judge.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert "reached: builtins environment path dtype seed relu" in done.stdout


def test_what_a_problem_started_ends_with_it(host: JudgeHost) -> None:
    mark = f"left-{secrets.token_hex(8)}"
    leaving = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', {mark!r}],"
        " start_new_session=True)\n"
        "raise ValueError('left one behind')\n"
    )
    with pytest.raises(ProblemError, match="left one behind"):
        host.prepare(leaving)
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if _says(path, mark)]


def _says(path: Path, mark: str) -> bool:
    try:
        return mark.encode() in path.read_bytes()
    except OSError:
        return False


def test_recent_problems_stay_prepared(host: JudgeHost) -> None:
    """At most so many: the process of the one that was not used for longest ends."""
    sources = [problem_source("relu") + f"\n# {number}\n" for number in range(6)]
    for source in sources:
        host.prepare(source)
    for source in (*sources[:2], *sources[4:]):
        verdict = host.evaluate(source, _RIGHT)
        assert verdict.status is Status.CORRECT, verdict.error
