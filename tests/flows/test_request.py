"""What a request is made of: the run's own settings, the profile, the options, in this order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import RequestError
from flows.ledger import record_run
from flows.profiles import load_profile, profiles_of
from flows.request import SweepRequest, fresh_run_id, profile_request, resolve
from storage import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def record(lake: Lake, run_id: str, request: SweepRequest, kind: str = "sweep") -> None:
    lake.append(
        "runs",
        [
            {
                "created_at": datetime.now(UTC),
                "kind": kind,
                "suite": request.suite,
                "k": request.k,
                "config": request.model_dump_json(),
                "versions": json.dumps({}),
            }
        ],
        run_id=run_id,
    )


@pytest.mark.parametrize("name", profiles_of("sweep"))
def test_every_profile_is_a_whole_request(lake: Lake, name: str) -> None:
    own = profile_request(name)
    assert own.profile == name
    assert own.selected()
    # Whatever device it names, the rest of it stands wherever the tests run.
    _, request = resolve(lake, None, {"profile": name, "judge": {"device": "cpu"}})
    assert request == own.model_copy(update={"judge": request.judge})
    assert own.judge.config().mode == request.judge.mode


def test_options_override_the_profile(lake: Lake) -> None:
    options = {"k": 3, "problems": [5], "sampling": {"temperature": 0.5, "max_tokens": None}}
    run_id, request = resolve(lake, None, options)
    assert (request.k, request.problems, request.sampling.temperature) == (3, (5,), 0.5)
    assert request.sampling.max_tokens == load_profile("demo")["sampling"]["max_tokens"]
    assert run_id.startswith("demo-")


def test_a_run_goes_on_with_its_own_settings(lake: Lake) -> None:
    _, first = resolve(lake, "mine", {"k": 4, "problems": [5, 12], "seed": 7})
    record(lake, "mine", first)
    run_id, again = resolve(lake, "mine", {})
    assert (run_id, again) == ("mine", first)


def test_k_and_problems_grow_and_never_shrink(lake: Lake) -> None:
    _, first = resolve(lake, "mine", {"k": 4, "problems": [5, 12]})
    record(lake, "mine", first)
    _, larger = resolve(lake, "mine", {"k": 8, "problems": [30]})
    assert (larger.k, larger.problems) == (8, (5, 12, 30))
    _, smaller = resolve(lake, "mine", {"k": 2})
    assert smaller.k == 4


def test_a_suite_of_ones_own_has_no_problems_of_the_profiles(lake: Lake, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}_p.py").write_text("class Model: ...")
    _, request = resolve(lake, None, {"suite": f"dir:{tmp_path}"})
    assert [one.problem_id for one in request.selected()] == [1, 2]
    _, narrow = resolve(lake, None, {"suite": f"dir:{tmp_path}", "problems": [2]})
    assert [one.problem_id for one in narrow.selected()] == [2]
    _, profile = resolve(lake, None, {"suite": "embedded#level=1"})
    assert profile.problems == resolve(lake, None, {})[1].problems


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"policy": "instant"}, {"sampling": {"temperature": 0.1}}],
    ids=["seed", "policy", "sampling"],
)
def test_a_run_keeps_its_identity(lake: Lake, change: dict[str, object]) -> None:
    _, first = resolve(lake, "mine", {"k": 4})
    record(lake, "mine", first)
    with pytest.raises(RequestError, match="choose another --run"):
        resolve(lake, "mine", change)


def test_a_policy_that_draws_nothing_begins_no_run(lake: Lake) -> None:
    with pytest.raises(RequestError, match="draws nothing"):
        resolve(lake, "fresh", {"policy": "imported:aaaaaaaaaaaa"})


def test_an_imported_run_cannot_be_swept(lake: Lake) -> None:
    _, request = resolve(lake, None, {})
    record(lake, "theirs", request, kind="import")
    with pytest.raises(RequestError, match="imported"):
        resolve(lake, "theirs", {})


def test_a_profile_of_ones_own(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('suite = "embedded"\npolicy = "instant"\nk = 2\n')
    _, request = resolve(lake, None, {"profile": str(path)})
    assert (request.policy, request.k) == ("instant", 2)
    assert fresh_run_id(request).startswith("mine-")


@pytest.mark.parametrize("text", ["k = ", "k = 2\nsuite = 'embedded'\npolicy = 'x'\nspeed = 3\n"])
def test_a_profile_that_is_wrong(lake: Lake, tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RequestError):
        resolve(lake, None, {"profile": str(path)})


def latest(lake: Lake) -> list[dict[str, object]]:
    rows = lake.sql("SELECT harness_id, config FROM runs_latest", ["mine"]).to_pylist()
    return [row | {"config": SweepRequest.model_validate_json(row["config"])} for row in rows]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"timeout_s": 60.0}, {"timeout_s": 20.0}),
        ({"mode": "full"}, {"mode": "fast"}),
        ({"protocol": "trusted"}, {"protocol": "kernelbench"}),
        ({"baseline": "eager"}, {"baseline": "compile"}),
    ],
)
def test_back_to_earlier_settings_is_what_was_asked_last(
    lake: Lake, first: dict[str, object], second: dict[str, object]
) -> None:
    for judge in (first, second, first, first):
        _, request = resolve(lake, "mine", {"k": 1, "judge": judge})
        record_run(lake, "mine", request, "p-1", ())
        assert latest(lake) == [{"harness_id": request.harness_id, "config": request}]
        assert resolve(lake, "mine", {})[1] == request
    assert len(lake.sql("SELECT * FROM runs")) == 3


def test_a_judged_run_is_not_taken_for_a_yardstick(lake: Lake) -> None:
    _, request = resolve(lake, "mine", {"k": 1})
    record_run(lake, "mine", request, "p-1", ())
    with pytest.raises(RequestError, match=r"run 'mine' is judged on cpu.*--device cpu") as refused:
        resolve(lake, "mine", {"judge": {"device": "none"}})
    assert "\n" not in str(refused.value)


def test_a_yardsticks_run_is_judged_for_real_and_never_goes_back(lake: Lake) -> None:
    for device in ("none", "none", "cpu"):
        _, request = resolve(lake, "mine", {"k": 1, "judge": {"device": device}})
        record_run(lake, "mine", request, "p-1", ())
    with pytest.raises(RequestError, match="--device cpu"):
        resolve(lake, "mine", {"judge": {"device": "none"}})
    assert resolve(lake, "mine", {})[1].judge.device == "cpu"


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 640),
        ({"policy": "embedded#lora=somewhere"}, 640),
        ({"policy": "openai:m@http://localhost:1/v1"}, 8192),
        ({"policy": "openai:m@http://localhost:1/v1", "sampling": {"max_tokens": 100}}, 100),
        ({"policy": "vllm:m"}, 8192),
        ({"policy": "transformers:m"}, 4096),
        ({"policy": "embedded", "profile": "gpu-small", "judge": {"device": "cpu"}}, 4096),
    ],
)
def test_a_policy_brings_its_own_limit_of_tokens(
    lake: Lake, options: dict[str, object], limit: int
) -> None:
    _, request = resolve(lake, None, options)
    assert request.sampling.max_tokens == limit
