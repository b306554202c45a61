"""The communication gateway: takes one request frame and returns its answer (protocol reference, sections 3 to 7)."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from struct import iter_unpack, pack
from uuid import UUID

from ..faults import Faults
from ..house import House
from . import catalogue, effects, errors, readings
from .errors import ScomError
from .faults import FAULTS
from .frames import IS_ERROR, IS_RESPONSE, READ, WRITE, Frame
from .installation import GATEWAY, MULTICAST, PHASES, Installation, Plan, Unit
from .messages import XTENDER_STARTED, Message, MessageStore

INFO, PARAMETER, MESSAGE, GUID, MULTI_INFO = 0x01, 0x02, 0x03, 0x04, 0x0A
INFO_PROPERTIES = (1, 5, 13)
"""The document says 1, published clients send 5 or 13, and gateways take all of them."""
CLOCK, CLEAR_RESTART_FLAG, ERASE_MESSAGES = 5002, 5104, 5035
RESET_XTENDER, RESET_ALL = 1468, 5121

MESSAGE_PENDING, RESTARTED, CARD_PRESENT, CARD_FULL, NEW_DATALOG, HAS_DATALOGGER = 1, 2, 4, 8, 16, 32

AVERAGE, SUM, HIGHEST_DEVICE = 0xFD, 0xFE, 0x0F
MOST_ITEMS = 76
_FAMILY_FLAGS = {"xt": 0x20, "bsp": 0x40, "bms": 0x40, "vt": 0x80, "vs": 0x100}
_EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)

DEFAULT_GUID = UUID("407d3d61-2835-4dec-ba32-c9580b1bd03a")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that reached the gateway."""

    service: str
    """ "read" or "write"."""
    destination: int
    object_type: int
    object_id: int
    property_id: int
    data: bytes
    source: int

    @classmethod
    def of(cls, frame: Frame) -> Request:
        """Return the request in a frame."""
        service = {READ: "read", WRITE: "write"}.get(frame.service, f"service {frame.service:02X}")
        return cls(
            service,
            frame.destination,
            frame.object_type,
            frame.object_id,
            frame.property_id,
            frame.data,
            frame.source,
        )


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what the reference leaves open or what differs between gateways.

    ``strict_multicast``: reads of 100, 300, 600, 700 are refused (2D), else the first device that knows the number
    answers. ``virtual_source``: the source of answers for 100 and 191 to 193: "echo" is the address that was asked,
    "unit" that of the unit that answered. ``absent``: what a multiple read gives for a device or number that does not
    exist: "nan", "missing" or "error". ``multi_info`` False is a gateway before 1.6.74. ``flags`` are the frame flags
    that never change by themselves. ``guid`` None is a gateway without one (a plain Xcom-232i).
    ``bms_owns_charge_current``: a RAM write of 1138 has no effect, as owners of BMS systems report.
    """

    strict_multicast: bool = True
    virtual_source: str = "echo"
    absent: str = "nan"
    multi_info: bool = True
    flags: int = CARD_PRESENT | HAS_DATALOGGER
    guid: UUID | None = DEFAULT_GUID
    bms_owns_charge_current: bool = False


class Gateway:
    """Answers requests from the installation and the house."""

    def __init__(self, house: House, plan: Plan, behaviour: Behaviour, faults: Faults) -> None:
        """Start with all parameters at their defaults and an empty message store."""
        self.house = house
        self.installation = Installation(plan)
        self.behaviour = behaviour
        self.faults = faults
        self.messages = MessageStore()
        self.overrides: dict[tuple[int, int], float] = {}
        self.clock_offset = timedelta()
        self.restarted = False
        self.new_datalog = False
        self.apply()

    # State

    @property
    def flags(self) -> int:
        """Return the frame flags of an answer sent now."""
        flags = self.behaviour.flags
        flags |= MESSAGE_PENDING if self.messages.pending else 0
        flags |= RESTARTED if self.restarted else 0
        flags |= NEW_DATALOG if self.new_datalog else 0
        return flags

    @property
    def clock(self) -> int:
        """Return the wall clock of the remote control in seconds since 1970-01-01 (no zone)."""
        return int((self.house.now + self.clock_offset - _EPOCH).total_seconds())

    def set_clock(self, seconds: int) -> None:
        """Set the wall clock of the remote control."""
        wanted = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
        self.clock_offset = wanted - self.house.now

    def restart(self, address: int) -> None:
        """Restart the devices of an address: RAM is lost, the flag is set, an Xtender leaves a message."""
        for unit in self.installation.targets(address):
            unit.ram.clear()
            self.restarted = True
            if unit.family == "xt":
                self.messages.add(Message(XTENDER_STARTED, unit.address, self.clock))
        self.apply()

    def apply(self) -> None:
        """Bring the house in line with the settings."""
        effects.apply(self.house, self.installation, bms_owns_charge_current=self.behaviour.bms_owns_charge_current)

    # Answers

    def answer(self, frame: Frame, *, faultless: bool = False) -> Frame:
        """Carry out a request and return its answer; ``faultless`` leaves the faults alone (for the portal)."""
        if faultless:
            faults, self.faults = self.faults, Faults(FAULTS)
            try:
                return self.answer(frame)
            finally:
                self.faults = faults
        self.installation.ram_writes = self.installation.plan.ram_writes and self.faults.take("old_firmware") is None
        source = frame.destination
        if self.faults.take("wrong_unit"):
            source = self._neighbour(frame.destination)
            frame = replace(frame, destination=source)
        try:
            self._refuse()
            answered_by, data = self._serve(frame)
            service_flags = IS_RESPONSE
            if self.behaviour.virtual_source == "unit":
                source = answered_by
        except ScomError as error:
            data = pack("<H", error.code)
            service_flags = IS_RESPONSE | IS_ERROR
        return replace(
            frame,
            source=source,
            destination=frame.source,
            data=data,
            flags=self.flags,
            service_flags=service_flags,
        )

    def _refuse(self) -> None:
        if self.faults.take("busy"):
            raise ScomError(errors.GATEWAY_BUSY)
        refused = self.faults.take("refused")
        if refused is not None and refused.argument is not None:
            raise ScomError(int(refused.argument))

    def _neighbour(self, address: int) -> int:
        """Return the address of another unit of the same family, or of any other family if there is none."""
        unit = self.installation.units.get(address)
        others = [other for other in self.installation.units.values() if other.address != address]
        same = [other for other in others if unit is not None and other.family == unit.family]
        return (same or others)[0].address

    def _serve(self, frame: Frame) -> tuple[int, bytes]:
        """Return the address of the device that answered, and its data."""
        if frame.service not in (READ, WRITE):
            raise ScomError(errors.SERVICE_NOT_SUPPORTED)
        if frame.object_type not in (INFO, PARAMETER, MESSAGE, GUID, MULTI_INFO):
            raise ScomError(errors.TYPE_NOT_SUPPORTED)
        if frame.object_type == PARAMETER and frame.service == WRITE:
            return frame.destination, self._write_parameter(frame)
        if frame.service == WRITE:
            raise ScomError(errors.PROPERTY_IS_READ_ONLY)
        if frame.object_type == INFO:
            return self._read_info(frame)
        if frame.object_type == PARAMETER:
            unit = self._single(frame.destination, PARAMETER, frame.object_id)
            return unit.address, self._read_parameter(unit, frame)
        if frame.destination != GATEWAY:
            raise ScomError(errors.TYPE_NOT_SUPPORTED)
        return GATEWAY, self._read_gateway(frame)

    def _single(self, address: int, object_type: int, number: int) -> Unit:
        """Return the unit that answers a read of an address."""
        if address in self.installation.units:
            return self.installation.units[address]
        if address in PHASES:
            return self.installation.targets(address)[0]
        if address not in MULTICAST and address != 0:
            raise ScomError(errors.DEVICE_NOT_FOUND)
        if self.behaviour.strict_multicast or address == 0:
            raise ScomError(errors.MULTICAST_READ_NOT_SUPPORTED)
        # A lenient gateway also answers battery infos at the Xtenders' address.
        for unit in [*self.installation.targets(address), *self.installation.units.values()]:
            known = catalogue.infos(unit.family) if object_type == INFO else unit.parameters
            if number in known:
                return unit
        raise ScomError(errors.OBJECT_ID_NOT_FOUND)

    # Infos

    def info(self, unit: Unit, number: int) -> float:
        """Return the value of an info, or fail as the device does."""
        if number not in catalogue.infos(unit.family):
            other = {"bms": "bsp", "bsp": "bms"}.get(unit.family)
            if other and number in catalogue.infos(other):
                raise ScomError(errors.INVALID_DATA)
            raise ScomError(errors.OBJECT_ID_NOT_FOUND)
        is_float = catalogue.infos(unit.family)[number].wire_format == "FLOAT"
        nan = self.faults.peek("nan")
        if nan is not None and is_float and nan.argument in (None, number):
            self.faults.take("nan")
            return math.nan
        if (unit.address, number) in self.overrides:
            return self.overrides[unit.address, number]
        return readings.read(readings.View(self.house, self.installation, unit), number)

    def _read_info(self, frame: Frame) -> tuple[int, bytes]:
        unit = self._single(frame.destination, INFO, frame.object_id)
        if frame.property_id not in INFO_PROPERTIES:
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        value = self.info(unit, frame.object_id)
        wire_format = catalogue.infos(unit.family)[frame.object_id].wire_format
        return unit.address, catalogue.encode(wire_format, value)

    # Parameters

    def _read_parameter(self, unit: Unit, frame: Frame) -> bytes:
        if unit.address == GATEWAY and frame.object_id == CLOCK and frame.property_id in (5, 13):
            return pack("<i", self.clock)
        return self.installation.read(unit, frame.object_id, frame.property_id)

    def _write_parameter(self, frame: Frame) -> bytes:
        for unit in self.installation.targets(frame.destination):
            value = self.installation.write(unit, frame.object_id, frame.property_id, frame.data)
            if unit.parameters[frame.object_id].kind == "signal":
                self._signal(unit, frame.object_id)
            elif unit.address == GATEWAY and frame.object_id == CLOCK:
                self.set_clock(int(value))
        self.apply()
        return b""

    def _signal(self, unit: Unit, number: int) -> None:
        if number == CLEAR_RESTART_FLAG:
            self.restarted = False
        elif number == ERASE_MESSAGES:
            self.messages.clear()
        elif number == RESET_XTENDER:
            self.restart(unit.address)
        elif number == RESET_ALL:
            for address in self.installation.units:
                self.restart(address)
        else:
            effects.signal(self.house, unit, number)

    # The gateway's own objects

    def _read_gateway(self, frame: Frame) -> bytes:
        if frame.object_type == MESSAGE:
            return self.messages.read(frame.object_id)
        if frame.object_type == MULTI_INFO:
            return self._multi_info(frame)
        if self.behaviour.guid is None:
            raise ScomError(errors.OBJECT_NOT_SUPPORTED)
        return self.behaviour.guid.bytes[::-1]

    def _multi_info(self, frame: Frame) -> bytes:
        if not self.behaviour.multi_info or self.faults.take("old_gateway"):
            raise ScomError(errors.SERVICE_NOT_SUPPORTED)
        items = frame.data
        if len(items) % 3 or not 3 <= len(items) <= 3 * MOST_ITEMS:
            raise ScomError(errors.INVALID_DATA_LENGTH)
        families = {unit.family for unit in self.installation.units.values()}
        flags = 0
        for family in families:
            flags |= _FAMILY_FLAGS.get(family, 0)
        answer = [pack("<II", flags, self.clock)]
        for number, aggregation in iter_unpack("<HB", items):
            value = self._aggregate(number, aggregation)
            if value is not None:
                answer.append(pack("<HBf", number, aggregation, value))
        return b"".join(answer)

    def _aggregate(self, number: int, aggregation: int) -> float | None:
        """Return one value of a multiple read; None leaves the item out of the answer."""
        if HIGHEST_DEVICE < aggregation < AVERAGE or aggregation > SUM:
            raise ScomError(errors.INVALID_SERVICE_ARGUMENT)
        units = self.installation.family(self._family_of(number))
        if aggregation == 0:
            units = units[:1]
        elif aggregation <= HIGHEST_DEVICE:
            units = [unit for unit in units if unit.index == aggregation - 1]
        try:
            if not units:
                raise ScomError(errors.DEVICE_NOT_FOUND)
            values = [self.info(unit, number) for unit in units]
        except ScomError:
            match self.behaviour.absent:
                case "nan":
                    return math.nan
                case "missing":
                    return None
                case _:
                    raise
        total = math.fsum(values)
        return total / len(values) if aggregation == AVERAGE else total

    def _family_of(self, number: int) -> str:
        if number < 7000:
            return "xt"
        if number < 11000:
            return self.installation.battery_family
        return "vt" if number < 15000 else "vs"
