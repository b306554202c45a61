"""Finds out what is behind a gateway (reference sections 1 and 2).

There is no list of devices: every address is asked for its product number. What answers is then read once as a whole,
so that it is known which registers of its map it has.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..client import Installation, Progress, Unit
from ..errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkLostError,
    NoAnswerError,
    NoDeviceError,
    SolarError,
)
from ..links.blocks import Fetched
from ..points import Value
from .access import Access
from .codec import Order, order_of, order_of_voltage, text_of
from .facts import Facts, UnitFacts
from .making import nominal_voltage
from .models import (
    COMBOX_ADDRESS,
    COMBOX_PORT,
    GATEWAY_ADDRESS,
    MANUFACTURER,
    NAMES,
    RANGES,
    kind_at,
    model_of,
)
from .registers import Kind, Register, map_of

PRODUCT_ADDRESS, PRODUCT_WORDS, COMBOX_PRODUCT_WORDS = 0x000A, 10, 8
VOLTAGE_ADDRESS = 0x0050
MISSES = 2
"""Addresses of a class in a row that are silent before the rest of the class is left out."""
ENTRY_MISSES = 4
"""The same before the first one of a class was found: numbering may begin a little later."""
IDENTITIES = ("hardware_serial_number", "unique_id_number")
GRID_TIED = ("864-", "878-")
"""How product numbers of grid-tied inverters begin; their maps are not known."""
_NOMINALS = (12.0, 24.0, 36.0, 48.0, 60.0)
_PERIODS = ("hour", "today", "month", "year", "lifetime")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTiming:
    """Waiting times in seconds while addresses are tried (section 2)."""

    answer: float = 1.5
    pause: float = 0.1


class Identification:
    """One search for units, and what is found out about each."""

    def __init__(
        self,
        access: Access,
        *,
        host: str,
        port: int,
        timing: ProbeTiming,
        order: Order | None = None,
        addresses: Sequence[int] = (),
        everything: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """``order`` is the owner's word on the order of words, ``addresses`` which units to ask besides the usual.

        ``everything`` asks all 247 addresses.
        """
        self._access, self._host, self._port, self._timing = access, host, port, timing
        self._order = order
        self._addresses, self._everything = addresses, everything
        self._progress = progress or (lambda share, name: None)
        self._found: dict[int, list[int] | None] = {}
        """Product numbers by address, as they came; ``None`` where a unit has none to tell."""

    async def run(self) -> Installation:
        """Raises ``NoDeviceError``, ``NoAnswerError`` and ``LinkError``."""
        known = self._access.facts
        await self._search()
        if not self._found:
            raise NoDeviceError(address=self._host)
        facts = Facts(block=known.block, order=(await self._find_order()).value)
        self._access.facts = facts
        units = [unit for address in self._found if (unit := self._begin(address)) is not None]
        roots = [unit for unit in units if Kind(unit.kind).is_root]
        root = roots[0] if roots else self._begin_root()
        ordered = [root, *(unit for unit in units if not Kind(unit.kind).is_root)]
        for unit in ordered:
            unit.newer = Kind(root.kind) is Kind.GATEWAY
        shown: list[Unit] = []
        for number, unit in enumerate(ordered):
            self._progress(0.5 + number / len(ordered) / 2, NAMES[Kind(unit.kind)])
            identity = f"{shown[0].serial}_{unit.address}" if shown else self._host
            there = unit is not root or bool(roots)
            shown.append(await self._describe(unit, identity) if there else self._unit(unit, identity, {}))
            facts.units[shown[-1].id] = unit
        self._progress(1.0, "")
        return Installation(shown[0], tuple(shown[1:]), facts.as_dict())

    # Searching

    def _classes(self) -> Iterator[tuple[bool, list[int]]]:
        """Addresses to ask, in classes, and whether silence ends a class early."""
        own = [COMBOX_ADDRESS, GATEWAY_ADDRESS] if self._port == COMBOX_PORT else [GATEWAY_ADDRESS, COMBOX_ADDRESS]
        yield False, [*own, *self._addresses]
        if self._everything:
            yield False, list(range(1, 248))
        else:
            for each in RANGES:
                yield True, list(range(each.first, each.last + 1))

    async def _search(self) -> None:
        """Ask every address that may be a unit for its product number."""
        classes = list(self._classes())
        total = len(classes) if not self._everything else sum(len(addresses) for _, addresses in classes)
        done = 0
        for ends_early, addresses in classes:
            misses, hits = 0, 0
            # A probe is not repeated, so silence must not be that of a connection which has seen too many of them.
            self._access.link.renew()
            for address in addresses:
                if address in self._found:
                    continue
                shown = f"unit {address}"
                self._progress(min(done / total, 1.0) / 2, shown)
                if await self._probe(address):
                    misses, hits = 0, hits + 1
                else:
                    misses += 1
                done += 1 if self._everything else 0
                if ends_early and misses >= (MISSES if hits else ENTRY_MISSES):
                    break
                await asyncio.sleep(self._timing.pause)
            done += 0 if self._everything else 1

    async def _probe(self, address: int) -> bool:
        """Whether a unit answers at that address."""
        words = COMBOX_PRODUCT_WORDS if address == COMBOX_ADDRESS else PRODUCT_WORDS
        try:
            self._found[address] = await self._access.link.read(
                address, PRODUCT_ADDRESS, words, device=f"Unit {address}", retries=0, timeout=self._timing.answer
            )
        except NoAnswerError, DeviceAbsentError:
            return False
        except DeviceRefusedError, BadAnswerError, LinkLostError:
            return await self._answers_otherwise(address)
        return True

    async def _answers_otherwise(self, address: int) -> bool:
        """Whether a unit without a readable product number is there: the older maps all have a device name."""
        try:
            await self._access.link.read(
                address, 0x0000, 8, device=f"Unit {address}", retries=0, timeout=self._timing.answer
            )
        except SolarError:
            return False
        self._found[address] = None
        return True

    async def _find_order(self) -> Order:
        """The order of words of this gateway: the owner's word, a product number, or a voltage (section 1.1)."""
        if self._order is not None:
            return self._order
        for words in self._found.values():
            if words is not None and (found := order_of(words)) is not None:
                return found
        for address in self._found:
            if kind_at(address) is Kind.XW:
                try:
                    words = await self._access.link.read(address, VOLTAGE_ADDRESS, 2, retries=0)
                except SolarError:
                    continue
                if (found := order_of_voltage(words)) is not None:
                    return found
        return Order.LSB if self._port == COMBOX_PORT else Order.MSB

    # Each unit

    def _begin(self, address: int) -> UnitFacts | None:
        """What the product number, or else the address, says of a unit; ``None`` for one that has no map here."""
        words = self._found[address]
        number = "" if words is None else text_of(words, self._access.order)
        own = {COMBOX_ADDRESS: Kind.COMBOX, GATEWAY_ADDRESS: Kind.GATEWAY}
        known = model_of(number)
        kind = known[0] if known else None if number.startswith(GRID_TIED) else own.get(address) or kind_at(address)
        return None if kind is None else UnitFacts(kind=kind.value, address=address, product_number=number)

    def _begin_root(self) -> UnitFacts:
        """A gateway that does not answer for itself, with devices that do."""
        combox = self._port == COMBOX_PORT
        kind, address = (Kind.COMBOX, COMBOX_ADDRESS) if combox else (Kind.GATEWAY, GATEWAY_ADDRESS)
        registers = [register.address for register in map_of(kind)]
        return UnitFacts(kind=kind.value, address=address, holes=registers)

    async def _describe(self, unit: UnitFacts, identity: str) -> Unit:
        """Read the whole map of a unit once: what it has, who it is, and where it keeps its energies."""
        name = f"{NAMES[Kind(unit.kind)]} {unit.address}"
        fetched = await self._fetch(unit, list(self._access.map(unit)), name)
        if Kind(unit.kind) is Kind.MPPT60 and not self._ordered(unit, fetched):
            fetched = await self._try_shifted(unit, fetched, name)
        await self._firmware_as_number(unit, fetched, name)
        values = {key: self._access.value(unit, key, fetched.words) for key in fetched.words}
        for key in IDENTITIES:
            if text := values.get(key):
                unit.identity_register, unit.identity = key, str(text)
                break
        unit.firmware = unit.firmware or str(values.get("firmware_version") or "")
        unit.nominal_voltage = _nominal(values)
        return self._unit(unit, unit.identity or identity, values)

    async def _fetch(self, unit: UnitFacts, registers: list[Register], name: str) -> Fetched:
        try:
            return await self._access.fetch(unit, registers, name=name)
        except DeviceAbsentError:
            return Fetched()

    def _ordered(self, unit: UnitFacts, fetched: Fetched) -> bool:
        """Whether the energies grow with their periods; they do not where energies and seconds are mixed up."""
        for pattern in ("energy_from_pv_{}", "energy_to_battery_{}"):
            energies = [self._access.value(unit, pattern.format(period), fetched.words) for period in _PERIODS]
            numbers = [energy for energy in energies if isinstance(energy, float)]
            if len(numbers) != len(energies) or numbers != sorted(numbers):
                return False
        return True

    async def _try_shifted(self, unit: UnitFacts, fetched: Fetched, name: str) -> Fetched:
        """See whether the energies are where the MPPT 80 has them (section 11); else leave everything as it is."""
        holes = unit.holes
        unit.shifted = True
        energies = [register for register in self._access.map(unit) if register.unit in ("kWh", "s")]
        moved = {register.address for register in energies}
        unit.holes = [address for address in holes if address not in moved and not 0x66 <= address < 0xA0]
        other = await self._fetch(unit, energies, name)
        if not self._ordered(unit, other):
            unit.shifted, unit.holes = False, holes
            return fetched
        kept = {key: words for key, words in fetched.words.items() if key not in {each.key for each in energies}}
        return Fetched(kept | other.words, fetched.failed | other.failed)

    async def _firmware_as_number(self, unit: UnitFacts, fetched: Fetched, name: str) -> None:
        """Some devices on port 503 tell their firmware as a long number instead of as text (section 2)."""
        register = self._access.map(unit)["firmware_version"]
        words = fetched.words.get(register.key)
        if words is not None and text_of(words, self._access.order):
            return
        try:
            words = await self._access.link.read(unit.address, register.address, 2, device=name, retries=0)
        except SolarError:
            return
        low, high = words if self._access.order is Order.LSB else (words[1], words[0])
        unit.firmware = str(high << 16 | low) if any(words) else ""

    def _unit(self, unit: UnitFacts, serial: str, values: dict[str, Value]) -> Unit:
        kind = Kind(unit.kind)
        known = model_of(unit.product_number)
        model = known[1] if known else NAMES[kind]
        return Unit(
            id=f"{kind.value}_{unit.address}" if not kind.is_root else "gateway",
            kind=kind.value,
            name=str(values.get("device_name") or model),
            serial=serial,
            manufacturer=MANUFACTURER,
            model=model,
            firmware=unit.firmware,
            hardware=unit.product_number,
            address=unit.address,
        )


def _nominal(values: dict[str, Value]) -> float | None:
    """The nominal voltage of the battery, V: as it is set, or the one next to what is measured."""
    told = values.get("nominal_battery_voltage")
    if isinstance(told, float) and told in _NOMINALS:
        return told
    if (number := nominal_voltage(told)) in _NOMINALS:
        return number
    for key in ("battery_voltage", "output_dc_voltage"):
        volts = values.get(key)
        if isinstance(volts, float) and volts > 8.0:
            return 24.0 if volts < 34.0 else 48.0
    return None
