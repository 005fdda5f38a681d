# problem: gpu/relu
# expected: correct
"""CUDA through NVRTC, four elements a thread."""

import torch
from torch import nn

kernel = torch.cuda._compile_kernel(
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


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        quads = x.numel() // 4
        kernel(grid=((quads + 255) // 256, 1, 1), block=(256, 1, 1), args=[x, out, quads])
        return out
