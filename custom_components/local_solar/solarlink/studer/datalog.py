"""Fetches the datalog of a day from the gateway's SD card (reference section 6), and puts it into words of the points.

Reading a file clears the gateway's mark "new file", and whether the portal then still fetches it is not known; so
nothing is read while that mark is set. While a file is fetched nobody else should ask the gateway: the caller pauses
polling meanwhile.

A Moxa that is set to strip CR LF takes these bytes out of the blocks as well, wherever they stand (reference section
2.2). If the lines of the file end with CR LF, then no block arrives whole over such a link, and ``NoAnswerError`` is
what the caller gets; over a serial port, or a Moxa whose delimiters are off, they arrive.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime

from ..errors import (
    BadAnswerError,
    DatalogWaitsError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkLostError,
    NoAnswerError,
    SolarError,
    ValueKindError,
)
from ..links.turns import Priority
from ..points import Ref
from .address import StuderPoint
from .codec import GATEWAY, Code, Message, ObjectType, read_request
from .datalog_table import Hour
from .exchange import Exchange
from .site import Site
from .traffic import FileObject, FileStep
from .units import VARIO_STRING, VARIO_TRACK, XTENDER, base_of
from .values import to_value

LARGEST = 4 << 20
"""Bytes beyond which a file is none of a day."""
_ANSWERS = (FileStep.BLOCK, FileStep.FINISH)

LIVE = {
    3092: 3000,
    3095: 3005,
    3098: 3139,
    3101: 3136,
    3110: 3085,
    3113: 3011,
    3116: 3012,
    3119: 3137,
    3122: 3084,
    7030: 7000,
    7031: 7001,
    7032: 7002,
    7033: 7029,
    11039: 11000,
    11040: 11001,
    11041: 11002,
    11043: 11004,
    15054: 15000,
    15057: 15001,
    15058: 15004,
    15061: 15010,
}
"""Means of a minute that the datalog keeps, and the infos of which they are the means."""
_SOLAR_POWER = 17999
_SOLAR_POINT = "total_pv_power"


@dataclass(frozen=True, slots=True)
class PointHour:
    """One hour of one point, in its unit and with its sign; ``start`` is on the clock of the installation."""

    ref: Ref
    start: datetime
    mean: float
    minimum: float
    maximum: float
    minutes: int


def file_name(day: date) -> str:
    """The name of the file of a day."""
    return f"LG{day:%y%m%d}.CSV"


class Datalog:
    """The files on the gateway's card."""

    def __init__(self, exchange: Exchange) -> None:
        """Nothing is asked before it is wanted."""
        self._exchange = exchange

    async def days(self) -> list[date]:
        """The days whose files are on the card, oldest first; raises the errors of ``read_day``."""
        self._check_line()
        content = await self._fetch(FileObject.DIRECTORY, b"")
        # The document separates the names by one of the two and describes the other.
        names = content.decode("ascii", "replace").replace("\r", "\n").split("\n")
        return sorted(day for name in names if (day := _day_of(name.strip("\0 "))) is not None)

    async def read_day(self, day: date, today: date) -> bytes:
        """The file of a day, as it is on the card; ``today`` is what the installation's clock shows.

        Raises ``ValueKindError`` for a day that is not over, ``DatalogWaitsError`` while the portal has not fetched the
        newest file, ``DeviceBusyError`` while it does, ``DeviceRefusedError`` for a day without a file (code 2F), and
        the errors of ``Exchange.ask``.
        """
        if day >= today:
            raise ValueKindError(point="Day", value=day.isoformat(), expected=f"a day before {today.isoformat()}")
        self._check_line()
        name = file_name(day).encode("ascii")
        try:
            return await self._fetch(FileObject.FILE, name)
        except DeviceRefusedError as err:
            if err.code != Code.FILE_OR_DIR_NOT_PRESENT:
                raise
        # The document's example has a line feed behind the name; whether it is needed is not known.
        return await self._fetch(FileObject.FILE, name + b"\n")

    def _check_line(self) -> None:
        traffic = self._exchange.traffic
        if traffic.transferring:
            raise DeviceBusyError(device="The gateway", code=int(Code.GATEWAY_BUSY), reason="the portal fetches a file")
        if traffic.new_file:
            raise DatalogWaitsError()

    async def _fetch(self, what: FileObject, name: bytes) -> bytes:
        with self._exchange.traffic.own_transfer():
            content = bytearray()
            step, data = FileStep.START, name
            while True:
                try:
                    answer = await self._block(what, step, data)
                except DeviceRefusedError:
                    # There is nothing under way that would have to be ended.
                    raise
                except SolarError:
                    await self._abort(what)
                    raise
                content += answer.data
                if answer.property_id == FileStep.FINISH:
                    return bytes(content)
                if len(content) > LARGEST:
                    await self._abort(what)
                    raise BadAnswerError(device="The gateway", reason="the file does not end")
                step, data = FileStep.NEXT, b""

    async def _block(self, what: FileObject, step: FileStep, data: bytes) -> Message:
        """One block. After silence the same block is asked for again: asking for the next would leave one out."""
        left = self._exchange.timing.retries
        while True:
            try:
                return await self._ask(what, step, data)
            except NoAnswerError, LinkLostError:
                if not left:
                    raise
            left -= 1
            if step is not FileStep.START:
                step = FileStep.AGAIN

    async def _ask(self, what: FileObject, step: FileStep, data: bytes) -> Message:
        request = read_request(GATEWAY, ObjectType.FILE_TRANSFER, what, step, data)
        return await self._exchange.ask(
            replace(request, answered_as=_ANSWERS), Priority.POLL, retries=0, suspect_link=False
        )

    async def _abort(self, what: FileObject) -> None:
        with suppress(SolarError):
            await self._ask(what, FileStep.ABORT, b"")


def _day_of(name: str) -> date | None:
    try:
        return datetime.strptime(name, "LG%y%m%d.CSV").date()  # noqa: DTZ007 - a day of the installation's clock
    except ValueError:
        return None


def point_hours(site: Site, hours: list[Hour]) -> list[PointHour]:
    """The hours that belong to points of units that are there: means of a minute of what those points show live.

    Columns of other numbers (extremes, states) and of units that are gone are left out.
    """
    found = {track: _target(site, track.info, track.device) for track in dict.fromkeys(hour.track for hour in hours)}
    return [
        shown
        for hour in hours
        if (target := found[hour.track]) is not None and (shown := _shown(hour, *target)) is not None
    ]


def _shown(hour: Hour, ref: Ref, point: StuderPoint) -> PointHour | None:
    values = [to_value(point, raw) for raw in (hour.mean, hour.minimum, hour.maximum)]
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) < len(values):
        return None
    mean, *ends = numbers
    return PointHour(ref, hour.start, mean, min(ends), max(ends), hour.minutes)


def _target(site: Site, info: int, device: str) -> tuple[Ref, StuderPoint] | None:
    """The point that shows live what a column holds."""
    root = site.installation.root
    if info == _SOLAR_POWER:
        point = site.points(root).get(_SOLAR_POINT)
        return None if point is None else (Ref(root.id, point.key), point)
    if (live := LIVE.get(info)) is None or (index := _index(info, device)) is None:
        return None
    unit = site.unit_at(base_of(live) + index)
    if unit is None:
        return None
    for point in site.points(unit).values():
        plain = point.measured and not point.address.aggregate and point.address.object_type is ObjectType.INFO
        if plain and point.address.number == live:
            return Ref(unit.id, point.key), point
    return None


def _index(info: int, device: str) -> int | None:
    """Which unit of its family a column belongs to: an Xtender is called by phase and number, all others by number."""
    place = device.rpartition("-")[2] if base_of(info) == XTENDER.base and "-" in device else device
    most = {XTENDER.base: XTENDER.most, VARIO_TRACK.base: VARIO_TRACK.most, VARIO_STRING.base: VARIO_STRING.most}
    if not place.isdecimal() or not 1 <= int(place) <= most.get(base_of(info), 1):
        return None
    return int(place)
