"""What a month of an eager automation costs a device: writes to RAM, and none to flash."""

import pytest

from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.codec import Property
from simulators.studer import StuderSimulator

from .conftest import PATIENT, MakeClient

BOOST = Ref("xt1", "smart_boost_limit")
DAYS, MINUTES_PER_DAY = 30, 1440


async def test_the_boost_limit_every_minute_for_a_month_costs_no_flash(
    sim: StuderSimulator, make_client: MakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty days in compressed time; the program restarts every midnight, and once a week a unit does."""
    port = await sim.listen()
    client = make_client(TcpWire("127.0.0.1", port), PATIENT)
    await client.identify()
    sim.requests.clear()
    writes = 0
    for day in range(DAYS):
        for minute in range(MINUTES_PER_DAY):
            await client.write(BOOST, 5.0 * (minute % 20))
            if minute % 60 == 59:
                sim.house.advance(3600)
        sent = [request for request in sim.requests if request.service == "write"]
        assert {request.property_id for request in sent} == {Property.UNSAVED_VALUE}
        writes += len(sent)
        sim.requests.clear()
        if day % 7 == 6:
            sim.restart(101)
        installation, journal = client.installation, Journal()
        journal.load(client.journal.as_dict())
        await client.close()
        client = make_client(TcpWire("127.0.0.1", port), PATIENT, journal)
        client.expect(installation)
    assert writes == DAYS * MINUTES_PER_DAY
    assert sum(sim.flash_writes.values()) == 0
    assert sim.flash(101, 1607) == 100
    assert client.journal.entry("0001A2F3", "smart_boost_limit").flash_writes == 0
    with capsys.disabled():
        print(f"\n{writes} writes in {DAYS} simulated days, {sum(sim.flash_writes.values())} of them to flash")  # noqa: T201
