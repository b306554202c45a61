"""The first-run check: what it finds in a house that is right, and in houses that are not."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.control.feed_in_check import (
    CheckSamples,
    Finding,
    Found,
    Verdict,
    check,
    complete,
    ready,
)
from custom_components.local_solar.solarlink.control.feed_in_snapshot import HouseSnapshot, InverterSnapshot, LimitWord
from custom_components.local_solar.solarlink.control.feed_in_supervisor import (
    Supervisor,
    SupervisorSettings,
    SupervisorState,
)
from custom_components.local_solar.solarlink.live import lowest_limit

INVERTERS = tuple(
    InverterSnapshot(
        serial=serial,
        reachable=True,
        producing=True,
        rated_w=rated,
        limit_pct=25.0,
        state=LimitWord.OK,
        measured_w=rated / 4,
        sample_age_s=1.0,
        ac_voltage=230.0,
    )
    for serial, rated in (("1161", 400.0), ("1162", 300.0))
)
HOUSE = HouseSnapshot(
    t=0.0,
    inverters=INVERTERS,
    meter_age=0.5,
    grid_w=120.0,
    soc=60.0,
    battery_voltage=52.0,
    dcl=40.0,
    house_load_w=295.0,
)
STEADY = [(float(t), 120.0) for t in range(60)]
OUTPUT = [(float(t), 175.0) for t in range(0, 60, 10)]


def found(
    house: HouseSnapshot = HOUSE, settings: SupervisorSettings | None = None, **more: Any
) -> dict[Finding, tuple[Verdict, dict[str, str]]]:
    return {each.finding: (each.verdict, dict(each.details)) for each in everything(house, settings, **more)}


def everything(
    house: HouseSnapshot = HOUSE, settings: SupervisorSettings | None = None, **more: Any
) -> tuple[Found, ...]:
    chosen = settings or SupervisorSettings()
    return check(chosen, samples(house, chosen, **more))


def samples(
    house: HouseSnapshot, settings: SupervisorSettings, times: tuple[float, ...] = (0.0, 6.0, 12.0), **more: Any
) -> CheckSamples:
    supervisor, state = Supervisor(settings), SupervisorState()
    for t in times:
        state, orders = supervisor.step(state, replace(house, t=t))
    given: dict[str, Any] = {"meter": STEADY, "output": OUTPUT, "house": house, "orders": orders} | more
    return CheckSamples(**given)


def test_a_house_that_is_right() -> None:
    seen = found(commands={"1161": 60.0})
    assert {finding for finding, (verdict, _) in seen.items() if verdict is not Verdict.OK} == {Finding.METER_SIGN}
    assert seen[Finding.METER_SEEN][1] == {"power": "120"}
    assert seen[Finding.METER_RATE][1] == {"period": "1.0"}
    assert seen[Finding.INVERTERS_SEEN][1] == {"usable": "2", "of": "2"}
    assert seen[Finding.CAP][1] == {"cap": "800", "reason": "legal_limit"}
    assert seen[Finding.WOULD_SET][1] == {"sum": "275", "load": "295", "limits": "1161: 60 %"}
    # Nothing moved, so the owner is asked whether 120 W are imported now.
    assert seen[Finding.METER_SIGN] == (Verdict.WARN, {"power": "120"})


def test_the_look_goes_on_while_something_may_still_be_told() -> None:
    settings = SupervisorSettings()
    assert complete(samples(HOUSE, settings))
    assert not complete(samples(HOUSE, settings, meter=STEADY[:2]))
    assert not complete(samples(replace(HOUSE, house_load_w=None), settings))
    assert not complete(samples(HOUSE, settings, times=(0.0, 6.0))), "the inverters are not well for long enough"
    lost = replace(HOUSE, inverters=(INVERTERS[0], replace(INVERTERS[1], commands_enabled=False)))
    assert complete(samples(lost, settings)), "more time would not help"


def test_no_meter() -> None:
    seen = found(meter=[])
    assert seen[Finding.METER_SEEN] == (Verdict.FAIL, {})
    assert Finding.METER_SIGN not in seen


@pytest.mark.parametrize(
    ("period", "verdict"), [(1.0, Verdict.OK), (5.0, Verdict.OK), (10.0, Verdict.WARN), (30.0, Verdict.FAIL)]
)
def test_rate_of_the_meter(period: float, verdict: Verdict) -> None:
    assert found(meter=[(period * n, 100.0) for n in range(5)])[Finding.METER_RATE][0] is verdict


def test_too_few_values_and_impossible_ones() -> None:
    assert found(meter=STEADY[:2])[Finding.METER_RATE] == (Verdict.WARN, {"period": "?"})
    seen = found(meter=[*STEADY[:5], (5.0, float("nan")), (6.0, -120000.0)])
    assert seen[Finding.METER_PLAUSIBLE] == (Verdict.FAIL, {"power": "-120000"})
    assert Finding.METER_PLAUSIBLE not in found()


@pytest.mark.parametrize(("sign", "verdict"), [(-1.0, Verdict.OK), (1.0, Verdict.FAIL), (0.0, Verdict.WARN)])
def test_sign_of_the_meter_while_the_output_moves(sign: float, verdict: Verdict) -> None:
    output = [(0.0, 100.0), (20.0, 300.0), (40.0, 150.0)]
    meter = [(float(t), 200.0 + sign * (0.0 if t < 10 else 200.0 if t < 30 else 50.0)) for t in range(60)]
    assert found(meter=meter, output=output)[Finding.METER_SIGN][0] is verdict


@pytest.mark.parametrize(("mean", "verdict"), [(300.0, Verdict.OK), (-300.0, Verdict.FAIL), (5.0, Verdict.WARN)])
def test_sign_of_the_meter_of_a_house_without_sun(mean: float, verdict: Verdict) -> None:
    meter = [(float(t), mean) for t in range(20)]
    dark = [(0.0, 0.0), (10.0, 5.0)]
    assert found(meter=meter, output=dark)[Finding.METER_SIGN][0] is verdict
    # Other producers may export at any time.
    seen = found(replace(HOUSE, others_configured=True, others_w=0.0), meter=meter, output=dark)
    assert seen[Finding.METER_SIGN][0] is Verdict.WARN


def test_battery() -> None:
    assert found(replace(HOUSE, soc=None))[Finding.BATTERY_DATA] == (Verdict.FAIL, {"soc": "?", "voltage": "52.0"})
    watched = SupervisorSettings(v_stop=48.0, v_start=50.0)
    assert found(replace(HOUSE, battery_voltage=None), watched)[Finding.BATTERY_DATA][0] is Verdict.FAIL
    assert found(replace(HOUSE, battery_voltage=None))[Finding.BATTERY_DATA][0] is Verdict.OK
    assert found(replace(HOUSE, dcl=None))[Finding.BATTERY_LIMITS][0] is Verdict.WARN
    panels = found(replace(HOUSE, soc=None), SupervisorSettings(battery=False))
    assert Finding.BATTERY_DATA not in panels
    assert panels[Finding.CAP][0] is Verdict.OK


def changed(**change: Any) -> HouseSnapshot:
    """Only the first inverter is different."""
    return replace(HOUSE, inverters=(replace(INVERTERS[0], **change), INVERTERS[1]))


@pytest.mark.parametrize(
    ("change", "finding", "verdict"),
    [
        ({"limit_pct": 0.0}, Finding.LIMITS_KNOWN, Verdict.WARN),
        ({"commands_enabled": False}, Finding.COMMANDS_ENABLED, Verdict.FAIL),
        ({"governed_elsewhere": True}, Finding.GOVERNED_ELSEWHERE, Verdict.FAIL),
    ],
)
def test_single_inverters(change: dict[str, Any], finding: Finding, verdict: Verdict) -> None:
    seen = found(changed(**change))
    assert seen[finding] == (verdict, {"inverters": "1161"})
    assert seen[Finding.INVERTERS_SEEN][0] is Verdict.WARN
    assert seen[Finding.INVERTERS_SEEN][1]["usable"] == "1"
    (usable,) = (each for each in everything(changed(**change)) if each.finding is Finding.INVERTERS_SEEN)
    assert list(usable.reasons) == ["1161"]


def test_no_inverter_at_all() -> None:
    seen = found(replace(HOUSE, inverters=()))
    assert seen[Finding.INVERTERS_SEEN][0] is Verdict.FAIL
    assert seen[Finding.WOULD_SET][0] is Verdict.FAIL
    lost = replace(HOUSE, inverters=tuple(replace(each, limit_pct=None) for each in INVERTERS))
    assert found(lost)[Finding.LIMITS_KNOWN][0] is Verdict.FAIL


def test_passwords_and_lowest_limits() -> None:
    assert found(default_password=True)[Finding.DEFAULT_PASSWORD][0] is Verdict.WARN
    seen = found(inputs={"1161": 1, "1162": 2})
    assert seen[Finding.MINIMUM_LIMIT] == (Verdict.WARN, {"inverters": "1161, 1162", "minimum": "8"})
    raised = tuple(replace(each, min_pct=8.0) for each in INVERTERS)
    assert Finding.MINIMUM_LIMIT not in found(replace(HOUSE, inverters=raised), inputs={"1161": 1, "1162": 2})


def test_what_it_would_do() -> None:
    seen = found(replace(HOUSE, others_configured=True, others_w=None))
    assert seen[Finding.OTHER_PRODUCERS] == (Verdict.WARN, {"power": "?"})
    assert seen[Finding.CAP][1] == {"cap": "300", "reason": "other_producers_unknown"}
    assert found(replace(HOUSE, house_load_w=2000.0))[Finding.WOULD_SET][1]["sum"] == "800"
    assert found(replace(HOUSE, house_load_w=None))[Finding.WOULD_SET][0] is Verdict.WARN
    low = found(replace(HOUSE, soc=10.0))
    assert low[Finding.CAP] == (Verdict.WARN, {"cap": "0", "reason": "gate_closed"})
    assert low[Finding.WOULD_SET][1]["sum"] == "14"


def test_ready() -> None:
    supervisor = Supervisor(SupervisorSettings())
    _, orders = supervisor.step(SupervisorState(), HOUSE)
    samples = CheckSamples(meter=STEADY, output=OUTPUT, house=HOUSE, orders=orders)
    assert not ready(check(supervisor.settings, samples))
    state, _ = supervisor.step(SupervisorState(), HOUSE)
    _, orders = supervisor.step(state, replace(HOUSE, t=10.0))
    assert ready(check(supervisor.settings, replace(samples, orders=orders)))


@pytest.mark.parametrize(
    ("rated", "inputs", "percent"),
    [(400.0, 1, 3.0), (300.0, 1, 4.0), (1500.0, 4, 4.0), (2250.0, 1, 2.0), (None, 2, 2.0), (400.0, None, 2.0)],
)
def test_the_lowest_limit_that_an_inverter_stands(rated: float | None, inputs: int | None, percent: float) -> None:
    assert lowest_limit(rated, inputs) == percent
