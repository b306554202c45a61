"""The simulated Shelly meter as tests and the command line use it: how it is built, and what can happen to it."""

import re
from typing import Any

from ..faults import Fault, Faults
from ..house import House
from . import models
from .clock import HouseClock
from .coiot import CoIot
from .faults import FAULTS
from .gen1 import Gen1
from .gen2 import Gen2
from .meter import Meter, Producer
from .models import Firmware, Model
from .relay import Relay
from .server import ShellyServer
from .unit import Unit

NONCE_SECONDS = 3600.0
REBOOT_DELAY = 1.0
"""Seconds from a client's command to the restart."""
OTHERS = {1: "SPEM-003CEBEU", 2: "SHEM", 3: "SHEM", 4: "SHEM"}
"""The model that the fault of the wrong generation shows, by the generation of the right one."""


class ShellySimulator(ShellyServer):
    """A Shelly energy meter at the house's connection to the grid.

    All its times are the house's: where the house runs faster, so do pushes, timers and the life of nonces.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        model: str = "SPEM-003CEBEU",
        firmware: str | None = None,
        profile: str | None = None,
        user: str = "admin",
        password: str | None = None,
        mac: str = "AABBCC000001",
        name: str | None = None,
        balcony: Producer | None = None,
        inverted: bool = False,
        balcony_inverted: bool = False,
        coiot_peer: str = "",
        nonce_seconds: float = NONCE_SECONDS,
        numeric_nonce: bool = False,
        text_count: bool = False,
        push_seconds: float | None = None,
        pace: float = 1.0,
        seed: int = 1,
    ) -> None:
        """Build the meter.

        ``model``: a code of `MODELS`. ``firmware``: a version that the model may have. ``profile``: "triphase" (usual)
        or "monophase" of a three-phase meter from generation 2 on. ``user``: of generation 1, "admin" afterwards.
        ``password``: None for a meter that is open to everybody. ``mac``: twelve hexadecimal digits. ``balcony``: what
        another producer gives (W, a number or a function) that the second clamp of an EM measures: negative, as it
        flows out of its circuit; ``balcony_inverted``: its clamp points the other way. ``inverted``: the clamp or
        clamps at the grid do. ``coiot_peer``: ``ip:port`` that a meter of generation 1 pushes to. ``nonce_seconds``:
        how long a nonce serves; ``numeric_nonce``, ``text_count``: the forms of ``nonce`` and ``nc`` in challenges.
        ``push_seconds``: interval of notifications instead of the firmware's. ``pace`` scales the time an answer takes
        (1: real, 0: none). `ValueError` for what the model does not have.
        """
        self.house = house or House()
        chosen = models.model(model)
        if balcony is not None and (chosen.phases or chosen.clamps < 2):
            raise ValueError(f"{chosen.name} has no clamp for another producer")
        if not re.fullmatch("[0-9A-Fa-f]{12}", mac):
            raise ValueError(f"{mac!r} is no MAC address without separators")
        version, chosen_profile = _firmware(chosen, firmware), _profile(chosen, profile)
        clock, faults = HouseClock(self.house), Faults(FAULTS)
        measuring: dict[str, Any] = {
            "producer": balcony,
            "inverted": inverted,
            "producer_inverted": balcony_inverted,
        }
        login: dict[str, Any] = {"user": user, "password": password}
        options: dict[str, Any] = {
            "nonce_seconds": nonce_seconds,
            "numeric_nonce": numeric_nonce,
            "text_count": text_count,
            "push_seconds": push_seconds,
            "seed": seed,
        }

        def built(model: Model, version: Firmware, mac: str, profile: str | None, peer: str) -> Gen1 | Gen2:
            meter = Meter(self.house, clock, clamps=model.clamps, phases=model.phases, **measuring)
            unit = Unit(
                model=model,
                firmware=version,
                mac=mac.upper(),
                name=name,
                clock=clock,
                meter=meter,
                faults=faults,
                **login,
            )
            if model.generation == 1:
                return Gen1(unit, CoIot(unit, peer))
            return Gen2(unit, profile, **options)

        stranger = models.model(OTHERS[chosen.generation])
        # Another device has another address.
        other_mac = f"{int(mac, 16) ^ 1:012X}"
        other = built(stranger, _firmware(stranger, None), other_mac, _profile(stranger, None), "")
        super().__init__(built(chosen, version, mac, chosen_profile, coiot_peer), other, clock, faults, pace)
        self.reboots = 0
        """How often the meter has restarted."""
        if isinstance(self.meter, Gen1):
            self.meter.on_reboot = self._reboot_asked
            self.meter.coiot.quiet = lambda: self.mute
        else:
            self.meter.rpc.on_reboot = self._reboot_asked
            self.meter.notify = self.notify
        faults.on_set(self._fault_set)

    # What is simulated

    @property
    def unit(self) -> Unit:
        """Return the meter's hardware."""
        return self.meter.unit

    @property
    def model(self) -> Model:
        """Return the model."""
        return self.unit.model

    @property
    def mac(self) -> str:
        """Return the MAC address, twelve hexadecimal digits in upper case."""
        return self.unit.mac

    @property
    def relay(self) -> Relay:
        """Return the contactor output; `LookupError` for a meter without one."""
        if self.unit.relay is None:
            raise LookupError(f"{self.model.name} has no relay")
        return self.unit.relay

    @property
    def grid_power(self) -> float:
        """Return what the meter takes for the power at the grid now, W, as its clamps point."""
        self.clock.catch_up()
        readings = self.unit.meter.readings()
        return sum(reading.power for reading in readings) if self.model.phases else readings[0].power

    @property
    def websockets(self) -> int:
        """Return how many clients are connected by WebSocket."""
        return len(self.sockets.sessions)

    # What happens to it

    def advance(self, seconds: float) -> None:
        """Let the house's time pass."""
        self.clock.advance(seconds)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification to every client that has given its name (generation 2 and later)."""
        if isinstance(self.meter, Gen2):
            self.sockets.notify(self.meter.rpc.device_id, method, params)

    def notify_full_status(self) -> None:
        """Send the status of everything as the meter does after it has lost its clients (generation 2 and later)."""
        if isinstance(self.meter, Gen2):
            self.notify("NotifyFullStatus", {"ts": round(self.clock.now, 2), **self.meter.rpc.status()})

    def reboot(self, seconds: float | None = None) -> None:
        """Restart: gone for some seconds of the house's time (default 10), then uptime 0, relay off, energy kept."""
        self.reboots += 1
        away = FAULTS["reboot"] if seconds is None else seconds
        self._up_at = self.clock.now + (away or 0.0)
        self.unit.restart(self._up_at)
        if isinstance(self.meter, Gen2):
            self.meter.restart()
        self.drop()

    def _reboot_asked(self) -> None:
        # The answer to whoever asked still goes out.
        self.clock.after(REBOOT_DELAY, self.reboot)

    def _fault_set(self, fault: Fault) -> None:
        match fault.name:
            case "reboot":
                self.faults.clear(fault.name)
                self.reboot(fault.argument)
            case "websocket_close":
                self.faults.clear(fault.name)
                self._spawn(self.sockets.close())
            case "refuse":
                self.drop()


def _firmware(model: Model, version: str | None) -> Firmware:
    chosen = model.usual if version is None else version
    if chosen not in model.firmwares:
        raise ValueError(f"{model.name} has no firmware {chosen!r}: choose from {', '.join(model.firmwares)}")
    return model.firmwares[chosen]


def _profile(model: Model, profile: str | None) -> str | None:
    if profile is not None and profile not in model.profiles:
        raise ValueError(f"{model.name} has no profile {profile!r}")
    return profile or (model.profiles[0] if model.profiles else None)
