"""One unit behind the gateway: its registers, what it keeps of a write, and what a read may touch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..faults import Faults
from ..modbus import BAD_COUNT, FAILURE, UNDEFINED, ModbusError
from .behaviour import Behaviour, Order
from .plant import Plant
from .registers import Register, Value, limits, load, number_words, text_words, words_number, words_text

REFRESH_SECONDS = 20.0
REBOOT_SECONDS = 30.0
REBOOT, FACTORY = 0, 2
STANDBY, OPERATING = 2, 3
STATE_STANDBY, STATE_OPERATING, STATE_NO_DATA = 1, 3, 255
CLEAR_FAULTS, CLEAR_WARNINGS, CLEAR_ALL = 2, 8, 255
COMMANDS = ("reset", "clear", "refresh_configuration_data")
STATES = ("inverter_status", "charger_status")


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was acknowledged; ``kept`` tells whether it changed anything, or was so already."""

    unit: int
    address: int
    words: tuple[int, ...]
    key: str
    value: Value
    kept: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is."""

    name: str
    number: str
    """Product number."""
    unique: str
    serial: str
    firmware: str
    firmware_number: int = 0


class Device(ABC):
    """A unit with its own map; the subclasses know what it measures."""

    kind = ""
    """Name of its map."""

    def __init__(self, unit: int, identity: Identity, plant: Plant, behaviour: Behaviour, faults: Faults) -> None:
        """Begin with the settings of the table."""
        self.unit = unit
        self.identity = identity
        self.plant = plant
        self.behaviour = behaviour
        self.faults = faults
        self.map = load(self.map_name)
        self.overrides: dict[str, Value] = {}
        """What registers show instead of their own value, by key."""
        self.cleared: dict[str, int] = {}
        self.silent_until: datetime | None = None
        self._refresh_until: datetime | None = None
        self._refreshes = 1
        self._texts: dict[str, str] = {}
        self._stale: dict[str, Value] | None = None
        self.settings: dict[str, int] = {}
        """Raw values of all settings, by key."""
        self._restore()

    @property
    def map_name(self) -> str:
        """Return which table the device answers with."""
        return self.kind

    @abstractmethod
    def live(self) -> Mapping[str, Value]:
        """Return what is measured, by key, in the units of the map."""

    def settings_changed(self, key: str) -> None:
        """Act on a setting that has been written; most devices have nothing to do."""
        del key

    def _restore(self) -> None:
        """Take the settings of the factory and of the installer."""
        scale = self.behaviour.nominal / 48
        for register in self.map.by_key.values():
            if "w" not in register.access or register.text:
                continue
            default = limits(self.kind, register.key).default
            if register.key == "modbus_address":
                default = self.unit
            if default is None:
                default = register.value(register.values[0]) if register.values else 0.0
            elif _battery_volts(register):
                default *= scale
            self.settings[register.key] = register.raw(default)

    # Settings as numbers

    def setting(self, key: str) -> float:
        """Return a setting in its unit."""
        return self.map.by_key[key].value(self.settings[key])

    def put(self, key: str, value: float) -> None:
        """Change a setting at the device itself."""
        self.settings[key] = self.map.by_key[key].raw(value)
        self.settings_changed(key)

    # Reading

    def read(self, address: int, count: int, order: Order) -> list[int]:
        """Return registers; `ModbusError` for a block that touches what cannot be read."""
        if not 1 <= count <= self.behaviour.most_words:
            raise ModbusError(BAD_COUNT)
        end = address + count
        touched: dict[str, Register] = {}
        for at in range(address, end):
            if self._readable(at):
                touched[self.map.at[at].key] = self.map.at[at]
            elif not self._passable(at):
                raise ModbusError(UNDEFINED)
        if not touched:
            raise ModbusError(UNDEFINED)
        self._refuse(touched)
        values = self._values()
        words = []
        encoded = {key: self._words(register, values, order) for key, register in touched.items()}
        for at in range(address, end):
            register = self.map.at.get(at)
            readable = register is not None and self._readable(at)
            words.append(encoded[register.key][at - register.address] if register is not None and readable else 0)
        return words

    def _passable(self, address: int) -> bool:
        """Tell whether a read may pass over a register that is not there: one, between two that are (section 3)."""
        single = self._readable(address - 1) and self._readable(address + 1)
        return self.behaviour.single_holes and single and address not in self.map.at

    def _readable(self, address: int) -> bool:
        register = self.map.at.get(address)
        if register is None or "r" not in register.access or self._missing(register):
            return False
        number = register.key == "firmware_version" and self.behaviour.firmware == "number" and self.is_end_device
        return not number or address < register.address + 2

    @property
    def is_end_device(self) -> bool:
        """Tell whether it is no gateway."""
        return True

    def _missing(self, register: Register) -> bool:
        hole = self.faults.peek("hole")
        if hole is not None and register.address <= int(hole.argument or 0) < register.address + register.size:
            return True
        missing = self.behaviour.missing
        return register.key in missing or f"{self.kind}.{register.key}" in missing

    def _refuse(self, touched: Mapping[str, Register]) -> None:
        if "hardware_serial_number" in touched:
            code = FAILURE if "no_serial" in self.faults else self.behaviour.serial_code
            if code and self.is_end_device:
                raise ModbusError(code)
        if "unique_id_number" in touched and self.behaviour.unique_code and self.is_end_device:
            raise ModbusError(self.behaviour.unique_code)

    def _words(self, register: Register, values: Mapping[str, Value], order: Order) -> list[int]:
        value = values.get(register.key)
        if register.key == "firmware_version" and self.is_end_device and self.behaviour.firmware != "text":
            number = self.identity.firmware_number if self.behaviour.firmware == "number" else 0
            words = [number >> 16, number & 0xFFFF]
            return [*(words if order == "msb" else words[::-1]), *[0] * (register.size - 2)]
        if register.text:
            return text_words(register.size, str(value or ""), order)
        if isinstance(value, str):
            raise TypeError(f"{register.key} is no text")
        if value is None:
            ones = self.behaviour.unavailable == "ones"
            return number_words(register, (1 << 16 * register.size - register.signed) - 1 if ones else 0, order)
        return number_words(register, register.raw(value) if register.key not in self.settings else int(value), order)

    def _values(self) -> dict[str, Value]:
        """Return everything that the registers hold now; settings as raw numbers."""
        now = self.plant.now
        gone = self.gone
        frozen = gone or "frozen" in self.faults
        if not frozen:
            self._stale = None
        elif self._stale is None:
            self._stale = dict(self._measured())
        values = dict(self._stale) if self._stale is not None else dict(self._measured())
        values |= self.settings
        identity = self.identity
        values |= {
            "device_name": identity.name,
            "modbus_address": float(self.settings.get("modbus_address", self.unit)),
            "fga_number": identity.number,
            "unique_id_number": identity.unique,
            "firmware_version": identity.firmware,
            "hardware_serial_number": identity.serial,
            "configuration_status": 0.0 if self._refresh_until is not None and now < self._refresh_until else 1.0,
            "configuration_refresh_counter": float(self._refreshes),
            "configuration_errors": 0.0,
            "device_present": 0.0 if gone else 1.0,
        }
        values |= self._texts
        for key, value in self.overrides.items():
            register = self.map.by_key[key]
            values[key] = register.raw(value) if key in self.settings and not isinstance(value, str) else value
        return values

    @property
    def gone(self) -> bool:
        """Tell whether the device has left the network."""
        fault = self.faults.peek("device_gone")
        return (fault is not None and int(fault.argument or 0) == self.unit) or self.overrides.get(
            "device_present"
        ) == 0

    def _measured(self) -> Mapping[str, Value]:
        faults = self.faults
        if "all_ones" in faults:
            return {key: _ones(register) for key, register in self.map.by_key.items() if register.access == "r"}
        standby = self.settings.get("operating_mode") == STANDBY
        values: dict[str, Value] = {"device_state": STATE_STANDBY if standby else STATE_OPERATING, **self.live()}
        if not self.behaviour.temperature_sensor or "no_temperature" in faults:
            for key in ("battery_temperature", "battery_bank_1_temperature"):
                if key in values:
                    values[key] = -1000.0
        drop, jump = "counter_drop" in faults, faults.peek("counter_jump")
        for key, value in values.items():
            if key.endswith("_lifetime") and "energy" in key and not isinstance(value, str):
                values[key] = value * 0.9 if drop else value + (jump.argument or 0.0 if jump else 0.0)
        unknown = faults.peek("unknown_state")
        if unknown is not None:
            values |= {key: unknown.argument or 0.0 for key in STATES if key in values}
        bitmaps = self.bitmaps()
        values |= bitmaps
        shown = {**bitmaps, **{key: self.overrides[key] for key in self.overrides if "_bitmap_" in key}}
        for flag, word in (("active_faults_flag", "fault_"), ("active_warnings_flag", "warning_")):
            values[flag] = float(any(value for key, value in shown.items() if key.startswith(word)))
        return values

    def bitmaps(self) -> dict[str, Value]:
        """Return the words of faults and warnings."""
        return {key: 0.0 for key in self.map.by_key if "_bitmap_" in key}

    # Writing

    def write(self, address: int, words: list[int], order: Order) -> list[Write]:
        """Carry out a write and tell what came of it; `ModbusError` for registers that cannot be written."""
        at, end = address, address + len(words)
        touched: list[Register] = []
        while at < end:
            register = self.map.at.get(at)
            if register is None or "w" not in register.access or self._missing(register):
                raise ModbusError(UNDEFINED)
            touched.append(register)
            at = register.address + register.size
        done = []
        for register in touched:
            first = register.address - address
            part = words[max(0, first) : first + register.size]
            whole = first >= 0 and len(part) == register.size
            done.append(self._take(register, address + max(0, first), part, order, whole=whole))
        return done

    def _take(self, register: Register, address: int, words: list[int], order: Order, *, whole: bool) -> Write:
        dropped = self.faults.take("dropped_write") is not None or self.gone
        if not whole:
            # Half a number is acknowledged like everything else, and means nothing.
            return Write(self.unit, address, tuple(words), register.key, float(words[0]), kept=False)
        if register.text:
            text = words_text(words, order)
            if not dropped:
                self._texts[register.key] = text
            return Write(self.unit, address, tuple(words), register.key, text, kept=not dropped)
        raw = words_number(register, words, order)
        kept = not dropped and self._accepted(register, raw)
        if kept:
            self._keep(register, raw)
        return Write(self.unit, address, tuple(words), register.key, register.value(raw), kept=kept)

    def _accepted(self, register: Register, raw: int) -> bool:
        """Tell whether the device keeps a value; it tells nobody."""
        if register.key in COMMANDS:
            return not register.values or raw in register.values or register.key == "clear"
        if register.values and raw not in register.values:
            return False
        behaviour = self.behaviour
        standby = self.settings.get("operating_mode", STANDBY) == STANDBY
        if register.key in behaviour.standby_only and not standby and raw != self.settings.get(register.key):
            return False
        bounds = limits(self.kind, register.key)
        scale = behaviour.nominal / 48 if _battery_volts(register) else 1.0
        value = register.value(raw)
        low = -float("inf") if bounds.minimum is None else bounds.minimum * scale
        high = float("inf") if bounds.maximum is None else bounds.maximum * scale
        return low - register.scale / 2 <= value <= high + abs(register.scale) / 2

    def _keep(self, register: Register, raw: int) -> None:
        now = self.plant.now
        match register.key:
            case "reset":
                self.silent_until = now + timedelta(seconds=REBOOT_SECONDS)
                if raw == FACTORY:
                    self._restore()
            case "clear":
                for bit, word in ((CLEAR_FAULTS, "fault_"), (CLEAR_WARNINGS, "warning_")):
                    if raw in (bit, CLEAR_ALL):
                        self.overrides = {
                            key: value for key, value in self.overrides.items() if not key.startswith(f"{word}bitmap")
                        }
            case "refresh_configuration_data":
                self._refresh_until = now + timedelta(seconds=REFRESH_SECONDS)
                self._refreshes += 1
            case _:
                self.settings[register.key] = raw
                self.settings_changed(register.key)


def _ones(register: Register) -> Value:
    """Return the value whose registers are all ones."""
    if register.text:
        return ""
    return register.value((1 << 16 * register.size - register.signed) - 1)


def _battery_volts(register: Register) -> bool:
    """Tell whether a setting is a battery voltage, which depends on the nominal one."""
    key = register.key
    if register.scale != 0.001 or register.offset or "w" not in register.access:
        return False
    words = ("cut_out", "voltage_set_point", "recharge_voltage", "grid_support_voltage", "ac_support_voltage")
    triggers = ("low_battery_", "high_battery_", "starting_battery_voltage", "stop_voltage", "nominal_battery_voltage")
    return "temperature" not in key and "reactive" not in key and any(word in key for word in (*words, *triggers))
