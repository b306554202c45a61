"""The demo: the simulated Studer installation and a real Home Assistant that talks to it, until Ctrl-C.

Started by ``scripts/demo``. What it prepares stays in ``.demo/<Home Assistant version>`` of the checkout, so that a
second start takes seconds and keeps its history.
"""

import argparse
import asyncio
import fcntl
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from homeassistant import const

from development.home_assistant import (
    HOST,
    PASSWORD,
    REPOSITORY,
    USERNAME,
    HomeAssistantInstance,
    InstanceError,
    PortInUseError,
    RequestError,
    free_port,
    port_is_free,
)

DASHBOARD = "local-solar"
STUDER_PORT = 4001
SETUP_TIMEOUT = 180.0
# The way through the menus of the config flow: the gateway dials in, as an Xcom-LAN does.
CHOICES = ("studer", "studer_listen")


class DemoError(Exception):
    """The demo cannot go on; the text says what to do."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"[local solar] {text}", flush=True)


class Simulator:
    """The simulated Studer installation, as a process of its own that is started again should it end."""

    def __init__(self, port: int, speed: float, log: Path) -> None:
        self._command = (
            *(sys.executable, "-m", "simulators", "studer"),
            *("--dial", f"{HOST}:{port}", "--speed", f"{speed:g}"),
        )
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep the simulator running until cancelled."""
        quick = 0
        while True:
            started = time.monotonic()
            try:
                with self._log.open("ab") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._command,
                        cwd=REPOSITORY,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                code = await self._process.wait()
            finally:
                await self._stop()
            quick = quick + 1 if time.monotonic() - started < 5 else 0
            if quick == 5:
                raise DemoError(f"the simulated installation ends at once (exit code {code})\n{last_lines(self._log)}")
            await asyncio.sleep(1)

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log file."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


@contextmanager
def exclusively(directory: Path) -> Iterator[None]:
    """Hold the prepared directory: only one demo may run in it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError("the demo of this checkout is running already") from None
        yield


def studer_port(directory: Path) -> int:
    """Return the port for the simulated gateway: the one of the prepared entry, else 4001 or a free one."""
    with suppress(OSError, ValueError, KeyError):
        port = int(json.loads((directory / "demo.json").read_text(encoding="utf-8"))["studer_port"])
        if not port_is_free(port):
            raise DemoError(
                f"port {port}, on which the demo waits for its simulated gateway, is used by another program; "
                "stop that program, or begin anew with: scripts/demo --fresh"
            )
        return port
    return STUDER_PORT if port_is_free(STUDER_PORT) else free_port()


def menu_choice(options: Sequence[str] | dict[str, str]) -> str:
    """Return the option of a menu that leads to a listening Studer link."""
    for choice in reversed(CHOICES):
        if choice in options:
            return choice
    raise DemoError(f"the config flow offers {', '.join(options)}, but none of {', '.join(CHOICES)}")


def form_answer(schema: list[dict[str, Any]], known: dict[str, Any]) -> dict[str, Any]:
    """Fill in a form: what we know, and for the rest what is proposed."""
    answer: dict[str, Any] = {}
    for field in schema:
        name = field["name"]
        if name in known:
            answer[name] = known[name]
        elif field.get("required") and field.get("default") is not None:
            answer[name] = field["default"]
        elif field.get("required") and field.get("type") == "expandable":
            answer[name] = form_answer(field.get("schema", []), known)
    return answer


async def add_studer(home: HomeAssistantInstance, port: int) -> None:
    """Add the Studer installation through the config flow, as its owner would."""
    step = await home.start_flow("local_solar")
    end = time.monotonic() + SETUP_TIMEOUT
    seen = ""
    while step["type"] != "create_entry":
        if time.monotonic() > end:
            raise DemoError(f"the config flow did not end; it is at {step.get('step_id')} ({step['type']})")
        match step["type"]:
            case "menu":
                answer: dict[str, Any] = {"next_step_id": menu_choice(step["menu_options"])}
                step = await home.continue_flow(step["flow_id"], answer)
            case "form":
                if step.get("errors"):
                    raise DemoError(f"the config flow says {step['errors']} at step {step.get('step_id')}")
                answer = form_answer(step.get("data_schema") or [], {"port": port})
                step = await home.continue_flow(step["flow_id"], answer)
            case "progress" | "progress_done":
                if seen != (action := str(step.get("progress_action"))):
                    seen = action
                    say(f"waiting for the installation to dial in ({action})")
                await asyncio.sleep(0.5)
                step = await home.continue_flow(step["flow_id"])
            case "abort":
                raise DemoError(f"the config flow ended with: {step.get('reason')}")
            case other:
                raise DemoError(f"the config flow has an unexpected step: {other}")
    say(f"added: {step.get('title')}")


async def until_loaded(home: HomeAssistantInstance) -> None:
    """Wait until the entry works: on a later start, until the simulated gateway has dialled in again."""
    end = time.monotonic() + SETUP_TIMEOUT
    while True:
        states = {entry["title"]: (entry["state"], entry.get("reason")) for entry in await home.entries()}
        if states and all(state == "loaded" for state, _ in states.values()):
            return
        if time.monotonic() > end:
            raise DemoError(f"the installation does not load: {states}\n{last_lines(home.directory / 'console.log')}")
        await asyncio.sleep(0.5)


async def add_dashboard(home: HomeAssistantInstance) -> str:
    """Put the Local Solar dashboard into the sidebar, unless it is there; return the path to show first."""
    panels = await home.websocket({"type": "get_panels"})
    if DASHBOARD not in panels:
        if not any((REPOSITORY / "custom_components" / "local_solar" / "frontend").glob("*.js")):
            return "/config/integrations/integration/local_solar"
        create = {"url_path": DASHBOARD, "title": "Local Solar", "icon": "mdi:solar-power-variant", "mode": "storage"}
        shown = {"require_admin": False, "show_in_sidebar": True}
        await home.websocket({"type": "lovelace/dashboards/create", **create, **shown})
        strategy = {"strategy": {"type": f"custom:{DASHBOARD}"}}
        await home.websocket({"type": "lovelace/config/save", "url_path": DASHBOARD, "config": strategy})
    return f"/{DASHBOARD}"


async def demo(port: int, speed: float, directory: Path) -> None:
    """Start everything, tell how to get in, and keep it running until cancelled."""
    listen = studer_port(directory)
    home = HomeAssistantInstance(directory / "config", port, progress=say)
    simulator = Simulator(listen, speed, directory / "simulator.log")
    started = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            # First: on a later start, Home Assistant is up only when its entry has heard from the installation.
            say(f"starting the simulated Studer installation, which dials {HOST}:{listen}")
            keeper = group.create_task(simulator.run())
            await home.start()
            if not await home.entries():
                await add_studer(home, listen)
                (directory / "demo.json").write_text(json.dumps({"studer_port": listen}), encoding="utf-8")
            await until_loaded(home)
            path = await add_dashboard(home)
            say(f"ready after {time.monotonic() - started:.0f} s")
            say("")
            say(f"    {home.base}{path}")
            say(f"    user {USERNAME}, password {PASSWORD}")
            say("")
            say(f"logs: {relative(directory / 'config' / 'console.log')}, {relative(directory / 'simulator.log')}")
            say("Ctrl-C stops everything")
            code = await home.wait()
            keeper.cancel()
            raise DemoError(f"Home Assistant ended (exit code {code})\n{last_lines(home.directory / 'console.log')}")
    finally:
        if home.running:
            say("stopping Home Assistant")
        await home.stop()


def relative(path: Path) -> Path:
    """Return a path as seen from where the user is, if it is below."""
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


async def supervised(port: int, speed: float, directory: Path) -> None:
    """Run the demo as a task that Ctrl-C and the like cancel, once: a second one does not break the clean-up."""
    task = asyncio.create_task(demo(port, speed, directory))
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        say("stopped")


def first_cause(error: BaseException) -> BaseException:
    """Return the one error that a task group wraps."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A real Home Assistant with Local Solar on a simulated Studer installation."
    )
    parser.add_argument("--port", type=int, default=8123, help="port of Home Assistant on this machine (8123)")
    parser.add_argument("--speed", type=float, default=10.0, help="simulated seconds per second (10)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo prepared and recorded")
    options = parser.parse_args(arguments)
    if not 0 < options.port < 65536:
        parser.error(f"{options.port} is no TCP port")
    if not port_is_free(options.port):
        say(f"error: port {options.port} is used by another program; take another: scripts/demo --port {free_port()}")
        return 1
    directory = REPOSITORY / ".demo" / const.__version__
    try:
        with exclusively(REPOSITORY / ".demo"):
            if options.fresh:
                shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, exist_ok=True)
            for log in (directory / "simulator.log", directory / "config" / "console.log"):
                log.unlink(missing_ok=True)
            asyncio.run(supervised(options.port, options.speed, directory))
    except* (DemoError, InstanceError, PortInUseError, RequestError) as errors:
        say(f"error: {first_cause(errors)}")
        return_code = 1
    else:
        return_code = 0
    return return_code


if __name__ == "__main__":
    sys.exit(main())
