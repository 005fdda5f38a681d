# problem: gpu/relu
# expected: rejected
# twin: relu_side_stream
"""Kernels become ready, by a copy of known length, when the judge's watch of the device is about to
end: what runs from there until it is woken would be free."""

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
AND = 2
LEAD_NS, LEARNT = 220_000, 4  # what passes from the watching kernel's end to the first call
SIZE = 384 << 20

kernels = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void relu(const float4* x, float4* out, int quads) {
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= quads) return;
    float4 v = x[at];
    v.x = fmaxf(v.x, 0.0f);
    v.y = fmaxf(v.y, 0.0f);
    v.z = fmaxf(v.z, 0.0f);
    v.w = fmaxf(v.w, 0.0f);
    out[at] = v;
}
""",
    "relu",
)
side = torch.cuda.Stream(priority=-1)
written, began = (torch.cuda.Event(enable_timing=True) for _ in range(2))
done = torch.cuda.Event()
host = torch.zeros(SIZE, dtype=torch.uint8).pin_memory()
there = torch.zeros(SIZE, dtype=torch.uint8, device="cuda")
outputs, prepared, gaps_ns = [], [], []
waits_for = []
gated = False
real_send, real_batch = loop._send, worker_cuda.CudaSide.batch


def relu(x, out, stream=None):
    quads = x.numel() // 4
    kernels(
        grid=((quads + 255) // 256, 1, 1), block=(256, 1, 1), args=[x, out, quads], stream=stream
    )


def copies(size):
    with torch.cuda.stream(side):
        there[:size].copy_(host[:size], non_blocking=True)


def measured():
    """Nanoseconds that a copy takes at least, and bytes in one more."""
    copies(SIZE)
    torch.zeros(1, device="cuda").fill_(1.0)  # loaded while nothing waits: see `pulses`
    torch.cuda.synchronize()
    took = []
    for size in (1 << 20, SIZE):
        with torch.cuda.stream(side):
            written.record(side)
        copies(size)
        began.record(side)
        torch.cuda.synchronize()
        took.append(written.elapsed_time(began) * 1e6)
    rate = (SIZE - (1 << 20)) / (took[1] - took[0])
    return took[0] - (1 << 20) / rate, rate


least_ns, per_ns = measured()


def queue(inputs):
    global gated
    last = inputs[-1].view(-1)[-1:]
    last.zero_()
    torch.cuda.synchronize()
    word = ctypes.c_uint64(last.data_ptr())
    stream = ctypes.c_void_p(side.cuda_stream)
    status = wait_value(stream, word, ctypes.c_uint32(0xFFFFFFFF), ctypes.c_uint(AND))
    if status:
        raise RuntimeError(f"cuStreamWaitValue32: {status}")
    waits_for[:] = [last]
    written.record(side)
    gated = True
    if len(gaps_ns) < LEARNT or len(inputs) <= 8:
        return
    known = sorted(gaps_ns[-16:])
    wait_ns = known[len(known) // 4] - LEAD_NS - least_ns
    copies(max(4096, min(SIZE, int(wait_ns * per_ns))))
    for x, out in zip(inputs, outputs, strict=False):
        relu(x, out, side)
    done.record(side)
    prepared[:] = outputs[: len(inputs)]


def send(control, report, **rest):
    global gated
    if report is Report.PREPARED:
        arguments = sys._getframe(1).f_locals["arguments"]
        prepared.clear()
        gated = False
        if len(arguments) > 1:
            while len(outputs) < len(arguments):
                outputs.append(torch.empty_like(arguments[0][0]))
            queue([call[0] for call in arguments])
    real_send(control, report, **rest)


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    started = clock()
    waits_for.clear()
    if gated and len(arguments) > 8:
        began.record()
    if not prepared:
        answer = real_batch(self, model, arguments, results)
    else:
        results[:] = prepared
        if not self._describe_all(results):
            for index, output in enumerate(results):
                self._describe(index, output)
        done.synchronize()
        took = clock() - started
        answer = took, took // 2
    if gated and len(arguments) > 8:
        began.synchronize()
        gaps_ns.append(written.elapsed_time(began) * 1e6)
    return answer


def ready(self, count):
    """As it was, but what a stream waits for may never have come: then it is written here."""
    if waits_for:
        waits_for.pop().fill_(1.0)
    self._synchronize()


loop._send = send
worker_cuda.CudaSide.batch = batch
worker_cuda.CudaSide.ready = ready


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        relu(x, out)
        return out
