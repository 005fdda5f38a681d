"""The answer is told from the thought, and a thought that never ended leaves none."""

from __future__ import annotations

import pytest

from tasks.policies.extract import extract_code
from tasks.policies.reasoning import answer_span, opens_thought

CODE = "class ModelNew:\n    pass\n"
SKETCH = "```python\nclass ModelNew:\n    sketch = True\n```"


def harmony(*messages: tuple[str, str]) -> str:
    """As gpt-oss writes: the first header opens in the prompt, the last message has no end."""
    written = [f"<|channel|>{channel}<|message|>{text}" for channel, text in messages]
    return "<|end|><|start|>assistant".join(written)


@pytest.mark.parametrize(
    "completion",
    [
        harmony(("analysis", f"Let me see. {SKETCH}"), ("final", CODE)),
        harmony(("analysis", "a"), ("commentary", SKETCH), ("final", f"```python\n{CODE}```")),
        harmony(("analysis", "a"), ("final", SKETCH), ("final", CODE)),
        harmony(("analysis", "a"), ("final", CODE)) + "<|return|>",
        f"<|channel|>final <|constrain|>python<|message|>{CODE}",
        f"analysisWe need a kernel. {SKETCH} Fine.assistantfinal{CODE}",  # marks dropped
        f"<think>\n{SKETCH}\n</think>\n\n{CODE}",
        f"<thinking>{SKETCH}</thinking>{CODE}",
        f"[THINK]{SKETCH}[/THINK]{CODE}",
        f"<|START_THINKING|>{SKETCH}<|END_THINKING|>{CODE}",
        f"<THINK>{SKETCH}</THINK>\n```python\n{CODE}```",
        f"<Think>\n{SKETCH}\n</think>\n{CODE}",
        f"[think]{SKETCH}[/Think]{CODE}",
        f"{SKETCH}</THINK>{CODE}",
        *(
            f"{opened}{SKETCH}{closed}\n\n```python\n{CODE}```<|im_end|>"
            for name in (
                "reasoning",
                "Reasoning",
                "thought",
                "analysis",
                "scratchpad",
                "REFLECTION",
            )
            for opened, closed in [(f"<{name}>", f"</{name}>"), (f"\n<{name}>\n", f"\n</{name}>")]
        ),
    ],
)
def test_the_answer_is_behind_the_thought(completion: str) -> None:
    assert extract_code(completion) == CODE


@pytest.mark.parametrize(
    ("completion", "thinking"),
    [
        (harmony(("analysis", SKETCH)), False),
        (harmony(("analysis", "a"), ("commentary", SKETCH)), False),
        (f"<think>\n{SKETCH}", False),
        (f"\n<think>\n{SKETCH}", False),
        (SKETCH, True),
        (f"<THINK>\n{SKETCH}", False),
        (f"<reasoning>\n{SKETCH}", False),
    ],
)
def test_no_end_no_answer(completion: str, thinking: bool) -> None:
    assert extract_code(completion, thinking=thinking) == ""
    assert answer_span(completion, thinking=thinking) == (len(completion), len(completion))


def test_a_thought_that_the_prompt_opened() -> None:
    assert extract_code(f"{SKETCH}\n</think>\n{CODE}", thinking=True) == CODE
    assert opens_thought("<|im_start|>assistant\n<think>\n")
    assert not opens_thought("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert not opens_thought("Write the body of `forward`.")


def test_positions_are_those_of_the_completion() -> None:
    # A capital that has two small letters must not move what follows.
    assert extract_code(f"<THINK>\u0130\u0130\u0130</THINK>{CODE}") == CODE


def test_a_reason_behind_the_answer_is_no_thought_before_it() -> None:
    reason = "<reasoning>It moves fewer bytes.</reasoning>"
    assert extract_code(f"```python\n{CODE}```\n{reason}") == CODE
    assert opens_thought("Explain first.\n<Reasoning>\n")


def test_code_that_only_mentions_a_mark() -> None:
    text = 'TAG = "<think>"\nclass ModelNew: ...\n'
    assert extract_code(text) == text


@pytest.mark.parametrize(
    "completion",
    [
        f'<think>Hm.</think>\nEND = "</think>"\n{CODE}',
        f'Hm.</think>\n```python\nEND = "</think>"\n{CODE}```',
        harmony(("analysis", "a"), ("final", f'ENDS = "<|end|> <|call|>"\n{CODE}')),
    ],
)
def test_a_closing_mark_in_the_answer_closes_nothing(completion: str) -> None:
    assert extract_code(completion).endswith(CODE)
    assert "END" in extract_code(completion)


def test_code_that_names_channels_is_no_conversation() -> None:
    text = f'TOKEN = "<|channel|>"\n{CODE}'
    assert extract_code(text) == text
    assert extract_code(f"```python\n{text}```") == text
