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


ENDS = ["<|im_end|>", "</s>", "<|end|>", "<|return|>", "<|endoftext|>", "<|eot_id|>", "</answer>"]
ENDS += [
    "<eos>",
    "<end_of_turn>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "\n<|im_end|>",
    "</s></s>",
]


@pytest.mark.parametrize("code", [CODE, CODE + 'NOTE = """\n```\nx\n```</s>\n"""\n'])
@pytest.mark.parametrize(
    "behind",
    [
        *ENDS,
        " Done.",
        "  Done. It is `fast`.",
        " so it goes",
        "Done!",
        "**Notes**",
        "</answer> Bye.",
    ],
)
def test_the_closing_fence_may_have_something_behind_it(code: str, behind: str) -> None:
    assert extract_code(f"```python\n{code}```{behind}") == code
    assert extract_code(f"Sure.\n~~~~py\n{code}~~~~{behind}\nIt is fast.\n```text\n1\n```") == code


@pytest.mark.parametrize("end", ENDS)
def test_end_tokens_end_a_completion_without_fences(end: str) -> None:
    for code in (CODE, IN_STRINGS):
        assert extract_code(code + end).rstrip() == code.rstrip()
        assert extract_code(f"```python\n{code}{end}") == code


@pytest.mark.parametrize("fence", ["```python", "``` python", "```py title='a.py'", "```{.python}"])
def test_a_fence_that_names_a_language_closes_nothing(fence: str) -> None:
    code = f'"""\n{fence}\nexample()\n```\n"""\n{CODE}'
    assert extract_code(f"```python\n{code}```") == code


@pytest.mark.parametrize("outer", ["````markdown", "````md", "````", "~~~markdown", "```markdown"])
def test_a_block_of_markdown_is_looked_through(outer: str) -> None:
    close = outer.rstrip("markdown")
    inside = f"# The kernel\n\n```python\n{CODE}```\n"
    assert extract_code(f"Here:\n{outer}\n{inside}{close}\nIt is fast.") == CODE


@pytest.mark.parametrize("code", [CODE, 'NOTE = """\n```\nx\n```\n"""\n' + CODE])
@pytest.mark.parametrize("mark", ["> ", ">", "> > ", ">\t", ">   "])
def test_a_quoted_block_loses_its_marks(code: str, mark: str) -> None:
    quoted = "".join(
        f"{mark}{line}".rstrip() + "\n" for line in f"```python\n{code}```".split("\n")
    )
    assert extract_code(f"As I said:\n\n{quoted}\nRun it.") == code
    assert extract_code(quoted) == code


def test_a_quoted_block_ends_with_the_quote() -> None:
    assert extract_code(f"> ```python\n> x = 1\n\n```python\n{CODE}```") == CODE
    assert extract_code("> ```python\n> x = 1\nIt is short.") == "x = 1\n"


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
        "> ```python\n> x = 1\n",
        "```markdown\n",
        "<|a|></s>",
    ],
)
def test_twenty_thousand_marks_are_soon_read(text: str) -> None:
    # A search that is worse than linear takes minutes here, and the test runs into its limit.
    extract_code(text * 20_000)
    extract_code("```python\n" + text * 20_000 + "`\n```\n", thinking=True)
