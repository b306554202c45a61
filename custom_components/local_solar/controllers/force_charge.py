"""Carries out orders to charge a battery until a state of charge or a time."""

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..providers import Host, Provider
from ..solarlink.control.force_charge import Action, Order, Reason, Snapshot, State, accept, by_hand, decide
from ..solarlink.errors import NotKeptError, SolarError, WriteUncertainError
from ..solarlink.points import Point, Reading, Ref, Value

_LOGGER = logging.getLogger(__name__)

ATTR_REASON = "reason"

NOT_STOPPING = "force_charge_not_stopping"
"""Key of the trouble with a device that charges on although it was stopped."""

FINISHED = "safety_charge_ready"
"""System state of a device that has charged to the full."""


class ForceCharge(Provider):
    """Owns the target, the time and the state of the order; the switch itself is the device's."""

    key: ClassVar[str] = "force_charge"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = {NOT_STOPPING: ()}

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """There is no order."""
        super().__init__(host, points)
        installation = host.client.installation
        root = installation.root.id
        battery = next((unit.id for unit in installation.units if unit.kind == "battery"), root)
        self._switch = Ref(root, "force_charge")
        self._system_state = Ref(root, "system_state")
        self._state_of_charge = Ref(battery, "state_of_charge")
        self._state = State()
        self._failing = False
        self._one = asyncio.Lock()
        """A switch takes seconds, and what is decided meanwhile would be decided upon the state before it."""
        self._look_again: CALLBACK_TYPE | None = None

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        busy = self._state.active or self._state.watching
        return {self._switch, self._system_state, self._state_of_charge} if busy else set()

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        order = self._state.order if self._state.active else None
        values: dict[str, Value] = {
            "force_charge_target": order.target if order else None,
            "force_charge_until": datetime.fromtimestamp(order.until, dt_util.UTC) if order and order.until else None,
            "force_charge_state": self._state.phase.value,
        }
        return Reading(values[ref.key], time.monotonic())

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        return {ATTR_REASON: self._state.reason.value} if ref.key == "force_charge_state" else {}

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        running = self.host.reading(self._switch)
        charging = running is not None and running.value is True
        return {NOT_STOPPING: {}} if charging and self._state.reason is Reason.NOT_STOPPING else {}

    @override
    def as_dict(self) -> dict[str, Any]:
        return self._state.as_dict()

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        self._state = State.from_dict(saved)

    async def async_order(self, target: float, until: datetime | None) -> None:
        """Charge until the battery has ``target`` %, or until that time; raises ``SolarError`` and changes nothing."""
        order = Order(target, until.timestamp() if until else None, time.time())
        async with self._one:
            before, self._state = self._state, accept(order)
            try:
                await self._async_act()
            except SolarError:
                self._state = before
                raise

    @override
    async def async_step(self) -> None:
        try:
            async with self._one:
                await self._async_act()
        except SolarError as err:
            if not self._failing:
                _LOGGER.warning("Force charge could not be switched and is tried again: %s", err)
            self._failing = True
        else:
            self._failing = False

    @override
    async def async_stop(self) -> None:
        # An order outlives a restart; what is left to do is on disk.
        self._forget_timer()

    @override
    async def async_touched(self, ref: Ref, value: Value) -> None:
        if ref == self._switch:
            async with self._one:
                await self._async_keep(by_hand(self._state, on=bool(value), now=time.time()))

    async def _async_act(self) -> None:
        now = time.time()
        decision = decide(self._state, self._snapshot(now), now)
        if decision.action is not Action.NOTHING:
            try:
                await self.host.async_set(self._switch, decision.action is Action.START)
            except (WriteUncertainError, NotKeptError) as err:
                # The device may still follow. The controller looks, and asks again as often as it thinks right.
                _LOGGER.debug("Whether force charge was switched is not known yet: %s", err)
        await self._async_keep(decision.state)
        self._forget_timer()
        if decision.look_again is not None:
            self._look_again = async_call_later(self.host.hass, max(decision.look_again - now, 1.0), self._read_again)

    async def _async_keep(self, state: State) -> None:
        changed = state.as_dict() != self._state.as_dict()
        self._state = state
        if changed:
            await self.host.async_remember()
            self.host.tell()

    def _snapshot(self, now: float) -> Snapshot:
        running = self.host.reading(self._switch)
        charged = self.host.reading(self._state_of_charge)
        system = self.host.reading(self._system_state)
        # The older of the two counts: a state of charge that no longer comes must not charge the battery on.
        read_at = min(reading.at if reading else -math.inf for reading in (running, charged))
        return Snapshot(
            at=now - (time.monotonic() - read_at),
            running=bool(running.value) if running and running.value is not None else None,
            state_of_charge=float(charged.value) if charged and isinstance(charged.value, int | float) else None,
            finished=system is not None and system.value == FINISHED,
        )

    @callback
    def _read_again(self, _now: datetime) -> None:
        self._look_again = None
        self.host.read_soon({self._switch, self._system_state, self._state_of_charge})

    def _forget_timer(self) -> None:
        if self._look_again is not None:
            self._look_again()
            self._look_again = None
