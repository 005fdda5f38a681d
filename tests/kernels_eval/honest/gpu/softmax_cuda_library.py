# problem: gpu/softmax
# expected: correct
"""CUDA through load_inline whose host code uses the library, and that makes its own binding."""

from torch import nn
from torch.utils.cpp_extension import load_inline

cuda = r"""
#include <torch/extension.h>

__global__ void exponentials(const float* x, const float* most, float* out, int columns) {
    long row = blockIdx.y, column = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (column < columns) out[row * columns + column] = expf(x[row * columns + column] - most[row]);
}

torch::Tensor softmax(torch::Tensor x) {
    auto most = std::get<0>(torch::max(x, 1));
    auto out = at::empty_like(x);
    int rows = x.size(0), columns = x.size(1);
    exponentials<<<dim3((columns + 255) / 256, rows), 256>>>(
        x.data_ptr<float>(), most.data_ptr<float>(), out.data_ptr<float>(), columns);
    return torch::div(out, torch::sum(out, 1, true));
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("softmax", &softmax); }
"""

module = load_inline(name="softmax_library", cpp_sources="", cuda_sources=cuda)


class ModelNew(nn.Module):
    def forward(self, x):
        return module.softmax(x)
