"""A user's other processes do not use up the limit of a worker that has the user's id."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kernels_eval.sandbox.process_limit import process_limit
from tests.kernels_eval.ordinary import ordinary_user

_BROWSER = """
import sys, threading
for _ in range(150):
    threading.Thread(target=sys.stdin.read, daemon=True).start()
print("there", flush=True)
sys.stdin.read()
"""
_WORKER = """
import resource, threading
from kernels_eval.sandbox.process_limit import process_limit
from kernels_eval.sandbox.plan import SandboxPlan
from kernels_eval.sandbox.confine import enter_user_namespace
enter_user_namespace(SandboxPlan(user_namespace={namespace}))
most = process_limit(128, None)
resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
waits = threading.Event()
for _ in range(100):
    threading.Thread(target=waits.wait, daemon=True).start()
print(most)
"""


def _limit(home: Path, *, namespace: bool) -> int:
    """What a worker gets that then starts 100 threads, beside 150 of the same user's."""
    with (
        ordinary_user(home) as user,
        subprocess.Popen(
            user.python("-c", _BROWSER),
            env=user.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as browser,
    ):
        assert browser.stdout is not None
        assert browser.stdout.readline() == "there\n"
        done = subprocess.run(
            user.python("-c", _WORKER.format(namespace=namespace)),
            env=user.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        browser.kill()
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_worker_has_room_beside_its_user_s_threads(tmp_path: Path) -> None:
    assert 150 + 128 < _limit(tmp_path, namespace=False) < 5000


def test_a_worker_with_a_user_id_of_its_own_shares_nothing() -> None:
    assert process_limit(128, 0x78000000) == 128
