"""A bare HTTP client for the simulators' tests: it writes requests by hand and takes answers apart itself."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class HttpClient:
    """One connection, kept alive for all requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.seconds = 5.0

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Ask and return the answer; `ConnectionError` when there is none."""
        await self.send(method, path, body, **headers)
        return await self.answer()

    async def answer(self) -> Answer:
        async with asyncio.timeout(self.seconds):
            try:
                return await self._answer()
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError from error

    async def _answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        status = int(head[0].split()[1])
        if headers.get("transfer-encoding") != "chunked":
            return Answer(status, headers, await self.reader.readexactly(int(headers.get("content-length", "0"))))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return Answer(status, headers, body)

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


@asynccontextmanager
async def http(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpClient]:
    client = HttpClient(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))
    try:
        yield client
    finally:
        await client.close()
