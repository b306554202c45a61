"""The stand-in of the portal's web API: who gets in, how often, and what it tells."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from simulators.studer import StuderSimulator, Upload
from simulators.studer.portal_api import PortalApi
from tests.simulators.conftest import Installation

EMAIL, PASSWORD = "somebody@example.org", "pässword"
HEADERS = {
    "UHASH": hashlib.sha256(EMAIL.encode()).hexdigest(),
    "PHASH": hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest(),
}
EVENING = datetime(2026, 6, 15, 23, 50)  # noqa: DTZ001 - a wall clock has no zone


class _Web:
    def __init__(self, sim: StuderSimulator, api: PortalApi, base: str, session: aiohttp.ClientSession) -> None:
        self.sim, self.api = sim, api
        self._base, self._session = base, session

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self._session.get(self._base + path, headers=HEADERS if headers is None else headers) as answer:
            return answer.status, await answer.json() if answer.status == 200 else None


@pytest.fixture
async def web(installation: Installation) -> AsyncIterator[_Web]:
    sim, _ = await installation(EVENING, upload=Upload())
    api = PortalApi(sim, email=EMAIL, password=PASSWORD, installation=77, name="Hut")
    async with aiohttp.ClientSession() as session:
        yield _Web(sim, api, await api.start(), session)
    await api.close()


async def test_only_the_owner_gets_in(web: _Web) -> None:
    assert await web.get("/installation/installations") == (200, [{"id": 77, "name": "Hut"}])
    for wrong in ({}, {**HEADERS, "PHASH": HEADERS["PHASH"].upper()}, {"UHASH": HEADERS["UHASH"]}):
        assert (await web.get("/installation/installations", wrong))[0] == 401
    assert (await web.get("/datalog/available-dates/78"))[0] == 401


async def test_a_new_first_date_is_the_end_of_the_upload(web: _Web) -> None:
    assert await web.get("/datalog/available-dates/77") == (200, [])
    web.sim.house.advance(11 * 60 + 10)
    assert web.sim.portal.transferring
    assert await web.get("/datalog/available-dates/77") == (200, [])
    web.sim.house.advance(120)
    assert await web.get("/datalog/available-dates/77") == (200, ["2026-06-15T00:00:00"])
    web.sim.house.advance(86400)
    assert (await web.get("/datalog/available-dates/77"))[1] == ["2026-06-16T00:00:00", "2026-06-15T00:00:00"]


async def test_one_request_a_minute(web: _Web) -> None:
    assert (await web.get("/datalog/available-dates/77"))[0] == 200
    web.sim.house.advance(58)
    assert (await web.get("/datalog/available-dates/77"))[0] == 429
    web.sim.house.advance(2)
    assert (await web.get("/datalog/available-dates/77"))[0] == 200
    times = [when for when, path in web.api.requests if "dates" in path]
    assert [(when - EVENING) for when in times] == [timedelta(seconds=seconds) for seconds in (0, 58, 60)]


async def test_trouble_and_stalls(web: _Web) -> None:
    web.api.trouble = 500
    assert (await web.get("/datalog/available-dates/77"))[0] == 500
    web.api.trouble = None
    web.api.stall = 5.0
    with pytest.raises(TimeoutError):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as hasty:
            await hasty.get(web._base + "/datalog/available-dates/77", headers=HEADERS)


async def test_values(web: _Web) -> None:
    web.sim.set_info(101, 3092, 52.0)
    web.sim.set_info(102, 3092, 53.0)
    web.sim.set_info(601, 7002, 81.0)

    async def value(device: str, number: int) -> float:
        status, body = await web.get(f"/installation/user-info/77?device={device}&infoId={number}")
        assert status == 200
        return float(body["floatValue"])

    assert [await value(device, 3092) for device in ("XT_Group", "XT1", "XT2")] == [52.5, 52.0, 53.0]
    assert await value("BSP", 7002) == 81.0
    assert (await web.get("/installation/user-info/77?device=ZZ&infoId=1"))[0] == 500
    assert (await web.get("/installation/user-info/77?device=XT1&infoId=1"))[0] == 500
    _, body = await web.get("/installation/synoptic/77")
    assert body["energy"]["load"] == pytest.approx(web.sim.house.counters.load.today)
    assert body["battery"]["soc"] == web.sim.house.battery.soc
    assert body["power"]["load"] == web.sim.house.load_power / 1000
    web.api.no_data = True
    assert await value("BSP", 7002) == 0.0
