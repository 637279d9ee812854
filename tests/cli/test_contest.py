"""Several ways timed in turns: who runs how often, who is stopped, who fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pilot_quantum.cli.contest import MORE, NOT_BEFORE, STOP_AT, Contender, contest


class Scripted:
    """A contender whose runs take what a script says, the last of it for ever; stopped at the limit as a real one."""

    def __init__(self, log: list[str], name: str, *seconds: float, value: float = 1.0) -> None:
        self.log, self.name, self.value = log, name, value
        self._seconds: Iterator[float] = iter(seconds)
        self._last = 0.0
        self.limits: list[float] = []

    def __call__(self, limit: float) -> tuple[float, float]:
        self.log.append(self.name)
        self.limits.append(limit)
        self._last = next(self._seconds, self._last)
        if self._last > limit:
            raise TimeoutError
        return self._last, self.value


@pytest.fixture
def log() -> list[str]:
    return []


def contender(log: list[str], name: str, *seconds: float, value: float = 1.0) -> Contender:
    return Contender(name, Scripted(log, name, *seconds, value=value))


def test_rounds_are_interleaved_after_a_rehearsal_that_does_not_count(log):
    one, other = contender(log, "one", 0.2, 0.1), contender(log, "other", 0.24)
    contest([one, other], rounds=2)
    assert log[:6] == ["one", "other"] * 3
    assert one.seconds[:2] == [0.1, 0.1]


def test_a_first_run_so_long_that_no_rehearsal_matters_counts(log):
    first, long = contender(log, "first", 0.3), contender(log, "long", 0.3)
    contest([first, long], rounds=2)
    assert (len(first.seconds), log.count("first")) == (2, 3)  # before it nothing was known to be warm
    assert (len(long.seconds), log.count("long")) == (2, 2)


def test_short_and_close_contenders_get_more_rounds(log):
    one, far = contender(log, "one", 0.001), contender(log, "far", 0.01)
    contest([one, far], rounds=3)
    assert len(one.seconds) == 3 * MORE
    assert len(far.seconds) == 3  # 0.03 s


def test_every_worker_has_its_rehearsal(log):
    one = contender(log, "one", 0.2)
    contest([one], rounds=1, rehearsals=3)
    assert log.count("one") - len(one.seconds) == 3


def test_one_that_takes_five_times_the_best_and_two_seconds_is_stopped_and_never_run_again(log):
    quick, slow = contender(log, "quick", 0.1), contender(log, "slow", 50.0)
    stops: list[str] = []
    contest([quick, slow], rounds=3, after_stop=lambda: stops.append("stop"))
    assert slow.stopped == NOT_BEFORE
    assert slow.seconds == []
    assert log.count("slow") == 1
    assert stops == ["stop"]


def test_the_limit_rises_with_the_best(log):
    best, other = contender(log, "best", 1.0), contender(log, "other", 4.0)
    contest([best, other], rounds=2)
    assert other.run.limits == [STOP_AT] * 2
    assert other.seconds == [4.0, 4.0]


def test_one_far_from_the_best_may_be_given_as_many_rounds(log):
    best, far = contender(log, "best", 0.01), contender(log, "far", 0.03)
    contest([best, far], rounds=2)
    few = len(far.seconds)
    best, far = contender(log, "best", 0.01), contender(log, "far", 0.03)
    contest([best, far], rounds=2, seconds=0.25)
    assert few == 2
    assert len(far.seconds) == 9


def test_a_hopeless_one_is_not_repeated_for_longer_than_a_second(log):
    best, hopeless = contender(log, "best", 0.1), contender(log, "hopeless", 0.75)
    contest([best, hopeless], rounds=5)
    assert hopeless.seconds == [0.75, 0.75]
    assert len(best.seconds) >= 5


def test_one_that_fails_is_noted_and_the_others_go_on(log):
    def broken(limit: float) -> tuple[float, float]:
        raise ValueError("no such gate")

    one, bad = contender(log, "one", 0.1), Contender("bad", broken)
    contest([bad, one], rounds=3)
    assert bad.failed == "ValueError: no such gate"
    assert len(one.seconds) >= 3


def test_ctrl_c_is_no_failure_of_a_contender(log):
    def interrupted(limit: float) -> tuple[float, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contest([Contender("one", interrupted)], rounds=1)
