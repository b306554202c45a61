"""A real Home Assistant, a real browser and a simulated installation."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from development.home_assistant import REPOSITORY, HomeAssistantInstance
from simulators.house import House
from simulators.studer import StuderSimulator

ARTIFACTS = REPOSITORY / ".artifacts"
# Without these Chromium looks for its makers' servers at every start.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Replace the check of the Home Assistant test plugin: what runs here is another process."""


@pytest.fixture
async def home(tmp_path: Path, socket_enabled: None) -> AsyncIterator[HomeAssistantInstance]:
    """A fresh Home Assistant with a ready user, and no integration set up."""
    instance = HomeAssistantInstance(tmp_path / "config")
    await instance.start()
    try:
        yield instance
    finally:
        await instance.stop()


@pytest.fixture
async def studer(socket_enabled: None) -> AsyncIterator[StuderSimulator]:
    """A simulated Studer installation; the test lets it dial."""
    simulator = StuderSimulator(house=House(seed=7), pace=0.0)
    try:
        yield simulator
    finally:
        await simulator.close()


@asynccontextmanager
async def browser_page(home: HomeAssistantInstance) -> AsyncIterator[Page]:
    """A browser in which the owner is logged in."""
    stored = json.dumps(json.dumps(home.browser_tokens()))
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=list(CHROMIUM_FLAGS)
        )
        try:
            context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 1400})
            await context.add_init_script(f"localStorage.setItem('hassTokens', {stored})")
            page = await context.new_page()
            page.set_default_timeout(40_000)
            yield page
        except BaseException:
            ARTIFACTS.mkdir(exist_ok=True)
            await page.screenshot(path=ARTIFACTS / "failure.png")
            raise
        finally:
            await browser.close()


@pytest.fixture
def screenshot() -> Callable[[Page, str], object]:
    """Keep a picture of the page as a test artefact."""
    ARTIFACTS.mkdir(exist_ok=True)

    async def keep(page: Page, name: str) -> None:
        await page.screenshot(path=ARTIFACTS / f"{name}.png")

    return keep


async def enter_number(home: HomeAssistantInstance, page: Page, entity: str, number: float) -> dict[str, Any]:
    """Set a number in the open dialogue of its entity, and return its state then.

    A value that arrives while somebody types is drawn over what was typed, so this is tried again as people do.
    """
    field = page.locator("ha-more-info-dialog input[type=number]").first

    async def entered(patience: float) -> dict[str, Any]:
        await field.fill(f"{number:g}")
        await field.press("Enter")
        await field.press("Tab")
        return await home.wait_for_state(entity, lambda state: float(state["state"]) == number, timeout=patience)

    for _ in range(2):
        with suppress(TimeoutError):
            return await entered(15.0)
    return await entered(60.0)
