"""The published client that Home Assistant uses reads from the simulated Shelly meters over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from simulators.shelly_em import MODELS, ShellySimulator
from tests.simulators.shelly_wire import meter, port_of, until

pytestmark = pytest.mark.usefixtures("socket_enabled")

HOST = "shelly.invalid"
ASK = {path: bytes.fromhex("5001000AB363697401") + path.encode() + b"\xff\x00" for path in "sd"}
"""The client's requests (reference section 3)."""
LATER = [code for code, model in MODELS.items() if model.generation > 1]


def peer(module: str) -> Any:
    return pytest.importorskip(f"aioshelly.{module}", reason="the published client aioshelly 13.35.0 is not installed")


class _ToSimulator(AbstractResolver):
    """Leads port 80, which the client insists upon with generation 1, to the simulator's port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def rpc_device(port: int, password: str | None = None) -> AsyncIterator[Any]:
    module, common = peer("rpc_device"), peer("common")
    login = {} if password is None else {"username": "admin", "password": password}
    options = common.ConnectionOptions("127.0.0.1", port=port, **login)
    async with aiohttp.ClientSession() as session:
        device = await module.RpcDevice.create(session, None, options)
        try:
            yield device
        finally:
            await device.shutdown()


@asynccontextmanager
async def block_device(sim: ShellySimulator, port: int, password: str | None = None) -> AsyncIterator[Any]:
    module, common, coap = peer("block_device"), peer("common"), peer("block_device.coap")

    login = {} if password is None else {"username": "owner", "password": password}
    context = coap.COAP()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: context, local_addr=("127.0.0.1", 0)
    )

    async def request(ip: str, path: str) -> None:
        transport.sendto(ASK[path], ("127.0.0.1", sim.coiot_port))

    # The client's own sends to port 5683 of the host.
    context.request = request
    connector = aiohttp.TCPConnector(resolver=_ToSimulator(port))
    async with aiohttp.ClientSession(connector=connector) as session:
        options = common.ConnectionOptions(HOST, device_mac=sim.mac, **login)
        device = module.BlockDevice(context, session, options)
        try:
            yield device
        finally:
            await device.shutdown()
            transport.close()


@pytest.mark.parametrize("code", LATER)
@pytest.mark.parametrize("password", [None, "secret"])
async def test_aioshelly_reads_later_generations(code: str, password: str | None) -> None:
    async with meter(code, password=password) as (sim, client), rpc_device(port_of(client), password) as device:
        await device.initialize()
        assert (device.model, device.gen) == (code, MODELS[code].generation)
        assert device.firmware_supported
        if MODELS[code].phases:
            assert device.status["em:0"]["total_act_power"] == pytest.approx(sim.grid_power, abs=0.001)
            assert device.status["emdata:0"]["total_act"] > 0
        else:
            assert device.status["em1:0"]["act_power"] == pytest.approx(sim.grid_power, abs=0.06)
            assert device.status["em1data:0"]["total_act_energy"] > 0


async def test_aioshelly_is_notified_and_switches() -> None:
    async with (
        meter("SPEM-002CEBEU50", password="secret") as (sim, client),
        rpc_device(port_of(client), "secret") as device,
    ):
        await device.initialize()
        arrived = asyncio.Event()
        device.subscribe_updates(lambda *_: arrived.set())
        await device.call_rpc("Switch.Set", {"id": 0, "on": True, "toggle_after": 60})
        assert sim.relay.on
        async with asyncio.timeout(5):
            await arrived.wait()
        assert device.status["switch:0"]["output"] is True


@pytest.mark.parametrize("firmware", ["1.1.0", "2.0.0"])
async def test_aioshelly_logs_in_again_when_its_nonce_is_old(firmware: str) -> None:
    options: dict[str, Any] = {"nonce_seconds": 60, "numeric_nonce": True}
    async with (
        meter(password="secret", firmware=firmware, **options) as (sim, client),
        rpc_device(port_of(client), "secret") as device,
    ):
        await device.initialize()
        for _ in range(3):
            sim.advance(100)
            assert (await device.call_rpc("EM.GetStatus", {"id": 0}))["id"] == 0


async def test_aioshelly_is_refused_with_a_wrong_password() -> None:
    exceptions = peer("exceptions")
    async with meter(password="secret") as (_, client), rpc_device(port_of(client), "guess") as device:
        with pytest.raises(exceptions.InvalidAuthError):
            await device.initialize()


@pytest.mark.parametrize(("code", "firmware"), [("SHEM", "1.14.0"), ("SHEM", "1.10.4"), ("SHEM-3", "1.14.0")])
async def test_aioshelly_reads_generation_1(code: str, firmware: str) -> None:
    login = {"user": "owner", "password": "secret"}
    async with (
        meter(code, firmware=firmware, **login) as (sim, client),
        block_device(sim, port_of(client), "secret") as device,
    ):
        await device.initialize()
        assert (device.model, device.firmware_supported) == (code, True)
        emeters = [block for block in device.blocks if block.type == "emeter"]
        assert len(emeters) == MODELS[code].clamps
        assert sum(block.power for block in emeters) == pytest.approx(sim.grid_power, abs=0.02)
        assert emeters[0].energy == device.status["emeters"][0]["total"]
        assert ("powerFactor" in emeters[0].sensor_ids) is (firmware != "1.10.4")
        assert ("current" in emeters[0].sensor_ids) is (code == "SHEM-3")
        (relay,) = [block for block in device.blocks if block.type == "relay"]
        assert (await relay.set_state(turn="on", timer=900))["ison"] is True
        sim.advance(2)
        await device.update()
        assert relay.output == 1


async def test_aioshelly_understands_the_pushes() -> None:
    async with meter("SHEM") as (sim, client), block_device(sim, port_of(client)) as device:
        await device.initialize()
        port = device.coap_context.transport.get_extra_info("sockname")[1]
        await device.http_request("get", "settings/advanced", {"coiot_peer": f"127.0.0.1:{port}"})
        sim.house.extra_load = 1000.0
        sim.advance(4)
        (emeter,) = [block for block in device.blocks if block.description == "emeter_0"]
        wanted = round(sim.house.grid_power_mean(1.0), 2)
        await until(lambda: emeter.power == wanted)
        assert wanted > 1000
