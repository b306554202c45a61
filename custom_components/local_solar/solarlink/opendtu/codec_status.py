"""The slower answers of the DTU to values: event log, inverter data, settings, what OnBattery adds (sections 3, 11)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .codec import Json, flag, list_of, measured, number, object_of, serial_of, text_of, whole

_DAY = 86400
_SLOW_BEFORE = "2021"
"""Year of the firmware from which an inverter follows a limit at once (section 8)."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of an event log; times are seconds as they came, ``end`` 0 while it lasts."""

    message_id: int
    message: str
    start: int
    end: int

    @property
    def active(self) -> bool:
        """Whether it still lasts."""
        return self.end == 0


def time_of_day(seconds: int) -> str:
    """Seconds of the day, to which a time zone was added blindly, as a time of day."""
    minutes, second = divmod(seconds % _DAY, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"


def decode_events(content: Json) -> tuple[LogEntry, ...]:
    """An event log, nested under the serial number (before v23.4.4) or not, as it is ordered."""
    if "events" not in content:
        nested = [each for each in content.values() if isinstance(each, dict) and "events" in each]
        content = nested[0] if len(nested) == 1 else {}
    return tuple(_entries(content))


def _entries(content: Json) -> Iterator[LogEntry]:
    for each in list_of(content.get("events")):
        entry = object_of(each)
        found, start = whole(entry.get("message_id")), whole(entry.get("start_time"))
        if found is not None and start is not None:
            yield LogEntry(found, text_of(entry.get("message")), start, whole(entry.get("end_time")) or 0)


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What an inverter says of itself."""

    model: str
    firmware: int
    """Major x 10000 + minor x 100 + patch."""
    hardware: str
    part_number: int
    rated_power: float | None
    built: str
    """When the firmware was built, as it came."""

    @property
    def version(self) -> str:
        """The firmware as people read it."""
        major, rest = divmod(self.firmware, 10000)
        return f"{major}.{rest // 100}.{rest % 100}" if self.firmware else ""

    @property
    def slow(self) -> bool:
        """Whether it moves its limit by about 0.5 % of the rated power per second only (section 8)."""
        return self.built[:4].isdecimal() and self.built[:4] < _SLOW_BEFORE

    @property
    def second_firmware(self) -> bool:
        """Whether its firmware is of version 2."""
        return self.firmware // 10000 == 2


def decode_device(content: Json) -> DeviceInfo | None:
    """``/api/devinfo/status``; ``None`` while the inverter has not told it."""
    if not flag(content.get("valid_data")):
        return None
    return DeviceInfo(
        text_of(content.get("hw_model_name")),
        whole(content.get("fw_build_version")) or 0,
        text_of(content.get("hw_version")),
        whole(content.get("hw_part_number")) or 0,
        number(content.get("max_power")) or None,
        text_of(content.get("fw_build_datetime")),
    )


@dataclass(frozen=True, slots=True)
class InverterConfig:
    """How the DTU was told to treat an inverter."""

    name: str
    polling: bool
    commands: bool
    commands_at_night: bool
    strings: tuple[str, ...]


def decode_list(content: Json) -> dict[str, InverterConfig]:
    """``/api/inverter/list`` by serial number."""
    found = {}
    for each in list_of(content.get("inverter")):
        entry = object_of(each)
        if serial := serial_of(entry.get("serial")):
            commands = flag(entry.get("command_enable"))
            at_night = flag(entry.get("command_enable_night"))
            found[serial] = InverterConfig(
                text_of(entry.get("name")),
                flag(entry.get("poll_enable")) is not False,
                commands is not False,
                at_night is not False,
                tuple(text_of(object_of(channel).get("name")) for channel in list_of(entry.get("channel"))),
            )
    return found


# OpenDTU-OnBattery


def decode_battery(content: Json) -> dict[str, float | bool | None]:
    """``/api/batterylivedata/status``: its values by their names, ``issues`` as whether there is one."""
    values = object_of(content.get("values"))
    found: dict[str, float | bool | None] = {"data_age": number(content.get("data_age"))}
    # Values sit in groups since 2024 and lay flat before.
    for name, each in values.items():
        group = object_of(each)
        if "v" in group:
            found[name] = measured(group)
        else:
            found |= {key: measured(value) for key, value in group.items() if "v" in object_of(value)}
    issues = content.get("issues")
    if isinstance(issues, dict | list):
        found["issues"] = bool(issues)
    return found


@dataclass(frozen=True, slots=True)
class Charger:
    """One solar charger: what it is, and its values by their names."""

    name: str
    firmware: str
    values: Mapping[str, float | None]


def decode_chargers(content: Json) -> dict[str, Charger]:
    """``/api/solarchargerlivedata/status`` or its predecessor, by serial number of the charger."""
    outer = object_of(content.get("solarcharger") or content.get("vedirect"))
    found = {}
    for serial, each in object_of(outer.get("instances")).items():
        charger = object_of(each)
        if not serial or not charger:
            continue
        values: dict[str, float | None] = {}
        for group in ("output", "input"):
            for name, value in object_of(object_of(charger.get("values")).get(group)).items():
                values[name] = measured(value)
        age = number(charger.get("data_age_ms"))
        values["data_age"] = None if age is None else round(age / 1000.0, 1)
        firmware = charger.get("firmware_version")
        found[serial] = Charger(text_of(charger.get("product_id")), text_of(firmware), values)
    return found


@dataclass(frozen=True, slots=True)
class Limiter:
    """The power limiter inside the DTU: whether it works, and on which inverters."""

    enabled: bool
    governed: frozenset[str]


def decode_limiter(content: Json) -> Limiter:
    """``/api/powerlimiter/status``."""
    governed = (object_of(each) for each in list_of(content.get("inverters")))
    return Limiter(
        bool(flag(content.get("enabled"))),
        frozenset(serial_of(each.get("serial")) for each in governed if flag(each.get("is_governed"))) - {""},
    )


def decode_profile(content: Json) -> str:
    """``/api/gridprofile/status``: name and version of the grid code, empty while it is not known."""
    return " ".join(filter(None, (text_of(content.get("name")), text_of(content.get("version")))))
