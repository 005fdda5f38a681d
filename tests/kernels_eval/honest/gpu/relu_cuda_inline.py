# problem: gpu/relu
# expected: correct
"""CUDA through load_inline: nvcc, ninja and torch's headers."""

from torch import nn
from torch.utils.cpp_extension import load_inline

cuda = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>

__global__ void relu_kernel(const float* x, float* out, long n) {
    long at = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < n) out[at] = x[at] > 0.0f ? x[at] : 0.0f;
}

torch::Tensor relu(torch::Tensor x) {
    auto out = torch::empty_like(x);
    long n = x.numel();
    relu_kernel<<<(n + 255) / 256, 256, 0, at::cuda::getCurrentCUDAStream()>>>(
        x.data_ptr<float>(), out.data_ptr<float>(), n);
    return out;
}
"""

module = load_inline(
    name="relu_inline",
    cpp_sources="torch::Tensor relu(torch::Tensor x);",
    cuda_sources=cuda,
    functions=["relu"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def forward(self, x):
        return module.relu(x)
