"""Zero feed-in: a controller whose meter, inverters and battery belong to other installations."""

from collections.abc import Mapping
from typing import Any

from ..errors import BadAddressError
from ..family import Family
from ..journal import Journal
from ..links.address import LinkAddress
from .client import FeedInClient
from .points import POINTS


def open_client(address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> FeedInClient:
    """The controller that ``settings`` describe; raises ``BadAddressError`` without a description."""
    if not settings:
        raise BadAddressError(address=address.text, family=FAMILY.name, expected="its settings")
    return FeedInClient(journal=journal, settings=settings)


FAMILY = Family(
    key="feed_in_control",
    name="Zero feed-in",
    # It has no link of its own, so there is nothing that the command line could open.
    schemes=(),
    default_port=0,
    open=open_client,
    points=POINTS,
    decoders={},
    troubles={},
)
