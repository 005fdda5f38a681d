# problem: gpu/relu
# expected: timeout
# twin: relu_nvrtc
"""A kernel that does not end (in ten minutes)."""

import torch
from torch import nn

kernel = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void spin(volatile float* out) {
    unsigned long long start, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
    do {
        out[threadIdx.x] = 0.0f;
        asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    } while (now - start < 600000000000ull);
}
""",
    "spin",
)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.relu(x)
        kernel(grid=(1, 1, 1), block=(32, 1, 1), args=[out])
        return out
