"""SCOM by hand for the simulator's tests: requests built and answers taken apart without any of its code."""

import struct
from dataclasses import dataclass

from tests.simulators.wire import Client

READ, WRITE = 1, 2
INFO, PARAMETER, MESSAGE, GUID, CUSTOM, MULTI, FILES = 1, 2, 3, 4, 5, 10, 0x101


def checksum(data: bytes) -> bytes:
    a, b = 0xFF, 0
    for byte in data:
        a = (a + byte) % 256
        b = (b + a) % 256
    return bytes((a, b))


def request(
    address: int, service: int, kind: int, number: int, property_id: int, data: bytes = b"", source: int = 1
) -> bytes:
    body = struct.pack("<BBHIH", 0, service, kind, number, property_id) + data
    header = struct.pack("<BIIH", 0, source, address, len(body))
    return b"\xaa" + header + checksum(header) + body + checksum(body)


@dataclass(frozen=True)
class Answer:
    flags: int
    source: int
    destination: int
    error: bool
    kind: int
    number: int
    property_id: int
    data: bytes

    @property
    def code(self) -> int:
        assert self.error, self
        return int.from_bytes(self.data, "little")

    @property
    def value(self) -> float:
        assert not self.error, self
        return float(struct.unpack("<f", self.data)[0])

    @property
    def integer(self) -> int:
        assert not self.error, self
        return int.from_bytes(self.data, "little", signed=True)


def answers(data: bytes) -> list[Answer]:
    """Take a stream of whole frames apart; anything else in it fails the test."""
    found = []
    while data:
        assert data[0] == 0xAA, data
        flags, source, destination, length = struct.unpack("<BIIH", data[1:12])
        assert checksum(data[1:12]) == data[12:14]
        body = data[14 : 14 + length]
        assert checksum(body) == data[14 + length : 16 + length]
        service_flags, _, kind, number, property_id = struct.unpack("<BBHIH", body[:10])
        assert service_flags & 2
        found.append(Answer(flags, source, destination, bool(service_flags & 1), kind, number, property_id, body[10:]))
        data = data[16 + length :]
    return found


async def ask(client: Client, frame: bytes) -> Answer:
    """Send a request and return its answer, which is the only thing that comes."""
    client.send(frame)
    header = await client.reader.readexactly(14)
    rest = await client.reader.readexactly(int.from_bytes(header[10:12], "little") + 2)
    (answer,) = answers(header + rest)
    return answer


async def info(client: Client, address: int, number: int) -> Answer:
    return await ask(client, request(address, READ, INFO, number, 1))


async def read(client: Client, address: int, number: int, property_id: int = 5) -> Answer:
    return await ask(client, request(address, READ, PARAMETER, number, property_id))


async def write(client: Client, address: int, number: int, data: bytes, property_id: int = 13) -> Answer:
    return await ask(client, request(address, WRITE, PARAMETER, number, property_id, data))


async def fetch(client: Client, kind: int, name: bytes = b"") -> bytes:
    """Fetch the directory (1) or a file (2) block by block."""
    answer = await ask(client, request(501, READ, FILES, kind, 0x21, name))
    content = b""
    while True:
        assert not answer.error, answer
        content += answer.data
        if answer.property_id == 0x26:
            return content
        assert answer.property_id == 0x22
        assert len(answer.data) == 512
        answer = await ask(client, request(501, READ, FILES, kind, 0x23))


def f32(value: float) -> bytes:
    return struct.pack("<f", value)


def i32(value: int) -> bytes:
    return struct.pack("<i", value)
