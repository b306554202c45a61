"""Switches for what differs between gateways and for what the reference marks as unconfirmed."""

from dataclasses import dataclass
from uuid import UUID

MESSAGE_PENDING, RESTARTED, CARD_PRESENT, CARD_FULL, NEW_DATALOG, HAS_DATALOGGER = 1, 2, 4, 8, 16, 32
"""Frame flags of an answer (protocol reference, section 3)."""

DEFAULT_GUID = UUID("407d3d61-2835-4dec-ba32-c9580b1bd03a")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How this gateway answers.

    ``strict_multicast``: reads of 100, 300, 600, 700 are refused (2D), else the first device that knows the number
    answers. ``virtual_source``: the source of answers for 100 and 191 to 193: "echo" is the address that was asked,
    "unit" that of the unit that answered. ``absent``: what a multiple read gives for a device or number that does not
    exist: "nan", "missing" or "error". ``multi_info`` False is a gateway before 1.6.74. ``flags`` are the frame flags
    that never change by themselves. ``guid`` None is a gateway without one (a plain Xcom-232i).

    ``any_source`` False: only requests from source address 1 are heard. ``broadcast_writes``: a write to address 0
    reaches every unit that knows the number, else there is no such device. ``unsaved_shows_ram``: property 13 reads
    the RAM value instead of flash. ``user_level`` True: 5012 can be read and written, as one client does.
    ``adapts``: a value beyond the limits is silently brought within them instead of refused. ``bms_identity`` False:
    an Xcom-CAN BMS does not know 7034 to 7041, 7048 and 7049. ``minigrid_number``: whether the state of charge of a
    minigrid is read at 7072 or at 7022.

    ``bms_owns_charge_current``: a RAM write of 1138 has no effect, as owners of BMS systems report, and leaves message
    174; ``bms_refuses_charge_current``: it is refused (2B) instead. ``name_needs_newline``: a file is only found when
    LF follows its name in the request. ``name_separator`` is what stands between the names of a directory: LF in the
    document's example, CR in its text. ``boot_seconds``: how long a device is away when it resets, in the house's
    time. ``busy_seconds``: how long the gateway is busy (13) when it closes the file of the day.
    """

    strict_multicast: bool = True
    virtual_source: str = "echo"
    absent: str = "nan"
    multi_info: bool = True
    flags: int = CARD_PRESENT | HAS_DATALOGGER
    guid: UUID | None = DEFAULT_GUID
    any_source: bool = True
    broadcast_writes: bool = False
    unsaved_shows_ram: bool = False
    user_level: bool = False
    adapts: bool = False
    bms_identity: bool = True
    minigrid_number: int = 7072
    bms_owns_charge_current: bool = False
    bms_refuses_charge_current: bool = False
    name_needs_newline: bool = False
    name_separator: str = "\n"
    boot_seconds: float = 10.0
    busy_seconds: float = 5.0
