"""Names that more than one module uses."""

from typing import Final

DOMAIN: Final = "local_solar"

CONF_FAMILY: Final = "family"
"""Entry data: which family of devices, a key of ``families.FAMILIES``."""
CONF_LINK: Final = "link"
"""Entry data: which kind of link, a key of ``FamilyEntry.links``."""
CONF_PEER: Final = "peer"
"""Entry data: the only address that may dial in."""
CONF_LOCAL_PORT: Final = "local_port"
"""Entry data: the port of this machine to which datagrams are sent."""
CONF_INTERVAL: Final = "interval"
"""Entry options: seconds between two reads of live values."""

MIN_INTERVAL: Final = 2
MAX_INTERVAL: Final = 600
