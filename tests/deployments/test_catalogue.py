"""No entry of the catalogue can rot: each is imported, and each fits its flow's parameters."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
import yaml

from deployments.catalogue import Entry, catalogue
from flows.profiles import profile_names

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
    assert {"bon-sweep/default", "nightly/default"} <= set(names)
    assert {f"bon-sweep/{name}" for name in profile_names() if name != "demo"} <= set(names)


def test_prefect_yaml_names_the_same_deployments() -> None:
    from importlib.resources import files

    document = yaml.safe_load(files("deployments").joinpath("prefect.yaml").read_text("utf-8"))
    listed = {
        (entry["entrypoint"], entry["name"], (entry.get("schedules") or [{}])[0].get("cron"))
        for entry in document["deployments"]
    }
    wanted = set()
    for entry in ENTRIES:
        path = entry.flow.fn.__module__.replace(".", "/")
        wanted.add((f"{path}.py:{entry.flow.fn.__name__}", entry.name, entry.cron))
    assert listed == wanted
