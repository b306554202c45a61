"""The PI30 dialects: PI30, PI30 MAX, PI41, and as much of PI16 and Revo as their detection meets."""

import re
from collections.abc import Iterator

from . import readings
from .frames import first_with_checksum
from .inverter import SAME_VOLTAGE, STAGE_CODES, Inverter, Reply
from .plant import Live, energy_of_period
from .readings import View
from .settings import Settings

PV_LOSS, INVERTER_FAULT, LINE_FAIL = 0, 1, 5
UTILITY_FIRST, UTILITY_FIRST_SHIFTED = "0", "2"
UNRATED = ("230.0", "21.7", "230.0", "50.0", "21.7", "5000")
"""First ratings of a unit that does not tell them."""
_PERIOD = re.compile(r"Q([EL])([YMD])(\d{4}|\d{6}|\d{8})")
_PERIOD_DIGITS = {"Y": 4, "M": 6, "D": 8}
_GROUP = re.compile(r"QPGS(\d)")


class Pi30(Inverter):
    """One unit that speaks with blanks between the values."""

    refusal = Reply("(NAK")
    acceptance = Reply("(ACK")

    @property
    def comma(self) -> bool:
        """Return False: values are separated by blanks."""
        return False

    def answer(self, text: str) -> Reply | None:
        """Carry out a request."""
        if text in self.registers:
            return Reply("(" + self.data(text), self._end_of(text))
        match = _PERIOD.fullmatch(text)
        if match is not None and "QET" in self.registers and len(match[3]) == _PERIOD_DIGITS[match[2]]:
            energy = self.plant.solar_energy() if match[1] == "E" else self.plant.load_energy()
            return Reply("(" + self._counter(energy_of_period(energy, self.wall_clock, match[3])))
        if _GROUP.fullmatch(text) and "QPGS0" in self.registers:
            return Reply("(" + self._absent_member())
        settings = Settings(self)
        if settings.known(text):
            if self.faults.take("refused"):
                return self.wrote(text, accepted=False)
            return self.wrote(text, accepted=settings.apply(text))
        return self.unknown(text)

    def _end_of(self, query: str) -> str:
        if query == "QBMS" and self.quirks.bms_sum:
            return "sum and LF"
        return "sum" if query in ("QALL", "PQSE", "PSET", "PQSA") else "crc"

    # The battery's settings and the charger model

    def adopt_charger(self) -> None:
        """Write the charger model's settings into the ratings."""
        plant = self.charger_plant
        if plant is None or not self.registers.has("QPIRI", 22):
            return
        charger = plant.charger
        for index, value in (
            (7, charger.battery.nominal),
            (8, charger.recharge_voltage),
            (9, charger.cutoff_voltage),
            (10, charger.bulk_voltage),
            (11, charger.float_voltage),
            (14, charger.max_charge_current),
            (22, charger.redischarge_voltage),
        ):
            self.registers.put_number("QPIRI", index, value)
        if self._has_cv_time():
            self.registers.put_number("QPIRI", 25, charger.cv_minutes)

    def apply_to_charger(self) -> None:
        """Let the charger model work with the ratings as they are now."""
        plant = self.charger_plant
        if plant is None:
            return
        charger = plant.charger
        if not self.registers.has("QPIRI", 22):
            return
        charger.recharge_voltage, charger.cutoff_voltage = self._rating(8), self._rating(9)
        charger.bulk_voltage, charger.max_charge_current = self._rating(10), self._rating(14)
        charger.redischarge_voltage = self._rating(22)
        # A model counts every writing of its float voltage, so it is written only when it is another one.
        if abs(charger.float_voltage - self._rating(11)) > SAME_VOLTAGE:
            charger.float_voltage = self._rating(11)
        if self._has_cv_time():
            charger.cv_minutes = self._rating(25)

    def _rating(self, index: int) -> float:
        return float(self.registers.get("QPIRI", index))

    def _has_cv_time(self) -> bool:
        # Some clones have a number with a decimal point in this place, which is something else.
        return self.registers.has("QPIRI", 25) and "." not in self.registers.get("QPIRI", 25)

    # Answers

    def data(self, query: str) -> str:
        """Return the data of an answer, without its start byte."""
        self.apply_to_charger()
        data = self._live_data(query) if self.live else None
        if data is None:
            data = self.registers.text(query)
            if query == "QPIGS":
                data = self._overlaid(data)
        if query == "QPIRI" and not self.quirks.settings_changed_sticks:
            self.state.changed = False
        if query in ("QPIGS", "QPIRI"):
            data = self._faulty(query, data)
        if query in ("QID", "QSID"):
            data += "\0" * self.quirks.serial_padding
        return data

    def _overlaid(self, data: str) -> str:
        """Return a fixed status with the bit that tells of changed settings."""
        fields = data.split(" ")
        position = 7 if self.quirks.status_bits == "pi41" else 1
        if self.state.changed or self.quirks.settings_changed_sticks:
            bits = fields[16]
            fields[16] = bits[:position] + "1" + bits[position + 1 :]
        return " ".join(fields)

    def _faulty(self, query: str, data: str) -> str:
        """Show the faults that change status and ratings."""
        extra = self.faults.take("extra_fields")
        if extra is not None:
            data += " 7.5" * max(1, int(extra.argument or 1))
        if query != "QPIGS":
            return data
        if self.faults.take("five_digits"):
            fields = data.split(" ")
            fields[4], fields[5] = fields[4].zfill(5), fields[5].zfill(5)
            data = " ".join(fields)
        if "zero_in_crc" in self.faults:
            return first_with_checksum(_variants(data), b"\0", adjusted=True)[1:]
        if (unadjusted := self.unadjusted_byte()) is not None:
            return first_with_checksum(_variants(data), unadjusted, adjusted=False)[1:]
        return data

    def _live_data(self, query: str) -> str | None:
        live = self.plant.live()
        group = _GROUP.fullmatch(query)
        match query:
            case "QPIGS":
                return " ".join(readings.status(self.view(live), self.registers.fields(query)))
            case "QPIGS2":
                return " ".join(readings.status_2(self.view(live), self.registers.fields(query)))
            case "QMOD":
                return self._told_mode(live)
            case "QPIWS":
                return self._warnings(live, self.registers.text(query))
            case "QET":
                return self._counter(self.plant.solar_energy().total - self.state.solar_offset)
            case "QLT":
                return self._counter(self.plant.load_energy().total - self.state.load_offset)
            case "QT":
                return self.wall_clock.strftime("%Y%m%d%H%M%S")
            case "Q1":
                stage = STAGE_CODES[live.stage]
                return " ".join(readings.internals(self.view(live), self.registers.fields(query), stage))
            case "QID" | "QSID" if self.profile.members:
                serial = self.profile.members[self.member]
                return serial if query == "QID" else f"{len(serial):02d}{serial:0<20}"
            case "QP2GS0" if len(self.registers.fields(query)) == 17:
                fields = self.registers.fields(query)
                return " ".join(readings.second_leg(self.view(live), fields, fault_code=self.state.fault_code))
            case _ if group is not None:
                return self._group_member(live, query, int(group[1]))
        return None

    def view(self, live: Live) -> View:
        """Return the moment as this unit sees it."""
        ratings = self.registers.fields("QPIRI") if "QPIRI" in self.registers else list(UNRATED)
        return View(
            live,
            self.profile,
            self.quirks,
            rated_voltage=float(ratings[2]),
            rated_frequency=float(ratings[3]),
            rated_power=float(ratings[5]),
            changed=self.state.changed or self.quirks.settings_changed_sticks,
            mode=self.mode(live),
            share=1.0 / max(1, len(self.profile.members)),
            leg=0.5 if self.profile.family == "PI41" else 1.0,
        )

    def mode(self, live: Live) -> str:
        """Return the mode letter."""
        if self.state.fault_code:
            return "F"
        if self.state.mode is not None:
            return self.state.mode
        utility_first = UTILITY_FIRST_SHIFTED if self.quirks.shifted_priorities else UTILITY_FIRST
        if live.grid_connected and self.registers.has("QPIRI", 16) and live.mode == "B":
            return "L" if self.registers.get("QPIRI", 16) == utility_first else "B"
        return live.mode

    def _told_mode(self, live: Live) -> str:
        if self.state.powering_on:
            self.state.powering_on = False
            return "P"
        return self.mode(live)

    def _warnings(self, live: Live, template: str) -> str:
        positions = set(self.state.warnings)
        if not live.grid_connected:
            positions.add(LINE_FAIL)
        if self.quirks.pv_loss_warning and live.light <= 0.001:
            positions.add(PV_LOSS)
        if self.state.fault_code:
            positions.add(INVERTER_FAULT)
        return "".join("1" if index in positions else text for index, text in enumerate(template))

    def _group_member(self, live: Live, query: str, unit: int) -> str:
        members = self.profile.members
        own = not members or unit == self.member
        fields = readings.group_member(
            self.view(live),
            self.registers.fields(query),
            serial=members[unit] if unit < len(members) else None,
            fault_code=self.state.fault_code if own else 0,
            group=max(1, len(members)),
        )
        return " ".join(fields)

    def _absent_member(self) -> str:
        """Return the answer for a number that no unit of the group has."""
        fields = self.registers.fields("QPGS0")
        blank = [re.sub(r"\d", "0", text) for text in fields]
        blank[2] = "S"
        return " ".join(blank)

    def _counter(self, kilowatt_hours: float) -> str:
        step = self.quirks.energy_step
        count = int(kilowatt_hours * 1000 / self.quirks.energy_unit)
        return f"{count // step * step:08d}"


def _variants(data: str) -> Iterator[str]:
    """Return the status with slightly different grid and output voltages."""
    fields = data.split(" ")
    for count in range(10_000):
        fields[0], fields[2] = f"{230.0 + count % 100 / 10:05.1f}", f"{230.0 + count // 100 / 10:05.1f}"
        yield "(" + " ".join(fields)
