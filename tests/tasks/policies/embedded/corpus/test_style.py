"""An author's habits: nothing but the look changes, and `plain` has none."""

from __future__ import annotations

import random
import subprocess

import pytest

from tasks.policies.embedded.corpus import words
from tasks.policies.embedded.corpus.style import Layout, Style

PERSONAS = ["plain", "own", "chatty"]

CPP = """extern "C" void f(const float* x, float* out, long n) {
    // as it comes
    for (long i = 0; i < n; i++) {
        if (x[i] > 0) {
            out[i] = x[i];
        }
    }
}"""


def style(persona: str, seed: int = 0, slip_rate: float = 0.0) -> Style:
    return Style(random.Random(seed), persona, slip_rate)


def test_plain_follows_the_conventions_and_says_nothing() -> None:
    s = style("plain")
    assert [s.name(role) for role in ("a", "out", "n")] == ["A", "out", "n"]
    assert s.comment("loop") == ""
    assert s.choice(["first", "second"]) == "first"
    assert s.layout == Layout()
    assert s.nats == 0.0


def test_block_sizes_vary_for_everybody() -> None:
    for persona in PERSONAS:
        drawn = {style(persona, seed).vary([16, 32, 64]) for seed in range(50)}
        assert drawn == {16, 32, 64}


@pytest.mark.parametrize("persona", PERSONAS)
def test_names_are_kept_and_never_clash(persona: str) -> None:
    for seed in range(30):
        s = style(persona, seed)
        names = {role: s.name(role) for role in words.NAMES}
        assert len(set(names.values())) == len(names)
        assert all(name.isidentifier() for name in names.values())
        assert {role: s.name(role) for role in words.NAMES} == names


def test_every_topic_leaves_a_comment_that_is_one() -> None:
    for topic in words.COMMENTS:
        lines = [style("chatty", seed).comment(topic) for seed in range(20)]
        assert any(lines)
        for line in "".join(lines).splitlines():
            assert line.startswith("// ")
            assert "{n}" not in line


def test_at_most_one_slip() -> None:
    s = style("plain", slip_rate=1.0)
    assert s.slip("bounds", "right", "wrong") == "wrong"
    assert s.slip("axis", "right", "wrong") == "right"
    assert s.mistake == "bounds"
    assert style("plain").slip("bounds", "right", "wrong") == "right"


def test_slips_come_at_their_rate() -> None:
    s = [style("plain", seed, 0.07) for seed in range(2000)]
    wrong = sum(one.slip("bounds", "right", "wrong") == "wrong" for one in s)
    assert 100 < wrong < 190


@pytest.mark.parametrize(
    "layout",
    [
        Layout(indent=2),
        Layout(star_left=False),
        Layout(increment_first=True),
        Layout(brace_below=True),
        Layout(indent=2, star_left=False, increment_first=True, brace_below=True),
    ],
)
def test_layout_changes_the_look_alone(layout: Layout) -> None:
    changed = layout.apply(CPP)
    assert changed != CPP
    assert compiled(changed) == compiled(CPP)


def compiled(cpp: str) -> str:
    command = ["g++", "-O1", "-S", "-o", "-", "-x", "c++", "-"]
    return subprocess.run(command, input=cpp, text=True, capture_output=True, check=True).stdout


def test_nats_is_the_information_of_the_choices() -> None:
    s = style("own")
    s.vary(range(8))
    assert s.nats == pytest.approx(2.0794, abs=1e-3)
    s.maybe(0.5)
    assert s.nats == pytest.approx(2.7726, abs=1e-3)


def test_personas_differ_in_information_but_not_in_what_they_do() -> None:
    nats = dict.fromkeys(PERSONAS, 0.0)
    for persona in PERSONAS:
        for seed in range(20):
            s = style(persona, seed)
            text = s.module(CPP, "{lib}.f(x, x, 1)\nreturn x", arguments="x")
            nats[persona] += s.nats / 20
            assert compile(text, "candidate", "exec")
    assert nats["plain"] == 0.0
    assert nats["chatty"] > nats["own"] > 5.0
