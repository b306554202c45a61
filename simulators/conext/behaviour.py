"""What gateways, firmwares and installations do differently, as switches."""

from dataclasses import dataclass
from typing import Literal

type Order = Literal["lsb", "msb"]
type GatewayKind = Literal["combox", "gateway"]

NOMINAL_VOLTAGES = (24, 48)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One installation (reference sections 1 to 5 and 11). Seconds are those of the house unless told otherwise."""

    order: Order | None = None
    """Order of words and of letters; None: LSB first on a ComBox, MSB first on a Gateway."""
    single_holes: bool = True
    """A hole of one register inside a block reads as 0; False: it is refused as wider ones are."""
    most_words: int = 125
    """Registers that one request may ask for; more is exception 3."""
    absent_code: int = 0x0B
    """Exception for a unit that is not there; 0: silence."""
    missing: tuple[str, ...] = ()
    """Registers that the firmware does not have, as ``key`` or ``map.key``."""
    serial_code: int = 0
    """Exception for a block with the hardware serial number; 0: it can be read."""
    unique_code: int = 0
    """Exception for a block with the unique id number; 0: it can be read."""
    firmware: Literal["text", "number", "empty"] = "text"
    """How end devices tell their firmware: as text, as two words with a number, or as NULs."""
    connections: int = 1
    """Connections at a time; more are closed."""
    connection_requests: int = 0
    """Requests after which a connection gets no answer any more; 0: it stays good."""
    answer_seconds: tuple[float, float] = (0.03, 0.09)
    """Shortest and longest time of an answer at pace 1, real seconds."""
    mirror_seconds: float = 2.0
    """Until a status register follows its command."""
    needs_grid_support: bool = False
    """Load Shave stays 0 unless Grid Support is 1; without this switch it is kept, and has no effect until then."""
    standby_only: tuple[str, ...] = ("battery_type", "inverter_mode", "charge_mode", "nominal_battery_voltage")
    """Settings that are only kept in standby."""
    maintenance: bool = True
    """A ComBox is away for three minutes from 03:05."""
    battery_power_sign: int = 1
    """1: Battery Power is positive when discharging, while the current is negative; -1: as the current."""
    swapped_energies: bool = False
    """Energy from and to battery of the inverters change places."""
    no_pv_input: bool = False
    """An MPPT 60 shows no current and no power of its generator."""
    mppt60_layout: Literal["mppt60", "mppt80"] = "mppt60"
    """Which map an MPPT 60 answers with."""
    temperature_sensor: bool = True
    """False: battery temperatures are raw 0."""
    health: bool = False
    """The Battery Monitor tells a state of health; otherwise it is 0."""
    unavailable: Literal["zero", "ones"] = "zero"
    """What registers hold that nothing in the installation feeds."""
    nominal: int = 48
    """Nominal battery voltage, 24 or 48 V."""
    gateway_number: str = "865-0329-01"
    """Product number of a Gateway; a ComBox has its own."""
    steer: bool | None = None
    """The settings act on the house; None: unless another device steers it already."""

    def __post_init__(self) -> None:
        if self.nominal not in NOMINAL_VOLTAGES or self.connections < 1 or self.most_words < 1:
            raise ValueError("no installation is like that")
