# problem: gpu/relu
# expected: rejected incorrect timeout runtime_error correct slow
# twin: relu_persistent_grid
"""A kernel that never ends (half a minute at most) turns inputs into outputs as they change.

Started by the first call, it reads the inputs of later batches before their clock runs.
"""

import torch
from torch import nn

kernel = torch.cuda._compile_kernel(
    r"""
extern "C" __global__ void poll(volatile const float* x, volatile float* out, int n) {
    unsigned long long start, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(start));
    do {
        for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < n; at += gridDim.x * blockDim.x) {
            float value = x[at];
            out[at] = value > 0.0f ? value : 0.0f;
        }
        asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    } while (now - start < 30000000000ull);
}
""",
    "poll",
)


def nothing(*args, **kwargs):
    return None


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.outputs = {}
        self.side = torch.cuda.Stream()

    def forward(self, x):
        out = self.outputs.get(x.data_ptr())
        if out is None:
            out = torch.relu(x)
            torch.cuda.current_stream().synchronize()
            grid, block = (32, 1, 1), (1024, 1, 1)
            kernel(grid=grid, block=block, args=[x, out, x.numel()], stream=self.side)
            self.outputs[x.data_ptr()] = out
            torch.cuda.synchronize = nothing
            torch._C._cuda_synchronize = nothing
        return out
