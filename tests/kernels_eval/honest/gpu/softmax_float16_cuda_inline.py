# problem: gpu/softmax_float16
# expected: correct
"""CUDA through load_inline, for several types: a guard, a dispatch, accessors, shared memory."""

from torch import nn
from torch.utils.cpp_extension import load_inline

cuda = r"""
#include <ATen/ATen.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_fp16.h>
#include <torch/extension.h>

template <typename scalar_t>
using Rows = torch::PackedTensorAccessor32<scalar_t, 2, torch::RestrictPtrTraits>;

template <bool largest>
__device__ float together(float value) {
    __shared__ float parts[32];
    for (int step = 16; step > 0; step /= 2) {
        float other = __shfl_xor_sync(0xffffffff, value, step);
        value = largest ? fmaxf(value, other) : value + other;
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = parts[0];
    for (int warp = 1; warp < blockDim.x / 32; warp++)
        value = largest ? fmaxf(value, parts[warp]) : value + parts[warp];
    return value;
}

template <typename scalar_t>
__global__ void softmax_kernel(Rows<scalar_t> x, Rows<scalar_t> out) {
    int row = blockIdx.x;
    float most = -INFINITY, sum = 0.0f;
    for (int at = threadIdx.x; at < x.size(1); at += blockDim.x)
        most = fmaxf(most, static_cast<float>(x[row][at]));
    most = together<true>(most);
    for (int at = threadIdx.x; at < x.size(1); at += blockDim.x)
        sum += expf(static_cast<float>(x[row][at]) - most);
    sum = together<false>(sum);
    for (int at = threadIdx.x; at < x.size(1); at += blockDim.x)
        out[row][at] = static_cast<scalar_t>(expf(static_cast<float>(x[row][at]) - most) / sum);
}

torch::Tensor softmax(torch::Tensor x) {
    TORCH_CHECK(x.is_cuda() && x.dim() == 2, "a matrix on the GPU, please");
    const at::cuda::OptionalCUDAGuard guard(at::device_of(x));
    auto out = torch::empty(x.sizes(), x.options());
    auto stream = at::cuda::getCurrentCUDAStream();
    AT_DISPATCH_FLOATING_TYPES_AND2(
        at::ScalarType::Half, at::ScalarType::BFloat16, x.scalar_type(), "softmax", [&] {
            softmax_kernel<scalar_t><<<x.size(0), 256, 0, stream>>>(
                x.packed_accessor32<scalar_t, 2, torch::RestrictPtrTraits>(),
                out.packed_accessor32<scalar_t, 2, torch::RestrictPtrTraits>());
        });
    C10_CUDA_KERNEL_LAUNCH_CHECK();
    return out;
}
"""

module = load_inline(
    name="softmax_dispatched",
    cpp_sources="torch::Tensor softmax(torch::Tensor x);",
    cuda_sources=cuda,
    functions=["softmax"],
    extra_cuda_cflags=["-O3", "--use_fast_math"],
    verbose=False,
)


class ModelNew(nn.Module):
    def forward(self, x):
        return module.softmax(x)
