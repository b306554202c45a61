"""Core and supervisor together, in a small house: what the loss table promises, and that the cap always holds."""

from dataclasses import replace

import pytest

from custom_components.local_solar.solarlink.control.feed_in_loop import Surroundings
from custom_components.local_solar.solarlink.control.feed_in_modes import Mode
from custom_components.local_solar.solarlink.control.feed_in_supervisor import SupervisorSettings, Work
from custom_components.local_solar.solarlink.control.feed_in_usable import Usable

from .feed_in_house import SmallHouse


def work_of(house: SmallHouse) -> Work:
    assert house.loop.orders is not None
    return house.loop.orders.work


def usable_of(house: SmallHouse, serial: str) -> Usable:
    assert house.loop.orders is not None
    return next(each.reason for each in house.loop.orders.inverters if each.serial == serial)


def settled(load: float = 300.0, **more: object) -> SmallHouse:
    house = SmallHouse(load, **more)  # type: ignore[arg-type]
    house.run(90.0)
    return house


def test_the_grid_power_comes_to_its_target() -> None:
    house = settled(300.0)
    assert work_of(house) is Work.CONTROLLING
    assert abs(house.grid - 20.0) <= 20.0
    house.load = 500.0
    house.run(30.0)
    assert abs(house.grid - 20.0) <= 20.0
    house.load = 120.0
    house.run(30.0)
    assert abs(house.grid - 20.0) <= 20.0


def test_it_sends_little_while_nothing_changes() -> None:
    house = settled(300.0)
    before = len(house.sent)
    house.run(600.0)
    assert len(house.sent) - before <= 2


def test_nothing_is_commanded_before_meter_and_gateway_have_told_something() -> None:
    house = SmallHouse(300.0)
    house.metered = False
    house.run(60.0)
    assert house.sent == []
    house = SmallHouse(300.0)
    house.pictured = False
    house.run(60.0)
    assert house.sent == []


def test_the_reported_limits_are_adopted_without_a_jump() -> None:
    """Home Assistant starts while the inverters give just what the house needs."""
    house = SmallHouse(100.0, {"A": 400.0, "B": 400.0})
    house.run(60.0)
    assert house.sent == []
    assert work_of(house) is Work.CONTROLLING


def test_the_cap_holds_while_one_inverter_has_not_come_down() -> None:
    house = settled(2000.0, supervisor=SupervisorSettings(user_cap_w=400.0), inverters={"A": 400.0, "B": 400.0})
    assert house.given == pytest.approx(400.0, abs=8.0)
    house.highest_sum = 0.0
    # One inverter is lowered because it is hot, does not confirm, and the other would have to make up for it.
    house.confirms = False
    house.micros[0].temperature = 60.0
    house.run(120.0)
    assert house.highest_sum <= 408.0
    commanded = {each.serial: each.limit for each in house.micros}
    assert sum(commanded.values()) * 4.0 <= 408.0


def test_other_producers_lower_the_cap_and_unknown_ones_count() -> None:
    house = settled(2000.0)
    house.loop.surroundings = replace(house.loop.surroundings, others_configured=True, others_w=300.0)
    house.run(60.0)
    assert house.given == pytest.approx(500.0, abs=8.0)
    house.loop.surroundings = replace(house.loop.surroundings, others_w=None)
    house.run(60.0)
    assert house.given == pytest.approx(300.0, abs=8.0)


def test_without_the_meter_the_sum_is_ramped_down_and_comes_back() -> None:
    house = settled(600.0)
    assert house.given > 500.0
    house.metered = False
    house.run(25.0)
    assert house.given > 500.0
    house.run(60.0)
    assert house.given == pytest.approx(16.0, abs=3.0)
    assert work_of(house) is Work.METER_LOST
    house.metered = True
    house.run(60.0)
    assert abs(house.grid - 20.0) <= 20.0


def test_a_lost_gateway_is_told_and_nothing_is_sent_until_it_is_back() -> None:
    house = settled(300.0)
    house.pictured = False
    house.run(40.0)
    assert work_of(house) is Work.DTU_LOST
    before = len(house.sent)
    house.run(200.0)
    assert len(house.sent) == before
    house.pictured = True
    house.run(60.0)
    assert work_of(house) is Work.CONTROLLING
    house.load = 200.0
    house.run(30.0)
    assert abs(house.grid - 20.0) <= 20.0


def test_after_a_restart_of_the_gateway_limits_are_unknown_until_they_are_told() -> None:
    house = settled(750.0)
    house.load = 300.0
    house.run(60.0)
    before = len(house.sent)
    house.boots += 1
    for each in house.micros:
        each.telling = 0.0
        each.queue.clear()
    house.confirms = False
    house.run(5.0)
    assert usable_of(house, "A") is not Usable.YES
    house.confirms = True
    house.run(120.0)
    # Our own limit is sent again, which changes nothing but makes it known.
    again = {serial: percent for _, serial, percent in house.sent[before:]}
    assert again.keys() == {"A", "B"}
    assert usable_of(house, "A") is Usable.YES
    assert abs(house.grid - 20.0) <= 20.0


def test_without_battery_data_the_gate_closes() -> None:
    house = settled(300.0)
    house.loop.surroundings = Surroundings()
    house.run(110.0)
    assert house.given > 200.0
    house.run(60.0)
    assert work_of(house) is Work.BATTERY_DATA_LOST
    assert house.given == pytest.approx(16.0, abs=3.0)
    house.loop.surroundings = Surroundings(soc=60.0)
    house.run(90.0)
    assert work_of(house) is Work.CONTROLLING


def test_pause_brings_all_to_their_lowest_limit_and_off_leaves_them() -> None:
    house = settled(300.0, minimum=5.0)
    house.loop.retune(house.t, house.loop.core.settings, SupervisorSettings(mode=Mode.PAUSE))
    house.run(60.0)
    assert house.limits() == {"A": 5.0, "B": 5.0}
    house.loop.retune(house.t, house.loop.core.settings, SupervisorSettings(mode=Mode.OFF))
    before = len(house.sent)
    house.run(60.0)
    assert len(house.sent) == before


def test_in_manual_mode_the_owners_limits_are_set_below_the_cap() -> None:
    house = settled(300.0)
    house.loop.set_manual("A", 90.0)
    house.loop.set_manual("B", 90.0)
    house.loop.retune(house.t, house.loop.core.settings, SupervisorSettings(mode=Mode.MANUAL, user_cap_w=500.0))
    house.highest_sum = 0.0
    house.run(120.0)
    assert 480.0 <= house.given <= 500.0
    assert house.highest_sum <= 505.0


def test_in_a_dry_run_nothing_is_sent_and_what_would_be_is_shown() -> None:
    house = SmallHouse(500.0)
    house.loop.dry_run = True
    house.run(120.0)
    assert house.sent == []
    assert house.loop.would_set
    assert max(house.loop.would_set.values()) > 40.0
    assert house.loop.stop(house.t) == {}
    assert house.loop.figures.commands_per_hour == 0
    house.loop.end_dry_run(house.t, dry_run=False)
    house.run(60.0)
    assert abs(house.grid - 20.0) <= 20.0


def test_an_inverter_that_its_owner_keeps_is_left_alone_and_counts_as_another_producer() -> None:
    house = settled(300.0)
    house.loop.leave_alone("A", True)
    before = len(house.sent)
    house.run(10.0)
    house.load = 700.0
    house.run(60.0)
    assert {serial for _, serial, _ in house.sent[before:]} == {"B"}
    assert house.given <= 800.0


def test_an_inverter_that_another_controller_governs_is_never_touched() -> None:
    house = SmallHouse(600.0)
    house.micros[0].governed = True
    house.run(90.0)
    assert {serial for _, serial, _ in house.sent} == {"B"}
    assert house.loop.orders is not None
    assert "feed_in_governed_elsewhere" in house.loop.orders.troubles


def test_when_it_ends_everything_goes_to_the_lowest_limit() -> None:
    house = settled(300.0, minimum=6.0)
    assert house.loop.stop(house.t) == {"A": 6.0, "B": 6.0}


def test_the_trace_of_all_that_replays() -> None:
    house = settled(300.0)
    house.load = 600.0
    house.run(200.0)
    assert list(house.loop.core.trace("a house").differences()) == []


def test_a_gateway_that_is_left_in_the_middle_of_a_command_is_taken_up_again() -> None:
    house = settled(300.0)
    house.confirms = False
    house.load = 500.0
    house.run(15.0)
    assert any(each.queue for each in house.micros)
    house.pictured = False
    house.loop.gateway_left(house.t, ["A", "B"])
    house.run(1.0)
    assert work_of(house) is Work.DTU_LOST
    # Another client begins to count its commands anew, and knows nothing of older ones.
    house.restart_gateway()
    house.pictured = house.confirms = True
    house.run(60.0)
    assert work_of(house) is Work.CONTROLLING
    assert abs(house.grid - 20.0) <= 20.0


def test_what_becomes_known_of_an_inverter_later_changes_nothing_in_force() -> None:
    house = settled(300.0)
    before = len(house.sent)
    house.micros[0].slow = True
    house.run(30.0)
    assert house.loop.core.slew(0) > 0.0
    assert len(house.sent) - before <= 1
    assert abs(house.grid - 20.0) <= 20.0


def test_in_a_dry_run_nothing_would_be_set_any_more_once_all_is_as_it_should_be() -> None:
    house = SmallHouse(500.0)
    house.loop.dry_run = True
    house.run(60.0)
    assert house.loop.would_set
    house.load = house.given + 20.0
    house.run(20.0)
    assert house.loop.would_set == {}


def test_before_a_gateway_was_heard_it_starts_and_then_is_lost() -> None:
    house = SmallHouse(300.0)
    house.pictured = False
    house.run(5.0)
    assert work_of(house) is not Work.DTU_LOST
    house.run(20.0)
    assert work_of(house) is Work.DTU_LOST


def test_people_are_told_decisions_and_not_what_waits_between_them() -> None:
    house = settled(300.0)
    told: list[str] = []
    house.load = 600.0
    for _ in range(80):
        house.run(0.25)
        if not told or told[-1] != house.loop.reason.value:
            told.append(house.loop.reason.value)
    assert told[0] == "within_band"
    assert "raised" in told
    assert set(told) <= {"within_band", "raised", "too_small", "lowered"}
