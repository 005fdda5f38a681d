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


IN_STRINGS = '''import torch

NOTE = """
```python
sketch()
```
"""
END = "</think>"  # and not <|channel|>final<|message|>


class ModelNew(torch.nn.Module):
    pass
'''


@pytest.mark.parametrize(
    "completion",
    [
        IN_STRINGS,
        f"```python\n{IN_STRINGS}```",
        f"Sure:\n```python\n{IN_STRINGS}```\nThe note shows the call.",
        f"```python\n{IN_STRINGS}",
        f"<think>\n```python\nclass ModelNew: ...\n```\n</think>\n```python\n{IN_STRINGS}```",
        f"<think>a</think><think>b</think>\n{IN_STRINGS}",
        f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
        f"```python\n{IN_STRINGS}```<|return|>",
    ],
)
def test_marks_in_the_code_are_code(completion: str) -> None:
    assert extract_code(completion) == IN_STRINGS


def test_a_fence_in_a_list_takes_its_indentation_off() -> None:
    listed = "".join(f"   {line}\n" if line else "\n" for line in CODE.split("\n")[:-1])
    assert extract_code(f"1. The kernel:\n\n   ```python\n{listed}   ```\n2. Run it.") == CODE


def test_a_fence_behind_text() -> None:
    assert extract_code(f"The kernel: ```python\n{CODE}```") == CODE


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>final",
        "<|channel|>final<|message|>",
        "<|start|><|channel|>a ",
        "<think>",
        "</think>",
        "<think></think>",
        "```python\n",
        "```python\nx = 1\n```\n",
        "```python\nx = (\n```\n",
        "```a",
        "\n",
        "(",
        '```python\n"""\n',
    ],
)
def test_twenty_thousand_marks_are_soon_read(text: str) -> None:
    # A search that is worse than linear takes minutes here, and the test runs into its limit.
    extract_code(text * 20_000)
    extract_code("```python\n" + text * 20_000 + "`\n```\n", thinking=True)
