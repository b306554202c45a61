"""The settings of the PI30 dialects: which command writes which field, and what is refused (reference section 7)."""

import re
from collections.abc import Callable
from datetime import datetime

from .inverter import Inverter
from .profile import Quirks
from .ranges import allowed

type _Action = Callable[[re.Match[str]], bool]

USER_BATTERY = 2
STANDBY_MODES = "SFDP"


class Settings:
    """Carries out the set commands of one unit."""

    def __init__(self, inverter: Inverter) -> None:
        """Take the unit whose registers are written."""
        self._inverter = inverter
        self._registers = inverter.registers
        self._commands: list[tuple[re.Pattern[str], _Action]] = [
            (re.compile(pattern), action)
            for pattern, action in (
                (r"POP(\d\d)", lambda m: self._option(int(m[1]), "QPIRI", 16, self._quirks.output_priorities)),
                (r"PCP(\d\d)", lambda m: self._option(int(m[1]), "QPIRI", 17, self._quirks.charger_priorities)),
                (r"PPCP(\d)(\d\d)", self._member_priority),
                (r"PGR(\d\d)", lambda m: self._option(int(m[1]), "QPIRI", 15, (0, 1))),
                (r"PBT(\d\d)", self._battery_type),
                (r"(PBCV)(\d\d\.\d)", lambda m: self._voltage(m, 8)),
                (r"(PBDV)(\d\d\.\d)", lambda m: self._voltage(m, 22)),
                (r"(PSDV)(\d\d\.\d)", lambda m: self._voltage(m, 9, user_only=True)),
                (r"(PCVV)(\d\d\.\d)", lambda m: self._voltage(m, 10, user_only=True)),
                (r"(PBFT)(\d\d\.\d)", self._float_voltage),
                (r"PCVT(\d{3})", self._cv_time),
                (r"(MN?CHGC)(\d{3,4})", lambda m: self._current(m, 14, "QMCHGCR", self._quirks.charge_forms)),
                (r"(MUCHGC)(\d{3,4})", lambda m: self._current(m, 13, "QMUCHGCR", self._quirks.utility_forms)),
                (r"PBATMAXDISC(\d{3})", self._discharge_current),
                (r"PBATCD([01]{3})", self._battery_control),
                (r"POPLG(\d\d)", lambda m: self._option(int(m[1]), "QPIRI", 26, (0, 1, 2))),
                (r"PPVOKC(\d)", lambda m: self._option(int(m[1]), "QPIRI", 23, (0, 1))),
                (r"PSPB(\d)", lambda m: self._option(int(m[1]), "QPIRI", 24, (0, 1))),
                (r"(P[ED])([a-z]+)", self._flags),
                (r"PBEQE(\d)", lambda m: self._option(int(m[1]), "QBEQI", 0, (0, 1))),
                (r"PBEQT(\d{3})", lambda m: self._minutes(int(m[1]), 1)),
                (r"PBEQP(\d{3})", lambda m: int(m[1]) <= 90 and self._put("QBEQI", 2, int(m[1]))),
                (r"PBEQV(\d\d\.\d\d)", self._equalisation_voltage),
                (r"PBEQOT(\d{3})", lambda m: self._minutes(int(m[1]), 7)),
                (r"PBEQA(\d)", self._equalise_now),
                (r"F([56]0)", lambda m: self._in_standby("QPIRI", 3, float(m[1]))),
                (r"V(\d{3})", lambda m: self._output_voltage(float(m[1]))),
                (r"POPV(\d{4})", lambda m: self._output_voltage(float(m[1]) / 10)),
                (r"POPM(\d\d)", self._output_mode),
                (r"DAT(\d{12})", self._clock),
                (r"RTEY", lambda _: self._clear_energy()),
                (r"PF", lambda _: self._factory_reset()),
                (r"PDL(03|05|10|20|30|60)", lambda _: "QT" in self._registers),
                (r"ATE[01]", lambda _: True),
            )
        ]
        self._words = re.compile(
            r"(?:P(?:OP|CP|PCP|GR|BT|BCV|BDV|SDV|CVV|BFT|CVT|BATMAXDISC|BATCD|OPLG|PVOKC|SPB|E|D|BEQ|OPV|OPM|DL|F)"
            r"|MN?CHGC|MUCHGC|DAT|RTEY|ATE|F\d|V\d).*"
        )

    @property
    def _quirks(self) -> Quirks:
        return self._inverter.quirks

    def known(self, text: str) -> bool:
        """Tell whether this is a set command at all."""
        return self._words.fullmatch(text) is not None

    def apply(self, text: str) -> bool:
        """Carry out a set command; False when its value or the present state refuses it."""
        if text.startswith(tuple(self._quirks.refused_settings)) and self._quirks.refused_settings:
            return False
        for pattern, action in self._commands:
            match = pattern.fullmatch(text)
            if match is not None:
                return action(match)
        return False

    # Writing fields

    def _put(self, query: str, index: int, value: float) -> bool:
        if not self._registers.has(query, index):
            return False
        self._registers.put_number(query, index, value, self._quirks.apply_delay)
        return True

    def _option(self, value: int, query: str, index: int, options: tuple[int, ...]) -> bool:
        return value in options and self._put(query, index, value)

    def _number(self, index: int) -> float:
        return float(self._registers.get("QPIRI", index))

    def _voltage(self, match: re.Match[str], index: int, *, user_only: bool = False) -> bool:
        command, voltage = match[1], float(match[2])
        if user_only and self._quirks.user_battery_only and self._number(12) != USER_BATTERY:
            return False
        battery = self._inverter.profile.battery
        return allowed(self._quirks.ranges, command, battery, voltage) and self._put("QPIRI", index, voltage)

    def _float_voltage(self, match: re.Match[str]) -> bool:
        if self._quirks.float_above_bulk_refused and float(match[2]) > self._number(10) + 0.001:
            return False
        return self._voltage(match, 11, user_only=True)

    def _equalisation_voltage(self, match: re.Match[str]) -> bool:
        voltage, battery = float(match[1]), self._inverter.profile.battery
        return allowed(self._quirks.ranges, "PBEQV", battery, voltage) and self._put("QBEQI", 5, voltage)

    def _minutes(self, minutes: int, index: int) -> bool:
        return 5 <= minutes <= 900 and minutes % 5 == 0 and self._put("QBEQI", index, minutes)

    def _cv_time(self, match: re.Match[str]) -> bool:
        minutes = int(match[1])
        taken = minutes == 0 or (5 <= minutes <= 900 and minutes % 5 == 0)
        # Some clones have a number with a decimal point in this place, which is something else.
        if not taken or not self._registers.has("QPIRI", 25) or "." in self._registers.get("QPIRI", 25):
            return False
        return self._put("QPIRI", 25, minutes)

    def _current(self, match: re.Match[str], index: int, query: str, forms: tuple[str, ...]) -> bool:
        command, digits = match[1], match[2]
        form = command + ("nnn" if len(digits) == 3 else "0nnn")
        value, unit = int(digits[-3:]), int(digits[0]) if len(digits) == 4 else self._inverter.member
        if form not in forms or query not in self._registers:
            return False
        if value not in {int(text) for text in self._registers.fields(query) if text}:
            return False
        if unit != self._inverter.member:
            # Another unit of the group took it.
            return unit < len(self._inverter.profile.members)
        member = {14: 22, 13: 24}[index]
        group = f"QPGS{self._inverter.member}"
        if self._registers.has(group, member):
            self._put(group, member, value)
        return self._put("QPIRI", index, value)

    def _discharge_current(self, match: re.Match[str]) -> bool:
        value = int(match[1])
        return (value == 0 or (30 <= value <= 150 and value % 10 == 0)) and self._put("QPIRI", 27, value)

    def _battery_control(self, match: re.Match[str]) -> bool:
        if "QBATCD" not in self._registers or match[1] == "001":
            return False
        self._registers.put("QBATCD", 0, match[1], self._quirks.apply_delay)
        return True

    def _member_priority(self, match: re.Match[str]) -> bool:
        unit, value = int(match[1]), int(match[2])
        if value not in self._quirks.charger_priorities or not self._put(f"QPGS{unit}", 21, value):
            return False
        return unit != self._inverter.member or self._put("QPIRI", 17, value)

    def _battery_type(self, match: re.Match[str]) -> bool:
        value = int(match[1])
        if not self._option(value, "QPIRI", 12, self._quirks.battery_types):
            return False
        if value < USER_BATTERY and "QDI" in self._registers:
            # The types with a fixed charge bring their own voltages.
            self._put("QPIRI", 10, float(self._registers.get("QDI", 5)))
            self._put("QPIRI", 11, float(self._registers.get("QDI", 4)))
        return True

    def _flags(self, match: re.Match[str]) -> bool:
        enabled, _, disabled = self._registers.text("QFLAG")[1:].partition("D")
        on, off = set(enabled), set(disabled)
        letters = set(match[2])
        if not letters <= on | off:
            return False
        on, off = (on | letters, off - letters) if match[1] == "PE" else (on - letters, off | letters)
        text = "E" + "".join(sorted(on)) + "D" + "".join(sorted(off))
        self._registers.put("QFLAG", 0, text, self._quirks.apply_delay)
        return True

    def _equalise_now(self, match: re.Match[str]) -> bool:
        if not self._registers.has("QBEQI", 0):
            return False
        if match[1] == "1" and self._registers.get("QBEQI", 0) != "1":
            return False
        return self._option(int(match[1]), "QBEQI", 8, (0, 1))

    # Rarely and dangerously

    def _standby(self) -> bool:
        mode = self._inverter.state.mode or self._inverter.plant.live().mode
        return mode in STANDBY_MODES

    def _in_standby(self, query: str, index: int, value: float) -> bool:
        return self._standby() and self._put(query, index, value)

    def _output_voltage(self, voltage: float) -> bool:
        low = self._number(2) < 150
        taken = (110.0, 115.0, 120.0, 127.0) if low else (208.0, 220.0, 230.0, 240.0)
        return voltage in taken and self._in_standby("QPIRI", 2, voltage)

    def _output_mode(self, match: re.Match[str]) -> bool:
        if "QOPM" not in self._registers or not self._standby() or int(match[1]) > 7:
            return False
        self._registers.put("QOPM", 0, match[1])
        return self._put("QPIRI", 21, int(match[1]))

    def _clock(self, match: re.Match[str]) -> bool:
        if "QT" not in self._registers:
            return False
        try:
            told = datetime.strptime(match[1], "%y%m%d%H%M%S")  # noqa: DTZ007 - the unit has no zone
        except ValueError:
            return False
        self._inverter.state.clock_offset = told - self._inverter.plant.now
        return True

    def _clear_energy(self) -> bool:
        if "QET" not in self._registers:
            return False
        self._inverter.state.solar_offset = self._inverter.plant.solar_energy().total
        self._inverter.state.load_offset = self._inverter.plant.load_energy().total
        return True

    def _factory_reset(self) -> bool:
        if "QDI" not in self._registers:
            return False
        for default, index in ((2, 13), (3, 9), (4, 11), (5, 10), (6, 8), (7, 14), (8, 15), (9, 16), (10, 17)):
            self._put("QPIRI", index, float(self._registers.get("QDI", default)))
        self._put("QPIRI", 12, float(self._registers.get("QDI", 11)))
        self._put("QPIRI", 22, float(self._registers.get("QDI", 22)))
        return True
