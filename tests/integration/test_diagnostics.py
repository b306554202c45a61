"""The diagnostics download tells what happened on the wire and nothing about whose wire it is."""

import json
import struct
from typing import Any
from uuid import UUID

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry

from custom_components.local_solar.redaction import patterns_of, scrub, scrub_trace
from custom_components.local_solar.solarlink.trace import Direction, Record, Trace

from .common import Find, poll, set_number
from .conftest import GUID

SERIALS = ("0001A2F3", "0001A404", "0003C5D7", "0003C6E8", "0004D6E9")


async def download(hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry) -> dict[str, Any]:
    assert await async_setup_component(hass, "diagnostics", {})
    result: dict[str, Any] = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    return result


async def test_content_and_redaction(
    hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry, entity_id: Find
) -> None:
    await set_number(hass, entity_id("smart_boost_limit"), 35)
    await poll(entry.runtime_data)
    shown = await download(hass, hass_client, entry)
    assert shown["link"]["exchanges"] > 10
    assert shown["link"]["state"] == "connected"
    assert shown["polling"]["interval"] == 30
    assert shown["readings"]["xt1 ac_output_power"]["fresh"] is True
    assert "smart_boost_limit" in shown["points"]["xt1"]
    assert "**REDACTED**/smart_boost_limit" in shown["journal"]
    data = [record["data"] for record in shown["trace"] if "data" in record]
    assert any(text.startswith("aa ") for text in data)
    assert any(text.startswith("**REDACTED**") for text in data)
    text = json.dumps(shown).lower()
    assert "127.0.0.1" not in text
    plain = text.replace(" ", "")
    for secret in (*SERIALS, GUID, GUID.replace("-", ""), UUID(GUID).bytes[::-1].hex()):
        assert secret.lower() not in text
        assert secret.lower() not in plain
    for serial in SERIALS:
        assert struct.pack("<f", int(serial, 16) & 0xFFFF).hex() not in plain


async def test_far_end_is_redacted(hass: HomeAssistant, hass_client: Any, entry: MockConfigEntry) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, "peer": "192.168.7.9", "host": "moxa.example"})
    shown = await download(hass, hass_client, entry)
    assert shown["entry"]["data"]["peer"] == "**REDACTED**"
    assert shown["entry"]["data"]["host"] == "**REDACTED**"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connected: 192.168.1.5", "connected: **REDACTED**"),
        ("No connection to 10.0.0.1:4001: refused.", "No connection to **REDACTED**:4001: refused."),
        ("from fe80::1ff:fe23:4567:890a", "from **REDACTED**"),
        ("firmware 1.6.78", "firmware 1.6.78"),
        ("12:34:56", "12:34:56"),
        ("1.2.3.4.5 and 5.1.2.3.4", "1.2.3.4.5 and 5.1.2.3.4"),
        ("ABC1 of gateway", "**REDACTED** of gateway"),
        ("shelly-abc1", "shelly-**REDACTED**"),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert scrub({"x": [text]}, ["ABC1", ""]) == {"x": [shown]}


@pytest.mark.parametrize(
    ("serial", "data"),
    [
        ("0001A2F3", b"\x00\x01\xa2\xf3"),
        ("0001A2F3", b"\xf3\xa2\x01\x00"),
        ("0001A2F3", struct.pack("<f", 0xA2F3)),
        ("0001A2F3", struct.pack(">f", 0xA2F3)),
        ("1A2BA2F3", struct.pack("<f", 0x1A2B)),
        ("HS1234567", b"HS1234567"),
        ("HS1234567", b"SH214365\0007"),
        ("aabbcc000001", b"AABBCC000001"),
        ("AABBCC000001", b"aabbcc000001"),
        ("HPTCR00000000001", b"48505443523030303030303030303031"),
        ("116180012345", (116180012345).to_bytes(8, "little")),
        ("116180012345", b"116180012345"),
        (GUID, UUID(GUID).bytes),
        (GUID, UUID(GUID).bytes[::-1]),
        (GUID, UUID(GUID).bytes_le),
    ],
)
def test_every_form_of_a_serial_number(serial: str, data: bytes) -> None:
    assert any(pattern in data for pattern in patterns_of(serial))
    half = len(data) // 2
    for pieces in ([b"xx" + data + b"yy"], [b"xx" + data[:half], data[half:] + b"yy"]):
        trace = Trace()
        trace.add(Direction.RECEIVED, b"before")
        trace.add(Direction.SENT, b"question")
        for piece in pieces:
            trace.add(Direction.RECEIVED, piece)
        trace.add(Direction.NOTE, note="remark")
        shown = scrub_trace(trace, [serial])
        assert [str(record.get("data", "")).startswith("**REDACTED**") for record in shown] == [
            False,
            False,
            *(True for _ in pieces),
            False,
        ]
        assert "bytes)" in str(shown[2]["data"])


def test_common_values_stay() -> None:
    """The upper half of a short serial number is 1: hiding every 1.0 would hide everything."""
    record = Record(0.0, Direction.RECEIVED, struct.pack("<f", 1.0))
    assert scrub_trace([record], ["0001A2F3"]) == [record.as_dict()]
