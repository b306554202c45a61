"""Profiles: the answers of one kind of inverter and what is peculiar to it, from a JSON file."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "profiles"

type Unknown = Literal["nak", "silence", "echo", "#-1", "^0"]


class ProfileError(ValueError):
    """A profile that does not exist or that cannot be read."""


@dataclass(slots=True)
class Quirks:
    """How firmwares and clones differ (reference section 8). Each may be a simulator option or stand in a profile."""

    unknown: Unknown = "nak"
    """Answer to a word that the unit does not know."""
    request_zero: Literal["vendor", "bumped", "both"] = "vendor"
    """Which form of a request's checksum with a 00 byte is understood (reference section 3.3)."""
    answer_zero_bumped: bool = False
    """Answers carry 01 where the checksum has 00."""
    shifted_priorities: bool = False
    """Output: 0 solar first, 1 solar-battery-utility, 2 utility; charger: 0 solar first, 1 both, 2 only solar."""
    refused_settings: tuple[str, ...] = ()
    """Set commands that are known and always refused."""
    output_priorities: tuple[int, ...] = (0, 1, 2)
    charger_priorities: tuple[int, ...] = (0, 1, 2, 3)
    battery_types: tuple[int, ...] = (0, 1, 2)
    ranges: str = "mks"
    """Family of the voltage ranges, a key of `ranges.RANGES`."""
    charge_forms: tuple[str, ...] = ("MNCHGC0nnn", "MNCHGCnnn", "MCHGCnnn")
    """Forms of the charge current command that are understood."""
    utility_forms: tuple[str, ...] = ("MUCHGCnnn",)
    """Forms of the utility charge current command that are understood."""
    user_battery_only: bool = True
    """Voltages of cut-off, absorption and float are taken only with battery type User."""
    float_above_bulk_refused: bool = False
    apply_delay: float = 0.0
    """Seconds until an accepted setting shows."""
    settings_changed_sticks: bool = False
    """The bit "configuration changed" is never cleared."""
    settings_changed_works: bool = True
    """False: the bit is never set by a setting."""
    line_feed: bool = False
    padding: int = 0
    """00 bytes after each CR."""
    bare_answers: bool = False
    """ACK and NAK without a checksum."""
    bms_sum: bool = False
    """The battery management's answer ends with a one-byte sum and LF (reference section 3.4)."""
    serial_padding: int = 0
    """00 bytes behind the serial number, inside the answer."""
    no_battery: bool = False
    """The state of charge is always 100 % and the currents are 0."""
    pv_loss_warning: bool = False
    """The first warning is set when there is no sun."""
    status_bits: Literal["pi30", "pi41"] = "pi30"
    energy_step: int = 1
    """Steps of the energy counters, Wh."""
    energy_unit: float = 1.0
    """Wh per count of the energy counters."""
    usb_drops_zero: bool = False
    """On USB a 00 byte inside a request is taken as padding."""


@dataclass(slots=True)
class Profile:
    """One kind of inverter."""

    name: str
    family: str
    """PI30, PI30MAX, PI41, PI18, PI17, PI16 or REVO."""
    model: str
    battery: float
    """Nominal battery voltage, V."""
    replies: dict[str, str]
    members: tuple[str, ...] = ()
    """Serials of the units of a parallel group, in the order of their numbers."""
    pv_voltage: float = 0.0
    """Voltage of a generator in the sun, V."""
    quirks: Quirks = field(default_factory=Quirks)


def names() -> list[str]:
    """Return the names of the profiles that come with the simulator."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(source: str | Path) -> Profile:
    """Read a profile by its name or from a file; `ProfileError` says why that is not possible."""
    path = Path(source)
    if path.suffix != ".json":
        path = FOLDER / f"{source}.json"
        if not path.exists():
            raise ProfileError(f"unknown profile {str(source)!r}: choose from {', '.join(names())}")
    try:
        data = json.loads(path.read_text())
        meta, replies = dict(data["meta"]), {str(key): str(text) for key, text in data["replies"].items()}
        quirks = _quirks(dict(meta.get("quirks", {})), meta)
        members = tuple(meta.get("members", ())) or _members(replies)
        return Profile(
            path.stem,
            str(meta["family"]),
            str(meta["model"]),
            float(meta["battery"]),
            replies,
            members,
            float(meta.get("pv_voltage", 0.0)),
            quirks,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProfileError(f"cannot read the profile {str(source)!r}: {error}") from error


def _members(replies: dict[str, str]) -> tuple[str, ...]:
    """Return the serials of a parallel group as its answers tell them; a lone unit is none."""
    serials = []
    for unit in range(10):
        fields = replies.get(f"QPGS{unit}", "0").split(" ")
        if fields[0] != "1":
            break
        serials.append(fields[1])
    return tuple(serials) if len(serials) > 1 else ()


def _quirks(told: dict[str, Any], meta: dict[str, Any]) -> Quirks:
    known = {entry.name for entry in fields(Quirks)}
    if told.keys() - known:
        raise ProfileError(f"unknown quirk {', '.join(sorted(told.keys() - known))}")
    if "unknown" not in told:
        told["unknown"] = _unknown(str(meta.get("unsupported", "NAK")))
    if meta.get("priority_codes") == "shifted":
        told.setdefault("shifted_priorities", True)
        told.setdefault("charger_priorities", (0, 1, 2))
        # The clones that shift the priorities also refuse these (reference section 8).
        told.setdefault("refused_settings", ("PCVV", "PBFT", "PSDV"))
    if meta.get("family") == "PI41":
        told.setdefault("status_bits", "pi41")
    options: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Quirks(**options)


def _unknown(text: str) -> Unknown:
    lowered = text.lower()
    if lowered.startswith("silen"):
        return "silence"
    match lowered:
        case "^0" | "#-1" | "echo":
            return lowered
        case _:
            return "nak"
