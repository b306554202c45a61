"""Brings the answers of the DTU into the picture of it: one question per source, for live data as few as it takes."""

import time
from collections.abc import Callable
from contextlib import suppress

from ..errors import NotSupportedError, WrongDeviceError
from ..links.turns import Priority
from .address import Source
from .codec import Json, decode_limits, decode_live, number, text_of
from .codec_status import (
    decode_battery,
    decode_chargers,
    decode_device,
    decode_events,
    decode_limiter,
    decode_list,
    decode_profile,
)
from .exchange import Exchange, OverloadedError, SparedError
from .state import State

LIVE_PATH = "/api/livedata/status"
LIMIT_PATH = "/api/limit/status"
PATHS = {
    Source.SYSTEM: "/api/system/status",
    Source.NETWORK: "/api/network/status",
    Source.CLOCK: "/api/ntp/status",
    Source.CONFIG: "/api/dtu/config",
    Source.LIST: "/api/inverter/list",
    Source.LIMIT: LIMIT_PATH,
    Source.BATTERY: "/api/batterylivedata/status",
    Source.LIMITER: "/api/powerlimiter/status",
    Source.DEVICE: "/api/devinfo/status?inv={serial}",
    Source.EVENTS: "/api/eventlog/status?inv={serial}&locale=en",
    Source.GRID_PROFILE: "/api/gridprofile/status?inv={serial}",
}
CHARGER_PATHS = ("/api/solarchargerlivedata/status", "/api/vedirectlivedata/status")
"""Of OnBattery since 2025.02 and before (section 11)."""
PATIENCE = 3
"""How often in a row the DTU may be out of memory until its values are missing."""
LOG_EVERY = 300.0
"""Seconds after which an event log is read although the number of its entries is the same."""
DEVICE_EVERY = 60.0
"""Seconds between two questions to an inverter that has not told yet what it is."""
UPTIME_EVERY = 30.0
"""Seconds between two questions for the uptime while something looks like a restart."""


def mac_of(network: Json) -> str:
    """The MAC address of the DTU in lower case with colons, empty where it is not told."""
    mac = text_of(network.get("network_mac")).lower()
    digits = mac.replace(":", "")
    whole = len(digits) == 12 and all(digit in "0123456789abcdef" for digit in digits)
    return mac if whole and digits.strip("0") else ""


class Feed:
    """Asks the DTU and keeps ``state`` up to date."""

    def __init__(self, exchange: Exchange, state: State, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked before the first use."""
        self.exchange, self.state = exchange, state
        self.expected = ""
        """MAC address that must answer, without colons; empty for any."""
        self._clock = clock
        self._overloads = 0
        self._logged: dict[str, tuple[int | None, float]] = {}
        self._asked: dict[str, float] = {}
        self._chargers_at: str | None = None

    async def check(self, priority: Priority = Priority.POLL) -> None:
        """Make sure that the right DTU is there, after every failure; raises ``WrongDeviceError``."""
        if not self.exchange.lost:
            return
        try:
            await self.bring(Source.NETWORK, priority=priority)
        except NotSupportedError:
            self.state.network = {}
        found = mac_of(self.state.network).replace(":", "")
        if self.expected and found and found != self.expected:
            raise WrongDeviceError(expected=self.expected, found=found, address=self.exchange.address)
        with suppress(NotSupportedError, OverloadedError):
            # It may have been away because it was restarted.
            await self.bring(Source.SYSTEM, priority=priority)
        self.exchange.lost = False

    async def bring(self, source: Source, serial: str = "", *, priority: Priority = Priority.POLL) -> None:
        """Ask for one source; raises what ``Exchange.get`` raises."""
        match source:
            case Source.OWN:
                return
            case Source.LIVE:
                await self.live(priority)
                return
            case Source.CHARGERS:
                await self._chargers(priority)
                return
        content = await self.exchange.get(PATHS[source].format(serial=serial), priority)
        self._take(source, serial, content)

    def _take(self, source: Source, serial: str, content: Json) -> None:
        now, state = self._clock(), self.state
        match source:
            case Source.SYSTEM:
                state.take_system(content, now)
            case Source.NETWORK:
                state.network = content
            case Source.CLOCK:
                state.clock = content
            case Source.CONFIG:
                state.config = content
                state.poll_interval = number(content.get("pollinterval")) or state.poll_interval
            case Source.LIST:
                state.configs = decode_list(content)
            case Source.LIMIT:
                state.take_limits(decode_limits(content), now)
            case Source.LIMITER:
                state.limiter = decode_limiter(content)
            case Source.BATTERY:
                state.battery = decode_battery(content)
            case Source.DEVICE:
                if device := decode_device(content):
                    state.devices[serial] = device
            case Source.EVENTS:
                inverter = state.inverters.get(serial)
                full = inverter.full if inverter else None
                state.logs[serial] = decode_events(content)
                self._logged[serial] = (full.events if full else None, now)
            case Source.GRID_PROFILE:
                state.profiles[serial] = decode_profile(content)

    async def _chargers(self, priority: Priority) -> None:
        paths = (self._chargers_at,) if self._chargers_at else CHARGER_PATHS
        for place, path in enumerate(paths):
            try:
                self.state.chargers = decode_chargers(await self.exchange.get(path, priority))
            except NotSupportedError:
                if place == len(paths) - 1:
                    raise
                continue
            self._chargers_at = path
            return

    def wants_log(self, serial: str) -> bool:
        """Whether the event log of that inverter has changed, or was not looked at for long."""
        inverter = self.state.inverters.get(serial)
        events = inverter.full.events if inverter and inverter.full else None
        known = self._logged.get(serial)
        return known is None or known[0] != events or self._clock() - known[1] >= LOG_EVERY

    # Live data

    async def live(self, priority: Priority = Priority.POLL) -> None:
        """Bring live data, and the values of the inverters that have measured anew.

        While the DTU is out of memory for a moment, what is known stays. Raises what ``Exchange.get`` raises.
        """
        try:
            await self._live(priority)
        except OverloadedError as err:
            self._overloads += not isinstance(err, SparedError)
            if self.state.live_at is None or self._overloads >= PATIENCE:
                raise
            return
        self._overloads = 0
        uptime_at = self.state.uptime_at
        if self.state.wants_uptime and uptime_at is not None and self._clock() - uptime_at >= UPTIME_EVERY:
            with suppress(NotSupportedError, OverloadedError):
                await self.bring(Source.SYSTEM, priority=priority)

    async def _live(self, priority: Priority) -> None:
        live = decode_live(await self.exchange.get(LIVE_PATH, priority))
        self.state.take_live(live, self._clock(), listing=True)
        for inverter in [self.state.inverters[each.serial] for each in live.inverters]:
            # Up to v24.1.26 everything was in the first answer.
            if inverter.wants_values(self._clock()):
                await self.values(inverter.serial, priority)

    async def values(self, serial: str, priority: Priority = Priority.POLL) -> None:
        """Bring the values of one inverter; raises what ``Exchange.get`` raises."""
        live = decode_live(await self.exchange.get(f"{LIVE_PATH}?inv={serial}", priority))
        self.state.take_live(live, self._clock(), listing=False)

    def take_message(self, content: Json) -> None:
        """Take what the WebSocket brought."""
        live = decode_live(content)
        self.state.take_live(live, self._clock(), listing=False)

    async def ask_unknown(self) -> None:
        """Ask one inverter that has not told yet what it is, at most once a minute (section 3)."""
        now = self._clock()
        for serial, inverter in self.state.inverters.items():
            if serial in self.state.devices or not inverter.live.poll_enabled:
                continue
            if now - self._asked.get(serial, -DEVICE_EVERY) >= DEVICE_EVERY:
                self._asked[serial] = now
                await self.quietly(Source.DEVICE, serial)
                return

    async def quietly(self, source: Source, serial: str = "") -> bool:
        """Bring what is only wanted besides; returns whether it came. Failures of the link are raised all the same."""
        try:
            await self.bring(source, serial)
        except NotSupportedError, OverloadedError:
            return False
        return True
