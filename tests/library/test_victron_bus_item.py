"""The tree of paths of one service: values, texts, and who may set what. No connection."""

import pytest
from dbus_fast import Variant
from hypothesis import given, strategies as st

from custom_components.local_solar.solarlink.victron_gx.bus_item import BusItem, BusTree, Kind, SetReply

POWER = BusItem(kind=Kind.REAL, unit="W")
VOLTAGE = BusItem(kind=Kind.REAL, digits=2, unit="V")
STATE = BusItem(kind=Kind.WHOLE)


def accepted(text: str) -> str | None:
    return text.strip() if len(text) < 10 else None


def tree() -> BusTree:
    return BusTree(
        {
            "/Dc/0/Power": POWER,
            "/Dc/0/Voltage": VOLTAGE,
            "/Dc/1/Voltage": VOLTAGE,
            "/Connected": STATE,
            "/Serial": BusItem(kind=Kind.TEXT),
            "/CustomName": BusItem(kind=Kind.TEXT, accept=accepted),
        },
        {"/Dc/0/Power": 312, "/Dc/0/Voltage": 52.0, "/Connected": True, "/Serial": "1141", "/CustomName": "Shed"},
    )


@pytest.mark.parametrize(
    ("item", "value", "variant", "text"),
    [
        (POWER, 312.0, Variant("d", 312.0), "312W"),
        (POWER, 312, Variant("d", 312.0), "312W"),
        (POWER, -0.0, Variant("d", 0.0), "0W"),
        (POWER, 3.14159, Variant("d", 3.1), "3W"),
        (POWER, None, Variant("ai", []), "---"),
        (POWER, float("nan"), Variant("ai", []), "---"),
        (POWER, float("inf"), Variant("ai", []), "---"),
        (VOLTAGE, 52.123456, Variant("d", 52.123), "52.12V"),
        (STATE, 1, Variant("i", 1), "1"),
        (STATE, True, Variant("i", 1), "1"),
        (STATE, 0xFFFF, Variant("i", 65535), "65535"),
        (BusItem(kind=Kind.TEXT), "Shed", Variant("s", "Shed"), "Shed"),
        (BusItem(kind=Kind.TEXT), None, Variant("ai", []), "---"),
    ],
)
def test_values_have_the_types_of_the_wire(
    item: BusItem, value: float | str | None, variant: Variant, text: str
) -> None:
    held = item.hold(value)
    assert item.pair(held) == {"Value": variant, "Text": Variant("s", text)}
    assert str(item.variant(held).value) != "-0.0"


@pytest.mark.parametrize(
    ("item", "value", "error"),
    [
        (POWER, "312", TypeError),
        (STATE, 1.5, TypeError),
        (STATE, 2**31, ValueError),
        (BusItem(kind=Kind.TEXT), 5, TypeError),
    ],
)
def test_values_of_another_kind_are_refused(item: BusItem, value: float | str, error: type[Exception]) -> None:
    with pytest.raises(error):
        item.hold(value)


def test_an_update_tells_only_what_changed() -> None:
    items = tree()
    assert items.update({"/Dc/0/Power": 312.04, "/Dc/0/Voltage": 51.9, "/Dc/1/Voltage": None}) == {"/Dc/0/Voltage"}
    assert items["/Dc/0/Voltage"] == 51.9
    assert items.update({"/Dc/0/Power": None}) == {"/Dc/0/Power"}
    assert items.update({"/Dc/0/Power": float("nan")}) == set()


def test_an_update_is_taken_as_a_whole_or_not_at_all() -> None:
    items = tree()
    with pytest.raises(KeyError):
        items.update({"/Dc/0/Power": 1.0, "/Nowhere": 1})
    with pytest.raises(TypeError):
        items.update({"/Dc/0/Power": 1.0, "/Serial": 5})
    assert items["/Dc/0/Power"] == 312.0


def test_get_items_has_all_paths() -> None:
    items = tree().items()
    assert list(items) == ["/Dc/0/Power", "/Dc/0/Voltage", "/Dc/1/Voltage", "/Connected", "/Serial", "/CustomName"]
    assert items["/Dc/1/Voltage"] == {"Value": Variant("ai", []), "Text": Variant("s", "---")}


def test_get_value_of_leaves_branches_and_the_root() -> None:
    items = tree()
    assert items.value("/Dc/0/Power") == Variant("d", 312.0)
    assert items.text("/Dc/0/Voltage") == Variant("s", "52.00V")
    for branch in ("/Dc/0", "/Dc/0/"):
        assert items.value(branch) == Variant("a{sv}", {"Power": Variant("d", 312.0), "Voltage": Variant("d", 52.0)})
    root = items.value("/")
    assert root is not None
    assert set(root.value) == {"Dc/0/Power", "Dc/0/Voltage", "Dc/1/Voltage", "Connected", "Serial", "CustomName"}
    texts = items.text("/Dc")
    assert texts == Variant(
        "a{sv}",
        {"0/Power": Variant("s", "312W"), "0/Voltage": Variant("s", "52.00V"), "1/Voltage": Variant("s", "---")},
    )
    assert items.value("/Dc/2") is None
    assert items.value("/D") is None
    assert items.text("/CustomName/0") is None


def test_children_are_what_is_right_below() -> None:
    assert tree().children("/") == ("Dc", "Connected", "Serial", "CustomName")
    assert tree().children("/Dc") == ("0", "1")
    assert tree().children("/Dc/0") == ("Power", "Voltage")
    assert tree().children("/Dc/0/Power") == ()


@pytest.mark.parametrize(
    ("path", "value", "reply", "kept"),
    [
        ("/CustomName", " Barn ", SetReply.ACCEPTED, "Barn"),
        ("/CustomName", "far too long", SetReply.REJECTED, "Shed"),
        ("/CustomName", 5, SetReply.NOT_WRITABLE, "Shed"),
        ("/CustomName", [], SetReply.NOT_WRITABLE, "Shed"),
        ("/Serial", "2", SetReply.NOT_WRITABLE, "1141"),
        ("/Dc/0/Power", 5.0, SetReply.NOT_WRITABLE, 312.0),
        ("/Dc", "x", None, None),
        ("/Nowhere", "x", None, None),
    ],
)
def test_set_value(path: str, value: object, reply: SetReply | None, kept: object) -> None:
    items = tree()
    assert items.set(path, value) is reply
    assert items.get(path) == kept


@given(st.one_of(st.floats(), st.integers(-(2**31), 2**31)), st.integers(0, 3))
def test_whatever_is_held_goes_on_the_wire_and_stays(value: float, digits: int) -> None:
    """What is held is held again as the same, or every update would tell the GX a change."""
    item = BusItem(kind=Kind.REAL, digits=digits)
    held = item.hold(value)
    assert item.hold(held) == held
    assert item.variant(held).signature == ("ai" if held is None else "d")
