# problem: gpu/relu
# expected: compile_error
# twin: relu_fallback
"""The reference itself, under another name."""


class ModelNew(Model):  # noqa: F821
    pass
