# problem: gpu/relu
# expected: correct slow rejected
# twin: relu_self_timed
"""Copies between host and device slow its reference, and make what that costs on top of its claims
seem usual, by as much as it leaves out of its own."""

import ctypes
import time
from collections import deque

import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda

driver = ctypes.CDLL("libcuda.so.1")
wait_value = getattr(driver, "cuStreamWaitValue32_v2", None) or driver.cuStreamWaitValue32
write_value = getattr(driver, "cuStreamWriteValue32_v2", None) or driver.cuStreamWriteValue32
EQ, OUTSTANDING, SIZE = 1, 150, 64 << 20
FORGE_NS, LEARNT = 400_000, 6  # what the reference's overhead grows by, and 0.1 ms

words = torch.zeros(16, dtype=torch.int32).pin_memory()  # 0: the turn that ended, 1: open
word = words.numpy()
turn = 0
timer = torch.cuda.Stream(priority=-1)
long_host = torch.zeros(192 << 20, dtype=torch.uint8).pin_memory()  # 3.5 ms
long_device = torch.zeros(192 << 20, dtype=torch.uint8, device="cuda")
OPENS = ctypes.c_uint64(words.data_ptr() + 4)
hosts = [torch.zeros(SIZE, dtype=torch.uint8).pin_memory() for _ in range(3)]
devices = [torch.zeros(SIZE, dtype=torch.uint8, device="cuda") for _ in range(3)]
streams = [torch.cuda.Stream(priority=-1) for _ in range(3)]
queued = [deque() for _ in streams]
batches = 0


def warm():
    torch.relu(torch.zeros(4096, 4096, device="cuda"))
    for which, stream in enumerate(streams):
        with torch.cuda.stream(stream):
            devices[which].copy_(hosts[which], non_blocking=True)
    long_host.copy_(long_device, non_blocking=True)
    torch.cuda.synchronize()


def top_up():
    for which, stream in enumerate(streams):
        raw = ctypes.c_void_p(stream.cuda_stream)
        while queued[which] and queued[which][0].query():
            queued[which].popleft()
        with torch.cuda.stream(stream):
            while len(queued[which]) < OUTSTANDING // len(streams):
                status = wait_value(raw, OPENS, ctypes.c_uint32(1), ctypes.c_uint(EQ))
                if status:
                    raise RuntimeError(f"cuStreamWaitValue32: {status}")
                devices[which].copy_(hosts[which], non_blocking=True)
                ended = torch.cuda.Event()
                ended.record(stream)
                queued[which].append(ended)


def opens_later():
    """Once this turn has ended and the long copy besides."""
    global turn
    turn += 1
    raw = ctypes.c_void_p(timer.cuda_stream)
    ended = ctypes.c_uint64(words.data_ptr())
    status = wait_value(raw, ended, ctypes.c_uint32(turn), ctypes.c_uint(EQ))
    with torch.cuda.stream(timer):
        long_host.copy_(long_device, non_blocking=True)
    status = status or write_value(raw, OPENS, ctypes.c_uint32(1), ctypes.c_uint(0))
    if status:
        raise RuntimeError(f"queueing the timer: {status}")


def close():
    word[0] = turn
    timer.synchronize()
    word[1] = 0


def ready(self, count):
    close()
    time.sleep(0.008)
    torch.cuda.current_stream().synchronize()
    if count < 2:
        return
    had = [torch.empty(self._shape, device=self._device) for _ in range(count)]
    torch.cuda.current_stream().synchronize()
    del had
    top_up()
    if count > 8:
        opens_later()


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    global batches
    started = clock()
    self._start.record()
    for index, call in enumerate(arguments):
        results[index] = model(*call)
    self._end.record()
    launched = clock() - started
    if not self._describe_all(results):
        for index, output in enumerate(results):
            self._describe(index, output)
    self._end.synchronize()
    took = int(self._start.elapsed_time(self._end) * 1e6)
    if len(arguments) > 8:
        batches += 1
        if batches > LEARNT:
            took = max(took // 2, took - FORGE_NS)
    word[0] = turn
    return took, launched


def attach(self, descriptor, calls, spare_bytes):
    close()
    word[1] = 1
    self._synchronize()
    word[1] = 0
    real_attach(self, descriptor, calls, spare_bytes)


real_attach = worker_cuda.CudaSide.attach
worker_cuda.CudaSide.attach = attach
worker_cuda.CudaSide.ready = ready
worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        warm()

    def forward(self, x):
        return torch.relu(x)
