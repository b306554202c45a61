"""Sharing the line with Studer's portal: an address of our own, gaps for others, and nobody's answer taken for ours."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import NoAnswerError, WriteUncertainError
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.studer.client import StuderClient
from custom_components.local_solar.solarlink.studer.codec import Frame, read_request
from custom_components.local_solar.solarlink.studer.exchange import DISTINCTIVE
from simulators.studer import StuderSimulator

from .conftest import HASTY, PATIENT, MakeClient, MakeSim

HOST = "127.0.0.1"
VOLTAGE = Ref("xt1", "battery_voltage")
BOOST = Ref("xt1", "smart_boost_limit")


async def connected(sim: StuderSimulator, make_client: MakeClient) -> StuderClient:
    client = make_client(TcpWire(HOST, await sim.listen()), HASTY)
    await client.identify()
    sim.requests.clear()
    return client


async def test_we_have_an_address_of_our_own(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    await client.read([VOLTAGE])
    assert {request.source for request in sim.requests} == {DISTINCTIVE[0]}
    assert client.installation.facts["source"] == DISTINCTIVE[0]


async def test_a_gateway_that_answers_only_the_conventional_address(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim(any_source=False)
    client = await connected(sim, make_client)
    assert client.installation.facts["source"] == 1
    assert client.stats.time_outs == 1
    sim.set_info(101, 3000, 51.5)
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value == 51.5
    assert client.stats.time_outs == 1
    # What was found out is not asked again by the next client.
    other = make_client(TcpWire(HOST, await sim.listen()), HASTY)
    other.expect(client.installation)
    assert (await other.read([VOLTAGE])).readings[VOLTAGE].value == 51.5
    assert other.stats.time_outs == 0


async def test_answers_to_others_never_match_even_if_the_question_is_the_same(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    client = await connected(sim, make_client)
    foreign = Frame(101, 1, bytes.fromhex("02010100b80b0000010000000000"))
    asking = asyncio.create_task(client.read([VOLTAGE]))
    sim.faults.set("delay", 0.05, count=1)
    await asyncio.sleep(0)
    client._exchange.wire_data(foreign.encode())
    assert (await asking).readings[VOLTAGE].value != 0.0


@pytest.mark.parametrize("any_source", [True, False])
async def test_a_late_confirmation_is_not_that_of_the_next_write(
    any_source: bool, make_sim: MakeSim, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = make_sim(any_source=any_source)
    client = await connected(sim, make_client)
    await client.limits(BOOST)
    await client.read([BOOST])
    answer, faults = sim.gateway.answer, ["late_answer", "lost_answer"]

    def disturb_writes(frame: Any, **options: Any) -> Any:
        if frame.service == 2 and faults:
            sim.faults.set(faults[0], 0.35 if faults.pop(0) == "late_answer" else None, count=1)
        return answer(frame, **options)

    monkeypatch.setattr(sim.gateway, "answer", disturb_writes)
    foreign = client.stats.foreign
    # While the second write waits for its own confirmation, which is lost, that of the first arrives.
    for value in (20, 30):
        with pytest.raises(WriteUncertainError):
            await client.write(BOOST, value)
    assert client.stats.foreign == foreign + 1
    assert client.journal.entry("0001A2F3", BOOST.key).ram_value is None


async def test_a_late_answer_to_the_same_question_is_as_good(make_sim: MakeSim, make_client: MakeClient) -> None:
    sim = make_sim()
    client = await connected(sim, make_client)
    sim.set_info(101, 3000, 51.5)
    sim.faults.set("late_answer", 0.4, count=1)
    assert (await client.read([VOLTAGE])).readings[VOLTAGE].value == 51.5


async def test_long_runs_of_polls_leave_the_line_to_others(sim: StuderSimulator, make_client: MakeClient) -> None:
    client = await connected(sim, make_client)
    client._exchange.timing = replace(PATIENT, longest_run=0.0, rest=0.1)
    started = asyncio.get_running_loop().time()
    settings = [Ref(unit, key) for unit in ("xt1", "xt2") for key in ("smart_boost_limit", "charger_allowed")]
    await client.read(settings)
    # Four questions, and a gap after each but the last.
    assert asyncio.get_running_loop().time() - started >= 0.3
    # A person does not wait for that.
    await client.limits(BOOST)
    client._exchange.timing = replace(PATIENT, longest_run=0.0, rest=60.0)
    async with asyncio.timeout(10):
        await client.write(BOOST, 20)


def test_the_address_of_a_question_is_that_of_its_answer() -> None:
    request = replace(read_request(101, 1, 3000, 1), source=4002)
    answer = bytes.fromhex("02010100b80b00000100000045410000")[:14]
    assert request.accepts(Frame(101, 4002, answer)) is not None
    assert request.accepts(Frame(101, 4001, answer)) is None
    assert request.accepts(Frame(101, 1, answer)) is None


async def test_silence_of_the_whole_gateway_leaves_its_address_open(
    sim: StuderSimulator, make_client: MakeClient
) -> None:
    client = make_client(TcpWire(HOST, await sim.listen()), HASTY)
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError):
        await client.identify()
    sim.faults.clear()
    await client.identify()
    assert client.installation.facts["source"] == DISTINCTIVE[0]
