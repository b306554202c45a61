"""Carries out what the nightly pause decides: stops polling for the portal's upload, and takes it up again."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, override, runtime_checkable

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later

from ..providers import Host, Provider
from ..solarlink.client import PausableClient
from ..solarlink.control.upload_model import Action, Decision, Phase, Settings, Snapshot, State
from ..solarlink.control.upload_pause import decide
from ..solarlink.errors import NotWritableError, SolarError
from ..solarlink.points import Point, Reading, Ref, Value
from .installation_clock import InstallationClock
from .portal_days import PortalDays
from .upload_options import SECTION, pause_settings

_LOGGER = logging.getLogger(__name__)

ATTR_BEGAN = "began"


class Traffic(Protocol):
    """What can be seen of others on the line; see ``solarlink.studer.traffic``."""

    flags_at: float | None
    transfer_at: float | None
    finished_at: float | None
    broken_at: float | None
    on_transfer: Any

    @property
    def new_file(self) -> bool | None:
        """Whether a day's file waits to be fetched."""


@runtime_checkable
class SharedLine(PausableClient, Protocol):
    """A client that sees what others do on its line."""

    @property
    def traffic(self) -> Traffic:
        """What is seen."""

    def pause_objection(self) -> SolarError | None:
        """Why the gateway must not be left alone, if so."""


class UploadPause(Provider):
    """Owns the switch and the states of the nightly pause of one gateway."""

    key: ClassVar[str] = "upload_pause"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = PortalDays.possible_troubles

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """It is off."""
        super().__init__(host, points)
        assert isinstance(host.client, SharedLine)
        self._client: SharedLine = host.client
        self._enabled = False
        self._state = State()
        self._decision: Decision | None = None
        self._portal = PortalDays(host.hass, host.options.get(SECTION, {}))
        self._deciding = asyncio.Lock()
        self._timer: CALLBACK_TYPE | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._stopped = False

    # What people see

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        return set()

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        state, decision = self._state, self._decision
        values: dict[str, Value] = {
            "nightly_pause": self._enabled,
            "nightly_pause_state": self._phase.value,
            "upload_running": decision is not None and decision.uploading,
            "last_upload": _moment(state.last_upload),
            "next_pause": _moment(decision.next_pause if decision else None),
            "last_pause_end": state.reason.value,
            "last_pause_duration": None if state.lasted is None else round(state.lasted / 60.0, 1),
        }
        return Reading(values.get(ref.key), time.monotonic())

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        began = self._state.began if self._state.pausing else None
        return {ATTR_BEGAN: _moment(began)} if ref.key == "nightly_pause_state" else {}

    @property
    def _phase(self) -> Phase:
        if self._decision is not None:
            return self._decision.phase
        return Phase.CLOCK_UNKNOWN if self._enabled else Phase.SWITCHED_OFF

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        return self._portal.troubles

    @override
    def as_dict(self) -> dict[str, Any]:
        return {"enabled": self._enabled, "state": self._state.as_dict()}

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        self._enabled = saved.get("enabled") is True
        self._state = State.from_dict(saved.get("state", {}))

    # When it decides

    @override
    async def async_start(self) -> None:
        self._client.traffic.on_transfer = self._heard
        await self._async_decide()

    @override
    async def async_step(self) -> None:
        if not self._deciding.locked():
            await self._async_decide()

    @override
    async def async_stop(self) -> None:
        # A pause outlives a restart: the state of it and that polling is stopped are on disk together.
        self._stopped = True
        self._client.traffic.on_transfer = None
        self._forget_timer()
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._portal.async_close()

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        if ref.key != "nightly_pause":
            raise NotWritableError(point=self.points[ref].name)
        self._enabled = bool(value)
        await self.host.async_remember()
        await self._async_decide()

    @callback
    def _heard(self) -> None:
        """A frame of somebody else's transfer: the first one changes everything, the others nothing."""
        if self._decision is None or not self._decision.uploading:
            self._spawn()

    @callback
    def _time_is_up(self, _now: datetime) -> None:
        self._timer = None
        self._spawn()

    def _spawn(self) -> None:
        if not self._stopped and not self._deciding.locked():
            self._keep(self.host.hass.async_create_background_task(self._async_decide(), "nightly pause"))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None

    async def _async_decide(self) -> None:
        async with self._deciding:
            before, shown = self._state, self._decision
            decision = decide(before, self._snapshot(), self._settings)
            self._state, self._decision = decision.state, decision
            for action in decision.actions:
                await self._async_carry_out(action)
            if before.as_dict() != self._state.as_dict():
                await self.host.async_remember()
            if shown is None or _shown(shown) != _shown(decision):
                _LOGGER.debug("Nightly pause: %s, after %s", decision.phase, decision.state.reason)
                self.host.tell()
            if not self._stopped:
                self._forget_timer()
                self._timer = async_call_later(self.host.hass, decision.again, self._time_is_up)

    async def _async_carry_out(self, action: Action) -> None:
        # Whether polling is stopped goes to disk together with the state, which holds already what was decided.
        try:
            match action:
                case Action.PAUSE:
                    await self.host.async_set_paused(True)
                case Action.RESUME:
                    await self.host.async_set_paused(False)
                case Action.MEASURE_CLOCK if self._clock is not None:
                    await self._clock.async_measure()
                case Action.ASK_PORTAL:
                    self._keep(self.host.hass.async_create_background_task(self._portal.async_ask(), "portal's days"))
        except SolarError as err:
            _LOGGER.debug("Nightly pause: %s failed: %s", action, err)

    # What it sees

    @property
    def _clock(self) -> InstallationClock | None:
        clock = self.host.provider(InstallationClock.key)
        return clock if isinstance(clock, InstallationClock) else None

    @property
    def _settings(self) -> Settings:
        try:
            return pause_settings(self.host.options.get(SECTION, {}), enabled=self._enabled)
        except SolarError, ValueError:
            # The dialog refuses such answers, so somebody has changed them elsewhere.
            return replace(Settings(), enabled=self._enabled)

    def _snapshot(self) -> Snapshot:
        traffic = self._client.traffic
        measured = self._clock.measured if self._clock else None
        return Snapshot(
            now=time.time(),
            monotonic=time.monotonic(),
            clock=measured[0] if measured else None,
            clock_at=measured[1] if measured else None,
            paused=self.host.paused,
            new_file=traffic.new_file,
            flags_at=traffic.flags_at,
            transfer_at=traffic.transfer_at,
            finished_at=traffic.finished_at,
            broken_at=traffic.broken_at,
            portal_days=self._portal.days,
            portal_at=self._portal.asked_at,
            portal_usable=self._portal.usable,
            objection=self._client.pause_objection() is not None,
        )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(round(seconds), UTC)


def _shown(decision: Decision) -> tuple[object, ...]:
    """What people see of a decision; the next pause moves by fractions of a second all the time."""
    next_pause = None if decision.next_pause is None else round(decision.next_pause / 60.0)
    state = decision.state
    return decision.phase, decision.uploading, next_pause, state.reason, state.lasted, state.last_upload
