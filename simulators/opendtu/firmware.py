"""What a release of the firmware does differently from others (reference section 9)."""

import re
from dataclasses import dataclass

type Version = tuple[int, int, int]

_TAG = re.compile(r"v?(?:20)?(\d\d)\.(\d{1,2})\.(\d{1,2})(?:-.+)?")


@dataclass(frozen=True, slots=True)
class Firmware:
    """One release: its tag as the DTU tells it, and whether it is OpenDTU-OnBattery."""

    tag: str
    version: Version
    on_battery: bool = False

    @classmethod
    def of(cls, tag: str, *, on_battery: bool = False) -> Firmware:
        """Read a tag such as ``v24.2.12``, ``v25.9.11-Database`` or ``2026.03.31``; `ValueError` for another text."""
        match = _TAG.fullmatch(tag)
        if match is None:
            raise ValueError(f"{tag!r} is no release of the firmware")
        year, month, day = (int(part) for part in match.groups())
        return cls(tag, (year, month, day), on_battery)

    def since(self, year: int, month: int, day: int = 1) -> bool:
        """Tell whether this release is that of a date, or younger."""
        return self.version >= (year, month, day)

    @property
    def all_in_one(self) -> bool:
        """Return whether live data hold all inverters in full, with four values under AC.0 instead of INV.0."""
        return not self.since(24, 2, 12)

    @property
    def by_serial(self) -> bool:
        """Return whether event log and device information hold all inverters, and live data have no section INV."""
        return not self.since(23, 4, 4)

    @property
    def codes(self) -> bool:
        """Return whether write replies carry a number."""
        return self.since(23, 5)

    @property
    def poll_enabled(self) -> bool:
        """Return whether live data tell if an inverter is polled."""
        return self.since(23, 2)

    @property
    def order(self) -> bool:
        """Return whether live data tell the order in which inverters are shown."""
        return self.since(23, 8)

    @property
    def branch(self) -> bool:
        """Return whether the system status names the branch."""
        return self.since(24, 1)

    @property
    def radio_stats(self) -> bool:
        """Return whether live data hold the radio's counters."""
        return self.since(24, 9, 22)

    @property
    def radio_rssi(self) -> bool:
        """Return whether these hold the signal strength too."""
        return self.since(24, 10, 5)

    @property
    def pin_mapping_hint(self) -> bool:
        """Return whether the hints tell of a bad pin mapping."""
        return self.since(25, 1, 14)

    @property
    def replacing_queue(self) -> bool:
        """Return whether a newer limit takes the place of one that waits, and `Ok` needs an empty queue."""
        return self.since(25, 1, 14)

    @property
    def limit_cut(self) -> bool:
        """Return whether the reported limit is cut to 100 %."""
        return self.since(25, 2, 3)

    @property
    def short_floats(self) -> bool:
        """Return whether numbers are printed with few digits."""
        return self.since(25, 1)

    @property
    def tasks(self) -> bool:
        """Return whether the system status lists the tasks."""
        return self.since(25, 1)

    @property
    def data_age_ms(self) -> bool:
        """Return whether live data tell their age in ms."""
        return self.since(25, 4, 2)

    @property
    def websocket_digest(self) -> bool:
        """Return whether a WebSocket wants Digest (before: Basic) authentication."""
        return self.since(24, 9, 23)

    @property
    def persistent_types(self) -> tuple[int, int]:
        """Return the limit types absolute and relative that outlast a restart."""
        return (2, 3) if self.since(25, 9) and (self.on_battery or self.since(25, 9, 11)) else (256, 257)

    @property
    def most_inverters(self) -> int:
        """Return how many inverters it serves."""
        return 10 if self.since(24, 1) else 5

    @property
    def short_waits(self) -> bool:
        """Return whether waiting for an answer ends as soon as it is complete."""
        return self.since(26, 9, 28)

    @property
    def old_battery_names(self) -> bool:
        """Return whether OnBattery says vedirect and huawei for solar charger and grid charger."""
        return not self.since(25, 2)
