/* Streams, properties and checks, without the settings of the whole library. */
#pragma once

#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#define AT_CUDA_CHECK(EXPR) C10_CUDA_CHECK(EXPR)
