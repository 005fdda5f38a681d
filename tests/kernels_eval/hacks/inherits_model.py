# problem: relu
# expected: compile_error
"""The reference itself, under another name."""


class ModelNew(Model):  # noqa: F821
    pass
