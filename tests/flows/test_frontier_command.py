"""`bon frontier`: the contract's names, a price file, and what is wrong in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.errors import is_request_error
from storage import Lake
from tests.tasks.frontier.make import speeds, write


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("frontier") / "lake"
    lake = Lake.open(place, create=True)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        rates = np.full(8, 0.02)
        arms = {"centred": speeds(rng, rates * 20, 2, 4), "placebo": speeds(rng, rates, 2, 4)}
        write(lake, speeds(rng, rates, 3, 4), arms, run_id=f"r{seed}", seed=seed)
    return place


def run(*words: str, lake: Path) -> str:
    result = CliRunner().invoke(app, ["frontier", *words, "--lake", str(lake)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_names_what_the_contract_names(lake: Path) -> None:
    document = json.loads(run("r1", "--json", lake=lake))
    assert document["runs"] == ["r1"]
    assert set(document["arms"]) == {"base", "centred", "placebo"}
    for arm in document["arms"].values():
        assert arm["budget"] == arm["rollouts"] == 8 * 12
        for name in ("fast_1", "delivered_speedup"):
            assert arm[name]["low"] <= arm[name]["mean"] <= arm[name]["high"]
        assert {"naive", "cross_fitted", "fresh"} <= set(arm["boa"])
        assert {"mean", "low", "high", "censored"} <= set(arm["equivalent_k"])
        assert isinstance(arm["verdict"], str)
    assert "centred beats Best-of-N" in document["verdict"]


def test_for_a_person_it_ends_with_the_sentence(lake: Path) -> None:
    text = " ".join(run("r1", "r2", lake=lake).split())
    assert "guard stages: passed" in text
    assert "guard anchors: not checked: no anchors" in text
    assert "centred beats Best-of-N at 12 rollouts of each of 8 problems" in text


def test_prices_of_ones_own(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('currency = "USD"\ntrained_token = 1000000\nrollout = 1\n')
    document = json.loads(run("r1", "--price", str(path), "--json", lake=lake))
    assert document["prices"]["currency"] == "USD"
    assert document["arms"]["centred"]["price"]["fast_1"]["wins"] == "nowhere"
    assert "it pays at no price in the box" in document["verdict"]
    curve = document["arms"]["base"]["curve"]["cost"]
    assert curve["price"] == pytest.approx(curve["rollouts"])


def test_budgets_are_named_beforehand(lake: Path) -> None:
    document = json.loads(run("r1", "--budgets", "8,12", "--json", lake=lake))
    assert document["tested_at"] == [8, 12]
    assert document["family"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the runs of lake"),
        (["nowhere"], "nowhere"),
        (["r1", "--price", "nowhere.toml"], "cannot be read"),
        (["r1", "--budgets", "5,x"], "--budgets '5,x' is no list of budgets"),
        (["r1", "--budgets", "13"], "13 rollouts of a problem cannot be tested at"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(lake: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["frontier", *words, "--lake", str(lake)])
    assert result.exception is not None
    assert is_request_error(result.exception)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
