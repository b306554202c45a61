"""A wire over USB HID: reports of 8 bytes, found again by vendor and product when the node's number changes.

The nodes carry no serial number, and their numbers change whenever the device is plugged in again. So the wire looks
through all devices of its kind, and its user tells it by ``disown`` when the one it found is another one.
"""

import asyncio
import errno
import math
import os
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, override

from ..errors import NoPermissionError
from .backoff import Backoff
from .dial import DialWire
from .wire import WireProtocol

REPORT = 8
"""Bytes of a report, in both directions."""
PIECE_GAP = 0.03
"""Seconds between two reports that we send: the device passes them on at 2400 baud."""
DISOWNED_FOR = 300.0
"""Seconds for which a node is left alone after the device on it turned out to be another one."""
ACTIVE = 8.0
"""Seconds after a request during which reports are awaited; then the node is only looked at now and then."""
AWAIT_MS = 20
IDLE_LOOK = 0.5
RELEASE = 5.0
"""Seconds that ``close`` waits for the node to be released: a write may take long when the device is stuck."""
SYSFS = Path("/sys/class/hidraw")
UDEV_RULE = (
    'KERNEL=="hidraw*", SUBSYSTEM=="hidraw", ATTRS{{idVendor}}=="{vendor:04x}", '
    'ATTRS{{idProduct}}=="{product:04x}", MODE="0660", GROUP="plugdev", SYMLINK+="axpert%n"'
)


@dataclass(frozen=True, slots=True)
class HidNode:
    """One attached device: where it can be opened now, what it calls itself and where it is plugged in."""

    path: str
    product: str = ""
    port: str = ""
    """Stable as long as the device stays in the same socket; empty where the system does not tell."""


class HidDevice(Protocol):
    """One opened device. Its methods block, so only the thread of its wire calls them."""

    def write(self, data: bytes) -> int:
        """Send one report: a leading 0 and 8 bytes. Raises ``OSError`` when the device is gone."""

    def read(self, size: int, timeout_ms: int) -> Sequence[int] | bytes:
        """Return one report, or nothing after the time-out. Raises ``OSError`` when the device is gone."""

    def close(self) -> None:
        """Release the device."""


class HidOpener(Protocol):
    """Finds and opens devices; the tests bring their own. Both methods may block."""

    def find(self) -> list[HidNode]:
        """The devices that are attached now."""

    def open(self, path: str) -> HidDevice:
        """Open one; raises ``PermissionError`` or another ``OSError``."""


class HidapiOpener:
    """Opens real devices through the package ``hidapi``, which is imported only when it is used."""

    def __init__(self, vendor: int, product: int, *, module: Any = None, sysfs: Path = SYSFS) -> None:
        """Look for this vendor and product only. ``module`` stands for the one of the package."""
        self._vendor, self._product, self._given, self._sysfs = vendor, product, module, sysfs

    def _module(self) -> Any:
        if self._given is not None:
            return self._given
        # The hidraw backend leaves the kernel driver in place and takes node paths; "hid" may be the libusb one.
        for name in ("hidraw", "hid"):
            with suppress(ImportError):
                return import_module(name)
        raise OSError(errno.ENOSYS, "the package hidapi is not installed")

    def find(self) -> list[HidNode]:
        """Ask hidapi for the devices and the kernel for their ports."""
        nodes = []
        for found in self._module().enumerate(self._vendor, self._product):
            path = os.fsdecode(found["path"])
            nodes.append(HidNode(path, found.get("product_string") or "", self._port(path)))
        return sorted(nodes, key=lambda node: node.path)

    def _port(self, path: str) -> str:
        """Where the device is plugged in, as the kernel names it."""
        with suppress(OSError):
            for line in (self._sysfs / Path(path).name / "device" / "uevent").read_text("utf-8").splitlines():
                if line.startswith("HID_PHYS="):
                    return line.partition("=")[2]
        return ""

    def open(self, path: str) -> HidDevice:
        """Open a node. hidapi does not say why it cannot, so the usual reasons are looked at before."""
        if self._given is None and path.startswith("/dev/"):
            if not Path(path).exists():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if not os.access(path, os.R_OK | os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        device = self._module().device()
        device.open_path(os.fsencode(path))
        return _HidapiDevice(device)


class _HidapiDevice:
    """An opened hidapi device with the errors of the operating system."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def write(self, data: bytes) -> int:
        written: int = self._device.write(data)
        if written < 0:
            raise OSError(errno.EIO, self._device.error() or os.strerror(errno.EIO))
        return written

    def read(self, size: int, timeout_ms: int) -> Sequence[int]:
        found: Sequence[int] = self._device.read(size, timeout_ms)
        return found

    def close(self) -> None:
        self._device.close()


def list_devices(vendor: int, product: int, opener: HidOpener | None = None) -> list[HidNode]:
    """The attached devices of that vendor and product. It blocks for a moment: call it in a thread."""
    return (opener or HidapiOpener(vendor, product)).find()


class HidWire(DialWire):
    """A HID device, found by vendor and product; ``path`` names the node that is tried first."""

    _in_use: ClassVar[set[str]] = set()
    """Nodes that wires of this process hold: each gets all reports, so two on one node would confuse each other."""

    def __init__(
        self,
        path: str = "",
        *,
        vendor: int,
        product: int,
        opener: HidOpener | None = None,
        piece_gap: float = PIECE_GAP,
        backoff: Backoff | None = None,
    ) -> None:
        """Nothing is opened before ``open``."""
        super().__init__(path or "USB", backoff or Backoff(5.0, 60.0))
        self._path = path
        self._rule = UDEV_RULE.format(vendor=vendor, product=product)
        self._opener = opener or HidapiOpener(vendor, product)
        self._gap = piece_gap
        self._disowned: dict[str, float] = {}
        self._last = HidNode("")
        self._released = asyncio.Event()
        self._released.set()

    @property
    def port(self) -> str:
        """Where the device is plugged in; empty before it was opened and where the system does not tell."""
        return self._last.port

    @override
    async def _dial(self) -> None:
        # The node of the connection before must be free again.
        await self._released.wait()
        opening = asyncio.get_running_loop().run_in_executor(None, self._open_one)
        try:
            node, device = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on; what it still opens must not stay open.
            opening.add_done_callback(_close_unwanted)
            raise
        self._last = node
        self._in_use.add(node.path)
        self._released.clear()
        protocol = WireProtocol(self, node.port or node.path)
        transport = _HidTransport(device, protocol, self._gap, lambda: self._free(node.path))
        protocol.connection_made(transport)
        transport.start()

    def _free(self, path: str) -> None:
        self._in_use.discard(path)
        self._released.set()

    def _candidates(self) -> list[HidNode]:
        """The nodes to try: the socket of the last time first, then the one that was named, then the others."""
        nodes = self._opener.find()
        if not nodes and self._path:
            # Some systems do not list devices, but let a node be opened that was named.
            nodes = [HidNode(self._path)]
        now = time.monotonic()
        free = [
            node
            for node in nodes
            if node.path not in self._in_use
            and now - self._disowned.get(node.port or node.path, -math.inf) >= DISOWNED_FOR
        ]
        port = self._last.port
        return sorted(free, key=lambda node: (not (port and node.port == port), node.path != self._path, node.path))

    def _open_one(self) -> tuple[HidNode, HidDevice]:
        denied: PermissionError | None = None
        failure: OSError | None = None
        for node in self._candidates():
            try:
                return node, self._opener.open(node.path)
            except PermissionError as err:
                denied, denied_path = err, node.path
            except OSError as err:
                failure = err
        if denied is not None:
            raise NoPermissionError(address=denied_path, rule=self._rule) from denied
        raise failure or FileNotFoundError(errno.ENODEV, "no such USB device is attached")

    @override
    def disown(self) -> None:
        self._disowned[self._last.port or self._last.path] = time.monotonic()
        self._last = HidNode("")
        super().disown()

    @override
    async def close(self) -> None:
        await super().close()
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE):
                await self._released.wait()


def _close_unwanted(opening: asyncio.Future[tuple[HidNode, HidDevice]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].close()


class _HidTransport(asyncio.Transport):
    """One opened device and the thread that alone talks to it."""

    def __init__(self, device: HidDevice, protocol: asyncio.Protocol, gap: float, released: Any) -> None:
        super().__init__()
        self._device, self._protocol, self._gap, self._released = device, protocol, gap, released
        self._loop = asyncio.get_running_loop()
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hid", daemon=True)

    def start(self) -> None:
        """Begin to talk."""
        self._thread.start()

    @override
    def is_closing(self) -> bool:
        return self._closing.is_set()

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._requests.put(bytes(data))

    @override
    def abort(self) -> None:
        self.close()

    @override
    def close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._requests.put(None)

    def _run(self) -> None:
        """The thread: send what is wanted, and hand on what comes."""
        listening_until = -math.inf
        try:
            while not self._closing.is_set():
                active = time.monotonic() < listening_until
                with suppress(queue.Empty):
                    request = self._requests.get(block=not active, timeout=None if active else IDLE_LOOK)
                    if request is None:
                        break
                    self._send(request)
                    listening_until = time.monotonic() + ACTIVE
                    active = True
                # Idle, only what came unasked is taken, and whether the device is still there is noticed.
                report = self._device.read(REPORT, AWAIT_MS if active else 1)
                if report:
                    self._call(self._protocol.data_received, bytes(report))
        except OSError, ValueError:
            # The device is gone; hidapi says ValueError of a handle that was closed.
            pass
        finally:
            self._closing.set()
            with suppress(OSError, ValueError):
                self._device.close()
            self._call(self._finished)

    def _send(self, request: bytes) -> None:
        for start in range(0, len(request), REPORT):
            if start and self._closing.wait(self._gap):
                return
            # The leading 0 is the number of the report; without it a piece that begins with 0 would lose that byte.
            self._device.write(b"\0" + request[start : start + REPORT].ljust(REPORT, b"\0"))

    def _call(self, what: Any, *arguments: Any) -> None:
        # The loop may have been closed under a thread that outlived it.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def _finished(self) -> None:
        self._released()
        self._protocol.connection_lost(None)
