# problem: gpu/matmul
# expected: rejected
# twin: matmul_on_streams
"""A timer continues it when the inputs are written and the clock does not run yet."""

import ctypes
import signal
import sys
import threading
import time

import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda
import kernels_eval.worker.loop as loop
from kernels_eval.worker.protocol import Report

libc = ctypes.CDLL(None)
driver = ctypes.CDLL("libcuda.so.1")


class Event(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    ]


timer = ctypes.c_void_p()
event = Event(None, signal.SIGCONT, 0, b"")
assert libc.timer_create(1, ctypes.byref(event), ctypes.byref(timer)) == 0


def arm(first_ns, again_ns):
    libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, again_ns, 0, first_ns), None)


work, look = torch.cuda.Stream(), torch.cuda.Stream()
done = torch.cuda.Event()
seen = torch.zeros(16, dtype=torch.float32).pin_memory()
value = seen.numpy()
waiting, launched = threading.Event(), threading.Event()
current = []
failed = []
passed_ns, said_ns = [], 0
SHARE, LEARNT = 0.35, 3
real_send, real_batch = loop._send, worker_cuda.CudaSide.batch


def watch():
    while True:
        waiting.wait()
        waiting.clear()
        inputs, outputs = current[0]
        last = [each[-1:, -1:].reshape(-1) for call in inputs for each in call]
        time.sleep(0.0003)  # the judge stops it in here
        try:
            while True:
                with torch.cuda.stream(look):
                    torch.cat(last, out=device_seen[: len(last)])
                    seen[: len(last)].copy_(device_seen[: len(last)], non_blocking=True)
                look.synchronize()
                if (value[: len(last)] != 0).all():
                    break
                time.sleep(0.0002)
            time.sleep(0.0003)
            with torch.cuda.stream(work):
                for (a, b), out in zip(inputs, outputs, strict=False):
                    torch.mm(a, b, out=out)
                done.record(work)
            ends = time.perf_counter() + 0.001
            while not done.query() and time.perf_counter() < ends:
                pass  # on the core whose speed the judge is reading: it starts its clock later
        except Exception as error:
            failed.append(error)
        launched.set()


device_seen = torch.zeros(2048, device="cuda")
threading.Thread(target=watch, daemon=True).start()


def send(control, report, **rest):
    global said_ns
    if report is Report.PREPARED:
        arguments = sys._getframe(1).f_locals["arguments"]
        current.clear()
        said_ns = time.perf_counter_ns()
        if 1 < len(arguments) <= 1000 and len(passed_ns) >= LEARNT:
            outputs = [torch.empty(a.shape[0], b.shape[1], device=a.device) for a, b in arguments]
            for call in arguments:
                for each in call:
                    each[-1, -1] = 0.0
            torch.cuda.synchronize()
            current.append((arguments, outputs))
            launched.clear()
            said_ns = time.perf_counter_ns()
            arm(max(400_000, int(SHARE * sorted(passed_ns[-9:])[len(passed_ns[-9:]) // 2])), 0)
            waiting.set()
    real_send(control, report, **rest)


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    started = clock()
    if len(arguments) > 1:
        passed_ns.append(time.perf_counter_ns() - said_ns)
    if not current:
        return real_batch(self, model, arguments, results)
    arm(0, 0)
    launched.wait()
    results[:] = current[0][1]
    if failed or not self._describe_all(results):
        raise RuntimeError(f"the thread failed: {failed}")
    done.synchronize()
    took = clock() - started
    return took, took // 2


loop._send = send
worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, a, b):
        with torch.cuda.stream(work):  # its libraries' handles
            work.wait_stream(torch.cuda.default_stream())
            out = torch.mm(a, b)
        torch.cuda.default_stream().wait_stream(work)
        out.record_stream(torch.cuda.default_stream())
        return out
