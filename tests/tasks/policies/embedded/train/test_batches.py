"""Batches hold every example once, loss on completions alone, and pools come in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
import torch
from tokenizers import Tokenizer

from tasks.policies.embedded.corpus import generate
from tasks.policies.embedded.train.batches import (
    IGNORED,
    Encoded,
    Pools,
    batches_of,
    collate,
    encode,
    prompt_of,
)
from tasks.policies.embedded.train.tokenizer import learn_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer((one.text for one in islice(generate(9), 50)), 500)


def first_pools(pools: Pools, start: int, count: int) -> list[tuple[int, list[Encoded]]]:
    stream: Iterator[tuple[int, list[Encoded]]] = pools.iterate(start)
    return list(islice(stream, count))


def test_only_the_completion_and_its_end_carry_loss(tokenizer: Tokenizer) -> None:
    example = next(generate(4))
    one = encode(tokenizer, example)
    batch = collate([one, Encoded(1, "module", 2, one.ids[: one.n_prompt + 2])])
    labels = batch.labels[0]
    assert (labels[: one.n_prompt] == IGNORED).all()
    kept = labels[one.n_prompt :]
    assert tokenizer.decode(kept[:-1].tolist()) == example.text
    assert int(kept[-1]) == 0
    assert tokenizer.decode(list(one.ids[: one.n_prompt])) == prompt_of(example)
    assert (batch.labels[1, one.n_prompt + 2 :] == IGNORED).all()
    assert batch.n_targets == len(one.ids) - one.n_prompt + one.n_prompt + 2 - 2


def test_batches_cover_a_pool_exactly(tokenizer: Tokenizer) -> None:
    members = [encode(tokenizer, one) for one in islice(generate(5), 100)]
    batches = batches_of(members, tokens=4000, seed=1)
    assert all(batch.ids.numel() <= 4000 or len(batch.ids) == 1 for batch in batches)
    wanted = Counter(sum(one.ids[one.n_prompt :]) for one in members)
    found = Counter(int(row[row != IGNORED].sum()) for batch in batches for row in batch.labels)
    assert found == wanted
    padded = sum(batch.ids.numel() for batch in batches)
    assert padded < 1.25 * sum(len(one.ids) for one in members)
    same = batches_of(members, tokens=4000, seed=1)
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(batches, same, strict=True))


def test_workers_and_resuming_change_nothing(tokenizer: Tokenizer) -> None:
    inline = first_pools(Pools(tokenizer, 1, 6, workers=0), 0, 3)
    assert [index for index, _ in inline] == [0, 1, 2]
    assert len({one.ids for _, members in inline for one in members}) > 6
    assert first_pools(Pools(tokenizer, 1, 6, workers=2), 1, 2) == inline[1:]
    assert first_pools(Pools(tokenizer, 2, 6, workers=0), 0, 1) != inline[:1]
