"""The appliances that can be simulated: one data file each in the folder ``profiles``."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

type Wire = str | list[str]
"""What a field holds: one typed string, or an array of them."""

_FOLDER = Path(__file__).with_name("profiles")
HTTPS_SINCE = 825
"""Application version that brought https and took the energy counters away (reference section 2.1)."""
NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))
"""Every profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One generation and firmware of the appliance."""

    name: str
    title: str
    senec: bool
    """False: a web server of something else, that answers every address with an HTML page."""
    system: str
    """"v2" (beside the house's own inverter) or "v3" (with the inverter inside)."""
    scheme: str
    """What this firmware speaks: "http" or "https"."""
    application: int
    """Version of the main application."""
    traits: frozenset[str]
    """Which rows of the table of fields this appliance has, beside those that all have."""
    mpps: int
    """Inputs for solar generators."""
    modules: int
    """Battery modules that are installed."""
    cells: int
    """Cells in series in one module."""
    round_trip: float
    """Seconds from a request to its answer."""
    cookie: bool
    """Every answer carries a session cookie (reference section 2.2)."""
    wallboxes: int
    second_meter: bool
    """A second meter measures what the solar inverter of the house generates."""
    mcu_sensor: bool
    """The controller has a temperature sensor; without one it shows about -158 degrees Celsius."""
    forbidden: frozenset[str]
    """``SECTION.FIELD`` that needs a higher user level."""
    values: dict[str, dict[str, Wire]] = field(hash=False)
    """What differs from the table of fields."""

    @property
    def statistic(self) -> bool:
        """Tell whether the appliance counts energies."""
        return self.application < HTTPS_SINCE

    @property
    def v3(self) -> bool:
        """Tell whether the inverter is inside."""
        return self.system == "v3"

    def has(self, trait: str) -> bool:
        """Tell whether a row of the table of fields with this trait belongs to the appliance."""
        return trait == "all" or trait in self.traits


@cache
def load(name: str) -> Profile:
    """Return a profile by name; `ValueError` for a name that is none."""
    if name not in NAMES:
        raise ValueError(f"no profile {name!r}: choose from {', '.join(NAMES)}")
    data = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    application = int(data["application"])
    traits = {*data.pop("traits"), data["system"]}
    if application < HTTPS_SINCE:
        traits.add("before_0825")
    if application >= 833:
        traits.add("from_0833")
    return Profile(name=name, traits=frozenset(traits), forbidden=frozenset(data.pop("forbidden")), **data)
