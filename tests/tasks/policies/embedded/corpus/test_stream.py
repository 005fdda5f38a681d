"""The stream: endless, deterministic, in the frequencies that its table states."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from itertools import islice

import pytest

from tasks.policies.embedded.corpus import Example, generate, stream
from tasks.problems import load_suite

N = 6000


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(islice(generate(5), N))


def share(examples: list[Example], name: str) -> dict[str, float]:
    counts = Counter(getattr(e, name) for e in examples)
    return {key: count / len(examples) for key, count in counts.items()}


def test_same_seed_same_stream() -> None:
    assert list(islice(generate(1), 50)) == list(islice(generate(1), 50))
    assert list(islice(generate(1), 50)) != list(islice(generate(2), 50))


def test_every_problem_has_approaches_of_every_tier_in_both_modes() -> None:
    by_key = stream.approaches()
    for problem in load_suite("embedded").problems:
        module = by_key[problem.problem_id, "module"]
        assert len(module) >= 5
        assert {"naive", "good", "expert"} <= {a.quality for a in module}
        assert len(by_key[problem.problem_id, "body"]) >= 2
        names = [(a.mode, a.name) for a in module]
        assert len(set(names)) == len(names)


def test_problems_come_in_equal_shares(examples: list[Example]) -> None:
    shares = share(examples, "problem_id")
    assert len(shares) == 20
    assert all(0.035 < value < 0.065 for value in shares.values())


def test_frequencies_are_those_of_the_table(examples: list[Example]) -> None:
    table = stream.frequencies()
    assert share(examples, "persona") == pytest.approx(table["persona"], abs=0.03)
    assert share(examples, "mode") == pytest.approx(table["mode"], abs=0.03)
    module = [e for e in examples if e.mode == "module"]
    # A problem without a tier shares that tier's weight among the others: hence the margin.
    assert share(module, "quality") == pytest.approx(table["quality"], abs=0.04)


def test_persona_does_not_depend_on_quality(examples: list[Example]) -> None:
    by_quality = defaultdict(list)
    for example in examples:
        by_quality[example.quality].append(example)
    for group in by_quality.values():
        tolerance = 3 * 0.5 / len(group) ** 0.5 + 0.01
        assert share(group, "persona") == pytest.approx(
            stream.frequencies()["persona"], abs=tolerance
        )


def test_mistakes_are_there_and_stay_the_minority(examples: list[Example]) -> None:
    mistakes = Counter(e.mistake for e in examples)
    assert 0.7 < mistakes[None] / N < 0.95
    assert {"bounds", "axis", "init", "precision", "shape", "syntax"} <= set(mistakes)
    assert 0.02 < mistakes["syntax"] / N < 0.07


def test_weights_of_single_approaches_replace_their_part_of_the_tier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choices = stream.approaches()[12, "module"]
    plain = dict(zip((c.name for c in choices), stream.weights(choices), strict=True))
    assert sum(plain.values()) == pytest.approx(1.0)
    table = {**stream.frequencies(), "approach": {"12": {"broadcast": 0.9}}}
    monkeypatch.setattr(stream, "frequencies", lambda: table)
    changed = dict(zip((c.name for c in choices), stream.weights(choices), strict=True))
    assert changed == {**plain, "broadcast": 0.9}


def test_texts_are_short_enough_to_be_learnt(examples: list[Example]) -> None:
    lengths = sorted(len(e.text) for e in examples)
    assert lengths[-1] < 4000
    assert statistics.median(lengths) < 900


def test_problems_have_many_different_texts(examples: list[Example]) -> None:
    texts = defaultdict(set)
    for example in examples:
        texts[example.problem_id].add(example.text)
    assert min(map(len, texts.values())) > 100


@pytest.mark.parametrize("backend", ["cpp", "triton"])
def test_information_spreads_within_a_problem(backend: str) -> None:
    """What selection by log-probability needs: about 0.15 nats per token and more.

    A text's information is known exactly here; three characters make a token of the embedded
    tokenizer, so 0.05 nats per character stand for 0.15 per token.
    """
    import random

    from tasks.policies.embedded.corpus.style import Style

    table, rng = stream.frequencies(), random.Random(4)
    personas, shares = zip(*table["persona"].items(), strict=True)
    for (problem_id, mode), choices in stream.approaches(backend).items():
        if mode == "body":
            continue
        density = []
        for chosen in rng.choices(choices, stream.weights(choices), k=150):
            s = Style(rng, rng.choices(personas, shares)[0], 0.0)
            text = chosen.write(s)
            density.append(s.nats / len(text))
        assert statistics.pstdev(density) > 0.04, problem_id
