"""The look before a zero feed-in controller is added: what it sees, and what it would do, while nothing is sent."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN
from ..flows.feed_in import CHOSEN_INVERTERS, INPUTS, METER_ENTRY, RATED, SERIAL
from ..solarlink.control.feed_in_check import CheckSamples, Finding, Found, Verdict, check, complete
from ..solarlink.control.feed_in_loop import ControlledInverter, FeedInLoop
from ..solarlink.feed_in_control.client import INVERTERS
from ..solarlink.live import GatewayPicture, MeterReading
from .feed_in_settings import FeedInChoices, lowest_of
from .feed_in_sources import GatewayFeed, MeterFeed, client_of, surroundings

SECONDS = 15.0
"""How long it looks at least: long enough for an inverter to become usable, and for a rise to be confirmed."""
LONGEST = 60.0
"""How long it looks at most, if meter or inverters have not told all by then: a slow meter has spoken three times."""
STEP = 0.5
MARKS: Mapping[Verdict, str] = {Verdict.OK: "✅", Verdict.WARN: "⚠️", Verdict.FAIL: "❌"}
SENTENCES = "feed_in_finding"
"""Selector in the texts whose options are the sentences, by finding and verdict."""

USABILITY = f"component.{DOMAIN}.entity.sensor.feed_in_usability.state"
"""Where the texts have the words for why an inverter cannot be used."""


@dataclass(slots=True)
class _Collected:
    meter: list[tuple[float, float]]
    output: list[tuple[float, float]]


class FeedInLook:
    """Follows meter, gateways and battery for a while with a control that sends nothing."""

    def __init__(self, hass: HomeAssistant, data: Mapping[str, Any]) -> None:
        """``data`` is what the entry would keep."""
        self._hass, self._data = hass, data
        chosen = data[INVERTERS]
        self._inputs = {str(each[SERIAL]): int(each[INPUTS]) for each in chosen if each.get(INPUTS)}
        lowest = {str(each[SERIAL]): lowest_of(each) for each in chosen}
        self._choices = FeedInChoices(data, lowest)
        self._loop = FeedInLoop(
            [
                ControlledInverter(serial=serial, rated=each.get(RATED), minimum=lowest[serial])
                for each in chosen
                if (serial := str(each[SERIAL]))
            ],
            self._choices.core(),
            self._choices.supervisor(),
        )
        self._loop.dry_run = True
        self._collected = _Collected([], [])
        self._meter = MeterFeed(hass, data, self._take_meter)
        self._gateways = GatewayFeed(hass, chosen, self._take_picture)

    @callback
    def _take_meter(self, reading: MeterReading) -> None:
        self._collected.meter.append((reading.at, reading.power))
        self._loop.meter(time.monotonic(), reading.at, reading.power, "")

    @callback
    def _take_picture(self, picture: GatewayPicture) -> None:
        now = time.monotonic()
        self._loop.picture(now, picture, "")
        if (power := self._loop.measured()) is not None:
            self._collected.output.append((now, power))

    async def async_look(self, tell: Callable[[float], None]) -> tuple[Found, ...]:
        """Look until all is known and return what was found; ``tell`` is told how far it is, 0 to 1."""
        try:
            self._meter.follow(entity=not self._data.get(METER_ENTRY))
            self._gateways.follow()
            for step in range(round(LONGEST / STEP)):
                passed = step * STEP
                if passed >= SECONDS and complete(self._samples()):
                    break
                tell(0.8 * min(passed / SECONDS, 1.0) + 0.2 * passed / LONGEST)
                await asyncio.sleep(STEP)
                self._loop.surroundings = surroundings(self._hass, self._data)
                self._loop.tick(time.monotonic(), "")
        finally:
            self._meter.stop()
            self._gateways.stop()
        return check(self._choices.supervisor(), self._samples())

    def _samples(self) -> CheckSamples:
        assert self._loop.orders is not None
        return CheckSamples(
            meter=self._collected.meter,
            output=self._collected.output,
            house=self._loop.snapshot(time.monotonic()),
            orders=self._loop.orders,
            commands=self._loop.would_set,
            default_password=self._has_default_password(),
            inputs=self._inputs,
        )

    def _has_default_password(self) -> bool:
        clients = [client_of(self._hass, choice.split("/")[0]) for choice in self._data[CHOSEN_INVERTERS]]
        return any("opendtu_default_password" in client.troubles for client in clients if client is not None)


async def async_look(hass: HomeAssistant, data: Mapping[str, Any], tell: Callable[[float], None]) -> str:
    """What was seen, as a list for people in the language of the house."""
    found = await FeedInLook(hass, data).async_look(tell)
    texts = await async_get_translations(hass, hass.config.language, "selector", [DOMAIN])
    words = await async_get_translations(hass, hass.config.language, "entity", [DOMAIN])
    lines = []
    for each in found:
        key = f"component.{DOMAIN}.selector.{SENTENCES}.options.{sentence_key(each.finding, each.verdict)}"
        reasons = (
            f"{serial}: {words.get(f'{USABILITY}.{why.value}', why.value)}" for serial, why in each.reasons.items()
        )
        sentence = texts.get(key, each.finding.value).format_map({**each.details, "reasons": ", ".join(reasons)})
        lines.append(f"- {MARKS[each.verdict]} {sentence}")
    return "\n".join(lines)


def sentence_key(finding: Finding, verdict: Verdict) -> str:
    """Which sentence tells of a finding."""
    return f"{finding.value}_{verdict.value}"
