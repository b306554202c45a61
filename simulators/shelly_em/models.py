"""The meters that can be simulated and their firmware (reference table of models, sections 2, 4 and 4.3)."""

from dataclasses import dataclass

TRIPHASE, MONOPHASE = "triphase", "monophase"


@dataclass(frozen=True, slots=True)
class Firmware:
    """One version of the firmware and what it does differently."""

    version: str
    build: str
    """The text before the version in the long form, a date first."""
    power_factor: bool = True
    """Generation 1: the one-phase meter tells its power factor, from 1.12 on."""
    interval: float = 15.0
    """Seconds between two pushes of values that hardly change."""
    on_change: bool = True
    """A change is pushed at the next second."""
    stale: bool = False
    """A challenge says whether the login was right but its nonce too old."""

    @property
    def long(self) -> str:
        """Return the long form of generation 1."""
        return f"{self.build.partition('/')[0]}/v{self.version}-{self.build.partition('/')[2]}"

    @property
    def long_id(self) -> str:
        """Return the long form of generation 2 and later."""
        return f"{self.build.partition('/')[0]}/{self.version}-{self.build.partition('/')[2]}"


FIRST = {
    "1.10.4": Firmware("1.10.4", "20210429-100340/g3f94cd7", power_factor=False),
    "1.12.1": Firmware("1.12.1", "20220803-112703/g29dc09d"),
    "1.14.0": Firmware("1.14.0", "20230913-114150/gcb84623"),
}
"""Firmware of generation 1."""
SECOND = {
    "0.14.0": Firmware("0.14.0", "20230308-092300/g4afab28", interval=1.0),
    "1.0.3": Firmware("1.0.3", "20230912-083954/gb7a3cc0", interval=15.0, on_change=False),
    "1.1.0": Firmware("1.1.0", "20231219-134001/g34b5d4f", interval=10.0),
    "1.7.0": Firmware("1.7.0", "20250612-095000/g1aaf3d2", interval=1.0),
    "2.0.0": Firmware("2.0.0", "20260311-101500/gb2c4e6a", interval=1.0, stale=True),
}
"""Firmware of generation 2 and later, with the intervals that owners saw."""


@dataclass(frozen=True, slots=True)
class Model:
    """One meter."""

    code: str
    name: str
    generation: int
    app: str
    host: str
    """What the device's network name begins with."""
    clamps: int
    relay: bool
    phases: bool = False
    """Three clamps on the phases of one connection; from generation 2 on with a choice of profile."""
    usual: str = "1.1.0"
    """The firmware it has unless told."""

    @property
    def firmwares(self) -> dict[str, Firmware]:
        """Return the versions that it may have."""
        return FIRST if self.generation == 1 else SECOND

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the profiles that its owner may choose from, the usual one first."""
        return (TRIPHASE, MONOPHASE) if self.phases and self.generation > 1 else ()


MODELS = {
    model.code: model
    for model in (
        Model("SHEM", "Shelly EM", 1, "", "shellyem", 2, relay=True, usual="1.14.0"),
        Model("SHEM-3", "Shelly 3EM", 1, "", "shellyem3", 3, relay=True, phases=True, usual="1.14.0"),
        Model("SPEM-002CEBEU50", "Shelly Pro EM-50", 2, "ProEM", "shellyproem50", 2, relay=True),
        Model("SPEM-003CEBEU", "Shelly Pro 3EM", 2, "Pro3EM", "shellypro3em", 3, relay=False, phases=True),
        Model("SPEM-003CEBEU120", "Shelly Pro 3EM (120 A)", 2, "Pro3EM", "shellypro3em", 3, relay=False, phases=True),
        Model("SPEM-003CEBEU63", "Shelly Pro 3EM 3CT63", 2, "Pro3EM3CT63", "shellypro3em63", 3, False, phases=True),
        Model("SPEM-003CEBEU400", "Shelly Pro 3EM-400", 2, "Pro3EM400", "shellypro3em400", 3, False, phases=True),
        Model("S3EM-002CXCEU", "Shelly EM Gen3", 3, "EMG3", "shellyemg3", 2, relay=True, usual="1.7.0"),
        Model("S3EM-003CXCEU63", "Shelly 3EM-63 Gen3", 3, "3EM63G3", "shelly3em63g3", 3, False, True, "1.7.0"),
        Model("S4EM-001PXCEU16", "Shelly EM Mini Gen4", 4, "MiniEMG4", "shellyemminig4", 1, False, usual="2.0.0"),
        Model("S4EM-001CXCEU63", "Shelly EM-63 Gen4", 4, "EM63G4", "shellyem63g4", 1, relay=False, usual="2.0.0"),
    )
}
"""Every meter by its model code."""


def model(code: str) -> Model:
    """Return a meter by its code; `ValueError` for a code that is none."""
    if code not in MODELS:
        raise ValueError(f"no model {code!r}: choose from {', '.join(MODELS)}")
    return MODELS[code]
