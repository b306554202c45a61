"""Reads user infos in as few exchanges as the gateway allows."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import batched, count

from ..client import Unit
from ..errors import BadAnswerError, DeviceRefusedError, SolarError
from .address import Aggregate
from .codec import (
    MULTI_INFO_LIMIT,
    Code,
    Format,
    InfoItem,
    ObjectType,
    Property,
    decode_multi_info,
    decode_value,
    multi_info_request,
    read_request,
)
from .exchange import Exchange
from .units import base_of

type Outcome = float | SolarError | None

_TOO_OLD = (Code.SERVICE_NOT_SUPPORTED, Code.TYPE_NOT_SUPPORTED)


class InfoReader:
    """Asks for infos together (reference section 5), or one by one where the gateway is too old for that."""

    def __init__(self, exchange: Exchange, units: Callable[[], Iterable[Unit]]) -> None:
        """``units`` tells who is there, for sums that an old gateway cannot make."""
        self.together = True
        """Whether the gateway takes several infos in one request."""
        self.clock: int | None = None
        """The installation's wall clock in the last answer to several infos at once."""
        self._exchange = exchange
        self._units = units
        # 1 is the running number of the document's example, which the portal may be using.
        self._running_number = count(2)

    async def read(self, wanted: Sequence[InfoItem]) -> dict[InfoItem, Outcome]:
        """The value of every item, or why there is none; silence ends the reading."""
        outcomes: dict[InfoItem, Outcome] = {}
        for chunk in batched(wanted, MULTI_INFO_LIMIT, strict=False):
            try:
                outcomes |= await self._chunk(chunk)
            except SolarError as err:
                outcomes |= dict.fromkeys(chunk, err)
            if (silence := _silence_in(outcomes)) is not None:
                # The rest would only wait for the same silence.
                return outcomes | {each: silence for each in wanted if each not in outcomes}
        return outcomes

    async def _chunk(self, chunk: Sequence[InfoItem]) -> dict[InfoItem, Outcome]:
        alone = len(chunk) == 1
        if not self.together or (alone and chunk[0].device < Aggregate.MEAN):
            return await self._singly(chunk)
        try:
            answer = await self._exchange.ask(multi_info_request(chunk, 2 + next(self._running_number) % 0xFFF0))
            multi = decode_multi_info(answer.data)
        except DeviceRefusedError as err:
            if err.code in _TOO_OLD:
                self.together = False
                return await self._singly(chunk)
            if alone or err.code in (Code.GATEWAY_BUSY, Code.RESPONSE_TIMEOUT):
                raise
            # One number the gateway does not know costs the whole request: halve the list to find it.
            middle = len(chunk) // 2
            outcomes: dict[InfoItem, Outcome] = {}
            for half in (chunk[:middle], chunk[middle:]):
                try:
                    outcomes |= await self._chunk(half)
                except SolarError as other:
                    outcomes |= dict.fromkeys(half, other)
                if _silence_in(outcomes) is not None:
                    break
            return outcomes
        self.clock = multi.clock
        return {
            item: multi.values.get(item, BadAnswerError(device="The gateway", reason=f"info {item.number} is missing"))
            for item in chunk
        }

    async def _singly(self, chunk: Iterable[InfoItem]) -> dict[InfoItem, Outcome]:
        """Read infos one by one; silence ends it, and what came before is kept."""
        outcomes: dict[InfoItem, Outcome] = {}
        for item in chunk:
            try:
                outcomes[item] = await self._one(item)
            except SolarError as err:
                outcomes[item] = err
                if is_silence(err):
                    break
        return outcomes

    async def _one(self, item: InfoItem) -> float | None:
        base = base_of(item.number)
        if item.device < Aggregate.MEAN:
            return await self._single(base + item.device, item.number)
        addresses = [unit.address for unit in self._units() if base < unit.address < base + 100]
        values = [await self._single(address, item.number) for address in addresses]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or not known:
            return None
        total = math.fsum(known)
        return total / len(known) if item.device == Aggregate.MEAN else total

    async def _single(self, address: int, number: int) -> float | None:
        request = read_request(address, ObjectType.INFO, number, Property.INFO_VALUE)
        return info_value((await self._exchange.ask(request)).data)


def info_value(data: bytes) -> float | None:
    """A single info's value: two bytes are an enumeration, four a number. Raises ``BadAnswerError``."""
    return decode_value(Format.SHORT_ENUM if len(data) == 2 else Format.FLOAT, data)


def is_silence(error: SolarError) -> bool:
    """Whether an error is of the link or of the whole gateway, so that asking on makes no sense."""
    return not isinstance(error, DeviceRefusedError | BadAnswerError) or (
        isinstance(error, DeviceRefusedError) and error.code == Code.GATEWAY_BUSY
    )


def _silence_in(outcomes: Mapping[InfoItem, Outcome]) -> SolarError | None:
    return next((each for each in outcomes.values() if isinstance(each, SolarError) and is_silence(each)), None)
