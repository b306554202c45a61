"""The write journal: flash budget, RAM values, and what comes back from disk."""

import json
from typing import Any

import pytest

from custom_components.local_solar.solarlink.errors import WriteBudgetError
from custom_components.local_solar.solarlink.journal import DAY, FLASH_WRITES_PER_DAY, Entry, Journal


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock) -> Journal:
    return Journal(clock=clock)


def test_what_was_never_written_is_an_empty_entry(journal: Journal) -> None:
    assert journal.entry("A", "limit") == Entry()
    assert journal.as_dict() == {}
    journal.check_flash("A", "limit", "Limit")
    assert journal.saw_flash("A", "limit", 7.0) == 7.0
    assert journal.as_dict() == {}


def test_the_daily_budget_of_flash_writes(journal: Journal, clock: Clock) -> None:
    for _ in range(FLASH_WRITES_PER_DAY):
        journal.check_flash("A", "limit", "Limit")
        journal.wrote_flash("A", "limit")
        clock.now += 60
    with pytest.raises(WriteBudgetError, match=r"Limit was already written to flash 5 times"):
        journal.check_flash("A", "limit", "Limit")
    journal.check_flash("A", "other", "Other")
    journal.check_flash("B", "limit", "Limit")
    clock.now += DAY - 60 * FLASH_WRITES_PER_DAY - 1
    with pytest.raises(WriteBudgetError):
        journal.check_flash("A", "limit", "Limit")
    clock.now += 2
    journal.check_flash("A", "limit", "Limit")
    assert journal.entry("A", "limit").flash_writes == FLASH_WRITES_PER_DAY


def test_another_budget_and_a_clock_that_was_set_back(clock: Clock) -> None:
    journal = Journal(clock=clock, flash_writes_per_day=1)
    journal.wrote_flash("A", "limit")
    clock.now -= 10 * DAY
    with pytest.raises(WriteBudgetError):
        journal.check_flash("A", "limit", "Limit")


def test_old_flash_writes_are_not_kept_for_ever(journal: Journal, clock: Clock) -> None:
    for _ in range(50):
        journal.wrote_flash("A", "limit")
        clock.now += DAY
    entry = journal.entry("A", "limit")
    assert entry.flash_writes == 50
    assert len(entry.recent_flash_writes) <= 2


def test_a_ram_value_lies_over_flash(journal: Journal) -> None:
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    assert journal.saw_flash("A", "limit", 100.0) == 20.0
    assert journal.saw_flash("A", "limit", 100.0) == 20.0
    assert journal.saw_flash("B", "limit", 100.0) == 100.0
    assert journal.entry("A", "limit").ram_writes == 1


def test_the_ram_value_is_dropped_when_flash_has_changed(journal: Journal) -> None:
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    assert journal.saw_flash("A", "limit", 50.0) == 50.0
    assert journal.saw_flash("A", "limit", 100.0) == 100.0
    assert journal.entry("A", "limit").ram_written_at is None


def test_a_flash_value_that_was_unknown_is_noted_at_first_sight(journal: Journal) -> None:
    journal.wrote_ram("A", "limit", 20.0, None)
    assert journal.saw_flash("A", "limit", 100.0) == 20.0
    assert journal.saw_flash("A", "limit", 50.0) == 50.0


def test_falsy_ram_values_count(journal: Journal) -> None:
    journal.wrote_ram("A", "limit", 0.0, 100.0)
    journal.wrote_ram("A", "allowed", False, True)
    assert journal.saw_flash("A", "limit", 100.0) == 0.0
    assert journal.saw_flash("A", "allowed", True) is False


def test_a_flash_write_ends_the_ram_value(journal: Journal) -> None:
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    journal.wrote_flash("A", "limit")
    assert journal.saw_flash("A", "limit", 100.0) == 100.0


def test_a_restart_ends_all_ram_values_of_that_unit_only(journal: Journal) -> None:
    for serial in ("A", "AB"):
        journal.wrote_ram(serial, "limit", 20.0, 100.0)
        journal.wrote_ram(serial, "other", 1.0, 2.0)
    journal.forget_ram("A")
    assert journal.saw_flash("A", "limit", 100.0) == 100.0
    assert journal.saw_flash("A", "other", 2.0) == 2.0
    assert journal.saw_flash("AB", "limit", 100.0) == 20.0


def test_the_owner_hears_of_every_change(clock: Clock) -> None:
    heard = []
    journal = Journal(clock=clock, changed=lambda: heard.append(True))
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    journal.wrote_flash("A", "limit")
    journal.forget_ram("A")
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    assert len(heard) == 4
    journal.saw_flash("A", "limit", 100.0)
    assert len(heard) == 4
    journal.saw_flash("A", "limit", 99.0)
    assert len(heard) == 5


def test_round_trip_through_json(journal: Journal, clock: Clock) -> None:
    journal.wrote_ram("A", "limit", 20.0, 100.0)
    journal.wrote_ram("A", "mode", "floating", None)
    journal.wrote_ram("A", "allowed", True, False)
    for _ in range(FLASH_WRITES_PER_DAY):
        journal.wrote_flash("B", "limit")
    stored = json.loads(json.dumps(journal.as_dict()))
    again = Journal(clock=clock)
    again.load(stored)
    assert again.as_dict() == journal.as_dict() == stored
    assert again.saw_flash("A", "limit", 100.0) == 20.0
    with pytest.raises(WriteBudgetError):
        again.check_flash("B", "limit", "Limit")


GOOD = {"ram_value": 20.0, "ram_written_at": 1.0, "stored": 100.0}


@pytest.mark.parametrize(
    "strange",
    [
        None,
        5,
        "text",
        [],
        [["ram_value", 1]],
        {"unknown": 1},
        {1: 2},
        {"recent_flash_writes": None},
        {"recent_flash_writes": ["yesterday"]},
        {"recent_flash_writes": 5},
        {"flash_writes": "many"},
        {"ram_writes": None},
        {"ram_written_at": "today"},
    ],
    ids=str,
)
def test_what_is_stored_in_an_unknown_shape_is_left_out(journal: Journal, strange: Any) -> None:
    journal.load({"A/limit": strange, "B/limit": GOOD})
    assert journal.saw_flash("B", "limit", 100.0) == 20.0
    assert journal.saw_flash("A", "limit", 100.0) == 100.0
    journal.check_flash("A", "limit", "Limit")
    journal.wrote_flash("A", "limit")
    assert journal.entry("A", "limit").flash_writes == 1
    assert json.dumps(journal.as_dict())


def test_a_loaded_entry_does_not_share_its_list_with_the_store(journal: Journal, clock: Clock) -> None:
    stored = {"A/limit": {"flash_writes": 1, "recent_flash_writes": [clock.now]}}
    journal.load(stored)
    journal.wrote_flash("A", "limit")
    assert stored["A/limit"]["recent_flash_writes"] == [clock.now]


def test_how_long_ago_flash_was_written() -> None:
    now = [1e9]
    journal = Journal(clock=lambda: now[0])
    assert journal.since_flash("1", "limit") is None
    journal.wrote_flash("1", "limit")
    now[0] += 600
    journal.wrote_flash("1", "limit")
    now[0] += 50
    assert journal.since_flash("1", "limit") == 50
    assert journal.since_flash("2", "limit") is None
    now[0] -= 100
    assert journal.since_flash("1", "limit") == 0
    now[0] += 100_000
    assert journal.since_flash("1", "limit") is None
