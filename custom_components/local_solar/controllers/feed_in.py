"""Carries out the zero feed-in control: feeds it meter, gateways and battery, and sends what it orders."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, ClassVar, override

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from ..flows.feed_in import RATED, SERIAL
from ..providers import Host, Provider
from ..solarlink.control.feed_in import LearningJob
from ..solarlink.control.feed_in_figures import FeedInFigures
from ..solarlink.control.feed_in_loop import ControlledInverter, FeedInLoop, Orders
from ..solarlink.control.feed_in_loss import STOP_WAIT_S, RelayOrder
from ..solarlink.control.feed_in_supervisor import TROUBLES, SupervisorState
from ..solarlink.control.feed_in_terms import Now
from ..solarlink.control.feed_in_trace import FeedInTrace
from ..solarlink.errors import CapError, NotWritableError, SolarError, ValueChoiceError
from ..solarlink.feed_in_control.client import INVERTERS, ROOT, inverter_unit_id
from ..solarlink.feed_in_control.points import CONTROLLER, MeterSource
from ..solarlink.live import GatewayPicture, MeterReading
from ..solarlink.points import Point, Quantity, Reading, Ref, Value, check_number, check_option
from .feed_in_settings import (
    CONTROL,
    CONTROLLED,
    DRY_RUN,
    MANUAL_LIMIT,
    METER_SOURCE,
    MINIMUM,
    SEASON_PEAK,
    FeedInChoices,
    lowest_of,
)
from .feed_in_sources import GatewayFeed, MeterFeed, relay_of, surroundings
from .feed_in_values import FeedInValues

_LOGGER = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks of the supervisor while nothing else happens."""
SHOW = 2.0
"""Seconds between two updates of the entities: fast enough to watch, calm enough for the recorder."""
COUNTED = 100.0
"""Wh of the day's energies that a crash may lose."""


class FeedInControl(Provider):
    """Owns the points of one controller and of the inverters that it controls."""

    key: ClassVar[str] = CONTROLLER
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = TROUBLES

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """It is off until its owner switches it on."""
        super().__init__(host, points)
        self._entry: Mapping[str, Any] = host.entry_data
        chosen = self._entry[INVERTERS]
        self._serial_of = {inverter_unit_id(str(each[SERIAL])): str(each[SERIAL]) for each in chosen}
        self._rated = {str(each[SERIAL]): each.get(RATED) for each in chosen}
        self._table = {ref.key: point for ref, point in points.items() if ref.unit == ROOT}
        self._inverter_table = {ref.key: point for ref, point in points.items() if ref.unit != ROOT}
        self.choices = FeedInChoices(self._entry, {str(each[SERIAL]): lowest_of(each) for each in chosen})
        self.loop = self._new_loop(SupervisorState(), FeedInFigures())
        self.values = FeedInValues(self.loop, self.choices)
        self._meter = MeterFeed(host.hass, self._entry, self._take_meter)
        self._gateways = GatewayFeed(
            host.hass, chosen, self._take_picture, left=self._gateway_left, farewell=self._async_farewell
        )
        self._running: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._stopped = True
        self._farewells: dict[str, int | None] = {}
        """The inverters that are sent nothing any more, each with the number of its last limit, if it needed one."""
        self._pictured = asyncio.Event()
        self._answered: dict[str, int] = {}
        self._broken = False
        self._shown_at = 0.0
        self._saved: object = None

    def _new_loop(self, state: SupervisorState, figures: FeedInFigures) -> FeedInLoop:
        inverters = [
            ControlledInverter(
                serial=serial,
                rated=self._rated[serial],
                minimum=self.choices.inverter_number(serial, MINIMUM) or 2.0,
            )
            for serial in self._serial_of.values()
        ]
        return FeedInLoop(inverters, self.choices.core(), self.choices.supervisor(), state=state, figures=figures)

    # What is remembered

    @override
    def as_dict(self) -> dict[str, Any]:
        now = Now(time.monotonic(), time.time())
        return {
            "choices": self.choices.as_dict(),
            "state": self.loop.state.as_dict(now),
            "figures": self.loop.figures.as_dict(),
            "dead_time": self.loop.core.delay_s,
        }

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        now = Now(time.monotonic(), time.time())
        self.choices.load(_mapping(saved.get("choices")))
        self.loop = self._new_loop(
            SupervisorState.from_dict(_mapping(saved.get("state")), now),
            FeedInFigures.from_dict(_mapping(saved.get("figures"))),
        )
        if isinstance(delay := saved.get("dead_time"), int | float) and 0.0 <= delay <= 24.0:
            self.loop.begin_with_dead_time(time.monotonic(), float(delay))
        self.values = FeedInValues(self.loop, self.choices)
        for serial in self._serial_of.values():
            self._tell_inverter(serial)

    # Running

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        return set()

    @override
    async def async_start(self) -> None:
        self._stopped = False
        self.loop.dry_run = self.choices.dry_run
        self._let(self._tick)
        self._running = asyncio.create_task(self._async_run(), name="zero feed-in")

    @callback
    def _follow(self) -> None:
        if self._stopped:
            return
        self._meter.follow(entity=self.choices.house[METER_SOURCE] == MeterSource.ENTITY)
        for serial in self._gateways.follow():
            self._farewells.pop(serial, None)

    async def _async_run(self) -> None:
        """Give the rules their time, and learn where that takes longer."""
        while True:
            await asyncio.sleep(TICK)
            self._let(self._tick)
            if (job := self.loop.learning_job()) is not None:
                self._run_errand(self._async_learn(job))

    async def _async_learn(self, job: LearningJob) -> None:
        """Beside the rules: whatever happens here, they go on having their time."""
        found = await self.host.hass.async_add_executor_job(job.best)
        self.loop.learned(time.monotonic(), found)

    def _tick(self) -> Orders:
        self._follow()
        self.loop.surroundings = surroundings(self.host.hass, self._entry)
        return self.loop.tick(time.monotonic(), _today())

    @callback
    def _take_meter(self, reading: MeterReading) -> None:
        if not self._stopped:
            self._let(lambda: self.loop.meter(time.monotonic(), reading.at, reading.power, _today()))

    @callback
    def _take_picture(self, picture: GatewayPicture) -> None:
        self._answered |= {each.serial: max(each.acknowledged, each.refused) for each in picture.inverters}
        self._pictured.set()
        if not self._stopped:
            self._let(lambda: self.loop.picture(time.monotonic(), picture, _today()))

    @callback
    def _gateway_left(self, serials: Collection[str]) -> None:
        if not self._stopped:
            self.loop.gateway_left(time.monotonic(), serials)
            # The rules must have seen that it is gone before it comes back.
            self._let(lambda: self.loop.tick(time.monotonic(), _today()))

    def _let(self, event: Callable[[], Orders]) -> None:
        """Let something happen and carry out what follows; a mistake of ours must not end the task that brought it."""
        try:
            self._carry_out(event())
        except Exception:
            if not self._broken:
                _LOGGER.exception("The zero feed-in control has met what it was not made for")
            self._broken = True
        else:
            self._broken = False

    @callback
    def _carry_out(self, orders: Orders) -> None:
        for serial, percent in orders.limits.items():
            if serial not in self._farewells:
                self._send_limit(serial, percent)
        for serial, on in orders.power.items():
            if serial not in self._farewells:
                self._run_errand(self._async_switch(serial, on))
        if orders.relay is not None:
            self._run_errand(self._async_relay(orders.relay))
        self._remember_changes()
        now = time.monotonic()
        if orders or now - self._shown_at >= SHOW:
            self._shown_at = now
            self.host.tell()

    def _send_limit(self, serial: str, percent: float) -> int | None:
        now, gateway = time.monotonic(), self._gateways.of(serial)
        if gateway is None:
            self.loop.not_sent(now, serial)
            return None
        try:
            number = gateway.request_limit(serial, percent)
        except SolarError as err:
            _LOGGER.debug("The limit of %s was not set to %s %%: %s", serial, percent, err)
            self.loop.not_sent(now, serial)
            return None
        self.loop.requested(now, serial, percent, number)
        return number

    def _run_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand, name="zero feed-in errand")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _async_switch(self, serial: str, on: bool) -> None:
        gateway = self._gateways.of(serial)
        if gateway is None:
            return
        try:
            await gateway.set_power(serial, on)
        except SolarError as err:
            # What became of it is seen in what the inverter gives; the rules try again and count.
            _LOGGER.debug("%s was not switched: %s", serial, err)

    async def _async_relay(self, order: RelayOrder) -> None:
        relay = relay_of(self.host.hass, self._entry)
        if relay is None:
            return
        try:
            if order is RelayOrder.ON:
                await relay.hold_relay(self.loop.settings.relay.auto_off_s)
            else:
                await relay.release_relay()
        except SolarError as err:
            # It falls off by itself, which is the safe side.
            _LOGGER.debug("The watchdog relay was not switched: %s", err)

    def _remember_changes(self) -> None:
        """Put on disk what must survive a crash, whenever it has changed."""
        state = self.loop.state
        day = self.loop.figures.day
        counted = day.date, int(day.import_wh // COUNTED), int(day.export_wh // COUNTED)
        kept = (state.season, state.gate.charged, state.gate.temperature, state.park.inverters, counted)
        if self._saved is not None and kept != self._saved:
            self._run_errand(self.host.async_remember())
        self._saved = kept

    # The end

    @override
    async def async_stop(self) -> None:
        self._stopped = True
        await self._async_farewell(self._serial_of.values())
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
            self._running = None
        for errand in tuple(self._errands):
            errand.cancel()
        if self._errands:
            await asyncio.wait(self._errands)
        self._meter.stop()
        self._gateways.stop()

    async def _async_farewell(self, serials: Collection[str]) -> None:
        """Send these inverters their last limits, once, and wait for the confirmation a little.

        Also called when the entry of a gateway ends first: without it they cannot be controlled any more. Whoever comes
        second waits for what the first one has sent.
        """
        limits = self.loop.stop(time.monotonic())
        for serial in serials:
            if serial not in self._farewells:
                self._farewells[serial] = self._send_limit(serial, limits[serial]) if serial in limits else None
        awaited = {serial: number for serial in serials if (number := self._farewells[serial]) is not None}
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                while any(self._answered.get(serial, 0) < number for serial, number in awaited.items()):
                    self._pictured.clear()
                    await self._pictured.wait()
        except TimeoutError:
            _LOGGER.debug("Not every inverter has confirmed its last limit in time")

    # What people see and set

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        return Reading(self.values.of(ref.key, self._serial_of.get(ref.unit)), time.monotonic())

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        return self.values.attributes(ref.key, self._serial_of.get(ref.unit))

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        return self.loop.orders.troubles if self.loop.orders and self.choices.on else {}

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        point, serial = self.points[ref], self._serial_of.get(ref.unit)
        if not point.writable:
            raise NotWritableError(point=point.name)
        if point.quantity is Quantity.STATE:
            value = check_option(point, value, self.host.limits(ref))
        elif point.quantity is Quantity.FLAG:
            value = value is True
        else:
            value = float(round(check_number(point, value, self.host.limits(ref))))
        await self._async_set(point, value, serial)
        await self.host.async_remember()

    async def _async_set(self, point: Point[Any], value: Value, serial: str | None) -> None:
        now = time.monotonic()
        if point.key == SEASON_PEAK and isinstance(value, float):
            self.loop.set_season_peak(int(value))
            return
        if point.key == METER_SOURCE:
            self._check_source(point, value)
        was_dry = self.choices.dry_run
        table = self._table if serial is None else self._inverter_table
        self.choices.set(table, point.key, self._within(point.key, value), serial)
        if serial is not None:
            if point.key == MINIMUM:
                self.loop.set_minimum(now, serial, float(self.choices.inverter_number(serial, MINIMUM) or 2.0))
            self._tell_inverter(serial)
        if point.key == METER_SOURCE:
            self._follow()
        if point.key in (CONTROL, DRY_RUN) and self.choices.dry_run != was_dry:
            await self._async_change_dryness()
        self.loop.retune(time.monotonic(), self.choices.core(), self.choices.supervisor())
        if not self._stopped:
            self._let(lambda: self.loop.tick(time.monotonic(), _today()))

    async def _async_change_dryness(self) -> None:
        """Played through must not be taken for real, nor the other way round; switched off leaves a safe limit."""
        if self.choices.dry_run and not self._stopped:
            await self._async_farewell(self._serial_of.values())
        self.loop.end_dry_run(time.monotonic(), dry_run=self.choices.dry_run)
        self._farewells.clear()

    def _within(self, key: str, value: Value) -> Value:
        """The legal cap is not raised above the legal limit without the owner's word in the dialog."""
        if key not in ("feed_in_legal_cap", "feed_in_user_cap"):
            return value
        highest = self.choices.highest_cap
        point = self._table[key]
        if isinstance(value, float) and value > highest:
            raise CapError(point=point.name, value=value, highest=highest)
        return value

    def _check_source(self, point: Point[Any], value: Value) -> None:
        if value not in self.choices.sources:
            choices = ", ".join(self.choices.sources)
            raise ValueChoiceError(point=point.name, value=str(value), choices=choices)

    def _tell_inverter(self, serial: str) -> None:
        self.loop.leave_alone(serial, self.choices.inverters[serial][CONTROLLED] is not True)
        self.loop.set_manual(serial, self.choices.inverter_number(serial, MANUAL_LIMIT))

    @property
    @override
    def secrets(self) -> Collection[str]:
        return self._serial_of.values()

    @override
    def diagnostics(self) -> dict[str, Any]:
        return self.values.diagnostics(self._serial_of.values())

    # Actions

    def reset_learning(self) -> None:
        """Forget the dead time and everything else that was learned."""
        self.loop.reset_learning(time.monotonic())
        self.host.tell()

    def trace(self, description: str) -> FeedInTrace:
        """The last events, so that they can be replayed."""
        return self.loop.core.trace(description)

    def controls(self, serial: str) -> bool:
        """Whether an inverter is one of those that were chosen."""
        return serial in self._rated


def _today() -> str:
    return dt_util.now().date().isoformat()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
