"""The client of a Studer installation: what is there, its values, its settings."""

import math
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import batched, count

from ..client import Installation, Progress, Report, Unit
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkLostError,
    NeedsConsentError,
    NoAnswerError,
    NoDeviceError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    UnknownPointError,
    ValueRangeError,
    WriteUncertainError,
    WrongDeviceError,
)
from ..journal import Journal
from ..links.stats import LinkStats
from ..links.turns import Priority
from ..links.wire import Wire
from ..points import Limits, Reading, Ref, Risk, Value, Wear, check_number
from ..trace import Trace
from .codec import (
    GATEWAY,
    MULTI_INFO_LIMIT,
    Code,
    Format,
    InfoItem,
    ObjectType,
    Property,
    decode_guid,
    decode_multi_info,
    decode_value,
    encode_value,
    multi_info_request,
    read_request,
    write_request,
)
from .exchange import Exchange, Timing
from .points import StuderPoint, points_of
from .units import BATTERY_LINK, BATTERY_MONITOR, KINDS, VARIO_STRING, VARIO_TRACK, XTENDER, UnitKind, describe
from .values import to_value

MANUFACTURER = "Studer Innotec"
_TOO_OLD = (Code.SERVICE_NOT_SUPPORTED, Code.TYPE_NOT_SUPPORTED)

type _Outcome = float | SolarError | None


class StuderClient:
    """One gateway (Xcom-LAN, Xcom-232i) and the units behind it. Implements ``client.Client``."""

    def __init__(self, wire: Wire, *, journal: Journal, timing: Timing | None = None) -> None:
        """Take the wire; nothing is sent before the first use."""
        self.stats = LinkStats()
        self.trace = Trace()
        self.journal = journal
        self.troubles: Mapping[str, Mapping[str, str]] = {}
        self._exchange = Exchange(wire, timing=timing or Timing(), stats=self.stats, trace=self.trace)
        self._exchange.check_peer = self._check_peer
        # 1 is the running number of the document's example, which the portal may be using.
        self._running_number = count(2)
        self._multi_info = True
        self._installation: Installation | None = None
        self._guid = ""
        self._device_limits: dict[Ref, Limits] = {}
        self._settings: dict[Ref, Reading] = {}

    # What is there

    @property
    def installation(self) -> Installation:
        """The installation found by the last ``identify`` or given by ``expect``."""
        if self._installation is None:
            raise AttributeError("identify() has not been called")
        return self._installation

    @property
    def connected(self) -> bool:
        """Whether the gateway is connected."""
        return self._exchange.connected

    async def connect(self, timeout: float) -> None:
        """Wait until the gateway is connected; raises ``LinkError``."""
        await self._exchange.open(timeout)

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``; its gateway is checked when it connects."""
        self._installation = installation
        self._guid = installation.root.serial if "-" in installation.root.serial else ""

    async def _read_guid(self) -> str:
        """The gateway's GUID, empty for a gateway that has none (a plain Xcom-232i)."""
        request = read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE)
        try:
            return decode_guid((await self._exchange.ask(request)).data)
        except NotSupportedError:
            return ""
        except DeviceRefusedError as err:
            if err.code in (Code.GATEWAY_BUSY, Code.RESPONSE_TIMEOUT):
                raise
            return ""

    async def _check_peer(self) -> None:
        """Check on a new connection, with the line in hand, that it is still the gateway that we know."""
        if not self._guid or self._installation is None:
            return
        answer = await self._exchange.ask_now(read_request(GATEWAY, ObjectType.GUID, 0, Property.NONE))
        found = decode_guid(answer.data)
        if found != self._guid:
            self._exchange.disown_peer()
            raise WrongDeviceError(expected=self._guid, found=found, address=self._exchange.address)

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find the gateway and all units, with model, versions and serial number (reference section 10).

        Every family is probed upwards until the first address that is absent. Raises ``LinkError``, ``NoAnswerError``,
        ``WrongDeviceError``, ``NoDeviceError``.
        """
        tell = progress or (lambda share, name: None)
        tell(0.0, "gateway")
        guid = await self._read_guid()
        found: list[tuple[UnitKind, int]] = []
        probes = (XTENDER, VARIO_TRACK, VARIO_STRING, BATTERY_LINK, BATTERY_MONITOR)
        for position, kind in enumerate(probes):
            if kind is BATTERY_MONITOR and any(other is BATTERY_LINK for other, _ in found):
                # The two share one address and only one of them exists.
                continue
            for address in range(kind.base + 1, kind.base + 1 + kind.most):
                tell((1 + position) / (len(probes) + 2), f"{kind.name} {address - kind.base}")
                if not await self._present(kind, address):
                    break
                found.append((kind, address))
        if not found:
            raise NoDeviceError(address=self._exchange.address)
        tell(1 - 1 / (len(probes) + 2), "models and serial numbers")
        numbers = await self._read_infos([(address, number) for kind, address in found for number in kind.identity])
        units = []
        for kind, address in found:
            own = {n: v for (a, n), v in numbers.items() if a == address and isinstance(v, int | float)}
            described = describe(kind, own)
            index = address - kind.base
            unit_id = kind.key if kind.most == 1 else f"{kind.key}{index}"
            units.append(
                Unit(
                    id=unit_id,
                    kind=kind.key,
                    name=kind.name if kind.most == 1 else f"{kind.name} {index}",
                    serial=described.serial,
                    manufacturer=MANUFACTURER,
                    model=described.model,
                    firmware=described.firmware,
                    hardware=described.hardware,
                    address=address,
                )
            )
        # A plain Xcom-232i has no GUID; then the first unit's serial number stands for the installation.
        root_serial = guid or next((unit.serial for unit in units if unit.serial), "")
        if not root_serial:
            raise NoDeviceError(address=self._exchange.address)
        root = Unit(
            id="gateway",
            kind="gateway",
            name="Studer gateway",
            serial=guid or f"gateway-{root_serial}",
            manufacturer=MANUFACTURER,
            model="Xcom-LAN" if guid else "Xcom-232i",
            address=GATEWAY,
        )
        # A unit that does not tell its serial number is known by its place behind the gateway.
        named = tuple(_with_serial(unit, root_serial) for unit in units)
        self._guid = guid
        self._installation = Installation(root, named)
        self._device_limits.clear()
        tell(1.0, "")
        return self._installation

    async def _present(self, kind: UnitKind, address: int) -> bool:
        request = read_request(address, ObjectType.INFO, kind.probe, Property.INFO_VALUE)
        try:
            answer = await self._exchange.ask(request, retries=1, suspect_link=False)
        except DeviceAbsentError, NoAnswerError:
            return False
        except NotSupportedError:
            return kind.most > 1
        except DeviceRefusedError as err:
            # A battery link is asked for the numbers of a monitor and the other way round: "invalid data" is a no.
            return kind.most > 1 and err.code != Code.INVALID_DATA
        return _float(answer.data) is not None or kind.most > 1

    def points(self, unit: Unit) -> Mapping[str, StuderPoint]:
        """The points of that unit by key."""
        return points_of(unit.kind)

    def _resolve(self, ref: Ref) -> tuple[Unit, StuderPoint]:
        unit = self.installation.unit(ref.unit)
        point = self.points(unit).get(ref.key) if unit else None
        if unit is None or point is None:
            raise UnknownPointError(point=ref.key, unit=ref.unit)
        return unit, point

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """All infos travel in one multi-info exchange, every setting in its own."""
        _, point = self._resolve(ref)
        if self._multi_info and point.address.object_type is ObjectType.INFO:
            return "infos"
        return ref.unit, point.address.number

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points: all infos together, settings one by one. See ``client.Client.read``.

        An error of the link ends the read; it is raised when nothing was read, else it is in the report for what is
        missing.
        """
        report = Report()
        infos: dict[tuple[int, int], list[tuple[Ref, StuderPoint]]] = {}
        settings: list[tuple[Ref, Unit, StuderPoint]] = []
        for ref in refs:
            try:
                unit, point = self._resolve(ref)
            except UnknownPointError as err:
                report.failed[ref] = err
                continue
            if point.address.object_type is ObjectType.INFO:
                infos.setdefault((unit.address, point.address.number), []).append((ref, point))
            else:
                settings.append((ref, unit, point))
        lost: SolarError | None = None
        for (address, number), outcome in (await self._read_infos(list(infos))).items():
            for ref, point in infos[address, number]:
                if isinstance(outcome, SolarError):
                    report.failed[ref] = outcome
                    lost = outcome if _is_silence(outcome) else lost
                else:
                    report.readings[ref] = Reading(to_value(point, outcome), time.monotonic())
        for ref, unit, point in settings:
            if lost is not None:
                report.failed[ref] = lost
                continue
            try:
                report.readings[ref] = await self._read_setting(ref, unit, point)
            except SolarError as err:
                report.failed[ref] = err
                lost = err if _is_silence(err) else None
        if lost is not None and not report.readings:
            raise lost
        return report

    async def _read_infos(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], _Outcome]:
        """Read infos given as (address, number), in as few exchanges as the gateway allows."""
        outcomes: dict[tuple[int, int], _Outcome] = {}
        for chunk in batched(wanted, MULTI_INFO_LIMIT, strict=False):
            try:
                outcomes |= await self._read_chunk(chunk)
            except SolarError as err:
                outcomes |= dict.fromkeys(chunk, err)
            if (silence := _silence_in(outcomes)) is not None:
                # The rest would only wait for the same silence.
                return outcomes | {each: silence for each in wanted if each not in outcomes}
        return outcomes

    async def _read_chunk(self, chunk: Sequence[tuple[int, int]]) -> dict[tuple[int, int], _Outcome]:
        if not self._multi_info or len(chunk) == 1:
            return await self._read_singly(chunk)
        items = {InfoItem(number, _device_index(address)): (address, number) for address, number in chunk}
        try:
            answer = await self._exchange.ask(multi_info_request(items, 2 + next(self._running_number) % 0xFFF0))
            values = decode_multi_info(answer.data).values
        except DeviceRefusedError as err:
            if err.code in _TOO_OLD:
                self._multi_info = False
                return await self._read_singly(chunk)
            if err.code in (Code.GATEWAY_BUSY, Code.RESPONSE_TIMEOUT):
                raise
            # One number the gateway does not know costs the whole request: halve the list to find it.
            middle = len(chunk) // 2
            outcomes = await self._read_chunk(chunk[:middle])
            if _silence_in(outcomes) is not None:
                return outcomes
            return outcomes | await self._read_chunk(chunk[middle:])
        return {
            place: values.get(item, BadAnswerError(device="The gateway", reason=f"info {item.number} is missing"))
            for item, place in items.items()
        }

    async def _read_singly(self, chunk: Iterable[tuple[int, int]]) -> dict[tuple[int, int], _Outcome]:
        """Read infos one by one; silence ends it, and what came before is kept."""
        outcomes: dict[tuple[int, int], _Outcome] = {}
        for address, number in chunk:
            request = read_request(address, ObjectType.INFO, number, Property.INFO_VALUE)
            try:
                outcomes[address, number] = _info_value((await self._exchange.ask(request)).data)
            except SolarError as err:
                outcomes[address, number] = err
                if _is_silence(err):
                    break
        return outcomes

    async def _read_setting(
        self, ref: Ref, unit: Unit, point: StuderPoint, priority: Priority = Priority.POLL
    ) -> Reading:
        """Read the flash value; what was written to RAM since lies above it and cannot be read."""
        stored = to_value(point, await self._read_property(unit, point, Property.VALUE, priority))
        in_force = self.journal.saw_flash(unit.serial, point.key, stored)
        reading = Reading(in_force, time.monotonic(), stored)
        self._settings[ref] = reading
        return reading

    async def _read_property(
        self, unit: Unit, point: StuderPoint, which: Property, priority: Priority = Priority.POLL
    ) -> float | None:
        request = read_request(unit.address, ObjectType.PARAMETER, point.address.number, which)
        return decode_value(point.address.format, (await self._exchange.ask(request, priority)).data)

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """The device's own minimum and maximum (properties 6 and 7), narrowed by the order of settings.

        The device's limits are read once; where it does not tell them, those of the table hold (48 V, 230 V).
        """
        unit, point = self._resolve(ref)
        own = await self._own_limits(ref, unit, point)
        step = point.step or 0.0
        low, high = own.minimum, own.maximum
        if point.below and (other := await self._in_force(Ref(ref.unit, point.below))) is not None:
            high = min(math.inf if high is None else high, other - step)
        if point.above and (other := await self._in_force(Ref(ref.unit, point.above))) is not None:
            low = max(-math.inf if low is None else low, other + step)
        return Limits(low, high, own.step)

    async def _own_limits(self, ref: Ref, unit: Unit, point: StuderPoint, priority: Priority = Priority.POLL) -> Limits:
        if ref not in self._device_limits:
            try:
                low = await self._read_property(unit, point, Property.MINIMUM, priority)
                high = await self._read_property(unit, point, Property.MAXIMUM, priority)
            except DeviceRefusedError, BadAnswerError:
                low = high = None
            plausible = low is not None and high is not None and low < high
            self._device_limits[ref] = (
                Limits(low, high, point.step) if plausible else Limits(point.minimum, point.maximum, point.step)
            )
        return self._device_limits[ref]

    async def _in_force(self, ref: Ref, priority: Priority = Priority.POLL) -> float | None:
        """The value of a setting that holds now, from the last reading or from the device."""
        unit, point = self._resolve(ref)
        reading = self._settings.get(ref) or await self._read_setting(ref, unit, point, priority)
        return float(reading.value) if isinstance(reading.value, int | float) else None

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a parameter, in RAM unless ``permanent``. See ``client.Client.write`` for what is raised.

        A RAM value cannot be read back; the gateway's confirmation is all there is. It is sent even when we believe
        that it is in force already, because a unit that has restarted has lost it without telling us.
        """
        unit, point = self._resolve(ref)
        if not point.writable:
            raise NotWritableError(point=point.name)
        if point.risk is Risk.OUTAGE and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this can cut the supply")
        number = await self._checked(ref, unit, point, value)
        if permanent or point.wear is Wear.FLASH:
            return await self._write_flash(ref, unit, point, number)
        return await self._write_ram(ref, unit, point, number)

    async def _checked(self, ref: Ref, unit: Unit, point: StuderPoint, value: Value) -> float:
        number = check_number(point, value, await self._own_limits(ref, unit, point, Priority.PERSON))
        for other, error in ((point.below, NotBelowError), (point.above, NotAboveError)):
            limit = await self._in_force(Ref(ref.unit, other), Priority.PERSON) if other else None
            if other and limit is not None and not (number < limit if error is NotBelowError else number > limit):
                name = self.points(unit)[other].name
                raise error(point=point.name, other=name, limit=limit, unit=point.unit, value=number)
        return number

    async def _write_ram(self, ref: Ref, unit: Unit, point: StuderPoint, number: float) -> Reading:
        # What flash holds is noted with the RAM value: should it change later, somebody used the remote control.
        known = self._settings.get(ref)
        stored = known.stored if known else (await self._read_setting(ref, unit, point, Priority.PERSON)).stored
        await self._send(ref, unit, point, Property.UNSAVED_VALUE, number)
        self.journal.wrote_ram(unit.serial, point.key, number, stored)
        reading = self._settings[ref] = Reading(number, time.monotonic(), stored)
        return reading

    async def _write_flash(self, ref: Ref, unit: Unit, point: StuderPoint, number: float) -> Reading:
        before = await self._read_property(unit, point, Property.VALUE, Priority.PERSON)
        in_force = self.journal.saw_flash(unit.serial, point.key, to_value(point, before))
        if not (_same(point, before, number) and _same(point, in_force, number)):
            self.journal.check_flash(unit.serial, point.key, point.name)
            # Counted before it is sent: a write that gets no answer may have been carried out.
            self.journal.wrote_flash(unit.serial, point.key)
            try:
                await self._send(ref, unit, point, Property.VALUE, number)
            except WriteUncertainError:
                if not _same(point, await self._read_property(unit, point, Property.VALUE, Priority.PERSON), number):
                    raise
            before = await self._read_property(unit, point, Property.VALUE, Priority.PERSON)
            if not _same(point, before, number):
                kept = "nothing" if before is None else before
                raise NotKeptError(point=point.name, value=number, kept=kept)
        kept_value = to_value(point, before)
        reading = self._settings[ref] = Reading(kept_value, time.monotonic(), kept_value)
        return reading

    async def _send(self, ref: Ref, unit: Unit, point: StuderPoint, where: Property, number: float) -> None:
        data = encode_value(point.address.format, number / point.address.factor)
        request = write_request(unit.address, point.address.number, where, data)
        await self._exchange.prepare(Priority.PERSON)
        try:
            await self._exchange.ask(request, Priority.PERSON, retries=0)
        except (NoAnswerError, LinkLostError) as err:
            raise WriteUncertainError(device=unit.name, point=point.name) from err
        except DeviceRefusedError as err:
            if err.code not in (Code.DATA_TOO_SMALL, Code.DATA_TOO_BIG):
                raise
            self._device_limits.pop(ref, None)
            limits = await self.limits(ref)
            raise ValueRangeError(
                point=point.name,
                minimum=-math.inf if limits.minimum is None else limits.minimum,
                maximum=math.inf if limits.maximum is None else limits.maximum,
                unit=point.unit,
                value=number,
            ) from err

    async def close(self) -> None:
        """Close the wire."""
        await self._exchange.close()


def _same(point: StuderPoint, kept: Value, number: float) -> bool:
    """Whether the device kept what was sent: it stores 16-bit fixed point, so half a step is no difference."""
    return isinstance(kept, int | float) and abs(kept - number) <= (point.step or 1e-3) / 2


def _device_index(address: int) -> int:
    """A unit's number in its family, as multi-info items name it."""
    return next(address - kind.base for kind in KINDS.values() if kind.base < address <= kind.base + kind.most)


def _info_value(data: bytes) -> float | None:
    """A single info's value: two bytes are an enumeration, four a number."""
    return decode_value(Format.SHORT_ENUM if len(data) == 2 else Format.FLOAT, data)


def _float(data: bytes) -> float | None:
    try:
        return _info_value(data)
    except BadAnswerError:
        return None


def _is_silence(error: SolarError) -> bool:
    """Whether an error is of the link or of the whole gateway, so that asking on makes no sense."""
    return not isinstance(error, DeviceRefusedError | BadAnswerError) or (
        isinstance(error, DeviceRefusedError) and error.code == Code.GATEWAY_BUSY
    )


def _silence_in(outcomes: Mapping[tuple[int, int], _Outcome]) -> SolarError | None:
    return next((each for each in outcomes.values() if isinstance(each, SolarError) and _is_silence(each)), None)


def _with_serial(unit: Unit, root_serial: str) -> Unit:
    if unit.serial:
        return unit
    return replace(unit, serial=f"{root_serial}-{unit.id}")
