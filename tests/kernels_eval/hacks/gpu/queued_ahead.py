# problem: gpu/relu
# expected: correct slow rejected
# twin: relu_graph
"""Queues all launches of a batch before the clock runs, behind a word of the host's that lets them
go. Where launching is all there is that gains (docs/judge.md); this kernel is not so small."""

import ctypes
import sys
import time

import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda
import kernels_eval.worker.loop as loop
from kernels_eval.worker.protocol import Report

driver = ctypes.CDLL("libcuda.so.1")
wait_value = getattr(driver, "cuStreamWaitValue32_v2", None) or driver.cuStreamWaitValue32
EQ = 1
MOST = 512

flag = torch.zeros(16, dtype=torch.int32).pin_memory()
word = flag.numpy()
gated = torch.cuda.Stream(priority=-1)
begun, done = (torch.cuda.Event(enable_timing=True) for _ in range(2))
outputs, prepared = [], []
turn = 0
real_send, real_batch = loop._send, worker_cuda.CudaSide.batch


def queue(inputs):
    global turn
    turn += 1
    while len(outputs) < len(inputs):
        outputs.append(torch.empty_like(inputs[0]))
    torch.cuda.synchronize()
    where, value = ctypes.c_uint64(flag.data_ptr()), ctypes.c_uint32(turn)
    status = wait_value(ctypes.c_void_p(gated.cuda_stream), where, value, ctypes.c_uint(EQ))
    if status:
        raise RuntimeError(f"cuStreamWaitValue32: {status}")
    with torch.cuda.stream(gated):
        begun.record(gated)
        for x, out in zip(inputs, outputs, strict=False):
            torch.clamp(x, min=0, out=out)
        done.record(gated)
    prepared[:] = outputs[: len(inputs)]


def send(control, report, **rest):
    if report is Report.PREPARED:
        arguments = sys._getframe(1).f_locals["arguments"]
        prepared.clear()
        if 1 < len(arguments) <= MOST:
            queue([call[0] for call in arguments])
    real_send(control, report, **rest)


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    if not prepared:
        return real_batch(self, model, arguments, results)
    started = clock()
    word[0] = turn
    results[:] = prepared
    if not self._describe_all(results):
        for index, output in enumerate(results):
            self._describe(index, output)
    done.synchronize()
    took = clock() - started
    return max(int(begun.elapsed_time(done) * 1e6), took - 30_000), took // 2


loop._send = send
worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.clamp(x, min=0)
