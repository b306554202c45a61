"""The catalogue of everything that Studer's devices know: complete, searchable, no more dangerous than it must be."""

import csv
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.points import Access, Pace, Quantity, Risk, Wear
from custom_components.local_solar.solarlink.studer import catalogue
from custom_components.local_solar.solarlink.studer.address import StuderPoint
from custom_components.local_solar.solarlink.studer.codec import Format, ObjectType
from custom_components.local_solar.solarlink.studer.orders import ORDERS
from custom_components.local_solar.solarlink.studer.points import POINTS
from custom_components.local_solar.solarlink.studer.settings import MIRRORS

REFERENCE = Path(__file__).parents[3] / "shared" / "protocols" / "studer"
KINDS = ("xt", "vt", "vs", "bsp", "bms", "gateway")
ENTRIES = [entry for kind in KINDS for entry in catalogue.catalogue(kind)]
RISKS = {"normal": Risk.NORMAL, "installer": Risk.INSTALLER, "outage": Risk.OUTAGE, "destructive": Risk.NEVER}
FORMATS = {
    "BOOL": Format.BOOL,
    "SHORT_ENUM": Format.SHORT_ENUM,
    "LONG_ENUM": Format.LONG_ENUM,
    "INT32": Format.INT32,
    "FLOAT": Format.FLOAT,
}


def point(kind: str, number: int) -> StuderPoint:
    found = catalogue.point_at(kind, number)
    assert found is not None
    return found


def reference(name: str) -> list[dict[str, str]]:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip("the protocol reference is not at hand")
    with path.open(encoding="utf-8", newline="") as table:
        return [row | {"family": row["family"].replace("rcc", "gateway")} for row in csv.DictReader(table)]


def test_every_info_of_the_reference_is_there() -> None:
    rows = reference("infos.csv")
    assert len(rows) == 335
    for row in rows:
        info = point(row["family"], int(row["number"]))
        assert info.address.object_type is ObjectType.INFO
        assert info.address.format is FORMATS[row["scom_format"]]
        assert info.access is Access.READ


def test_every_parameter_of_the_reference_that_can_be_read_or_triggered_is_there() -> None:
    rows = [row for row in reference("params.csv") if row["kind"] not in ("menu", "unsupported")]
    assert len(rows) == 937
    for row in rows:
        setting = point(row["family"], int(row["number"]))
        assert setting.address.object_type is ObjectType.PARAMETER
        assert setting.address.format is FORMATS[row["scom_format"]]
        assert (setting.access is Access.PRESS) == (row["kind"] == "signal")
        if row["number"] != "5103":
            assert setting.risk is RISKS[row["risk"]], row
        if row["kind"] == "float":
            # The reference rounds to one decimal what moves in quarters.
            assert setting.maximum == pytest.approx(float(row["max"]))
            assert setting.minimum == pytest.approx(float(row["min"]), abs=0.051)


def test_registers_and_places_in_the_menu_are_those_of_the_reference() -> None:
    known = {(entry.kind, entry.number): entry for entry in ENTRIES}
    for row in (*reference("infos.csv"), *reference("params.csv")):
        entry = known.get((row["family"], int(row["number"])))
        if entry is not None:
            assert entry.register == (int(row["modbus485i_register"]) if row["modbus485i_register"] else None)
            # One heading hangs in two places; what is below it for the VS-70 is shown one step higher.
            path = row.get("menu_path", "").replace("VS-70 > Type of MPPT algorithm", "VS-70")
            assert entry.menu == path


def test_everything_can_be_found_by_its_key_and_by_its_number() -> None:
    assert len(ENTRIES) == 1272
    assert len({(entry.kind, entry.key) for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        found = point(entry.kind, entry.number)
        assert catalogue.find(entry.kind, str(entry.number)) == found
        assert catalogue.find(entry.kind, found.key) == found
        assert entry.curated or entry.key == found.key
        assert entry.name == found.name


@pytest.mark.parametrize(
    "name", ["", "0", "1100", "99999", "start_hour_aux_1", "start_hour_aux_1_1211x", "no_such", "x_1206", "²"]
)
def test_what_is_not_there_or_could_be_several_is_not_found(name: str) -> None:
    assert catalogue.find("xt", name) is None
    assert catalogue.find("no_such_kind", name) is None


def test_names_that_several_share_are_told_apart() -> None:
    for kind in KINDS:
        names = [entry.name for entry in ENTRIES if entry.kind == kind]
        assert len(set(names)) == len(names)
    assert point("xt", 1206).name == "Start hour (AUX 1) (1206)"
    assert point("xt", 1140).name == "Floating voltage"


def test_kinds_of_settings() -> None:
    hour = point("xt", 1206)
    assert (hour.quantity, hour.access, hour.wear) == (Quantity.TIME_OF_DAY, Access.READ_WRITE, Wear.RAM)
    days = point("xt", 1205)
    assert (days.quantity, days.minimum, days.maximum, days.step) == (Quantity.COUNT, 0, 127, 1)
    mode = point("xt", 1202)
    assert mode.options == {1: "automatic", 2: "reversed_automatic", 4: "manual_on", 8: "manual_off"}
    assert point("xt", 1124).quantity is Quantity.FLAG
    assert point("xt", 1142).access is Access.PRESS
    assert point("gateway", 5002).access is Access.READ
    energy = point("vt", 11009)
    assert (energy.unit, energy.address.factor, energy.pace) == ("kWh", 1000.0, Pace.MINUTE)


def test_what_must_never_be_written_cannot_be() -> None:
    for kind, number in (("xt", 1395), ("xt", 1287), ("gateway", 5047), ("gateway", 5061), ("gateway", 5103)):
        assert not point(kind, number).writable
    for kind, number in (("xt", 1124), ("xt", 1128), ("xt", 1399), ("xt", 1468), ("gateway", 5121)):
        assert point(kind, number).risk is Risk.OUTAGE
    installer = [e for e in ENTRIES if e.level in ("installer", "qsp") and point(e.kind, e.number).risk is Risk.NORMAL]
    assert installer == []


def test_watchdogs_are_only_set_for_good() -> None:
    for kind, numbers in {
        "xt": (1628, 1629),
        "vt": (10342, 10343),
        "vs": (14218, 14219),
        "gateway": (5095, 5096),
    }.items():
        assert {point(kind, number).wear for number in numbers} == {Wear.FLASH}


def test_points_of_the_table_agree_with_the_catalogue() -> None:
    for curated in POINTS:
        if not curated.measured or curated.quantity is Quantity.EVENT:
            continue
        for number in curated.address.numbers:
            kind = curated.unit_kind
            if curated.address.aggregate:
                kind = {3: "xt", 11: "vt", 15: "vs"}[number // 1000]
            raw = point(kind, number)
            assert raw.address.object_type is curated.address.object_type
            assert raw.unit == curated.unit, curated.key
            assert abs(raw.address.factor) == abs(curated.address.factor), curated.key
            assert (raw.access is Access.READ) == (curated.access is Access.READ)
            assert (raw.minimum, raw.maximum, raw.step) == (curated.minimum, curated.maximum, curated.step)
            if curated.quantity is not Quantity.STATE or curated.access is not Access.READ:
                assert raw.address.format is curated.address.format, curated.key
            assert set(curated.options) <= set(raw.options) or curated.key in ("phase", "pv_mode")


def test_orders_and_mirrors_name_parameters_that_exist() -> None:
    for order in ORDERS:
        low, high = point(order.kind, order.low), point(order.kind, order.high)
        assert low.unit == high.unit
    for (kind, number), info in MIRRORS.items():
        assert point(kind, number).unit == point(kind, info).unit
    for curated in POINTS:
        for other, stays_below in ((curated.below, True), (curated.above, False)):
            if other is None:
                continue
            numbers = {p.key: p.address.number for p in POINTS if p.unit_kind == curated.unit_kind}
            pair = (curated.address.number, numbers[other]) if stays_below else (numbers[other], curated.address.number)
            assert pair in {(order.low, order.high) for order in ORDERS}


@pytest.mark.parametrize(
    ("kind", "number", "battery", "mains", "expected"),
    [
        ("xt", 1156, 48.0, 230.0, (37.9, 72.0)),
        ("xt", 1156, None, None, (37.9, 72.0)),
        ("xt", 1156, 24.0, 230.0, (18.95, 36.0)),
        ("xt", 1156, 12.0, 230.0, (9.475, 18.0)),
        ("xt", 1107, 12.0, 230.0, (2.0, 50.0)),
        ("xt", 1286, 48.0, 230.0, (110.0, 280.0)),
        ("xt", 1286, 48.0, 120.0, (55.0, 140.0)),
        ("xt", 3000, 48.0, 230.0, (None, None)),
        ("xt", 1142, 48.0, 230.0, (None, None)),
    ],
)
def test_limits_of_the_table_follow_the_system(
    kind: str, number: int, battery: float | None, mains: float | None, expected: tuple[Any, Any]
) -> None:
    assert catalogue.fallback_limits(kind, number, battery, mains) == pytest.approx(expected)
