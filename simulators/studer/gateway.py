"""The communication gateway: takes one request frame and returns its answer (protocol reference, sections 3 to 7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from struct import pack

from ..faults import Faults
from ..house import House
from . import catalogue, effects, errors, multi, readings
from .behaviour import CARD_PRESENT, MESSAGE_PENDING, NEW_DATALOG, RESTARTED, Behaviour
from .card import LONGEST_STRING, Card, file_name
from .clock import WallClock
from .days import Days
from .errors import ScomError
from .faults import FAULTS
from .files import FILE_TRANSFER, START, FileTransfer
from .frames import IS_ERROR, IS_RESPONSE, READ, WRITE, Frame
from .installation import GATEWAY, MULTICAST, PHASES, UNSAVED_VALUE, VALUE, Installation, Plan, Unit
from .messages import GATEWAY_RESET, MANAGED_BY_BMS, XTENDER_STARTED, Message, MessageStore
from .multi import MULTI_INFO
from .watchdogs import Stop, Watchdogs

INFO, PARAMETER, MESSAGE, GUID, CUSTOM_STRING = 0x01, 0x02, 0x03, 0x04, 0x05
INFO_PROPERTIES = (1, 5, 13)
"""The document says 1, published clients send 5 or 13, and gateways take all of them."""
CLOCK, HARDWARE_WATCHDOG = 5002, 5103
CHARGE_CURRENT = 1138
BMS_IDENTITY = (*range(7034, 7042), 7048, 7049)
MINIGRID = (7022, 7072)
_ON_GATEWAY = (MESSAGE, GUID, CUSTOM_STRING, MULTI_INFO, FILE_TRANSFER)


@dataclass(frozen=True, slots=True)
class _Answer:
    source: int
    data: bytes
    property_id: int


class Gateway:
    """Answers requests from the installation and the house."""

    def __init__(
        self, house: House, plan: Plan, behaviour: Behaviour, faults: Faults, wall_clock: WallClock | None = None
    ) -> None:
        """Start with all parameters at their defaults, an empty message store and an empty card."""
        self.house = house
        self.installation = Installation(plan)
        self.behaviour = behaviour
        self.faults = faults
        self.wall_clock = wall_clock or WallClock(house)
        self.days = Days(house)
        self.messages = MessageStore()
        self.overrides: dict[tuple[int, int], float] = {}
        self.restarted = False
        self.new_datalog = False
        self.silent_until: datetime | None = None
        self.busy_until: datetime | None = None
        self.stops: list[Stop] = []
        """Every unit that a watchdog (or a test) stopped, and every reset of the gateway, oldest first."""
        self.on_message: list[Callable[[Message], None]] = []
        self.watchdogs = Watchdogs(self.installation, house.now, self.stop, self.reset)
        self.card = Card(self.installation, self._sample)
        self.files = FileTransfer(self.card, behaviour)
        self._day = self.wall_clock.now.date()
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
        return self.wall_clock.seconds

    @property
    def silent(self) -> bool:
        """Tell whether the gateway is starting and answers nothing."""
        return self.silent_until is not None

    def restart(self, address: int) -> None:
        """Restart the devices of an address at once: RAM is lost, the flag is set, an Xtender leaves a message."""
        for unit in self.installation.targets(address):
            self._started(unit)
        self.apply()

    def stop(self, unit: Unit, reason: str) -> None:
        """Stop a unit: it loses its RAM, is away while it starts, and works again with what is in flash."""
        self.stops.append(Stop(self.house.now, unit.address, unit.identity.fid, reason))
        unit.ram.clear()
        unit.off_until = self.house.now + timedelta(seconds=self.behaviour.boot_seconds)
        self.apply()

    def reset(self, reason: str) -> None:
        """Reset the gateway itself: it falls silent while it starts, and forgets RAM and file transfer."""
        unit = self.installation.rcc
        self.stops.append(Stop(self.house.now, unit.address, unit.identity.fid, reason))
        self.silent_until = self.house.now + timedelta(seconds=self.behaviour.boot_seconds)
        self.files.reset()
        self._started(unit)
        if reason == "watchdog":
            self.store(Message(GATEWAY_RESET, GATEWAY, self.clock))

    def _started(self, unit: Unit) -> None:
        unit.ram.clear()
        unit.off_until = None
        self.watchdogs.forget(unit)
        self.restarted = True
        if unit.family == "xt":
            self.store(Message(XTENDER_STARTED, unit.address, self.clock))

    def store(self, message: Message) -> None:
        """Store a new message, which sets the pending flag."""
        self.messages.add(message)
        for listener in self.on_message:
            listener(message)

    def apply(self) -> None:
        """Bring the house in line with the settings."""
        effects.apply(self.house, self.installation, bms_owns_charge_current=self.behaviour.bms_owns_charge_current)

    # Time

    def tick(self) -> None:
        """Do what is due at the house's time."""
        now, shown = self.house.now, self.wall_clock.now
        if self.silent_until is not None and now >= self.silent_until:
            self.silent_until = None
            self.watchdogs.asked(now)
        if self.busy_until is not None and now >= self.busy_until:
            self.busy_until = None
        for unit in self.installation.units.values():
            if unit.off_until is not None and now >= unit.off_until:
                self._started(unit)
                self.apply()
        self.watchdogs.check(now)
        if shown.date() != self._day:
            if shown.date() > self._day:
                self.days.midnight()
            self._day = shown.date()
        if self.behaviour.flags & CARD_PRESENT and self.card.tick(shown):
            self._day_closed()

    def _day_closed(self) -> None:
        self.new_datalog = True
        self.busy_until = self.house.now + timedelta(seconds=self.behaviour.busy_seconds)

    def _sample(self, unit: Unit, number: int) -> float | None:
        return self._info(unit, number) if unit.running else None

    # Answers

    def answer(self, frame: Frame, *, faultless: bool = False) -> Frame:
        """Carry out a request and return its answer; ``faultless`` leaves the faults alone (for the portal)."""
        if faultless:
            faults, self.faults = self.faults, Faults(FAULTS)
            try:
                return self.answer(frame)
            finally:
                self.faults = faults
        self._follow_switches()
        self.watchdogs.asked(self.house.now)
        source, property_id = frame.destination, frame.property_id
        if self.faults.take("wrong_unit"):
            source = self._neighbour(frame.destination)
            frame = replace(frame, destination=source)
        try:
            self._refuse()
            answer = self._serve(frame)
            data, property_id = answer.data, answer.property_id
            service_flags = IS_RESPONSE
            if self.behaviour.virtual_source == "unit":
                source = answer.source
        except ScomError as error:
            data = pack("<H", error.code)
            service_flags = IS_RESPONSE | IS_ERROR
        return replace(
            frame,
            source=source,
            destination=frame.source,
            property_id=property_id,
            data=data,
            flags=self.flags,
            service_flags=service_flags,
        )

    def _follow_switches(self) -> None:
        installation, behaviour = self.installation, self.behaviour
        installation.ram_writes = installation.plan.ram_writes and self.faults.take("old_firmware") is None
        installation.unsaved_shows_ram = behaviour.unsaved_shows_ram
        installation.adapts = behaviour.adapts
        installation.user_level = behaviour.user_level
        self.files.behaviour = behaviour

    def _refuse(self) -> None:
        if self.faults.take("busy") or self.busy_until is not None:
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

    def _serve(self, frame: Frame) -> _Answer:
        if frame.service not in (READ, WRITE):
            raise ScomError(errors.SERVICE_NOT_SUPPORTED)
        if frame.object_type not in (INFO, PARAMETER, *_ON_GATEWAY):
            raise ScomError(errors.TYPE_NOT_SUPPORTED)
        if frame.service == WRITE:
            self._write(frame)
            return _Answer(frame.destination, b"", frame.property_id)
        if frame.object_type in (INFO, PARAMETER):
            unit = self._single(frame.destination, frame.object_type, frame.object_id)
            if not unit.running:
                raise ScomError(errors.RESPONSE_TIMEOUT)
            read = self._read_info if frame.object_type == INFO else self._read_parameter
            return _Answer(unit.address, read(unit, frame), frame.property_id)
        if frame.destination != GATEWAY:
            raise ScomError(errors.TYPE_NOT_SUPPORTED)
        if frame.object_type == FILE_TRANSFER:
            return self._file(frame)
        return _Answer(GATEWAY, self._read_gateway(frame), frame.property_id)

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
        if not unit.running:
            raise ScomError(errors.RESPONSE_TIMEOUT)
        if number in MINIGRID and unit.family == "bms":
            if number != self.behaviour.minigrid_number:
                raise ScomError(errors.OBJECT_ID_NOT_FOUND)
            return self._info(unit, number)
        unknown = unit.family == "bms" and not self.behaviour.bms_identity and number in BMS_IDENTITY
        if unknown or number not in catalogue.infos(unit.family):
            other = {"bms": "bsp", "bsp": "bms"}.get(unit.family)
            if other and number in catalogue.infos(other):
                raise ScomError(errors.INVALID_DATA)
            raise ScomError(errors.OBJECT_ID_NOT_FOUND)
        is_float = catalogue.infos(unit.family)[number].wire_format == "FLOAT"
        nan = self.faults.peek("nan")
        if nan is not None and is_float and nan.argument in (None, number):
            self.faults.take("nan")
            return math.nan
        return self._info(unit, number)

    def _info(self, unit: Unit, number: int) -> float:
        if (unit.address, number) in self.overrides:
            return self.overrides[unit.address, number]
        return readings.read(readings.View(self.house, self.installation, unit, self.days), number)

    def _read_info(self, unit: Unit, frame: Frame) -> bytes:
        if frame.property_id not in INFO_PROPERTIES:
            raise ScomError(errors.PROPERTY_NOT_SUPPORTED)
        value = self.info(unit, frame.object_id)
        known = catalogue.infos(unit.family).get(frame.object_id)
        return catalogue.encode(known.wire_format if known is not None else "FLOAT", value)

    # Parameters

    def _read_parameter(self, unit: Unit, frame: Frame) -> bytes:
        if unit.address == GATEWAY and frame.object_id == CLOCK and frame.property_id in (VALUE, UNSAVED_VALUE):
            return pack("<i", self.clock)
        return self.installation.read(unit, frame.object_id, frame.property_id)

    def _write(self, frame: Frame) -> None:
        if frame.object_type == CUSTOM_STRING and frame.destination == GATEWAY:
            if len(frame.data) > LONGEST_STRING:
                raise ScomError(errors.INVALID_DATA_LENGTH)
            self.card.custom = frame.data
            return
        if frame.object_type != PARAMETER:
            raise ScomError(errors.PROPERTY_IS_READ_ONLY)
        if frame.destination == 0 and self.behaviour.broadcast_writes:
            units = [unit for unit in self.installation.units.values() if frame.object_id in unit.parameters]
        else:
            units = self.installation.targets(frame.destination)
        units = [unit for unit in units if unit.running]
        if not units:
            raise ScomError(errors.RESPONSE_TIMEOUT)
        for unit in units:
            if frame.property_id == UNSAVED_VALUE:
                self._ask_bms(unit, frame.object_id)
            value = self.installation.write(unit, frame.object_id, frame.property_id, frame.data)
            self.wrote(unit, frame.object_id, value, permanent=frame.property_id == VALUE)
        self.apply()

    def _ask_bms(self, unit: Unit, number: int) -> None:
        """Refuse or complain about a setting of an Xtender that the Xcom-CAN manages."""
        if number != CHARGE_CURRENT or not self.installation.family("bms"):
            return
        if self.behaviour.bms_refuses_charge_current:
            raise ScomError(errors.ACCESS_DENIED)
        if self.behaviour.bms_owns_charge_current:
            self.store(Message(MANAGED_BY_BMS, unit.address, self.clock))

    def wrote(self, unit: Unit, number: int, value: float, *, permanent: bool) -> None:
        """Let a write that was kept take effect."""
        saved = permanent and self.installation.saves_in_flash(unit, number)
        if unit.parameters[number].kind == "signal":
            self.signal(unit, number)
        elif unit.address == GATEWAY and number == CLOCK:
            self.wall_clock.set(int(value))
        elif number == HARDWARE_WATCHDOG and not value:
            self.reset("hardware watchdog")
        self.watchdogs.written(unit, saved=saved, now=self.house.now)

    def signal(self, unit: Unit, number: int) -> None:
        """Carry out a signal."""
        match number:
            case 5104:
                self.restarted = False
            case 5035:
                self.messages.clear()
            case 1468:
                self.restart(unit.address)
            case 5121:
                for address in self.installation.units:
                    self.restart(address)
            case 5059 if self.behaviour.flags & CARD_PRESENT:
                self.card.close(self.wall_clock.now.date())
                self._day_closed()
            case 5075 | 5047:
                self.card.clear()
            case 5120:
                self.card.erase_oldest(30)
            case _:
                effects.signal(self.house, unit, number)

    # The gateway's own objects

    def _read_gateway(self, frame: Frame) -> bytes:
        if frame.object_type == MESSAGE:
            return self.messages.read(frame.object_id)
        if frame.object_type == MULTI_INFO:
            if not self.behaviour.multi_info or self.faults.take("old_gateway"):
                raise ScomError(errors.SERVICE_NOT_SUPPORTED)
            return multi.answer(self.installation, frame.data, self.clock, self.info, self.behaviour.absent)
        if frame.object_type == CUSTOM_STRING:
            raise ScomError(errors.READ_PROPERTY_FAILED)
        if self.behaviour.guid is None:
            raise ScomError(errors.OBJECT_NOT_SUPPORTED)
        return self.behaviour.guid.bytes[::-1]

    def _file(self, frame: Frame) -> _Answer:
        if frame.property_id == START and not self.behaviour.flags & CARD_PRESENT:
            raise ScomError(errors.FILE_NOT_PRESENT)
        finished = len(self.files.finished)
        property_id, data = self.files.answer(frame.object_id, frame.property_id, frame.data)
        if len(self.files.finished) > finished and self.files.finished[-1] == self._newest_file():
            self.new_datalog = False
        return _Answer(GATEWAY, data, property_id)

    def _newest_file(self) -> str:
        return max(self.card.files, default=file_name(self._day))
