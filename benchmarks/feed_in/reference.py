"""What the reference says a correct controller reaches (section 11), and whether ours does."""

from collections.abc import Iterator
from dataclasses import dataclass

from .plant import Figures

LAST_COLUMN = {
    "calm": Figures(13.4, 0.5, 13.9, 37, 0),
    "evening": Figures(154, 5.2, 87, 65, 0),
    "steps": Figures(62.8, 8.9, 31, 82, 0),
    "pulse": Figures(398, 13.4, 492, 101, 0),
    "steps, dead time 4-9 s, tau 4 s": Figures(82, 19.1, 43, 127, 0),
    "steps, dead time 15-20 s": Figures(109, 34, 63, 106, 0),
    "steps, slew 0.5 %/s (not told)": Figures(107, 40, 64, 204, 0),
    "steps, one slow of three": Figures(63, 9.6, 32, 93, 0),
    "steps, meter every 5 s": Figures(72, 13, 33, 40, 0),
    "steps, 20 % radio loss": Figures(68, 11.5, 33, 80, 0),
}
"""The figures of the reference's own core, mean of three seeds."""

RMS_MARGIN = 0.08
MARGIN = 0.10
"""How much worse a figure may be. The reference's own margins are wider but for the RMS."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One figure of ours beside the reference's."""

    name: str
    ours: float
    reference: float
    margin: float

    @property
    def worse(self) -> float:
        """By how much ours is higher, as a share of the reference's; negative if it is better."""
        return self.ours / self.reference - 1

    @property
    def met(self) -> bool:
        """Whether it is within the margin, or better."""
        return self.worse <= self.margin


def judge(scenario: str, ours: Figures) -> Iterator[Judged]:
    """RMS, export, avoidable import and commands of a scenario; no second above the cap is judged elsewhere."""
    reference = LAST_COLUMN[scenario]
    yield Judged("RMS", ours.rms, reference.rms, RMS_MARGIN)
    yield Judged("export", ours.export, reference.export, MARGIN)
    yield Judged("avoidable import", ours.avoidable, reference.avoidable, MARGIN)
    yield Judged("commands", ours.commands, reference.commands, MARGIN)
