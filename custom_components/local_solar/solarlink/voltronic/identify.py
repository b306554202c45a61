"""Finding out what a unit is and what it knows (reference section 5)."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ..client import Installation, Progress, Unit
from ..errors import (
    BadAnswerError,
    DeviceRefusedError,
    NoAnswerError,
    NotSupportedError,
    UnsupportedDialectError,
)
from . import states
from .access import Access
from .blocks import MEMBER, ROOT, Block, Dialect
from .codec import Frame
from .exchange import DEVICE, Exchange, Request
from .facts import MAX_CODES, Facts
from .fields import Fields
from .queries import COUNTED_BY_DATE, OTHER_WORDS, has_word, probed
from .ranges import battery_class
from .replies import fields_of

MANUFACTURER = "Voltronic"
ROOT_ID = "inverter"
HEATSINK_RAW_POWER = 3000.0
"""Units up to this rated power (W) may tell a converter's count instead of the heat sink's temperature (6.1)."""
HEATSINK_NEAR = 15.0
"""A count this near to a temperature of the charger (°C) is a temperature too."""
CLOCK_SET_FROM = 2020
"""A clock that is earlier was never set, so counters by date mean nothing."""
_GROUP_NUMBERS = range(10)
_SUPPORTED = "PI30, PI30 MAX, PI41 and PI18"


def _anything(frame: Frame) -> Frame:
    return frame


def plain_serial(text: str) -> str:
    """A serial number without the padding that some units send behind it."""
    found = re.match(r"[0-9A-Za-z]+", text.strip())
    return found.group() if found else ""


def long_serial(text: str) -> str:
    """The serial number of ``QSID`` and ``^P005ID``: two digits tell how many of the next 20 count."""
    if len(text) < 3 or not text[:2].isdecimal():
        return plain_serial(text)
    return plain_serial(text[2 : 2 + int(text[:2])])


def read_serial(text: str) -> Callable[[Frame], str]:
    """How the reply to a serial number's query is read."""

    def read(frame: Frame) -> str:
        if text.startswith("^"):
            if not re.fullmatch(r"D\d{3}[0-9A-Za-z]{3,}", frame.payload):
                raise BadAnswerError(device=DEVICE, reason="no serial number")
            return long_serial(frame.payload[4:])
        serial = long_serial(frame.payload) if text == "QSID" else plain_serial(frame.payload)
        # Other replies have blanks, a colon or only a few characters.
        if frame.start != "(" or " " in frame.payload.strip() or len(serial) < 8:
            raise BadAnswerError(device=DEVICE, reason="no serial number")
        return serial

    return read


async def detect(exchange: Exchange) -> Dialect:
    """The dialect of the unit, as far as its first words tell.

    Raises ``UnsupportedDialectError``, ``NoAnswerError``, ``LinkError`` and, of a unit that refuses every request,
    ``DeviceRefusedError``.
    """
    refused = False
    tries = (
        (Request("QPI"), None),
        (Request("^P005PI"), 0),
        (Request("^P003PI", bare=True), 0),
        (Request("QPI", bare=True), 0),
    )
    for request, retries in tries:
        try:
            told = await exchange.ask(request, _anything, retries=retries, known=False)
        except NotSupportedError as err:
            # ^0 is how the comma dialects refuse; they are asked next.
            refused = refused or err.code == "NAK"
            continue
        except NoAnswerError, BadAnswerError:
            continue
        if (dialect := _told(told, exchange.address)) is not None:
            return dialect
    for request in (Request("QPIGS", slow=True), Request("QMOD")):
        # Some split-phase units and clones do not know QPI.
        try:
            await exchange.ask(request, _anything, retries=0, known=False)
        except NotSupportedError as err:
            refused = refused or err.code == "NAK"
        except NoAnswerError, BadAnswerError:
            continue
        else:
            return Dialect.PI30
    if refused:
        exchange.refusals = max(exchange.refusals, exchange.REFUSALS_UNTIL_TROUBLE)
        raise DeviceRefusedError(device=DEVICE, code="NAK", reason="it refuses every request; switch it off and on")
    raise NoAnswerError(device=DEVICE, seconds=exchange.timing.first_reply)


def _told(frame: Frame, address: str) -> Dialect | None:
    known = re.fullmatch(r"(?:D\d{3})?(?:PI)?(\d\d)", frame.payload)
    if known is None:
        return None
    match known.group(1):
        case "30":
            return Dialect.PI30
        case "41":
            return Dialect.PI41
        case "18":
            return Dialect.PI18
    raise UnsupportedDialectError(address=address, dialect=f"PI{known.group(1)}", supported=_SUPPORTED)


class Identification:
    """One identification of the unit at the other end of a line."""

    def __init__(self, access: Access, port: str, progress: Progress | None) -> None:
        """``port`` is where the unit is plugged in: it stands in for a serial number that is none."""
        self._access = access
        self._exchange = access.exchange
        self._port = port
        self._tell = progress or (lambda share, name: None)
        self._frames: dict[Block, Frame] = {}
        self._words: dict[str, str] = {}

    async def serial(self, dialect: Dialect) -> tuple[str, str]:
        """Serial number and the word that told it; empty when the unit has none. Refuses a Revo (section 1)."""
        words = ("^P005ID",) if dialect is Dialect.PI18 else ("QSID", "QID")
        for text in words:
            try:
                told = await self._exchange.ask(Request(text), read_serial(text), retries=1, known=False)
            except NotSupportedError, NoAnswerError, BadAnswerError:
                continue
            if told:
                return told, text
        if dialect is not Dialect.PI18:
            await self._refuse_revo()
        return "", ""

    async def _refuse_revo(self) -> None:
        """A Revo says PI30, but has words of its own with another checksum."""
        request = Request("QALL", summed=True)
        try:
            await self._exchange.ask(request, _anything, retries=0, known=False)
        except NotSupportedError, NoAnswerError, BadAnswerError:
            return
        raise UnsupportedDialectError(address=self._exchange.address, dialect="the Revo dialect", supported=_SUPPORTED)

    async def run(self) -> Installation:
        """Find out everything and return it."""
        self._tell(0.0, "dialect")
        dialect = await detect(self._exchange)
        self._access.facts = Facts(dialect=dialect.value, checksum=self._exchange.preferred_form.value)
        self._tell(0.05, "serial number")
        serial, serial_word = await self.serial(dialect)
        await self._probe_all(dialect)
        facts = self._conclude(dialect, serial, serial_word)
        self._access.facts = facts
        # What a reply means may depend on another one, so all are read again now that all are known.
        fields = {block: self._fields(block) for block in self._frames}
        self._drop_standing_counters(fields)
        facts = self._with_blocks(facts, fields)
        self._access.facts = facts
        await self._probe_counters(facts, fields)
        group = await self._probe_group(fields)
        self._tell(1.0, "")
        return self._installation(fields, group)

    # Asking for everything once

    async def _probe_all(self, dialect: Dialect) -> None:
        blocks = probed(dialect)
        silent = []
        for number, block in enumerate(blocks):
            self._tell(0.1 + 0.6 * number / len(blocks), block.value.replace("_", " "))
            essential = block in (Block.STATUS, Block.RATINGS, Block.MODE)
            if await self._probe(block, None if essential else 0) is None:
                silent.append(block)
        second = self._frames.get(Block.SECOND)
        if second is not None and len(second.payload.split()) == 12:
            for block in (Block.CV_TIME, Block.STAGES, Block.SOLAR_CURRENTS):
                await self._probe(block, 1)
        for number, block in enumerate(silent):
            # Silence may have been a disturbance: a second silence is believed.
            self._tell(0.7 + 0.1 * number / len(silent), block.value.replace("_", " "))
            await self._probe(block, 0)
        if Block.STATUS not in self._frames:
            raise BadAnswerError(device=DEVICE, reason="it does not tell its status")

    async def _probe(self, block: Block, retries: int | None) -> bool | None:
        """Ask once: true for an answer, false for a refusal, ``None`` for silence."""
        request = self._access.request(block)
        other = OTHER_WORDS.get((self._access.dialect, block))
        for text in (request.text, other):
            if text is None:
                continue
            try:
                await self._keep(block, replace(request, text=text, brief=retries == 0), retries)
            except NotSupportedError:
                continue
            except NoAnswerError, BadAnswerError:
                return None
            if text != request.text:
                self._words[block.value] = text
            return True
        return False

    async def _keep(self, block: Block, request: Request, retries: int | None) -> None:
        read = self._access.reader(block)

        def take(frame: Frame) -> Frame:
            read(frame)
            return frame

        self._frames[block] = await self._exchange.ask(request, take, retries=retries, known=False)

    def _fields(self, block: Block) -> Fields:
        fields = fields_of(block, self._frames[block], self._access.manner)
        self._access.keep(block, 0, fields)
        return fields

    # What it means

    def _conclude(self, dialect: Dialect, serial: str, serial_word: str) -> Facts:
        plain = {block: fields_of(block, frame, self._access.manner) for block, frame in self._frames.items()}

        def text(block: Block, key: str) -> str:
            return str(plain.get(block, {}).get(key) or "")

        code = text(Block.MODEL_CODE, "model_code")
        second, status, ratings = (plain.get(block, {}) for block in (Block.SECOND, Block.STATUS, Block.RATINGS))
        if dialect is not Dialect.PI18:
            if dialect is Dialect.PI41 or code == "026" or "l2_ac_output_power" in second:
                dialect = Dialect.PI41
            elif code in MAX_CODES or len(second) == 3 or "feed_in_power" in status:
                dialect = Dialect.PI30MAX
        power = ratings.get("rated_power")
        rated = ratings.get("rated_battery_voltage")
        return Facts(
            dialect=dialect.value,
            serial=serial,
            serial_word=serial_word,
            firmware=text(Block.FIRMWARE, "firmware"),
            model_name=text(Block.MODEL_NAME, "model_name"),
            model_code=code,
            battery=battery_class(rated if isinstance(rated, float) else None),
            rated_power=power if isinstance(power, float) else None,
            heatsink_degrees=_in_degrees(dialect, power, status, plain.get(Block.CHARGER, {})),
            words=self._words,
            charge_currents=_currents(text(Block.CHARGE_CURRENTS, "charge_currents")),
            utility_currents=_currents(text(Block.UTILITY_CURRENTS, "utility_currents")),
            defaults={key: value for key, value in plain.get(Block.DEFAULTS, {}).items() if isinstance(value, float)},
            checksum=self._exchange.preferred_form.value,
        )

    @staticmethod
    def _with_blocks(facts: Facts, fields: dict[Block, Fields]) -> Facts:
        return replace(facts, blocks={block.value: sorted(keys) for block, keys in fields.items() if keys})

    @staticmethod
    def _drop_standing_counters(fields: dict[Block, Fields]) -> None:
        """A counter that stands at 0 counts nothing: some clones answer the query without having one."""
        for block, key in ((Block.PV_TOTAL, "pv_energy_total"), (Block.LOAD_TOTAL, "load_energy_total")):
            if block in fields and not fields[block].get(key):
                del fields[block]

    async def _probe_counters(self, facts: Facts, fields: dict[Block, Fields]) -> None:
        """Counters by date exist where the totals do, and mean something when the clock is right."""
        told = fields.get(Block.CLOCK, {}).get("wall_clock")
        if Block.CLOCK in fields and not (isinstance(told, datetime) and told.year >= CLOCK_SET_FROM):
            return
        by_total = {
            Block.PV_TOTAL: (Block.PV_DAY, Block.PV_MONTH, Block.PV_YEAR),
            Block.LOAD_TOTAL: (Block.LOAD_DAY, Block.LOAD_MONTH, Block.LOAD_YEAR),
        }
        for total, counters in by_total.items():
            for block in counters if total in fields else ():
                assert block in COUNTED_BY_DATE
                if has_word(self._access.dialect, block) and await self._probe(block, 1):
                    fields[block] = self._fields(block)
        self._access.facts = self._with_blocks(facts, fields)

    # The parallel group

    async def _probe_group(self, fields: dict[Block, Fields]) -> dict[int, str]:
        """Number and serial number of every unit of the group, empty for a unit alone (section 6.7)."""
        largest = fields.get(Block.RATINGS, {}).get("parallel_max")
        if largest is not None and largest == 0.0:
            return {}
        per_unit = Block.PARALLEL_RATINGS if self._access.dialect is Dialect.PI18 else Block.PARALLEL
        group: dict[int, str] = {}
        for index in _GROUP_NUMBERS:
            self._tell(0.8 + 0.02 * index, f"unit {index} of the group")
            found = await self._member(per_unit, index)
            serial = str(found.get("member_serial", "")) if found else ""
            if not found or not found.get("member_present") or not serial.strip("0"):
                break
            group[index] = serial
        if len(group) < 2:
            return {}
        facts = self._access.facts
        own = next((index for index, serial in group.items() if _same_serial(serial, facts.serial)), 0)
        member_blocks = {}
        for block in (Block.PARALLEL, Block.PARALLEL_RATINGS, Block.PARALLEL_SECOND, Block.PARALLEL_FEED):
            # Only an index that is there tells what a reply brings.
            if has_word(self._access.dialect, block) and (found := await self._member(block, next(iter(group)))):
                member_blocks[block.value] = sorted(found)
        self._access.facts = replace(
            facts,
            group_index=own,
            member_blocks=member_blocks,
            blocks=facts.blocks | {name: keys for name, keys in member_blocks.items() if name == Block.PARALLEL},
        )
        return {index: serial for index, serial in group.items() if index != own}

    async def _member(self, block: Block, index: int) -> Fields | None:
        try:
            return await self._exchange.ask(
                self._access.request(block, index), self._access.reader(block), retries=1, known=False
            )
        except NotSupportedError, NoAnswerError, BadAnswerError:
            return None

    # The result

    def _installation(self, fields: dict[Block, Fields], group: dict[int, str]) -> Installation:
        facts = self._access.facts
        model = facts.model_name or states.MODELS.get(facts.model_code, "")
        if not model:
            model = f"Axpert {facts.rated_power:.0f} W" if facts.rated_power else "Axpert"
        root = Unit(
            id=ROOT_ID,
            kind=ROOT,
            name="Inverter",
            serial=unique_serial(facts, self._port),
            manufacturer=MANUFACTURER,
            model=model,
            firmware=facts.firmware,
            hardware=Dialect(facts.dialect).value,
            address=facts.group_index or 0,
        )
        members = tuple(
            Unit(
                id=f"{ROOT_ID}{index}",
                kind=MEMBER,
                name=f"Inverter {index}",
                serial=serial,
                manufacturer=MANUFACTURER,
                model=model,
                address=index,
            )
            for index, serial in group.items()
        )
        return Installation(root, members, facts.as_dict())


def unique_serial(facts: Facts, port: str) -> str:
    """The serial number, or what stands for one: some clones tell none, or all the same digit."""
    if len(set(facts.serial)) > 1:
        return facts.serial
    return "-".join(part for part in (facts.serial or facts.firmware or "unknown", port) if part)


def _same_serial(one: str, other: str) -> bool:
    """Whether two forms of a serial number mean the same unit: the short form is the beginning of the long one."""
    shorter, longer = sorted((one, other), key=len)
    return bool(shorter) and longer.startswith(shorter)


def _currents(text: str) -> list[float]:
    return [float(each) for each in text.split()]


def _in_degrees(dialect: Dialect, power: object, status: Fields, charger: Fields) -> bool:
    # A split-phase unit tells the power of one phase.
    large = dialect in (Dialect.PI18, Dialect.PI41) or not isinstance(power, float) or power > HEATSINK_RAW_POWER
    if large:
        return True
    told = status.get("heatsink_temperature")
    near = [charger.get(key) for key in ("scc_temperature", "inverter_temperature", "battery_side_temperature")]
    return isinstance(told, float) and any(
        isinstance(each, float) and each > 0 and abs(each - told) <= HEATSINK_NEAR for each in near
    )
