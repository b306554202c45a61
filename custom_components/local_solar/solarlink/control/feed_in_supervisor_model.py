"""What the zero feed-in supervisor is set to, remembers and orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from .feed_in_cap import LEGAL_W, Cap, CapReason, CapSettings
from .feed_in_gate import GateReason, GateSettings, GateState
from .feed_in_guard import GuardState
from .feed_in_loss import MeterState, RebootState, RelayOrder, RelaySettings, RelayState
from .feed_in_modes import FlowState, Mode
from .feed_in_parking import ParkReason, ParkSettings, ParkState
from .feed_in_season import SeasonState
from .feed_in_surplus import SurplusSettings, SurplusState, forgotten
from .feed_in_temperature import HeatSettings
from .feed_in_terms import Now, check_range, saved_flag
from .feed_in_usable import Usable, UsableSettings, UsableState

__all__ = [
    "FloorKind",
    "Frame",
    "InverterLimits",
    "InverterMemory",
    "InverterOrder",
    "Mode",
    "SupervisorOrders",
    "SupervisorSettings",
    "SupervisorState",
    "Work",
]


class FloorKind(StrEnum):
    """Where the discharge floor comes from."""

    FIXED = "fixed"
    SEASON = "season"


class Work(StrEnum):
    """What the control is doing, in one word; the first that is true."""

    OFF = "off"
    DTU_LOST = "dtu_lost"
    """No DTU answers: nothing can be sent."""
    PAUSED = "paused"
    STARTING = "starting"
    METER_LOST = "meter_lost"
    """The sum is ramped down."""
    GRID_DOWN = "grid_down"
    BATTERY_LOW = "battery_low"
    BATTERY_DATA_LOST = "battery_data_lost"
    BATTERY_TEMPERATURE = "battery_temperature"
    MANUAL = "manual"
    PARKED = "parked"
    """There is nothing to give."""
    NO_INVERTER = "no_inverter"
    """No inverter may be used."""
    DEGRADED = "degraded"
    """The meter is late, or a DTU or an inverter is missing."""
    TEMPERATURE = "temperature"
    """An inverter is hot."""
    SURPLUS = "surplus"
    CONTROLLING = "controlling"


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterLimits:
    """The owner's limits for one inverter, % of its rated power. Raises ``ValueError``."""

    max_pct: float = 100.0
    """Highest limit, 2 to 100."""
    persistent_pct: float = 100.0
    """The persistent limit, which it falls back to, 0 to 100; counts in strict mode only."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_range("max_pct", self.max_pct, 2.0, 100.0)
        check_range("persistent_pct", self.persistent_pct, 0.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """Everything that the owner sets (reference section 14); ranges as in the rules. Raises ``ValueError``."""

    mode: Mode = Mode.AUTO
    legal_cap_w: float = LEGAL_W
    legal_cap_raised: bool = False
    user_cap_w: float = LEGAL_W
    others_default_w: float = 500.0
    target_w: float = 20.0
    """Wanted grid power, -800 to 500 W."""
    step_pct: float = 1.0
    """Limits are whole multiples of this, 0.1 to 5 %."""
    fallback_w: float = 0.0
    """Sum to stay at while the meter is lost, 0 to 22500 W; for the core, which has it as ``fallback_w``."""
    stop_pct: float | None = None
    """Limit of all inverters when the control ends, 2 to 100 %; None: the lowest one of each."""
    battery: bool = True
    """Whether the inverters live on a battery; without one the gate is always open."""
    floor: FloorKind = FloorKind.FIXED
    soc_floor: float = 20.0
    hysteresis: float = 3.0
    v_stop: float | None = None
    v_start: float | None = None
    v_corr: float = 0.001
    battery_coldest: float = 0.0
    battery_hottest: float = 50.0
    surplus_enabled: bool = False
    surplus_on: float = 99.0
    surplus_off: float = 96.0
    surplus_w: float = 0.0
    hot: float = 55.0
    cooled: float = 50.0
    power_commands_allowed: bool = False
    strict_mode: bool = False
    relay_configured: bool = False
    inverters: Mapping[str, InverterLimits] = field(default_factory=dict)
    """By serial number; one that is missing has the default."""

    cap: CapSettings = field(init=False, repr=False, compare=False)
    gate: GateSettings = field(init=False, repr=False, compare=False)
    surplus: SurplusSettings = field(init=False, repr=False, compare=False)
    heat: HeatSettings = field(init=False, repr=False, compare=False)
    usable: UsableSettings = field(init=False, repr=False, compare=False)
    park: ParkSettings = field(init=False, repr=False, compare=False)
    relay: RelaySettings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hand each rule its part, which it checks."""
        check_range("target_w", self.target_w, -800.0, 500.0)
        check_range("step_pct", self.step_pct, 0.1, 5.0)
        check_range("fallback_w", self.fallback_w, 0.0, 22500.0)
        if self.stop_pct is not None:
            check_range("stop_pct", self.stop_pct, 2.0, 100.0)
        parts = {
            "cap": CapSettings(
                legal_w=self.legal_cap_w,
                legal_raised=self.legal_cap_raised,
                user_w=self.user_cap_w,
                others_default_w=self.others_default_w,
            ),
            "gate": GateSettings(
                soc_floor=self.soc_floor,
                hysteresis=self.hysteresis,
                v_stop=self.v_stop,
                v_start=self.v_start,
                v_corr=self.v_corr,
                coldest=self.battery_coldest,
                hottest=self.battery_hottest,
            ),
            "surplus": SurplusSettings(
                enabled=self.surplus_enabled, on=self.surplus_on, off=self.surplus_off, power_w=self.surplus_w
            ),
            "heat": HeatSettings(hot=self.hot, cooled=self.cooled),
            "usable": UsableSettings(strict=self.strict_mode),
            "park": ParkSettings(power_allowed=self.power_commands_allowed),
            "relay": RelaySettings(configured=self.relay_configured),
        }
        for name, part in parts.items():
            object.__setattr__(self, name, part)

    def limits(self, serial: str) -> InverterLimits:
        """The owner's limits for an inverter."""
        return self.inverters.get(serial) or InverterLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterMemory:
    """What is remembered of one inverter while the program runs."""

    usable: UsableState = field(default_factory=UsableState)
    guard: GuardState = field(default_factory=GuardState)
    reboot: RebootState = field(default_factory=RebootState)
    flow: FlowState = field(default_factory=FlowState)
    hot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorState:
    """Everything that the supervisor remembers. ``as_dict`` is what survives a restart."""

    season: SeasonState = field(default_factory=SeasonState)
    gate: GateState = field(default_factory=GateState)
    surplus: SurplusState = field(default_factory=SurplusState)
    park: ParkState = field(default_factory=ParkState)
    relay: RelayState = field(default_factory=RelayState)
    inverters: Mapping[str, InverterMemory] = field(default_factory=dict)
    mode: Mode | None = None
    """Mode of the last step; None before the first one."""
    begun_at: float | None = None
    """When (s) the first step was."""
    begun: bool = False
    """Whether commands may be sent: meter and battery have told something, or had time enough to."""
    metered: bool = False
    """Whether there was a value of the meter."""
    heard: bool = False
    """Whether there were data of the battery, if there is one."""

    def as_dict(self, now: Now) -> dict[str, Any]:
        """The persistent part as JSON can hold it."""
        return {
            "season": self.season.as_dict(),
            "gate": self.gate.as_dict(now),
            "surplus_full": self.surplus.full,
            "power": self.park.as_dict(now),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], now: Now) -> Self:
        """Take back what ``as_dict`` gave; what is missing or damaged gets its default."""

        def part(name: str) -> Mapping[str, Any]:
            found = saved.get(name)
            return found if isinstance(found, Mapping) else {}

        return cls(
            season=SeasonState.from_dict(part("season")),
            gate=GateState.from_dict(part("gate"), now),
            surplus=forgotten(SurplusState(full=saved_flag(saved.get("surplus_full")))),
            park=ParkState.from_dict(part("power"), now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What holds for the whole house in one step."""

    cap: Cap
    target_w: float
    surplus: bool
    """Whether surplus is exported."""
    grid_down: bool
    others_w: float | None
    """What counts against the legal limit beside the controlled inverters, W."""
    meter: MeterState
    floor_pct: float
    """State of charge down to which the battery is discharged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterOrder:
    """What the core is to be told of one inverter."""

    serial: str
    usable: bool
    """``FeedIn.set_usable``."""
    reason: Usable
    limit_pct: float | None
    """The limit in force (%), for ``FeedIn.set_usable``; None while it is not known."""
    measured_w: float
    """The measured power (W), for ``FeedIn.set_usable``."""
    ceiling_pct: float
    """``FeedIn.set_ceiling``, %."""
    hot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorOrders:
    """What holds now, and what is to be sent. Limits in % by serial number, always relative and not persistent."""

    work: Work
    cap_w: float
    """``FeedIn.set_cap``."""
    cap_reason: CapReason
    target_w: float
    """``FeedIn.set_target``."""
    inverters: tuple[InverterOrder, ...]
    """In the order of the snapshot."""
    use_core: bool
    """Whether the core's commands are carried out."""
    all_to_min: bool
    """Whether all inverters are to be at their lowest limit; the cap of 0 makes the core do it, on its next tick."""
    limits: Mapping[str, float]
    """Limits to send in manual mode."""
    resend: Mapping[str, float]
    """Limits to send beside the core, which knows them already."""
    power: Mapping[str, bool]
    """Inverters to switch on or off."""
    relay: RelayOrder | None
    gate_open: bool
    gate_reason: GateReason
    park: ParkReason
    parked: bool
    """Whether there is nothing to give."""
    surplus: bool
    """Whether surplus is exported."""
    discharge_floor_pct: float
    """State of charge down to which the battery is discharged."""
    season_peak: int
    """F of the season floor."""
    limited_by_cap: bool
    limited_by_temperature: bool
    meter: MeterState
    others_w: float | None
    """What counts against the legal limit beside the controlled inverters; None while other producers are unknown."""
    troubles: Mapping[str, Mapping[str, str]]
    """Standing conditions that need the owner: translation key to details."""
