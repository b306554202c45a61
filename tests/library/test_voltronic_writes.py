"""Settings of the simulated inverter: refused early, verified, never repeated blindly, and never more than needed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from custom_components.local_solar.solarlink.errors import (
    DeviceRefusedError,
    NeedsConsentError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    TooSoonError,
    ValueChoiceError,
    ValueKindError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
    WriteUncertainError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.points import Access, Quantity, Ref
from custom_components.local_solar.solarlink.voltronic.blocks import Dialect
from custom_components.local_solar.solarlink.voltronic.client import VoltronicClient
from custom_components.local_solar.solarlink.voltronic.codec import Checksum
from custom_components.local_solar.solarlink.voltronic.commands import check_command
from custom_components.local_solar.solarlink.voltronic.fields import Fields
from custom_components.local_solar.solarlink.voltronic.manner import Manner
from custom_components.local_solar.solarlink.voltronic.points import points_of
from custom_components.local_solar.solarlink.voltronic.ranges import Series, battery_class, series_of, voltage_limits
from custom_components.local_solar.solarlink.voltronic.settings import SETTABLE, Place, commands
from custom_components.local_solar.solarlink.voltronic.writer import RESTORES_PER_DAY, WRITES_PER_DAY
from simulators.voltronic import VoltronicSimulator

from .axpert import HASTY, PATIENT, client_on, identified, root, simulated, usb

pytestmark = pytest.mark.usefixtures("socket_enabled")

FLOAT = root("float_voltage")


def written(sim: VoltronicSimulator) -> list[str]:
    """Every setting that was accepted."""
    return [write.text for write in sim.writes if write.accepted]


async def set_to(client: VoltronicClient, key: str, value: Any, **more: Any) -> Any:
    return (await client.write(root(key), value, **more)).value


# The commands


PI30 = Place(manner=Manner(), battery=48)
CHARGE_FORMS = [
    (PI30, ("MNCHGC0060", "MNCHGC060", "MCHGC060")),
    (replace(PI30, battery=24), ("MCHGC060", "MNCHGC0060")),
    (replace(PI30, grouped=True, index=2), ("MNCHGC2060", "MCHGC260")),
]


@pytest.mark.parametrize(("place", "texts"), CHARGE_FORMS)
def test_forms_of_the_charge_current(place: Place, texts: tuple[str, ...]) -> None:
    assert commands("max_charge_current", 60.0, place) == texts


def test_forms_of_the_utility_charge_current() -> None:
    assert commands("max_utility_charge_current", 30.0, PI30) == ("MUCHGC030", "MUCHGC0030")
    long = replace(PI30, highest_utility_current=120.0)
    assert commands("max_utility_charge_current", 30.0, long) == ("MUCHGC0030", "MUCHGC030")
    grouped = replace(long, grouped=True, index=1)
    assert commands("max_utility_charge_current", 110.0, grouped) == ("MUCHGC1110",)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("float_voltage", 54.0, "PBFT54.0"),
        ("absorption_voltage", 57.6, "PCVV57.6"),
        ("redischarge_voltage", 0.0, "PBDV00.0"),
        ("recharge_voltage", 46.0, "PBCV46.0"),
        ("cutoff_voltage", 44.0, "PSDV44.0"),
        ("equalization_voltage", 58.4, "PBEQV58.40"),
        ("equalization_time", 60.0, "PBEQT060"),
        ("equalization_enabled", True, "PBEQE1"),
        ("equalization_active", False, "PBEQA0"),
        ("output_source_priority", "solar_battery_utility", "POP02"),
        ("charger_source_priority", "solar_first", "PCP01"),
        ("input_voltage_range", "ups", "PGR01"),
        ("battery_type", "user", "PBT02"),
        ("max_absorption_time", 60.0, "PCVT060"),
        ("max_discharge_current", 100.0, "PBATMAXDISC100"),
        ("battery_control", "all_enabled", "PBATCD111"),
        ("operation_logic", "eco", "POPLG02"),
        ("pv_ok_condition", "all_units", "PPVOKC1"),
        ("solar_power_balance", True, "PSPB1"),
        ("buzzer", True, "PEa"),
        ("buzzer", False, "PDa"),
        ("output_mode", "phase_2_of_3", "POPM03"),
        ("output_mode", "parallel_120_degrees", "POPM05"),
    ],
)
def test_texts_of_the_table(key: str, value: Any, text: str) -> None:
    assert commands(key, value, PI30) == (text,)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("float_voltage", 54.0, "^S015MCHGV564,540"),
        ("absorption_voltage", 56.4, "^S015MCHGV564,540"),
        ("recharge_voltage", 46.0, "^S014BUCD460,540"),
        ("redischarge_voltage", 0.0, "^S014BUCD460,000"),
        ("cutoff_voltage", 44.0, "^S010PSDV440"),
        ("output_source_priority", "solar_battery_utility", "^S007POP1"),
        ("charger_source_priority", "solar_first", "^S009PCP0,0"),
        ("max_charge_current", 60.0, "^S013MCHGC0,060"),
        ("max_utility_charge_current", 30.0, "^S014MUCHGC0,030"),
        ("buzzer", True, "^S006PEA"),
        ("solar_power_priority", "battery_load_utility", "^S007PSP0"),
        ("output_mode", "single", "^S010POPM0,0"),
    ],
)
def test_texts_of_the_comma_dialect(key: str, value: Any, text: str) -> None:
    ratings: Fields = {
        "absorption_voltage": 56.4,
        "float_voltage": 54.0,
        "recharge_voltage": 46.0,
        "redischarge_voltage": 54.0,
    }
    place = Place(manner=Manner(dialect=Dialect.PI18), ratings=ratings)
    assert commands(key, value, place) == (text,)


@pytest.mark.parametrize("dialect", Dialect)
def test_every_settable_point_is_writable_and_has_its_commands(dialect: Dialect) -> None:
    points = points_of("inverter")
    place = Place(manner=Manner(dialect=dialect), ratings=dict.fromkeys(points, 50.0))
    for key in SETTABLE[dialect] - {"battery_connect_status"}:
        point = points[key]
        assert point.access is Access.READ_WRITE, key
        value: Any = next(iter(point.options.values()), None) if point.quantity is Quantity.STATE else 50.0
        if key == "charger_source_priority":
            value = "solar_first"
        if key == "output_source_priority":
            value = "solar_battery_utility"
        texts = commands(key, True if point.quantity is Quantity.FLAG else value, place)
        assert texts
        for text in texts:
            assert not check_command(text, confirmed=True)
    missing = {key for key, point in points.items() if point.access is Access.READ_WRITE and point.measured}
    if dialect is Dialect.PI30:
        assert missing - SETTABLE[dialect] == {"solar_power_priority"}


# Ranges


@pytest.mark.parametrize(
    ("key", "series", "battery", "low", "high"),
    [
        ("float_voltage", Series.UNKNOWN, 48, 48.0, 58.4),
        ("float_voltage", Series.UNKNOWN, 24, 24.0, 29.2),
        ("float_voltage", Series.UNKNOWN, 12, 12.0, 14.6),
        ("float_voltage", Series.HIGH, 48, 48.0, 64.0),
        ("absorption_voltage", Series.KING, 24, 24.0, 32.0),
        ("absorption_voltage", Series.VM3, 24, 25.0, 31.5),
        ("cutoff_voltage", Series.BASIC, 48, 40.0, 48.0),
        ("cutoff_voltage", Series.UNKNOWN, 48, 42.0, 48.0),
        ("recharge_voltage", Series.KING, 48, 44.0, 57.0),
        ("equalization_voltage", Series.KING, 48, 48.0, 64.0),
    ],
)
def test_ranges_of_the_table(key: str, series: Series, battery: int, low: float, high: float) -> None:
    limits = voltage_limits(key, series, battery, None)
    assert limits is not None
    assert (limits.minimum, limits.maximum) == (low, high)


def test_ranges_are_widened_to_what_the_unit_has() -> None:
    limits = voltage_limits("absorption_voltage", Series.UNKNOWN, 48, 62.0)
    assert limits is not None
    assert limits.maximum == 62.0
    listed = voltage_limits("recharge_voltage", Series.UNKNOWN, 48, 46.5)
    assert listed is not None
    assert listed.choices == (44.0, 45.0, 46.0, 46.5, 47.0, 48.0, 49.0, 50.0, 51.0)
    assert voltage_limits("float_voltage", Series.KING, None, 54.0) is None


def test_series_by_code_and_name() -> None:
    assert (series_of("023", ""), series_of("", "VMIII-3200"), series_of("", "VMII-4000")) == ("king", "vm3", "unknown")
    assert [battery_class(volts) for volts in (12.0, 24.0, 48.0, 36.0, None)] == [12, 24, 48, None, None]


async def test_limits_as_the_unit_tells_them() -> None:
    async with identified() as (_, client):
        await client.read([FLOAT])
        charge = await client.limits(root("max_charge_current"))
        assert charge.choices is not None
        assert set(charge.choices) >= {10.0, 20.0, 60.0}
        voltage = await client.limits(FLOAT)
        # Above the back-to-grid voltage, up to the absorption voltage.
        assert (voltage.minimum, voltage.maximum, voltage.step) == (48.0, 56.4, 0.1)
        assert (await client.limits(root("cutoff_voltage"))).maximum == pytest.approx(45.9)
        assert set((await client.limits(root("output_source_priority"))).choices or ()) == {
            "utility_first",
            "solar_first",
            "solar_battery_utility",
        }
        redischarge = await client.limits(root("redischarge_voltage"))
        assert redischarge.choices is not None
        assert redischarge.choices[0] == 0.0


# Writing


CASES = [
    ("float_voltage", 53.6, "PBFT53.6"),
    ("absorption_voltage", 57.6, "PCVV57.6"),
    ("recharge_voltage", 47.0, "PBCV47.0"),
    ("redischarge_voltage", 0.0, "PBDV00.0"),
    ("output_source_priority", "utility_first", "POP00"),
    ("charger_source_priority", "solar_first", "PPCP001"),
    ("max_charge_current", 20.0, "MNCHGC0020"),
    ("max_utility_charge_current", 10.0, None),
    ("input_voltage_range", "ups", "PGR01"),
    ("battery_type", "agm", "PBT00"),
    ("solar_power_balance", False, "PSPB0"),
    ("buzzer", False, "PDa"),
    ("max_absorption_time", 60.0, "PCVT060"),
]


@pytest.mark.parametrize(("key", "value", "text"), CASES, ids=[key for key, *_ in CASES])
async def test_a_setting_is_set_and_read_back(key: str, value: Any, text: str | None) -> None:
    async with identified() as (sim, client):
        assert await set_to(client, key, value) == value
        assert len(written(sim)) == 1
        assert text is None or written(sim) == [text]
        report = await client.read([root(key)])
        assert report.readings[root(key)].value == value
        assert client.journal.entry(client.installation.root.serial, key).flash_writes == 1
        # The same again is no write.
        assert await set_to(client, key, value) == value
        assert len(written(sim)) == 1


EQUALIZATION = [
    ("equalization_enabled", False),
    ("equalization_time", 90.0),
    ("equalization_period", 29.0),
    ("equalization_voltage", 58.55),
    ("equalization_timeout", 145.0),
    ("max_discharge_current", 100.0),
    ("operation_logic", "eco"),
    ("feed_to_grid", True),
    ("battery_control", "all_off_standby"),
]


@pytest.mark.parametrize(("key", "value"), EQUALIZATION, ids=[key for key, _ in EQUALIZATION])
async def test_settings_of_newer_units(key: str, value: Any) -> None:
    async with identified("max_8k_48v") as (sim, client):
        assert await set_to(client, key, value) == value
        assert len(written(sim)) == 1


COMMAS = [
    ("float_voltage", 53.6),
    ("absorption_voltage", 57.6),
    ("recharge_voltage", 47.0),
    ("redischarge_voltage", 0.0),
    ("cutoff_voltage", 43.0),
    ("output_source_priority", "solar_first"),
    ("charger_source_priority", "solar_first"),
    ("max_charge_current", 20.0),
    ("max_utility_charge_current", 10.0),
    ("input_voltage_range", "ups"),
    ("solar_power_priority", "load_battery_utility"),
    ("buzzer", False),
]


@pytest.mark.parametrize(("key", "value"), COMMAS, ids=[key for key, _ in COMMAS])
async def test_settings_of_the_comma_dialect(key: str, value: Any) -> None:
    async with identified("lv5048_pi18") as (sim, client):
        others = {"float_voltage", "absorption_voltage", "recharge_voltage", "redischarge_voltage"} - {key}
        before = (await client.read([root(each) for each in others])).readings
        assert await set_to(client, key, value) == value
        assert len(written(sim)) == 1
        # Where one command sets two voltages, the other one keeps what it had.
        after = (await client.read([root(each) for each in others])).readings
        assert {ref: each.value for ref, each in before.items()} == {ref: each.value for ref, each in after.items()}


async def test_shifted_priorities() -> None:
    async with identified("vmii_24v") as (sim, client):
        for slug, text in (("utility_first", "POP02"), ("solar_first", "POP00"), ("solar_battery_utility", "POP01")):
            await set_to(client, "output_source_priority", slug)
            assert written(sim)[-1] == text
        await set_to(client, "charger_source_priority", "solar_first")
        assert written(sim)[-1] == "PCP00"
        with pytest.raises(ValueChoiceError):
            await set_to(client, "charger_source_priority", "utility_first")


async def test_a_member_of_the_group_is_set_by_its_number() -> None:
    async with identified() as (sim, client):
        ref = Ref("inverter1", "charger_source_priority")
        before = sim.field("QPIRI", 17)
        assert (await client.write(ref, "solar_first")).value == "solar_first"
        assert written(sim) == ["PPCP101"]
        assert sim.field("QPIRI", 17) == before


@pytest.mark.parametrize("form", ["MNCHGC0nnn", "MNCHGCnnn", "MCHGCnnn"])
async def test_the_form_that_works_is_found_and_remembered(form: str) -> None:
    async with identified("easun_48v", charge_forms=(form,)) as (sim, client):
        await set_to(client, "max_charge_current", 20.0)
        tried = len(sim.writes)
        await set_to(client, "max_charge_current", 30.0)
        assert len(sim.writes) == tried + 1
        assert "max_charge_current" in client.installation.facts["forms"]


@pytest.mark.parametrize("zero", ["vendor", "bumped", "both"])
async def test_a_checksum_with_a_zero_is_tried_in_both_forms(zero: str) -> None:
    """PBFT48.8 is one of the texts whose checksum contains 00."""
    async with identified(timing=HASTY, request_zero=zero) as (sim, client):
        sim.set_field("QPIRI", 8, "44.0")
        assert await set_to(client, "float_voltage", 48.8) == 48.8
        assert len(sim.bad_requests) == (zero == "bumped")
        await set_to(client, "float_voltage", 53.0)
        await set_to(client, "float_voltage", 48.8)
        assert len(sim.bad_requests) == (zero == "bumped")
        wanted = {"vendor": "vendor", "bumped": "zero_bumped", "both": "vendor"}[zero]
        assert client.installation.facts["checksum"] == wanted


async def test_over_usb_the_form_without_zero_goes_first() -> None:
    options: dict[str, Any] = {"request_zero": "both", "usb_drops_zero": True}
    async with simulated(**options) as sim, client_on(usb(sim), form=Checksum.ZERO_BUMPED) as client:
        await client.identify()
        sim.set_field("QPIRI", 8, "44.0")
        assert await set_to(client, "float_voltage", 48.8) == 48.8
        assert sim.bad_requests == []


async def test_a_unit_that_takes_a_moment() -> None:
    async with identified(apply_delay=0.05) as (sim, client):
        assert await set_to(client, "float_voltage", 53.6) == 53.6
        assert len(written(sim)) == 1


# Refused early


REFUSED: list[tuple[str, Any, type[SolarError]]] = [
    ("float_voltage", 70.0, ValueRangeError),
    ("float_voltage", 53.65, ValueStepError),
    ("float_voltage", "54", ValueKindError),
    ("float_voltage", True, ValueKindError),
    ("float_voltage", 57.0, NotBelowError),
    ("absorption_voltage", 53.0, NotAboveError),
    ("recharge_voltage", 46.3, ValueChoiceError),
    ("cutoff_voltage", 46.0, NotBelowError),
    ("max_charge_current", 33.0, ValueChoiceError),
    ("output_source_priority", "nonsense", ValueChoiceError),
    ("buzzer", 1, ValueKindError),
    ("max_absorption_time", 903.0, ValueRangeError),
    ("ac_output_power", 1.0, NotWritableError),
    ("charge_manager", True, NotWritableError),
    ("output_mode", "single", NeedsConsentError),
]


@pytest.mark.parametrize(("key", "value", "error"), REFUSED, ids=[f"{key}-{value}" for key, value, _ in REFUSED])
async def test_what_is_refused_before_it_is_sent(key: str, value: Any, error: type[SolarError]) -> None:
    async with identified() as (sim, client):
        with pytest.raises(error):
            await set_to(client, key, value)
        assert sim.writes == []


async def test_back_to_battery_must_stay_above_back_to_grid_unless_it_means_full() -> None:
    async with identified() as (sim, client):
        sim.set_field("QPIRI", 22, "48.0")
        with pytest.raises(NotBelowError):
            await set_to(client, "recharge_voltage", 48.0)
        await set_to(client, "redischarge_voltage", 0.0)
        assert await set_to(client, "recharge_voltage", 48.0) == 48.0


async def test_the_float_voltage_may_reach_the_absorption_voltage() -> None:
    async with identified() as (_, client):
        assert await set_to(client, "float_voltage", 56.4) == 56.4


async def test_too_often() -> None:
    async with identified(timing=replace(PATIENT, between_writes=60.0)) as (sim, client):
        await set_to(client, "float_voltage", 53.6)
        with pytest.raises(TooSoonError):
            await set_to(client, "float_voltage", 53.5)
        assert await set_to(client, "buzzer", False) is False
        assert len(sim.writes) == 2


async def test_the_daily_budget() -> None:
    async with identified() as (sim, client):
        for number in range(WRITES_PER_DAY):
            await set_to(client, "buzzer", bool(number % 2))
        with pytest.raises(WriteBudgetError):
            await set_to(client, "buzzer", False)
        assert len(sim.writes) == WRITES_PER_DAY
        assert client.troubles == {}


async def test_many_writes_in_a_day_are_told() -> None:
    async with identified() as (_, client):
        keys = ("buzzer", "backlight", "power_saving", "fault_record")
        report = await client.read([root(key) for key in keys])
        now = {key: bool(report.readings[root(key)].value) for key in keys}
        for number in range(61):
            assert client.troubles == {}
            key = keys[number % len(keys)]
            now[key] = not now[key]
            await set_to(client, key, now[key])
        assert set(client.troubles) == {"many_setting_writes"}


@pytest.mark.parametrize(
    ("key", "value", "budget"),
    [("absorption_voltage", 57.0, WRITES_PER_DAY), ("float_voltage", 53.6, RESTORES_PER_DAY)],
)
async def test_the_journal_of_a_run_before_counts(key: str, value: float, budget: int) -> None:
    journal = Journal()
    async with identified(journal=journal) as (_, client):
        serial = client.installation.root.serial
        for _ in range(budget):
            journal.wrote_flash(serial, key)
        with pytest.raises(WriteBudgetError):
            await set_to(client, key, value)


async def test_what_is_so_already_is_written_only_when_it_must_be_proven() -> None:
    async with identified() as (simulator, client):
        ref = Ref(client.installation.root.id, "float_voltage")
        own = (await client.read([ref])).readings[ref].value
        await client.write(ref, own)
        assert not simulator.writes
        assert (await client.write(ref, own, permanent=True)).value == own
        assert [write.text for write in simulator.writes] == [f"PBFT{own:04.1f}"]


# Refused by the unit


async def test_a_value_that_the_unit_refuses_now() -> None:
    async with identified() as (sim, client):
        sim.faults.set("refused", count=1)
        with pytest.raises(DeviceRefusedError, match=r"does not accept 53\.6 for Float voltage"):
            await set_to(client, "float_voltage", 53.6)
        # The present value was written again to see whether it can be set at all: it can.
        assert written(sim) == ["PBFT54.0"]
        assert client.troubles == {}
        assert client.points(client.installation.root)["float_voltage"].writable


async def test_a_unit_that_refuses_a_voltage_altogether() -> None:
    async with identified("vmii_24v") as (sim, client):
        with pytest.raises(NotSupportedError, match="does not let Float voltage be set"):
            await set_to(client, "float_voltage", 27.0)
        points = client.points(client.installation.root)
        assert not points["float_voltage"].writable
        assert "charge_manager" not in points
        assert dict(client.troubles) == {"settings_not_accepted": {"settings": "Float voltage"}}
        assert client.installation.facts["refused"] == ["float_voltage"]
        with pytest.raises(NotWritableError):
            await set_to(client, "float_voltage", 27.0)
        assert written(sim) == []


async def test_a_unit_that_keeps_another_value() -> None:
    async with identified(apply_delay=3600.0) as (_, client):
        with pytest.raises(NotKeptError, match=r"sent as 53\.6, but the device kept 54"):
            await set_to(client, "float_voltage", 53.6)


# Lost answers


async def test_a_lost_answer_is_read_back_and_not_repeated() -> None:
    async with identified(timing=HASTY) as (sim, client):
        answer = sim.inverter.answer

        def answering(text: str) -> Any:
            if text.startswith("PBFT"):
                sim.faults.set("lost_answer", count=1)
            return answer(text)

        sim.inverter.answer = answering  # type: ignore[method-assign]
        assert await set_to(client, "float_voltage", 53.6) == 53.6
        assert written(sim) == ["PBFT53.6"]
        assert sim.requests == ["QPIRI", "PBFT53.6", "QPIRI", "QPIRI"]


async def test_a_lost_command_is_sent_again_after_reading_back() -> None:
    async with identified(timing=HASTY) as (sim, client):
        answer = sim.inverter.answer
        lost: list[str] = []

        def answering(text: str) -> Any:
            if text.startswith("PBFT") and not lost:
                lost.append(text)
                return None
            return answer(text)

        sim.inverter.answer = answering  # type: ignore[method-assign]
        assert await set_to(client, "float_voltage", 53.6) == 53.6
        assert sim.requests.count("PBFT53.6") == 2
        between = sim.requests[sim.requests.index("PBFT53.6") + 1 :]
        assert between[0] == "QPIRI"


async def test_a_command_that_is_never_answered_is_uncertain() -> None:
    async with identified(timing=HASTY) as (sim, client):
        answer = sim.inverter.answer

        def answering(text: str) -> Any:
            return None if text.startswith("PBFT") else answer(text)

        sim.inverter.answer = answering  # type: ignore[method-assign]
        with pytest.raises(WriteUncertainError):
            await set_to(client, "float_voltage", 53.6)
        assert sim.requests.count("PBFT53.6") == 2


async def test_what_the_unit_kept_is_shown_when_another_was_set_meanwhile() -> None:
    async with identified(timing=HASTY) as (sim, client):
        answer = sim.inverter.answer

        def answering(text: str) -> Any:
            if text.startswith("PBFT"):
                sim.set_field("QPIRI", 11, "52.0")
                return None
            return answer(text)

        sim.inverter.answer = answering  # type: ignore[method-assign]
        with pytest.raises(NotKeptError, match="kept 52"):
            await set_to(client, "float_voltage", 53.6)
        assert sim.requests.count("PBFT53.6") == 1


# The clock


@pytest.mark.parametrize("profile", ["max_8k_48v", "lv5048_pi18"])
async def test_setting_the_clock(profile: str) -> None:
    async with identified(profile) as (sim, client):
        client._access.wall_clock = lambda: sim.inverter.plant.now
        report = await client.read([root("clock_drift")])
        drift = report.readings[root("clock_drift")].value
        assert isinstance(drift, int)
        assert await set_to(client, "set_clock", True) is True
        [text] = written(sim)
        assert "DAT" in text
        report = await client.read([root("clock_drift")])
        assert abs(report.readings[root("clock_drift")].value) <= 1  # type: ignore[arg-type]
        with pytest.raises(ValueKindError):
            await set_to(client, "set_clock", False)


@given(st.text(max_size=20))
def test_no_text_slips_through_as_a_query(text: str) -> None:
    try:
        query = check_command(text, confirmed=False)
    except NeedsConsentError, ValueKindError:
        return
    assert query
    assert text.startswith(("Q", "VERFW:", "^P"))
