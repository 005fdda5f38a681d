"""Free judges go to the problem they hold, then to whoever waits."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.errors import NoJudgeError
from tasks.evaluate.desk import Desk


def test_a_judge_that_holds_the_problem_comes_first() -> None:
    desk = Desk(["one", "two"], grace_s=60.0)
    first, second = desk.take("a"), desk.take("b")
    desk.give_back(first, "a")
    desk.give_back(second, "b")
    assert desk.take("b") == second
    assert desk.take("a") == first


def test_another_problem_has_it_in_the_end() -> None:
    desk = Desk(["one"], grace_s=0.3)
    desk.give_back(desk.take("a"), "a")
    assert desk.take("b") == "one"


def test_who_comes_late_with_the_same_problem_overtakes() -> None:
    desk = Desk(["one"], grace_s=30.0)
    with ThreadPoolExecutor() as threads:
        judge = desk.take("a")
        other = threads.submit(desk.take, "b")
        desk.give_back(judge, "a")
        assert desk.take("a") == judge
        assert not other.done()
        desk.give_back(judge, "b")  # as if it had turned to the other problem
        assert other.result(10) == judge


@pytest.mark.parametrize("grace_s", [0.0, 0.01])
def test_all_are_served(grace_s: float) -> None:
    desk = Desk(range(3), grace_s)

    def one(number: int) -> int:
        judge = desk.take(f"problem {number % 5}")
        desk.give_back(judge, f"problem {number % 5}")
        return judge

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(one, range(200))) <= {0, 1, 2}
    assert {desk.take("x"), desk.take("y"), desk.take("z")} == {0, 1, 2}


def test_a_dead_judge_is_not_handed_out_and_comes_back() -> None:
    desk = Desk(["one", "two"], grace_s=0.0)
    dead = desk.take("a")
    desk.leave(dead, "killed")
    other = desk.take("a")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(desk.take, "a")
        desk.enter(dead, None)
        assert waiting.result(10) == dead
    assert other != dead


def test_without_any_judge_waiting_has_an_end() -> None:
    desk = Desk(["one"], grace_s=0.0, without_s=0.2)
    desk.leave(desk.take("a"), "killed")
    with pytest.raises(NoJudgeError, match="no judge could be had for 0 s: killed"):
        desk.take("a")
    desk.failed("its node is gone")
    with pytest.raises(NoJudgeError, match="its node is gone"):
        desk.take("a")
    desk.enter("one", None)
    assert desk.take("a") == "one"


def test_a_busy_judge_is_waited_for_however_long() -> None:
    desk = Desk(["one"], grace_s=0.0, without_s=0.0)
    judge = desk.take("a")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(desk.take, "b")
        desk.give_back(judge, "a")
        assert waiting.result(10) == judge


def test_a_problem_stays_on_its_hardware_while_that_lives() -> None:
    told: list[tuple[str, str]] = []
    desk: Desk[str] = Desk((), 0.0, mixed=lambda before, now: told.append((before, now)))
    desk.enter("old", "A")
    assert desk.take("a") == "old"
    desk.enter("new", "B")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(desk.take, "a")
        assert desk.take("b") == "new"  # so the first one waits, though it was free
        assert not waiting.done()
        desk.give_back("old", "a")
        assert waiting.result(10) == "old"
    assert told == []
    desk.give_back("new", "b")
    desk.leave("old", "killed")
    assert desk.take("a") == "new"
    assert told == [("A", "B")]


def test_nobody_waits_at_a_closed_desk() -> None:
    desk = Desk(["one"], grace_s=0.0)
    desk.take("a")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(desk.take, "a")
        desk.close()
        with pytest.raises(NoJudgeError, match="ended"):
            waiting.result(10)


def test_a_judge_is_taken_away_once_it_is_free_and_nobody_gets_it_meanwhile() -> None:
    desk = Desk(["one"], grace_s=0.0)
    judge = desk.take("a")
    with ThreadPoolExecutor() as threads:
        gone = threads.submit(desk.withdraw, judge, "for a trainer")
        desk.give_back(judge, "a")
        gone.result(10)
        waits = threads.submit(desk.take, "a")
        with pytest.raises(TimeoutError):
            waits.result(0.2)
        desk.enter(judge, None)
        assert waits.result(10) == judge


def test_who_takes_a_judge_away_does_not_wait_for_ever() -> None:
    desk = Desk(["one"], grace_s=0.0, without_s=0.1)
    desk.take("a")
    with pytest.raises(NoJudgeError, match="did not come free"):
        desk.withdraw("one", "for a trainer")
