"""What was found out about a unit when it was identified, as JSON holds it (``Installation.facts``)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from .blocks import Block, Dialect
from .codec import Checksum
from .manner import Manner
from .ranges import Series, series_of
from .states import PriorityMap

VERSION = 1
"""Raised whenever more is found out than before, so that older facts are found out again."""
KING_CODES = ("023", "024", "035", "036")
MKS2_CODES = ("022", "025", "031", "038", "039", "042")
MKS3_CODE = "042"
MAX_CODES = ("043", "044", "045")
SHIFTED_SERIES = "00040"
"""Firmware series of the clones that number their priorities otherwise (section 8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that need not be asked again while serial number and firmware stay the same."""

    version: int = VERSION
    dialect: str = Dialect.PI30.value
    serial: str = ""
    """As the unit tells it; empty for clones that tell none."""
    serial_word: str = ""
    """The query that tells it."""
    firmware: str = ""
    model_name: str = ""
    model_code: str = ""
    battery: int | None = None
    rated_power: float | None = None
    heatsink_degrees: bool = True
    words: dict[str, str] = field(default_factory=dict)
    """Queries that this unit knows by another word than the usual one."""
    blocks: dict[str, list[str]] = field(default_factory=dict)
    """The blocks that the unit answers, with their fields."""
    member_blocks: dict[str, list[str]] = field(default_factory=dict)
    """The same of the other units of its group."""
    group_index: int | None = None
    """Number of the unit in its parallel group; ``None`` for a unit alone."""
    charge_currents: list[float] = field(default_factory=list)
    utility_currents: list[float] = field(default_factory=list)
    defaults: dict[str, float] = field(default_factory=dict)
    """The factory's settings, for diagnostics."""
    forms: dict[str, int] = field(default_factory=dict)
    """Which of its commands works for a setting."""
    refused: list[str] = field(default_factory=list)
    """Settings whose present value was refused too: this unit cannot set them."""
    checksum: str = Checksum.VENDOR.value

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self | None:
        """Take back what ``as_dict`` gave; ``None`` for facts of another version or shape."""
        if saved.get("version") != VERSION:
            return None
        try:
            facts = cls(**saved)
            Dialect(facts.dialect)
            Checksum(facts.checksum)
            for name in (*facts.blocks, *facts.member_blocks):
                Block(name)
        except TypeError, ValueError:
            return None
        return facts

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        return asdict(self)

    def has(self, block: Block) -> bool:
        """Whether the unit answers that block."""
        return block.value in self.blocks

    def fields(self, block: Block) -> frozenset[str]:
        """The fields that the block brings."""
        return frozenset(self.blocks.get(block.value, ()))

    @property
    def series(self) -> Series:
        """The series that decides which voltages a setting takes."""
        return series_of(self.model_code, self.model_name)

    def manner(self, priorities: str = "auto", energy_factor: float = 0.001) -> Manner:
        """How the replies of this unit are to be understood; ``priorities`` is the owner's word on the two maps."""
        dialect = Dialect(self.dialect)
        output_map, charger_map = self._maps()
        if priorities in (PriorityMap.STANDARD.value, PriorityMap.SHIFTED.value):
            output_map = charger_map = PriorityMap(priorities)
        king = self.model_code in KING_CODES or self.model_name.upper().startswith("KING")
        newer = dialect is Dialect.PI30MAX or king or self.model_code in (*MKS2_CODES, *MAX_CODES)
        return Manner(
            dialect=dialect,
            firmware=_version(self.firmware),
            heatsink_degrees=self.heatsink_degrees,
            output_map=output_map,
            charger_map=charger_map,
            output_short_is_fault=newer,
            mppt_overload_is_fault=king,
            dcdc_is_warning=dialect is Dialect.PI41,
            fault_digits_at=self._fault_digits_at(newer_max=dialect is Dialect.PI30MAX),
            energy_factor=energy_factor,
        )

    def _fault_digits_at(self, *, newer_max: bool) -> int | None:
        """Section 6.5: VM III and the MAX of 24 V have it one place earlier than MKS III and the MAX of 48 V."""
        if self.series is Series.VM3:
            return 31
        if self.model_code == MKS3_CODE:
            return 32
        if newer_max or self.model_code in MAX_CODES:
            return 31 if self.battery == 24 else 32
        return None

    def _maps(self) -> tuple[PriorityMap, PriorityMap]:
        name = self.model_name.upper()
        if name.startswith("VMII-") or self.firmware.startswith(SHIFTED_SERIES):
            return PriorityMap.SHIFTED, PriorityMap.SHIFTED
        if name.startswith("LV6548"):
            return PriorityMap.STANDARD, PriorityMap.SHIFTED
        if self.model_code in KING_CODES or name.startswith("KING"):
            return PriorityMap.STANDARD, PriorityMap.KING
        return PriorityMap.STANDARD, PriorityMap.STANDARD

    def with_form(self, key: str, form: int) -> Self:
        """The same with the command that worked for a setting."""
        return replace(self, forms=self.forms | {key: form})

    def with_refused(self, key: str) -> Self:
        """The same with a setting that this unit does not let be set."""
        return self if key in self.refused else replace(self, refused=[*self.refused, key])


def _version(text: str) -> float | None:
    """``00072.70`` as 72.7. The part behind the point is hexadecimal; only its decimal values matter here."""
    series, _, version = text.partition(".")
    if not series.isdecimal() or not version.isdecimal():
        return None
    return float(f"{int(series)}.{version}")
