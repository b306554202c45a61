"""The comma dialects: PI18 in full, PI17 as far as its detection meets it."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from .frames import first_with_checksum
from .inverter import SAME_VOLTAGE, Inverter, Reply
from .plant import energy_of_period
from .registers import shaped

MODES = {"P": "00", "S": "01", "Y": "02", "B": "03", "F": "04", "L": "05"}
_PERIOD = re.compile(r"\^P\d{3}E([YMD])(\d{4}|\d{6}|\d{8})")
_FLAG_LETTERS = "ABCDEFGHI"
GS, PIRI, FLAG, MOD, ET, CLOCK = "^P005GS", "^P007PIRI", "^P007FLAG", "^P006MOD", "^P005ET", "^P004T"
SAME_AS = {"^P007ACCT": "^P005ACCT", "^P007ACLT": "^P005ACLT"}
"""The queries of the time windows as the rule of the length makes them, and as they are published."""


class Pi18(Inverter):
    """One unit that speaks with commas between the values."""

    refusal = Reply("^0")
    acceptance = Reply("^1")

    @property
    def comma(self) -> bool:
        """Return True."""
        return True

    def answer(self, text: str) -> Reply | None:
        """Carry out a request."""
        text = SAME_AS.get(text, text)
        if text in self.registers:
            return self._data(text)
        if not self._length_is_right(text):
            return self.unknown(text)
        period = _PERIOD.fullmatch(text)
        if period is not None and ET in self.registers:
            return self._reply(self._counter(energy_of_period(self.plant.solar_energy(), self.wall_clock, period[2])))
        if text.startswith("^S"):
            if self.faults.take("refused"):
                return self.wrote(text, accepted=False)
            return self.wrote(text, accepted=self._apply(text[5:]))
        return self.unknown(text)

    def _length_is_right(self, text: str) -> bool:
        """Tell whether the length in the header is that of the command with its checksum and CR."""
        if re.match(r"\^[PS]\d{3}", text) is None:
            return False
        # The commands of the time windows are written with a length that is 2 too small.
        lengths = (len(text) - 2, len(text) - 4 if text[5:9] in ("ACCT", "ACLT") else len(text) - 2)
        return int(text[2:5]) in lengths

    @staticmethod
    def _reply(data: str) -> Reply:
        return Reply(f"^D{len(data) + 3:03d}{data}")

    # The charger model

    def adopt_charger(self) -> None:
        """Write the charger model's settings into the ratings."""
        plant = self.charger_plant
        if plant is None or not self.registers.has(PIRI, 15):
            return
        charger = plant.charger
        for index, value in (
            (7, 10 * charger.battery.nominal),
            (8, 10 * charger.recharge_voltage),
            (9, 10 * charger.redischarge_voltage),
            (10, 10 * charger.cutoff_voltage),
            (11, 10 * charger.bulk_voltage),
            (12, 10 * charger.float_voltage),
            (15, charger.max_charge_current),
        ):
            self.registers.put_number(PIRI, index, value)

    def apply_to_charger(self) -> None:
        """Let the charger model work with the ratings as they are now."""
        plant = self.charger_plant
        if plant is None or not self.registers.has(PIRI, 15):
            return
        charger, ratings = plant.charger, [int(text) for text in self.registers.fields(PIRI)[:16]]
        charger.recharge_voltage, charger.redischarge_voltage = ratings[8] / 10, ratings[9] / 10
        charger.cutoff_voltage, charger.bulk_voltage = ratings[10] / 10, ratings[11] / 10
        charger.max_charge_current = float(ratings[15])
        if abs(charger.float_voltage - ratings[12] / 10) > SAME_VOLTAGE:
            charger.float_voltage = ratings[12] / 10

    # Answers

    def _data(self, query: str) -> Reply:
        self.apply_to_charger()
        data = self._live_data(query) if self.live else None
        if data is None:
            fields = self.registers.fields(query)
            if query == GS and self.state.changed:
                fields[20] = "1"
            data = ",".join(fields)
        if query == PIRI and not self.quirks.settings_changed_sticks:
            self.state.changed = False
        extra = self.faults.take("extra_fields") if query in (GS, PIRI) else None
        if extra is not None:
            data += ",7" * max(1, int(extra.argument or 1))
        if query == GS and "zero_in_crc" in self.faults:
            return Reply(first_with_checksum(self._variants(data), b"\0", adjusted=True))
        if query == GS and (unadjusted := self.unadjusted_byte()) is not None:
            return Reply(first_with_checksum(self._variants(data), unadjusted, adjusted=False))
        return self._reply(data)

    def _variants(self, data: str) -> Iterator[str]:
        """Return the status with slightly different grid and output voltages."""
        fields = data.split(",")
        for count in range(10_000):
            fields[0], fields[2] = f"{2300 + count % 100:04d}", f"{2300 + count // 100:04d}"
            yield self._reply(",".join(fields)).text

    def _live_data(self, query: str) -> str | None:
        if query == GS:
            return ",".join(self._status())
        if query == MOD:
            return MODES.get(self._mode(), "01")
        if query == ET:
            return self._counter(self.plant.solar_energy().total - self.state.solar_offset)
        if query == CLOCK:
            return self.wall_clock.strftime("%Y%m%d%H%M%S")
        if query in ("^P005FWS", "^P006FWS"):
            fields = self.registers.fields(query)
            fields[0] = f"{self.state.fault_code:02d}"
            if not self.plant.live().grid_connected:
                fields[1] = "1"
            return ",".join("1" if index in self.state.warnings else text for index, text in enumerate(fields))
        return None

    def _mode(self) -> str:
        if self.state.powering_on:
            self.state.powering_on = False
            return "P"
        if self.state.fault_code:
            return "F"
        return self.state.mode or self.plant.live().mode

    def _status(self) -> list[str]:
        live, fields = self.plant.live(), self.registers.fields(GS)
        ratings = self.registers.fields(PIRI)
        rated = int(ratings[2]) / 10
        mode = "F" if self.state.fault_code else self.state.mode or live.mode
        load = 0.0 if mode in "SFP" else live.load_power
        grid = live.grid_voltage / 230.0 * rated if live.grid_connected else 0.0
        second = len(ratings) > 24 and ratings[24] == "2"
        powers = live.solar if second else (live.solar_power, 0.0)
        voltage = (self.profile.pv_voltage or 240.0) if live.light > 0.001 else 0.0
        values: dict[int, float] = {
            0: 10 * grid,
            1: 10 * live.grid_frequency if live.grid_connected else 0.0,
            2: 0.0 if mode in "SFP" else 10 * (grid if mode == "L" else rated),
            3: 0.0 if mode in "SFP" else 10 * (live.grid_frequency if mode == "L" else 50.0),
            4: load / 0.93,
            5: load,
            6: 100 * load / 0.93 / (int(ratings[5]) or 1),
            7: 10 * live.battery_voltage,
            10: live.discharge_current,
            11: live.charge_current,
            12: live.state_of_charge,
            13: live.temperature,
            16: powers[0],
            17: powers[1],
            18: 10 * voltage,
            19: 9.6 * voltage if second else 0.0,
            20: 1 if self.state.changed or self.quirks.settings_changed_sticks else 0,
            21: 2 if powers[0] > 5 else 1 if live.light > 0.001 else 0,
            22: 2 if powers[1] > 5 else 0,
            23: 0 if mode in "SFP" else 1,
            24: 1 if live.charge_current > 0.5 else 2 if live.discharge_current > 0.5 else 0,
            25: 1 if live.utility_charge_current > 0.5 else 2 if mode == "B" else 0,
            26: 2 if live.feed_power > 20 else 1 if mode == "L" else 0,
        }
        return [shaped(text, values[index]) if index in values else text for index, text in enumerate(fields)]

    def _counter(self, kilowatt_hours: float) -> str:
        return f"{int(kilowatt_hours * 1000 / self.quirks.energy_unit):08d}"

    # Settings

    def _apply(self, command: str) -> bool:
        """Carry out a set command without its header (reference section 9)."""
        if any(command.startswith(name) for name in self.quirks.refused_settings):
            return False
        actions: tuple[tuple[str, Callable[[re.Match[str]], bool]], ...] = (
            (r"LON([01])", self._load_switch),
            (r"(P[ED])([A-I])", self._flag),
            (r"MCHGC(\d),(\d{3})", lambda m: self._current(m, 15, "^P009MCHGCR")),
            (r"MUCHGC(\d),(\d{3})", lambda m: self._current(m, 14, "^P010MUCHGCR")),
            (r"MCHGV(\d{3}),(\d{3})", self._charge_voltages),
            (r"BUCD(\d{3}),(\d{3})", self._grid_voltages),
            (r"PSDV(\d{3})", lambda m: 400 <= int(m[1]) <= 480 and self._put(10, int(m[1]))),
            (r"POP(\d)", lambda m: m[1] in "01" and self._put(17, int(m[1]))),
            (r"PCP(\d),(\d)", lambda m: m[1] == "0" and m[2] in "012" and self._put(18, int(m[2]))),
            (r"PSP(\d)", lambda m: m[1] in "01" and self._put(23, int(m[1]))),
            (r"PGR(\d)", lambda m: m[1] in "01" and self._put(16, int(m[1]))),
            (r"PBT(\d)", lambda m: m[1] in "012" and self._put(13, int(m[1]))),
            (r"DAT(\d{12})", self._set_clock),
            (r"(ACCT|ACLT)(\d{4},\d{4})", self._window),
            (r"CLE", lambda _: self._clear_energy()),
        )
        for pattern, action in actions:
            match = re.fullmatch(pattern, command)
            if match is not None:
                return action(match)
        return False

    def _put(self, index: int, value: int) -> bool:
        if not self.registers.has(PIRI, index):
            return False
        self.registers.put_number(PIRI, index, value, self.quirks.apply_delay)
        return True

    def _load_switch(self, match: re.Match[str]) -> bool:
        self.state.mode = "S" if match[1] == "0" else None
        return True

    def _flag(self, match: re.Match[str]) -> bool:
        index = _FLAG_LETTERS.index(match[2])
        if not self.registers.has(FLAG, index):
            return False
        self.registers.put(FLAG, index, "1" if match[1] == "PE" else "0", self.quirks.apply_delay)
        return True

    def _current(self, match: re.Match[str], index: int, query: str) -> bool:
        if match[1] != "0" or query not in self.registers:
            return False
        listed = {int(text) for text in self.registers.fields(query)}
        return int(match[2]) in listed and self._put(index, int(match[2]))

    def _charge_voltages(self, match: re.Match[str]) -> bool:
        bulk, float_voltage = int(match[1]), int(match[2])
        if not (480 <= float_voltage <= bulk <= 584):
            return False
        return self._put(11, bulk) and self._put(12, float_voltage)

    def _grid_voltages(self, match: re.Match[str]) -> bool:
        recharge, redischarge = int(match[1]), int(match[2])
        if recharge not in range(440, 511, 10) or redischarge not in (0, *range(480, 581, 10)):
            return False
        return self._put(8, recharge) and self._put(9, redischarge)

    def _set_clock(self, match: re.Match[str]) -> bool:
        try:
            told = datetime.strptime(match[1], "%y%m%d%H%M%S")  # noqa: DTZ007 - the unit has no zone
        except ValueError:
            return False
        self.state.clock_offset = told - self.plant.now
        return CLOCK in self.registers

    def _window(self, match: re.Match[str]) -> bool:
        query = f"^P005{match[1]}"
        if query not in self.registers:
            return False
        for index, text in enumerate(match[2].split(",")):
            self.registers.put(query, index, text, self.quirks.apply_delay)
        return True

    def _clear_energy(self) -> bool:
        self.state.solar_offset = self.plant.solar_energy().total
        return True
