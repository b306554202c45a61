"""What the zero feed-in supervisor is told at a moment; None is always: not known."""

from dataclasses import dataclass
from enum import StrEnum

from .feed_in_terms import known


class LimitWord(StrEnum):
    """State of the last limit command, in the words of the DTU."""

    OK = "Ok"
    PENDING = "Pending"
    FAILURE = "Failure"
    """Not acknowledged; the DTU keeps trying."""
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterSnapshot:
    """One inverter behind its DTU: powers in W, limits in % of the rated power, ages and durations in s."""

    serial: str
    reachable: bool = False
    """Whether the DTU reaches it."""
    producing: bool = False
    poll_enabled: bool = True
    """Whether the DTU polls it now."""
    commands_enabled: bool = True
    """Whether the DTU sends it commands now."""
    rated_w: float | None = None
    min_pct: float = 2.0
    """The lowest limit that it may get."""
    limit_pct: float | None = None
    """The limit that the DTU reports; 0 counts as not known."""
    state: LimitWord | None = None
    commanded_pct: float | None = None
    """The limit that it is meant to have: c of the core, or in manual mode what it was last told; None before there was
    one. An inverter that has just come under control is meant to have the limit that was reported then."""
    waiting: bool = False
    """Whether that command is not acknowledged yet."""
    ack_missing_s: float | None = None
    """Since when an acknowledgement is missing; None: none is."""
    measured_w: float | None = None
    """AC power of the last sample."""
    sample_age_s: float | None = None
    """Age of that sample."""
    ac_voltage: float | None = None
    """V."""
    temperature: float | None = None
    """°C."""
    poll_period_s: float | None = None
    """How often its DTU asks it: number of inverters times poll interval; None: 5 s for each inverter given."""
    firmware_is_hms_2: bool = False
    """Whether it is an HMS with firmware 2.x, which reports 100 % although it keeps its limit."""
    governed_elsewhere: bool = False
    """Whether another controller, such as the one in OpenDTU-OnBattery, sets its limit."""
    manual_override: bool = False
    """Whether the owner holds this inverter at a limit of their own."""
    dtu_lost_s: float | None = None
    """Since when the DTU has not answered; None: it answers."""
    dtu_rebooted: bool = False
    """Whether the DTU has started again since the last snapshot."""
    manual_pct: float | None = None
    """The owner's wish in manual mode; None: leave the limit as it is."""

    @property
    def rated(self) -> float | None:
        """The rated power when it is known and one, W."""
        value = known(self.rated_w)
        return value if value is not None and value > 0.0 else None

    @property
    def reported(self) -> float | None:
        """The reported limit, %; None also for the 0 that a DTU tells before it has asked the inverter."""
        value = known(self.limit_pct)
        return value if value is not None and 0.0 < value <= 100.0 else None

    @property
    def measured(self) -> float | None:
        """The measured power when it is known, at least 0 W."""
        value = known(self.measured_w)
        return None if value is None or self.age is None else max(0.0, value)

    @property
    def age(self) -> float | None:
        """The age of the sample when it is known, at least 0 s."""
        value = known(self.sample_age_s)
        return None if value is None else max(0.0, value)

    @property
    def low_w(self) -> float:
        """Its power at the lowest limit, W; 0 while the rated power is not known."""
        return self.watts(self.min_pct)

    def watts(self, pct: float) -> float:
        """A limit in W; 0 while the rated power is not known."""
        return (self.rated or 0.0) * pct / 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known of battery and house beside meter and inverters: W, V, A, %, °C, s."""

    soc: float | None = None
    battery_voltage: float | None = None
    ccl: float | None = None
    """Charge current limit."""
    dcl: float | None = None
    """Discharge current limit."""
    charge_current: float | None = None
    """Positive while the battery is charged."""
    other_dc_w: float | None = None
    """What others take from the battery on its DC side, without these inverters."""
    battery_temperature: float | None = None
    battery_data_t: float | None = None
    """When the battery's data were measured; None: now, if there is a state of charge."""
    others_configured: bool = False
    """Whether there are other producers behind the same legal limit at all."""
    others_w: float | None = None
    """Their power."""
    grid_down: bool = False
    """Whether the grid is known to be down, so that the house runs on its own inverter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseSnapshot(Surroundings):
    """The house with its battery, and what the core has computed: W, V, A, %, °C, s."""

    t: float
    """Now on the monotonic clock."""
    inverters: tuple[InverterSnapshot, ...] = ()
    meter_age: float | None = None
    """Age of the last meter value; None: there was none yet."""
    grid_w: float | None = None
    """That value; positive is import."""
    loop_alive: bool = True
    """Whether the command loops of the host run."""
    house_load_w: float | None = None
    """H of the core."""
    committed_w: float | None = None
    """C of the core."""

    def poll_period(self, inverter: InverterSnapshot) -> float:
        """How often an inverter is asked, s."""
        given = known(inverter.poll_period_s)
        return given if given is not None and given > 0.0 else 5.0 * max(1, len(self.inverters))
