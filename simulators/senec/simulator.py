"""The simulated SENEC as tests and the command line use it: how it is built, and what can happen to it."""

from typing import Any

from ..faults import Fault, Faults
from ..house import House
from . import profiles
from .appliance import START_UP_SECONDS, Appliance
from .clock import Clock
from .controls import Write
from .faults import FAULTS
from .profiles import Profile, Wire
from .server import SenecServer
from .wallboxes import Vehicle


class SenecSimulator(SenecServer):
    """A SENEC.Home that listens on the network.

    Power and energy come from the house; the appliance's own delays (buttons, restart, cloud, overload) run on its own
    clock. All requests are served one after another.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        profile: str = "v3_hybrid",
        tls: bool = False,
        pace: float = 1.0,
        speed: float = 1.0,
        redirect: bool = False,
        button_delay: float = 3.0,
        cloud_push: float | None = 180.0,
        wallbox_in_house: bool = False,
        seed: int = 1,
    ) -> None:
        """Build the appliance.

        ``tls``: what `listen` speaks unless told. ``pace`` scales the time an answer takes (1: real, 0: none),
        ``speed`` the appliance's own clock (0: it stands still unless `advance` is called). ``redirect``: the plain
        port answers 301 to the encrypted one. ``button_delay``: seconds until force charge follows its buttons.
        ``cloud_push``: seconds until the cloud's wallbox settings come back, None for never. ``wallbox_in_house``: the
        house power contains the wallboxes. A house that no other device steers is set up as the appliance needs it.
        `ValueError` for a profile that does not exist.
        """
        self.house = house or House()
        self._options: dict[str, Any] = {
            "button_delay": button_delay,
            "cloud_push": cloud_push,
            "wallbox_in_house": wallbox_in_house,
        }
        faults = Faults(FAULTS)
        appliance = Appliance(self.house, profiles.load(profile), Clock(speed), faults, **self._options)
        super().__init__(appliance, faults, tls=tls, pace=pace, redirect=redirect, seed=seed)
        self._use(appliance)
        faults.on_set(self._fault_set)

    # What happens to the appliance

    def _use(self, appliance: Appliance) -> None:
        self.appliance = appliance
        appliance.controls.on_log_out = self.end_sessions

    def _fault_set(self, fault: Fault) -> None:
        match fault.name:
            case "reboot":
                self.faults.clear(fault.name)
                self.reboot(fault.argument)
            case "cloud_push":
                self.faults.clear(fault.name)
                self.appliance.wallboxes.push()
            case "swap_certificate":
                self.faults.clear(fault.name)
                self.swap_certificate()

    def advance(self, seconds: float) -> None:
        """Let time pass for the house and for the appliance."""
        self.appliance.advance(seconds)

    def reboot(self, seconds: float | None = None) -> None:
        """Restart now: silence for some seconds of the appliance's clock (default 300), then a minute of zeros."""
        self.appliance.reboot(seconds)
        self.drop()

    def update(self, profile: str) -> None:
        """Become another firmware or appliance in the same house, with the same device number and address."""
        old = self.appliance
        old.plant.restart()
        new = Appliance(self.house, profiles.load(profile), self.clock, self.faults, **self._options)
        for section, name in (("FACTORY", "DEVICE_ID"), ("WIZARD", "MAC_ADDRESS_BYTES")):
            new.memory.put(section, name, old.memory.wire(section, name))
        new.memory.save()
        self.clock.forget()
        self._use(new)

    @property
    def profile(self) -> Profile:
        """Return what is simulated."""
        return self.appliance.profile

    @property
    def device_id(self) -> str:
        """Return the device number."""
        return str(self.appliance.memory.value("FACTORY", "DEVICE_ID"))

    @property
    def writes(self) -> list[Write]:
        """Return everything that clients wrote, refused writes included."""
        return self.appliance.controls.writes

    @property
    def saves(self) -> int:
        """Return how often the settings file was written."""
        return self.appliance.memory.saves

    @property
    def reboots(self) -> int:
        """Return how often a client's reboot took effect."""
        return self.appliance.controls.reboots

    @property
    def start_up_seconds(self) -> float:
        """Return how long the appliance shows zeros after a restart, s."""
        return START_UP_SECONDS

    @property
    def force_charging(self) -> bool:
        """Tell whether the force charge runs."""
        return self.appliance.plant.force_charge.running

    @property
    def cloud(self) -> dict[str, Wire]:
        """Return what the cloud wants of the wallboxes, by field, to be changed as the vendor's app would."""
        return self.appliance.wallboxes.cloud

    def wire(self, section: str, field: str) -> Wire:
        """Return what a field holds now; `KeyError` for one that this appliance does not have."""
        self.appliance.catch_up()
        return self.appliance.wire(section, field)

    def set(self, section: str, field: str, wire: Wire | None) -> None:
        """Answer a field with this typed string (or array) from now on, None to end that.

        `KeyError` for a field that this appliance does not have.
        """
        self.appliance.memory.wire(section, field)
        if wire is None:
            self.appliance.overrides.pop((section, field), None)
        else:
            self.appliance.overrides[section, field] = wire

    def put(self, section: str, field: str, wire: Wire) -> None:
        """Change a setting at the appliance itself, as its own page does; it stays until it is changed again."""
        self.appliance.memory.wire(section, field)
        self.appliance.memory.put(section, field, wire)

    def plug(self, wallbox: int, *, current: float = 16.0, phases: int = 3) -> None:
        """Plug a vehicle into a wallbox (1 to 4) that takes so many amperes on each of its phases."""
        self.appliance.wallboxes.boxes[wallbox - 1].vehicle = Vehicle(current, phases)
        self.appliance.wallboxes.update()

    def unplug(self, wallbox: int) -> None:
        """Unplug the vehicle of a wallbox (1 to 4)."""
        self.appliance.wallboxes.boxes[wallbox - 1].vehicle = None
        self.appliance.wallboxes.update()
