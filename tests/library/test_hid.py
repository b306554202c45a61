"""The USB wire with made-up devices: no machine has a virtual one, and the wire takes any object of that shape."""

import asyncio
import errno
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    LinkClosedError,
    LinkError,
    LinkLostError,
    NoPermissionError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links import hid
from custom_components.local_solar.solarlink.links.address import LinkAddress, parse_address
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.hid import HidapiOpener, HidNode, HidWire, list_devices
from custom_components.local_solar.solarlink.voltronic import attached_inverters, open_client
from custom_components.local_solar.solarlink.voltronic.codec import Checksum

VENDOR, PRODUCT = 0x0665, 0x5161
QMOD = bytes.fromhex("51 4D 4F 44 49 C1 0D")
PBDV = bytes.fromhex("50 42 44 56 34 36 2E 34 00 4E 0D")


class Device:
    """An opened device that answers as it is told."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.threads: set[int] = set()
        self.reports: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self.write_error: Exception | None = None
        self.closed = threading.Event()
        self.on_write: Callable[[bytes], None] = lambda data: None

    def write(self, data: bytes) -> int:
        self.threads.add(threading.get_ident())
        if self.write_error is not None:
            raise self.write_error
        self.written.append(data)
        self.on_write(data)
        return len(data)

    def read(self, size: int, timeout_ms: int) -> list[int]:
        self.threads.add(threading.get_ident())
        assert timeout_ms > 0, "a time-out of 0 waits without end"
        try:
            report = self.reports.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return []
        if isinstance(report, Exception):
            raise report
        return list(report[:size])

    def close(self) -> None:
        self.closed.set()


class Opener:
    """The devices of a machine: node to device, or to the error that opening it gives."""

    def __init__(self, **nodes: Device | Exception) -> None:
        self.devices = {f"/dev/{name}": device for name, device in nodes.items()}
        self.ports: dict[str, str] = {}
        self.opened: list[str] = []

    def find(self) -> list[HidNode]:
        return [HidNode(path, "USB to Serial", self.ports.get(path, "")) for path in self.devices]

    def open(self, path: str) -> Device:
        device = self.devices.get(path)
        if device is None:
            raise FileNotFoundError(errno.ENOENT, "no such node")
        if isinstance(device, Exception):
            raise device
        self.opened.append(path)
        return device


class User:
    """Who uses the wire."""

    def __init__(self) -> None:
        self.data = b""
        self.peers: list[str] = []
        self.errors: list[LinkError] = []
        self.came = asyncio.Event()

    def wire_up(self, peer: str) -> None:
        self.peers.append(peer)

    def wire_data(self, data: bytes) -> None:
        self.data += data
        self.came.set()

    def wire_down(self, error: LinkError) -> None:
        self.errors.append(error)
        self.came.set()

    async def wait(self) -> None:
        async with asyncio.timeout(5):
            await self.came.wait()
        self.came.clear()


@asynccontextmanager
async def wired(opener: Opener, path: str = "", gap: float = 0.0) -> AsyncIterator[tuple[HidWire, User]]:
    wire = HidWire(path, vendor=VENDOR, product=PRODUCT, opener=opener, piece_gap=gap, backoff=Backoff(0.001, 0.001))
    user = User()
    wire.user = user
    try:
        yield wire, user
    finally:
        await wire.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        # What is waited for happens in another thread, which sets no event.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_reports_of_nine_bytes_out_and_eight_in() -> None:
    device = Device()
    async with wired(Opener(hidraw0=device)) as (wire, user):
        await wire.open(5)
        wire.send(QMOD)
        wire.send(PBDV)
        await until(lambda: len(device.written) == 3)
        assert [piece.hex(" ") for piece in device.written] == [
            "00 51 4d 4f 44 49 c1 0d 00",
            "00 50 42 44 56 34 36 2e 34",
            # The piece that begins with 00 keeps it, because the number of the report stands before it.
            "00 00 4e 0d 00 00 00 00 00",
        ]
        device.reports.put(bytes.fromhex("28 42 E7 C9 0D 00 00 00"))
        await user.wait()
        assert user.data == bytes.fromhex("28 42 E7 C9 0D 00 00 00")


async def test_all_io_is_in_one_thread_that_is_not_the_loop() -> None:
    device = Device()
    async with wired(Opener(hidraw0=device)) as (wire, user):
        await wire.open(5)
        wire.send(PBDV)
        device.reports.put(b"(B\xe7\xc9\r\0\0\0")
        await user.wait()
        assert len(device.threads) == 1
        assert threading.get_ident() not in device.threads


async def test_there_is_a_rest_between_two_pieces() -> None:
    device, times = Device(), []
    loop = asyncio.get_running_loop()
    device.on_write = lambda data: times.append(loop.time())
    async with wired(Opener(hidraw0=device), gap=0.03) as (wire, _):
        await wire.open(5)
        wire.send(PBDV)
        await until(lambda: len(times) == 2)
        assert times[1] - times[0] >= 0.025


@pytest.mark.parametrize("error", [OSError(errno.EIO, "gone"), OSError("read error"), ValueError("not open")], ids=str)
async def test_a_device_that_goes_away(error: Exception) -> None:
    device = Device()
    async with wired(Opener(hidraw0=device)) as (wire, user):
        await wire.open(5)
        wire.send(QMOD)
        device.reports.put(error)
        await user.wait()
        [lost] = user.errors
        assert isinstance(lost, LinkLostError)
        assert not wire.connected
        assert device.closed.wait(1)
        with pytest.raises(LinkLostError):
            wire.send(QMOD)


async def test_a_write_that_fails_loses_the_link_and_opening_again_helps() -> None:
    device = Device()
    opener = Opener(hidraw0=device)
    async with wired(opener) as (wire, user):
        await wire.open(5)
        device.write_error = OSError(errno.ETIMEDOUT, "timed out")
        wire.send(QMOD)
        await user.wait()
        device.write_error = None
        await wire.open(5)
        wire.send(QMOD)
        await until(lambda: len(device.written) == 1)
        assert opener.opened == ["/dev/hidraw0"] * 2


async def test_a_device_that_was_plugged_in_again_has_another_number() -> None:
    device, again = Device(), Device()
    opener = Opener(hidraw0=device)
    opener.ports = {"/dev/hidraw0": "usb-1/input0", "/dev/hidraw4": "usb-1/input0", "/dev/hidraw1": "usb-2/input0"}
    async with wired(opener, "/dev/hidraw0") as (wire, user):
        await wire.open(5)
        assert wire.port == "usb-1/input0"
        device.reports.put(OSError(errno.EIO, "gone"))
        wire.send(QMOD)
        await user.wait()
        # Another device has taken the old number; the socket tells which one is ours.
        opener.ports["/dev/hidraw0"] = "usb-3/input0"
        opener.devices = {"/dev/hidraw0": Device(), "/dev/hidraw1": Device(), "/dev/hidraw4": again}
        await wire.open(5)
        assert opener.opened[-1] == "/dev/hidraw4"


async def test_a_node_that_is_another_unit_is_not_tried_again() -> None:
    opener = Opener(hidraw0=Device(), hidraw1=Device())
    async with wired(opener) as (wire, user):
        await wire.open(5)
        wire.disown()
        assert isinstance(user.errors[0], LinkLostError)
        await wire.open(5)
        wire.disown()
        assert opener.opened == ["/dev/hidraw0", "/dev/hidraw1"]
        with pytest.raises(LinkError, match="no such USB device"):
            await wire.open(5)


async def test_the_named_node_goes_first() -> None:
    opener = Opener(hidraw0=Device(), hidraw1=Device())
    async with wired(opener, "/dev/hidraw1") as (wire, _):
        await wire.open(5)
        assert opener.opened == ["/dev/hidraw1"]


async def test_a_named_node_is_opened_even_where_none_is_listed() -> None:
    opener = Opener(hidraw0=Device())
    found, opener.find = opener.devices, list  # type: ignore[method-assign]
    assert found
    async with wired(opener, "/dev/hidraw0") as (wire, _):
        await wire.open(5)
        assert opener.opened == ["/dev/hidraw0"]


async def test_two_wires_do_not_share_a_node() -> None:
    opener = Opener(hidraw0=Device(), hidraw1=Device())
    async with wired(opener) as (one, _), wired(opener) as (other, _), wired(opener) as (third, _):
        await one.open(5)
        await other.open(5)
        assert opener.opened == ["/dev/hidraw0", "/dev/hidraw1"]
        with pytest.raises(LinkError):
            await third.open(5)
        await one.close()
        await asyncio.sleep(0.01)
        await third.open(5)
        assert opener.opened[-1] == "/dev/hidraw0"


async def test_nothing_is_attached() -> None:
    async with wired(Opener()) as (wire, _):
        with pytest.raises(LinkError, match="no such USB device is attached"):
            await wire.open(5)


async def test_lack_of_permission_names_the_rule() -> None:
    async with wired(Opener(hidraw0=PermissionError(errno.EACCES, "denied"))) as (wire, _):
        with pytest.raises(NoPermissionError) as caught:
            await wire.open(5)
        assert caught.value.key == "no_permission"
        assert caught.value.details["address"] == "/dev/hidraw0"
        rule = caught.value.details["rule"]
        assert 'ATTRS{idVendor}=="0665"' in rule
        assert 'ATTRS{idProduct}=="5161"' in rule
        assert rule in str(caught.value)


async def test_another_node_helps_where_the_first_may_not_be_opened() -> None:
    opener = Opener(hidraw0=PermissionError(errno.EACCES, "denied"), hidraw1=Device())
    async with wired(opener) as (wire, _):
        await wire.open(5)
        assert opener.opened == ["/dev/hidraw1"]


async def test_close_ends_the_thread_and_releases_the_node() -> None:
    device = Device()
    before = threading.active_count()
    async with wired(Opener(hidraw0=device)) as (wire, user):
        await wire.open(5)
        wire.send(QMOD)
        await wire.close()
        assert device.closed.is_set()
        await until(lambda: threading.active_count() <= before + 1)
        assert not [each for each in threading.enumerate() if each.name == "hid"]
        assert isinstance(user.errors[0], LinkClosedError)
        with pytest.raises(LinkClosedError):
            await wire.open(5)


async def test_a_device_that_is_taken_out_while_nobody_asks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hid, "IDLE_LOOK", 0.01)
    device = Device()
    async with wired(Opener(hidraw0=device)) as (wire, user):
        await wire.open(5)
        device.reports.put(OSError(errno.ENODEV, "gone"))
        await user.wait()
        assert not wire.connected


# Real devices, as far as there is a package for them


class Module:
    """The shape of the package's module."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = found
        self.asked: list[tuple[int, int]] = []

    def enumerate(self, vendor: int, product: int) -> list[dict[str, Any]]:
        self.asked.append((vendor, product))
        return list(self.found)


def test_attached_devices_with_their_ports(tmp_path: Path) -> None:
    uevent = tmp_path / "hidraw1" / "device" / "uevent"
    uevent.parent.mkdir(parents=True)
    uevent.write_text("HID_ID=0003:00000665:00005161\nHID_PHYS=usb-0000:00:14.0-2/input0\n")
    module = Module(
        {"path": b"/dev/hidraw1", "product_string": "USB to Serial"}, {"path": b"/dev/hidraw0", "product_string": None}
    )
    opener = HidapiOpener(VENDOR, PRODUCT, module=module, sysfs=tmp_path)
    assert list_devices(VENDOR, PRODUCT, opener) == [
        HidNode("/dev/hidraw0"),
        HidNode("/dev/hidraw1", "USB to Serial", "usb-0000:00:14.0-2/input0"),
    ]
    assert module.asked == [(VENDOR, PRODUCT)]


def test_the_package_is_there_and_finds_nothing_of_a_kind_that_does_not_exist() -> None:
    assert list_devices(0xFFFF, 0xFFFF) == []
    assert isinstance(attached_inverters(Opener(hidraw7=Device())), list)


def test_a_node_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HidapiOpener(VENDOR, PRODUCT).open("/dev/hidraw_that_does_not_exist")


def test_a_node_that_may_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError):
        HidapiOpener(VENDOR, PRODUCT).open("/dev/null")


def test_a_node_that_is_none() -> None:
    """The package refuses what is no HID node, and says only that it failed."""
    with pytest.raises(OSError, match="open failed"):
        HidapiOpener(VENDOR, PRODUCT).open("/dev/null")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(hid, "import_module", missing)
    with pytest.raises(OSError, match="hidapi is not installed"):
        HidapiOpener(VENDOR, PRODUCT).find()


# Addresses


SCHEMES = ("hid", "serial", "socket", "tcp")


def parsed(text: str, schemes: tuple[str, ...] = SCHEMES) -> LinkAddress:
    return parse_address(text, schemes=schemes, default_port=8899, family="Voltronic")


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("hid://", LinkAddress("hid"), "hid://"),
        ("hid:///dev/hidraw3", LinkAddress("hid", path="/dev/hidraw3"), "/dev/hidraw3"),
        ("/dev/hidraw0", LinkAddress("hid", path="/dev/hidraw0"), "/dev/hidraw0"),
        ("/dev/ttyUSB0", LinkAddress("serial", path="/dev/ttyUSB0"), "/dev/ttyUSB0"),
        ("tcp://192.0.2.7", LinkAddress("tcp", host="192.0.2.7", port=8899), "tcp://192.0.2.7:8899"),
    ],
)
def test_addresses(text: str, address: LinkAddress, shown: str) -> None:
    assert parsed(text) == address
    assert address.text == shown


@pytest.mark.parametrize("text", ["hid://host", "hid:/dev/hidraw0", "hid"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadAddressError):
        parsed(text)


def test_a_family_without_usb_takes_the_node_for_a_serial_port() -> None:
    assert parsed("/dev/hidraw0", ("serial",)) == LinkAddress("serial", path="/dev/hidraw0")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("hid://", Checksum.ZERO_BUMPED),
        ("/dev/hidraw1", Checksum.ZERO_BUMPED),
        ("/dev/ttyUSB0", Checksum.VENDOR),
        ("tcp://192.0.2.7", Checksum.VENDOR),
        ("socket://192.0.2.7:4000", Checksum.VENDOR),
    ],
)
async def test_opening_a_client(text: str, form: Checksum) -> None:
    client = open_client(parsed(text), journal=Journal())
    assert client._exchange.preferred_form is form
    assert not client.connected
    await client.close()


async def test_a_link_of_another_kind_is_refused() -> None:
    with pytest.raises(BadAddressError), suppress(asyncio.CancelledError):
        open_client(LinkAddress("udp", host="192.0.2.7"), journal=Journal())
