"""Code is found however a model wraps it."""

from __future__ import annotations

import pytest

from tasks.policies.extract import extract_code

CODE = "import torch\n\n\nclass ModelNew(torch.nn.Module):\n    pass\n"


@pytest.mark.parametrize(
    "completion",
    [
        CODE,
        f"```python\n{CODE}```",
        f"Sure! Here it is:\n\n```python\n{CODE}```\nIt is fast because of OpenMP.",
        f"```\n{CODE}\n```",
        f"~~~py\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"First a sketch:\n```python\nx = 1\n```\nand now\n```python\n{CODE}```",
        f"```python\n{CODE}```\nRun it with\n```bash\npython module.py --with --many --flags"
        f" --so --that --this --block --is --the --longest --of --all\n```",
        f"<think>\n```python\nclass ModelNew: ...\n```\n</think>\n\n```python\n{CODE}```",
        f"thinking without an opening mark</think>\n{CODE}",
        f"```python title='a.py'\n{CODE}```",
        f"```python\n{CODE}",  # cut short before the fence closed
    ],
)
def test_code_is_found(completion: str) -> None:
    assert extract_code(completion) == CODE


def test_a_fence_inside_a_longer_fence_is_content() -> None:
    inner = 'DOC = """\n```\nexample\n```\n"""\n'
    assert extract_code(f"````python\n{inner}````") == inner


def test_a_bare_body_keeps_its_indentation() -> None:
    assert extract_code("        return x\n") == "        return x\n"


@pytest.mark.parametrize("completion", ["", "I cannot help with that.", "```python\n```"])
def test_no_code_is_no_error(completion: str) -> None:
    assert "ModelNew" not in extract_code(completion)
