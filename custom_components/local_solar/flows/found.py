"""What a search near by has found, for any family whose devices can be searched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A box in the network: where it is and how people know it."""

    address: str
    label: str
