"""The supervisor of the zero feed-in control: all rules together, in a small house that is told by hand."""

import json
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in_cap import CapReason
from custom_components.local_solar.solarlink.control.feed_in_gate import GateReason
from custom_components.local_solar.solarlink.control.feed_in_loss import MeterState, RelayOrder
from custom_components.local_solar.solarlink.control.feed_in_parking import ParkReason
from custom_components.local_solar.solarlink.control.feed_in_season import SeasonState
from custom_components.local_solar.solarlink.control.feed_in_supervisor import (
    TROUBLES,
    FloorKind,
    HouseSnapshot,
    InverterLimits,
    InverterOrder,
    InverterSnapshot,
    LimitWord,
    Mode,
    Supervisor,
    SupervisorOrders,
    SupervisorSettings,
    SupervisorState,
    Work,
)
from custom_components.local_solar.solarlink.control.feed_in_terms import Now
from custom_components.local_solar.solarlink.control.feed_in_usable import Usable
from tests.tries import TRIES

NAME = "feed-in supervisor"
ONE = InverterSnapshot(
    serial="a",
    reachable=True,
    producing=True,
    rated_w=400.0,
    limit_pct=30.0,
    state=LimitWord.OK,
    commanded_pct=30.0,
    measured_w=119.0,
    sample_age_s=1.0,
    ac_voltage=230.0,
    temperature=35.0,
)
SERIALS = ("a", "b")


@dataclass
class Home:
    """A house with two inverters of 400 W; ``step`` is a second."""

    settings: SupervisorSettings = field(default_factory=SupervisorSettings)
    state: SupervisorState = field(default_factory=SupervisorState)
    t: float = 0.0
    house: dict[str, Any] = field(
        default_factory=lambda: {
            "meter_age": 0.5,
            "grid_w": 20.0,
            "soc": 60.0,
            "battery_voltage": 52.0,
            "dcl": 40.0,
            "charge_current": -5.0,
            "battery_temperature": 20.0,
            "house_load_w": 260.0,
            "committed_w": 240.0,
        }
    )
    inverters: dict[str, InverterSnapshot] = field(
        default_factory=lambda: {serial: replace(ONE, serial=serial) for serial in SERIALS}
    )
    resent: list[tuple[float, str, float]] = field(default_factory=list)
    power: list[tuple[float, str, bool]] = field(default_factory=list)
    relay: list[tuple[float, RelayOrder]] = field(default_factory=list)

    def snapshot(self) -> HouseSnapshot:
        return HouseSnapshot(t=self.t, inverters=tuple(self.inverters.values()), **self.house)

    def change(self, serial: str, **change: Any) -> None:
        self.inverters[serial] = replace(self.inverters[serial], **change)

    def set(self, **change: Any) -> None:
        self.settings = replace(self.settings, **change)

    def run(self, seconds: float = 1.0, **house: Any) -> SupervisorOrders:
        self.house |= house
        end = self.t + seconds
        while self.t < end - 1e-9:
            self.state, orders = Supervisor(self.settings).step(self.state, self.snapshot())
            self.resent += [(self.t, serial, pct) for serial, pct in orders.resend.items()]
            self.power += [(self.t, serial, on) for serial, on in orders.power.items()]
            self.relay += [(self.t, orders.relay)] if orders.relay else []
            for serial, on in orders.power.items():
                self.change(serial, producing=on, measured_w=8.0 if on else 0.0)
            self.t += 1.0
        return orders

    def begun(self, **house: Any) -> SupervisorOrders:
        return self.run(12, **house)


def of(orders: SupervisorOrders, serial: str) -> InverterOrder:
    return next(each for each in orders.inverters if each.serial == serial)


def test_a_day_like_any_other() -> None:
    home = Home()
    orders = home.begun()
    assert orders.work is Work.CONTROLLING
    assert (orders.cap_w, orders.cap_reason, orders.target_w) == (800.0, CapReason.LEGAL_LIMIT, 20.0)
    assert [(each.usable, each.limit_pct, each.measured_w, each.ceiling_pct) for each in orders.inverters] == [
        (True, 30.0, 119.0, 100.0),
        (True, 30.0, 119.0, 100.0),
    ]
    assert (orders.use_core, orders.all_to_min, orders.limits, orders.resend, orders.power) == (True, False, {}, {}, {})
    assert (orders.gate_open, orders.gate_reason, orders.park) == (True, GateReason.OPEN, ParkReason.NONE)
    assert (orders.discharge_floor_pct, orders.season_peak) == (20.0, 74)
    assert (orders.limited_by_cap, orders.limited_by_temperature, orders.meter) == (False, False, MeterState.FRESH)
    assert orders.troubles == {}


def test_start_waits_for_meter_and_battery() -> None:
    home = Home()
    orders = home.run(60, meter_age=None, grid_w=None, house_load_w=None)
    assert (orders.work, orders.use_core, orders.all_to_min) == (Work.STARTING, False, False)
    assert {each.reason for each in orders.inverters} == {Usable.STARTING}
    orders = home.run(1, meter_age=0.2)
    assert (orders.work, orders.use_core) == (Work.CONTROLLING, True)
    home = Home()
    orders = home.run(60, soc=None)
    assert (orders.work, orders.use_core, orders.cap_w, orders.all_to_min) == (Work.STARTING, False, 0.0, False)
    orders = home.run(1, soc=50.0)
    assert (orders.work, orders.cap_w) == (Work.CONTROLLING, 800.0)


def test_start_does_not_wait_for_ever() -> None:
    home = Home()
    orders = home.run(121, meter_age=None)
    assert (orders.work, orders.use_core, orders.meter) == (Work.METER_LOST, True, MeterState.NEVER)
    home = Home()
    orders = home.run(121, soc=None)
    assert (orders.work, orders.use_core, orders.all_to_min) == (Work.BATTERY_DATA_LOST, True, True)


def test_a_restart_waits_for_the_battery_as_a_first_start_does() -> None:
    home = Home()
    home.begun()
    saved = home.state.as_dict(Now(home.t, 5e8))
    again = Home(state=SupervisorState.from_dict(saved, Now(0.0, 5e8 + 600)))
    orders = again.run(60, soc=None)
    assert (orders.work, orders.use_core, orders.all_to_min) == (Work.STARTING, False, False)
    assert again.run(2, soc=60.0).work is Work.CONTROLLING


def test_one_good_sample_is_needed() -> None:
    home = Home()
    home.change("a", sample_age_s=None)
    orders = home.run(30)
    assert (of(orders, "a").reason, of(orders, "b").reason) == (Usable.DATA_OLD, Usable.YES)


def test_battery_low_brings_all_down_and_back() -> None:
    home = Home()
    home.begun()
    orders = home.run(60, soc=20.0)
    assert (orders.work, orders.cap_w) == (Work.CONTROLLING, 800.0)
    orders = home.run(1)
    assert (orders.work, orders.cap_w, orders.cap_reason) == (Work.BATTERY_LOW, 0.0, CapReason.GATE_CLOSED)
    assert (orders.all_to_min, orders.use_core, orders.gate_reason) == (True, True, GateReason.BATTERY_LOW)
    assert home.run(1, soc=22.9).work is Work.BATTERY_LOW
    assert home.run(1, soc=23.0).work is Work.CONTROLLING


def test_voltage_is_compensated_with_the_measured_power() -> None:
    home = Home(settings=SupervisorSettings(v_stop=48.0, v_start=50.0, v_corr=0.01))
    # 238 W of both: 2.38 V.
    assert home.run(90, battery_voltage=45.7).gate_reason is GateReason.VOLTAGE_LOW
    home.run(12, battery_voltage=50.0)
    assert home.run(90, battery_voltage=45.7).gate_open
    assert not home.run(61, battery_voltage=45.6).gate_open


def test_battery_data_and_temperature() -> None:
    home = Home()
    home.begun()
    assert home.run(120, soc=None).work is Work.CONTROLLING
    assert home.run(1).work is Work.BATTERY_DATA_LOST
    assert home.run(1, soc=60.0).work is Work.CONTROLLING
    assert home.run(1, battery_temperature=51.0).work is Work.BATTERY_TEMPERATURE
    assert home.run(120, battery_temperature=20.0, battery_data_t=home.t).work is Work.CONTROLLING
    assert home.run(2).work is Work.BATTERY_DATA_LOST


def test_grid_down() -> None:
    home = Home()
    home.begun()
    orders = home.run(1, grid_down=True)
    assert (orders.work, orders.cap_w, orders.cap_reason) == (Work.GRID_DOWN, 0.0, CapReason.GRID_DOWN)
    assert home.run(1, grid_down=False).work is Work.CONTROLLING


def test_meter() -> None:
    home = Home()
    home.begun()
    assert home.run(1, meter_age=10.0).work is Work.DEGRADED
    assert home.run(1, meter_age=30.0).work is Work.METER_LOST
    assert home.run(1, meter_age=0.1).work is Work.CONTROLLING


def test_other_producers() -> None:
    home = Home()
    assert home.begun(others_w=300.0).cap_w == 800.0
    orders = home.run(1, others_configured=True)
    assert (orders.cap_w, orders.cap_reason, orders.others_w) == (500.0, CapReason.OTHER_PRODUCERS, 300.0)
    orders = home.run(1, others_w=None)
    assert (orders.cap_w, orders.cap_reason) == (300.0, CapReason.OTHER_PRODUCERS_UNKNOWN)
    assert orders.others_w is None


def test_a_lost_inverter_counts_as_another_producer_for_ten_minutes() -> None:
    home = Home()
    home.begun()
    home.change("a", measured_w=350.0)
    home.run()
    lost_at = home.t - 2.0
    home.change("a", reachable=False, measured_w=None, sample_age_s=None)
    orders = home.run(1)
    assert (of(orders, "a").reason, orders.cap_w, orders.work) == (Usable.DATA_OLD, 450.0, Work.DEGRADED)
    assert home.run(lost_at + 600 - home.t + 1).cap_w == 450.0
    assert home.run(1).cap_w == 800.0
    home.set(strict_mode=True)
    assert home.run(1).cap_w == 400.0
    home.set(inverters={"a": InverterLimits(persistent_pct=20.0)})
    assert home.run(1).cap_w == 720.0


def test_an_inverter_that_the_owner_holds_counts_as_another_producer() -> None:
    home = Home()
    home.begun()
    home.change("a", manual_override=True, measured_w=200.0)
    orders = home.run(1)
    assert (of(orders, "a").reason, orders.cap_w, orders.work) == (Usable.MANUAL_OVERRIDE, 600.0, Work.CONTROLLING)


def test_dtu_lost() -> None:
    home = Home()
    home.begun()
    home.change("a", dtu_lost_s=15.0)
    orders = home.run(1)
    assert (of(orders, "a").usable, orders.work) == (False, Work.DEGRADED)
    home.change("b", dtu_lost_s=15.0)
    assert home.run(1).work is Work.DTU_LOST
    for serial in SERIALS:
        home.change(serial, dtu_lost_s=None, limit_pct=55.0)
    assert home.run(10).work is Work.STARTING
    orders = home.run(1)
    assert (of(orders, "a").usable, of(orders, "a").limit_pct, orders.work) == (True, 55.0, Work.CONTROLLING)


def test_dtu_rebooted() -> None:
    home = Home()
    home.begun()
    home.change("a", dtu_rebooted=True, limit_pct=0.0)
    home.run(1)
    home.change("a", dtu_rebooted=False)
    orders = home.run(1)
    assert of(orders, "a").reason is Usable.LIMIT_UNKNOWN
    assert home.resent == [(13.0, "a", 30.0)]
    home.change("a", state=LimitWord.PENDING)
    home.run(2)
    home.change("a", state=LimitWord.OK)
    orders = home.run(30)
    assert of(orders, "a").limit_pct is None
    orders = home.run(1)
    assert (of(orders, "a").reason, of(orders, "a").limit_pct) == (Usable.SETTLING, 30.0)
    assert of(home.run(10), "a").usable


def test_temperature_of_an_inverter() -> None:
    home = Home(settings=SupervisorSettings(inverters={"b": InverterLimits(max_pct=70.0)}))
    orders = home.begun()
    assert [each.ceiling_pct for each in orders.inverters] == [100.0, 70.0]
    home.change("a", temperature=55.0, min_pct=6.0)
    orders = home.run(1)
    assert (of(orders, "a").ceiling_pct, of(orders, "a").usable, of(orders, "a").hot) == (6.0, True, True)
    assert (orders.limited_by_temperature, orders.work) == (True, Work.TEMPERATURE)
    home.change("a", temperature=50.0)
    assert home.run(1).work is Work.CONTROLLING


def test_limited_by_cap() -> None:
    home = Home()
    assert not home.begun(house_load_w=820.0).limited_by_cap
    assert home.run(1, house_load_w=821.0).limited_by_cap
    assert not home.run(1, house_load_w=None).limited_by_cap


def test_surplus() -> None:
    home = Home(settings=SupervisorSettings(surplus_enabled=True, surplus_w=300.0))
    full: dict[str, Any] = {"soc": 99.0, "ccl": 5.0, "charge_current": 4.5}
    orders = home.begun(**full)
    assert (orders.target_w, orders.work, orders.surplus) == (-300.0, Work.SURPLUS, True)
    home.set(floor=FloorKind.SEASON)
    assert home.run(1).target_w == 20.0
    home.state = replace(home.state, season=SeasonState(peak=110))
    orders = home.run(1)
    assert (orders.target_w, orders.discharge_floor_pct, orders.season_peak) == (-300.0, 9.0, 110)
    assert home.run(1, soc=96.0).target_w == 20.0


def test_the_mode_surplus_does_not_ask_the_battery_but_the_gate() -> None:
    home = Home(settings=SupervisorSettings(mode=Mode.SURPLUS, surplus_w=500.0))
    orders = home.begun()
    assert (orders.target_w, orders.cap_w, orders.work) == (-500.0, 800.0, Work.SURPLUS)
    orders = home.run(1, soc=10.0)
    assert (orders.target_w, orders.cap_w, orders.work) == (20.0, 0.0, Work.BATTERY_LOW)


def test_season_floor_moves_the_gate() -> None:
    home = Home(settings=SupervisorSettings(floor=FloorKind.SEASON))
    orders = home.begun(soc=36.0)
    assert (orders.discharge_floor_pct, orders.gate_open) == (34.0, False)
    assert home.run(1, soc=37.0).gate_open


def test_pause() -> None:
    home = Home()
    home.begun()
    home.set(mode=Mode.PAUSE)
    orders = home.run(1)
    assert (orders.work, orders.cap_w, orders.cap_reason) == (Work.PAUSED, 0.0, CapReason.PAUSED)
    assert (orders.use_core, orders.all_to_min) == (True, True)
    home.settings = replace(home.settings, power_commands_allowed=True)
    home.run(600)
    assert home.power == []
    home.set(mode=Mode.AUTO)
    assert home.run(1).cap_w == 800.0


def test_off_sends_nothing() -> None:
    home = Home(settings=SupervisorSettings(mode=Mode.OFF, power_commands_allowed=True, relay_configured=True))
    orders = home.begun(soc=5.0)
    home.change("a", limit_pct=100.0, governed_elsewhere=True, manual_pct=50.0)
    orders = home.run(400)
    assert (orders.work, orders.use_core, orders.all_to_min) == (Work.OFF, False, False)
    assert (orders.limits, home.resent, home.power, home.relay, orders.troubles) == ({}, [], [], [], {})
    assert of(orders, "b").reason is Usable.NOT_IN_THIS_MODE
    assert not of(orders, "b").usable
    assert Supervisor(home.settings).stop(home.snapshot()) == {}


def test_manual() -> None:
    home = Home()
    home.begun()
    home.set(mode=Mode.MANUAL)
    orders = home.run(1)
    assert (orders.work, orders.use_core, orders.limits) == (Work.MANUAL, False, {})
    assert of(orders, "a").reason is Usable.NOT_IN_THIS_MODE
    home.change("a", manual_pct=90.0)
    home.change("b", manual_pct=10.0)
    orders = home.run(1)
    assert orders.limits == {"a": 90.0, "b": 10.0}
    # Nothing is sent twice, and no meter is needed.
    for serial, pct in orders.limits.items():
        home.change(serial, commanded_pct=pct, waiting=True, state=LimitWord.PENDING)
    orders = home.run(1, meter_age=500.0)
    assert (orders.limits, orders.work) == ({}, Work.MANUAL)


def test_manual_keeps_cap_heat_and_gate() -> None:
    home = Home(settings=SupervisorSettings(mode=Mode.MANUAL, user_cap_w=500.0))
    home.begun()
    for serial in SERIALS:
        home.change(serial, manual_pct=100.0)
    orders = home.run(1)
    # 484 of 784 W above the floor of 16 W: 62 % each.
    assert orders.limits == {"a": 62.0, "b": 62.0}
    home.change("a", temperature=60.0)
    orders = home.run(1)
    # 120 W may still flow from the first one.
    assert orders.limits == {"a": 2.0, "b": 95.0}
    orders = home.run(1, soc=5.0)
    assert (orders.limits, orders.work) == ({"a": 2.0, "b": 2.0}, Work.BATTERY_LOW)


def test_guard_and_its_trouble() -> None:
    home = Home()
    home.begun()
    home.change("a", limit_pct=100.0)
    orders = home.run(250)
    assert [serial for _, serial, _ in home.resent] == ["a"] * 3
    assert {pct for *_, pct in home.resent} == {30.0}
    assert of(orders, "a").reason is Usable.LIMIT_NOT_KEPT
    assert orders.troubles == {"feed_in_command_without_effect": {"inverters": "a"}}
    assert orders.cap_w == pytest.approx(681.0)
    # Off and on is the owner's way to try again.
    home.set(mode=Mode.OFF)
    home.run(1)
    home.set(mode=Mode.AUTO)
    orders = home.run(11)
    assert of(orders, "a").usable
    assert orders.troubles == {}


def test_a_hot_inverter_is_not_given_its_old_limit_again() -> None:
    home = Home()
    home.begun()
    home.change("a", limit_pct=100.0, temperature=60.0)
    home.run(40)
    assert [pct for *_, pct in home.resent] == [2.0]


def test_the_false_report_of_an_hms() -> None:
    home = Home()
    home.change("a", firmware_is_hms_2=True, limit_pct=100.0)
    orders = home.run(300)
    assert (of(orders, "a").usable, of(orders, "a").limit_pct) == (True, 30.0)
    assert home.resent == []


def test_troubles() -> None:
    home = Home()
    home.begun()
    home.change("a", governed_elsewhere=True)
    home.change("b", commands_enabled=False)
    orders = home.run(1)
    assert orders.troubles == {
        "feed_in_governed_elsewhere": {"inverters": "a"},
        "feed_in_commands_off": {"inverters": "b"},
    }
    assert orders.work is Work.NO_INVERTER
    home.change("b", governed_elsewhere=True)
    assert home.run(1).troubles["feed_in_governed_elsewhere"] == {"inverters": "a, b"}


def test_park_and_start() -> None:
    home = Home(settings=SupervisorSettings(power_commands_allowed=True))
    home.begun()
    for serial in SERIALS:
        home.change(serial, limit_pct=2.0, commanded_pct=2.0, measured_w=8.0)
    orders = home.run(40, soc=10.0)
    assert home.power == [(22.0, "a", False), (32.0, "b", False)]
    assert {each.reason for each in orders.inverters} == {Usable.SWITCHED_OFF}
    assert (orders.parked, orders.work, orders.cap_reason) == (True, Work.BATTERY_LOW, CapReason.GATE_CLOSED)
    orders = home.run(10, soc=60.0)
    assert (orders.parked, orders.work, orders.park) == (True, Work.PARKED, ParkReason.NONE)
    home.run(400)
    assert home.power[2:] == [(322.0, "a", True), (332.0, "b", True)]
    assert home.run(1).work is Work.CONTROLLING
    assert Usable.YES in {each.reason for each in home.run(1).inverters}


def test_a_lost_meter_starts_and_parks_nothing() -> None:
    home = Home(settings=SupervisorSettings(power_commands_allowed=True))
    home.begun()
    home.run(1000, meter_age=40.0, house_load_w=-500.0)
    assert home.power == []


def test_failed_starts_are_a_trouble() -> None:
    home = Home(settings=SupervisorSettings(power_commands_allowed=True))
    home.begun()
    home.change("a", limit_pct=2.0, commanded_pct=2.0)
    home.change("b", manual_override=True)
    home.run(20, soc=10.0)
    home.house["soc"] = 60.0
    orders = home.run(1)
    for _ in range(1600):
        home.change("a", producing=False, measured_w=0.0)
        orders = home.run(1)
    assert [on for *_, on in home.power] == [False, True, True, True]
    assert orders.troubles == {"feed_in_start_failed": {"inverters": "a"}}


def test_relay() -> None:
    home = Home(settings=SupervisorSettings(relay_configured=True))
    home.begun()
    home.run(300)
    assert home.relay == [(0.0, RelayOrder.ON), (300.0, RelayOrder.ON)]
    orders = home.run(201, grid_w=-500.0)
    assert home.relay[2:] == [(512.0, RelayOrder.OFF)]
    assert orders.troubles == {"feed_in_relay_tripped": {}}
    home = Home(settings=SupervisorSettings(relay_configured=True))
    home.run(400, grid_w=-500.0, meter_age=60.0)
    assert RelayOrder.OFF not in [order for _, order in home.relay]
    home.run(2, loop_alive=False)
    assert home.relay[-1][1] is RelayOrder.OFF


def test_stop() -> None:
    home = Home()
    home.begun()
    home.change("b", min_pct=5.0)
    assert Supervisor(home.settings).stop(home.snapshot()) == {"a": 2.0, "b": 5.0}
    home.set(stop_pct=25.0)
    assert Supervisor(home.settings).stop(home.snapshot()) == {"a": 25.0, "b": 25.0}
    home.set(stop_pct=40.0)
    assert Supervisor(home.settings).stop(home.snapshot()) == {}


def test_without_a_battery_the_gate_is_open() -> None:
    home = Home(settings=SupervisorSettings(battery=False))
    orders = home.begun(soc=None, battery_voltage=None, dcl=None, battery_temperature=None)
    assert (orders.gate_open, orders.cap_w, orders.work) == (True, 800.0, Work.CONTROLLING)


def test_no_inverter_at_all() -> None:
    home = Home(inverters={})
    orders = home.begun()
    assert (orders.work, orders.inverters) == (Work.NO_INVERTER, ())


def test_restart() -> None:
    home = Home(settings=SupervisorSettings(power_commands_allowed=True, floor=FloorKind.SEASON))
    home.begun(soc=99.0)
    home.run(5, soc=98.0)
    home.change("a", limit_pct=2.0, commanded_pct=2.0)
    home.run(20, soc=5.0)
    saved = json.loads(json.dumps(home.state.as_dict(Now(home.t, 5e8))))
    state = SupervisorState.from_dict(saved, Now(1000.0, 5e8 + 30))
    assert state.season == home.state.season
    assert state.park.switched_off == ("a",)
    assert not state.gate.open
    assert (state.begun, dict(state.inverters)) == (False, {})
    again = Home(settings=home.settings, state=state, t=1000.0, house={**home.house, "soc": 60.0})
    again.change("a", producing=False, measured_w=0.0)
    assert of(again.run(12), "a").reason is Usable.SWITCHED_OFF


@pytest.mark.parametrize(
    "wrong",
    [
        {"legal_cap_w": 900.0},
        {"target_w": -900.0},
        {"step_pct": 0.0},
        {"stop_pct": 1.0},
        {"fallback_w": -1.0},
        {"soc_floor": 120.0},
        {"v_stop": 48.0},
        {"surplus_off": 99.0},
        {"cooled": 60.0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs"):
        SupervisorSettings(**wrong)
    with pytest.raises(ValueError, match="must be"):
        InverterLimits(max_pct=1.0)


def test_more_than_800_w_needs_the_owners_word() -> None:
    home = Home(settings=SupervisorSettings(legal_cap_w=1200.0, legal_cap_raised=True, user_cap_w=1100.0))
    assert home.begun() is not None
    orders = home.run(1)
    assert (orders.cap_w, orders.cap_reason) == (1100.0, CapReason.USER_LIMIT)


numbers = st.none() | st.floats() | st.sampled_from([0.0, 1.0, 20.0, 60.0, 100.0])
odd_inverters = st.fixed_dictionaries(
    {},
    optional={
        "reachable": st.booleans(),
        "producing": st.booleans(),
        "poll_enabled": st.booleans(),
        "commands_enabled": st.booleans(),
        "rated_w": st.sampled_from([None, 0.0, 400.0, float("nan")]),
        "limit_pct": numbers,
        "state": st.none() | st.sampled_from(list(LimitWord)),
        "commanded_pct": st.none() | st.floats(2, 100),
        "waiting": st.booleans(),
        "ack_missing_s": st.none() | st.floats(0, 200),
        "measured_w": numbers,
        "sample_age_s": numbers,
        "ac_voltage": numbers,
        "temperature": numbers,
        "firmware_is_hms_2": st.booleans(),
        "governed_elsewhere": st.booleans(),
        "manual_override": st.booleans(),
        "dtu_lost_s": st.none() | st.floats(0, 100),
        "dtu_rebooted": st.booleans(),
        "manual_pct": numbers,
    },
)
odd_houses = st.fixed_dictionaries(
    {},
    optional={
        "meter_age": numbers,
        "grid_w": numbers,
        "soc": numbers,
        "battery_voltage": numbers,
        "ccl": numbers,
        "dcl": numbers,
        "charge_current": numbers,
        "other_dc_w": numbers,
        "battery_temperature": numbers,
        "others_configured": st.booleans(),
        "others_w": numbers,
        "grid_down": st.booleans(),
        "house_load_w": numbers,
        "loop_alive": st.booleans(),
    },
)
stories = st.lists(
    st.tuples(st.sampled_from([1.0, 12.0, 130.0]), odd_houses, odd_inverters, st.sampled_from([None, *Mode])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(stories, st.booleans())
def test_whatever_it_is_told(
    story: list[tuple[float, dict[str, Any], dict[str, Any], Mode | None]], sure: bool
) -> None:
    home = Home(settings=SupervisorSettings(power_commands_allowed=sure, surplus_enabled=True, relay_configured=True))
    for seconds, house, inverter, mode in story:
        TRIES[NAME] += 1
        if mode is not None:
            home.set(mode=mode)
        home.change("a", **inverter)
        before = home.state
        again = home.snapshot()
        orders = home.run(seconds, **house)
        assert Supervisor(home.settings).step(before, again) == Supervisor(home.settings).step(before, again)
        assert 0.0 <= orders.cap_w <= 800.0
        assert -800.0 <= orders.target_w <= 500.0
        assert orders.gate_open or orders.cap_w == 0.0
        assert orders.troubles.keys() <= TROUBLES.keys()
        assert all(set(details) == set(TROUBLES[key]) for key, details in orders.troubles.items())
        for each in orders.inverters:
            assert 2.0 <= each.ceiling_pct <= 100.0
            told = home.inverters[each.serial]
            if each.usable:
                assert each.limit_pct is not None
                assert 0.0 < each.limit_pct <= 100.0
                assert told.commands_enabled
                assert not told.governed_elsewhere
                assert not told.manual_override
            if told.governed_elsewhere or told.manual_override:
                assert each.serial not in {*orders.limits, *orders.resend, *orders.power}
        for pct in (*orders.limits.values(), *orders.resend.values()):
            assert 2.0 <= pct <= 100.0
        if home.settings.mode in {Mode.OFF, Mode.MANUAL, Mode.PAUSE}:
            assert not orders.power
        if home.settings.mode is Mode.OFF:
            assert (orders.limits, orders.resend, orders.relay, orders.use_core) == ({}, {}, None, False)
        now = Now(home.t, 5e8)
        saved = json.loads(json.dumps(home.state.as_dict(now)))
        assert SupervisorState.from_dict(saved, now).as_dict(now) == saved


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "off", "sent", "peak", "charged", "good_at"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["season", "gate", "surplus_full", "power", "x"]), json_values))
def test_damaged_memory_gives_a_state_all_the_same(saved: dict[str, Any]) -> None:
    TRIES[NAME] += 1
    now = Now(100.0, 5e8)
    state = SupervisorState.from_dict(saved, now)
    again = SupervisorState.from_dict(json.loads(json.dumps(state.as_dict(now))), now)
    assert again.season == state.season
    assert again.park.switched_off == state.park.switched_off
    Supervisor(SupervisorSettings()).step(state, Home().snapshot())


def test_every_part_of_the_settings_reaches_its_rule() -> None:
    own = {each.name for each in fields(SupervisorSettings) if each.init}
    mine = {"mode", "target_w", "step_pct", "fallback_w", "stop_pct", "battery", "floor", "inverters"}
    changed = SupervisorSettings(
        legal_cap_w=700.0,
        user_cap_w=600.0,
        others_default_w=400.0,
        soc_floor=15.0,
        hysteresis=5.0,
        v_stop=47.0,
        v_start=49.0,
        v_corr=0.002,
        battery_coldest=5.0,
        battery_hottest=45.0,
        surplus_enabled=True,
        surplus_on=98.0,
        surplus_off=90.0,
        surplus_w=200.0,
        hot=60.0,
        cooled=48.0,
        power_commands_allowed=True,
        strict_mode=True,
        relay_configured=True,
        legal_cap_raised=True,
    )
    parts = {name: getattr(changed, name) for name in own - mine}
    found = {
        "legal_cap_w": changed.cap.legal_w,
        "legal_cap_raised": changed.cap.legal_raised,
        "user_cap_w": changed.cap.user_w,
        "others_default_w": changed.cap.others_default_w,
        "soc_floor": changed.gate.soc_floor,
        "hysteresis": changed.gate.hysteresis,
        "v_stop": changed.gate.v_stop,
        "v_start": changed.gate.v_start,
        "v_corr": changed.gate.v_corr,
        "battery_coldest": changed.gate.coldest,
        "battery_hottest": changed.gate.hottest,
        "surplus_enabled": changed.surplus.enabled,
        "surplus_on": changed.surplus.on,
        "surplus_off": changed.surplus.off,
        "surplus_w": changed.surplus.power_w,
        "hot": changed.heat.hot,
        "cooled": changed.heat.cooled,
        "power_commands_allowed": changed.park.power_allowed,
        "strict_mode": changed.usable.strict,
        "relay_configured": changed.relay.configured,
    }
    assert found == parts
