"""Waiting longer after every failure."""

from itertools import pairwise

import pytest

from custom_components.local_solar.solarlink.errors import LinkError, NoAnswerError
from custom_components.local_solar.solarlink.links.backoff import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def wait_after(backoff: Backoff, clock: Clock) -> float:
    """Seconds until the next try is allowed, to a hundredth."""
    start = clock.now
    while backoff.waiting:
        clock.now += 0.01
    return clock.now - start


def test_no_wait_before_the_first_failure() -> None:
    assert not Backoff().waiting
    assert not Backoff(clock=lambda: 0.0).waiting


def test_waits_double_up_to_the_longest_with_a_fifth_of_jitter() -> None:
    for _ in range(20):
        clock = Clock()
        backoff = Backoff(1.0, 10.0, clock=clock)
        for expected in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
            backoff.failed()
            assert 0.8 * expected <= wait_after(backoff, clock) <= 1.2 * expected + 0.02


def test_two_links_do_not_wait_in_step() -> None:
    waits = []
    for _ in range(20):
        clock = Clock()
        backoff = Backoff(10.0, 60.0, clock=clock)
        backoff.failed()
        waits.append(wait_after(backoff, clock))
    assert any(abs(one - other) > 0.05 for one, other in pairwise(waits))


def test_success_forgets_all_failures() -> None:
    clock = Clock()
    backoff = Backoff(1.0, 60.0, clock=clock)
    for _ in range(5):
        backoff.failed()
    backoff.succeeded()
    assert not backoff.waiting
    backoff.failed()
    assert wait_after(backoff, clock) <= 1.22


def test_the_jitter_may_be_smaller_and_the_rest_of_the_wait_is_told() -> None:
    for _ in range(20):
        clock = Clock()
        backoff = Backoff(10.0, 300.0, jitter=0.1, clock=clock)
        assert backoff.left == 0.0
        backoff.failed()
        assert 9.0 <= backoff.left <= 11.0
        clock.now += 5.0
        assert 4.0 <= backoff.left <= 6.0
        clock.now += 60.0
        assert backoff.left == 0.0
        backoff.failed()
        backoff.succeeded()
        assert backoff.left == 0.0


def test_the_last_error_is_raised_again_until_the_next_try_is_due() -> None:
    clock = Clock()
    backoff = Backoff(10.0, 60.0, jitter=0.0, clock=clock)
    backoff.check()
    first = LinkError(address="192.0.2.7", reason="no answer")
    backoff.failed(first)
    with pytest.raises(LinkError) as raised:
        backoff.check()
    assert raised.value is first
    clock.now += 11.0
    backoff.check()
    backoff.failed(NoAnswerError(device="The box", seconds=5.0))
    with pytest.raises(NoAnswerError):
        backoff.check()
    backoff.succeeded()
    backoff.check()


def test_failures_are_counted_in_a_row() -> None:
    backoff = Backoff()
    assert backoff.failures == 0
    backoff.failed()
    backoff.failed()
    assert backoff.failures == 2
    backoff.succeeded()
    assert backoff.failures == 0
