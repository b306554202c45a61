"""The actions of the zero feed-in controller: forget what was learned, and write what happened."""

import csv
import json
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.solarlink.control.feed_in import FeedInInverter
from custom_components.local_solar.solarlink.control.feed_in_trace import FeedInTrace

from .feed_in_home import FeedInHome


async def test_a_trace_replays_exactly(hass: HomeAssistant, feed_in: FeedInHome, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    await feed_in.started()
    assert feed_in.entry is not None
    feed_in.need(650.0)
    await feed_in.until_settled()
    await feed_in.set("feed_in_user_cap", 500)
    await feed_in.choose("feed_in_mode", "pause")
    await feed_in.pass_time(20.0)
    data = {"config_entry_id": feed_in.entry.entry_id}
    told = await hass.services.async_call(DOMAIN, "dump_trace", data, blocking=True, return_response=True)
    assert told is not None
    paths = [Path(str(path)) for path in told["files"]]  # type: ignore[union-attr]
    assert [path.suffix for path in paths] == [".csv", ".csv", ".json"]
    assert {path.parent for path in paths} == {tmp_path / "local_solar_traces"}
    whole = FeedInTrace.from_dict(json.loads(paths[2].read_text(encoding="utf-8")))
    assert len(whole.rows) == told["events"]
    assert len(whole.rows) > 200
    assert sum(len(row.commands) for row in whole.rows) >= 3
    assert list(whole.differences()) == []
    rows = list(csv.DictReader(paths[0].read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(whole.rows)
    assert {"sample", "limit_status", "meter", "tick", "cap"} <= {row["event"] for row in rows}
    assert [each.p_nom for each in whole.inverters] == [400.0, 400.0, 300.0]
    assert isinstance(whole.inverters[0], FeedInInverter)


async def test_what_was_learned_can_be_forgotten(hass: HomeAssistant, feed_in: FeedInHome) -> None:
    await feed_in.started()
    assert feed_in.entry is not None
    feed_in.control.loop.begin_with_dead_time(feed_in.control.loop.core.state.now, 9.0)
    await feed_in.until(lambda: feed_in.number("feed_in_dead_time") == 9.0)
    await feed_in.reload(feed_in.entry)
    await feed_in.until(lambda: feed_in.number("feed_in_dead_time") == 9.0)
    data = {"config_entry_id": feed_in.entry.entry_id}
    await hass.services.async_call(DOMAIN, "reset_learning", data, blocking=True)
    assert feed_in.number("feed_in_dead_time") == 2.0


@pytest.mark.parametrize("action", ["dump_trace", "reset_learning"])
async def test_they_belong_to_a_controller(hass: HomeAssistant, feed_in: FeedInHome, action: str) -> None:
    await feed_in.add_devices()
    assert feed_in.dtu_entry is not None
    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(DOMAIN, action, {"config_entry_id": feed_in.dtu_entry.entry_id}, blocking=True)
    assert refused.value.translation_key == "not_offered"
