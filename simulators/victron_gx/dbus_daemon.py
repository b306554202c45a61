"""The D-Bus of a GX that listens on TCP: a real dbus-daemon with the GX's way of letting everybody in.

Protocol reference, sections 4.1 and 6: only the ANONYMOUS mechanism, and everybody may do everything.
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from typing import Self

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>tcp:host={host},port={port}</listen>
  <auth>ANONYMOUS</auth>
  <allow_anonymous/>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
_PATIENCE = 10.0
"""Seconds that the daemon may take to start or to end."""


class NoDaemonError(RuntimeError):
    """There is no dbus-daemon on this machine (Debian's package is called dbus), or it does not start."""


def find_daemon() -> str | None:
    """Return the path of the program, if this machine has it."""
    return shutil.which("dbus-daemon") or shutil.which("dbus-daemon", path="/usr/bin:/usr/local/bin:/usr/sbin")


class DBusDaemon:
    """One daemon. It can be stopped and started again at the same address, as when a GX restarts."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Nothing runs before ``start``. Port 0 takes a free one; a GX has 78."""
        self.host, self.port = host, port
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def address(self) -> str:
        """The address as D-Bus programs want it."""
        return f"tcp:host={self.host},port={self.port}"

    async def start(self) -> int:
        """Start the daemon and return its port. Raises ``NoDaemonError``."""
        program = find_daemon()
        if program is None:
            raise NoDaemonError("there is no dbus-daemon on this machine; Debian's package is called dbus")
        self._folder = tempfile.TemporaryDirectory(prefix="gx-bus-")
        file = Path(self._folder.name) / "bus.conf"
        log = Path(self._folder.name) / "bus.log"
        file.write_text(_CONFIGURATION.format(host=self.host, port=self.port), encoding="utf-8")
        with log.open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                program,
                f"--config-file={file}",
                "--nofork",
                "--nopidfile",
                "--print-address=1",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_PATIENCE):
                line = (await self._process.stdout.readline()).decode()
        except TimeoutError:
            line = ""
        found = re.search(r"port=(\d+)", line)
        if found is None:
            told = log.read_text(encoding="utf-8", errors="replace").strip()
            await self.stop()
            raise NoDaemonError(f"{program} does not start: {told or 'it says nothing'}")
        self.port = int(found.group(1))
        return self.port

    async def stop(self) -> None:
        """End the daemon; all its connections end with it."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.terminate()
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await self._process.wait()
                except TimeoutError:
                    self._process.kill()
                    await self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def close(self) -> None:
        """End everything."""
        await self.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self.close()
