/* Tensors, and their binding to Python, which nvcc need not see: load_inline writes a C++ file of
 * its own for it. A CUDA source with bindings fails here and is compiled with the next header.
 */
#pragma once

#include <torch/types.h>

#ifndef __CUDACC__
#include <ATen/Parallel.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/utils/pybind.h>
#endif
