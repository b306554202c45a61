"""The unit's USB side with the interface of the `hidapi` package's hidraw module (reference sections 2.1 and 14).

No virtual HID device exists for tests, so a client is given this object instead of the package's. Its methods block and
are called from a worker thread; the unit lives in the event loop.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .frames import CR
from .lines import Line, OnBytes

VENDOR_ID, PRODUCT_ID = 0x0665, 0x5161
REPORT_LENGTH = 8
DEFAULT_PATH = b"/dev/hidraw0"
BUS_PHYSICAL = "usb-0000:00:14.0-1/input0"


def reports(data: bytes) -> list[bytes]:
    """Cut what the unit sends into reports; a report that ends a frame is padded with 00."""
    cut: list[bytes] = []
    start = 0
    while start < len(data):
        piece = data[start : start + REPORT_LENGTH]
        end = piece.find(CR)
        if end >= 0:
            piece = piece[: end + 1]
        cut.append(piece.ljust(REPORT_LENGTH, b"\0"))
        start += len(piece)
    return cut


class HidDevice:
    """One handle, as ``hidraw.device()`` gives it. Safe to be used from several threads."""

    def __init__(self, port: HidPort) -> None:
        """Make a handle that is not open."""
        self._port = port
        self._reports: deque[bytes] = deque()
        self._arrived = threading.Condition()
        self._open = False
        self._gone = False
        self._blocking = True
        self._error = ""
        self.written: list[bytes] = []
        """Every report that was written, as the caller gave it."""

    def open_path(self, device_path: bytes) -> None:
        """Open a node; `OSError` when it does not exist."""
        if self._open:
            raise RuntimeError("already open")
        if not self._port.attach(self, device_path):
            self._error = f"no node {device_path!r}"
            raise OSError("open failed")
        with self._arrived:
            self._open, self._gone = True, False
            self._reports.clear()

    def write(self, buff: bytes | list[int]) -> int:
        """Write one report with its leading report number; returns the bytes taken, -1 on failure."""
        if not self._open:
            raise ValueError("not open")
        data = bytes(buff)
        self.written.append(data)
        if self._gone or not data or len(data) > REPORT_LENGTH + 1 or not self._port.accepts_write():
            self._error = "write failed"
            return -1
        # A first byte of 00 is the report number and not sent; any other is sent, for the unit does not number reports.
        self._port.received(data[1:] if data[0] == 0 else data[:REPORT_LENGTH])
        return len(data)

    def read(self, max_length: int, timeout_ms: int = 0) -> list[int]:
        """Return the next report, an empty list when none comes in time; `OSError` when the node is gone.

        A time-out of 0 waits without end unless the handle is nonblocking.
        """
        if not self._open:
            raise ValueError("not open")
        limit: float | None = time.monotonic() + timeout_ms / 1000 if timeout_ms > 0 else None
        with self._arrived:
            while not self._reports:
                if self._gone or not self._open:
                    self._error = "read error"
                    raise OSError("read error")
                if limit is None and not self._blocking:
                    return []
                left = None if limit is None else limit - time.monotonic()
                if left is not None and left <= 0:
                    return []
                self._arrived.wait(left)
            return list(self._reports.popleft()[:max_length])

    def set_nonblocking(self, enable: int) -> int:
        """Choose whether a read without time-out waits."""
        if not self._open:
            raise ValueError("not open")
        self._blocking = not enable
        return 0

    def close(self) -> None:
        """Close the handle."""
        self._port.detach(self)
        with self._arrived:
            self._open = False
            self._arrived.notify_all()

    def error(self) -> str:
        """Return what went wrong last."""
        return self._error

    def get_manufacturer_string(self) -> str:
        """Return the maker's text."""
        return "INNO TECH"

    def get_product_string(self) -> str:
        """Return the product's text."""
        return "USB to Serial"

    def get_serial_number_string(self) -> str:
        """Return nothing: these units have no USB serial number."""
        return ""

    # What the cable does

    def unplug(self) -> None:
        """Take the cable out: every handle of this unit is dead."""
        self._port.unplug()

    def replug(self, path: bytes = DEFAULT_PATH) -> None:
        """Put the cable in again; the node may have another number."""
        self._port.replug(path)

    def put(self, report: bytes) -> None:
        """Give the handle a report that came in."""
        with self._arrived:
            self._reports.append(report)
            self._arrived.notify_all()

    def lose(self) -> None:
        """Tell the handle that its node is gone."""
        with self._arrived:
            self._gone = True
            self._arrived.notify_all()


class HidPort(Line):
    """The unit's USB socket: every open handle gets its own copy of all reports.

    It has the shape of the hidraw module (``device`` and ``enumerate``), so that it can stand in for it.
    """

    def __init__(
        self, on_bytes: OnBytes, *, path: bytes, drops_zero: Callable[[], bool], write_fails: Callable[[], bool]
    ) -> None:
        """Plug in at ``path``; ``drops_zero`` and ``write_fails`` tell the quirk and the fault of the moment."""
        super().__init__(on_bytes)
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._handles: list[HidDevice] = []
        self._drops_zero = drops_zero
        self._write_fails = write_fails
        self.path: bytes | None = path

    def device(self) -> HidDevice:
        """Return a new handle, not open."""
        return HidDevice(self)

    def enumerate(self, vendor_id: int = 0, product_id: int = 0) -> list[dict[str, Any]]:
        """Return the nodes that are plugged in, as the hidraw module lists them; 0 stands for any."""
        if self.path is None or vendor_id not in (0, VENDOR_ID) or product_id not in (0, PRODUCT_ID):
            return []
        return [
            {
                "path": self.path,
                "vendor_id": VENDOR_ID,
                "product_id": PRODUCT_ID,
                "serial_number": "",
                "release_number": 2,
                "manufacturer_string": "INNO TECH",
                "product_string": "USB to Serial",
                "usage_page": 0xFF00,
                "usage": 1,
                "interface_number": 0,
                "bus_type": 1,
            }
        ]

    def attach(self, handle: HidDevice, path: bytes) -> bool:
        """Open a handle; False when there is no such node."""
        with self._lock:
            if self.path is None or path != self.path:
                return False
            self._handles.append(handle)
            return True

    def detach(self, handle: HidDevice) -> None:
        """Forget a handle."""
        with self._lock:
            if handle in self._handles:
                self._handles.remove(handle)

    def accepts_write(self) -> bool:
        """Tell whether a write reaches the unit."""
        return self.path is not None and not self._write_fails()

    def received(self, data: bytes) -> None:
        """Take a report from any thread."""
        if self._drops_zero():
            data = data.replace(b"\0", b"")
        self._loop.call_soon_threadsafe(self._on_bytes, self, data)

    def send(self, data: bytes) -> None:
        """Send reports to every handle."""
        with self._lock:
            handles = list(self._handles)
        for handle in handles:
            for report in reports(data):
                handle.put(report)

    def unplug(self) -> None:
        """Take the cable out."""
        with self._lock:
            self.path = None
            handles, self._handles = self._handles, []
        for handle in handles:
            handle.lose()

    def replug(self, path: bytes) -> None:
        """Put the cable in; handles that were open stay dead."""
        with self._lock:
            self.path = path

    def abort(self) -> None:
        """Take the cable out."""
        self.unplug()

    def close(self) -> None:
        """Take the cable out for good."""
        self.unplug()
