"""Judges on one machine never have the same part of its cores."""

from __future__ import annotations

import pytest

from tasks.evaluate.stations import NoStationError, Stations

HERE = ("this kernel", frozenset({0, 1}))
THERE = ("another kernel", frozenset({0, 1}))


def test_each_has_its_own_and_a_successor_has_that_of_the_dead() -> None:
    stations = Stations()
    stations.expect([HERE, HERE, THERE])
    assert stations.take("a", HERE) == (0, 2)
    assert stations.take("b", HERE) == (1, 2)
    assert stations.take("c", THERE) is None  # alone: all cores are its own
    stations.leave("a")
    assert stations.take("a again", HERE) == (0, 2)


def test_a_machine_whose_cores_are_given_away_takes_no_other() -> None:
    stations = Stations()
    stations.expect([HERE, THERE])
    stations.take("a", HERE)
    stations.take("b", THERE)
    with pytest.raises(NoStationError, match="1 judges time on the cores"):
        stations.take("b", HERE)
    stations.leave("a")
    assert stations.take("b", HERE) is None


def test_a_machine_that_joins_has_room_for_its_gpus() -> None:
    stations = Stations()
    assert stations.take("a", HERE, room=4) == (0, 4)
    assert stations.take("b", HERE, room=4) == (1, 4)
