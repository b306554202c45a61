"""The Grafana dashboard names entities that there are; scripts/try_grafana_queries runs its queries on a server."""

import re

import pytest
from homeassistant.util import slugify

from development.grafana import Query, dashboard, filled, queries
from development.recorded_day import DEVICES, entities

VARIABLES = {
    "stack": ["pylontech_stack"],
    "module": ["module_1", "module_2"],
    "inverter": ["xw_8548"],
    "charger": ["mppt_60", "mppt_60_2"],
}
KNOWN = {entity.entity_id for entity in entities()}
QUERIES = list(queries(dashboard()))


def test_variables_are_those_of_the_devices() -> None:
    names = {variable["name"] for variable in dashboard()["templating"]["list"]}
    assert names == {"datasource", *VARIABLES}
    assert {slugify(name) for name in DEVICES} == {name for values in VARIABLES.values() for name in values}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.panel)
def test_every_name_is_that_of_an_entity(query: Query) -> None:
    sql = filled(query.sql, VARIABLES, 0, 1)
    assert "$" not in sql
    listed = {"".join(parts) for parts in re.findall(r"CONCAT\('(\w+\.)', '(\w+)', '(\w+)'\)", sql)}
    assert listed <= KNOWN
    for pattern in re.findall(r"LIKE '([^']+)'", sql):
        ending = re.compile(pattern.replace("%", ".*").replace(r"\_", "_"))
        assert any(ending.fullmatch(name) for name in KNOWN), pattern
    assert listed or " LIKE " in sql


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])
