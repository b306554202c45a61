"""The zero feed-in controller in a real Home Assistant: two hours of a house, and what happens when something is lost.

The control lives in real seconds, the house in faster ones: at 30 simulated seconds per second the meter tells a value
for every half minute of the house, and a change takes the controller a quarter of an hour of it. So the loads change
every twenty minutes, and the figures are worse than those of a house in real time: what is proved here is that the
whole chain works, not how well it controls.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Page, expect

from development.home_assistant import HOST, HomeAssistantInstance
from development.owner import add_dashboard, add_feed_in_control, add_installation, own_entities
from simulators.house import House
from simulators.opendtu import INVERTERS, OpenDtuSimulator
from simulators.pylontech import PylontechSimulator
from simulators.shelly_em import ShellySimulator

from .conftest import browser_page
from .test_opendtu import submit
from .test_senec import issues
from .test_studer import lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

HASTE = 30.0
"""Simulated seconds per second in the two hours."""
STEP = 1200.0
LOADS = (300.0, 560.0, 180.0, 700.0, 420.0, 1100.0)
"""What the house needs, W, for ``STEP`` seconds each: two hours. The last is more than the inverters may give."""
SETTLED = 780.0
"""Seconds of the house after which a new load is met: 26 real ones."""
CAP = 800.0
TARGET = 20.0
LOWEST = {each.serial: 4.0 if each.rated < 400 else 3.0 for each in INVERTERS}


class Place:
    """The simulated house with its devices."""

    def __init__(self) -> None:
        self.house = House(seed=7, speed=1.0, arrays=())
        self.house.settings.inverter_allowed = self.house.settings.charger_allowed = False
        self.house.battery.soc = 80.0
        self.dtu = OpenDtuSimulator(
            house=self.house,
            inverters=[replace(each, limit=10.0) for each in INVERTERS],
            password="sunny side",
            pace=0.3,
        )
        self.meter = ShellySimulator(house=self.house, pace=0.3)
        self.battery = PylontechSimulator(house=self.house, modules=2, layout="C", pace=0.0)
        self.begun: float | None = None
        """When the two hours began, in seconds of the house."""
        self.load = LOADS[0]
        self.highest = 0.0
        """Most that the inverters were told together, W."""
        self.misses: list[float] = []
        """How far the grid power was from what it should be, W, whenever it had time enough."""
        # Its own appliances come and go by chance.
        self.house.extra_load = lambda seconds: self.needed(seconds) - self.house._own_load
        self.house.watch(self._watch, fine=True)

    def needed(self, seconds: float) -> float:
        """What the house needs at a time of its own, W."""
        if self.begun is None or seconds - self.begun >= STEP * len(LOADS):
            return self.load
        return LOADS[int((seconds - self.begun) // STEP)]

    def _watch(self) -> None:
        self.highest = max(self.highest, self.commanded)
        if self.begun is not None and 0.0 <= (passed := self.house.elapsed - self.begun) < STEP * len(LOADS):
            load = self.needed(self.house.elapsed)
            if passed % STEP >= SETTLED:
                ideal = max(load - CAP, TARGET)
                self.misses.append(self.house.grid_power_now() - ideal)

    @property
    def limits(self) -> dict[str, float]:
        """The limits that the inverters were told last, %."""
        told = {each.serial: self.dtu.micro_inverter(each.serial).commanded / each.rated for each in INVERTERS}
        return {serial: round(share * 100.0, 1) for serial, share in told.items()}

    @property
    def commanded(self) -> float:
        """The sum of these, W."""
        return sum(self.dtu.micro_inverter(each.serial).commanded for each in INVERTERS)

    @property
    def grid(self) -> float:
        """W, positive when importing."""
        self.house.catch_up()
        return self.house.grid_power_mean(10.0)

    async def until(self, true: Callable[[], object], seconds: float = 120.0) -> None:
        """Wait for something in the house, at most so many real seconds."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what happens in the house raises no event here
                await asyncio.sleep(0.2)

    async def until_settled(self) -> None:
        """Wait until the grid power is where it should be, and stays there."""
        for _ in range(3):
            await self.until(lambda: abs(self.grid - TARGET) < 30.0)
            await asyncio.sleep(2.0)


@pytest.fixture
async def place(socket_enabled: None) -> AsyncIterator[Place]:
    """A house with a meter, three inverters behind a DTU, and a stack of batteries that feeds them."""
    built = Place()
    yield built
    for device in (built.dtu, built.meter, built.battery):
        await device.close()


async def add_devices(home: HomeAssistantInstance, place: Place) -> dict[str, int]:
    """Let the devices listen, and add them; returns their ports."""
    ports = {
        "dtu": await place.dtu.listen(HOST),
        "meter": await place.meter.listen(HOST, 0),
        "battery": await place.battery.listen(HOST, 0),
    }
    dtu = {"host": f"{HOST}:{ports['dtu']}", "password": "sunny side"}
    await add_installation(home, ("opendtu", "opendtu_host"), dtu)
    await add_installation(home, ("shelly_em", "shelly_em_host"), {"host": f"{HOST}:{ports['meter']}"})
    line = {"host": HOST, "port": ports["battery"], "protocol": "console"}
    await add_installation(home, ("pylontech", "pylontech_tcp"), line)
    return ports


async def add_everything(home: HomeAssistantInstance, place: Place) -> dict[str, int]:
    """Add the devices, and then the controller, which takes from them what it needs; returns their ports."""
    ports = await add_devices(home, place)
    battery = {
        "state_of_charge": (await own_entities(home, "-stack-state_of_charge"))[0],
        "voltage": (await own_entities(home, "-stack-battery_voltage"))[0],
    }
    await add_feed_in_control(home, battery)
    return ports


async def entity(home: HomeAssistantInstance, key: str) -> str:
    """The entity of the controller itself that shows a point."""
    registry = await home.websocket({"type": "config/entity_registry/list"})
    ours = [each for each in registry if each["unique_id"].startswith("feed_in_control-")]
    (found,) = [each["entity_id"] for each in ours if each["translation_key"] == key]
    return str(found)


async def until_shown(home: HomeAssistantInstance, key: str, wanted: str, seconds: float = 120.0) -> dict[str, Any]:
    """Wait until the controller shows this."""
    return await home.wait_for_state(await entity(home, key), lambda state: state["state"] == wanted, timeout=seconds)


async def number(home: HomeAssistantInstance, key: str) -> float:
    """A number that the controller shows."""
    return float((await home.states())[await entity(home, key)]["state"])


async def test_owner_lets_it_control_the_house(home: HomeAssistantInstance, place: Place, screenshot: Keep) -> None:
    """Add it, let it work for two hours, unplug the meter, restart the DTU, and cut the power of Home Assistant."""
    ports = await add_everything(home, place)
    await until_shown(home, "feed_in_state", "controlling")
    await place.until_settled()

    # Two hours.
    place.begun = place.house.elapsed
    place.load = LOADS[0]
    exported = place.house.counters.grid_export.total
    place.house.speed = HASTE
    await place.until(lambda: place.house.elapsed - (place.begun or 0.0) >= STEP * len(LOADS), 400.0)
    place.house.speed = 1.0
    exported = place.house.counters.grid_export.total - exported
    worst = max(abs(miss) for miss in place.misses)
    rms = (sum(miss**2 for miss in place.misses) / len(place.misses)) ** 0.5
    print(f"exported {exported * 1000:.0f} Wh, settled: RMS {rms:.0f} W, worst {worst:.0f} W")  # noqa: T201
    print(f"{len(place.dtu.limit_commands)} limits, most commanded {place.highest:.0f} W")  # noqa: T201
    assert place.highest <= CAP
    assert rms < 25.0
    # Without control the lowest load alone would have exported nothing, and 700 W of the inverters' at 180 W 170 Wh.
    assert exported * 1000.0 < 60.0
    assert len(place.dtu.limit_commands) < 100
    assert await number(home, "feed_in_rms_error") > 0.0
    assert await issues(home) == []
    assert await lines_of_ours(home) == []

    await place.until_settled()
    async with browser_page(home) as page:
        await device_page(page, home, place)
        await screenshot(page, "feed_in_device")
        await add_dashboard(home)
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("Zero feed-in", exact=False).first.wait_for()
        await screenshot(page, "feed_in_dashboard")

    # The meter is unplugged.
    before = place.commanded
    await place.meter.stop_listening()
    await until_shown(home, "feed_in_state", "meter_lost")
    assert place.commanded <= before
    await place.until(lambda: place.commanded <= 36.0 + 4.0)
    await place.meter.listen(HOST, ports["meter"])
    await until_shown(home, "feed_in_state", "controlling")
    await place.until_settled()

    # The DTU restarts and forgets every limit.
    before = place.commanded
    place.dtu.faults.set("reboot")
    await until_shown(home, "feed_in_state", "controlling", 10.0)
    await home.wait_for_state(
        await entity(home, "feed_in_state"), lambda state: state["state"] != "controlling", timeout=120
    )
    await until_shown(home, "feed_in_state", "controlling", 240.0)
    # They come back one after the other, so who gives how much may change a little.
    assert place.commanded == pytest.approx(before, abs=40.0)
    await place.until_settled()

    # The power of Home Assistant is cut: what runs is taken over.
    limits, sent = place.limits, len(place.dtu.limit_commands)
    await home.kill()
    await home.start()
    await until_shown(home, "feed_in_state", "controlling")
    await asyncio.sleep(5.0)
    assert place.limits == limits
    assert len(place.dtu.limit_commands) == sent
    # It is stopped in order: nobody controls any more, so nothing is fed in by mistake.
    await home.stop()
    assert place.limits == LOWEST


async def test_owner_adds_it_and_opens_its_form_again(
    home: HomeAssistantInstance, place: Place, screenshot: Keep
) -> None:
    """Go through the dialog in the browser, which proposes everything; read the look; change the cap later."""
    await add_devices(home, place)
    sent = len(place.dtu.limit_commands)
    async with browser_page(home) as page:
        await page.goto(f"{home.base}/config/integrations/dashboard/add?domain=local_solar")
        await page.get_by_role("button", name="OK").click()
        await page.get_by_text("Zero feed-in").first.click()
        await page.get_by_text("Battery shed (HM-300-1T", exact=False).first.wait_for()
        await screenshot(page, "feed_in_form")
        await submit(page)
        await page.get_by_text("All inverters can be used (3 of 3)").wait_for()
        await expect(page.get_by_text("The meter is heard", exact=False)).to_be_visible()
        await expect(page.get_by_text("The battery is heard: state of charge 80 %", exact=False)).to_be_visible()
        await expect(page.get_by_text("Nothing has been sent", exact=False)).to_be_visible()
        await screenshot(page, "feed_in_look")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("button", name="finish").click()
        await until_shown(home, "feed_in_state", "off")
        assert len(place.dtu.limit_commands) == sent

        # What was chosen is there when the form is opened again, also inside its sections.
        await page.goto(f"{home.base}/config/integrations/integration/local_solar")
        row = page.locator("ha-config-entry-row").filter(has_text="Zero feed-in")
        await row.locator("ha-dropdown").first.locator("ha-icon-button").first.click()
        await row.get_by_role("menuitem", name="Reconfigure").first.click()
        await page.get_by_text("Battery shed (HM-300-1T", exact=False).first.wait_for()
        await page.get_by_role("spinbutton", name="Legal limit").fill("600")
        state_of_charge = page.locator("ha-entity-picker").filter(has_text="State of charge").first
        await state_of_charge.scroll_into_view_if_needed()
        await expect(state_of_charge).to_contain_text("Pylontech stack")
        await screenshot(page, "feed_in_form_again")
        await submit(page)
        await page.get_by_text("All inverters can be used (3 of 3)").wait_for()
        await expect(page.get_by_text("The inverters together may give up to 600 W now", exact=False)).to_be_visible()
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Success", exact=False).first.wait_for()
    await until_shown(home, "feed_in_state", "off")
    assert await lines_of_ours(home) == []


async def device_page(page: Page, home: HomeAssistantInstance, place: Place) -> None:
    """Open the page of the controller."""
    devices = await home.websocket({"type": "config/device_registry/list"})
    (device,) = [each for each in devices if each["model"] == "Zero feed-in controller"]
    await page.goto(f"{home.base}/config/devices/device/{device['id']}")
    await page.get_by_text("House load").first.wait_for()
    await expect(page.get_by_text("Controlling").first).to_be_visible()
