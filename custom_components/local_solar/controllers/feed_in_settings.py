"""What the owner has set at the entities of the zero feed-in control, and the settings of its rules that follow."""

from collections.abc import Mapping
from typing import Any

from ..flows.feed_in import (
    BATTERY,
    INPUTS,
    LEGAL_CAP,
    MAY_EXCEED,
    METER_ENTITY,
    METER_ENTRY,
    NO_BATTERY,
    OTHERS,
    RATED,
    RELAY_ENTRY,
    START_VOLTAGE,
    STOP_VOLTAGE,
    STRICT,
)
from ..solarlink.control.feed_in import FeedInSettings
from ..solarlink.control.feed_in_supervisor import FloorKind, InverterLimits, Mode, SupervisorSettings
from ..solarlink.errors import NotAboveError, NotBelowError
from ..solarlink.feed_in_control.points import LEGAL_LIMIT, MeterSource
from ..solarlink.live import lowest_limit
from ..solarlink.points import Point, Value

CONTROL, DRY_RUN, MODE = "feed_in_control", "feed_in_dry_run", "feed_in_mode"
METER_SOURCE = "feed_in_meter_source"
SEASON_PEAK = "feed_in_season_peak"
CONTROLLED, MANUAL_LIMIT = "feed_in_controlled", "feed_in_manual_limit"
MINIMUM, MAXIMUM = "feed_in_minimum_limit", "feed_in_maximum_limit"

HOUSE: Mapping[str, Value] = {
    CONTROL: False,
    DRY_RUN: False,
    MODE: Mode.AUTO.value,
    "feed_in_surplus_export": False,
    "feed_in_power_commands": False,
    "feed_in_learning": True,
    "feed_in_floor_kind": FloorKind.FIXED.value,
    METER_SOURCE: MeterSource.DEVICE.value,
    "feed_in_target": 20.0,
    "feed_in_band_up": 20.0,
    "feed_in_band_down": 15.0,
    "feed_in_legal_cap": LEGAL_LIMIT,
    "feed_in_user_cap": LEGAL_LIMIT,
    "feed_in_fallback_power": 0.0,
    "feed_in_surplus_power": 0.0,
    "feed_in_surplus_from": 99.0,
    "feed_in_surplus_until": 96.0,
    "feed_in_soc_floor": 20.0,
    "feed_in_soc_hysteresis": 3.0,
    "feed_in_hot": 55.0,
    "feed_in_cool": 50.0,
}
"""What is set at first, by point."""
INVERTER: Mapping[str, Value] = {CONTROLLED: True, MINIMUM: 2.0, MAXIMUM: 100.0, MANUAL_LIMIT: None}
"""The same for every inverter."""


class FeedInChoices:
    """Everything that the owner has set, for the house and for each inverter by its serial number."""

    def __init__(self, entry: Mapping[str, Any], inverters: Mapping[str, float]) -> None:
        """``entry`` is what was chosen in the dialog; ``inverters`` the lowest sensible limit of each, %."""
        self._entry = entry
        self.house: dict[str, Value] = {
            **HOUSE,
            "feed_in_legal_cap": float(entry[LEGAL_CAP]),
            "feed_in_user_cap": float(entry[LEGAL_CAP]),
            METER_SOURCE: self.sources[0].value,
        }
        self.inverters = {serial: {**INVERTER, MINIMUM: low} for serial, low in inverters.items()}

    def as_dict(self) -> dict[str, Any]:
        """What is to be remembered."""
        return {"house": dict(self.house), "inverters": {serial: dict(each) for serial, each in self.inverters.items()}}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``as_dict`` gave; what is missing or of another kind keeps its default."""
        before = dict(self.house), {serial: dict(each) for serial, each in self.inverters.items()}
        _take(self.house, saved.get("house"))
        every = saved.get("inverters")
        for serial, mine in self.inverters.items():
            _take(mine, every.get(serial) if isinstance(every, Mapping) else None)
        try:
            self.core()
            self.supervisor()
        except ValueError:
            # Numbers that no version of ours has written; nobody knows which of them is right.
            self.house, self.inverters = before
        highest = self.highest_cap
        for key in ("feed_in_legal_cap", "feed_in_user_cap"):
            self.house[key] = min(self.number(key), highest)
        # The dialog may have taken away the source that was chosen.
        if self.house[METER_SOURCE] not in self.sources:
            self.house[METER_SOURCE] = self.sources[0].value

    @property
    def sources(self) -> list[MeterSource]:
        """The kinds of meters that were chosen in the dialog; one at least."""
        chosen = {MeterSource.DEVICE: METER_ENTRY, MeterSource.ENTITY: METER_ENTITY}
        return [source for source, field in chosen.items() if self._entry.get(field)]

    @property
    def highest_cap(self) -> float:
        """W to which the cap can be raised: more than the legal limit only by the owner's word in the dialog."""
        return max(LEGAL_LIMIT, float(self._entry[LEGAL_CAP])) if self._entry.get(MAY_EXCEED) else LEGAL_LIMIT

    def number(self, key: str) -> float:
        """A number of the house."""
        value = self.house[key]
        return float(value) if isinstance(value, int | float) else 0.0

    def inverter_number(self, serial: str, key: str) -> float | None:
        """A number of an inverter; ``None`` while it is not set."""
        value = self.inverters[serial][key]
        return float(value) if isinstance(value, int | float) else None

    @property
    def on(self) -> bool:
        """Whether the control is switched on."""
        return self.house[CONTROL] is True

    @property
    def dry_run(self) -> bool:
        """Whether it only shows what it would do: also while it is off, so that its owner can judge it first."""
        return self.house[DRY_RUN] is True or not self.on

    def set(self, points: Mapping[str, Point[Any]], key: str, value: Value, serial: str | None = None) -> None:
        """Set one of ``points``; raises ``NotBelowError`` and ``NotAboveError`` where another setting forbids it."""
        mine, point = self.house if serial is None else self.inverters[serial], points[key]
        for other, error, sign in ((point.below, NotBelowError, 1.0), (point.above, NotAboveError, -1.0)):
            limit = mine.get(other) if other else None
            if not other or not isinstance(limit, int | float) or not isinstance(value, int | float):
                continue
            if sign * (value - limit) >= 0.0:
                raise error(
                    point=point.name, other=points[other].name, limit=float(limit), unit=point.unit, value=float(value)
                )
        mine[key] = value

    def core(self) -> FeedInSettings:
        """The settings of the core."""
        return FeedInSettings(
            target_w=self.number("feed_in_target"),
            band_up_w=self.number("feed_in_band_up"),
            band_down_w=self.number("feed_in_band_down"),
            fallback_w=self.number("feed_in_fallback_power"),
            learn=self.house["feed_in_learning"] is True,
            learn_inline=False,
        )

    def supervisor(self) -> SupervisorSettings:
        """The settings of the supervisor. A control that is off is played through dry, as if it were on."""
        battery: Mapping[str, Any] = self._entry.get(BATTERY, {})
        others: Mapping[str, Any] = self._entry.get(OTHERS, {})
        highest = self.highest_cap
        return SupervisorSettings(
            mode=Mode(str(self.house[MODE])),
            legal_cap_w=self.number("feed_in_legal_cap"),
            legal_cap_raised=highest > LEGAL_LIMIT,
            user_cap_w=self.number("feed_in_user_cap"),
            target_w=self.number("feed_in_target"),
            fallback_w=self.number("feed_in_fallback_power"),
            battery=not battery.get(NO_BATTERY),
            floor=FloorKind(str(self.house["feed_in_floor_kind"])),
            soc_floor=self.number("feed_in_soc_floor"),
            hysteresis=self.number("feed_in_soc_hysteresis"),
            v_stop=battery.get(STOP_VOLTAGE),
            v_start=battery.get(START_VOLTAGE),
            surplus_enabled=self.house["feed_in_surplus_export"] is True,
            surplus_on=self.number("feed_in_surplus_from"),
            surplus_off=self.number("feed_in_surplus_until"),
            surplus_w=self.number("feed_in_surplus_power"),
            hot=self.number("feed_in_hot"),
            cooled=self.number("feed_in_cool"),
            # In a dry run nothing is switched, so the rules must not believe it was.
            power_commands_allowed=self.house["feed_in_power_commands"] is True and not self.dry_run,
            strict_mode=bool(others.get(STRICT)),
            relay_configured=bool(self._entry.get(RELAY_ENTRY)) and not self.dry_run,
            inverters={
                serial: InverterLimits(max_pct=self.inverter_number(serial, MAXIMUM) or 100.0)
                for serial in self.inverters
            },
        )


def lowest_of(inverter: Mapping[str, Any]) -> float:
    """The lowest limit of a chosen inverter at first, %; at most as much as its owner could set."""
    return min(50.0, lowest_limit(inverter.get(RATED), inverter.get(INPUTS)))


def _take(mine: dict[str, Value], saved: Any) -> None:
    if not isinstance(saved, Mapping):
        return
    for key, default in mine.items():
        value = saved.get(key)
        if isinstance(default, bool) or isinstance(value, bool):
            if isinstance(default, bool) and isinstance(value, bool):
                mine[key] = value
        elif isinstance(default, str):
            mine[key] = value if isinstance(value, str) else default
        elif isinstance(value, int | float):
            mine[key] = float(value)
