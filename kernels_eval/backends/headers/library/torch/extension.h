/* What a kernel needs of <torch/extension.h>: tensors, their functions, and the binding to Python.
 * Left out are modules, optimisers, data loaders and serialisation, whose headers take a compiler
 * about a quarter of its time. A source that uses them fails with this file and is then compiled
 * with torch's own (see ../../extensions.py).
 */
#pragma once

#include <torch/types.h>

#include <torch/csrc/Device.h>
#include <torch/csrc/Dtype.h>
#include <torch/csrc/DynamicTypes.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>
