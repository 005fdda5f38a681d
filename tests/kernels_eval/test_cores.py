"""Which cores time: nobody else's, and no second thread of somebody else's."""

from __future__ import annotations

import pytest

from kernels_eval import RequestError
from kernels_eval.timing.cores import VARIABLE, choose_cores, parse_cores, share


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def two_threads(core: int) -> tuple[int, int]:
    """32 processors on 16 physical cores, numbered as Linux usually does."""
    return 0, core % 16


def physical(cores: tuple[int, ...]) -> set[int]:
    return {core % 16 for core in cores}


def test_a_list_of_cores() -> None:
    assert parse_cores("1,3-5") == (1, 3, 4, 5)
    with pytest.raises(RequestError, match="list of cores"):
        parse_cores("one")


def test_only_cores_of_this_process() -> None:
    with pytest.raises(RequestError, match="may use"):
        choose_cores((4096,))
    chosen = choose_cores(None)
    assert chosen.timing
    assert chosen.side


@pytest.mark.parametrize("wanted", [None, (3,), (3, 19)])
@pytest.mark.parametrize("gpu", [False, True])
def test_no_physical_core_is_on_both_sides(gpu: bool, wanted: tuple[int, ...] | None) -> None:
    chosen = choose_cores(wanted, gpu=gpu, allowed=range(32), place=two_threads)
    assert chosen.side
    assert not physical(chosen.timing) & physical(chosen.side)


def test_few_cores_launch_to_a_gpu_and_their_second_threads_rest() -> None:
    chosen = choose_cores(None, gpu=True, allowed=range(32), place=two_threads)
    assert chosen.timing == (28, 29, 30, 31)
    assert chosen.side == (*range(12), *range(16, 28))
    chosen = choose_cores(None, gpu=True, allowed=range(96), place=lambda core: (0, core))
    assert len(chosen.timing) == 4


def test_a_second_thread_is_better_than_no_other_core() -> None:
    chosen = choose_cores(None, gpu=True, allowed=(0, 16), place=two_threads)
    assert (chosen.timing, chosen.side) == ((16,), (0,))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_judges_of_one_machine_share_nothing(count: int) -> None:
    shares = [share(index, count, allowed=range(32), place=two_threads) for index in range(count)]
    cores = [core for one in shares for core in (*one.timing, *one.side)]
    assert len(cores) == len(set(cores))
    for one in shares:
        others = [core for other in shares if other is not one for core in other.timing]
        assert not set(others) & {*one.timing, *one.side}
    if count in (1, 2, 8):  # the others cannot be divided so
        timing = [physical(one.timing) for one in shares]
        assert sum(map(len, timing)) == len(set().union(*timing))


def test_judges_without_gpus_time_on_half_of_their_share() -> None:
    shares = [
        share(index, 2, gpu=False, allowed=range(8), place=lambda core: (0, core))
        for index in range(2)
    ]
    assert [one.timing for one in shares] == [(2, 3), (6, 7)]
    assert [one.side for one in shares] == [(0, 1), (4, 5)]


def test_named_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "6,7")
    shares = [share(index, 2, allowed=range(8), place=lambda core: (0, core)) for index in range(2)]
    assert [one.timing for one in shares] == [(6,), (7,)]
    assert [one.side for one in shares] == [(0, 1, 2), (3, 4, 5)]


def test_too_few_cores_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="4 judges cannot share 2 cores"):
        share(0, 4, allowed=(0, 1))
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(RequestError, match="2 judges cannot share 1 cores"):
        share(0, 2, allowed=range(8), place=lambda core: (0, core))
