"""The templates: names, given words, comments and joined lines."""

from __future__ import annotations

import random

import pytest

from tasks.policies.embedded.corpus import words
from tasks.policies.embedded.corpus.style import Style
from tasks.policies.embedded.corpus.template import cpp, fill


def style(persona: str, seed: int = 0) -> Style:
    return Style(random.Random(seed), persona, slip_rate=0.0)


def test_plain_takes_the_conventional_names() -> None:
    assert fill(style("plain"), "$out[$i] = $in[$i];") == "out[i] = x[i];"


def test_a_role_keeps_its_name_within_one_example() -> None:
    for seed in range(50):
        s = style("own", seed)
        first, second = fill(s, "$acc"), fill(s, "$acc")
        assert first == second


def test_two_roles_never_share_a_name() -> None:
    roles = ["in", "x", "src", "cpp_source", "logits", "value", "cols", "n", "channels", "acc"]
    for seed in range(200):
        s = style("own", seed)
        names = fill(s, " ".join(f"${role}" for role in roles)).split()
        assert len(set(names)) == len(roles)


def test_given_words_may_hold_roles_and_other_given_words() -> None:
    text = fill(style("plain"), "$clamp", clamp="$i < $ow ? $i : $ow", ow="W - 2")
    assert text == "i < W - 2 ? i : W - 2"


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill(style("plain"), "$no_such_role")


def test_dots_continue_a_line() -> None:
    assert fill(style("plain"), "a = b\n    ... * c;\nd;") == "a = b * c;\nd;"


def test_comments_belong_to_the_chatty() -> None:
    template = "for (;;)\n    //@loop\n    x++;"
    assert fill(style("plain"), template) == "for (;;)\n    x++;"
    chatty = [fill(style("chatty", seed), template) for seed in range(30)]
    assert len(set(chatty)) > 10
    assert all(
        any(phrase in text for phrase in words.COMMENTS["loop"]) for text in chatty if "//" in text
    )


def test_int64_comes_with_its_header() -> None:
    texts = [cpp(style("own", seed), "long $n;") for seed in range(50)]
    assert {text.startswith("#include <stdint.h>") for text in texts} == {True, False}
    assert all(("int64_t" in text) == ("stdint" in text) for text in texts)
