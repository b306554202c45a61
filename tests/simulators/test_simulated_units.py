"""Units that come, go, are replaced or change places while everything runs, and the switches for the unconfirmed."""

import math
from struct import iter_unpack, pack

import pytest

from simulators.studer import StuderSimulator
from tests.simulators.conftest import Installation
from tests.simulators.scom import GUID, MESSAGE, MULTI, READ, ask, f32, i32, info, read, request, write
from tests.simulators.wire import Client

IDENTITY = {
    101: (3124, 3130, 3131, 3156, 3157),
    301: (11047, 11050, 11051, 11067, 11068),
    601: (7034, 7037, 7038, 7048, 7049),
    701: (15074, 15077, 15078, 15102, 15103),
}
"""Numbers of type, software high and low, FID high and low, by first address of the family."""


async def _who(client: Client, address: int) -> tuple[int, str, str]:
    """Return type code, software and FID as the wire tells them."""
    first = next(known for known in sorted(IDENTITY, reverse=True) if address >= known)
    kind, high, low, fid_high, fid_low = [
        int((await info(client, address, number)).value) for number in IDENTITY[first]
    ]
    return kind, f"{high >> 8}.{low >> 8}.{low & 0xFF}", f"{fid_high << 16 | fid_low:08X}"


async def _sum(client: Client, number: int, aggregation: int = 0xFE) -> float:
    answer = await ask(client, request(501, READ, MULTI, 1, 7, pack("<HB", number, aggregation)))
    return float(next(iter_unpack("<HBf", answer.data[8:]))[2])


@pytest.mark.parametrize("battery", ["bms", "bsp"])
async def test_every_kind_of_unit_has_its_own_identity(installation: Installation, battery: str) -> None:
    _, client = await installation(xtenders=9, variotracks=15, variostrings=15, battery=battery)
    found = {
        address: await _who(client, address) for address in (*range(101, 110), *range(301, 316), 601, *range(701, 716))
    }
    assert {software for _, software, _ in found.values()} == {"1.6.78"}
    assert len({fid for _, _, fid in found.values()}) == 40
    assert {kind for kind, _, _ in found.values()} == {256, 9729, 10241, 12801}
    guid = await ask(client, request(501, READ, GUID, 0, 0))
    assert len(guid.data) == 16


async def test_other_models(installation: Installation) -> None:
    sim, client = await installation(type_codes={"xt": 512, "vs": 13057})
    assert ((await _who(client, 102))[0], (await _who(client, 702))[0]) == (512, 13057)
    # A VS-70 takes its charge current from another parameter.
    await write(client, 701, 14217, f32(33))
    assert sim.house.arrays[0].charge_current_limit == 33


async def test_a_replaced_unit_is_another_with_default_settings(installation: Installation) -> None:
    sim, client = await installation()
    await write(client, 101, 1107, f32(16), 5)
    await write(client, 101, 1607, f32(50))
    before = await _who(client, 101)
    sim.replace_unit(101, software=(1, 6, 90))
    after = await _who(client, 101)
    assert (after[0], after[1]) == (before[0], "1.6.90")
    assert after[2] not in {before[2], (await _who(client, 102))[2]}
    assert (await read(client, 101, 1107)).value == 32
    assert sim.ram == {}
    sim.replace_unit(102, fid=0xABCDEF01, type_code=1)
    assert await _who(client, 102) == (1, "1.6.78", "ABCDEF01")


async def test_swapped_units_take_their_settings_along(installation: Installation) -> None:
    sim, client = await installation()
    one, other = await _who(client, 701), await _who(client, 702)
    await write(client, 701, 14001, f32(44), 5)
    sim.swap_units(701, 702)
    assert (await _who(client, 701), await _who(client, 702)) == (other, one)
    assert (await read(client, 702, 14001)).value == 44
    assert (await read(client, 701, 14001)).value != 44
    with pytest.raises(ValueError, match="one family"):
        sim.swap_units(101, 701)


async def test_added_and_removed_units(installation: Installation) -> None:
    sim, client = await installation()
    assert (await info(client, 103, 3000)).code == 0x02
    added = sim.add_unit("xt", phase=3)
    assert (added.address, (await info(client, 103, 3089)).value) == (103, 4)
    last = await _who(client, 103)
    sim.set_info(101, 3136, 1.0)
    sim.set_info(102, 3136, 2.0)
    sim.set_info(103, 3136, 4.0)
    assert await _sum(client, 3136) == 7
    assert await _sum(client, 3136, 0xFD) == pytest.approx(7 / 3)
    sim.remove_unit(102)
    assert await _who(client, 102) == last
    assert (await info(client, 103, 3000)).code == 0x02
    sim.remove_unit(701, close_gap=False)
    assert (await info(client, 701, 15000)).code == 0x02
    assert not (await info(client, 702, 15000)).error
    sim.remove_unit(601)
    sim.add_unit("bsp")
    assert not (await info(client, 601, 7034)).error
    with pytest.raises(ValueError, match="taken"):
        sim.add_unit("bms")


async def test_family_totals_of_a_moving_house(installation: Installation) -> None:
    sim, client = await installation(xtenders=3, variostrings=2)
    for _ in range(5):
        sim.house.advance(600)
        assert await _sum(client, 3136) == pytest.approx(sim.house.load_power / 1000, rel=1e-5)
        assert await _sum(client, 3137) == pytest.approx(sim.house.grid.power / 1000, rel=1e-5)
        assert await _sum(client, 15010) == pytest.approx(sim.house.solar_power / 1000, rel=1e-5)
        assert await _sum(client, 3083) == pytest.approx(sim.house.counters.load.today, rel=1e-5)


async def test_a_stopped_unit_in_a_multiple_read(installation: Installation) -> None:
    sim, client = await installation()
    sim.stop_unit(102)
    assert math.isnan(await _sum(client, 3136))
    assert not math.isnan(await _sum(client, 3000, 1))


# Switches


async def _send(sim: StuderSimulator, client: Client, source: int) -> bytes:
    return await client.ask(request(101, READ, 1, 3000, 1, source=source), 0.05)


async def test_a_gateway_that_hears_source_one_only(installation: Installation) -> None:
    sim, client = await installation(any_source=False)
    assert await _send(sim, client, 4001) == b""
    assert await _send(sim, client, 1) != b""
    assert len(sim.requests) == 1


async def test_writes_to_address_zero(installation: Installation) -> None:
    sim, client = await installation()
    assert (await write(client, 0, 1107, f32(10))).code == 0x02
    sim, client = await installation(broadcast_writes=True)
    assert not (await write(client, 0, 1107, f32(10))).error
    assert sim.ram == {(101, 1107): 10, (102, 1107): 10}


async def test_property_13_may_show_ram(installation: Installation) -> None:
    _, client = await installation(unsaved_shows_ram=True)
    await write(client, 101, 1107, f32(10))
    assert ((await read(client, 101, 1107)).value, (await read(client, 101, 1107, 13)).value) == (32, 10)


async def test_values_may_be_adapted_silently(installation: Installation) -> None:
    sim, client = await installation(adapts=True)
    await write(client, 101, 1107, f32(99))
    await write(client, 601, 6062, f32(99), 5)
    assert sim.effective(101, 1107) == 50
    assert (await read(client, 601, 6062)).value == sim.flash(601, 6063) - 1


@pytest.mark.parametrize(("number", "other"), [(7072, 7022), (7022, 7072)])
async def test_state_of_charge_of_a_minigrid(installation: Installation, number: int, other: int) -> None:
    sim, client = await installation(minigrid_number=number)
    assert (await info(client, 601, number)).value == pytest.approx(sim.house.battery.soc)
    assert (await info(client, 601, other)).code == 0x22


async def test_a_bms_without_identity(installation: Installation) -> None:
    _, client = await installation(bms_identity=False)
    assert (await info(client, 601, 7048)).code == 0x26
    assert not (await info(client, 601, 7054)).error


async def test_user_level(installation: Installation) -> None:
    _, client = await installation()
    assert (await read(client, 501, 5012)).code == 0x2C
    _, client = await installation(user_level=True)
    assert (await read(client, 501, 5012)).data == b"\x10\0\0\0"


async def test_what_the_bms_manages(installation: Installation) -> None:
    sim, client = await installation(bms_owns_charge_current=True)
    assert not (await write(client, 101, 1138, f32(10))).error
    message = await ask(client, request(501, READ, MESSAGE, 0, 0))
    assert (int.from_bytes(message.data[4:6], "little"), int.from_bytes(message.data[6:10], "little")) == (174, 101)
    assert sim.house.settings.grid_charge_current == 120
    _, client = await installation(bms_refuses_charge_current=True)
    assert (await write(client, 101, 1138, f32(10))).code == 0x2B
    assert not (await write(client, 601, 6069, f32(10))).error
    _, client = await installation(bms_refuses_charge_current=True, battery="bsp")
    assert not (await write(client, 101, 1138, f32(10))).error


async def test_messages_of_all_kinds(installation: Installation) -> None:
    sim, client = await installation()
    for number in range(229):
        sim.add_message(number, 701, timestamp=1_700_000_000 + number)
    got = []
    for index in range(229):
        answer = await ask(client, request(501, READ, MESSAGE, index, 0))
        total, kind, source, when, _ = next(iter_unpack("<IHIIi", answer.data))
        assert (total, source, when) == (229, 701, 1_700_000_000 + kind)
        got.append(kind)
    assert got == list(range(228, -1, -1))
    assert (await ask(client, request(501, READ, MESSAGE, 229, 0))).code == 0x22
    await write(client, 501, 5035, i32(1))
    assert (await ask(client, request(501, READ, MESSAGE, 0, 0))).code == 0x22
