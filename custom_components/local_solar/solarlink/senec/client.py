"""The client of a SENEC.Home: what is there, its values, its settings."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..client import Happening, Installation, Progress, Report, Unit
from ..client_base import ClientBase
from ..errors import (
    BadAnswerError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    NoDeviceError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    UnknownPointError,
)
from ..journal import Journal
from ..links.http import HttpLink
from ..links.turns import Priority
from ..points import Access, Limits, Pace, Quantity, Reading, Ref, Value, check_flag
from .address import Field, LalaAddress, SenecPoint, field
from .codec import DEVICE, Answer, Missing, Why
from .exchange import Exchange, Timing
from .language import PATHS, system_states
from .machines import machine_of
from .pack import pack
from .points_appliance import FORCE_CHARGE
from .points_extras import CURRENT_OVERRIDDEN, MODE_OVERRIDDEN
from .states import SYSTEM_STATES
from .survey import PROBE, Found, candidates, device_id, take_absent, take_machine, take_units
from .values import Beliefs, details, find, missing, to_value
from .watch import LoadWatch, OverrideWatch
from .writer import Writer

STATE = field("ENERGY.STAT_STATE")
APPLICATION = field("WIZARD.APPLICATION_VERSION")
FIRMWARE_EVERY = 6 * 3600.0
"""Seconds between two looks at the version of the firmware, beside the one after every failure."""
DEVICE_OVERLOADED = "device_overloaded"

_IN_WORDS = ("system_state", "state_text")
"""Points that are told in the appliance's own words where we have none."""
_PACES = tuple(Pace)
_OVERRIDES = {"charging_mode": MODE_OVERRIDDEN, "charging_current": CURRENT_OVERRIDDEN}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A point that is to be read, and where this machine has it."""

    ref: Ref
    unit: Unit
    point: SenecPoint
    address: LalaAddress


class SenecClient(ClientBase[SenecPoint]):
    """One appliance. Implements ``client.Client``."""

    device = DEVICE

    def __init__(
        self,
        link: HttpLink,
        *,
        journal: Journal,
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the link; nothing is sent before the first use."""
        super().__init__(journal=journal, stats=link.stats, trace=link.trace)
        self._clock = clock
        self._exchange = Exchange(link, timing=timing or Timing(), stats=link.stats, clock=clock)
        self.troubles = self._exchange.troubles
        self._beliefs = Beliefs()
        self._overrides = OverrideWatch()
        self._load = LoadWatch()
        self._writer = Writer(
            self._exchange, journal=journal, overrides=self._overrides, beliefs=self._beliefs, clock=clock
        )
        self._found = Found()
        self._gone: set[str] = set()
        self._looked_up: set[int] = set()
        self._firmware_at: float | None = None

    # What is there

    @property
    def connected(self) -> bool:
        """Whether the last request was answered."""
        return self._exchange.connected

    @property
    def hold_off(self) -> float:
        """Seconds for which ``read`` fails at once, because the last ones failed on the wire; 0 while all is well."""
        return self._exchange.hold_off

    @property
    def garbled(self) -> Mapping[str, int]:
        """Variables that came as no value, and how often: for diagnostics."""
        return self._exchange.garbled

    async def connect(self, timeout: float) -> None:
        """Find the appliance and greet it; raises ``LinkError``, ``NoLocalServerError``, ``NoAnswerError``."""
        await self._exchange.within(timeout, self._exchange.greet(Priority.PERSON))

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``; its device id is checked when it is asked."""
        facts = installation.facts
        self._take(installation, Found.from_facts(facts))
        self._exchange.scheme = str(facts.get("scheme", ""))
        self._exchange.trusted = str(facts.get("certificate", ""))
        self._exchange.expected = installation.root.serial

    def _take(self, installation: Installation, found: Found) -> None:
        self._installation, self._found = installation, found
        self._beliefs.pv_peak = found.pv_peak
        self._exchange.image = found.image
        self._writer.serial = installation.root.serial
        self._tables = {unit.id: found.points(unit) for unit in installation.all_units}
        self._gone.clear()

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out the model, its units and what they can tell (reference section 7).

        Raises ``LinkError``, ``NoLocalServerError``, ``NoAnswerError``, ``BadAnswerError``, ``WrongDeviceError``,
        ``DeviceBusyError`` while the appliance starts and ``NoDeviceError`` when it does not say who it is.
        """
        tell = progress or (lambda share, name: None)
        tell(0.0, "appliance")
        await self._exchange.greet(Priority.PERSON, anew=True)
        tell(0.2, "configuration")
        answer = await self._read(PROBE)
        if answer.number("WIZARD", "CONFIG_LOADED") == 0:
            # Without its configuration it would seem to have no wallbox, no second meter and no modules.
            raise DeviceBusyError(device=DEVICE, code="CONFIG_LOADED", reason="it is still starting")
        found = take_machine(answer)
        known = device_id(answer)
        if not known:
            raise NoDeviceError(address=self._exchange.address)
        installation = take_units(answer, found, known, self._installation)
        self._exchange.image = found.image
        tell(0.5, machine_of(found.system_type).model)
        asked = candidates(installation.all_units)
        take_absent(found, asked, await self._read(asked))
        tell(0.9, "session")
        await self._exchange.renew_session()
        self._exchange.expected = known
        self._take(installation, found)
        self._installation = replace(installation, facts=self._facts())
        self._firmware_at = self._clock()
        tell(1.0, "")
        return self._installation

    def _facts(self) -> dict[str, object]:
        return {
            "scheme": self._exchange.scheme,
            "certificate": self._exchange.trusted,
            **self._found.as_facts(),
        }

    def accept_certificate(self) -> Installation:
        """Trust the certificate that the appliance shows now; returns the installation with that fact, to be kept."""
        self._exchange.accept_certificate()
        self._installation = replace(self.installation, facts=self._facts())
        return self._installation

    async def _read(self, wanted: Iterable[Field]) -> Answer:
        """Read many fields as a person who waits, in as many requests as they need."""
        whole = Answer()
        for request in pack(wanted):
            whole.take(await self._exchange.ask(request, Priority.PERSON))
        return whole

    def _address(self, unit: Unit, point: SenecPoint) -> LalaAddress:
        address = self._found.resolve(point, unit.address) if point.measured else None
        if address is None:
            raise _unsupported(point.key, "the appliance does not measure it")
        return address

    # Reading

    def group(self, ref: Ref) -> Hashable:
        """Everything travels in one request."""
        return "lala"

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read points in one request, which is one snapshot. See ``client.Client.read``.

        Only a demand of more than about 150 variables needs a second one, and then the slow ones go there. An error
        that costs everything is raised; one that costs only a later request is in the report. For ``hold_off`` seconds
        after a failure the last error is raised again at once.
        """
        report = Report()
        wanted = self._wanted(refs, report)
        fields = self._fields(wanted)
        whole = Answer()
        lost: SolarError | None = None
        for place, request in enumerate(pack(fields)):
            try:
                whole.take(await self._exchange.ask(request))
            except (LinkError, NoAnswerError, BadAnswerError) as err:
                if place == 0:
                    raise
                lost = err
                break
        now = self._clock()
        self._take_firmware(whole, now)
        await self._look_up(whole, wanted)
        for each in wanted:
            self._take_value(each, whole, now, lost, report)
        self._look_at(whole, now, report)
        return report

    def _wanted(self, refs: Sequence[Ref], report: Report) -> list[_Wanted]:
        wanted = []
        for ref in refs:
            try:
                unit, point = self._resolve(ref)
                address = self._address(unit, point)
                if any(where.variable in self._gone for where in address.fields):
                    raise _unsupported(address.fields[0].variable, "this firmware does not have it")
            except (UnknownPointError, NotSupportedError) as err:
                report.failed[ref] = err
            else:
                wanted.append(_Wanted(ref, unit, point, address))
        return wanted

    def _fields(self, wanted: Sequence[_Wanted]) -> list[Field]:
        """What to ask for, the fastest first, so that a second request would hold what can wait."""
        fields: list[Field] = []
        for each in sorted(wanted, key=lambda each: _PACES.index(each.point.pace)):
            fields += each.address.fields
            fields += (where for where in each.address.also if self._known(where))
        fields += (where for where in self._overrides.fields() if self._known(where))
        if fields and self._firmware_due(self._clock()) and self._known(APPLICATION):
            fields.append(APPLICATION)
        return fields

    def _known(self, where: Field) -> bool:
        return where.variable not in self._gone and where.variable not in self._found.absent

    def _firmware_due(self, now: float) -> bool:
        return not self._exchange.begun or self._firmware_at is None or now - self._firmware_at >= FIRMWARE_EVERY

    def _take_firmware(self, answer: Answer, now: float) -> None:
        """New firmware may know what the old one did not."""
        if version := answer.text(APPLICATION.section, APPLICATION.name):
            self._firmware_at = now
            if version != self._found.application:
                self._found.application = version
                self._gone.clear()
                root = replace(self.installation.root, firmware=version)
                self._installation = replace(self.installation, root=root)

    def _take_value(self, each: _Wanted, answer: Answer, now: float, lost: SolarError | None, report: Report) -> None:
        lack = missing(answer, each.address)
        if lack is None or each.point.quantity is Quantity.EVENT:
            value = None if each.point.quantity is Quantity.EVENT else self._value(each, answer)
            more = details(each.point, each.address, answer, self._beliefs)
            report.readings[each.ref] = Reading(value, now, details=more)
            return
        if lack.why is Why.OMITTED and lost is not None:
            report.failed[each.ref] = lost
            return
        if lack.why.permanent:
            self._gone |= {where.variable for where in each.address.fields if _is_gone(answer, where)}
        report.failed[each.ref] = _failure(lack, each.address.fields[0])

    def _value(self, each: _Wanted, answer: Answer) -> Value:
        return to_value(each.point, each.address, answer, self._beliefs)

    async def _look_up(self, answer: Answer, wanted: Sequence[_Wanted]) -> None:
        """Ask the appliance's own pages what a state means that we do not know, once for each."""
        code = find(answer, STATE)
        asked = any(each.point.key in _IN_WORDS for each in wanted)
        if not asked or not isinstance(code, int) or code in SYSTEM_STATES or code in self._looked_up:
            return
        self._looked_up.add(code)
        for path in PATHS:
            try:
                self._beliefs.texts |= system_states(await self._exchange.fetch(path))
            except LinkError, NoAnswerError, BadAnswerError:
                continue
            if code in self._beliefs.texts:
                return

    def _look_at(self, answer: Answer, now: float, report: Report) -> None:
        code = find(answer, STATE)
        overloaded = self._load.look(code if isinstance(code, int) else None, now)
        if overloaded:
            self._exchange.troubles[DEVICE_OVERLOADED] = {
                "address": self._exchange.address,
                "seconds": f"{self._load.spacing:.0f}",
            }
        elif overloaded is False:
            self._exchange.troubles.pop(DEVICE_OVERLOADED, None)
        for override in self._overrides.look(answer, now):
            unit = self.installation.unit(override.unit)
            events = [p for p in self.points(unit).values() if p.quantity is Quantity.EVENT] if unit else []
            for point in events:
                kind = _OVERRIDES.get(override.key, "overridden")
                if kind in point.options.values():
                    report.happenings.append(Happening(Ref(override.unit, point.key), kind, {"setting": override.key}))

    # Settings

    async def limits(self, ref: Ref) -> Limits:
        """What the setting accepts now; a wallbox tells its rated current, and a socket's two surpluses keep order."""
        unit, point = self._resolve(ref)
        return await self._writer.limits(point, self._address(unit, point))

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a point, compare the echo and read it back. See ``client.Client.write`` for what is raised.

        Force charge returns when the appliance says that it runs or has stopped, after 2 s or after 10 s, and for a
        minute after a stop it is watched in the background. ``TooSoonError`` is raised for a restart or the current of
        a wallbox that was set less than 5 minutes ago. Sockets and peak shaving are saved to the appliance's memory
        5 s after the last change whether ``permanent`` or not, because a restart would lose them otherwise.
        """
        unit, point = self._resolve(ref)
        if not point.writable or not point.measured:
            raise NotWritableError(point=point.name)
        address = self._address(unit, point)
        if point.access is Access.PRESS:
            return await self._writer.restart(point, confirmed=confirmed)
        if point.key == FORCE_CHARGE:
            return await self._writer.force_charge(point, on=check_flag(point, value))
        return await self._writer.set(unit, point, address, value)

    async def close(self) -> None:
        """End the watch after a stop, save what waits to be saved and close the link."""
        await self._writer.close()
        await self._exchange.close()


def _unsupported(what: str, reason: str) -> NotSupportedError:
    return NotSupportedError(device=DEVICE, code=what, reason=reason)


def _is_gone(answer: Answer, where: Field) -> bool:
    value = answer.get(where.section, where.name)
    return isinstance(value, Missing) and value.why.permanent


def _failure(lack: Missing, where: Field) -> SolarError:
    """The error that a variable without a value stands for."""
    match lack.why:
        case Why.UNKNOWN_VARIABLE | Why.UNKNOWN_SECTION:
            return _unsupported(where.variable, "this firmware does not have it")
        case Why.FORBIDDEN:
            return _unsupported(where.variable, "it needs a higher user level")
        case Why.MALFORMED | Why.NOT_READABLE | Why.ERROR:
            return DeviceRefusedError(device=DEVICE, code=lack.text, reason=f"{where.variable} has no value now")
    return BadAnswerError(device=DEVICE, reason=f"{where.variable}: {lack.text or lack.why.value}")
