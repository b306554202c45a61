"""What a GX makes of a DC system on its bus: DVCC lets the chargers deliver its current too.

Protocol reference, section 4.6.

Stands for the GX's own calculation (``com.victronenergy.system``) and for one solar charger that obeys it.
"""

import asyncio
import math
from typing import Any

from dbus_fast import Message, MessageType, Variant

from .items import BUS_ITEM, DAEMON, Peer, Service, number

CYCLE_SECONDS = 3.0
"""How often DVCC decides."""
SETTLING_SECONDS = 20.0
"""After which a step of the DC power has come through but for 2 %."""
_TIME_CONSTANT = SETTLING_SECONDS / 4
_SYSTEMS = "com.victronenergy.dcsystem"
_ESTIMATED, _MEASURED = 0, 1


class Dvcc:
    """The calculation and the charger. ``speed`` is how many seconds of the house pass in one second."""

    def __init__(self, address: str, *, voltage: float = 52.0, charge_limit: float = 10.0, speed: float = 1.0) -> None:
        """``voltage`` of the battery in V, ``charge_limit`` (CCL) that it allows in A; both may be set at any time."""
        self.voltage, self.charge_limit, self.speed = voltage, charge_limit, speed
        self.charge_current = charge_limit
        """What the charger may deliver now, A."""
        self.power = 0.0
        """What the DC systems draw now, W."""
        self.changed = asyncio.Event()
        """Set whenever ``charge_current`` or ``power`` are others than before."""
        self._filtered = 0.0
        self._systems = _Systems(address, self._seen)
        self._system = Service(address, "com.victronenergy.system", {**self._shown(), "/Serial": "000000000000"})
        self._charger = Service(
            address, "com.victronenergy.solarcharger.simulated", {**self._allowed(), "/DeviceInstance": 1, "/State": 3}
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def measured(self) -> bool:
        """Whether there is a DC system whose power is known; without one DVCC compensates nothing."""
        return bool(self._systems.powers)

    async def start(self) -> None:
        """Go on the bus."""
        for peer in (self._system, self._charger, self._systems):
            await peer.open()
        await self._systems.look()
        self._task = asyncio.create_task(self._cycle(), name="simulated DVCC")

    async def close(self) -> None:
        """Leave the bus."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        for peer in (self._systems, self._charger, self._system):
            await peer.close()

    async def _cycle(self) -> None:
        while True:
            await asyncio.sleep(CYCLE_SECONDS / self.speed)
            self._filtered += (self.power - self._filtered) * (1.0 - math.exp(-CYCLE_SECONDS / _TIME_CONSTANT))
            self._decide()

    def _seen(self) -> None:
        self.power = math.fsum(self._systems.powers.values())
        if not self.measured:
            # What has left the bus is gone at once, whatever the filter still holds.
            self._filtered = 0.0
            self._decide()
        self._system.put(self._shown())
        self.changed.set()

    def _decide(self) -> None:
        allowed = self.charge_limit
        if allowed > 0 and self.measured:
            allowed += self._filtered / self.voltage
        if allowed != self.charge_current:
            self.charge_current = allowed
            self._charger.put(self._allowed())
            self.changed.set()

    def _shown(self) -> dict[str, Any]:
        return {
            "/Dc/Battery/Voltage": self.voltage,
            "/Dc/System/Power": self.power if self.measured else None,
            "/Dc/System/MeasurementType": _MEASURED if self.measured else _ESTIMATED,
        }

    def _allowed(self) -> dict[str, Any]:
        return {"/Link/ChargeCurrent": self.charge_current, "/Dc/0/Voltage": self.voltage}


class _Systems(Peer):
    """Follows the DC systems on the bus as the GX's monitors do: by their connections."""

    def __init__(self, address: str, changed: Any) -> None:
        super().__init__(address)
        self._changed = changed
        self.powers: dict[str, float] = {}
        """Connection to power, W; one without a power is not measured."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Find those that are there already and hear of those that come."""
        for rule in (
            f"type='signal',sender='{DAEMON}',member='NameOwnerChanged',arg0namespace='{_SYSTEMS}'",
            f"type='signal',interface='{BUS_ITEM}',member='ItemsChanged',path='/'",
            f"type='signal',interface='{BUS_ITEM}',member='PropertiesChanged',path='/Dc/0/Power'",
        ):
            await self.daemon("AddMatch", "s", rule)
        for name in (await self.daemon("ListNames"))[0]:
            if name.startswith(f"{_SYSTEMS}."):
                await self._read(name, (await self.daemon("GetNameOwner", "s", name))[0])

    async def close(self) -> None:
        """Leave the bus."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().close()

    def handle(self, message: Message) -> Message | bool | None:
        """Take signals."""
        if message.message_type is not MessageType.SIGNAL:
            return None
        sender = message.sender or ""
        if message.member == "NameOwnerChanged" and message.body[0].startswith(f"{_SYSTEMS}."):
            name, before, after = message.body
            if before:
                self.powers.pop(before, None)
                self._changed()
            if after:
                task = asyncio.create_task(self._read(name, after))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        elif sender in self.powers and message.member == "ItemsChanged":
            self._take(sender, message.body[0].get("/Dc/0/Power"))
        elif sender in self.powers and message.member == "PropertiesChanged":
            self._take(sender, message.body[0])
        return None

    async def _read(self, name: str, owner: str) -> None:
        found = await self.call(name, "/", BUS_ITEM, "GetItems")
        if found:
            self.powers.setdefault(owner, 0.0)
            self._take(owner, found[0].get("/Dc/0/Power"))

    def _take(self, owner: str, pair: dict[str, Variant] | None) -> None:
        if pair is not None and "Value" in pair:
            self.powers[owner] = number(pair["Value"]) or 0.0
            self._changed()
