"""Questions and answers with an Xcom-485i, asked in the words of SCOM.

The client of a Studer installation asks for properties of objects. This exchange carries the same questions over Modbus
RTU (reference section 13), so that points, limits, writes, watchdogs and journals are those of every other gateway.
What the Xcom-485i does not have (GUID, datalog, settings of the remote control) is refused as not supported.
"""

import asyncio
import math
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, override

from ..client import Unit
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    NotSupportedError,
    SolarError,
)
from ..trace import Direction
from .address import Aggregate
from .codec import (
    GATEWAY,
    OUR_ADDRESS,
    Code,
    Format,
    Message,
    ObjectType,
    Request,
    Service,
    decode_value,
    encode_value,
)
from .exchange import Exchange, refusal
from .modbus_frames import MOST_REGISTERS, Answer, AnswerReader, Ask, Function, from_words, to_words
from .modbus_map import SYSTEM_UNIT, Block, blocks, format_of, info_register, parameter_register, unit_of
from .modbus_messages import MessageLog
from .traffic import Status
from .units import base_of
from .values import wall_clock, wall_seconds

CLOCK = 5002
_CLOCK_REGISTERS = 8
_ONE_VALUE = 2
LOOK_EVERY = 10.0
"""Seconds between two looks for messages while values are read one by one; several at once always bring one along."""

_EXCEPTIONS = {
    0x01: Code.SERVICE_NOT_SUPPORTED,
    0x02: Code.OBJECT_ID_NOT_FOUND,
    0x04: Code.READ_PROPERTY_FAILED,
    0x06: Code.GATEWAY_BUSY,
    0x0A: Code.RESPONSE_TIMEOUT,
    0x0B: Code.RESPONSE_TIMEOUT,
}
_ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 0x02, 0x03


class ModbusExchange(Exchange):
    """One question at a time; the line belongs to us alone."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """As ``Exchange``."""
        super().__init__(*args, **more)
        self.offset = 0
        """What the DIP switches add to all unit addresses."""
        self.units: Callable[[], Iterable[Unit]] = tuple
        """Tells who is there, for sums over a family."""
        self._answers = AnswerReader()
        self._asked: tuple[Ask, asyncio.Future[Answer]] | None = None
        self._noisy_until = -math.inf
        self._most = MOST_REGISTERS
        self._four_digits = False
        self._present: set[int] = set()
        self._messages = MessageLog(self._words, self._clock)
        self._tells_messages = True
        self._looked_at = time.monotonic()

    # The line

    @override
    def wire_up(self, peer: str) -> None:
        self._answers.reset()
        super().wire_up(peer)

    @override
    def wire_data(self, data: bytes) -> None:
        self._trace.add(Direction.RECEIVED, data)
        ask, future = self._asked or (None, None)
        answer = self._answers.feed(data, None if future is None or future.done() else ask)
        self._stats.dropped_bytes = self._answers.dropped
        if answer is not None and future is not None:
            future.set_result(answer)

    @override
    def wire_down(self, error: LinkError) -> None:
        super().wire_down(error)
        if self._asked and not self._asked[1].done():
            self._asked[1].set_exception(error)

    @override
    async def _find_source(self) -> None:
        # There are no addresses of askers on this line.
        self.source = OUR_ADDRESS

    async def _transact(self, ask: Ask) -> Answer:
        """Send one request and wait for its answer; raises ``NoAnswerError`` and ``LinkError``."""
        # A late answer bears no sign of which question it answers, so after silence the line is left to calm down.
        await asyncio.sleep(max(self._noisy_until - time.monotonic(), 0.0))
        self._answers.reset()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked = (ask, future)
        data = ask.encode()
        self._stats.exchanges += 1
        started = self.last_sent = time.monotonic()
        try:
            self._wire.send(data)
            self._trace.add(Direction.SENT, data)
            async with asyncio.timeout(self.timing.answer):
                answer = await future
        except TimeoutError as err:
            self._stats.time_outs += 1
            self._noisy_until = time.monotonic() + self.timing.answer
            raise NoAnswerError(device=f"Modbus unit {ask.unit}", seconds=self.timing.answer) from err
        finally:
            self._asked = None
        self._stats.answered(time.monotonic() - started)
        return answer

    async def _words(self, ask: Ask, address: int) -> tuple[int, ...]:
        """The registers of a good answer; raises ``DeviceRefusedError`` with its kinds for the others."""
        answer = await self._transact(ask)
        if not answer.exception:
            self._present.add(ask.unit)
            return answer.words
        raise self._refusal(ask, answer.exception, address)

    def _refusal(self, ask: Ask, exception: int, address: int) -> DeviceRefusedError:
        write = ask.function is Function.WRITE
        if exception == _ILLEGAL_VALUE:
            return refusal(address, Code.DATA_TOO_BIG if write else Code.INVALID_DATA)
        if exception == _ILLEGAL_ADDRESS and ask.unit not in self._present:
            # Of a unit that has never answered, that means that it is not there.
            return refusal(address, Code.DEVICE_NOT_FOUND)
        if write and exception == 0x04:
            return refusal(address, Code.WRITE_PROPERTY_FAILED)
        if exception in _EXCEPTIONS:
            return refusal(address, _EXCEPTIONS[exception])
        return DeviceRefusedError(
            device=f"Studer device {address}", code=f"Modbus {exception}", reason="an exception that is not known"
        )

    # SCOM's questions

    @override
    async def _exchange_frames(self, request: Request) -> Message:
        asked = request.message
        address = request.destination
        data = b""
        match asked.service, asked.object_type:
            case Service.READ, ObjectType.INFO:
                data = struct.pack("<f", await self._info(address, asked.object_id))
                if time.monotonic() - self._looked_at >= LOOK_EVERY:
                    await self._look_for_messages()
            case Service.READ, ObjectType.MULTI_INFO:
                data = await self._multi_info(asked.data)
                await self._look_for_messages()
            case Service.READ, ObjectType.MESSAGE:
                data = await self._message(asked.object_id)
            case Service.READ, ObjectType.PARAMETER if (address, asked.object_id) == (GATEWAY, CLOCK):
                data = encode_value(Format.INT32, wall_seconds(await self._clock()))
            case Service.READ, ObjectType.PARAMETER:
                data = await self._parameter(address, asked.object_id, asked.property_id)
            case Service.WRITE, ObjectType.PARAMETER if (address, asked.object_id) == (GATEWAY, CLOCK):
                await self._set_clock(wall_clock(int(decode_value(Format.INT32, asked.data) or 0)))
            case Service.WRITE, ObjectType.PARAMETER:
                await self._write(address, asked.object_id, asked.property_id, asked.data)
            case _:
                raise _not_supported(address)
        return Message(asked.service, asked.object_type, asked.object_id, asked.property_id, data, is_answer=True)

    def _place(self, address: int, register: int | None) -> tuple[int, int]:
        unit = unit_of(address)
        if unit is None or register is None:
            raise _not_supported(address)
        return unit + self.offset, register

    async def _info(self, address: int, number: int) -> float:
        unit, register = self._place(address, info_register(address, number))
        return from_words(*await self._words(Ask(unit, Function.READ_INPUT, register), address))

    async def _parameter(self, address: int, number: int, which: int) -> bytes:
        unit, register = self._place(address, parameter_register(address, number, which, write=False))
        form = format_of(address, number)
        if form is None:
            raise refusal(address, Code.OBJECT_ID_NOT_FOUND)
        value = from_words(*await self._words(Ask(unit, Function.READ_HOLDING, register), address))
        if form is Format.FLOAT:
            return struct.pack("<f", value)
        if not math.isfinite(value):
            raise BadAnswerError(device=f"Studer device {address}", reason=f"parameter {number} is no number")
        try:
            return encode_value(form, round(value))
        except struct.error as err:
            raise BadAnswerError(device=f"Studer device {address}", reason=f"parameter {number} is {value}") from err

    async def _write(self, address: int, number: int, which: int, data: bytes) -> None:
        unit, register = self._place(address, parameter_register(address, number, which, write=True))
        form = format_of(address, number)
        if form is None or (value := decode_value(form, data)) is None:
            raise refusal(address, Code.INVALID_DATA)
        await self._words(Ask(unit, Function.WRITE, register, words=to_words(value)), address)

    # Several infos

    async def _multi_info(self, data: bytes) -> bytes:
        """Read many infos in blocks, and add up what is wanted as a sum.

        What one unit does not answer is left out; an error is raised when nothing at all could be read.
        """
        items = list(struct.iter_unpack("<HB", data))
        wanted = {(number, device): self._addresses(number, device) for number, device in items}
        places = [(address, number) for (number, _), found in wanted.items() for address in found]
        values: dict[tuple[int, int], float] = {}
        failure: SolarError | None = None
        for block in blocks(places, self._most // _ONE_VALUE):
            try:
                values |= await self._block(block)
            except LinkError:
                raise
            except SolarError as err:
                failure = err
        if failure is not None and not values:
            raise failure
        answer = [struct.pack("<II", 0, 0)]
        for (number, device), addresses in wanted.items():
            known = [values[address, number] for address in addresses if (address, number) in values]
            if known and len(known) == len(addresses):
                total = math.fsum(known)
                shown = total / len(known) if device == Aggregate.MEAN else total
                answer.append(struct.pack("<HBf", number, device, shown))
        return b"".join(answer)

    def _addresses(self, number: int, device: int) -> Sequence[int]:
        base = base_of(number)
        if device < Aggregate.MEAN:
            return [base + (device or 1)]
        return [unit.address for unit in self.units() if base < unit.address < base + 100]

    async def _block(self, block: Block) -> dict[tuple[int, int], float]:
        """The infos of a block; where the Xcom-485i gives one value at a time, one by one from then on."""
        unit, register = self._place(block.address, info_register(block.address, block.first))
        if block.count > 1 and self._most > _ONE_VALUE:
            try:
                words = await self._again(Ask(unit, Function.READ_INPUT, register, 2 * block.count), block.address)
            except DeviceRefusedError as err:
                if err.code == Code.INVALID_DATA:
                    # The documents only know reads of one value (section 13).
                    self._most = _ONE_VALUE
                elif err.code != Code.OBJECT_ID_NOT_FOUND:
                    raise
            else:
                pairs = zip(words[::2], words[1::2], strict=True)
                return {
                    (block.address, number): from_words(*pair)
                    for number, pair in zip(block.numbers, pairs, strict=True)
                }
        values: dict[tuple[int, int], float] = {}
        failure: SolarError | None = None
        for number in block.numbers:
            place = info_register(block.address, number)
            try:
                ask = Ask(*self._place(block.address, place)[:1], Function.READ_INPUT, place or 0)
                values[block.address, number] = from_words(*await self._again(ask, block.address))
            except DeviceAbsentError:
                raise
            except DeviceRefusedError as err:
                failure = err
        if failure is not None and not values:
            raise failure
        return values

    async def _again(self, ask: Ask, address: int) -> tuple[int, ...]:
        """As ``_words``, but asks once more after silence: one lost frame must not cost all the others."""
        try:
            return await self._words(ask, address)
        except NoAnswerError:
            self._stats.retries += 1
            return await self._words(ask, address)

    # Messages

    async def _look_for_messages(self) -> None:
        """Note whether a message waits, as other gateways tell it with every answer."""
        if not self._tells_messages:
            return
        self._looked_at = time.monotonic()
        try:
            waiting = await self._messages.pending(self.offset)
        except NotSupportedError, DeviceAbsentError:
            self._tells_messages = False
        except LinkError:
            raise
        except SolarError as err:
            # The values are here, and the next read will look again.
            self._trace.add(Direction.NOTE, note=f"messages: {err}")
        else:
            self.flags = Status.MESSAGE_PENDING if waiting else 0

    async def _message(self, index: int) -> bytes:
        if index == 0:
            await self._messages.fetch(self.offset)
            self.flags = 0
        if (message := self._messages.encoded(index)) is None:
            raise refusal(GATEWAY, Code.OBJECT_ID_NOT_FOUND)
        return message

    # The clock

    async def _clock(self) -> datetime:
        words = await self._words(Ask(SYSTEM_UNIT + self.offset, Function.READ_HOLDING, 0, _CLOCK_REGISTERS), GATEWAY)
        _, second, minute, hour, _, day, month, year = words
        # Two digits by the document, four as the maker's own program writes it.
        self._four_digits = year > 99
        try:
            return datetime(year if year > 99 else 2000 + year, month, day, hour, minute, second)  # noqa: DTZ001
        except ValueError as err:
            raise BadAnswerError(device="The Xcom-485i", reason=f"a clock of {words}") from err

    async def _set_clock(self, moment: datetime) -> None:
        for four in (self._four_digits, not self._four_digits):
            year = moment.year if four else moment.year % 100
            time_of_day = (0, moment.second, moment.minute, moment.hour)
            words = (*time_of_day, moment.isoweekday(), moment.day, moment.month, year)
            try:
                await self._words(Ask(SYSTEM_UNIT + self.offset, Function.WRITE, 0, words=words), GATEWAY)
            except DeviceRefusedError as err:
                if err.code != Code.DATA_TOO_BIG or four is not self._four_digits:
                    raise
            else:
                self._four_digits = four
                return


def _not_supported(address: int) -> NotSupportedError:
    return NotSupportedError(
        device=f"Studer device {address}",
        code=int(Code.OBJECT_NOT_SUPPORTED),
        reason="an Xcom-485i does not have it",
    )
