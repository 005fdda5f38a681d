"""A document from a server becomes an answer, or is asked for again; nothing else is raised."""

from __future__ import annotations

import copy
from typing import Any

import pyarrow as pa
import pytest

from tasks.policies.openai_answers import read_answer
from tasks.policies.openai_client import BadAnswerError

CHAT: dict[str, Any] = {
    "choices": [
        {
            "message": {"content": "x = 1"},
            "finish_reason": "stop",
            "token_ids": [5],
            "logprobs": {"content": [{"token": "x = 1", "logprob": -0.5, "bytes": None}]},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
WRONG = [
    None, True, -1, 2**40, 10**400, 1e300, "text", "\ud800", [], [None], {}, {"a": 1}, [[]],
    float("nan"), float("inf"),
]  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every value in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in inner:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


@pytest.mark.parametrize("path", places(CHAT), ids=lambda path: ".".join(map(str, path)))
def test_whatever_stands_in_a_field(path: tuple[Any, ...]) -> None:
    for wrong in WRONG:
        document = copy.deepcopy(CHAT)
        node = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = wrong
        try:
            answer = read_answer(document)
        except BadAnswerError:
            continue
        pa.array([answer.text], pa.string())
        pa.array([answer.token_ids], pa.list_(pa.int32()))
        length = answer.decoded_length()
        assert length is None or length(len(answer.tokens)) == len(answer.text)


def test_half_a_surrogate_becomes_text_that_files_hold() -> None:
    document = copy.deepcopy(CHAT)
    document["choices"][0]["message"]["content"] = "x = '\ud800 \ud83d\ude00'"
    assert read_answer(document).text == "x = '\ufffd \U0001f600'"


def test_a_message_in_parts() -> None:
    document = copy.deepcopy(CHAT)
    parts = [{"type": "text", "text": "x = "}, {"type": "text", "text": "1"}]
    document["choices"][0]["message"]["content"] = parts
    assert read_answer(document).text == "x = 1"
