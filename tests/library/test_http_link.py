"""The HTTP link over real sockets: what comes back, what is repeated, what is trusted, and what is left behind."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoAnswerError,
)
from custom_components.local_solar.solarlink.links import tls as tls_module
from custom_components.local_solar.solarlink.links.http import HttpLink, HttpTiming
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.links.tls import client_context, short
from custom_components.local_solar.solarlink.links.turns import Priority
from custom_components.local_solar.solarlink.trace import Direction, Trace
from simulators.senec import SenecSimulator

from .conftest import free_port

HOST = "127.0.0.1"
HASTY = HttpTiming(answer=0.3, retry=0.0)
PATIENT = HttpTiming(answer=5.0, retry=0.0)

pytestmark = pytest.mark.usefixtures("socket_enabled")

type Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[bool]]
"""Takes one request (head and body) and answers it; whether the connection stays open."""


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Server:
    """A web server that does what the test says, request by request."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.connections = 0
        self.script: Script = self.echo
        self.open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def echo(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(response(request.partition(b"\r\n\r\n")[2]))
        return True

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                request = head + await reader.readexactly(length)
                self.requests.append(request)
                self.asked.set()
                if not await self.script(request, writer):
                    break
                await writer.drain()
        except asyncio.IncompleteReadError, ConnectionError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()
            self.left.set()

    async def close(self) -> None:
        assert self._server
        self._server.close()
        for writer in list(self.open):
            writer.transport.abort()
        await self._server.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    await server.close()


type MakeLink = Callable[..., HttpLink]


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    made: list[HttpLink] = []

    def make(port: int, timing: HttpTiming = PATIENT, **options: object) -> HttpLink:
        given = {"device": "The box", "stats": LinkStats(), "trace": Trace()} | options
        made.append(HttpLink(HOST, port, timing=timing, **given))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for link in made:
        await link.close()


async def test_one_connection_serves_many_requests(server: Server, make_link: MakeLink) -> None:
    link = make_link(server.port)
    answers = [(await link.ask("POST", "/x", b"hello %d" % n, headers={"X-Own": "yes"})).body for n in range(3)]
    assert answers == [b"hello 0", b"hello 1", b"hello 2"]
    assert server.connections == 1
    assert (link.stats.connects, link.stats.exchanges, link.stats.answers) == (1, 3, 3)
    assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"X-Own: yes" in server.requests[0]
    assert link.address == f"http://{HOST}:{server.port}"


async def test_requests_go_one_at_a_time_and_people_first(server: Server, make_link: MakeLink) -> None:
    link = make_link(server.port)
    running = [0]

    async def slow(request: bytes, writer: asyncio.StreamWriter) -> bool:
        running[0] += 1
        assert running[0] == 1
        await asyncio.sleep(0.01)
        running[0] -= 1
        return await server.echo(request, writer)

    server.script = slow
    order: list[bytes] = []

    async def ask(body: bytes, priority: Priority) -> None:
        order.append((await link.ask("POST", "/", body, priority=priority)).body)

    async with asyncio.TaskGroup() as group:
        group.create_task(ask(b"first", Priority.POLL))
        await asyncio.sleep(0)
        for body, priority in ((b"poll", Priority.POLL), (b"control", Priority.CONTROL), (b"person", Priority.PERSON)):
            group.create_task(ask(body, priority))
    assert order == [b"first", b"person", b"control", b"poll"]


async def test_a_turn_is_kept_for_several_requests(server: Server, make_link: MakeLink) -> None:
    link = make_link(server.port)
    async with link.turn():
        other = asyncio.create_task(link.ask("GET", "/other", priority=Priority.PERSON))
        for path in ("/one", "/two"):
            await link.ask_now("GET", path)
    await other
    assert [request.split()[1] for request in server.requests] == [b"/one", b"/two", b"/other"]


async def test_redirects_are_reported_and_not_followed(server: Server, make_link: MakeLink) -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(response(b"", "301 Moved Permanently", f"Location: https://{HOST}/x"))
        return True

    server.script = script
    answer = await make_link(server.port).ask("POST", "/x", b"{}")
    assert (answer.status, answer.location) == (301, f"https://{HOST}/x")
    assert len(server.requests) == 1


async def test_any_status_is_an_answer(server: Server, make_link: MakeLink) -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(response(b"<html>", "404 Not Found", "Content-Type: text/html"))
        return True

    server.script = script
    link = make_link(server.port)
    answer = await link.ask("GET", "/")
    assert link.connected
    assert (answer.status, answer.body, answer.location) == (404, b"<html>", "")
    assert answer.headers["content-type"] == "text/html"


async def test_cookies_of_an_address_are_kept(server: Server, make_link: MakeLink) -> None:
    async def script(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(response(b"", "200 OK", "Set-Cookie: session=abc; HttpOnly"))
        return True

    server.script = script
    link = make_link(server.port)
    assert not link.has_cookie("session")
    for _ in range(2):
        await link.ask("GET", "/")
    assert link.has_cookie("session")
    assert b"Cookie: session=abc" in server.requests[1]
    await link.drop()
    assert not link.has_cookie("session")


# Failures


async def test_a_kept_connection_that_was_dropped_is_replaced_once(server: Server, make_link: MakeLink) -> None:
    link = make_link(server.port)
    await link.ask("POST", "/", b"a")
    dropped = 0

    async def drop_old(request: bytes, writer: asyncio.StreamWriter) -> bool:
        nonlocal dropped
        if server.connections == 1:
            dropped += 1
            return False
        return await server.echo(request, writer)

    server.script = drop_old
    assert (await link.ask("POST", "/", b"b")).body == b"b"
    assert (dropped, link.stats.retries, server.connections) == (1, 1, 2)


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
async def test_a_write_is_never_repeated(server: Server, make_link: MakeLink, method: str) -> None:
    link = make_link(server.port)
    await link.ask("POST", "/", b"a")

    async def drop(request: bytes, writer: asyncio.StreamWriter) -> bool:
        return False

    server.script = drop
    with pytest.raises(LinkLostError):
        await link.ask(method, "/", b"b", again=False)
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_fresh_connection_that_is_dropped_is_lost(server: Server, make_link: MakeLink, method: str) -> None:
    async def drop(request: bytes, writer: asyncio.StreamWriter) -> bool:
        return False

    server.script = drop
    link = make_link(server.port)
    with pytest.raises(LinkLostError):
        await link.ask(method, "/", b"b")
    assert len(server.requests) == 1
    assert not link.connected
    server.script = server.echo
    assert (await link.ask(method, "/", b"c")).body == b"c"


async def test_silence_is_no_answer_and_not_repeated(server: Server, make_link: MakeLink) -> None:
    async def silent(request: bytes, writer: asyncio.StreamWriter) -> bool:
        return True

    server.script = silent
    link = make_link(server.port, HASTY)
    with pytest.raises(NoAnswerError, match=r"The box did not answer within 0\.3 s"):
        await link.ask("POST", "/", b"x")
    assert len(server.requests) == 1
    assert (link.stats.time_outs, link.stats.retries) == (1, 0)
    server.script = server.echo
    # The answer that was not waited for must not be taken for that of the next question.
    assert (await link.ask("POST", "/", b"y")).body == b"y"
    assert server.connections == 2


async def test_a_body_that_ends_early(server: Server, make_link: MakeLink) -> None:
    async def cut(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        return False

    server.script = cut
    link = make_link(server.port)
    with pytest.raises(BadAnswerError, match="cut off"):
        await link.ask("GET", "/")
    assert not link.connected


async def test_an_endless_body_is_cut(server: Server, make_link: MakeLink) -> None:
    async def endless(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    server.script = endless
    with pytest.raises(BadAnswerError, match="too long"):
        await make_link(server.port).ask("GET", "/")


async def test_what_is_no_http(server: Server, make_link: MakeLink) -> None:
    async def noise(request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"\x00\x01\x02 hello\r\n\r\n")
        await writer.drain()
        return False

    server.script = noise
    with pytest.raises(BadAnswerError, match="no HTTP"):
        await make_link(server.port).ask("GET", "/")


async def test_nobody_listens(make_link: MakeLink) -> None:
    link = make_link(free_port())
    with pytest.raises(LinkError, match="No connection"):
        await link.ask("GET", "/")
    assert link.stats.last_error


async def test_a_host_that_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    link = HttpLink("senec.lan", device="The box", stats=LinkStats(), trace=Trace(), timing=PATIENT)
    with pytest.raises(LinkError, match=r"No connection to http://senec\.lan"):
        await link.ask("GET", "/")
    await link.close()


async def test_encryption_with_a_plain_server(tls: SenecSimulator, make_link: MakeLink) -> None:
    link = make_link(await tls.listen(HOST, 0, tls=False), scheme="https")
    with pytest.raises(LinkError, match="no encrypted connection"):
        await link.ask("GET", "/")


# Closing


async def test_closing_ends_who_waits_and_leaves_nothing(server: Server, make_link: MakeLink) -> None:
    async def silent(request: bytes, writer: asyncio.StreamWriter) -> bool:
        return True

    server.script = silent
    link = make_link(server.port)
    asking = [asyncio.create_task(link.ask("GET", "/")) for _ in range(2)]
    await server.asked.wait()
    await link.close()
    for task in asking:
        with pytest.raises(LinkClosedError):
            await task
    with pytest.raises(LinkClosedError):
        await link.ask("GET", "/")
    assert not link.connected
    await server.left.wait()
    assert not server.open
    await link.close()


def test_building_a_link_needs_no_event_loop() -> None:
    link = HttpLink(HOST, device="The box", stats=LinkStats(), trace=Trace())
    assert not link.connected
    assert link.fingerprint == ""


# Trace


async def test_the_trace_keeps_bodies_without_secrets(server: Server, make_link: MakeLink) -> None:
    trace = Trace()
    link = make_link(server.port, trace=trace, redact=lambda body: body.replace(b"secret", b"***"))
    await link.ask("POST", "/x", b"a secret thing")
    kept = [(record.direction, record.data, record.note) for record in trace]
    assert kept == [
        (Direction.SENT, b"a *** thing", "POST http /x"),
        (Direction.RECEIVED, b"a *** thing", "HTTP 200"),
    ]


async def test_the_trace_keeps_no_more_than_it_must(server: Server, make_link: MakeLink) -> None:
    trace = Trace()
    await make_link(server.port, trace=trace).ask("POST", "/x", b"x" * 50_000)
    assert max(len(record.data) for record in trace) == 1 << 14


# Certificates


@pytest.fixture
async def tls() -> AsyncIterator[SenecSimulator]:
    async with SenecSimulator(profile="v3_hybrid", pace=0.0, speed=0.0) as simulator:
        yield simulator


BODY = b'{"FACTORY":{"SYS_TYPE":""}}'


async def test_any_certificate_is_taken_and_told(tls: SenecSimulator, make_link: MakeLink) -> None:
    link = make_link(await tls.listen(HOST, 0, tls=True), scheme="https")
    assert (await link.ask("POST", "/lala.cgi", BODY)).status == 200
    first = tls.certificate_sha256
    assert link.fingerprint == first
    assert not link.verified
    tls.swap_certificate()
    await link.ask("POST", "/lala.cgi", BODY)
    assert link.fingerprint == tls.certificate_sha256 != first
    assert short(link.fingerprint) == ":".join(link.fingerprint[n : n + 2].upper() for n in range(0, 16, 2))


async def test_a_root_is_demanded_where_it_is_given(tls: SenecSimulator, make_link: MakeLink) -> None:
    port = await tls.listen(HOST, 0, tls=True)
    link = make_link(port, scheme="https", root=tls.root_pem)
    # The name in the certificate is not that of this host, and that does not matter.
    assert (await link.ask("POST", "/lala.cgi", BODY)).status == 200
    assert link.verified
    tls.swap_certificate(root=True)
    with pytest.raises(LinkError, match="not signed by the given root"):
        await link.ask("POST", "/lala.cgi", BODY)


async def test_a_root_that_is_none(tls: SenecSimulator, make_link: MakeLink) -> None:
    link = make_link(await tls.listen(HOST, 0, tls=True), scheme="https", root="nonsense")
    with pytest.raises(LinkError):
        await link.ask("POST", "/lala.cgi", BODY)


async def test_contexts_are_built_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[threading.Thread] = []
    build = tls_module._build

    def noting(root: str) -> ssl.SSLContext:
        built.append(threading.current_thread())
        return build(root)

    monkeypatch.setattr(tls_module, "_build", noting)
    context = await client_context()
    assert context.verify_mode is ssl.CERT_NONE
    assert built
    assert built[0] is not threading.current_thread()
