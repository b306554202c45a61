"""The simulated DTU as tests and the command line use it: how it is built, and what can happen to it."""

from collections.abc import Sequence

from ..faults import Fault, Faults
from ..house import House
from ..micro_inverters import MicroInverter
from .dtu import Command, Dtu
from .faults import FAULTS
from .firmware import Firmware
from .hardware import Event, InverterSpec
from .radio import RadioModel
from .server import OpenDtuServer
from .status import Status
from .storage import PowerLimiter, Storage
from .view import View

INVERTERS = (
    InverterSpec("112174020011", "Battery west", 400, strings=("Bus",)),
    InverterSpec("112174020022", "Battery east", 400, strings=("Bus",)),
    InverterSpec("112172060033", "Battery shed", 300, strings=("Bus",)),
)
"""Three inverters at the house's battery."""
FACTORY_PASSWORD = "openDTU42"


class OpenDtuSimulator(OpenDtuServer):
    """An OpenDTU with its inverters, in a house.

    Everything but the time of an HTTP answer happens in the time of the house: radio, polling, restart, the inverters.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        inverters: Sequence[InverterSpec | tuple[str, str, float]] = INVERTERS,
        firmware: str = "v26.3.30",
        git_hash: str | None = None,
        on_battery: bool = False,
        password: str = FACTORY_PASSWORD,
        read_only: bool = True,
        pace: float = 1.0,
        poll_interval: float = 5.0,
        radio: RadioModel | None = None,
        uptime: float = 86_400.0,
        room: int = 6,
        dtu_serial: str = "199980174020",
        mac: str = "02:00:5E:4A:7C:31",
        ip: str = "192.0.2.38",
        cpu_temperature: bool = True,
        seed: int = 1,
    ) -> None:
        """Build the DTU and put its inverters up in the house.

        ``inverters``: specifications, or serial number, name and rated power (W) of one that the battery feeds.
        ``firmware``: the release, which settles what live data look like; ``git_hash``: what it says instead, for a
        build that has no release. ``read_only``: reading needs no password. ``pace`` scales the time of an HTTP answer
        (1: real, 0: none). ``poll_interval``: seconds between two inverters' turns. ``uptime``: seconds it has been
        running; below 300 it does not know its inverters yet. ``room``: requests and WebSockets at a time before live
        data are answered with 429. `ValueError` for what no such device is.
        """
        self.house = house or House()
        faults = Faults(FAULTS)
        release = Firmware.of(firmware, on_battery=on_battery)
        specs = [each if isinstance(each, InverterSpec) else InverterSpec(*each) for each in inverters]
        dtu = Dtu(
            self.house, release, faults, specs, poll_interval=poll_interval, radio=radio, uptime=uptime, seed=seed
        )
        status = Status(
            dtu, dtu_serial=dtu_serial, mac=mac, ip=ip, git_hash=git_hash or firmware, cpu_temperature=cpu_temperature
        )
        self.limiter = PowerLimiter()
        """OnBattery's own power limiter."""
        storage = Storage(dtu, self.limiter) if on_battery else None
        super().__init__(
            dtu, status, storage, faults, password=password, read_only=read_only, pace=pace, room=room, seed=seed
        )
        faults.on_set(self._fault_set)

    def _fault_set(self, fault: Fault) -> None:
        match fault.name:
            case "reboot":
                self.faults.clear(fault.name)
                self.house.catch_up()
                self.reboot(fault.argument or 0.0)
            case "websocket_close":
                self.faults.clear(fault.name)
                self.close_websockets()

    # What happens to the devices

    def advance(self, seconds: float) -> None:
        """Let time pass for house, DTU and inverters."""
        self.house.advance(seconds)

    def view(self, serial: str) -> View:
        """Return what the DTU knows of an inverter, its settings among it; `KeyError` for one that it does not have."""
        found = next((view for view in self.dtu.views if view.serial == serial.lower()), None)
        if found is None:
            raise KeyError(serial)
        return found

    def micro_inverter(self, serial: str) -> MicroInverter:
        """Return an inverter as it really is; `KeyError` for one that is not there."""
        return self.view(serial).hardware.micro

    def add_inverter(self, spec: InverterSpec | tuple[str, str, float]) -> None:
        """Put up another inverter and enter it in the DTU's settings."""
        self.dtu.add(spec if isinstance(spec, InverterSpec) else InverterSpec(*spec))
        self.close_websockets()

    def remove_inverter(self, serial: str) -> None:
        """Take an inverter out of the DTU's settings and off the house."""
        view = self.view(serial)
        self.dtu.views.remove(view)
        self.house.micro_inverters.remove(view.hardware.micro)
        self.close_websockets()

    def add_event(self, serial: str, message_id: int, *, start: int | None = None, end: int = 0) -> None:
        """Let an inverter enter an event, in seconds of the local day; it lasts while ``end`` is 0.

        The DTU learns of it with the next statistics and asks for the list then.
        """
        hardware = self.view(serial).hardware
        hardware.events.append(Event(message_id, hardware.seconds_of_day() if start is None else start, end))

    # What tests want to know

    @property
    def commands(self) -> list[Command]:
        """Return every limit and power command that was accepted."""
        return self.dtu.commands

    @property
    def limit_commands(self) -> list[Command]:
        """Return every limit command that was accepted, each with its time."""
        return [command for command in self.dtu.commands if command.limit is not None]

    @property
    def flash_writes(self) -> dict[str, int]:
        """Return how often each inverter wrote its persistent limit."""
        return {view.serial: view.hardware.micro.flash_writes for view in self.dtu.views}
