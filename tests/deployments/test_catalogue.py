"""No entry of the catalogue can rot: each is imported, and each fits its flow's parameters."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
import yaml

from deployments.catalogue import Entry, catalogue
from flows.errors import RequestError
from flows.profiles import profiles_of

ENTRIES = catalogue()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.full_name)
def test_an_entry_fits_its_flow(entry: Entry) -> None:
    module, _, name = entry.entrypoint.rpartition(".")
    assert getattr(import_module(module), name) is entry.flow
    assert set(entry.parameters) <= set(inspect.signature(entry.flow.fn).parameters)
    assert entry.flow.validate_parameters(entry.parameters) is not None


def test_the_contract_names() -> None:
    names = [entry.full_name for entry in ENTRIES]
    assert len(names) == len(set(names))
    assert {"bon-sweep/default", "bon-adapt/default", "bon-train/default"} <= set(names)
    assert "nightly/default" in names
    sweeps, adaptations = profiles_of("sweep"), profiles_of("adapt")
    assert {f"bon-sweep/{name}" for name in sweeps if name != "demo"} <= set(names)
    assert {f"bon-adapt/{name}" for name in adaptations if name != "adapt-demo"} <= set(names)


def test_prefect_yaml_names_the_same_deployments() -> None:
    from importlib.resources import files

    document = yaml.safe_load(files("deployments").joinpath("prefect.yaml").read_text("utf-8"))
    listed = {}
    for entry in document["deployments"]:
        schedule = (entry.get("schedules") or [{}])[0]
        when = (schedule.get("cron"), schedule.get("timezone"))
        listed[entry["entrypoint"], entry["name"]] = (when, entry.get("parameters"))
    wanted = {}
    for one in ENTRIES:
        path = one.flow.fn.__module__.replace(".", "/")
        when = (one.cron, one.timezone if one.cron else None)
        wanted[f"{path}.py:{one.flow.fn.__name__}", one.name] = (when, one.parameters)
    assert listed == wanted


def test_the_time_zone_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BON_TIMEZONE", "Asia/Tokyo")
    (night,) = [entry for entry in catalogue() if entry.cron]
    assert night.timezone == night.parameters["timezone"] == "Asia/Tokyo"


def test_a_time_zone_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        monkeypatch.setenv("BON_TIMEZONE", name)
        with pytest.raises(RequestError, match="time zone"):
            catalogue()
