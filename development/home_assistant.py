"""A real Home Assistant process with a private configuration directory, a ready user and this repository's integration.

    async with HomeAssistantInstance(directory, port) as home:
        print(home.base, await home.rest("GET", "/api/config"))

Used by ``scripts/demo`` and by ``tests/e2e``. Nothing is downloaded: every requirement is in the development
environment, and three packages without wheels are replaced by stubs that are imported but never called.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

REPOSITORY = Path(__file__).resolve().parent.parent
USERNAME = "dev"
PASSWORD = "dev"
HOST = "127.0.0.1"

# No default_config: it would bring the cloud, Bluetooth and more, which need packages and the Internet.
CONFIGURATION = """\
homeassistant:
  name: Local Solar
  country: CH
  currency: EUR
  time_zone: Europe/Zurich
  unit_system: metric
  latitude: 46.23
  longitude: 7.36
  elevation: 500

recorder:
history:
logbook:
energy:
usb:

logger:
  default: warning
  logs:
    custom_components.local_solar: info
"""

# Without wheels for this Python; the first page load imports them, nothing calls them.
STUBS = {"pymicro_vad": "MicroVad", "pyspeex_noise": "AudioProcessor", "turbojpeg": "TurboJPEG"}


class InstanceError(Exception):
    """Home Assistant could not be started, or ended when it should run."""


class PortInUseError(InstanceError):
    """Another program listens on the wanted port."""


class RequestError(Exception):
    """Home Assistant refused a request."""

    def __init__(self, what: str, status: int | str, text: str) -> None:
        super().__init__(f"{what}: {status} {text[:500]}")
        self.status = status
        self.text = text


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses now."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port."""
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False


def prepare(directory: Path, port: int, repository: Path = REPOSITORY, configuration: str = CONFIGURATION) -> None:
    """Make the directory a configuration directory, or give an existing one this port.

    Home Assistant must not run in it meanwhile.
    What happens without a user (onboarding) is marked as done, except for the first user. The address belongs into
    `.storage/http`: an `http:` block in YAML is only a trial that Home Assistant reverts after five minutes.
    """
    storage = directory / ".storage"
    stubs = directory / "stubs"
    for folder in (storage, stubs):
        folder.mkdir(parents=True, exist_ok=True)
    (directory / "configuration.yaml").write_text(configuration, encoding="utf-8")
    components = directory / "custom_components"
    if not components.exists():
        components.unlink(missing_ok=True)  # a link to a checkout that was moved
        components.symlink_to(repository / "custom_components")
    for module, name in STUBS.items():
        (stubs / f"{module}.py").write_text(f'class {name}:\n    """Imported, never called."""\n', encoding="utf-8")
    _set_address(storage / "http", port)
    if not (storage / "onboarding").exists():
        _store(storage / "onboarding", 4, "onboarding", {"done": ["core_config", "analytics", "integration"]})


def _set_address(path: Path, port: int) -> None:
    """Let Home Assistant serve on this port, in the form that it wrote itself once it has run."""
    address: dict[str, Any] = {"server_host": [HOST], "server_port": port}
    if path.exists():
        with suppress(ValueError, KeyError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            content["data"].get("stable", content["data"]).update(address)
            _write(path, content)
            return
    _store(path, 1, "http", address)


def _store(path: Path, version: int, key: str, data: Mapping[str, Any]) -> None:
    """Write one file of Home Assistant's storage."""
    _write(path, {"version": version, "minor_version": 1, "key": key, "data": data})


def _write(path: Path, content: Mapping[str, Any]) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(content), encoding="utf-8")
    new.replace(path)


class HomeAssistantInstance:
    """One Home Assistant process.

    :param directory: the configuration directory; made on the first start, used again by later ones.
    :param port: the loopback port to serve on; a free one if left out.
    :param progress: called with one line of text at each step of a start.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        configuration: str = CONFIGURATION,
        repository: Path = REPOSITORY,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.port = port or free_port()
        self.base = f"http://{HOST}:{self.port}"
        self.tokens: dict[str, Any] = {}
        self._configuration = configuration
        self._repository = repository
        self._progress = progress or (lambda text: None)
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tokens_until = 0.0
        self._console = self.directory / "console.log"

    # --- the process ------------------------------------------------------------------------------------------------

    async def start(self, timeout: float = 240.0) -> None:
        """Start Home Assistant and return when it runs and the user `dev` (password `dev`) is logged in as `tokens`.

        Raises PortInUseError, or InstanceError with the last lines of the log.
        """
        if self._process is not None:
            raise InstanceError("it has been started already")
        if not port_is_free(self.port):
            raise PortInUseError(f"port {self.port} is used by another program")
        prepare(self.directory, self.port, self._repository, self._configuration)
        try:
            async with asyncio.timeout(timeout):
                self._progress("starting Home Assistant")
                await self._spawn()
                await self._until_serving()
                self._progress("Home Assistant answers, logging in")
                await self._authenticate()
                await self._until_running()
        except TimeoutError:
            lines = self._last_lines()
            await self.kill()
            raise InstanceError(f"Home Assistant was not ready within {timeout:.0f} s\n{lines}") from None
        except BaseException:
            await self.kill()
            raise

    async def _spawn(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        environment = {**os.environ, "PYTHONPATH": str(self.directory / "stubs"), "PYTHONUNBUFFERED": "1"}
        command = (sys.executable, "-m", "homeassistant", "-c", str(self.directory), "--skip-pip")
        with self._console.open("ab") as log:
            # Its own session: a Ctrl-C in the terminal reaches us, and we stop it in order.
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.directory,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self, timeout: float = 60.0) -> int | None:
        """Stop Home Assistant in order, as its owner would, and return its exit code (0 if all went well)."""
        process = self._process
        if process is None:
            return None
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(timeout):
                    await process.wait()
            except TimeoutError:
                await self.kill()
                raise InstanceError(
                    f"Home Assistant did not stop within {timeout:.0f} s\n{self._last_lines()}"
                ) from None
        await self._forget()
        return process.returncode

    async def kill(self) -> None:
        """End Home Assistant at once, like a power cut."""
        if (process := self._process) is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await self._forget()

    async def restart(self) -> None:
        """Stop in order and start again on the same directory and port."""
        await self.stop()
        await self.start()

    async def wait(self) -> int:
        """Wait until Home Assistant ends by itself; return its exit code."""
        if self._process is None:
            raise InstanceError("it has not been started")
        return await self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The process id while the process is there."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def _forget(self) -> None:
        self._process = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def log(self) -> str:
        """Return everything that Home Assistant wrote to its console, over all starts in this directory."""
        return self._console.read_text(encoding="utf-8", errors="replace") if self._console.exists() else ""

    def _last_lines(self, count: int = 25) -> str:
        return "\n".join(self.log().splitlines()[-count:])

    def _check_alive(self) -> None:
        if self._process is not None and self._process.returncode is not None:
            code = self._process.returncode
            raise InstanceError(f"Home Assistant ended while starting (exit code {code})\n{self._last_lines()}")

    async def _until_serving(self) -> None:
        while True:
            self._check_alive()
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._http.get(f"{self.base}/manifest.json") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.2)

    async def _until_running(self) -> None:
        while (await self.rest("GET", "/api/config"))["state"] != "RUNNING":
            self._check_alive()
            await asyncio.sleep(0.2)

    # --- the user ---------------------------------------------------------------------------------------------------

    async def _authenticate(self) -> None:
        """Create the first user if there is none yet, else log in as that user."""
        client = f"{self.base}/"
        user = {"client_id": client, "name": "Dev", "username": USERNAME, "password": PASSWORD, "language": "en"}
        async with self._http.post(f"{self.base}/api/onboarding/users", json=user) as answer:
            code = (await answer.json())["auth_code"] if answer.status == 200 else await self._login(client)
        await self._fetch_tokens({"grant_type": "authorization_code", "code": code})

    async def _login(self, client: str) -> str:
        start = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        async with self._http.post(f"{self.base}/auth/login_flow", json=start) as answer:
            flow = await answer.json()
        fields = {"client_id": client, "username": USERNAME, "password": PASSWORD}
        async with self._http.post(f"{self.base}/auth/login_flow/{flow['flow_id']}", json=fields) as answer:
            result = await answer.json()
        if result.get("type") != "create_entry":
            raise InstanceError(f"logging in as {USERNAME} failed: {result}")
        code: str = result["result"]
        return code

    async def _fetch_tokens(self, form: dict[str, str]) -> None:
        async with self._http.post(f"{self.base}/auth/token", data={**form, "client_id": f"{self.base}/"}) as answer:
            tokens = await answer.json()
        if "access_token" not in tokens:
            raise InstanceError(f"Home Assistant gave no token: {tokens}")
        self.tokens = {**self.tokens, **tokens}
        self._tokens_until = time.monotonic() + tokens["expires_in"] - 60

    async def token(self) -> str:
        """Return an access token, renewed when the last one is about to expire."""
        if time.monotonic() > self._tokens_until:
            await self._fetch_tokens({"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]})
        access: str = self.tokens["access_token"]
        return access

    def browser_tokens(self) -> dict[str, Any]:
        """Return what the frontend keeps in `localStorage.hassTokens`: a browser that has it is logged in."""
        return {
            **self.tokens,
            "hassUrl": self.base,
            "clientId": f"{self.base}/",
            "expires": int(time.time() + self.tokens["expires_in"]) * 1000,
        }

    # --- requests ---------------------------------------------------------------------------------------------------

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise InstanceError("Home Assistant is not running")
        return self._session

    async def rest(self, method: str, path: str, json: object = None) -> Any:
        """Send one request of the REST interface and return the decoded answer (text if it is no JSON)."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        async with self._http.request(method, f"{self.base}{path}", json=json, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise RequestError(f"{method} {path}", answer.status, text)
            return await answer.json() if answer.content_type == "application/json" else text

    async def websocket(self, command: Mapping[str, Any]) -> Any:
        """Send one websocket command, `{"type": ..., ...}`, and return its result."""
        async with self._http.ws_connect(f"{self.base}/api/websocket", max_msg_size=0) as channel:
            await channel.receive_json()
            await channel.send_json({"type": "auth", "access_token": await self.token()})
            if (greeting := await channel.receive_json())["type"] != "auth_ok":
                raise RequestError("websocket", greeting["type"], str(greeting))
            await channel.send_json({"id": 1, **command})
            while True:
                answer = await channel.receive_json(timeout=60)
                if answer.get("id") == 1 and answer["type"] == "result":
                    break
        if not answer["success"]:
            raise RequestError(f"websocket {command['type']}", answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    async def start_flow(self, handler: str, entry_id: str | None = None) -> dict[str, Any]:
        """Start a config flow of an integration (with an entry: its reconfigure flow) and return its first step."""
        request = {"handler": handler} | ({"entry_id": entry_id} if entry_id else {})
        step: dict[str, Any] = await self.rest("POST", "/api/config/config_entries/flow", request)
        return step

    async def continue_flow(self, flow_id: str, answer: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Answer a step of a config flow; without an answer, ask for the step that it is at."""
        path = f"/api/config/config_entries/flow/{flow_id}"
        step: dict[str, Any] = await (self.rest("GET", path) if answer is None else self.rest("POST", path, answer))
        return step

    async def entries(self, domain: str = "local_solar") -> list[dict[str, Any]]:
        """Return the config entries of an integration."""
        found: list[dict[str, Any]] = await self.websocket({"type": "config_entries/get", "domain": domain})
        return found

    async def states(self) -> dict[str, dict[str, Any]]:
        """Return all states by entity id."""
        return {state["entity_id"]: state for state in await self.rest("GET", "/api/states")}

    async def call_service(self, domain: str, service: str, data: Mapping[str, Any], *, response: bool = False) -> Any:
        """Perform an action; with `response`, return what it answers."""
        suffix = "?return_response" if response else ""
        return await self.rest("POST", f"/api/services/{domain}/{service}{suffix}", dict(data))

    async def wait_for_state(
        self,
        entity_id: str,
        wanted: Callable[[dict[str, Any]], bool],
        timeout: float = 60.0,
    ) -> dict[str, Any]:
        """Wait until the entity exists and its state fits; raise TimeoutError with the last state seen."""
        end = time.monotonic() + timeout
        while True:
            state = (await self.states()).get(entity_id)
            if state is not None and wanted(state):
                return state
            if time.monotonic() > end:
                raise TimeoutError(f"{entity_id}: still {state} after {timeout:.0f} s")
            await asyncio.sleep(0.3)
