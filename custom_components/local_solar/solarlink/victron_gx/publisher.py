"""Shows inverters to a GX as DC loads and their sum as DC system, so that DVCC allows the chargers their current too.

One task keeps the connections: one for each service and one that listens who else is on the bus. What is to be shown
when is decided in ``dc_values``; this module carries it out (reference sections 4.4 to 4.7).
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from dbus_fast import Message

from .. import __version__
from ..errors import BusNameTakenError, LinkLostError, SolarError
from ..links.backoff import Backoff
from ..links.stats import LinkStats
from ..trace import Direction, Trace
from .bus import DAEMON, PORT, Answer, BusTiming, GxBus
from .bus_item import Value
from .bus_service import BusService
from .bus_settings import device_instance
from .dc_values import SYSTEM, DcData, ServiceKey, published, tree_of

_SYSTEMS = "com.victronenergy.dcsystem"
_NAMES_MATCH = (
    f"type='signal',sender='{DAEMON}',interface='{DAEMON}',member='NameOwnerChanged',arg0namespace='{_SYSTEMS}'"
)
_TRAFFIC_MATCH = "type='signal',sender='com.victronenergy.system'"
"""What a GX says every second anyway.

The daemon finds out that a machine has vanished only by sending something to it. Without this it would keep the sum of
a machine that has lost its power, and DVCC would count with it, until the GX is restarted.
"""


class PublisherState(StrEnum):
    """What the publisher does."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    PUBLISHING = "publishing"
    NO_DATA = "no_data"
    """Connected, but nothing is known of the inverters, so nothing is shown."""
    FAILED = "failed"
    """It waits before it tries again; ``error`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherTiming:
    """Waiting times in seconds."""

    period: float = 3.0
    """Between two updates; the reference wants 2 to 5 (section 4.7)."""
    alive: float = 20.0
    """Between two checks whether the GX still answers."""
    again: float = 60.0
    """Until a name that another program has is tried again."""
    ping: float = 5.0
    """How long the present owner of a name may take to answer before it counts as dead."""
    bus: BusTiming = field(default_factory=BusTiming)


class DcPublisher:
    """Keeps the services of one installation on one GX."""

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        stats: LinkStats | None = None,
        trace: Trace | None = None,
        timing: PublisherTiming | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        names: Mapping[str, str] | None = None,
        renamed: Callable[[str, str | None], None] | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        """Nothing is connected before ``start``. Raises ``BadAddressError``.

        ``names`` are those that people have given on the GX, by serial number or ``dc_values.SYSTEM``; ``renamed``
        hears of a new one, so that it can be kept, and of one that is given up (``None``). ``changed`` hears that
        ``state``, ``error`` or ``troubles`` are others than before. Both are called in the event loop.
        """
        self.stats, self.trace = stats or LinkStats(), trace or Trace()
        self.timing = timing or PublisherTiming()
        self.state = PublisherState.STOPPED
        self.error: SolarError | None = None
        """Why there is no connection, while there is none."""
        self._host, self._port = host, port
        self._backoff = backoff or Backoff(2.0, 60.0)
        self._clock = clock
        self._names = dict(names or {})
        self._renamed, self._changed = renamed, changed
        self._data = DcData()
        self._services: dict[ServiceKey, BusService] = {}
        self._refused: dict[ServiceKey, tuple[float, BusNameTakenError]] = {}
        self._systems: set[str] = set()
        self._broken = asyncio.Event()
        self._asked_at = 0.0
        self._told: object = None
        self._task: asyncio.Task[None] | None = None
        self.address = self._bus().address

    @property
    def services(self) -> Mapping[str, Mapping[str, Value]]:
        """What is on the bus now: names of the services and some of their values, for diagnostics."""
        paths = ("/DeviceInstance", "/CustomName", "/Dc/0/Power", "/Dc/0/Current", "/Dc/0/Voltage")
        return {service.name: {path: service.tree[path] for path in paths} for service in self._services.values()}

    @property
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        """What the owner should look at: a foreign DC system, whose power is added to ours; names that are taken."""
        troubles: dict[str, Mapping[str, str]] = {}
        if foreign := sorted(self._systems - {ServiceKey("dcsystem", self._data.system_key).name}):
            troubles["foreign_dcsystem"] = {"services": ", ".join(foreign)}
        if self._refused:
            troubles["bus_name_taken"] = {"services": ", ".join(sorted(key.name for key in self._refused))}
        return troubles

    def show(self, data: DcData) -> None:
        """Take what is known of the inverters now; it reaches the GX with the next update."""
        self._data = data

    def start(self) -> None:
        """Begin to publish; what is published follows ``show``."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"D-Bus publisher {self.address}")
            self._task.add_done_callback(_report_end)

    async def close(self) -> None:
        """Take everything off the bus and end; returns when no connection is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None
        self._become(PublisherState.STOPPED)

    async def _run(self) -> None:
        while True:
            self._become(PublisherState.CONNECTING, self.error)
            try:
                async with AsyncExitStack() as stack:
                    await self._publish(stack)
            except SolarError as err:
                self.trace.add(Direction.NOTE, note=str(err))
                self._backoff.failed()
                self._become(PublisherState.FAILED, err)
            await asyncio.sleep(self._backoff.left)

    async def _publish(self, stack: AsyncExitStack) -> None:
        """Keep the services until something fails; raises ``SolarError`` for what has."""
        self._broken.clear()
        watch = self._bus(heard=self._heard)
        stack.push_async_callback(watch.close)
        stack.push_async_callback(self._leave)
        await watch.open()
        await watch.call("AddMatch", "s", [_NAMES_MATCH])
        names = await watch.ask("ListNames", kind=list)
        self._systems = {name for name in names if str(name).startswith(f"{_SYSTEMS}.")}
        self._asked_at = self._clock()
        while True:
            await self._update(watch)
            self._backoff.succeeded()
            self._become(PublisherState.PUBLISHING if self._services else PublisherState.NO_DATA)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.period):
                    await self._broken.wait()
            if self._broken.is_set():
                raise LinkLostError(address=self.address)

    async def _update(self, watch: GxBus) -> None:
        now = self._clock()
        wanted = published(self._data, now, self._names)
        self._refused = {key: told for key, told in self._refused.items() if key in wanted}
        for key in [key for key, service in self._services.items() if key not in wanted or not service.owned]:
            service = self._services.pop(key)
            if key in wanted:
                # Somebody found that we did not answer and has taken over.
                self._refuse(key, BusNameTakenError(name=key.name))
            await service.close()
        for key, values in wanted.items():
            if key in self._services:
                self._services[key].update(values)
            elif key not in self._refused or now >= self._refused[key][0]:
                await self._begin(watch, key, values)
        if now - self._asked_at >= self.timing.alive:
            self._asked_at = now
            for bus in (watch, *(service.bus for service in self._services.values())):
                await bus.ask("GetId")

    async def _begin(self, watch: GxBus, key: ServiceKey, values: Mapping[str, Value]) -> None:
        data = self._data
        instance = await device_instance(watch, key.unique, key.kind)
        tree = tree_of(key, data, values, instance=instance, version=__version__)
        service = BusService(
            self._bus,
            key.name,
            tree,
            written=lambda path, value: self._written(key, str(value)),
        )
        try:
            await service.open(ping=self.timing.ping)
        except BusNameTakenError as err:
            self._refuse(key, err)
            return
        self._refused.pop(key, None)
        self._services[key] = service
        if key.kind == "dcsystem":
            await service.bus.call("AddMatch", "s", [_TRAFFIC_MATCH])

    def _refuse(self, key: ServiceKey, error: BusNameTakenError) -> None:
        self._refused[key] = (self._clock() + self.timing.again, error)

    async def _leave(self) -> None:
        """Everything off the bus, the sum first."""
        services = [*self._services.values()][::-1]
        self._services.clear()
        self._refused.clear()
        self._systems.clear()
        for service in services:
            await service.close()

    def _bus(self, answer: Answer | None = None, heard: Callable[[Message], None] | None = None) -> GxBus:
        return GxBus(
            self._host,
            self._port,
            stats=self.stats,
            trace=self.trace,
            timing=self.timing.bus,
            answer=answer,
            heard=heard,
            lost=self._broken.set,
        )

    def _heard(self, message: Message) -> None:
        if message.sender != DAEMON or message.member != "NameOwnerChanged":
            return
        name, _, owner = message.body
        if name.startswith(f"{_SYSTEMS}."):
            (self._systems.add if owner else self._systems.discard)(name)
            self._become(self.state, self.error)

    def _written(self, key: ServiceKey, name: str) -> None:
        """Somebody has renamed a service on the GX."""
        load = next((load for load in self._data.loads if key.slot == load.key), None)
        given = load.name if load else self._data.system_name
        if name == given:
            self._names.pop(key.slot, None)
        else:
            self._names[key.slot] = name
        if self._renamed is not None:
            self._renamed(key.slot, self._names.get(key.slot))

    def _become(self, state: PublisherState, error: SolarError | None = None) -> None:
        self.state, self.error = state, error
        told = (state, str(error), self.troubles)
        if told != self._told:
            self._told = told
            if self._changed is not None:
                self._changed()


def _report_end(task: asyncio.Task[None]) -> None:
    """Only an error in this program ends the task by itself: nobody waits for it, so it must be told."""
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "The D-Bus publisher has failed", "exception": error, "task": task}
        )


__all__ = ["SYSTEM", "DcPublisher", "PublisherState", "PublisherTiming"]
