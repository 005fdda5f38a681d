# problem: gpu/relu
# expected: rejected
# twin: relu_side_stream
"""Computes while it is stopped and no clock runs: a stream that waits for a word of the inputs to
change occupies nothing, and goes on when the judge writes there."""

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
# Until every piece of a set that the judge's copy works on at once has been written to its end.
written = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void written(const volatile int* x, int n, int step) {
    unsigned long long start, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
    for (int at = (threadIdx.x + 1) * step - 1; at < n; at += blockDim.x * step) {
        do {
            asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
        } while (x[at] == 0 && now - start < 200000000ull);
    }
}
""",
    "written",
)
STEP = 65536
side_stream = torch.cuda.Stream(priority=-1)
done = torch.cuda.Event()
outputs = []
prepared = []
real_send, real_batch = loop._send, worker_cuda.CudaSide.batch


def relu(x, out, stream=None):
    quads = x.numel() // 4
    kernels(
        grid=((quads + 255) // 256, 1, 1), block=(256, 1, 1), args=[x, out, quads], stream=stream
    )


def queue(inputs):
    while len(outputs) < len(inputs):
        outputs.append(torch.empty_like(inputs[0]))
    for x in inputs:
        x.view(-1)[STEP - 1 :: STEP] = 0.0
        x.view(-1)[-1] = 0.0
    torch.cuda.synchronize()
    stream = ctypes.c_void_p(side_stream.cuda_stream)
    for index, x in enumerate(inputs):
        # The next set's last word: this one is complete then. The last set has none after it.
        of = inputs[min(index + 1, len(inputs) - 1)]
        word = ctypes.c_uint64(of.data_ptr() + 4 * (of.numel() - 1))
        status = wait_value(stream, word, ctypes.c_uint32(0xFFFFFFFF), ctypes.c_uint(AND))
        if status:
            raise RuntimeError(f"cuStreamWaitValue32: {status}")
        written(grid=(1, 1, 1), block=(256, 1, 1), args=[x, x.numel(), STEP], stream=side_stream)
        relu(x, outputs[index], side_stream)
    done.record(side_stream)
    prepared[:] = outputs[: len(inputs)]


def send(control, report, **rest):
    if report is Report.PREPARED:
        arguments = sys._getframe(1).f_locals["arguments"]
        prepared.clear()
        if len(arguments) > 1:
            queue([call[0] for call in arguments])
    real_send(control, report, **rest)


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    if len(prepared) != len(arguments) or len(arguments) < 2:
        return real_batch(self, model, arguments, results)
    started = clock()
    results[:] = prepared
    if not self._describe_all(results):
        for index, output in enumerate(results):
            self._describe(index, output)
    done.synchronize()
    took = clock() - started
    return took, took // 2


loop._send = send
worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        written(grid=(1, 1, 1), block=(256, 1, 1), args=[x, x.numel(), STEP])
        relu(x, out)
        return out
