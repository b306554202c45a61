"""One exchange at a time, people first, and no turn is ever lost."""

import asyncio
import contextlib
import random

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.links.turns import Priority, Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_waiters_are_served_by_priority_then_by_arrival() -> None:
    turns = Turns()
    served: list[str] = []

    async def use(name: str, priority: Priority) -> None:
        async with turns.turn(priority):
            served.append(name)

    async with turns.turn(Priority.POLL):
        tasks = []
        for name, priority in [
            ("poll 1", Priority.POLL),
            ("poll 2", Priority.POLL),
            ("control 1", Priority.CONTROL),
            ("person 1", Priority.PERSON),
            ("poll 3", Priority.POLL),
            ("person 2", Priority.PERSON),
        ]:
            tasks.append(asyncio.create_task(use(name, priority)))
            await settle()
        assert served == []
    await asyncio.gather(*tasks)
    assert served == ["person 1", "person 2", "control 1", "poll 1", "poll 2", "poll 3"]


async def test_an_error_inside_the_turn_passes_it_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broken"):
        async with turns.turn(Priority.POLL):
            raise ValueError("broken")
    async with asyncio.timeout(5), turns.turn(Priority.POLL):
        pass


async def test_cancelled_while_waiting() -> None:
    turns = Turns()
    async with turns.turn(Priority.POLL):
        waiting = asyncio.create_task(take(turns))
        await settle()
        waiting.cancel()
        await settle()
    assert waiting.cancelled()
    await asyncio.wait_for(take(turns), 5)


async def test_cancelled_in_the_moment_when_the_turn_is_given() -> None:
    turns = Turns()
    async with turns.turn(Priority.POLL):
        first, second = asyncio.create_task(take(turns)), asyncio.create_task(take(turns))
        await settle()
    # The first has the turn now but has not run yet.
    first.cancel()
    await asyncio.wait_for(second, 5)
    assert first.cancelled()
    await asyncio.wait_for(take(turns), 5)


async def take(turns: Turns) -> None:
    async with turns.turn(Priority.POLL):
        await asyncio.sleep(0)


@given(seed=st.integers(0, 2**32), people=st.integers(1, 25))
@settings(max_examples=150, deadline=None)
def test_no_cancellation_loses_the_turn(seed: int, people: int) -> None:
    asyncio.run(_stress(random.Random(seed), people))


async def _stress(chance: random.Random, people: int) -> None:
    turns = Turns()
    inside = 0
    done = 0

    async def use(priority: Priority) -> None:
        nonlocal inside, done
        async with turns.turn(priority):
            inside += 1
            assert inside == 1
            try:
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
            done += 1

    tasks = [asyncio.create_task(use(chance.choice(list(Priority)))) for _ in range(people)]
    cancelled = 0
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        if chance.random() < 0.4:
            task = chance.choice(tasks)
            cancelled += task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert done >= people - cancelled
    # Free again, and nobody is left behind.
    async with asyncio.timeout(5), turns.turn(Priority.POLL):
        pass
    assert turns._waiting == []
    assert not turns._busy


async def test_a_turn_whose_waiter_timed_out_goes_to_the_next() -> None:
    turns = Turns()
    async with turns.turn(Priority.POLL):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await take(turns)
        waiting = asyncio.create_task(take(turns))
        await settle()
    await asyncio.wait_for(waiting, 5)
