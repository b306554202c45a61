"""Published clients of others read from the simulator over real sockets: what they understand, ours may rely on."""

import asyncio
import socket
from typing import Any

import pytest

from simulators.studer import StuderSimulator

pytestmark = pytest.mark.usefixtures("socket_enabled")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_xcom_proto_reads_and_writes(sim: StuderSimulator) -> None:
    pytest.importorskip("xcom_proto", reason="the published client xcom-proto 0.3.7 is not installed")
    from xcom_proto import XcomC, XcomLANTCP, XcomP

    sim.set_info(101, 3000, 52.5)
    sim.set_info(601, 7002, 87)
    sim.set_info(702, 15017, 7.75)
    sim.set_info(101, 3010, 4)
    port = _free_port()

    def session() -> list[Any]:
        # This client blocks, so it lives in a thread of its own.
        with XcomLANTCP(port=port) as xcom:
            values = [
                xcom.getValueByID(3000, XcomC.TYPE_FLOAT, dstAddr=101),
                xcom.getValueByID(7002, XcomC.TYPE_FLOAT, dstAddr=601),
                xcom.getValue(XcomP.VS_PV_PROD, dstAddr=702),
                xcom.getValueByID(3010, XcomC.TYPE_SHORT_ENUM, dstAddr=101),
                xcom.getValueByID(1107, XcomC.TYPE_FLOAT, dstAddr=101),
            ]
            xcom.setValueByID(1607, XcomC.TYPE_FLOAT, 25.0, dstAddr=101)
            return values

    await sim.dial("127.0.0.1", port)
    assert await asyncio.wait_for(asyncio.to_thread(session), 20) == [52.5, 87, 7.75, 4, 32]
    assert sim.ram == {(101, 1607): 25}
    assert sim.flash_writes.total() == 0


async def test_pystuderxcom_discovers_reads_and_writes(sim: StuderSimulator) -> None:
    peer = pytest.importorskip("pystuderxcom", reason="the published client pystuderxcom 3.7.0 is not installed")
    port = _free_port()
    dataset = await peer.XcomDataset.async_get_instance()
    api = peer.AsyncXcomApiTcp(mode=peer.XcomApiTcpMode.SERVER, listen_port=port)
    await sim.dial("127.0.0.1", port)
    try:
        assert await api.start(timeout=10)
        discover = peer.AsyncXcomDiscover(api, dataset)
        gateway = await discover.discover_gateway_info()
        assert gateway.guid == "407d3d61-2835-4dec-ba32-c9580b1bd03a"
        devices = {device.address: device for device in await discover.discover_devices(getExtendedInfo=True)}
        assert {101, 102, 601, 701, 702, 501} <= set(devices)
        assert not {103, 301, 703} & set(devices)
        assert devices[101].device_model == "XTM"
        assert devices[101].sw_version == "1.6.78"
        assert devices[702].serial == "0003C6E8"

        sim.set_info(101, 3000, 52.5)
        assert await api.request_value(dataset.get_by_nr(3000, "xt"), 101) == 52.5
        assert await api.request_value(dataset.get_by_nr(1107, "xt"), 101) == 32
        assert await api.update_value(dataset.get_by_nr(1607, "xt"), 25.0, 101)
        assert sim.ram == {(101, 1607): 25}

        sim.set_info(101, 3136, 0.5)
        sim.set_info(102, 3136, 1.0)
        infos = peer.XcomValueSet(
            [
                peer.XcomValueItem(dataset.get_by_nr(3136, "xt"), aggregation_type=peer.XcomAggregationType.SUM),
                peer.XcomValueItem(dataset.get_by_nr(3000, "xt"), aggregation_type=peer.XcomAggregationType.DEVICE1),
            ]
        )
        assert [item.value for item in (await api.request_infos(infos)).items] == [1.5, 52.5]

        sim.add_message(16, 102)
        message = await api.request_message(0)
        assert (message.message_total, message.source_address) == (1, 102)
        assert not api.is_message_pending
    finally:
        await api.stop()
