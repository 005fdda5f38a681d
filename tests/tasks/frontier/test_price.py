"""One price: what a file may say, and where in the box an arm pays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.errors import RequestError
from tasks.frontier.costs import Costs
from tasks.frontier.price import Prices, default_prices, load_prices, priced, worth
from tasks.frontier.stages import KINDS


def costs(**given: list[float]) -> Costs:
    return {kind: np.array(given.get(kind, [0.0, 0.0, 0.0])) for kind in KINDS}


BASE = costs(rollouts=[1, 2, 3], completion_tokens=[100, 200, 300])
CURVE = np.array([0.2, 0.3, 0.4])


def test_the_default_is_a_box_in_completion_tokens() -> None:
    prices = default_prices()
    assert prices.currency == "completion tokens"
    assert prices.low["completion_tokens"] == prices.high["completion_tokens"] == 1
    assert all(low <= prices.high[kind] for kind, low in prices.low.items())
    assert len(prices.corners()) == 2 ** sum(
        low < prices.high[kind] for kind, low in prices.low.items()
    )


def test_a_file_names_prices_and_ranges(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('currency = "USD"\ncompletion_token = 2\ntrained_token = [1, 3.5]\n')
    prices = load_prices(path)
    assert prices == Prices(
        "USD",
        {"completion_tokens": 2, "trained_tokens": 1},
        {"completion_tokens": 2, "trained_tokens": 3.5},
    )
    assert priced(BASE, prices.middle).tolist() == [200, 400, 600]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tokens = 1", "'tokens' has no price; there are rollout, prompt_token"),
        ("rollout = -1", "rollout = -1; a price is a number from 0"),
        ("rollout = nan", "a price is a number from 0"),
        ("rollout = [3, 1]", r"a price is a number from 0, or \[low, high\]"),
        ("rollout = [1, 2, 3]", "or"),
        ("rollout = true", "a price is"),
        ('rollout = "1"', "a price is"),
        ("rollout = 0", "nothing costs anything"),
        ("", "nothing costs anything"),
        ("currency = 3\nrollout = 1", "currency has to be a name"),
        ("rollout = ", "no valid TOML"),
        ("[rollout]\na = 1", "a price is"),
    ],
)
def test_what_is_no_price_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(RequestError, match=said) as found:
        load_prices(path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("kind", ["absent", "directory", "bytes", "large"])
def test_what_is_no_file_of_prices_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "prices.toml"
    if kind == "directory":
        path.mkdir()
    elif kind == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    elif kind == "large":
        path.write_text("#" * (1 << 17))
    with pytest.raises(RequestError, match=r"prices\.toml"):
        load_prices(path)


def test_an_arm_pays_where_its_training_is_cheap() -> None:
    """It reaches 0.4 with 2 rollouts, 200 tokens and 50 trained ones; Best-of-N takes 300."""
    arm = costs(completion_tokens=[100, 200, 300], trained_tokens=[0, 50, 50])
    reached = np.array([0.2, 0.5, 0.6])
    box = Prices(
        "t",
        {"completion_tokens": 1, "trained_tokens": 1},
        {"completion_tokens": 1, "trained_tokens": 4},
    )
    found = worth(reached, arm, CURVE, BASE, box)
    assert (found.reached, found.wins) == (True, "somewhere")
    assert found.low == pytest.approx(250 / 300)
    assert found.high == pytest.approx(400 / 300)
    assert found.break_even == {
        "trained_tokens": pytest.approx(2.0),
        "completion_tokens": pytest.approx(1.0),
    }
    cheap = Prices("t", box.low, {"completion_tokens": 1, "trained_tokens": 1.9})
    assert worth(reached, arm, CURVE, BASE, cheap).wins == "everywhere"
    dear = Prices("t", {"completion_tokens": 1, "trained_tokens": 2.1}, box.high)
    assert worth(reached, arm, CURVE, BASE, dear).wins == "nowhere"


def test_what_all_corners_say_holds_inside_the_box() -> None:
    rng = np.random.default_rng(8)
    arm = costs(**{kind: (rng.random(3) * 9).tolist() for kind in KINDS})
    base = costs(**{kind: (rng.random(3) * 9).tolist() for kind in KINDS})
    low = {kind: float(rng.random()) for kind in KINDS}
    box = Prices("t", low, {kind: one + float(rng.random()) for kind, one in low.items()})
    found = worth(CURVE, arm, CURVE, base, box)
    for _ in range(300):
        inside = {kind: rng.uniform(low[kind], box.high[kind]) for kind in KINDS}
        ratio = priced(arm, inside)[-1] / priced(base, inside)[-1]
        assert found.low - 1e-9 <= ratio <= found.high + 1e-9


def test_an_arm_that_never_gets_there_pays_nowhere() -> None:
    found = worth(CURVE - 0.1, BASE, CURVE, BASE, default_prices())
    assert (found.reached, found.wins) == (False, "nowhere")
    assert np.isnan(found.low)


def test_where_both_end_level_the_sooner_one_pays() -> None:
    flat, late = np.array([0.4, 0.4, 0.4]), np.array([0.1, 0.4, 0.4])
    prices = default_prices()
    assert worth(flat, BASE, flat, BASE, prices).low == 1
    assert worth(flat, BASE, late, BASE, prices).high == pytest.approx(1 / 2)
    assert worth(late, BASE, flat, BASE, prices).low == pytest.approx(2)


def test_to_get_further_than_nothing_is_not_to_draw_nothing() -> None:
    """Best-of-N finds nothing at all: the arm's first find is set against all that it spent."""
    nothing, found = np.zeros(3), np.array([0.0, 0.1, 0.2])
    assert worth(found, BASE, nothing, BASE, default_prices()).low == pytest.approx(2 / 3)
