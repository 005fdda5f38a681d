"""The filter of system calls, asked from inside a worker; and the judge where there is none."""

from __future__ import annotations

import errno
import json
import platform
from dataclasses import replace

import pytest

import kernels_eval.judge
from kernels_eval import Judge, JudgeConfig, Status
from kernels_eval.sandbox import probe
from kernels_eval.sandbox.calls import calls_here
from tests.kernels_eval.conftest import HERE, TIMEOUT_S, problem_source

pytestmark = pytest.mark.skipif(
    not probe.plan().system_call_filter, reason="this kernel or machine has no such filter"
)

_ASKS = '''
import ctypes, errno, json, socket, subprocess, threading
import torch
from kernels_eval.backends.cpp import load

libc = ctypes.CDLL(None, use_errno=True)


def said(number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments))
    return "worked" if done >= 0 else errno.errorcode[ctypes.get_errno()]


def old_fork(answer):
    load("""
    extern "C" void old_fork(int* answer) {
        __asm__ volatile("int $0x80" : "=a"(*answer) : "a"(2) : "memory");
    }
    """).old_fork(answer)


def family(number):
    try:
        socket.socket(number, socket.SOCK_DGRAM).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "worked"


answers = {answers}
raise RuntimeError("ANSWERS" + json.dumps(answers))
'''


def _asked(judge: Judge, expressions: dict[str, str]) -> dict[str, str | int]:
    """What a candidate gets for each of these expressions while it is imported."""
    written = "{" + ", ".join(f"{name!r}: {text}" for name, text in expressions.items()) + "}"
    source = _ASKS.replace("{answers}", written)
    verdict = judge.evaluate(problem_source("relu"), source)
    assert verdict.error is not None
    assert "ANSWERS" in verdict.error, verdict.error
    answers: dict[str, str | int] = json.loads(verdict.error.rpartition("ANSWERS")[2])
    return answers


def test_what_the_tables_refuse_is_refused(judge: Judge) -> None:
    here = calls_here()
    assert here is not None
    asked = {str(number): f"said({number}, 0, 0, 0, 0, 0)" for number in here.refused}
    wanted = {str(number): errno.errorcode[why] for number, why in here.refused.items()}
    assert _asked(judge, asked) == wanted


def test_arguments_decide(judge: Judge) -> None:
    here = calls_here()
    assert here is not None
    new_user, parent, thread, child = 0x10000000, 0x8000, 0x10000, 17
    answers = _asked(
        judge,
        {
            "new user namespace": f"said({here.clone}, {new_user | child}, 0, 0, 0, 0)",
            "beside us": f"said({here.clone}, {parent | child}, 0, 0, 0, 0)",
            "a thread, badly": f"said({here.clone}, {thread}, 0, 0, 0, 0)",
            "unreadable": f"said({here.prctl}, 4, 0, 0, 0, 0)",
            "outlives its keeper": f"said({here.prctl}, 1, 0, 0, 0, 0)",
            "core to itself": f"said({here.prctl}, 62, 1, 0, 0, 0)",
            "whether readable": f"said({here.prctl}, 3, 0, 0, 0, 0)",
            "internet": "family(socket.AF_INET)",
            "internet 6": "family(socket.AF_INET6)",
            "netlink": "family(socket.AF_NETLINK)",
            "vsock": "family(40)",
            "crypto": "family(38)",
            "local": "family(socket.AF_UNIX)",
        },
    )
    assert answers == {
        "new user namespace": "EPERM",
        "beside us": "EPERM",
        "a thread, badly": "EINVAL",
        "unreadable": "EPERM",
        "outlives its keeper": "EPERM",
        "core to itself": "EPERM",
        "whether readable": "worked",
        "internet": "EAFNOSUPPORT",
        "internet 6": "EAFNOSUPPORT",
        "netlink": "EAFNOSUPPORT",
        "vsock": "EAFNOSUPPORT",
        "crypto": "EAFNOSUPPORT",
        "local": "worked",
    }


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 has two other ways to call")
def test_other_ways_to_call_lead_nowhere(judge: Judge) -> None:
    old = "[a := torch.zeros(1, dtype=torch.int32), old_fork(a), a.item()][2]"
    answers = _asked(judge, {"x32": f"said({0x40000000 | 57})", "i386": old})
    assert answers == {"x32": "ENOSYS", "i386": -errno.ENOSYS}


def test_compilers_and_threads_go_on(judge: Judge) -> None:
    answers = _asked(
        judge,
        {
            "process": "subprocess.run(['true'], check=True).returncode",
            "thread": "[t := threading.Thread(target=print), t.start(), t.join(), t.is_alive()][3]",
        },
    )
    assert answers == {"process": 0, "thread": False}


_DIVERGES = """
import ctypes, struct, threading
import torch
from torch import nn

libc = ctypes.CDLL(None)
allow = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
program = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", 1, ctypes.addressof(allow)))


def filtered():
    if libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0):
        raise OSError("no filter of its own")
    threading.Event().wait()


threading.Thread(target=filtered, daemon=True).start()


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
"""


@pytest.mark.skipif(not probe.plan().settled_filter, reason="this machine lets none be injected")
def test_who_keeps_the_second_filter_out_is_rejected(judge: Judge) -> None:
    """A thread with a filter of its own cannot be given the others'."""
    verdict = judge.evaluate(problem_source("relu"), _DIVERGES)
    assert verdict.status is Status.REJECTED, verdict.error
    assert "kept from starting processes" in (verdict.error or "")


@pytest.mark.skipif(not probe.plan().settled_filter, reason="this machine lets none be injected")
def test_threads_may_be_started_and_processes_may_not(judge: Judge) -> None:
    start = "[t := threading.Thread(target=x.sum), t.start(), t.join(), torch.relu(x)][3]"
    begin = "torch.relu(x) if os.fork() else os._exit(0)"
    texts = {
        text: "import os, threading\nimport torch\nfrom torch import nn\n"
        "class ModelNew(nn.Module):\n    calls = 0\n    def forward(self, x):\n"
        f"        self.calls += 1\n        return torch.relu(x) if self.calls < 3 else {text}\n"
        for text in (start, begin)
    }
    threads, processes = (
        judge.evaluate(problem_source("relu"), texts[text]) for text in (start, begin)
    )
    assert threads.correct, threads.error
    assert "settled_filter" in threads.sandbox
    assert processes.status is Status.REJECTED, processes.error
    assert [finding.rule for finding in processes.findings if finding.severity == "convicted"] == [
        "late-work"
    ]


@pytest.mark.timed
def test_without_it_the_clock_still_pays_for_a_childs_work(monkeypatch: pytest.MonkeyPatch) -> None:
    without = replace(probe.plan(), settled_filter=False)
    monkeypatch.setattr(kernels_eval.judge, "plan", lambda: without)
    source = (HERE / "hacks" / "works_in_child.py").read_text()
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        verdict = judge.evaluate(problem_source("relu"), source)
    assert "settled_filter" not in verdict.sandbox
    assert verdict.correct, verdict.error
    assert not verdict.fast_1
