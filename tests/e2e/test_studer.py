"""A Studer installation in a real Home Assistant, driven from the browser as its owner would."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Page, expect

from development.home_assistant import HomeAssistantInstance, free_port
from development.owner import add_dashboard, add_installation, form_answer
from simulators.studer import StuderSimulator

from .conftest import browser_page, enter_number

type Keep = Callable[[Page, str], Awaitable[None]]

RAM = 13
INTERVAL = 30
"""Seconds between two polls of an entry that nobody has changed."""


async def entity_id(home: HomeAssistantInstance, suffix: str) -> str:
    """Entity id of the only entity of ours whose unique id ends so, by name of its device where several do."""
    registry = await home.websocket({"type": "config/entity_registry/list"})
    found = [e["entity_id"] for e in registry if e["platform"] == "local_solar" and e["unique_id"].endswith(suffix)]
    assert found, f"no entity with unique id ...{suffix}"
    return str(sorted(found)[0])


def reads(studer: StuderSimulator) -> int:
    """How many reads the gateway has seen."""
    return sum(request.service == "read" for request in studer.requests)


def parameter_writes(studer: StuderSimulator) -> list[tuple[int, int, int]]:
    """Address, number and property of every parameter write."""
    return [(r.destination, r.object_id, r.property_id) for r in studer.requests if r.service == "write"]


async def set_interval(home: HomeAssistantInstance, seconds: int) -> None:
    """Change the polling interval in the options."""
    options = "/api/config/config_entries/options/flow"
    step = await home.rest("POST", options, {"handler": (await home.entries())[0]["entry_id"]})
    answer = form_answer(step["data_schema"], {"interval": seconds})
    done = await home.rest("POST", f"{options}/{step['flow_id']}", answer)
    assert done["type"] == "create_entry", done


async def lines_of_ours(home: HomeAssistantInstance) -> list[dict[str, Any]]:
    """Log entries of level warning or higher that come from us."""
    entries = await home.websocket({"type": "system_log/list"})
    # Home Assistant warns once of every custom integration that it loads.
    return [
        entry
        for entry in entries
        if "local_solar" in f"{entry['name']} {entry['source']}" and entry["name"] != "homeassistant.loader"
    ]


async def open_studer_form(page: Page, home: HomeAssistantInstance) -> None:
    """Go through the menus to the form of a gateway that dials in."""
    await page.goto(f"{home.base}/config/integrations/dashboard/add?domain=local_solar")
    await page.get_by_role("button", name="OK").click()
    await page.get_by_text("Studer", exact=False).last.click()
    await page.get_by_text("The gateway dials Home Assistant").first.click()
    await page.locator("input[type=number]").wait_for()


def is_known(state: dict[str, Any]) -> bool:
    """Whether a state is a value."""
    return state["state"] not in ("unknown", "unavailable")


async def test_owner_sets_up_and_uses_studer(
    home: HomeAssistantInstance, studer: StuderSimulator, screenshot: Keep
) -> None:
    """Add Studer in the UI, see values, set the boost limit, pause and resume, look at the dashboard."""
    port = free_port()
    console: list[str] = []
    async with browser_page(home) as page:
        page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
        await open_studer_form(page, home)
        await page.locator("input[type=number]").fill(str(port))
        await screenshot(page, "studer_form")
        await page.get_by_role("button", name="Submit").click()
        await page.get_by_text(re.compile(rf"\b{port}\b")).first.wait_for()
        await screenshot(page, "studer_waiting")
        await studer.dial("127.0.0.1", port)
        await page.get_by_text("Xtender 2").first.wait_for()
        await expect(page.get_by_text("VarioString 1").first).to_be_visible()
        await screenshot(page, "studer_found")
        await page.get_by_role("button", name=re.compile("Add|Submit")).last.click()
        await page.get_by_role("button", name="finish").wait_for()
        await screenshot(page, "studer_created")

        power = await entity_id(home, "-ac_output_power")
        state = await home.wait_for_state(power, is_known)
        assert float(state["state"]) > 0
        assert state["attributes"]["unit_of_measurement"] == "W"

        # A setting, changed where its owner would: on the dashboard, in the dialogue of the entity.
        await add_dashboard(home)
        boost = await entity_id(home, "-smart_boost_limit")
        await home.wait_for_state(boost, lambda state: state["state"] == "100.0")
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("AC output power").first.wait_for()
        await screenshot(page, "studer_dashboard")
        await page.goto(f"{home.base}/local-solar?more-info-entity-id={boost}")
        state = await enter_number(home, page, boost, 35)
        await screenshot(page, "studer_boost_limit")
        assert state["attributes"]["flash_value"] == 100
        assert [written[1:] for written in parameter_writes(studer)] == [(1607, RAM)]
        assert not studer.flash_writes

        # Pause: from here on the gateway hears nothing, and the values stay.
        pause = await entity_id(home, "-pause")
        await home.call_service("switch", "turn_on", {"entity_id": pause})
        await home.wait_for_state(power, lambda state: state["attributes"].get("paused") is True)
        asked = reads(studer)
        await asyncio.sleep(2 * INTERVAL)
        assert reads(studer) == asked
        assert (await home.states())[power]["state"] not in ("unknown", "unavailable")
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("Pause SCOM").first.wait_for()
        await screenshot(page, "studer_paused")
        await home.call_service("switch", "turn_off", {"entity_id": pause})
        await home.wait_for_state(power, lambda state: "paused" not in state["attributes"])
        async with asyncio.timeout(INTERVAL):
            while reads(studer) == asked:  # noqa: ASYNC110 - another process asks
                await asyncio.sleep(0.2)

    assert not [text for text in console if "404" not in text and "local" in text.lower()], console
    assert await lines_of_ours(home) == []


async def test_outages_and_restarts_need_nobody(home: HomeAssistantInstance, studer: StuderSimulator) -> None:
    """The gateway goes and comes back, Home Assistant restarts: values return, settings and pause are kept."""
    port = free_port()
    await studer.dial("127.0.0.1", port)
    await add_installation(home, ("studer", "studer_listen"), {"port": port})
    power, boost, pause = [
        await entity_id(home, f"-{key}") for key in ("ac_output_power", "smart_boost_limit", "pause")
    ]
    await set_interval(home, 5)
    await home.wait_for_state(power, is_known)
    await home.call_service("number", "set_value", {"entity_id": boost, "value": 40})

    await studer.stop_dialling()
    await studer.drop()
    await home.wait_for_state(power, lambda state: state["state"] == "unavailable", timeout=120)
    await studer.dial("127.0.0.1", port)
    await home.wait_for_state(power, is_known)
    told = [line for line in home.log().splitlines() if "custom_components.local_solar" in line]
    assert len([line for line in told if "WARNING" in line or "ERROR" in line]) == 1, told
    assert len([line for line in told if "recovered" in line or "again" in line]) == 1, told

    await home.restart()
    state = await home.wait_for_state(boost, is_known)
    assert float(state["state"]) == 40
    assert state["attributes"]["flash_value"] == 100
    assert not studer.flash_writes

    await home.call_service("switch", "turn_on", {"entity_id": pause})
    await home.wait_for_state(power, lambda state: state["attributes"].get("paused") is True)
    await home.restart()
    asked = len(studer.requests)
    state = await home.wait_for_state(power, is_known)
    assert state["attributes"]["paused"] is True
    assert len(studer.requests) == asked
    await home.call_service("number", "set_value", {"entity_id": boost, "value": 45})
    assert (101, 1607, RAM) in parameter_writes(studer)[-1:]
    await home.call_service("switch", "turn_off", {"entity_id": pause})
    await home.wait_for_state(power, lambda state: "paused" not in state["attributes"])


async def test_port_in_use_is_explained(home: HomeAssistantInstance) -> None:
    """A listening port that another program has: the form says so and stays."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        async with browser_page(home) as page:
            await open_studer_form(page, home)
            await page.locator("input[type=number]").fill(str(port))
            await page.get_by_role("button", name="Submit").click()
            await page.get_by_text("used by another program", exact=False).first.wait_for()


async def test_owner_adds_a_parameter_and_leaves_the_night_to_the_portal(
    home: HomeAssistantInstance, studer: StuderSimulator, screenshot: Keep
) -> None:
    """Pick a value of the catalogue in the options, set it, read another by action, switch the nightly pause on."""
    port = free_port()
    await studer.dial("127.0.0.1", port)
    await add_installation(home, ("studer", "studer_listen"), {"port": port})
    await home.wait_for_state(await entity_id(home, "-ac_output_power"), is_known)
    async with browser_page(home) as page:
        await page.goto(f"{home.base}/config/integrations/integration/local_solar")
        await page.get_by_role("button", name="Configure").first.click()
        await page.get_by_text("More values and settings").first.wait_for()
        await screenshot(page, "studer_options")
        await page.get_by_role("button", name="More values and settings").click()
        search = page.get_by_role("textbox").last
        await page.get_by_text("Xtender > ", exact=False).first.wait_for()
        await search.fill("1187")
        await page.get_by_text("(1187)", exact=False).last.wait_for()
        await screenshot(page, "studer_options_search")
        await page.get_by_text("(1187)", exact=False).last.click()
        await expect(page.get_by_text("(1187)", exact=False).first).to_be_visible()
        await page.get_by_text("Nightly pause", exact=True).first.click()
        await page.get_by_text("Longest pause").first.wait_for()
        await expect(page.get_by_role("spinbutton", name="Longest pause")).to_have_value("45")
        await page.get_by_text("Ask the portal").first.scroll_into_view_if_needed()
        await screenshot(page, "studer_options_picked")
        await page.get_by_role("button", name="Submit").click()
        await page.get_by_text("More values and settings").first.wait_for(state="hidden")
        added: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            # The entry is loaded again with what was picked; there is one for each Xtender.
            while len(added) < 2:
                await asyncio.sleep(0.5)
                registry = await home.websocket({"type": "config/entity_registry/list"})
                added = [each for each in registry if each["unique_id"].endswith("_1187")]
        number = sorted(each["entity_id"] for each in added)[0]
        state = await home.wait_for_state(number, is_known)
        assert float(state["state"]) == studer.flash(101, 1187)
        await home.call_service("number", "set_value", {"entity_id": number, "value": 20})
        state = await home.wait_for_state(number, lambda state: float(state["state"]) == 20)
        assert state["attributes"]["flash_value"] == studer.flash(101, 1187)

        devices = await home.websocket({"type": "config/device_registry/list"})
        [xtender] = [each["id"] for each in devices if each["name"] == "Xtender 1"]
        read = await home.rest(
            "POST",
            "/api/services/local_solar/read_parameter?return_response",
            {"device_id": xtender, "parameter": "1187"},
        )
        assert read["service_response"]["value"] == 20
        assert not studer.flash_writes

        # What the nightly pause tells, where its owner looks.
        await add_dashboard(home)
        await home.call_service("switch", "turn_on", {"entity_id": await entity_id(home, "-nightly_pause")})
        await home.wait_for_state(
            await entity_id(home, "-nightly_pause_state"), lambda state: state["state"] == "waiting"
        )
        await home.wait_for_state(await entity_id(home, "-next_pause"), is_known)
        await page.goto(f"{home.base}/local-solar")
        for name in ("Nightly pause state", "Next pause", "Last upload", "Upload running", "Clock offset"):
            await page.get_by_text(name, exact=True).first.wait_for()
        await page.get_by_text("Nightly pause state").first.scroll_into_view_if_needed()
        await screenshot(page, "studer_nightly_pause")
    assert await lines_of_ours(home) == []
