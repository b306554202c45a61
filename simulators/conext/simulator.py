"""The simulated gateway with its devices, as tests and the command line use it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from ..faults import Fault, Faults
from ..house import House
from ..modbus import Request
from .behaviour import Behaviour, GatewayKind, Order
from .chargers import Mppt60, Mppt80, SolarCharger
from .device import Device, Identity, Write
from .faults import FAULTS
from .gateways import ComBox, Gateway, Maintenance, NewerGateway
from .inverters import Inverter, Sw, Xw
from .others import BatteryMonitor, ControlPanel, GeneratorStarter
from .plant import Plant
from .registers import Value
from .server import GatewayServer

KINDS: dict[str, tuple[type[Device], int, str, str]] = {
    "xw": (Xw, 10, "865-8548-61", "XW 8548"),
    "xw_pro": (Xw, 10, "865-6848-21", "XW Pro 6848"),
    "mppt60": (Mppt60, 30, "865-1030-1", "MPPT 60"),
    "ags": (GeneratorStarter, 50, "865-1060-01", "AGS"),
    "scp": (ControlPanel, 70, "865-1050-01", "SCP"),
    "sw": (Sw, 90, "865-4024-61", "SW 4024"),
    "mppt80": (Mppt80, 170, "865-1032", "MPPT 80"),
    "battery_monitor": (BatteryMonitor, 190, "865-1080-01", "BattMon"),
}
"""Class, first unit id, product number and name of every kind of device."""
COMBOX_UNIT, GATEWAY_UNIT = 201, 1
COMBOX_NUMBER = "865-1058"
EVERY_KIND = ("xw", "mppt60", "mppt80", "battery_monitor", "ags", "scp")


class ConextSimulator:
    """A ComBox or a newer gateway, and what is connected to it."""

    def __init__(
        self,
        *,
        house: House | None = None,
        gateway: GatewayKind = "combox",
        units: Sequence[str] = ("xw", "mppt60", "mppt60"),
        pace: float = 1.0,
        **quirks: Any,
    ) -> None:
        """Build the installation.

        ``units`` are kinds of devices, each with its unit id behind an @ or with the next of its class: ``xw``,
        ``xw_pro@12``, ``mppt60``, ``mppt80``, ``sw``, ``ags``, ``scp``, ``battery_monitor``. ``pace`` scales the time
        of answers (1: real, 0: none). Every field of `Behaviour` may be given as an option. The settings act on the
        house unless another device steers it already. `ValueError` for units that cannot be.
        """
        self.house = house or House()
        if gateway not in ("combox", "gateway"):
            raise ValueError(f"no gateway {gateway!r}: choose from combox, gateway")
        self.kind: GatewayKind = gateway
        self.behaviour = Behaviour(**quirks)
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.order: Order = self.behaviour.order or ("lsb" if gateway == "combox" else "msb")
        placed = _placed(units, COMBOX_UNIT if gateway == "combox" else GATEWAY_UNIT)
        classes = [KINDS[kind][0] for kind in placed.values()]
        self.plant = Plant(
            self.house,
            self.behaviour,
            sum(issubclass(one, Inverter) for one in classes),
            sum(issubclass(one, SolarCharger) for one in classes),
            newer=gateway == "gateway",
        )
        self._silent_until: datetime | None = None
        nightly = self.behaviour.maintenance and gateway == "combox"
        self.maintenance = Maintenance(lambda: self.plant.now, nightly=nightly)
        devices = {unit: self._device(kind, unit) for unit, kind in placed.items()}
        self.gateway = self._gateway()
        devices[self.gateway.unit] = self.gateway
        self.gateway.devices = devices
        self._commission(devices)
        self.devices = devices
        self.server = GatewayServer(
            devices,
            self.behaviour,
            self.faults,
            self.order,
            pace,
            before=self.house.catch_up,
            away=self._is_away,
        )
        self.plant.on_step.append(self._step)

    def _device(self, kind: str, unit: int) -> Device:
        build, first, number, name = KINDS[kind]
        label = name if unit == first else f"{name} {unit - first + 1}"
        identity = Identity(
            label, number, f"{0x00A1B2C0 + unit:08X}", f"A{unit:03d}S{4711 + unit:05d}", "1.08.00 BN 12", 0x00010800
        )
        return build(unit, identity, self.plant, self.behaviour, self.faults)

    def _gateway(self) -> Gateway:
        if self.kind == "combox":
            identity = Identity("ComBox", COMBOX_NUMBER, "", "C1058S00815", "3.03 BN 609")
            gateway: Gateway = ComBox(COMBOX_UNIT, identity, self.plant, self.behaviour, self.faults)
        else:
            identity = Identity(
                "Gateway", self.behaviour.gateway_number, "00A1B2FF", "G0329S00815", "1.17 BN 1137", 0x00011100
            )
            gateway = NewerGateway(GATEWAY_UNIT, identity, self.plant, self.behaviour, self.faults)
        gateway.maintenance = self.maintenance
        return gateway

    def _commission(self, devices: dict[int, Device]) -> None:
        """Give the solar chargers their generators, and let the first inverter take charge."""
        chargers = [device for device in devices.values() if isinstance(device, SolarCharger)]
        for number, charger in enumerate(chargers):
            charger.number = number
            charger.settings_changed("")
        inverters = [device for device in devices.values() if isinstance(device, Inverter)]
        if inverters:
            inverters[0].take_charge()
        for other in inverters[1:]:
            other.control = inverters[0].control

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve Modbus TCP; returns the port."""
        return await self.server.listen(host, port)

    async def drop(self) -> None:
        """End all connections; the server stays."""
        await self.server.drop()

    async def close(self) -> None:
        """End everything, and follow the house no longer."""
        self.plant.close()
        await self.server.close()

    # Being away

    def _fault_set(self, fault: Fault) -> None:
        match fault.name:
            case "silence" if fault.argument is not None:
                self.faults.clear("silence")
                self._silent_until = self.plant.now + timedelta(seconds=fault.argument)
            case "restart":
                self.faults.clear("restart")
                self._silent_until = self.plant.now + timedelta(seconds=fault.argument or 0.0)
                self.server.end_connections()
            case "maintenance":
                self.faults.clear("maintenance")
                self.maintenance.begin(fault.argument or 0.0)

    def _is_away(self) -> bool:
        if self.maintenance.away:
            return True
        return self._silent_until is not None and self.plant.now < self._silent_until

    def _step(self, _seconds: float) -> None:
        if self.server.connections and self.maintenance.away:
            self.server.end_connections()

    # The installation

    @property
    def requests(self) -> list[Request]:
        """Return every request that was understood."""
        return self.server.requests

    @property
    def writes(self) -> list[Write]:
        """Return every write that was acknowledged, whether it was kept or not."""
        return self.server.writes

    @property
    def server_port(self) -> int:
        """Return the port that was bound last; `IndexError` before `listen`."""
        return self.server.port

    @property
    def connects(self) -> int:
        """Return how many connections were opened."""
        return self.server.connects

    @property
    def refused(self) -> int:
        """Return how many connections were closed because there were too many."""
        return self.server.refused

    def device(self, unit: int) -> Device:
        """Return a unit; `KeyError` for one that is not there."""
        return self.devices[unit]

    def set(self, unit: int, key: str, value: Value | None) -> None:
        """Let a register show a value from now on, in the unit of its map; None ends that.

        ``device_present`` 0 lets everything else of the unit stand still. `KeyError` for a unit or a register that
        does not exist.
        """
        device = self.devices[unit]
        register = device.map.by_key[key]
        if value is None:
            device.overrides.pop(register.key, None)
        else:
            device.overrides[register.key] = value

    def put(self, unit: int, key: str, value: float) -> None:
        """Change a setting at the device itself, as its owner does at the panel: it takes effect, and is no write."""
        self.devices[unit].put(key, value)

    def value(self, unit: int, key: str) -> float:
        """Return a setting that a device holds, in its unit."""
        return self.devices[unit].setting(key)

    def add(self, unit: str) -> int:
        """Connect one more device that shares nothing of the house's flows; returns its unit id."""
        (number, kind), *_ = _placed([unit], self.gateway.unit, taken=self.devices).items()
        self.devices[number] = self._device(kind, number)
        return number

    def remove(self, unit: int) -> None:
        """Take a device away, as if it never was."""
        del self.devices[unit]

    def advance(self, seconds: float) -> None:
        """Let time pass in the house."""
        self.house.advance(seconds)


def _placed(units: Sequence[str], gateway: int, taken: dict[int, Device] | None = None) -> dict[int, str]:
    """Return the kind of every unit id."""
    placed: dict[int, str] = {}
    used = {gateway, *(taken or {})}
    for text in units:
        kind, at, number = text.partition("@")
        if kind not in KINDS:
            raise ValueError(f"no device {kind!r}: choose from {', '.join(KINDS)}")
        unit = int(number) if at else KINDS[kind][1]
        while not at and unit in used:
            unit += 1
        if unit in used or not 1 <= unit <= 247:
            raise ValueError(f"the unit id {unit} of {text!r} is taken or not between 1 and 247")
        used.add(unit)
        placed[unit] = kind
    return placed


__all__ = ["EVERY_KIND", "KINDS", "ConextSimulator", "Request", "Write"]
