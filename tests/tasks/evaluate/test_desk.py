"""Free judges go to the problem they hold, then to whoever waits."""

from concurrent.futures import ThreadPoolExecutor

import pytest

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
