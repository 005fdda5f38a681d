"""A body lands in the reference's module, however it is indented, and nothing else changes."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch

from tasks.errors import RequestError
from tasks.policies.scaffold import scaffold_body
from tasks.problems.base import Problem

CPP_BODY = '''lib = dict(source=r"""
extern "C" void f() {
  if (x) { y(); }
        }
""")
if lib:
    y = 2 * x
return (y +
    self.bias)
'''


def build(source: str) -> dict[str, Any]:
    """Run the module without the one import that needs a compiler's room."""
    names: dict[str, Any] = {}
    exec(
        compile(source.replace("from kernels_eval.backends.cpp import load\n", ""), "m", "exec"),
        names,
    )
    return names


def check(source: str) -> dict[str, Any]:
    names = build(source)
    assert "Model" not in names
    model = names["ModelNew"](*names["get_init_inputs"]())
    (x,) = names["get_inputs"]()
    assert torch.equal(model(x), 2 * x + 1)
    assert model.extra() == 3
    return names


@pytest.mark.parametrize(
    "body",
    [
        "y = 2 * x\nreturn y + self.bias\n",
        "        y = 2 * x\n        return y + self.bias",
        "    y = 2 * x\n    return y + self.bias",
        "y = 2 * x\n        return y + self.bias\n",  # the prompt ended with the indentation
        "\ty = 2 * x\n\treturn y + self.bias\n",
        "\n\n  # two spaces\n  y = 2 * x\n\n  return y + self.bias\n",
        CPP_BODY,
        "def forward(self, x):\n    y = 2 * x\n    return y + self.bias\n",
        "    def forward(self, x): return 2 * x + self.bias\n",
        "return 2 * x + self.bias",
    ],
)
def test_bodies_of_every_indentation(problem: Problem, body: str) -> None:
    source = scaffold_body(problem, body)
    check(source)
    assert 'limits: dict[str, int] = {"low": 0},' in source
    assert source.startswith('"""Twice the input, and a bias."""\n')
    assert "import ctypes" in source
    assert "kernels_eval.backends.cpp import load" in source


def test_text_inside_strings_stays_as_written(problem: Problem) -> None:
    source = scaffold_body(problem, CPP_BODY)
    text = next(
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and "extern" in str(node.value)
    )
    assert text == '\nextern "C" void f() {\n  if (x) { y(); }\n        }\n'


def test_a_whole_module_is_taken_as_it_stands(problem: Problem) -> None:
    module = "class ModelNew:\n    def forward(self): return 1\n"
    assert scaffold_body(problem, module) == module


HELPED = """from __future__ import annotations

import math

# A helper of the reference's size.
SIZES = [N, int(math.sqrt(4))]


def double(x):
    return SIZES[1] * x


@torch.no_grad()
def forward(self, x, limits=None):
    y = double(x)
    return y + self.bias


def unused():
    return None
"""


def test_what_stands_beside_forward_comes_along(problem: Problem) -> None:
    source = scaffold_body(problem, HELPED)
    names = check(source)
    assert names["SIZES"] == [64, 2]
    assert names["unused"]() is None
    assert "# A helper of the reference's size." in source
    assert source.count("def forward") == 1
    assert "    y = double(x)\n" in source


def test_each_backend_has_its_own_prelude(problem: Problem) -> None:
    body = "return 2 * x + self.bias"
    for backend, wanted in (
        ("cpp", "from kernels_eval.backends.cpp import load\n"),
        ("triton", "import triton.language as tl\n"),
        ("cuda", "from torch.utils.cpp_extension import load_inline\n"),
    ):
        assert wanted in scaffold_body(problem, body, backend=backend)
    check(scaffold_body(problem, body, backend="torch"))


@pytest.mark.parametrize("body", ["", "# only a remark", "return (x", "I am sorry.", "x\n  y\n z"])
def test_a_bad_body_is_the_candidates_failure(problem: Problem, body: str) -> None:
    with pytest.raises(SyntaxError):
        compile(scaffold_body(problem, body), "m", "exec")


def test_a_one_line_forward_and_names_that_only_look_alike() -> None:
    source = (
        "from __future__ import annotations\nimport lib\n\nclass Model(lib.Model):\n"
        "    '''A Model.'''\n    def forward(self, x: int) -> int: return x  # Model\n"
    )
    scaffolded = scaffold_body(Problem("tests", 1, 1, "one", source), "return 5")
    assert "class ModelNew(lib.Model):" in scaffolded
    assert "'''A Model.'''" in scaffolded
    assert "    def forward(self, x: int) -> int:\n        return 5\n" in scaffolded
    assert scaffolded.startswith("from __future__ import annotations\nimport ctypes\n")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("class Model(:\n", "does not parse"),
        ("class Other:\n    def forward(self): ...\n", "no class Model"),
        ("class Model:\n    pass\n", "no class Model with a method forward"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said(source: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason) as caught:
        scaffold_body(Problem("tests", 1, 3, "three", source), "return 1")
    assert "problem 3 (three)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "scale = 2 if x.is_floating_point() else 0\nreturn scale * x + self.bias",
        "double = lambda y: 2 * y\nreturn double(x) + self.bias",
        "y = x\rreturn 2 * y + self.bias",
        "y = x\r\n\tz = 2 * y\r\n".replace("\t", "") + "return z + self.bias\r\n",
        "def forward(self, A):\n    return 2 * A + self.bias\n",
        "def forward(self, A: Tensor, n: Sizes = None) -> Tensor:\n    return 2 * A + self.bias\n",
        "def forward(A):\n    return 2 * A + self.bias\n",
        "def forward(module, x): return (2 * x +\n    module.bias)\n",
        "class Model:\n    def forward(self, A):\n        return 2 * A + self.bias\n",
        "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, y):\n"
        "        return 2 * y\nreturn Double.apply(x) + self.bias\n",
        "# a remark\n        y = 2 * x\n        return y + self.bias\n",
    ],
)
def test_answers_that_are_written_otherwise(problem: Problem, body: str) -> None:
    check(scaffold_body(problem, body))


def test_the_text_of_a_string_survives_every_move(problem: Problem) -> None:
    text = "\n\tone\n        two\x0c\u2028three\n    "
    for indent in ("", "    ", "\t", "            "):
        lines = [f'{indent}text = """{text}"""', f"{indent}return 2 * x + self.bias, text"]
        body = "\n".join(lines)
        for whole in (body, f"{indent[4:]}def forward(self, x):\n{body}" if indent else body):
            names = build(scaffold_body(problem, whole))
            model = names["ModelNew"](*names["get_init_inputs"]())
            assert model(torch.zeros(4, 64))[1] == text


@pytest.mark.parametrize(
    "body", ["\x00", "\ud800", "(" * 5000, "a." * 50_000, "\\", "-" * 9999 + "1"]
)
def test_no_text_is_an_exception(problem: Problem, body: str) -> None:
    assert "class ModelNew" in scaffold_body(problem, body)
