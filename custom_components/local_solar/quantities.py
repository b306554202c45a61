"""The one table from what is measured to what Home Assistant calls it."""

from dataclasses import dataclass

from homeassistant.components.number import NumberDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass

from .solarlink.points import Counting, Quantity


@dataclass(frozen=True, slots=True)
class Look:
    """How one quantity is shown."""

    sensor: SensorDeviceClass | None = None
    number: NumberDeviceClass | None = None
    precision: int | None = None
    numeric: bool = True


LOOKS: dict[Quantity, Look] = {
    Quantity.POWER: Look(SensorDeviceClass.POWER, NumberDeviceClass.POWER, 0),
    Quantity.APPARENT_POWER: Look(SensorDeviceClass.APPARENT_POWER, NumberDeviceClass.APPARENT_POWER, 0),
    Quantity.REACTIVE_POWER: Look(SensorDeviceClass.REACTIVE_POWER, NumberDeviceClass.REACTIVE_POWER, 0),
    Quantity.ENERGY: Look(SensorDeviceClass.ENERGY, NumberDeviceClass.ENERGY, 2),
    Quantity.CHARGE: Look(precision=1),
    Quantity.VOLTAGE: Look(SensorDeviceClass.VOLTAGE, NumberDeviceClass.VOLTAGE, 1),
    Quantity.CELL_VOLTAGE: Look(SensorDeviceClass.VOLTAGE, NumberDeviceClass.VOLTAGE, 3),
    Quantity.CURRENT: Look(SensorDeviceClass.CURRENT, NumberDeviceClass.CURRENT, 1),
    Quantity.FREQUENCY: Look(SensorDeviceClass.FREQUENCY, NumberDeviceClass.FREQUENCY, 2),
    Quantity.TEMPERATURE: Look(SensorDeviceClass.TEMPERATURE, NumberDeviceClass.TEMPERATURE, 1),
    Quantity.STATE_OF_CHARGE: Look(SensorDeviceClass.BATTERY, NumberDeviceClass.BATTERY, 0),
    Quantity.PERCENTAGE: Look(precision=0),
    Quantity.POWER_FACTOR: Look(SensorDeviceClass.POWER_FACTOR, NumberDeviceClass.POWER_FACTOR, 2),
    Quantity.DURATION: Look(SensorDeviceClass.DURATION, NumberDeviceClass.DURATION, 0),
    Quantity.SIGNAL_STRENGTH: Look(SensorDeviceClass.SIGNAL_STRENGTH, NumberDeviceClass.SIGNAL_STRENGTH, 0),
    Quantity.STATE: Look(SensorDeviceClass.ENUM, numeric=False),
    Quantity.FLAG: Look(numeric=False),
    Quantity.PROBLEM: Look(numeric=False),
    Quantity.COUNT: Look(precision=0),
    Quantity.TEXT: Look(numeric=False),
    Quantity.TIME_OF_DAY: Look(numeric=False),
    Quantity.EVENT: Look(numeric=False),
    Quantity.TIMESTAMP: Look(SensorDeviceClass.TIMESTAMP, numeric=False),
}


def state_class(quantity: Quantity, counting: Counting) -> SensorStateClass | None:
    """What long-term statistics may be kept of it."""
    if not LOOKS[quantity].numeric:
        return None
    match counting:
        case Counting.TOTAL | Counting.TODAY:
            # A counter that starts again every day is still one to Home Assistant: it takes the step back as a reset.
            return SensorStateClass.TOTAL_INCREASING
        case Counting.PERIOD:
            return None
        case Counting.NOT:
            return None if quantity is Quantity.ENERGY else SensorStateClass.MEASUREMENT
