"""Error codes of SCOM answers (protocol reference, section 4.5)."""

SERVICE_NOT_SUPPORTED = 0x11
INVALID_SERVICE_ARGUMENT = 0x12
GATEWAY_BUSY = 0x13
DEVICE_NOT_FOUND = 0x02
RESPONSE_TIMEOUT = 0x03
TYPE_NOT_SUPPORTED = 0x21
OBJECT_ID_NOT_FOUND = 0x22
PROPERTY_NOT_SUPPORTED = 0x23
INVALID_DATA_LENGTH = 0x24
PROPERTY_IS_READ_ONLY = 0x25
INVALID_DATA = 0x26
DATA_TOO_SMALL = 0x27
DATA_TOO_BIG = 0x28
READ_PROPERTY_FAILED = 0x2A
ACCESS_DENIED = 0x2B
OBJECT_NOT_SUPPORTED = 0x2C
MULTICAST_READ_NOT_SUPPORTED = 0x2D
OBJECT_PROPERTY_INVALID = 0x2E
FILE_NOT_PRESENT = 0x2F
FILE_CORRUPTED = 0x30


class ScomError(Exception):
    """An answer with an error code."""

    def __init__(self, code: int) -> None:
        """Remember the code (16 bits)."""
        super().__init__(f"error {code:04X}")
        self.code = code
