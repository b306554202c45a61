"""Finds out what is there: the modules by serial number, what each tells, what the stack tells."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..client import Installation, Progress, Unit
from ..errors import BadAnswerError, DeviceRefusedError, NoDeviceError
from .blocks import MODULE, STACK, STACK_ID, Block, Fields, Identity
from .dialects import ALL, Dialect
from .facts import Facts, ModuleFacts
from .stack import totals

ESSENTIAL = (Block.POWER, Block.ANALOG)
"""Without these there is nothing to show."""
CLOCK_KEYS = ("device_clock", "clock_drift")
STACK_SUFFIX = "-stack"
"""The stack has no number of its own: it is called after the first of its modules."""


@dataclass(slots=True)
class _Found:
    """What one module told."""

    identity: Identity
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    latest: Fields = field(default_factory=dict)


class Survey:
    """One look at everything behind a link."""

    def __init__(self, dialect: Dialect, known: Installation | None, progress: Progress | None) -> None:
        """``known`` is what was there before: its stack keeps its number, and modules that are away stay."""
        self._dialect, self._known = dialect, known
        self._progress = progress or (lambda share, name: None)
        self._doubtful: set[str] = set()
        self._answered: set[str] = set()
        self._system: Fields = {}
        self.away: tuple[int, ...] = ()
        """Slots of modules that are known, but not there now."""

    async def run(self) -> tuple[Installation, Facts]:
        """Look at every module. Raises ``NoDeviceError`` when there is none, and the errors of the link."""
        slots = await self._dialect.slots(lambda share, name: self._progress(share * 0.2, name))
        if not slots:
            raise NoDeviceError(address=self._dialect.line.address)
        found: dict[int, _Found] = {}
        steps = len(slots) * (1 + len(self._dialect.apart))
        for place, slot in enumerate(slots):
            share = 0.2 + 0.8 * place * (1 + len(self._dialect.apart)) / steps
            self._progress(share, f"module {slot}")
            found[slot] = await self._module(slot)
        for block in sorted(self._dialect.together):
            for slot, fields in (await self._fetch(block, ALL)).items():
                if slot in found:
                    self._note(found[slot], block, fields)
                elif slot == ALL:
                    self._system = fields
        self._progress(1.0, "")
        return self._summary(found)

    async def _module(self, slot: int) -> _Found:
        found = _Found(await self._dialect.identity(slot))
        if found.identity.fields:
            self._note(found, Block.IDENTITY, found.identity.fields)
        for block in self._dialect.apart:
            for fields in (await self._fetch(block, slot)).values():
                self._note(found, block, fields)
        return found

    def _note(self, found: _Found, block: Block, fields: Fields) -> None:
        found.keys[block.value] = tuple(key for key, value in fields.items() if value is not None)
        found.latest |= fields

    async def _fetch(self, block: Block, slot: int) -> Mapping[int, Fields]:
        try:
            fields = await self._dialect.fetch(block, slot)
        except BadAnswerError:
            if block in ESSENTIAL:
                raise
            # A reply of another form than we know costs its own values, not all others.
            self._doubtful.add(block.value)
            return {}
        except DeviceRefusedError:
            return {}
        self._answered.add(block.value)
        return fields

    def _summary(self, found: Mapping[int, _Found]) -> tuple[Installation, Facts]:
        serials = self._serials(found)
        units = tuple(_unit(slot, serials[slot], each) for slot, each in found.items())
        modules = {
            serials[slot]: ModuleFacts(
                slot=slot,
                serial_known=serials[slot] == each.identity.serial,
                capacity=each.identity.capacity or _capacity(each.latest),
                keys=each.keys,
            )
            for slot, each in found.items()
        }
        capacities = {module.slot: module.capacity for module in modules.values() if module.capacity}
        told = totals({slot: each.latest for slot, each in found.items()}, capacities)
        clocks = any(each.latest.get("device_clock") for each in found.values())
        first = units[0]
        root = Unit(
            id=STACK_ID,
            kind=STACK,
            name=f"{first.manufacturer} stack",
            serial=f"{first.serial}{STACK_SUFFIX}",
            manufacturer=first.manufacturer,
            model=_models(units),
            firmware=first.firmware,
        )
        facts = Facts(
            protocol=self._dialect.protocol.value,
            layout=self._dialect.layout,
            stack_keys=(*(key for key, value in told.items() if value is not None), *CLOCK_KEYS * clocks),
            system_keys=tuple(self._system),
            commands=tuple(sorted(self._answered)),
            doubtful=tuple(sorted(self._doubtful)),
            modules=modules,
        )
        return self._keep_known(Installation(root, units), facts)

    def _serials(self, found: Mapping[int, _Found]) -> dict[int, str]:
        """A serial number for each module: its own, or one made up where it has none or shares it."""
        own = {slot: each.identity.serial for slot, each in found.items()}
        often = Counter(own.values())
        first = next((serial for serial in own.values() if serial), self._dialect.line.address)
        return {slot: serial if serial and often[serial] == 1 else f"{first}-{slot}" for slot, serial in own.items()}

    def _keep_known(self, installation: Installation, facts: Facts) -> tuple[Installation, Facts]:
        known = None if self._known is None else Facts.from_dict(self._known.facts)
        if self._known is None or known is None or not known.modules.keys() & facts.modules.keys():
            return replace(installation, facts=facts.as_dict()), facts
        # Another module may be in their slot now; then they are gone for good.
        taken = {unit.id for unit in installation.units}
        away = tuple(unit for unit in self._known.units if unit.serial not in facts.modules and unit.id not in taken)
        self.away = tuple(unit.address for unit in away)
        modules = {**facts.modules} | {
            unit.serial: known.modules[unit.serial] for unit in away if unit.serial in known.modules
        }
        facts = replace(facts, modules=modules)
        units = tuple(sorted((*installation.units, *away), key=lambda unit: unit.address))
        root = replace(installation.root, serial=self._known.root.serial, model=_models(units))
        return Installation(root, units, facts.as_dict()), facts


def _unit(slot: int, serial: str, found: _Found) -> Unit:
    identity = found.identity
    return Unit(
        id=f"module{slot}",
        kind=MODULE,
        name=f"Module {slot}",
        serial=serial,
        manufacturer=identity.manufacturer,
        model=identity.model,
        firmware=identity.firmware,
        hardware=identity.hardware,
        address=slot,
    )


def _capacity(fields: Fields) -> float | None:
    value = fields.get("total_capacity")
    return float(value) if isinstance(value, int | float) else None


def _models(units: tuple[Unit, ...]) -> str:
    """How many modules of which model there are."""
    return ", ".join(f"{count} × {model}" for model, count in Counter(unit.model for unit in units).items())
