"""A training's request: what is learned from, what is held out, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.adapt_request import AdaptRequest
from flows.deployed import check_stored
from flows.errors import RequestError, is_request_error
from flows.profiles import profiles_of
from flows.request import profile_request, resolve
from flows.train_request import TrainRequest
from storage import Lake
from tasks.problems import load_suite
from tests.flows.test_adapt_request import record


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def asked(lake: Lake, run: str | None = None, **options: Any) -> TrainRequest:
    return resolve(lake, run, options, TrainRequest)[1]


def ids(problems: tuple[Any, ...]) -> list[int]:
    return [one.problem_id for one in problems]


@pytest.mark.parametrize("name", profiles_of("train"))
def test_every_profile_is_a_whole_request(lake: Lake, name: str) -> None:
    own = profile_request(name, TrainRequest)
    own.check()
    assert resolve(lake, None, {"profile": name}, TrainRequest)[1] == own


def test_the_demo_learns_from_what_the_demo_of_adapt_does_not_draw(lake: Lake) -> None:
    request = asked(lake)
    (_, inner) = resolve(lake, None, {}, AdaptRequest)
    assert request.held_out() == inner.selected()
    assert len(request.train_problems()) == 16
    assert set(request.selected()) == {*request.train_problems(), *request.held_out()}
    assert request.rounds().last == 4


@pytest.mark.parametrize(
    ("options", "train", "held_out"),
    [
        (
            {"suite": "embedded#split=train42", "train": {"eval_problems": None}},
            16,
            "embedded#split=eval42",
        ),
        ({"suite": "embedded#split=eval42", "problems": None}, 4, "embedded#split=train42"),
    ],
)
def test_a_side_of_a_split_holds_the_other_out(
    tmp_path: Path, options: dict[str, Any], train: int, held_out: str
) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text(
        f'suite = "{options["suite"]}"\npolicy = "embedded"\n'
        "[train]\nbatch = 2\ncheckpoint_every = 1\n"
        '[adapt]\narms = ["grpo"]\nsteps = 1\ngroup = 4\nconfirm = 1\nunit = "batch"\n'
    )
    request = profile_request(str(profile), TrainRequest)
    request.check()
    assert len(request.train_problems()) == train
    assert len(request.held_out()) == 20 - train
    assert request.held_out() == load_suite(held_out).problems


def test_named_problems_are_learned_from_and_others_held_out(lake: Lake) -> None:
    request = asked(lake, problems=[4, 5, 15, 18], train={"eval_problems": [12]})
    assert (ids(request.train_problems()), ids(request.held_out())) == ([4, 5, 15, 18], [12])
    apart = asked(lake, suite="embedded#split=train42")
    assert ids(apart.held_out()) == ids(load_suite("embedded#split=eval42").problems)
    elsewhere = asked(
        lake,
        problems=[4, 5, 15, 18],
        train={"eval_suite": "embedded:kernelbench", "eval_problems": [30]},
    )
    assert ids(elsewhere.held_out()) == [30]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"problems": [4, 5, 12, 18]}, ["overlap", "(12)"]),
        (
            {"problems": [4, 5, 15, 18], "train": {"eval_suite": "embedded:kernelbench"}},
            ["overlap", "(4, 5, 15, 18)"],
        ),
        (
            {"suite": "embedded#split=train42", "train": {"eval_suite": "embedded#split=eval43"}},
            ["overlap"],
        ),
        ({"problems": [4], "train": {"batch": 1}}, ["1 problems to learn from", "takes two"]),
        ({"problems": [4, 5, 15]}, ["--batch 4", "3 problems"]),
        ({"train": {"batch": 17}}, ["--batch 17", "16 problems"]),
        ({"train": {"batch": 0}}, ["train.batch", "0"]),
        ({"train": {"checkpoint_every": 0}}, ["train.checkpoint_every", "0"]),
        ({"train": {"eval_suite": "nowhere"}}, ["nowhere", "known"]),
        ({"train": {"eval_problems": [999]}}, ["999"]),
        ({"train": {"holdout": 1}}, ["holdout", "eval_suite"]),
        ({"adapt": {"unit": "problem"}}, ["problem", "bon adapt"]),
        ({"adapt": {"tail": 2}}, ["tail 2"]),
        ({"adapt": {"confirm": 0}}, ["--confirm 0", "held-out"]),
        ({"adapt": {"budget": 31}}, ["--budget 31", "32"]),
        ({"adapt": {"arms": ["max@8"]}}, ["max@8", "9 draws"]),
        ({"adapt": {"steps": 100}}, ["steps", "99"]),
        ({"policy": "checkpoint:0123"}, ["0123", "none yet"]),
        ({"policy": "vllm:m"}, ["vllm:m", "embedded"]),
        ({"profile": "adapt-demo"}, ["adapt-demo", "bon adapt", "train-demo"]),
    ],
)
def test_wrong_requests_are_one_line(lake: Lake, options: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(Exception) as found:  # noqa: PT011  (two rooms' errors)
        asked(lake, **options)
    assert is_request_error(found.value)
    line = str(found.value)
    assert "\n" not in line
    assert all(name in line for name in names), line


def test_nothing_held_out_is_one_line(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text(
        'suite = "embedded"\npolicy = "embedded"\n[train]\nbatch = 2\ncheckpoint_every = 1\n'
        '[adapt]\narms = ["grpo"]\nsteps = 1\ngroup = 4\nconfirm = 1\nunit = "batch"\n'
    )
    with pytest.raises(RequestError, match=r"which problems are held out.*--split train42"):
        profile_request(str(profile), TrainRequest).check()


@pytest.mark.parametrize(("budget", "last"), [(32, 1), (95, 2), (128, 4), (10_000, 4)])
def test_a_budget_is_kept_in_whole_steps(lake: Lake, budget: int, last: int) -> None:
    assert asked(lake, adapt={"budget": budget}).rounds().last == last


def test_a_run_goes_on_further_and_is_looked_at_more_often_but_is_no_other(lake: Lake) -> None:
    record(lake, "r", asked(lake))
    more = asked(lake, "r", adapt={"steps": 8, "confirm": 16}, train={"checkpoint_every": 1})
    assert (more.adapt.steps, more.adapt.confirm, more.train.checkpoint_every) == (8, 16, 1)
    assert asked(lake, "r", adapt={"steps": 2}).adapt.steps == 4
    for options, name in (
        ({"train": {"batch": 2}}, "train.batch"),
        ({"train": {"eval_problems": [12]}}, "train.eval_problems"),
        ({"problems": [4, 5, 15, 18]}, "problems"),
        ({"adapt": {"group": 4}}, "adapt.group"),
    ):
        with pytest.raises(RequestError, match=f"run 'r' has {name}"):
            asked(lake, "r", **options)
    with pytest.raises(RequestError, match="one of `bon train`, which goes on with it"):
        resolve(lake, "r", {"adapt": {"steps": 9}}, AdaptRequest)


def test_a_deployment_reaches_no_held_out_suite_elsewhere(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BON_SUITES", raising=False)
    profile = tmp_path / "mine.toml"
    profile.write_text(
        'suite = "embedded"\npolicy = "embedded"\n[train]\neval_suite = "dir:/elsewhere"\n'
    )
    with pytest.raises(RequestError, match="BON_SUITES"):
        check_stored(lake, None, {"profile": str(profile)}, TrainRequest)
