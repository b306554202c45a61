"""The portal's web API: who gets in, how often it is asked, and what its troubles are called."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime

import aiohttp
import pytest
from aiohttp import web

from custom_components.local_solar.solarlink.errors import (
    AuthError,
    BadAddressError,
    BadAnswerError,
    DeviceBusyError,
    LinkError,
    NoAnswerError,
    SolarError,
)
from custom_components.local_solar.solarlink.studer.portal import Account, Portal, PortalInstallation
from simulators.house import House
from simulators.studer import StuderSimulator, Upload
from simulators.studer.portal_api import PortalApi

from .conftest import free_port

EMAIL, PASSWORD = "somebody@example.org", "pässword"
EVENING = datetime(2026, 6, 15, 23, 50)  # noqa: DTZ001 - a wall clock has no zone
ACCOUNT = Account.of(EMAIL, PASSWORD)


class Rig:
    def __init__(self, sim: StuderSimulator, api: PortalApi, base: str) -> None:
        self.sim, self.api, self.base = sim, api, base

    def now(self) -> float:
        return (self.sim.house.now - EVENING).total_seconds()

    def portal(self, account: Account = ACCOUNT, patience: float = 10.0) -> Portal:
        return Portal(account, base=self.base, patience=patience, clock=self.now)


@pytest.fixture
async def rig(socket_enabled: None) -> AsyncIterator[Rig]:
    sim = StuderSimulator(house=House(seed=1, speed=0, start=EVENING), pace=0.0, upload=Upload())
    await sim.listen()
    api = PortalApi(sim, email=EMAIL, password=PASSWORD, installation=77, name="Hut")
    yield Rig(sim, api, await api.start())
    await api.close()
    await sim.close()


@pytest.fixture
async def portal(rig: Rig) -> AsyncIterator[Portal]:
    portal = rig.portal()
    yield portal
    await portal.close()


def test_the_account_is_kept_as_hashes_and_shown_to_nobody() -> None:
    assert Account.of(f" {EMAIL} ", PASSWORD) == Account(
        hashlib.sha256(EMAIL.encode()).hexdigest(),
        hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest(),
    )
    assert ACCOUNT.user_hash not in repr(ACCOUNT)
    assert ACCOUNT.password_hash not in repr(ACCOUNT)


async def test_a_new_day_is_told(rig: Rig, portal: Portal) -> None:
    assert await portal.installations() == [PortalInstallation(77, "Hut")]
    assert await portal.days(77) == []
    rig.sim.house.advance(14 * 60)
    assert await portal.days(77) == [date(2026, 6, 15)]
    rig.sim.house.advance(86400)
    assert await portal.days(77) == [date(2026, 6, 16), date(2026, 6, 15)]


async def test_it_is_asked_once_a_minute_at_most(rig: Rig, portal: Portal) -> None:
    await portal.days(77)
    rig.sim.house.advance(58)
    with pytest.raises(DeviceBusyError):
        await portal.days(77)
    rig.sim.house.advance(2)
    await portal.days(77)
    assert len(rig.api.requests) == 2


async def test_a_failure_counts_as_a_question(rig: Rig, portal: Portal) -> None:
    rig.api.trouble = 500
    with pytest.raises(DeviceBusyError) as refused:
        await portal.days(77)
    assert refused.value.code == 500
    rig.api.trouble = None
    with pytest.raises(DeviceBusyError):
        await portal.days(77)
    assert len(rig.api.requests) == 1


async def test_a_wrong_account_is_refused(rig: Rig) -> None:
    stranger = rig.portal(Account.of(EMAIL, "other"))
    with pytest.raises(AuthError):
        await stranger.installations()
    with pytest.raises(AuthError):
        await stranger.days(77)
    await stranger.close()


async def test_a_portal_that_stalls(rig: Rig) -> None:
    hasty = rig.portal(patience=0.2)
    rig.api.stall = 30.0
    with pytest.raises(NoAnswerError):
        await hasty.days(77)
    await hasty.close()


@asynccontextmanager
async def _served(answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """A web server that answers everything alike."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    "body", ["no json", '{"a": 1}', '["yesterday"]', "[7]", "[null]", '["2026-06-15T00:00:00", 5]', "[" * 500_000]
)
async def test_answers_that_make_no_sense(body: str, socket_enabled: None) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text=body)

    async with _served(answer) as base:
        portal = Portal(ACCOUNT, base=base)
        with pytest.raises(BadAnswerError):
            await portal.days(1)
        await portal.close()


async def test_an_answer_without_end_and_one_that_leads_elsewhere(socket_enabled: None) -> None:
    async def endless(request: web.BaseRequest) -> web.Response:
        return web.Response(text="[" + " " * (2 << 20) + "]")

    async def elsewhere(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://192.0.2.1/"})

    for answer in (endless, elsewhere):
        async with _served(answer) as base:
            portal = Portal(ACCOUNT, base=base)
            with pytest.raises(BadAnswerError):
                await portal.days(1)
            await portal.close()


async def test_nobody_there(socket_enabled: None) -> None:
    portal = Portal(ACCOUNT, base=f"http://127.0.0.1:{free_port()}/api/v1")
    with pytest.raises(LinkError) as failed:
        await portal.days(1)
    assert isinstance(failed.value, SolarError)
    await portal.close()


async def test_a_session_of_somebody_else_stays_open(rig: Rig) -> None:
    async with aiohttp.ClientSession() as session:
        portal = Portal(ACCOUNT, base=rig.base, session=session, clock=rig.now)
        await portal.days(77)
        await portal.close()
        assert not session.closed


def test_an_address_that_is_none() -> None:
    with pytest.raises(BadAddressError):
        Portal(ACCOUNT, base="ftp://host")
