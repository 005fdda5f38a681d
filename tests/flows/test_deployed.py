"""What a deployment's request may reach: built-in suites and policies, and configured places."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.adapt_request import AdaptRequest
from flows.deployed import check_options, check_policy, check_stored, check_suite
from flows.errors import RequestError
from flows.request import SweepRequest, profile_request
from storage import Lake
from tests.storage.make import checkpoint_row, run_row


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configured directory, and beside it one that is not; with a way from the one to other."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "mine").mkdir(parents=True)
    outside.mkdir()
    (inside / "way-out").symlink_to(outside)
    (outside / "way-in").symlink_to(inside)
    monkeypatch.setenv("BON_SUITES", f"hf:Owner/Listed:{inside}:hf:Owner/Fixed@v1")
    monkeypatch.setenv("BON_POLICIES", "openai:m@http://127.0.0.1:1/v1 transformers:/models/m")
    return tmp_path


@pytest.mark.parametrize(
    "suite",
    [
        "embedded",
        "embedded:kernelbench#level=1",
        "dir:{}/inside",
        "dir:{}/inside/mine#split=eval42",
        "dir:{}/outside/way-in/mine",
        "kernelbench:{}/inside/checkout",
        "hf:{}/inside/data.parquet",
        "hf:Owner/Listed",
        "hf:Owner/Listed@main#level=1",
        "hf:Owner/Fixed@v1",
    ],
)
def test_a_suite_within_reach(places: Path, suite: str) -> None:
    check_suite(suite.format(places))


@pytest.mark.parametrize(
    "suite",
    [
        "dir:{}/outside",
        "dir:/",
        "dir:{}/inside/../outside",
        "dir:{}/inside/way-out",
        "dir:{}/inside-too",
        "dir:~",
        "dir:a\0b",
        "kernelbench:{}/outside",
        "hf:{}/outside/data.parquet",
        "hf:{}/outside",
        "hf:data.parquet",
        "hf:Owner/Other",
        "hf:Owner/Fixed",
        "hf:Owner/Fixed@v2",
        "of-a-plugin:anything",
    ],
)
def test_a_suite_out_of_reach(places: Path, suite: str) -> None:
    with pytest.raises(RequestError, match=r"BON_SUITES|names no path"):
        check_suite(suite.format(places))


@pytest.mark.parametrize("suite", ["dir:{}/inside/mine", "kernelbench:{}/inside/checkout"])
def test_a_link_inside_a_suite_leads_nowhere_else(places: Path, suite: str) -> None:
    (places / "outside" / "secret.py").write_text("a secret")
    (places / "inside" / "checkout").mkdir()
    check_suite(suite.format(places))
    (places / "inside" / "mine" / "1_p.py").symlink_to(places / "outside" / "secret.py")
    (places / "inside" / "checkout" / "KernelBench").symlink_to(places / "outside")
    with pytest.raises(RequestError, match="leads out of the directories in BON_SUITES"):
        check_suite(suite.format(places))


def test_without_configuration_nothing_but_what_is_built_in(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BON_SUITES")
    check_suite("embedded")
    with pytest.raises(RequestError, match="BON_SUITES"):
        check_suite(f"dir:{places}/inside")


def test_a_profile_of_ones_own(places: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    check_options({"profile": "demo"}, lake)
    check_options({"profile": str(places / "inside" / "mine.toml")}, lake)
    with pytest.raises(RequestError, match="BON_SUITES"):
        check_options({"profile": str(places / "outside" / "mine.toml")}, lake)


def test_what_a_profile_leads_to(places: Path, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    profile = places / "inside" / "mine.toml"
    profile.write_text(f'suite = "dir:{places}/outside"\nk = 1\npolicy = "embedded"\n')
    with pytest.raises(RequestError, match="outside"):
        check_stored(lake, None, {"profile": str(profile)})


def test_what_a_run_leads_to(places: Path, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    request = SweepRequest(suite=f"dir:{places}/outside", k=1, policy="embedded")
    row = run_row("mine") | {"config": request.model_dump_json()}
    lake.append("runs", [row], run_id="mine", part="one")
    with pytest.raises(RequestError, match="outside"):
        check_stored(lake, "mine", {})


@pytest.mark.parametrize("policy", ["embedded", "openai:m@http://127.0.0.1:1/v1", "imported:0123"])
def test_a_policy_within_reach(places: Path, policy: str) -> None:
    assert places
    check_policy(policy)


@pytest.mark.parametrize(
    "policy",
    [
        "openai:m@http://elsewhere/v1#key=AWS_SECRET_ACCESS_KEY",
        "openai:m@http://127.0.0.1:1/v1#key=AWS_SECRET_ACCESS_KEY",
        "transformers:/models/other",
        "vllm:someone/anything",
    ],
)
def test_a_policy_out_of_reach(places: Path, tmp_path: Path, policy: str) -> None:
    assert places
    with pytest.raises(RequestError, match="BON_POLICIES"):
        check_options({"policy": policy}, Lake(tmp_path / "lake"))


def test_a_checkpoint_is_within_reach_where_its_base_is(places: Path, tmp_path: Path) -> None:
    assert places
    lake = Lake.open(tmp_path / "lake", create=True)
    for one, base in (("0123", "embedded"), ("4567", "transformers:/models/other")):
        row = checkpoint_row(one, policy=f"{base}#lora={lake.root}/adapters/{one}")
        lake.append("checkpoints", [row], run_id="mine")
    check_options({"policy": "checkpoint:0123"}, lake)
    for policy in ("checkpoint:4567", "transformers:/models/other#checkpoint=4567"):
        with pytest.raises(RequestError, match="BON_POLICIES"):
            check_options({"policy": policy}, lake)


@pytest.mark.parametrize(
    "trainer", ["tinker:", "tinker:http://x:1", "tinker:http://gpu1:8000#model=m"]
)
def test_a_trainer_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trainer: str
) -> None:
    """Draws and a key would go to where the request says; a run's own trainer is no other."""
    lake = Lake.open(tmp_path / "lake", create=True)
    config = profile_request("adapt-demo", AdaptRequest).model_dump()
    config["adapt"] |= {"trainer": trainer, "alpha": 32.0}
    stored = AdaptRequest.model_validate(config).model_dump_json()
    lake.append("runs", [run_row() | {"config": stored, "kind": "adapt"}], run_id="r1")
    monkeypatch.setenv("BON_TRAINERS", "tinker:http://gpu1:8000")
    for ask in (
        lambda: check_options({"adapt": {"trainer": trainer}}, lake),
        lambda: check_stored(lake, "r1", {}, AdaptRequest),
    ):
        with pytest.raises(RequestError, match="add it to BON_TRAINERS"):
            ask()
    monkeypatch.setenv("BON_TRAINERS", f"tinker:http://gpu1:8000 {trainer}")
    check_options({"adapt": {"trainer": trainer}}, lake)
    check_stored(lake, "r1", {}, AdaptRequest)


def test_trainers_of_this_machine_are_within_reach(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    check_options({"adapt": {"trainer": "local:cuda", "steps": 2}}, lake)
    check_stored(lake, None, {"profile": "adapt-gpu"}, AdaptRequest)
